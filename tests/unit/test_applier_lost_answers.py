"""When the answer is lost or the worker dies, what is there decides: done, do again, or unknown. Nothing is guessed."""

from pathlib import Path
from typing import Any

import pytest

from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable
from domain_model.flags import SnapshotCreate, Start
from domain_model.libvirt import DomainState
from domain_model.operations import VERBS
from drivers.abilities import GuestControl
from tests.lab.agreement import check_agreement
from tests.unit.domain_histories import ALPHA, AT, DOMAIN, UUID_TEXT, begun
from tests.unit.lost_answers import FILE, IN_FLIGHT, LOST, SUCCEEDED, TAKEN, UNKNOWN, Lost, running, with_an_agent
from tests.unit.stage import Died, Stage, altered, dying, severed
from workers.steps import Step


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize("before", [True, False], ids=["before it acted", "after it acted"])
@pytest.mark.parametrize("lost", LOST, ids=lambda lost: lost.says)
def test_a_lost_answer_is_settled_by_looking(stage: Stage, lost: Lost, *, before: bool) -> None:
    lost.given(stage)
    asked = stage.ask(lost.verb, **lost.arguments(stage))
    at_once, later = lost.not_done if before else lost.done
    assert stage.apply(asked, severed(stage.drivers[ALPHA], lost.call, before=before)).state == at_once
    assert stage.apply(asked).state == later
    recorded_is_there(stage)


@pytest.mark.parametrize("before", [True, False], ids=["before it acted", "after it acted"])
@pytest.mark.parametrize("lost", LOST, ids=lambda lost: lost.says)
def test_what_a_killed_worker_left_is_settled_by_its_successor(stage: Stage, lost: Lost, *, before: bool) -> None:
    lost.given(stage)
    asked = stage.ask(lost.verb, **lost.arguments(stage))
    with pytest.raises(Died):
        stage.apply(asked, dying(stage.drivers[ALPHA], lost.call, before=before))
    stage.epoch = 2
    _, later = lost.not_done if before else lost.done
    assert stage.apply(asked).state == later
    recorded_is_there(stage)


def recorded_is_there(stage: Stage) -> None:
    """Check that the log agrees with the hypervisor, whatever the outcome."""
    check_agreement(stage.domain, ALPHA, stage.drivers[ALPHA].domain(UUID_TEXT))


def test_every_verb_that_touches_a_hypervisor_is_lost_here_or_has_tests_of_its_own() -> None:
    elsewhere = {"replay", "handover", "checkpoint-create", "checkpoint-redefine", "checkpoint-delete", "backup-begin"}
    assert VERBS.keys() - {lost.verb for lost in LOST} == elsewhere


def test_a_lost_control_verb_takes_no_credit_for_what_a_deletion_beside_it_does(stage: Stage) -> None:
    running(stage)
    stage.snapshot("a", "b")
    real = stage.drivers[ALPHA]
    key = stage.ask("send-key", keycodes=[28])

    def delete(*given: Any) -> None:
        real.snapshot_delete(*given)
        assert stage.apply(key, severed(real, "send_key", before=False)).state == UNKNOWN

    assert (
        stage.do("snapshot-delete", driver=altered(real, snapshot_delete=delete), name="b", flags=0).state == SUCCEEDED
    )
    assert stage.domain.forest.grave.named("b") is None
    [deleted] = [event for event in stage.records.events(DOMAIN) if isinstance(event, Domain.SnapshotDeleted)]
    assert deleted.operation != str(key.id)


def test_a_snapshot_is_recorded_as_made_though_a_control_verb_hangs_beside_it(stage: Stage) -> None:
    running(stage)
    asked = stage.ask("send-key", keycodes=[28])
    domain = stage.domain
    event, fields = begun(str(asked.id))
    domain.record(event, AT, **fields)
    stage.records.append(domain, {})
    assert stage.take("a").state == SUCCEEDED
    [made] = [event for event in stage.records.events(DOMAIN) if isinstance(event, Domain.SnapshotCreated)]
    assert (made.name, made.origin) == ("a", "operation")


def test_an_act_of_unknown_outcome_is_never_done_again(stage: Stage) -> None:
    running(stage)
    asked = stage.ask("snapshot-create", **{**TAKEN, "flags": int(SnapshotCreate.NO_METADATA)})
    stage.apply(asked, severed(stage.drivers[ALPHA], "snapshot_create", before=True))
    before = stage.topics
    stage.apply(asked)
    assert stage.topics == before
    assert stage.seen().snapshots == ()


def test_what_could_be_seen_of_an_act_of_unknown_outcome_is_recorded(stage: Stage) -> None:
    running(stage)
    asked = stage.ask("reboot")
    alpha = stage.drivers[ALPHA]

    def reached(step: Step, _verb: str) -> None:
        if step is Step.STARTED:
            alpha.suspend(UUID_TEXT)

    assert stage.apply(asked, severed(alpha, "reboot", before=True), reached).state == UNKNOWN
    assert stage.topics[-3:] == ["operation.started", "domain.suspended", "operation.outcome_unknown"]


def test_a_success_is_not_forgotten_because_the_look_after_it_failed(stage: Stage) -> None:
    stage.define()
    asked, alpha = stage.ask("start"), stage.drivers[ALPHA]
    looks = [0]

    def unreachable(uuid: str) -> Any:
        looks[0] += 1
        if looks[0] > 1:
            raise HypervisorUnreachable("the network is gone")
        return alpha.domain(uuid)

    assert stage.apply(asked, altered(alpha, domain=unreachable)).state == IN_FLIGHT
    assert stage.apply(asked).state == SUCCEEDED
    assert stage.topics.count("domain.started") == 1


def test_a_started_operation_waits_for_a_hypervisor_that_is_away(stage: Stage) -> None:
    stage.define()
    asked, alpha = stage.ask("start"), stage.drivers[ALPHA]
    stage.apply(asked, severed(alpha, "start", before=True))

    def unreachable(_uuid: str) -> Any:
        raise HypervisorUnreachable("the network is gone")

    assert stage.apply(asked, altered(alpha, domain=unreachable)).state == IN_FLIGHT
    assert stage.apply(asked).state == SUCCEEDED


def test_a_first_attempt_that_ends_while_the_second_is_refused_for_it_is_a_success(stage: Stage) -> None:
    stage.define()
    asked, alpha = stage.ask("start"), stage.drivers[ALPHA]
    stage.apply(asked, severed(alpha, "start", before=True))

    def start(uuid: str, flags: Start) -> None:
        alpha.start(uuid)  # the first attempt, which was only slow
        alpha.start(uuid, flags)

    assert stage.apply(asked, altered(alpha, start=start)).state == SUCCEEDED
    assert stage.topics[-2:] == ["domain.started", "operation.succeeded"]


@pytest.mark.parametrize(
    ("verb", "call", "arguments"),
    [
        ("save", "save", {"file": FILE}),
        ("managedsave", "managed_save", {}),
        ("dump", "core_dump", {"file": FILE}),
    ],
)
def test_a_guest_that_ended_by_itself_was_perhaps_saved_before_and_nobody_says_it_was(
    stage: Stage, verb: str, call: str, arguments: dict[str, Any]
) -> None:
    running(stage)
    asked, alpha = stage.ask(verb, **arguments), stage.drivers[ALPHA]
    assert stage.apply(asked, severed(alpha, call, before=True)).state == IN_FLIGHT
    alpha.destroy(UUID_TEXT)
    assert stage.apply(asked).state == UNKNOWN


def test_a_guest_that_slept_and_was_woken_is_not_put_to_sleep_again(stage: Stage) -> None:
    with_an_agent(stage)
    asked, alpha = stage.ask("dompmsuspend", target="mem"), stage.drivers[ALPHA]
    with pytest.raises(Died):
        stage.apply(asked, dying(alpha, "pm_suspend", before=False))
    assert isinstance(alpha, GuestControl)
    alpha.pm_wakeup(UUID_TEXT)
    assert stage.apply(asked).state == SUCCEEDED
    assert stage.seen().state is DomainState.RUNNING


def test_the_evidence_of_the_first_start_decides_and_not_that_of_a_second(stage: Stage) -> None:
    running(stage)
    asked, alpha = stage.ask("destroy"), stage.drivers[ALPHA]
    stage.apply(asked, severed(alpha, "destroy", before=False))
    assert stage.asked(asked).state == SUCCEEDED
    again = stage.ask("start")
    stage.apply(again)
    asked = stage.ask("destroy")
    with pytest.raises(Died):
        stage.apply(asked, dying(alpha, "destroy", before=False))
    alpha.start(UUID_TEXT)  # somebody starts it again: it is another run, which was not to be destroyed
    assert stage.apply(asked).state == SUCCEEDED
    assert stage.seen().active
    starts = [event for event in stage.records.events(DOMAIN) if isinstance(event, Domain.OperationStarted)]
    assert len([event for event in starts if event.operation == str(asked.id)]) == 1
