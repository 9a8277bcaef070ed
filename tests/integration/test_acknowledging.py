"""Somebody acknowledges that the log was restored: hosts are compared with it, and what is found is taken in."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from psycopg import OperationalError

from domain_model.errors import HypervisorUnreachable, InvalidArgument, NoDomain, OperationInvalid
from domain_model.flags import SnapshotCreate
from drivers.simulator import SimulatorDriver
from revisor.queries import Queries
from revisor.restores import Restores
from revisor.sightings import Sightings
from revisor.store.database import Database
from revisor.store.recorder import LogRecorder, Save
from tests.integration.product import ALICE, WEB, FoldingQueries, Product
from tests.integration.test_restores import restored, restores
from tests.lab.awaiting import eventually
from workers.observer import ELSEWHERE

LOST_UUID = "00000000-0000-4000-8000-00000000105f"
LOST = WEB.replace("<name>web</name>", f"<name>lost</name><uuid>{LOST_UUID}</uuid>").replace("web", "lost")


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    made = Product(database, tmp_path)
    yield made
    made.close()


@pytest.fixture
def simulator(tmp_path: Path) -> SimulatorDriver:
    return SimulatorDriver(tmp_path / "alpha.sqlite", "alpha")


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


def until_waiting(database: Database) -> None:
    """Somebody who acknowledges waits for agents to look at their hosts."""
    wanted = "SELECT FROM work.sightings WHERE wanted > satisfied"
    eventually(lambda: database.fetch(wanted) != [], what="a look is wanted")


def lose_claim(database: Database) -> None:
    """Whoever acknowledges loses the connection that has the claim, and with it the claim."""
    [claim] = database.fetch(
        "SELECT pg_terminate_backend(pid, 60000) AS ended FROM pg_stat_activity"
        " WHERE state = 'idle in transaction' AND datname = current_database()"
    )
    assert claim["ended"]


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
    [changed] = found["changed"]
    assert (changed["host"], changed["name"], changed["what"]) == ("alpha", "web", ["domain.started"])
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


def test_what_was_left_is_removed_with_the_hosts_own_tools_and_then_replayed(
    product: Product, database: Database, simulator: SimulatorDriver, tmp_path: Path
) -> None:
    product.add_host("alpha", simulator)
    product.define()
    product.act("snapshot-create", name="first")
    elsewhere = SimulatorDriver(tmp_path / "beta.sqlite", "beta")
    product.add_host("beta", elsewhere)
    [web] = simulator.domains()
    elsewhere.define(simulator.domain_xml(web.uuid, inactive=True))
    restored(database)
    acknowledge(product)
    with pytest.raises(NoDomain):
        product.service.act("web", "beta", "undefine", {}, ALICE)
    with pytest.raises(OperationInvalid):
        product.service.act("web", None, "handover", {"to": "beta"}, ALICE)
    assert product.act("replay", to="beta")["error"]["code"] == 55

    elsewhere.undefine(web.uuid)

    report = product.act("replay", to="beta")["result"]
    assert (report["identical"], report["total"]) == (1, 1)
    assert product.act("handover", to="beta")["state"] == "succeeded"


def test_a_host_that_cannot_be_reached_keeps_it_waiting_unless_it_is_left_out(
    product: Product, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("revisor.restores._LOOK_S", 0.5)
    product.add_host("alpha")
    product.define()
    product.service.registry.add("gone", "simulator:///gone", ALICE)
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


def test_of_a_host_that_was_left_out_and_came_back_recorded_domains_are_observed_and_others_not_taken_in(
    product: Product, database: Database, simulator: SimulatorDriver
) -> None:
    product.add_host("alpha", simulator)
    product.define()
    restored(database)
    acknowledge(product, without=["alpha"])
    simulator.start(simulator.domains()[0].uuid)
    simulator.define(LOST)

    for minute in (1, 2):
        product.agents["alpha"].run_once(time.monotonic() + 60 * minute)

    product.queries.wait_for(product.application.reader.head(), 0)
    rows = {row["name"]: row["state"] for row in product.service.domains(all_domains=True, host=None)}
    assert rows == {"web": "running"}
    defined = product.service.define(simulator.domain_xml(LOST_UUID, inactive=True), "alpha", ALICE)
    assert product.settle(defined)["state"] == "succeeded"


@pytest.mark.parametrize(
    ("parked_at", "where"),
    [
        (1, r"'hosts' is parked at position 0 of \d+: see 'revisor projections list' and resume it, then try again"),
        (None, r"'hosts' is at position 0 of \d+: when it is there, try again"),
    ],
    ids=["parked", "behind"],
)
def test_read_models_that_are_not_there_yet_are_waited_for_and_not_taken_for_the_world(
    product: Product, database: Database, monkeypatch: pytest.MonkeyPatch, parked_at: int | None, where: str
) -> None:
    """As behind an import: by them there is no host at all."""
    monkeypatch.setattr("revisor.restores._LOOK_S", 0.2)
    product.add_host("alpha")
    product.define()
    restored(database)
    behind = "UPDATE views.projections SET position = 0, parked_at = %s WHERE name = 'hosts'"
    database.execute(behind, parked_at)
    with monkeypatch.context() as no_projector:
        no_projector.setattr(FoldingQueries, "wait_for", Queries.wait_for)
        with pytest.raises(OperationInvalid, match=where):
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
    product.service.registry.add("gone", "simulator:///gone", ALICE)
    with pytest.raises(HypervisorUnreachable):
        acknowledge(product)
    found = acknowledge(product, without=["gone"])
    assert (found["position"], found["unsettled"]) == (position, [str(accepted.operation)])
    assert [domain["name"] for domain in found["adopted"]] == ["lost"]
    assert database.fetch("SELECT FROM work.sightings WHERE adopting") == []


def test_of_two_who_acknowledge_at_once_the_second_is_refused_and_keeps_the_first_from_nothing(
    product: Product, database: Database, simulator: SimulatorDriver
) -> None:
    product.add_host("alpha", simulator)
    restored(database)
    simulator.define(LOST)
    with ThreadPoolExecutor() as people:
        first = people.submit(product.service.restores.acknowledge, ALICE)
        until_waiting(database)
        with pytest.raises(OperationInvalid, match="somebody else acknowledges the restore of the log just now"):
            product.service.restores.acknowledge(ALICE)
        found = working(product, first.result)
    assert [domain["name"] for domain in found["adopted"]] == ["lost"]
    assert len(product.service.restores.acknowledged()) == 1


def test_who_lost_the_database_while_comparing_acknowledged_nothing(product: Product, database: Database) -> None:
    product.add_host("alpha")
    restored(database)
    with ThreadPoolExecutor() as people:
        asked = people.submit(product.service.restores.acknowledge, ALICE)
        until_waiting(database)
        lose_claim(database)
        with pytest.raises(OperationalError):
            working(product, asked.result)
    assert product.service.restores.acknowledged() == []
    assert acknowledge(product)["compared"] == ["alpha"]


def test_who_lost_the_claim_calls_off_nothing_that_the_next_one_wants(product: Product, database: Database) -> None:
    host, sightings = product.add_host("alpha").host, Sightings(database)
    restored(database)
    with ThreadPoolExecutor() as people:
        first = people.submit(product.service.restores.acknowledge, ALICE)
        until_waiting(database)
        lose_claim(database)
        sightings.want([str(host)], adopting=True)
        sightings.unreachable(host, "it is away")
        with pytest.raises(HypervisorUnreachable, match="it is away"):
            first.result()
    assert sightings.adopting(host) is None


def test_an_event_that_nobody_can_read_keeps_nobody_from_acknowledging(
    product: Product,
    database: Database,
    recorder: LogRecorder,
    simulator: SimulatorDriver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A newer release wrote it and its read models; then the older one came back."""
    monkeypatch.setattr("revisor.restores._LOOK_S", 0.5)
    monkeypatch.setattr("revisor.restores._PAGE", 2)
    product.add_host("alpha", simulator)
    product.define()
    accepted = product.service.act("web", None, "start", {}, ALICE)
    restored(database)
    [web] = product.service.domains(all_domains=True, host=None)
    simulator.start(web["uuid"])
    product.service.registry.add("gone", "simulator:///gone", ALICE)
    with pytest.raises(HypervisorUnreachable):
        acknowledge(product)
    [row] = database.fetch(
        "SELECT originator_id AS stream, max(originator_version) AS version FROM log.events"
        " WHERE originator_id IN (SELECT domain FROM views.domains) GROUP BY originator_id"
    )
    for stream, version in ((uuid4(), 1), (row["stream"], row["version"] + 1)):
        recorder.insert_events([StoredEvent(stream, version, "domain.teleported", b"{}")], save=Save(ALICE))
    database.execute("UPDATE views.projections SET position = (SELECT position FROM log.head), parked_at = NULL")
    found = acknowledge(product, without=["gone"])
    assert [domain["name"] for domain in found["changed"]] == ["web"]
    assert found["unsettled"] == [str(accepted.operation)]


def test_a_domain_whose_history_only_a_newer_release_can_read_is_left_and_the_others_are_taken_in(
    product: Product, database: Database, recorder: LogRecorder, simulator: SimulatorDriver
) -> None:
    product.add_host("alpha", simulator)
    product.define()
    [web] = product.service.domains(all_domains=True, host=None)
    product.act("undefine")
    restored(database)
    [row] = database.fetch(
        "SELECT originator_id AS stream, max(originator_version) AS version FROM log.events"
        " WHERE originator_id IN (SELECT domain FROM views.operations) GROUP BY originator_id"
    )
    newer = StoredEvent(row["stream"], row["version"] + 1, "domain.teleported", b"{}")
    recorder.insert_events([newer], save=Save(ALICE))
    database.execute("UPDATE views.projections SET position = (SELECT position FROM log.head), parked_at = NULL")
    simulator.define(WEB.replace("<name>", f"<uuid>{web['uuid']}</uuid><name>", 1))
    simulator.define(LOST)
    found = acknowledge(product)
    assert [domain["name"] for domain in found["adopted"]] == ["lost"]
    [left] = found["left"]
    assert (left["name"], "domain.teleported" in left["why"]) == ("web", True)


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
