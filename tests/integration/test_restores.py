"""A log that was put back to what it was: noticed from outside, nothing begun on it, compared and acknowledged."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from domain_model.errors import HypervisorUnreachable, InvalidArgument, OperationInvalid
from domain_model.flags import SnapshotCreate
from drivers.simulator import SimulatorDriver
from revisor.restores import Restores
from revisor.status import StatusReader
from revisor.store.database import Database
from revisor.store.errors import RestoreUnacknowledged
from revisor.store.recorder import LogRecorder, Save
from revisor.witness import Witness
from tests.contract.store.streams import stored
from tests.integration.product import ALICE, WEB, Product
from workers.observer import ELSEWHERE

LOST_UUID = "00000000-0000-4000-8000-00000000105f"
LOST = WEB.replace("<name>web</name>", f"<name>lost</name><uuid>{LOST_UUID}</uuid>").replace("web", "lost")


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    made = Product(database, tmp_path)
    yield made
    made.close()


@pytest.fixture
def witness(database: Database, tmp_path: Path) -> Witness:
    return Witness(database, tmp_path / "witness.json")


@pytest.fixture
def simulator(tmp_path: Path) -> SimulatorDriver:
    return SimulatorDriver(tmp_path / "alpha.sqlite", "alpha")


def restores(database: Database) -> list[dict[str, Any]]:
    return database.fetch("SELECT why, witnessed_position, acknowledged_at FROM work.restores")


def restored(database: Database) -> None:
    database.execute(
        "INSERT INTO work.restores (why, position) SELECT 'restored from /backups/monday', position FROM log.head"
    )


def working(product: Product, act: Callable[[], Any]) -> Any:
    """Do something that waits for the agents, which work meanwhile."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.01):
            for agent in product.agents.values():
                agent.run_once(time.monotonic())

    worker = threading.Thread(target=work)
    worker.start()
    try:
        return act()
    finally:
        stop.set()
        worker.join()


# Noticing.


def put_back(owner_dsn: str, position: int) -> None:
    """Take away what is behind a position, as a restore of an older backup does."""
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("ALTER TABLE log.events DISABLE TRIGGER append_only")
        connection.execute("DELETE FROM log.events WHERE notification_id > %s", [position])
        connection.execute("ALTER TABLE log.events ENABLE TRIGGER append_only")
        connection.execute("UPDATE log.head SET position = %s", [position])


def append(recorder: LogRecorder, count: int) -> None:
    for _ in range(count):
        recorder.insert_events([stored(uuid4())], save=Save(ALICE))


def test_a_log_that_goes_on_is_nothing_to_tell(database: Database, recorder: LogRecorder, witness: Witness) -> None:
    for _ in range(3):
        witness.look()
        append(recorder, 2)
    witness.look()
    assert restores(database) == []


def test_the_file_has_the_newest_position_and_its_leaf(
    database: Database, recorder: LogRecorder, witness: Witness, tmp_path: Path
) -> None:
    append(recorder, 3)
    witness.look()
    remembered = json.loads((tmp_path / "witness.json").read_text())
    row = database.fetch_one(
        "SELECT log::text, encode(leaf, 'hex') AS leaf FROM log.head, log.events ORDER BY notification_id DESC"
    )
    assert row is not None
    assert remembered == {"log": row["log"], "position": 3, "leaf": row["leaf"]}


@pytest.mark.parametrize("again", [0, 1, 2, 7])
def test_a_log_that_was_put_back_is_noticed_however_much_was_appended_since(
    database: Database, recorder: LogRecorder, tmp_path: Path, owner_dsn: str, again: int
) -> None:
    append(recorder, 5)
    Witness(database, tmp_path / "witness.json").look()
    before = (tmp_path / "witness.json").read_text()
    put_back(owner_dsn, 3)
    append(recorder, again)
    for _ in range(2):
        Witness(database, tmp_path / "witness.json").look()
    [found] = restores(database)
    assert found["witnessed_position"] == 5
    assert found["why"] == (
        f"the log ends at position {3 + again}, and it was at 5 once"
        if again < 2
        else "the event at position 5 is another one than was there once"
    )
    assert (tmp_path / "witness.json").read_text() == before, "it stays as it is until somebody acknowledges"


def test_another_log_is_noticed_where_there_was_anything_to_lose(
    database: Database, recorder: LogRecorder, witness: Witness, owner_dsn: str
) -> None:
    witness.look()
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("UPDATE log.head SET log = gen_random_uuid()")
    witness.look()
    assert restores(database) == []
    append(recorder, 1)
    witness.look()
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("UPDATE log.head SET log = gen_random_uuid()")
    witness.look()
    [found] = restores(database)
    assert "and the one that was here is log" in found["why"]


def test_once_acknowledged_the_log_is_remembered_as_it_is(
    database: Database, recorder: LogRecorder, witness: Witness, tmp_path: Path, owner_dsn: str
) -> None:
    append(recorder, 5)
    witness.look()
    put_back(owner_dsn, 3)
    witness.look()
    database.execute("UPDATE work.restores SET acknowledged_at = now()")
    witness.look()
    assert json.loads((tmp_path / "witness.json").read_text())["position"] == 3
    append(recorder, 1)
    witness.look()
    assert len(restores(database)) == 1


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"log": "x", "position": 1, "leaf": null}', '{"log": 1}', '{"position": "one"}', "\xff"]
)
def test_a_damaged_file_is_written_anew(
    database: Database, recorder: LogRecorder, witness: Witness, tmp_path: Path, damage: str
) -> None:
    append(recorder, 1)
    (tmp_path / "witness.json").write_text(damage, encoding="latin-1")
    witness.look()
    assert json.loads((tmp_path / "witness.json").read_text())["position"] == 1
    assert restores(database) == []


# Until it is acknowledged.


def test_nothing_new_is_begun_and_people_are_told_why(product: Product, database: Database) -> None:
    product.add_host("alpha")
    assert product.define()["state"] == "succeeded"
    restored(database)
    with pytest.raises(OperationInvalid, match="revisor acknowledge-restore") as refusal:
        product.service.act("web", None, "start", {}, ALICE)
    assert refusal.value.number == 55
    assert StatusReader(database).read().restore == "restored from /backups/monday"
    assert [row["name"] for row in product.service.domains(all_domains=True, host=None)] == ["web"], "reading goes on"


def test_what_waited_in_the_log_is_not_begun_either(product: Product, database: Database) -> None:
    product.add_host("alpha")
    product.define()
    accepted = product.service.act("web", None, "start", {}, ALICE)
    restored(database)
    for _ in range(3):
        product.agents["alpha"].run_once(0.0)
    assert product.service.wait(accepted.operation, 0)["state"] == "queued"


@pytest.mark.parametrize("change", ["requested", "started"])
def test_no_request_and_no_start_of_an_operation_is_appended(
    product: Product, database: Database, recorder: LogRecorder, change: str
) -> None:
    restored(database)
    with pytest.raises(RestoreUnacknowledged):
        recorder.insert_events([stored(uuid4())], save=Save(ALICE, queue={change: [{"operation": str(uuid4())}]}))
    assert product.application.reader.head() == 0


# Acknowledging.


def acknowledge(product: Product, **said: Any) -> dict[str, Any]:
    known: Restores = product.service.restores
    found: dict[str, Any] = working(product, lambda: known.acknowledge(ALICE, **said))
    return found


def test_without_a_restore_there_is_nothing_to_acknowledge(product: Product) -> None:
    with pytest.raises(OperationInvalid, match="no restore"):
        product.service.restores.acknowledge(ALICE)


def test_what_happened_meanwhile_is_taken_in_with_its_snapshots(
    product: Product, database: Database, simulator: SimulatorDriver
) -> None:
    product.add_host("alpha", simulator)
    product.define()
    restored(database)
    simulator.define(LOST)
    for name in ("first", "second"):
        snapshot = f"<domainsnapshot><name>{name}</name></domainsnapshot>"
        simulator.snapshot_create(LOST_UUID, snapshot, SnapshotCreate.NONE)
    simulator.start(next(seen.uuid for seen in simulator.domains() if seen.name == "web"))
    found = acknowledge(product)
    assert [(domain["host"], domain["name"]) for domain in found["adopted"]] == [("alpha", "lost")]
    assert [(domain["host"], domain["name"]) for domain in found["changed"]] == [("alpha", "web")]
    rows = {row["name"]: row["state"] for row in product.service.domains(all_domains=True, host=None)}
    assert rows == {"web": "running", "lost": "shut off"}
    tree = {item["name"]: item["parent"] for item in product.service.snapshots("lost", None)}
    assert tree == {"first": None, "second": "first"}
    assert product.act("destroy")["state"] == "succeeded"


def test_it_is_on_record_who_acknowledged_and_what_was_found(product: Product, database: Database) -> None:
    product.add_host("alpha")
    product.define()
    restored(database)
    found = acknowledge(product)
    [event] = [e for e in product.application.reader.read(0, 1000) if e.topic == "restore.acknowledged"]
    assert event.actor == ALICE.actor
    assert (event.event.why, event.event.compared) == ("restored from /backups/monday", ["alpha"])
    assert found["adopted"] == event.event.adopted == []
    [told] = product.service.restores.acknowledged()
    assert found.items() <= told.items()
    assert (told["actor"], told["reason"], told["recorded_position"]) == (ALICE.actor, None, event.position)
    assert [row["acknowledged_at"] is not None for row in restores(database)] == [True]


def test_an_operation_without_an_end_has_an_unknown_one_now(product: Product, database: Database) -> None:
    product.add_host("alpha")
    product.define()
    accepted = product.service.act("web", None, "start", {}, ALICE)
    restored(database)
    assert acknowledge(product)["unsettled"] == [str(accepted.operation)]
    operation = product.service.operation(accepted.operation)
    assert operation["state"] == "unknown"
    assert product.act("start")["state"] == "succeeded"


def test_a_domain_the_log_has_on_another_host_is_told_of_and_left(
    product: Product, database: Database, simulator: SimulatorDriver, tmp_path: Path
) -> None:
    product.add_host("alpha", simulator)
    product.define()
    elsewhere = SimulatorDriver(tmp_path / "beta.sqlite", "beta")
    product.add_host("beta", elsewhere)
    [web] = simulator.domains()
    elsewhere.define(simulator.domain_xml(web.uuid, inactive=True))
    restored(database)
    found = acknowledge(product)
    assert found["left"] == [{"host": "beta", "name": "web", "why": ELSEWHERE}]
    assert [row["host"] for row in product.service.domains(all_domains=True, host=None)] == ["alpha"]


def test_a_host_that_cannot_be_reached_keeps_it_waiting_unless_it_is_left_out(
    product: Product, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("revisor.restores._LOOK_S", 0.5)
    product.add_host("alpha")
    product.define()
    product.service.add_host("gone", "simulator:///gone", ALICE)
    restored(database)
    with pytest.raises(HypervisorUnreachable, match="gone"):
        acknowledge(product)
    with pytest.raises(OperationInvalid):
        product.service.act("web", None, "start", {}, ALICE)
    with pytest.raises(InvalidArgument, match="no host with name 'nobody'"):
        acknowledge(product, without=["nobody"])
    found = acknowledge(product, without=["gone"])
    assert (found["compared"], found["left_out"]) == (["alpha"], ["gone"])
    assert product.act("start")["state"] == "succeeded"


def test_read_models_that_are_not_there_yet_are_waited_for_and_not_taken_for_the_world(
    product: Product, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind an import: by them there is no host at all."""
    monkeypatch.setattr("revisor.restores._LOOK_S", 0.2)
    product.add_host("alpha")
    product.define()
    restored(database)
    behind = "UPDATE views.projections SET position = 0, parked_at = %s WHERE name = 'hosts'"
    database.execute(behind, 1)
    with pytest.raises(OperationInvalid, match="projection 'hosts' is at position 0 of"):
        acknowledge(product)
    head = product.application.reader.head()
    database.execute("UPDATE views.projections SET position = %s, parked_at = NULL WHERE name = 'hosts'", head)
    assert acknowledge(product)["compared"] == ["alpha"]


def test_a_second_try_says_also_what_the_first_did(
    product: Product, database: Database, simulator: SimulatorDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("revisor.restores._LOOK_S", 0.5)
    product.add_host("alpha", simulator)
    product.define()
    accepted = product.service.act("web", None, "start", {}, ALICE)
    restored(database)
    position = product.application.reader.head()
    simulator.define(LOST)
    product.service.add_host("gone", "simulator:///gone", ALICE)
    with pytest.raises(HypervisorUnreachable):
        acknowledge(product)
    found = acknowledge(product, without=["gone"])
    assert (found["position"], found["unsettled"]) == (position, [str(accepted.operation)])
    assert [domain["name"] for domain in found["adopted"]] == ["lost"]
    assert database.fetch("SELECT FROM work.sightings WHERE adopting") == []


def test_a_domain_that_is_there_no_more_is_named(
    product: Product, database: Database, simulator: SimulatorDriver
) -> None:
    product.add_host("alpha", simulator)
    product.define()
    restored(database)
    simulator.undefine(simulator.domains()[0].uuid)
    found = acknowledge(product)
    assert [(domain["host"], domain["name"]) for domain in found["gone"]] == [("alpha", "web")]
    assert (found["adopted"], found["changed"]) == ([], [])
