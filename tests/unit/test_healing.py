"""What heals a drift, and what nothing does: it is said then, and nothing of value is given up."""

from typing import Any

import pytest

from domain_model import drift
from domain_model.domain import Domain
from domain_model.drift import Drift
from domain_model.healing import Remedy, remedies
from domain_model.libvirt import DomainState
from tests.unit.domain_histories import ALPHA, BETA, Told, defined, fact, history, snapshot, started, stopped, undefined

OFF, RUNNING, PAUSED = DomainState.SHUTOFF, DomainState.RUNNING, DomainState.PAUSED
ASLEEP, CRASHED = DomainState.PMSUSPENDED, DomainState.CRASHED


def domain(*told: Told) -> Domain:
    return history(*(told or (defined(),)))


def of(each: Drift, *others: Drift, past: Domain | None = None, host: str = ALPHA, **said: Any) -> Remedy:
    """The remedy for one drift beside others."""
    found = remedies([each, *others], domain() if past is None else past, host, **said)
    return next(remedy for remedy in found if remedy.drift == each)


@pytest.mark.parametrize(
    ("recorded", "observed", "verb", "arguments"),
    [
        (RUNNING, OFF, "start", {}),
        (PAUSED, OFF, "start", {"paused": True}),
        (RUNNING, PAUSED, "resume", {}),
        (RUNNING, ASLEEP, "dompmwakeup", {}),
        (PAUSED, RUNNING, "suspend", {}),
        (OFF, RUNNING, "shutdown", {}),
    ],
)
def test_a_state_is_made_again_by_one_operation(
    recorded: DomainState, observed: DomainState, verb: str, arguments: dict[str, Any]
) -> None:
    remedy = of(Drift(drift.STATE, int(recorded), int(observed)))
    assert (remedy.verb, remedy.arguments, remedy.why) == (verb, arguments, None)


@pytest.mark.parametrize("observed", [RUNNING, PAUSED, CRASHED])
def test_a_guest_somebody_started_is_stopped_at_once_only_if_that_is_said(observed: DomainState) -> None:
    assert of(Drift(drift.STATE, OFF, int(observed)), destroy=True).verb == "destroy"


@pytest.mark.parametrize("observed", [PAUSED, CRASHED])
def test_a_guest_that_cannot_shut_down_keeps_its_memory_unless_that_is_said(observed: DomainState) -> None:
    remedy = of(Drift(drift.STATE, OFF, int(observed)))
    assert (remedy.verb, "--destroy" in str(remedy.why)) == (None, True)


def test_a_state_no_operation_leads_back_to_is_said() -> None:
    remedy = of(Drift(drift.STATE, RUNNING, CRASHED))
    assert (remedy.verb, "running" in str(remedy.why)) == (None, True)


def test_a_transient_domain_that_ended_cannot_be_started() -> None:
    past = domain(started(), stopped(2))
    remedy = of(Drift(drift.STATE, RUNNING, OFF), past=past)
    assert (remedy.verb, "transient" in str(remedy.why)) == (None, True)


def test_of_a_domain_that_is_gone_all_else_waits_for_its_definition() -> None:
    past = domain(defined(), undefined())
    definition, state = Drift(drift.DEFINITION, "digest", None), Drift(drift.STATE, RUNNING, OFF)
    autostart = Drift(drift.AUTOSTART, recorded=True, observed=False)
    found = remedies([state, autostart, definition], past, ALPHA)
    assert [(remedy.verb, remedy.waits) for remedy in found] == [
        ("define", False),
        ("autostart", True),
        ("start", True),
    ]


def test_a_name_comes_before_the_definition_that_has_it() -> None:
    name, definition = Drift(drift.NAME, "vm", "other"), Drift(drift.DEFINITION, "digest", "another")
    found = remedies([definition, name], domain(), ALPHA)
    assert [(remedy.verb, remedy.waits) for remedy in found] == [("domrename", False), ("define", True)]


def test_a_definition_that_by_our_word_is_none_is_left() -> None:
    assert "no definition" in str(of(Drift(drift.DEFINITION, None, "theirs")).why)


def test_autostart_is_set_and_taken_back() -> None:
    assert of(Drift(drift.AUTOSTART, recorded=True, observed=False)).arguments == {}
    assert of(Drift(drift.AUTOSTART, recorded=False, observed=True)).arguments == {"disable": True}


def test_a_guests_memory_is_never_given_up() -> None:
    came, went = Drift(drift.MANAGED_SAVE, False, True), Drift(drift.MANAGED_SAVE, True, False)  # noqa: FBT003
    assert "memory" in str(of(came).why)
    assert "starts" in str(of(came, Drift(drift.STATE, RUNNING, OFF)).why)
    assert "gone" in str(of(went).why)


def test_of_snapshots_what_went_comes_back_what_changed_is_redefined_and_what_came_is_left() -> None:
    def seen(what: str, recorded: Any = None) -> Remedy:
        return of(Drift(drift.SNAPSHOT, recorded, what, "id-a", "a"))

    assert (seen(drift.GONE).verb, seen(drift.GONE).arguments) == ("snapshot-undelete", {"name": "a"})
    parts = ["header", None, None]
    assert seen(drift.CHANGED, parts).arguments == {"redefine": True, "documents": parts}
    assert all("only metadata" in str(each.note) for each in (seen(drift.GONE), seen(drift.CHANGED, parts)))
    assert seen(drift.ADDED).note is None
    assert "not known" in str(seen(drift.CHANGED).why)
    assert "holds data" in str(seen(drift.ADDED).why)


def test_the_current_snapshot_is_made_current_when_it_is_there() -> None:
    gone: dict[str, Any] = {
        "removed": [{"snapshot": "id-b", "name": "b"}],
        "reparented": [],
        "current_before": "id-b",
        "current": "id-a",
        "metadata_only": False,
    }
    tree = [defined(), snapshot("a"), snapshot("b", "a")]
    living = Drift(drift.CURRENT, "id-a", "id-b")
    assert of(living, past=domain(*tree)).arguments == {"name": "a"}
    dead = Drift(drift.CURRENT, "id-b", "id-a")
    buried = of(dead, past=domain(*tree, fact(Domain.SnapshotDeleted, data_kept=True, **gone)))
    assert (buried.arguments, buried.waits) == ({"name": "b"}, True)
    assert "for good" in str(of(dead, past=domain(*tree, fact(Domain.SnapshotDeleted, data_kept=False, **gone))).why)
    assert "without" in str(of(Drift(drift.CURRENT, None, "id-a"), past=domain(*tree)).why)


def test_a_tree_that_went_with_its_domain_is_replayed() -> None:
    past = domain(defined(), snapshot("a"), undefined(), defined())
    replay = of(Drift(drift.CURRENT, "id-a", None), past=past)
    assert replay.verb == "replay"
    assert "only metadata" in str(replay.note)


def test_a_replica_is_left_to_replay() -> None:
    past = domain(defined(), defined(BETA))
    assert "replay" in str(of(Drift(drift.DEFINITION, "digest", None), past=past, host=BETA).why)
    assert "may not run" in str(of(Drift(drift.STATE, OFF, RUNNING), past=past, host=BETA).why)
