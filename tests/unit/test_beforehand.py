"""What somebody did on a host just before an operation of ours is not taken for that operation's doing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain_model.domain import Domain
from domain_model.errors import NoDomain
from domain_model.flags import SnapshotCreate, SnapshotDelete, Undefine
from domain_model.libvirt import DomainState
from drivers.simulator import SimulatorDriver
from tests.unit.domain_histories import ALPHA, BETA, DOMAIN, UUID_TEXT
from tests.unit.stage import Stage, altered, definition

THEIRS = "<domainsnapshot><name>theirs</name></domainsnapshot>"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path)
    made.define()
    made.start()
    made.snapshot("a")
    return made


def simulator(stage: Stage, host: str = ALPHA) -> SimulatorDriver:
    driver = stage.drivers[host]
    assert isinstance(driver, SimulatorDriver)
    return driver


def since(stage: Stage, before: int) -> list[tuple[str, str | None]]:
    """What was recorded behind so many events: topics, facts with their origin."""
    return [(event.TOPIC, getattr(event, "origin", None)) for event in stage.records.events(DOMAIN)[before:]]


def take(driver: SimulatorDriver) -> None:
    driver.snapshot_create(UUID_TEXT, THEIRS, SnapshotCreate.NONE)


@pytest.mark.parametrize(
    ("theirs", "facts"),
    [
        (take, {"snapshot.created"}),
        (lambda driver: driver.snapshot_delete(UUID_TEXT, "a", SnapshotDelete.NONE), {"snapshot.deleted"}),
        (lambda driver: driver.define(definition(memory_mib=32)), {"domain.defined"}),
        (lambda driver: driver.set_autostart(UUID_TEXT, autostart=True), {"domain.updated"}),
        (lambda driver: driver.destroy(UUID_TEXT), {"domain.stopped"}),
    ],
)
def test_what_somebody_did_before_an_operation_is_recorded_as_observed_before_it_starts(
    stage: Stage, theirs: Callable[[SimulatorDriver], None], facts: set[str]
) -> None:
    theirs(simulator(stage))
    asked, before = stage.ask("desc", text="ours"), len(stage.topics)
    assert stage.apply(asked).state == "succeeded"
    recorded = since(stage, before)
    start = recorded.index(("operation.started", None))
    assert {topic for topic, origin in recorded[:start] if origin == "observed"} >= facts
    assert not facts & {topic for topic, origin in recorded[start:] if origin == "operation"} - {"domain.defined"}


def test_a_request_that_comes_while_it_is_looked_at_keeps_nothing_from_being_recorded(stage: Stage) -> None:
    take(simulator(stage))
    asked, before = stage.ask("desc", text="ours"), len(stage.topics)

    def ask_beside() -> None:
        stage.ask("desc", text="later")

    stage.records.interrupt = ask_beside
    assert stage.apply(asked).state == "succeeded"
    recorded = since(stage, before)
    assert recorded.index(("snapshot.created", "observed")) < recorded.index(("operation.started", None))


def test_the_evidence_of_how_it_was_is_from_after_what_was_recorded_of_it(stage: Stage) -> None:
    take(simulator(stage))
    asked = stage.ask("desc", text="ours")
    stage.records.interrupt = lambda: simulator(stage).suspend(UUID_TEXT)
    stage.apply(asked)
    (started,) = [
        event
        for event in stage.records.events(DOMAIN)
        if isinstance(event, Domain.OperationStarted) and event.operation == str(asked.id)
    ]
    assert started.evidence["state"] == DomainState.PAUSED


def test_what_is_as_recorded_is_nothing_and_is_not_looked_at_closely(stage: Stage) -> None:
    reads: list[bool] = []

    def domain_xml(uuid: str, *, inactive: bool) -> str:
        reads.append(inactive)
        return simulator(stage).domain_xml(uuid, inactive=inactive)

    asked, before = stage.ask("suspend"), len(stage.topics)
    stage.apply(asked, altered(simulator(stage), domain_xml=domain_xml))
    assert [topic for topic, _ in since(stage, before)] == [
        "operation.started",
        "domain.suspended",
        "operation.succeeded",
    ]
    assert reads == [True, True, False], "the definition before it, and the look at its end"


def test_a_domain_that_is_gone_when_an_operation_begins_is_recorded_as_gone(stage: Stage) -> None:
    simulator(stage).destroy(UUID_TEXT)
    asked, before = stage.ask("suspend"), len(stage.topics)
    simulator(stage).undefine(UUID_TEXT, Undefine.SNAPSHOTS_METADATA)
    ended = stage.apply(asked)
    assert (ended.state, ended.code) == ("failed", NoDomain.default_number)
    assert since(stage, before) == [
        ("domain.stopped", "observed"),
        ("domain.undefined", "observed"),
        ("operation.failed", None),
    ]
    assert stage.domain.placements == {}


def test_a_domain_that_goes_while_an_operation_acts_did_not_go_by_it(stage: Stage) -> None:
    def suspend(uuid: str) -> None:
        simulator(stage).destroy(uuid)
        simulator(stage).undefine(uuid, Undefine.SNAPSHOTS_METADATA)
        raise NoDomain("it is not there")

    asked = stage.ask("suspend")
    assert stage.apply(asked, altered(simulator(stage), suspend=suspend)).code == NoDomain.default_number
    gone = [origin for topic, origin in since(stage, 0) if topic == "domain.undefined"]
    assert gone == ["observed"]


def test_a_snapshot_under_another_name_that_came_while_an_operation_was_under_way_is_not_its_doing(
    stage: Stage,
) -> None:
    def snapshot_create(uuid: str, xml: str, flags: SnapshotCreate) -> None:
        take(simulator(stage))
        simulator(stage).snapshot_create(uuid, xml, flags)

    before = len(stage.topics)
    stage.take("ours", altered(simulator(stage), snapshot_create=snapshot_create))
    created = {
        event.name: (event.origin, event.operation is None)
        for event in stage.records.events(DOMAIN)[before:]
        if event.TOPIC == "snapshot.created"
    }
    assert created == {"theirs": ("observed", True), "ours": ("operation", False)}


def test_beside_an_operation_under_way_its_end_tells(stage: Stage) -> None:
    first = stage.ask("snapshot-create", name="b", xml="<domainsnapshot><name>b</name></domainsnapshot>")
    control, before = stage.ask("suspend"), len(stage.topics)
    told: list[Any] = []

    def snapshot_create(uuid: str, xml: str, flags: SnapshotCreate) -> None:
        simulator(stage).snapshot_create(uuid, xml, flags)
        told.append(stage.apply(control).state)

    stage.apply(first, altered(simulator(stage), snapshot_create=snapshot_create))
    assert told == ["succeeded"]
    assert ("snapshot.created", "observed") not in since(stage, before)


def test_a_replica_that_is_gone_is_recorded_so_before_it_is_made_again(stage: Stage) -> None:
    assert stage.replay().state == "succeeded"
    simulator(stage, BETA).undefine(UUID_TEXT, Undefine.SNAPSHOTS_METADATA)
    before = len(stage.topics)
    assert stage.replay().state == "succeeded"
    assert ("domain.undefined", "observed") in since(stage, before)
    assert BETA in stage.domain.placements
