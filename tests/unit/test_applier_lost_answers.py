"""When the answer is lost or the worker dies, what is there decides: done, do again, or unknown. Nothing is guessed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from domain_model import snapshot_xml
from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable
from domain_model.flags import SnapshotCreate, Start
from domain_model.operations import VERBS
from tests.unit.domain_histories import ALPHA, DOMAIN, UUID_TEXT
from tests.unit.stage import Died, Stage, altered, definition, dying, severed

SUCCEEDED, UNKNOWN, IN_FLIGHT = "succeeded", "outcome_unknown", "in flight"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def nothing(_stage: Stage) -> None:
    pass


def running(stage: Stage) -> None:
    stage.define()
    stage.start()


def paused(stage: Stage) -> None:
    running(stage)
    stage.do("suspend")


def with_snapshots(stage: Stage) -> None:
    running(stage)
    stage.snapshot("a", "b")


def off_with_snapshots(stage: Stage) -> None:
    stage.define()
    stage.snapshot("a", "b")


def redefinition(stage: Stage) -> dict[str, Any]:
    text = stage.drivers[ALPHA].snapshot_xml(UUID_TEXT, "b").replace("the b one", "better")
    return {"name": "b", "parent": "a", "state": "running", "flags": 1, "xml": text}


@dataclass(frozen=True)
class Lost:
    """A verb whose answer is lost: its state at once, and after one more round."""

    says: str
    verb: str
    call: str
    given: Callable[[Stage], None]
    not_done: tuple[str, str]
    """When the hypervisor did not do it."""
    done: tuple[str, str]
    arguments: Callable[[Stage], dict[str, Any]] = field(default=lambda _stage: {})


MADE: dict[str, Any] = {"name": "guest", "xml": definition()}
TAKEN: dict[str, Any] = {"name": "c", "xml": snapshot_xml.build("c"), "flags": 0}
AGAIN = (IN_FLIGHT, SUCCEEDED)
AT_ONCE = (SUCCEEDED, SUCCEEDED)
NEVER_KNOWN = (UNKNOWN, UNKNOWN)

LOST = [
    Lost("define", "define", "define", nothing, AGAIN, AGAIN, lambda _: MADE),
    Lost("create", "create", "create", nothing, AGAIN, AT_ONCE, lambda _: MADE),
    Lost("undefine", "undefine", "undefine", Stage.define, AGAIN, AT_ONCE),
    Lost("undefine while running", "undefine", "undefine", running, AGAIN, AT_ONCE),
    Lost("start", "start", "start", Stage.define, AGAIN, AT_ONCE),
    Lost("shutdown", "shutdown", "shutdown", running, AGAIN, AT_ONCE),
    Lost("destroy", "destroy", "destroy", running, AGAIN, AT_ONCE),
    Lost("reboot", "reboot", "reboot", running, NEVER_KNOWN, NEVER_KNOWN),
    Lost("suspend", "suspend", "suspend", running, AGAIN, AT_ONCE),
    Lost("resume", "resume", "resume", paused, AGAIN, AT_ONCE),
    Lost("take a snapshot", "snapshot-create", "snapshot_create", running, NEVER_KNOWN, AT_ONCE, lambda _: TAKEN),
    Lost(
        "take one without metadata",
        "snapshot-create",
        "snapshot_create",
        running,
        NEVER_KNOWN,
        NEVER_KNOWN,
        lambda _: {**TAKEN, "flags": int(SnapshotCreate.NO_METADATA)},
    ),
    Lost("redefine", "snapshot-redefine", "snapshot_create", with_snapshots, AGAIN, AGAIN, redefinition),
    Lost(
        "revert a running guest",
        "snapshot-revert",
        "snapshot_revert",
        with_snapshots,
        NEVER_KNOWN,
        AT_ONCE,
        lambda _: {"name": "a", "flags": 0},
    ),
    Lost(
        "revert a running guest to where it is",
        "snapshot-revert",
        "snapshot_revert",
        with_snapshots,
        NEVER_KNOWN,
        AT_ONCE,
        lambda _: {"name": "b", "flags": 0},
    ),
    Lost(
        "revert a guest that is off",
        "snapshot-revert",
        "snapshot_revert",
        off_with_snapshots,
        NEVER_KNOWN,
        AT_ONCE,
        lambda _: {"name": "a", "flags": 0},
    ),
    Lost(
        "revert a guest that is off to where it is: there is nothing to tell it by",
        "snapshot-revert",
        "snapshot_revert",
        off_with_snapshots,
        NEVER_KNOWN,
        NEVER_KNOWN,
        lambda _: {"name": "b", "flags": 0},
    ),
    Lost(
        "delete",
        "snapshot-delete",
        "snapshot_delete",
        with_snapshots,
        AGAIN,
        AT_ONCE,
        lambda _: {"name": "b", "flags": 0},
    ),
    Lost(
        "delete children only",
        "snapshot-delete",
        "snapshot_delete",
        with_snapshots,
        AGAIN,
        AGAIN,
        lambda _: {"name": "a", "flags": 4},
    ),
]


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
    domain, seen = stage.domain, stage.drivers[ALPHA].domain(UUID_TEXT)
    placement = domain.placements.get(ALPHA)
    assert (placement is None) == (seen is None)
    if placement is None or seen is None:
        return
    assert (placement.state, placement.hypervisor_id) == (seen.state, seen.hypervisor_id)
    assert {record.name for record in domain.forest} == set(seen.snapshots)
    current = domain.forest.current_snapshot
    assert (None if current is None else current.name) == seen.current_snapshot


def test_every_verb_that_touches_a_hypervisor_is_lost_here_but_replay_which_has_its_own_tests() -> None:
    assert VERBS.keys() - {lost.verb for lost in LOST} == {"replay", "handover"}


def test_an_act_of_unknown_outcome_is_never_done_again(stage: Stage) -> None:
    running(stage)
    asked = stage.ask("snapshot-create", **TAKEN)
    stage.apply(asked, severed(stage.drivers[ALPHA], "snapshot_create", before=True))
    before = stage.topics
    stage.apply(asked)
    assert stage.topics == before
    assert stage.seen().snapshots == ()


def test_what_could_be_seen_of_an_act_of_unknown_outcome_is_recorded(stage: Stage) -> None:
    running(stage)
    asked = stage.ask("reboot")
    alpha = stage.drivers[ALPHA]
    alpha.suspend(UUID_TEXT)
    assert stage.apply(asked, severed(alpha, "reboot", before=True)).state == UNKNOWN
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
