"""The vault is sealed under one master key, and who holds another one is told so at once, before anything is done."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from domain_model.errors import OperationFailed, OperationInvalid
from domain_model.flags import Start
from drivers.simulator import SimulatorDriver
from revisor.backups import back_up
from revisor.composition import master_key_of
from revisor.settings import Settings
from revisor.status import StatusReader
from revisor.store import sealing
from revisor.store.database import Database
from revisor.store.vault import Vault
from tests.integration.product import ALICE, WEB, Product
from tests.lab.awaiting import eventually

OURS, OTHER = b"k" * 32, b"x" * 32
SECRET = WEB.replace("</devices>", "<graphics type='vnc' passwd='hunter2'/></devices>")


def with_a_secret(product: Product) -> None:
    """``web`` gets a password."""
    placed = product.queries.find_placements("web")[0]
    xml = SECRET.replace("<name>web</name>", f"<name>web</name><uuid>{placed.uuid}</uuid>")
    assert product.define(xml=xml)["state"] == "succeeded"


def rekeyed(product: Product) -> None:
    """As if Revisor ran with another master key than the vault was sealed under."""
    product.application.vault = Vault(product.database, OTHER)


def seal(database: Database, key: bytes) -> None:
    Vault(database, key).redact(uuid4(), SECRET)


@pytest.mark.parametrize(("verb", "arguments"), [("replay", {"to": "beta"}), ("start", {}), ("undefine", {})])
def test_an_operation_whose_secrets_cannot_be_opened_fails_before_the_hypervisor_is_touched(
    product: Product, verb: str, arguments: dict[str, str]
) -> None:
    product.add_host("beta")
    with_a_secret(product)
    rekeyed(product)

    ended = product.settle(product.service.act("web", None, verb, arguments, ALICE))

    assert ended["state"] == "failed"
    assert "a secret cannot be opened: the master key is not the one it was sealed with" in ended["error"]["message"]
    topics = [entry["topic"] for entry in product.service.log("web", None, 100)]
    assert topics[-2:] == ["operation.requested", "operation.failed"]
    assert [item["state"] for item in product.service.domains(all_domains=True, host=None)] == ["shut off"]


def test_a_host_whose_secrets_cannot_be_opened_is_a_problem_and_its_agent_goes_on(
    product: Product, tmp_path: Path
) -> None:
    with_a_secret(product)
    rekeyed(product)
    uuid = product.queries.find_placements("web")[0].uuid
    SimulatorDriver(tmp_path / "alpha.sqlite", "alpha").start(str(uuid), Start.NONE)
    product.agents["alpha"].run_once(float("inf"))
    (host,) = StatusReader(product.database).read().hosts
    assert "a secret cannot be opened" in (host.problem or "")


def test_a_definition_is_not_shown_with_secrets_that_cannot_be_opened(product: Product) -> None:
    with_a_secret(product)
    rekeyed(product)
    with pytest.raises(OperationFailed, match="a secret cannot be opened") as refused:
        product.service.domain_xml("web", None, ALICE, inactive=True, security_info=True)
    assert refused.value.number == 9
    assert "hunter2" not in product.service.domain_xml("web", None, ALICE, inactive=True, security_info=False)


def test_a_vault_never_holds_keys_under_two_master_keys(database: Database) -> None:
    seal(database, OURS)
    with pytest.raises(OperationFailed, match="not the one the vault is sealed under"):
        seal(database, OTHER)
    seal(database, OURS)
    assert keys_in(database) == 2


def test_of_two_revisors_with_keys_of_their_own_one_fills_an_empty_vault(
    application_dsn: str, database: Database
) -> None:
    domain = uuid4()
    with psycopg.connect(application_dsn) as other, ThreadPoolExecutor(1) as thread:
        sealed = sealing.seal(OTHER, b"of the domain", domain.bytes)
        other.execute("INSERT INTO work.vault_keys VALUES (%s, %s)", (domain, sealed))
        ours = thread.submit(seal, database, OURS)
        eventually(lambda: ours.done() or waits_for_the_vault(database), what="we are second")
        other.commit()
        with pytest.raises(OperationFailed, match="not the one the vault is sealed under"):
            ours.result()
    assert keys_in(database) == 1


def waits_for_the_vault(database: Database) -> bool:
    query = "SELECT FROM pg_locks WHERE relation = 'work.vault_keys'::regclass AND NOT granted"
    return bool(database.fetch(query))


def keys_in(database: Database) -> int:
    return len(database.fetch("SELECT FROM work.vault_keys"))


def test_whoever_opens_a_vault_must_have_its_key(database: Database, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = master_key_of(settings, database)
    settings.master_key.unlink()
    assert master_key_of(settings, database) != first, "nothing is sealed yet, so nothing is lost"
    seal(database, master_key_of(settings, database))

    settings.master_key.rename(tmp_path / "elsewhere")
    with pytest.raises(OperationInvalid, match=r"master\.key is not there"):
        master_key_of(settings, database)
    settings.master_key.write_bytes(OTHER)
    with pytest.raises(OperationInvalid, match=r"master\.key is another one"):
        master_key_of(settings, database)
    master_key_of(Settings(home=tmp_path, master_key_file=tmp_path / "elsewhere"), database)


def test_a_backup_of_secrets_that_nobody_could_open_is_refused(
    application_dsn: str, database: Database, tmp_path: Path
) -> None:
    seal(database, OURS)
    sealed_behind_our_back_under(OTHER, database)
    (tmp_path / "master.key").write_bytes(OURS)

    with psycopg.connect(application_dsn, autocommit=True) as connection:
        with pytest.raises(OperationInvalid, match=r"under two keys, and .*master\.key opens those of 1 of 2"):
            back_up(connection, tmp_path / "monday", tmp_path / "master.key", seen=lambda _step, _bytes: None)
        with pytest.raises(OperationInvalid, match="is not there"):
            back_up(connection, tmp_path / "monday", tmp_path / "none.key", seen=lambda _step, _bytes: None)
    assert not (tmp_path / "monday").exists()


def sealed_behind_our_back_under(key: bytes, database: Database) -> None:
    """As releases before did that made a new key in the place of a lost one."""
    with database.connection() as connection, connection.transaction():
        kept = connection.execute("DELETE FROM work.vault_keys RETURNING domain, wrapped").fetchall()
    seal(database, key)
    for row in kept:
        database.execute("INSERT INTO work.vault_keys VALUES (%s, %s)", row["domain"], row["wrapped"])


def test_a_key_that_vanishes_or_is_replaced_while_revisor_runs_is_told(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(OURS)
    vault = Vault(database, OURS)
    assert vault.trouble_with(path) is None
    path.write_bytes(OTHER)
    assert vault.trouble_with(path) == f"{path} is another one than Revisor was started with"
    path.write_bytes(b"")
    assert "is not a master key" in (vault.trouble_with(path) or "")
    path.unlink()
    assert vault.trouble_with(path) == f"{path} is not there any more"
