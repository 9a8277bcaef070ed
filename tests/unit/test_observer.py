"""What happens on a host without our asking is noticed, once, and never while an operation may be the cause of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable, Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete
from drivers.simulator import SimulatorDriver
from tests.unit.domain_histories import ALPHA, BETA, DOMAIN, UUID_TEXT
from tests.unit.stage import Stage, altered, definition
from workers.background import GivenUp
from workers.observer import ELSEWHERE, POLICY, UNDER_WAY, Observer
from workers.ports import Asker


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path)
    made.define()
    return made


def adopted(stage: Stage) -> list[str]:
    """The topics since the last operation ended, all of observed origin."""
    events = stage.records.events(DOMAIN)
    ended = (Domain.OperationSucceeded, Domain.OperationFailed, Domain.OperationOutcomeUnknown)
    since = max(number for number, event in enumerate(events) if isinstance(event, ended)) + 1
    assert all(event.origin == "observed" and event.operation is None for event in events[since:])
    return [event.TOPIC for event in events[since:]]


def simulator(stage: Stage, host: str = ALPHA) -> SimulatorDriver:
    driver = stage.drivers[host]
    assert isinstance(driver, SimulatorDriver)
    return driver


def test_what_is_as_recorded_is_nothing(stage: Stage) -> None:
    stage.observe()
    assert adopted(stage) == []


def test_what_was_done_behind_revisors_back_is_adopted(stage: Stage) -> None:
    alpha, observer = simulator(stage), stage.observer()
    alpha.start(UUID_TEXT)
    alpha.snapshot_create(UUID_TEXT, "<domainsnapshot><name>a</name></domainsnapshot>", SnapshotCreate.NONE)
    observer.run_once(frozenset())
    assert adopted(stage) == ["domain.started", "snapshot.created", "snapshot.verified"]
    alpha.snapshot_delete(UUID_TEXT, "a", SnapshotDelete.NONE)
    alpha.set_autostart(UUID_TEXT, autostart=True)
    alpha.crash(UUID_TEXT)
    observer.run_once(frozenset())
    assert adopted(stage)[3:] == ["domain.stopped", "domain.updated", "snapshot.deleted"]


def test_a_domain_that_is_gone_is_adopted_as_gone(stage: Stage) -> None:
    stage.drivers[ALPHA].undefine(UUID_TEXT)
    stage.observe()
    assert adopted(stage) == ["domain.undefined"]
    assert stage.domain.placements == {}


def test_a_replica_that_is_gone_is_adopted_as_gone(stage: Stage) -> None:
    stage.replay()
    stage.drivers[BETA].undefine(UUID_TEXT)
    stage.observe(BETA)
    assert adopted(stage) == ["domain.undefined"]
    assert list(stage.domain.placements) == [ALPHA]


def test_a_domain_that_looks_as_it_did_is_not_read_closely_again(stage: Stage) -> None:
    reads = [0]

    def domain_xml(uuid: str, *, inactive: bool) -> str:
        reads[0] += 1
        return stage.drivers[ALPHA].domain_xml(uuid, inactive=inactive)

    telling = altered(stage.drivers[ALPHA], domain_xml=domain_xml, watch=lambda _: None)
    observer = stage.observer(driver=telling)
    for _ in range(3):
        observer.run_once(frozenset())
    assert reads == [1]
    observer.forget(UUID_TEXT)
    observer.run_once(frozenset())
    assert reads == [2]


def test_a_definition_that_changed_is_seen_in_the_next_look_where_nobody_tells_of_it(stage: Stage) -> None:
    observer = stage.observer()
    observer.run_once(frozenset())
    stage.drivers[ALPHA].define(definition(memory_mib=32))
    observer.run_once(frozenset())
    assert adopted(stage) == ["domain.defined"]


def test_a_look_at_a_large_tree_tells_with_each_dump_that_it_goes_on_and_ends_when_it_is_given_up(stage: Stage) -> None:
    alpha, done, given_up = simulator(stage), list[str](), [False]
    names = [f"s{number}" for number in range(5)]
    for name in names:
        alpha.snapshot_create(UUID_TEXT, f"<domainsnapshot><name>{name}</name></domainsnapshot>", SnapshotCreate.NONE)

    def snapshot_xml(uuid: str, name: str) -> str:
        done.append(name)
        given_up[0] = len(done) == 7
        return alpha.snapshot_xml(uuid, name)

    def goes_on() -> None:
        done.append("goes on")
        if given_up[0]:
            raise GivenUp

    driver = altered(alpha, snapshot_xml=snapshot_xml)
    observer = Observer(driver, stage.records, stage.lead(ALPHA), goes_on)
    with pytest.raises(GivenUp):
        observer.run_once(frozenset())
    assert done == ["goes on", "goes on", "s0", "goes on", "s1", "goes on", "s2", "goes on"]
    assert adopted(stage) == []
    done.clear()
    given_up[0] = False
    Observer(driver, stage.records, stage.lead(ALPHA), lambda: done.append("goes on")).run_once(frozenset())
    assert done == ["goes on", *(each for name in names for each in ("goes on", name)), "goes on"]
    assert adopted(stage) == [*["snapshot.created"] * 5, "snapshot.verified"]


def test_a_change_that_only_the_definition_shows_is_adopted_after_a_hint(stage: Stage) -> None:
    observer = stage.observer(driver=altered(stage.drivers[ALPHA], watch=lambda _: None))
    observer.run_once(frozenset())
    stage.drivers[ALPHA].define(definition(memory_mib=32))
    observer.run_once(frozenset())
    assert adopted(stage) == []
    observer.forget(UUID_TEXT)
    observer.run_once(frozenset())
    assert adopted(stage) == ["domain.defined"]


def test_sightings_of_a_busy_domain_belong_to_its_operation(stage: Stage) -> None:
    stage.drivers[ALPHA].start(UUID_TEXT)
    stage.observer().run_once(frozenset({UUID(UUID_TEXT)}))
    assert adopted(stage) == []


def test_what_was_seen_while_an_operation_was_open_is_looked_at_again_when_it_is_over(stage: Stage) -> None:
    observer, alpha = stage.observer(), stage.drivers[ALPHA]
    asked = stage.ask("define", name="guest", xml=definition())
    alpha.start(UUID_TEXT)
    observer.run_once(frozenset())
    assert stage.domain.placements[ALPHA].active is False
    domain = stage.domain
    domain.record(
        Domain.OperationFailed,
        stage.records.now(),
        operation=str(asked.id),
        host=ALPHA,
        code=55,
        message="refused before it began",
        result={},
    )
    stage.records.append(domain, {})
    observer.run_once(frozenset())
    assert adopted(stage) == ["domain.started"]


def test_an_operation_that_begins_during_the_look_takes_the_sighting_over(stage: Stage) -> None:
    observer, alpha = stage.observer(), stage.drivers[ALPHA]
    alpha.start(UUID_TEXT)
    asked: list[Any] = []
    stage.records.interrupt = lambda: asked.append(stage.ask("define", name="guest", xml=definition()))
    observer.run_once(frozenset())
    assert not stage.domain.placements[ALPHA].active
    assert stage.apply(asked[0]).state == "succeeded"
    assert stage.domain.placements[ALPHA].active


def test_what_was_seen_before_an_operation_that_is_over_by_now_is_not_recorded_behind_it(stage: Stage) -> None:
    stage.start()
    observer, alpha = stage.observer(), stage.drivers[ALPHA]
    alpha.suspend(UUID_TEXT)
    ended: list[str] = []
    stage.records.interrupt = lambda: ended.append(str(stage.do("destroy").state))
    observer.run_once(frozenset())
    assert ended == ["succeeded"]
    assert adopted(stage) == []
    observer.run_once(frozenset())
    assert not stage.domain.placements[ALPHA].active


def test_a_domain_that_vanishes_while_it_is_looked_at_is_gone(stage: Stage) -> None:
    alpha = stage.drivers[ALPHA]

    def domain_xml(uuid: str, *, inactive: bool) -> str:
        if alpha.domain(uuid) is not None:
            alpha.undefine(uuid)
        return alpha.domain_xml(uuid, inactive=inactive)

    stage.observe(driver=altered(alpha, domain_xml=domain_xml))
    assert adopted(stage) == ["domain.undefined"]


def test_a_hypervisor_that_does_not_answer_is_the_agents_concern(stage: Stage) -> None:
    def silent() -> Any:
        raise HypervisorUnreachable("the network is gone")

    with pytest.raises(HypervisorUnreachable):
        stage.observe(driver=altered(stage.drivers[ALPHA], domains=silent))
    assert stage.domain.placements[ALPHA].persistent


# Taking in what nobody recorded.

OTHER = "00000000-0000-4000-8000-0000000000ee"


def put(driver: SimulatorDriver, uuid: str = OTHER, name: str = "other") -> None:
    driver.define(definition().replace(UUID_TEXT, uuid).replace("<name>guest</name>", f"<name>{name}</name>"))


def test_a_domain_nobody_recorded_is_taken_in_with_its_tree(stage: Stage) -> None:
    alpha = simulator(stage)
    put(alpha)
    for name in ("a", "b"):
        alpha.snapshot_create(OTHER, f"<domainsnapshot><name>{name}</name></domainsnapshot>", SnapshotCreate.NONE)
    assert stage.observer().adopt() == {}
    taken = stage.records.domain(UUID(OTHER))
    assert (taken.name, taken.owner is not None and taken.owner.host) == ("other", ALPHA)
    assert {record.name: taken.forest.parent_name(record) for record in taken.forest} == {"a": None, "b": "a"}
    assert stage.records.names[-1] == "other"
    assert {event.origin for event in stage.records.events(UUID(OTHER))[1:]} == {"observed"}


def test_what_is_recorded_is_left_to_the_rounds_and_twice_is_once(stage: Stage) -> None:
    put(simulator(stage))
    stage.observer().adopt()
    events = {stream: len(stage.records.events(stream)) for stream in stage.records.streams}
    stage.observer().adopt()
    assert {stream: len(stage.records.events(stream)) for stream in stage.records.streams} == events


def test_a_domain_the_log_has_on_another_host_is_named_and_left(stage: Stage) -> None:
    put(simulator(stage, BETA), UUID_TEXT, "guest")
    assert stage.observer(BETA).adopt() == {"guest": ELSEWHERE}
    assert BETA not in stage.records.domain(DOMAIN).placements


def test_one_that_was_undefined_once_is_the_same_domain_again(stage: Stage) -> None:
    alpha = simulator(stage)
    put(alpha)
    stage.observer().adopt()
    alpha.undefine(OTHER)
    stage.observe()
    put(alpha, name="again")
    stage.observer().adopt()
    taken = stage.records.domain(UUID(OTHER))
    assert [event.TOPIC for event in stage.records.events(UUID(OTHER))].count("domain.introduced") == 1
    assert taken.name == "again"


def test_of_two_hosts_with_the_same_unrecorded_domain_the_first_has_it(stage: Stage) -> None:
    for host in (ALPHA, BETA):
        put(simulator(stage, host))
    observer = stage.observer(BETA)
    take_in = stage.records.take_in

    def overtaken(domain: Domain, decide: Callable[[Domain], None], **more: Any) -> None:
        stage.records.take_in = take_in  # type: ignore[method-assign]
        stage.observer().adopt()
        decide(stage.records.domain(domain.id))
        del more

    stage.records.take_in = overtaken  # type: ignore[method-assign]
    assert observer.adopt() == {"other": ELSEWHERE}
    assert set(stage.records.domain(UUID(OTHER)).placements) == {ALPHA}


def test_one_that_cannot_be_looked_at_is_named_with_the_reason_and_the_others_are_taken_in(stage: Stage) -> None:
    alpha = simulator(stage)
    put(alpha)
    put(alpha, "00000000-0000-4000-8000-0000000000ef", "broken")
    assert stage.observer(driver=Unreadable(alpha)).adopt() == {"broken": "internal error: no XML today"}
    assert UUID(OTHER) in stage.records.streams


class Unreadable:
    """A hypervisor that shows the definition of all but one domain."""

    def __init__(self, driver: SimulatorDriver) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def domain_xml(self, uuid: str, *, inactive: bool) -> str:
        if uuid.endswith("ef"):
            raise Refused("internal error: no XML today", number=1)
        return self._driver.domain_xml(uuid, inactive=inactive)


def test_what_nobody_recorded_is_told_and_left_where_it_is(stage: Stage) -> None:
    other = definition("other").replace(UUID_TEXT, "00000000-0000-4000-8000-0000000000aa")
    stage.drivers[ALPHA].define(other)
    before = set(stage.records.streams)
    assert stage.observer().run_once(frozenset()) == {"00000000-0000-4000-8000-0000000000aa": "other"}
    assert set(stage.records.streams) == before


def test_of_what_nobody_recorded_only_what_is_wanted_is_taken_in(stage: Stage) -> None:
    uuids = [f"00000000-0000-4000-8000-0000000000a{n}" for n in (1, 2)]
    for uuid in uuids:
        stage.drivers[ALPHA].define(definition(f"other{uuid[-1]}").replace(UUID_TEXT, uuid))
    alice = Asker("uid:1000(alice)", "it is hers")
    assert stage.observer().adopt({uuids[0]: alice}) == {}
    assert stage.records.askers == [alice]
    assert stage.observer().run_once(frozenset()) == {uuids[1]: "other2"}
    assert stage.observer().adopt() == {}
    assert stage.observer().run_once(frozenset()) == {}


def test_by_its_policy_a_host_takes_in_what_it_can_and_tries_the_rest_again_only_now_and_then(stage: Stage) -> None:
    put(simulator(stage, BETA))
    put(simulator(stage, BETA), UUID_TEXT, "guest")
    observer = stage.observer(BETA)
    unrecorded = observer.run_once(frozenset())
    assert observer.adopt(observer.by_policy(unrecorded)) == {"guest": ELSEWHERE}
    assert stage.records.askers == [POLICY]
    left = [observer.by_policy(observer.run_once(frozenset())) for _ in range(12)]
    assert left == [{}] * 10 + [{UUID_TEXT: POLICY}] * 2


def test_what_we_just_make_ourselves_is_not_told_of_as_left_by_policy(stage: Stage) -> None:
    stage.ask("start")
    put(simulator(stage, BETA), UUID_TEXT, "guest")
    observer = stage.observer(BETA)
    assert observer.adopt({UUID_TEXT: POLICY}) == {}
    assert observer.adopt({UUID_TEXT: Asker("uid:1000(alice)")}) == {"guest": UNDER_WAY}
    assert stage.records.askers == []


def test_what_was_seen_while_it_could_not_be_recorded_is_recorded_in_the_next_round(stage: Stage) -> None:
    observer = stage.observer()
    stage.drivers[ALPHA].start(UUID_TEXT)

    def away() -> None:
        raise ConnectionError("the database is away")

    stage.records.interrupt = away
    with pytest.raises(ConnectionError):
        observer.run_once(frozenset())
    observer.run_once(frozenset())
    assert adopted(stage) == ["domain.started"]
