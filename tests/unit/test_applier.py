"""One operation from its turn to its end: the start on record first, then the act, then what became of it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain_model import snapshot_xml
from domain_model.domain import Domain
from domain_model.errors import Refused
from domain_model.flags import Destroy, SnapshotCreate, Start
from domain_model.libvirt import DomainState
from domain_model.placements import Role
from drivers.simulator import SimulatorDriver
from tests.unit.domain_histories import ALPHA, AT, BETA, DOMAIN, UUID_TEXT, begun, fact
from tests.unit.stage import Stage, altered, definition, silent, untouchable
from workers.background import GivenUp
from workers.ports import LeadLost
from workers.steps import Step


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def since_request(stage: Stage) -> list[str]:
    topics = stage.topics
    return topics[len(topics) - topics[::-1].index("operation.requested") :]


def simulator(stage: Stage, host: str = ALPHA) -> SimulatorDriver:
    driver = stage.drivers[host]
    assert isinstance(driver, SimulatorDriver)
    return driver


def running(stage: Stage) -> None:
    stage.define()
    stage.start()


def with_snapshots(stage: Stage) -> None:
    running(stage)
    stage.snapshot("a", "b")


def paused(stage: Stage) -> None:
    running(stage)
    stage.do("suspend")


def nothing(_stage: Stage) -> None:
    pass


@pytest.mark.parametrize(
    ("before", "verb", "arguments", "facts"),
    [
        (nothing, "define", {"name": "guest", "xml": definition()}, ["domain.defined"]),
        (nothing, "create", {"name": "guest", "xml": definition()}, ["domain.started"]),
        (Stage.define, "start", {}, ["domain.started"]),
        (Stage.define, "start", {"flags": Start.PAUSED}, ["domain.started"]),
        (Stage.define, "undefine", {}, ["domain.undefined"]),
        (with_snapshots, "undefine", {}, ["domain.undefined"]),
        (running, "shutdown", {}, ["domain.stopped"]),
        (running, "destroy", {}, ["domain.stopped"]),
        (running, "reboot", {}, ["domain.rebooted"]),
        (running, "suspend", {}, ["domain.suspended"]),
        (paused, "suspend", {}, []),
        (paused, "resume", {}, ["domain.resumed"]),
        (with_snapshots, "snapshot-revert", {"name": "a", "flags": 0}, ["snapshot.reverted"]),
        (with_snapshots, "snapshot-revert", {"name": "a", "flags": 2}, ["snapshot.reverted"]),
        (with_snapshots, "snapshot-delete", {"name": "a", "flags": 0}, ["snapshot.deleted"]),
        (with_snapshots, "snapshot-delete", {"name": "a", "flags": 4}, ["snapshot.deleted"]),
    ],
)
def test_an_operation_is_started_carried_out_and_recorded_with_its_facts(
    stage: Stage, before: Callable[[Stage], None], verb: str, arguments: dict[str, Any], facts: list[str]
) -> None:
    before(stage)
    assert stage.do(verb, **arguments).state == "succeeded"
    assert since_request(stage) == ["operation.started", *facts, "operation.succeeded"]
    assert stage.domain.operations == {}


def test_every_fact_of_an_operation_names_it(stage: Stage) -> None:
    stage.define()
    asked = stage.do("start")
    (event,) = [event for event in stage.records.events(DOMAIN) if isinstance(event, Domain.Started)]
    assert (event.operation, event.origin) == (str(asked.queued.id), "operation")


def test_an_operation_on_secrets_that_cannot_be_opened_fails_and_touches_nothing(stage: Stage) -> None:
    stage.define()
    stage.records.sealed.add(DOMAIN)
    asked = stage.do("start", driver=untouchable(stage.drivers[ALPHA], "start"))
    assert (asked.state, asked.code) == ("failed", 9)
    assert since_request(stage) == ["operation.failed"]


def test_the_start_is_on_record_with_the_evidence_before_the_hypervisor_is_touched(stage: Stage) -> None:
    with_snapshots(stage)
    recorded: list[Any] = []

    def destroy(uuid: str, flags: Destroy) -> None:
        recorded.extend(stage.records.events(DOMAIN)[-1:])
        stage.drivers[ALPHA].destroy(uuid, flags)

    stage.do("destroy", driver=altered(stage.drivers[ALPHA], destroy=destroy))
    (event,) = recorded
    assert isinstance(event, Domain.OperationStarted)
    assert (event.epoch, event.host) == (1, ALPHA)
    assert event.evidence == {
        "existed": True,
        "state": 1,
        "reason": 5,
        "hypervisor_id": 1,
        "persistent": True,
        "snapshots_unrecorded": [],
        "snapshots_missing": [],
        "current_snapshot": "b",
    }


def test_documents_and_names_are_stored_with_the_facts(stage: Stage) -> None:
    stage.define()
    assert stage.records.names[-1] == "guest"
    stage.do("undefine")
    assert stage.records.names[-1] == "guest"


# Refused before it began.


def test_a_rule_that_what_is_there_now_breaks_refuses_the_operation_before_it_starts(stage: Stage) -> None:
    running(stage)
    asked = stage.ask("suspend")
    simulator(stage).crash(UUID_TEXT)
    refused = stage.apply(asked, untouchable(stage.drivers[ALPHA], "suspend"))
    assert (refused.state, refused.code) == ("failed", 55)
    assert since_request(stage) == ["domain.stopped", "operation.failed"]


def test_a_domain_that_vanished_is_refused_with_42_before_it_starts(stage: Stage) -> None:
    stage.define()
    asked = stage.ask("start")
    stage.drivers[ALPHA].undefine(UUID_TEXT)
    refused = stage.apply(asked, untouchable(stage.drivers[ALPHA], "start"))
    assert (refused.state, refused.code) == ("failed", 42)
    assert since_request(stage) == ["domain.undefined", "operation.failed"]


def test_the_role_is_checked_again_when_the_turn_comes(stage: Stage) -> None:
    stage.define()
    stage.replay()
    handover, start = stage.ask("handover", to=BETA), stage.ask("start")
    assert stage.apply(handover).state == "succeeded"
    refused = stage.apply(start, untouchable(stage.drivers[ALPHA], "start"))
    assert (refused.state, refused.code) == ("failed", 55)
    assert "is a replica, its owner is host 'beta'" in refused.event.message


def test_a_hypervisor_that_is_not_reached_fails_the_operation_with_38_before_it_starts(stage: Stage) -> None:
    stage.define()
    refused = stage.do("start", driver=silent(stage.drivers[ALPHA], "domain"))
    assert (refused.state, refused.code) == ("failed", 38)
    assert since_request(stage) == ["operation.failed"]


def test_an_operation_whose_turn_has_not_come_is_left_for_later(stage: Stage) -> None:
    stage.define()
    first, second = stage.ask("start"), stage.ask("reboot")
    before = stage.topics
    assert stage.apply(second, untouchable(stage.drivers[ALPHA], "reboot")).state == "in flight"
    assert stage.topics == before
    assert stage.apply(first).state == "succeeded"
    assert stage.apply(second).state == "succeeded"


def test_a_control_operation_does_not_wait_for_a_started_exclusive_one(stage: Stage) -> None:
    running(stage)
    asked = stage.ask("snapshot-create", xml="<domainsnapshot><name>a</name></domainsnapshot>", name="a", flags=0)
    domain = stage.domain
    event, fields = begun(str(asked.id))
    domain.record(event, AT, **fields)
    stage.records.append(domain, {})
    assert stage.do("destroy").state == "succeeded"
    assert list(stage.domain.operations) == [str(asked.id)]


def test_a_second_run_of_an_ended_operation_does_nothing(stage: Stage) -> None:
    stage.define()
    asked = stage.ask("start")
    stage.apply(asked)
    before = stage.topics
    assert stage.apply(asked, untouchable(stage.drivers[ALPHA], "start", "domain")).state == "succeeded"
    assert stage.topics == before


# Refused by the hypervisor.


def test_a_refusal_of_the_hypervisor_is_the_outcome_with_its_number_and_words(stage: Stage) -> None:
    stage.define()
    refused = stage.do("setmem", size_kib=1024 * 1024)
    assert (refused.state, refused.code) == ("failed", 8)
    assert refused.event.message == "invalid argument: cannot set memory higher than max memory"
    assert since_request(stage) == ["operation.started", "operation.failed"]


def test_what_a_failed_operation_changed_all_the_same_is_recorded(stage: Stage) -> None:
    running(stage)

    def half(uuid: str, name: str, flags: Any) -> None:
        del name, flags
        stage.drivers[ALPHA].destroy(uuid)
        raise Refused("internal error: the guest did not come up again", number=1)

    stage.snapshot("a")
    refused = stage.revert("a", driver=altered(stage.drivers[ALPHA], snapshot_revert=half))
    assert (refused.state, refused.code) == ("failed", 1)
    assert since_request(stage) == ["operation.started", "domain.stopped", "operation.failed"]


@pytest.mark.parametrize("verb", ["define", "create"])
def test_a_foreign_domain_that_is_in_the_way_is_not_adopted_by_the_refusal(stage: Stage, verb: str) -> None:
    stage.drivers[ALPHA].define(definition("theirs"))
    refused = stage.do(verb, name="guest", xml=definition())
    assert (refused.state, refused.code) == ("failed", 9)
    assert stage.domain.placements == {}


# Fenced and interrupted.


def test_a_worker_that_leads_no_longer_does_not_touch_the_hypervisor(stage: Stage) -> None:
    stage.define()
    asked = stage.ask("start")
    stage.records.epochs[asked.host] = 2
    with pytest.raises(LeadLost):
        stage.apply(asked, untouchable(stage.drivers[ALPHA], "start"))
    assert since_request(stage) == []


def test_a_worker_that_lost_the_lead_while_acting_records_nothing_and_its_successor_settles(stage: Stage) -> None:
    stage.define()
    asked = stage.ask("start")

    def start(uuid: str, flags: Start) -> None:
        stage.drivers[ALPHA].start(uuid, flags)
        stage.records.epochs[asked.host] = 2

    with pytest.raises(LeadLost):
        stage.apply(asked, altered(stage.drivers[ALPHA], start=start))
    assert since_request(stage) == ["operation.started"]
    stage.epoch = 2
    assert stage.apply(asked, untouchable(stage.drivers[ALPHA], "start")).state == "succeeded"
    assert since_request(stage) == ["operation.started", "domain.started", "operation.succeeded"]


def test_what_another_writer_appended_first_is_not_recorded_twice(stage: Stage) -> None:
    running(stage)
    asked = stage.ask("suspend")

    def interrupt() -> None:
        domain = stage.domain
        event, fields = fact(
            Domain.Suspended, state=int(DomainState.PAUSED), reason=1, hypervisor_id=1, live=stage_live(stage)
        )
        domain.record(event, AT, **fields)
        stage.records.append(domain, {})

    def suspend(uuid: str) -> None:
        stage.drivers[ALPHA].suspend(uuid)
        stage.records.interrupt = interrupt

    assert stage.apply(asked, altered(stage.drivers[ALPHA], suspend=suspend)).state == "succeeded"
    assert since_request(stage) == ["operation.started", "domain.suspended", "operation.succeeded"]


def test_what_a_control_verb_beside_changed_after_the_look_is_not_recorded_as_it_was_before(stage: Stage) -> None:
    running(stage)
    asked, looks = stage.ask("snapshot-create", name="a", xml=snapshot_xml.build("a")), 0

    def reached(step: Step, _verb: str) -> None:
        nonlocal looks
        looks += step is Step.SEEN
        if step is Step.SEEN and looks == 1:
            assert stage.do("destroy").state == "succeeded"

    assert stage.apply(asked, reached=reached).state == "succeeded"
    facts = [topic for topic in since_request(stage) if not topic.startswith("operation.")]
    assert facts == ["domain.stopped", "snapshot.created", "snapshot.verified"]
    assert looks == 2


def test_where_others_go_on_recording_something_an_operation_ends_all_the_same(stage: Stage) -> None:
    running(stage)
    asked, looks = stage.ask("suspend"), 0

    def reached(step: Step, _verb: str) -> None:
        nonlocal looks
        if step is Step.SEEN:
            looks += 1
            stage.ask("desc", text=f"look {looks}")

    assert stage.apply(asked, reached=reached).state == "succeeded"
    assert looks == 5


def test_an_attempt_that_was_given_up_touches_nothing_more_and_the_next_one_does_it(stage: Stage) -> None:
    running(stage)
    asked, given_up = stage.ask("suspend"), threading.Event()

    def reached(step: Step, _verb: str) -> None:
        if step is Step.STARTED:
            given_up.set()

    with pytest.raises(GivenUp):
        stage.apply(asked, untouchable(stage.drivers[ALPHA], "suspend"), reached, given_up)
    assert since_request(stage) == ["operation.started"]
    assert stage.apply(asked).state == "succeeded"


def stage_live(stage: Stage) -> str | None:
    return stage.domain.placements[ALPHA].live


# Handover.


def test_a_handover_swaps_the_roles_and_the_old_owner_may_not_be_started(stage: Stage) -> None:
    stage.define()
    stage.snapshot("a")
    stage.replay()
    assert stage.do("handover", to=BETA).state == "succeeded"
    assert since_request(stage) == ["operation.started", "domain.handed_over", "operation.succeeded"]
    assert stage.domain.placements[ALPHA].role is Role.REPLICA
    with pytest.raises(Refused) as refusal:
        stage.ask("start")
    assert refusal.value.number == 55
    assert stage.do("start", BETA).state == "succeeded"
    assert stage.do("snapshot-revert", BETA, name="a", flags=0).state == "succeeded"


def test_a_domain_handed_over_can_be_handed_back_at_once(stage: Stage) -> None:
    stage.define()
    stage.replay()
    stage.do("handover", to=BETA)
    assert stage.do("handover", BETA, to=ALPHA).state == "succeeded"
    owner = stage.domain.owner
    assert owner is not None
    assert owner.host == ALPHA


def test_a_domain_started_behind_revisors_back_is_not_handed_over(stage: Stage) -> None:
    stage.define()
    stage.replay()
    asked = stage.ask("handover", to=BETA)
    stage.drivers[ALPHA].start(UUID_TEXT)
    refused = stage.apply(asked)
    assert (refused.state, refused.code, refused.event.code) == ("failed", 55, 55)
    assert "is running on host 'alpha'" in refused.event.message
    assert since_request(stage) == ["domain.started", "operation.started", "operation.failed"]


def test_a_domain_started_between_the_check_and_the_record_is_not_handed_over(stage: Stage) -> None:
    stage.define()
    stage.replay()
    asked, looks, alpha = stage.ask("handover", to=BETA), [0], stage.drivers[ALPHA]

    def starting(uuid: str) -> Any:
        looks[0] += 1
        if looks[0] == 3:
            alpha.start(uuid)
        return alpha.domain(uuid)

    refused = stage.apply(asked, altered(alpha, domain=starting))
    assert (refused.state, refused.code) == ("failed", 55)
    owner = stage.domain.owner
    assert owner is not None
    assert owner.host == ALPHA


def test_a_snapshot_taken_behind_revisors_back_stops_the_handover(stage: Stage) -> None:
    stage.define()
    stage.replay()
    asked = stage.ask("handover", to=BETA)
    xml = "<domainsnapshot><name>a</name></domainsnapshot>"
    stage.drivers[ALPHA].snapshot_create(UUID_TEXT, xml, SnapshotCreate.NONE)
    refused = stage.apply(asked)
    assert (refused.state, refused.code) == ("failed", 55)
    assert "is not up to date: run replay again" in refused.event.message
    assert since_request(stage) == ["snapshot.created", "snapshot.verified", "operation.failed"]
