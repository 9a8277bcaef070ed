"""A backup and its restore as what they are to a database and a disk;
tests/acceptance/test_restores.py has them as people do.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from domain_model.errors import InvalidArgument, OperationInvalid, Refused
from drivers.simulator import SimulatorDriver
from revisor.backups import ARCHIVE, back_up, restore
from revisor.store.archive_file import Manifest
from revisor.store.database import Database, Row
from revisor.store.recorder import LogRecorder, Save
from revisor.witness import Witness
from tests.contract.store.streams import stored
from tests.integration.archives import Databases
from tests.integration.product import ALICE, Product
from tests.integration.test_acknowledging import acknowledge
from tests.integration.test_restores import restores
from tests.lab.databases import Server


def backed_up(dsn: str, folder: Path) -> Manifest:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return back_up(connection, folder, folder.parent / "master.key", seen=lambda _step, _bytes: None)


def put_back(dsn: str, folder: Path, master_key: Path) -> Manifest:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return restore(connection, folder, master_key, seen=lambda _step, _bytes: None)


@contextlib.contextmanager
def opened(dsn: str) -> Iterator[Database]:
    database = Database(dsn)
    database.open()
    yield database
    database.close()


def test_a_backup_lies_in_a_folder_of_its_owners_alone(application_dsn: str, tmp_path: Path) -> None:
    folder = tmp_path / "monday"
    backed_up(application_dsn, folder)
    assert [path.name for path in folder.iterdir()] == [ARCHIVE]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with pytest.raises(InvalidArgument, match="is not empty"):
        backed_up(application_dsn, folder)
    (tmp_path / "there").mkdir()
    backed_up(application_dsn, tmp_path / "there")
    with pytest.raises(Refused, match=f"cannot make '{tmp_path}/none/tuesday': No such file or directory"):
        backed_up(application_dsn, tmp_path / "none" / "tuesday")
    with pytest.raises(Refused, match="Not a directory"):
        backed_up(application_dsn, folder / ARCHIVE)


def test_what_a_killed_backup_left_is_told_apart_from_what_is_somebody_elses(
    application_dsn: str, owner_dsn: str, tmp_path: Path
) -> None:
    folder, key = tmp_path / "monday", tmp_path / "master.key"
    folder.mkdir()
    (folder / f"{ARCHIVE}.partial").touch()
    with pytest.raises(InvalidArgument, match=r"\.partial' is there already: a run that was killed left it"):
        backed_up(application_dsn, folder)
    with pytest.raises(InvalidArgument, match=r"no whole backup in '.*': it never came to its end") as refused:
        put_back(owner_dsn, folder, key)
    assert (refused.value.field, refused.value.value) == ("dir", str(folder))
    (folder / "letters").touch()
    with pytest.raises(InvalidArgument, match="is not empty"):
        backed_up(application_dsn, folder)


def test_a_damaged_backup_is_told_of_as_one(application_dsn: str, owner_dsn: str, tmp_path: Path) -> None:
    folder = tmp_path / "monday"
    backed_up(application_dsn, folder)
    (folder / ARCHIVE).write_bytes((folder / ARCHIVE).read_bytes()[:-30])
    with pytest.raises(InvalidArgument) as refused:
        put_back(owner_dsn, folder, tmp_path / "master.key")
    assert refused.value.message == f"invalid argument: there is no whole backup in '{folder}': it is cut short"
    assert refused.value.accepted == "a folder as 'revisor backup' left it"


def test_a_backup_that_fails_takes_the_folder_it_made_away_and_no_other(empty_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for folder in ("there", "new"):
        with pytest.raises((psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedTable)):
            backed_up(empty_dsn, tmp_path / folder)
    assert list(tmp_path.iterdir()) == [tmp_path / "there"]


def test_the_folder_of_a_backup_is_on_the_disk_like_its_file(
    application_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    folder = tmp_path / "monday"
    backed_up(application_dsn, folder)
    assert synced == [path.stat().st_ino for path in (tmp_path, folder / ARCHIVE, folder)]


def test_a_log_that_takes_no_backup_refuses_it_without_touching_the_vault(
    application_dsn: str, owner_dsn: str, recorder: LogRecorder, tmp_path: Path
) -> None:
    backed_up(application_dsn, tmp_path / "monday")
    recorder.insert_events([stored(uuid4())], save=Save(ALICE))
    with psycopg.connect(owner_dsn) as other, psycopg.connect(owner_dsn, autocommit=True) as connection:
        other.execute("LOCK TABLE work.vault_secrets, work.vault_keys")
        connection.execute("SET lock_timeout = '1s'")
        with pytest.raises(OperationInvalid, match="in this one 1 positions are recorded"):
            restore(connection, tmp_path / "monday", tmp_path / "master.key", seen=lambda _step, _bytes: None)


def test_what_was_noticed_of_an_empty_log_counts_no_more_once_the_log_was_put_back(
    database: Database, postgres: Server, owner_dsn: str, tmp_path: Path
) -> None:
    """The database was lost, 'up' ran on the new one, and only then the backup was restored."""
    simulator = SimulatorDriver(tmp_path / "alpha.sqlite", "alpha")
    before = Product(database, tmp_path)
    before.add_host("alpha", simulator)
    before.define()
    position = backed_up(postgres.dsn("revisor"), tmp_path / "monday").head.position
    before.act("start")
    before.close()
    Witness(database, tmp_path / "witness.json").look()
    database.close()
    Databases(postgres).another()
    (tmp_path / "master.key").write_bytes(b"k" * 32)
    with opened(postgres.dsn("revisor")) as empty:
        witness = Witness(empty, tmp_path / "witness.json")
        witness.look()
        assert len(restores(empty)) == 1, "the log is shorter than it was"

        put_back(owner_dsn, tmp_path / "monday", tmp_path / "master.key")
        witness.look()
        after = Product(empty, tmp_path)
        after.queries.wait_for(position, 0)
        after.lead("alpha", simulator)
        found = acknowledge(after)
        after.close()

    assert found["position"] == position
    assert "position 0" not in found["why"]
    assert (found["adopted"], [domain["name"] for domain in found["changed"]]) == ([], ["web"])


def test_a_look_that_began_before_the_log_was_put_back_tells_nothing_of_the_empty_one(
    database: Database, postgres: Server, owner_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed_up(postgres.dsn("revisor"), tmp_path / "monday")
    Databases(postgres).another()
    (tmp_path / "witness.json").write_text(json.dumps({"log": str(uuid4()), "position": 9, "leaf": "00" * 32}))
    witness = Witness(database, tmp_path / "witness.json")
    looked = database.fetch_one

    def put_back_meanwhile(query: str, *params: object) -> Row | None:
        row = looked(query, *params)
        if "work.restores" in query:
            monkeypatch.undo()
            put_back(owner_dsn, tmp_path / "monday", tmp_path / "master.key")
        return row

    monkeypatch.setattr(database, "fetch_one", put_back_meanwhile)
    witness.look()
    assert ["the log was restored from" in found["why"] for found in restores(database)] == [True]
