"""What is drift after a history, and what is none: whoever did something, only what is not as we left it is told of."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_model import drift
from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from projections.drift import DRIFT, Drift
from tests.unit.drift_fields import accepted_drift
from tests.unit.test_projection_histories import ALPHA, BETA, History, digest, named, snapshot, state
from tests.unit.test_projections import folded

RUNNING = state(DomainState.RUNNING, 1, id=7, live=digest("live"))
PAUSED = state(DomainState.PAUSED, 1, id=7, live=digest("live"))
DESTROYED = state(DomainState.SHUTOFF, 2)
SHUT_DOWN = state(DomainState.SHUTOFF, 1)
S1 = drift.snapshot_key(str(named("s1")))


class Past:
    """A domain on alpha that an operation of ours defined."""

    def __init__(self, *, adopted: bool = False) -> None:
        self.history = History()
        self.domain = self.history.domain("vm")
        tell = self.seen if adopted else self.ours
        tell(Domain.Defined, name="vm", definition=digest("definition"))

    def ours(self, event: type[Domain.Event], **fields: Any) -> None:
        operation = str(named("operation"))
        self.history.record(self.domain, event, host=ALPHA, operation=operation, origin="operation", **fields)

    def seen(self, event: type[Domain.Event], **fields: Any) -> None:
        self.history.fact(self.domain, event, **fields)

    def accepted(self, *aspects: str, position: int = 1_000_000) -> None:
        self.history.record(self.domain, Domain.DriftAccepted, **accepted_drift(ALPHA, *aspects, position=position))

    def deleted(self, name: str, current: str | None = None) -> dict[str, Any]:
        return {
            "removed": [{"snapshot": str(named(name)), "name": name}],
            "reparented": [],
            "current_before": str(named(name)),
            "current": None if current is None else str(named(current)),
            "metadata_only": True,
            "data_kept": True,
        }

    @property
    def placements(self) -> list[Any]:
        return folded(Drift(), self.history.events).rows(DRIFT)

    @property
    def drift(self) -> dict[str, tuple[Any, Any]]:
        """By aspect what it was by our word, and what it is."""
        return {
            aspect: (row["recorded"].get(aspect, {}).get("value"), seen["value"])
            for row in self.placements
            for aspect, seen in row["observed"].items()
        }


@pytest.fixture
def past() -> Past:
    return Past()


def test_what_operations_do_is_no_drift(past: Past) -> None:
    past.ours(Domain.Started, name="vm", **RUNNING)
    past.ours(Domain.SnapshotCreated, **snapshot("s1"))
    past.ours(Domain.Updated, autostart=True, managed_save=False)
    past.ours(Domain.Stopped, **DESTROYED)
    past.ours(Domain.SnapshotDeleted, **past.deleted("s1"))
    assert past.drift == {}


def test_a_start_behind_our_back_is_drift_until_it_is_off_again(past: Past) -> None:
    past.seen(Domain.Started, name="vm", **RUNNING)
    assert past.drift == {"state": (DomainState.SHUTOFF, DomainState.RUNNING)}
    past.seen(Domain.Suspended, **PAUSED)
    assert past.drift == {"state": (DomainState.SHUTOFF, DomainState.PAUSED)}
    past.seen(Domain.Stopped, **DESTROYED)
    assert past.drift == {}


def test_both_sides_have_the_position_and_the_time_of_their_fact(past: Past) -> None:
    past.seen(Domain.Started, name="vm", **RUNNING)
    past.seen(Domain.LiveChanged, live=digest("another"))
    introduced, defined, started, _ = past.history.events
    [row] = past.placements
    mark = row["recorded"]["state"]["position"], row["recorded"]["state"]["at"]
    assert mark == (2, defined.timestamp.isoformat())
    seen = row["observed"]["state"]
    assert (seen["position"], seen["at"]) == (3, started.timestamp.isoformat())
    assert introduced.timestamp < defined.timestamp


def test_seeing_the_same_again_does_not_change_since_when_it_is_so(past: Past) -> None:
    past.seen(Domain.Started, name="vm", **RUNNING)
    past.seen(Domain.Started, name="vm", **{**RUNNING, "hypervisor_id": 8})
    [row] = past.placements
    assert row["observed"]["state"]["position"] == 3


def test_an_operation_on_the_aspect_closes_it_and_one_on_another_does_not(past: Past) -> None:
    past.seen(Domain.Updated, autostart=True, managed_save=False)
    past.ours(Domain.Started, name="vm", **RUNNING)
    past.ours(Domain.Updated, autostart=True, managed_save=True)
    assert past.drift == {"autostart": (False, True)}
    past.ours(Domain.Updated, autostart=False, managed_save=True)
    assert past.drift == {}


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (Domain.Stopped, SHUT_DOWN),
        (Domain.ShuttingDown, state(DomainState.SHUTDOWN, 1, id=7)),
        (Domain.PMSuspended, state(DomainState.PMSUSPENDED, 0, id=7)),
        (Domain.Resumed, state(DomainState.RUNNING, 8, id=7)),
        (Domain.Resumed, state(DomainState.BLOCKED, 0, id=7)),
        (Domain.Started, {"name": "vm", **state(DomainState.RUNNING, 1, id=8)}),
    ],
)
def test_what_the_guest_does_itself_and_another_id_of_it_are_no_drift(
    past: Past, event: type[Domain.Event], fields: dict[str, Any]
) -> None:
    past.ours(Domain.Started, name="vm", **RUNNING)
    past.seen(event, **fields)
    assert past.drift == {}


def test_a_crash_is_drift(past: Past) -> None:
    past.ours(Domain.Started, name="vm", **RUNNING)
    past.seen(Domain.Crashed, **state(DomainState.CRASHED, 1, id=7))
    assert past.drift == {"state": (DomainState.RUNNING, DomainState.CRASHED)}


def test_what_the_first_look_at_a_domain_shows_is_how_it_is_left() -> None:
    past = Past(adopted=True)
    at = past.history.events[-1].timestamp
    for event, fields in (
        (Domain.Started, {"name": "vm", **RUNNING}),
        (Domain.Updated, {"autostart": True, "managed_save": False}),
        (Domain.SnapshotCreated, snapshot("s1")),
    ):
        past.domain.record(event, at, host=ALPHA, operation=None, origin="observed", **fields)
        past.history.took(past.domain)
    assert past.drift == {}
    past.seen(Domain.Stopped, **DESTROYED)
    assert past.drift == {"state": (DomainState.RUNNING, DomainState.SHUTOFF)}


def test_another_definition_is_drift_until_the_recorded_one_is_back(past: Past) -> None:
    past.seen(Domain.Defined, name="vm", definition=digest("another"))
    assert past.drift == {"definition": (digest("definition"), digest("another"))}
    past.seen(Domain.Defined, name="vm", definition=digest("definition"))
    assert past.drift == {}


def test_another_name_is_drift_and_what_only_repeats_it_closes_nothing(past: Past) -> None:
    past.seen(Domain.Renamed, name="other", name_before="vm")
    past.ours(Domain.Started, name="other", **RUNNING)
    assert past.drift == {"name": ("vm", "other")}


def test_a_domain_undefined_behind_our_back_stays_drift_with_all_it_had(past: Past) -> None:
    past.ours(Domain.Updated, autostart=True, managed_save=False)
    past.ours(Domain.SnapshotCreated, **snapshot("s1"))
    past.seen(Domain.SnapshotCreated, **snapshot("s2", "s1"))
    past.seen(Domain.Undefined)
    assert past.drift == {
        "definition": (digest("definition"), None),
        "autostart": (True, False),
        "current snapshot": (str(named("s1")), None),
    }
    past.ours(Domain.Defined, name="vm", definition=digest("definition"))
    assert set(past.drift) == {"autostart", "current snapshot"}


def test_what_we_end_is_no_drift_whatever_was(past: Past) -> None:
    past.seen(Domain.SnapshotCreated, **snapshot("s1"))
    past.ours(Domain.Undefined)
    assert past.placements == []


def test_a_transient_guest_that_shuts_down_is_no_drift_and_one_that_is_destroyed_is() -> None:
    for end, expected in ((SHUT_DOWN, {}), (DESTROYED, {"state": (DomainState.RUNNING, DomainState.SHUTOFF)})):
        past = Past()
        past.ours(Domain.Started, name="vm", **RUNNING)
        past.ours(Domain.Undefined)
        past.seen(Domain.Stopped, **end)
        assert past.drift == expected


def test_a_snapshot_somebody_took_is_drift_until_it_goes(past: Past) -> None:
    past.seen(Domain.SnapshotCreated, **snapshot("s1"))
    assert past.drift == {S1: (None, "added"), "current snapshot": (None, str(named("s1")))}
    past.seen(Domain.SnapshotDeleted, **past.deleted("s1"))
    assert past.drift == {}


def test_a_snapshot_that_went_is_drift_until_it_is_back(past: Past) -> None:
    past.ours(Domain.SnapshotCreated, **snapshot("s1"))
    past.seen(Domain.SnapshotDeleted, **past.deleted("s1"))
    assert past.drift == {S1: (None, "gone"), "current snapshot": (str(named("s1")), None)}
    past.seen(Domain.SnapshotRedefined, replaced=None, **snapshot("s1"))
    assert past.drift == {}


def test_a_snapshot_that_was_redefined_is_drift_until_its_dump_is_as_it_was(past: Past) -> None:
    ours, theirs = snapshot("s1"), snapshot("s1", text="theirs")
    past.ours(Domain.SnapshotCreated, **ours)
    parts = {key: ours[key] for key in ("header", "domain", "inactive_domain")}
    past.seen(Domain.SnapshotRedefined, replaced=parts, **theirs)
    assert past.drift == {S1: (None, "changed")}
    [row] = past.placements
    assert row["observed"][S1]["recorded"] == list(parts.values())
    past.seen(Domain.SnapshotRedefined, replaced={**parts, "header": theirs["header"]}, **ours)
    assert past.drift == {}


def test_another_current_snapshot_is_drift_and_deleting_a_third_one_leaves_it(past: Past) -> None:
    for name in ("s1", "s2", "s3"):
        past.ours(Domain.SnapshotCreated, **snapshot(name))
    past.seen(Domain.SnapshotMadeCurrent, snapshot=str(named("s1")), name="s1")
    both = {"current_before": str(named("s1")), "current": str(named("s1"))}
    past.ours(Domain.SnapshotDeleted, **{**past.deleted("s2"), **both})
    assert past.drift == {"current snapshot": (str(named("s3")), str(named("s1")))}
    past.ours(Domain.SnapshotReverted, snapshot=str(named("s3")), name="s3", **DESTROYED)
    assert past.drift == {}


def test_what_was_accepted_is_how_it_is_left_and_what_was_seen_later_is_not(past: Past) -> None:
    past.seen(Domain.Started, name="vm", **RUNNING)
    past.seen(Domain.SnapshotCreated, **snapshot("s1"))
    past.accepted("state", S1, "current snapshot")
    assert past.drift == {}
    past.seen(Domain.Suspended, **PAUSED)
    past.accepted("state", position=1)
    assert past.drift == {"state": (DomainState.RUNNING, DomainState.PAUSED)}


def test_who_accepts_a_changed_snapshot_does_not_accept_what_is_done_to_it_later(past: Past) -> None:
    past.ours(Domain.SnapshotCreated, **snapshot("s1"))
    before = {part: snapshot("s1")[part] for part in ("header", "domain", "inactive_domain")}
    past.seen(Domain.SnapshotRedefined, **snapshot("s1", text="theirs"), replaced=before)
    seen_up_to = len(past.history.events)
    past.seen(Domain.SnapshotRedefined, **snapshot("s1", text="theirs again"), replaced=before)
    past.accepted(S1, position=seen_up_to)
    assert past.drift == {S1: (None, drift.CHANGED)}


def test_what_we_undefine_leaves_nothing_whatever_happened_to_it_before(past: Past) -> None:
    past.ours(Domain.Started, name="vm", **RUNNING)
    past.seen(Domain.Stopped, **DESTROYED)
    past.ours(Domain.Undefined)
    assert past.placements == []


def test_who_accepts_that_a_domain_is_gone_has_none(past: Past) -> None:
    past.seen(Domain.Undefined)
    past.accepted("definition")
    assert past.placements == []


def test_drift_of_one_placement_is_none_of_another(past: Past) -> None:
    past.history.fact(past.domain, Domain.Defined, BETA, name="vm", definition=digest("definition"))
    past.history.fact(past.domain, Domain.Started, BETA, name="vm", **RUNNING)
    assert {str(row["host"]): set(row["observed"]) for row in past.placements} == {ALPHA: set(), BETA: {"state"}}


_ANYTHING: tuple[tuple[type[Domain.Event], dict[str, Any]], ...] = (
    (Domain.Defined, {"name": "vm", "definition": digest("definition")}),
    (Domain.Defined, {"name": "other", "definition": digest("another")}),
    (Domain.Undefined, {}),
    (Domain.Renamed, {"name": "other", "name_before": "vm"}),
    (Domain.Started, {"name": "vm", **RUNNING}),
    (Domain.Suspended, PAUSED),
    (Domain.Stopped, DESTROYED),
    (Domain.Stopped, SHUT_DOWN),
    (Domain.Updated, {"autostart": True, "managed_save": False}),
    (Domain.Updated, {"autostart": False, "managed_save": True}),
    (Domain.DriftAccepted, accepted_drift(ALPHA, "state", "definition", "autostart", "managed save", "name")),
)


@given(st.lists(st.tuples(st.sampled_from(_ANYTHING), st.booleans()), max_size=30))
def test_the_two_sides_together_say_what_the_aggregate_says(
    told: list[tuple[tuple[type[Domain.Event], dict[str, Any]], bool]],
) -> None:
    past = Past()
    for (event, fields), ours in told:
        placed = past.domain.placements.get(ALPHA)
        if event is Domain.Suspended and (placed is None or not placed.active):
            continue  # a guest that is off does not pause
        if event is Domain.DriftAccepted:
            past.history.record(past.domain, event, **fields)
        else:
            (past.ours if ours else past.seen)(event, **fields)
    placement = past.domain.placements.get(ALPHA)
    rows = past.placements
    if placement is None:
        assert all(row["observed"] for row in rows), "a domain that is gone by our word leaves nothing"
        return
    [row] = rows
    now = {aspect: said["value"] for aspect, said in {**row["recorded"], **row["observed"]}.items()}
    assert (now["state"], now["definition"], now["name"]) == (placement.state, placement.definition, placement.name)
    assert (now["autostart"], now["managed save"]) == (placement.autostart, placement.managed_save)
    for aspect, seen in row["observed"].items():
        assert seen["value"] != row["recorded"][aspect]["value"]
