"""What a domain is after a history, and that a history tells the same whenever it is told."""

from collections.abc import Iterable
from typing import Any

import pytest

from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from domain_model.placements import Role
from domain_model.presence import UNVERIFIED
from revisor.store.mapper import EventMapper
from tests.unit.domain_histories import (
    ALPHA,
    AT,
    BETA,
    DOMAIN,
    GAMMA,
    UUID_TEXT,
    Told,
    begun,
    cancelled,
    defined,
    entered,
    fact,
    failed,
    history,
    requested,
    settled,
    snapshot,
    started,
    stopped,
    succeeded,
    undefined,
    unknown,
    updated,
    verified,
)
from tests.unit.test_checkpoints import backup, checkpoint

HANDED_OVER: Told = (Domain.HandedOver, {"operation": "op", "host": BETA, "previous": ALPHA})

DELETED = fact(
    Domain.SnapshotDeleted,
    removed=[{"snapshot": "id-a", "name": "a"}],
    reparented=[{"snapshot": "id-b", "parent": None, "parent_before": "id-a", "header": "header-b2"}],
    current_before="id-a",
    current=None,
    metadata_only=False,
    data_kept=True,
)

VERIFIED = fact(
    Domain.SnapshotsVerified,
    present=["id-a"],
    missing=[{"snapshot": "id-b", "why": "/images/guest.qcow2 does not exist"}],
    unverified=[],
)

_HELD = {"snapshot": "id-b", "name": "b"}
HELD = (Domain.SnapshotHeld, {**_HELD, "by": "alice", "until": "2026-12-01T00:00:00+00:00"})
RELEASED = (Domain.SnapshotReleased, _HELD)

CHECKPOINT = {
    key: value for key, value in checkpoint("k")[1].items() if key not in ("host", "operation", "origin", "replaced")
}
CHECKPOINT_DELETED = fact(
    Domain.CheckpointDeleted,
    removed=[{"checkpoint": "id-k", "name": "k"}],
    reparented=[{"checkpoint": "id-l", "parent": None, "parent_before": "id-k", "header": "header-l2"}],
    current_before="id-l",
    current="id-l",
    metadata_only=True,
)
ACCEPTED: Told = (Domain.DriftAccepted, {"host": ALPHA, "aspects": ["state", "snapshot id-a"], "position": 7})
EVERY_EVENT: tuple[Told, ...] = (
    requested("one", "define", name="guest", xml="digest"),
    begun("one"),
    defined(),
    succeeded("one"),
    requested("two", "start"),
    failed("two"),
    requested("three", "reboot"),
    begun("three"),
    unknown("three"),
    settled("three"),
    requested("withdrawn", "start"),
    cancelled("withdrawn"),
    started(),
    entered(Domain.Suspended, DomainState.PAUSED),
    ACCEPTED,
    entered(Domain.Resumed, DomainState.RUNNING, 5),
    entered(Domain.PMSuspended, DomainState.PMSUSPENDED, 0),
    entered(Domain.Crashed, DomainState.CRASHED),
    entered(Domain.ShuttingDown, DomainState.SHUTDOWN),
    fact(Domain.Rebooted),
    fact(Domain.Reset),
    fact(Domain.Renamed, name="renamed", name_before="guest"),
    fact(Domain.LiveChanged, live="live2"),
    fact(Domain.ImagesSeen, files={"vda": ["/images/top.qcow2", "/images/base.qcow2"]}, names={}, cut={}),
    updated(autostart=True, managed_save=True),
    snapshot("a"),
    snapshot("b", "a"),
    snapshot("a", event=Domain.SnapshotRedefined, header="header-a2"),
    fact(Domain.SnapshotReverted, snapshot="id-a", name="a", state=3, reason=7, hypervisor_id=2, live="live3"),
    fact(Domain.SnapshotMadeCurrent, snapshot="id-b", name="b"),
    VERIFIED,
    HELD,
    RELEASED,
    HELD,
    DELETED,
    checkpoint("k"),
    checkpoint("l", "k"),
    fact(Domain.CheckpointRedefined, replaced=None, **{**CHECKPOINT, "header": "header-k2"}),
    CHECKPOINT_DELETED,
    backup("five"),
    fact(Domain.BackupEnded, backup="five", outcome="completed", message=None),
    stopped(),
    defined(BETA),
    snapshot("b", host=BETA, event=Domain.SnapshotRedefined),
    fact(Domain.ReplicaVerified, BETA, content="content", identical=1, total=1),
    HANDED_OVER,
    requested("four", "undefine", BETA),
    undefined(ALPHA),
)


def retold(events: Iterable[Any]) -> Any:
    """The domain that the stored form of these events tells of."""
    mapper, domain = EventMapper(), None
    for event in events:
        domain = mapper.to_domain_event(mapper.to_stored_event(event)).mutate(domain)  # type: ignore[attr-defined]
    return domain


def test_a_domain_told_again_from_its_stored_events_is_the_same_domain() -> None:
    domain = Domain.introduce(DOMAIN, uuid=UUID_TEXT, name="guest", host=ALPHA, at=AT)
    for event, fields in EVERY_EVENT:
        domain.record(event, AT, **fields)
    assert retold(domain.collect_events()) == domain


def test_the_history_that_is_told_again_leaves_no_kind_of_event_out() -> None:
    kinds = {kind for kind in vars(Domain).values() if isinstance(kind, type) and hasattr(kind, "TOPIC")}
    assert {event for event, _ in EVERY_EVENT} == kinds - {Domain.Created}


@pytest.mark.parametrize("told", EVERY_EVENT, ids=lambda told: getattr(told[0], "TOPIC", ""))
def test_every_event_can_be_applied_to_a_domain_that_is_nowhere(told: Told) -> None:
    event, fields = told
    domain = history()
    domain.record(event, AT, **fields)
    assert domain.version == 2


def test_a_domain_that_was_only_heard_of_is_nowhere() -> None:
    domain = history()
    assert domain.owner is None
    assert (domain.placements, len(domain.forest), domain.operations) == ({}, 0, {})


def test_the_first_host_that_defines_a_domain_owns_it_and_the_others_hold_replicas() -> None:
    domain = history(defined(), defined(BETA), defined(GAMMA))
    assert [placement.role for placement in domain.placements.values()] == [Role.OWNER, Role.REPLICA, Role.REPLICA]
    assert domain.owner is domain.placements[ALPHA]
    assert [replica.host for replica in domain.replicas] == [BETA, GAMMA]


def test_a_transient_domain_is_owned_where_it_was_started() -> None:
    domain = history(started())
    placement = domain.placements[ALPHA]
    assert (placement.role, placement.persistent, placement.active) == (Role.OWNER, False, True)


def test_a_definition_under_another_name_renames_the_placement() -> None:
    assert history(defined(), defined(name="renamed")).placements[ALPHA].name == "renamed"


@pytest.mark.parametrize("end", [(defined(), undefined()), (started(), stopped())])
def test_a_domain_that_is_undefined_while_off_or_stops_while_transient_is_nowhere_and_its_forest_is_lost(
    end: tuple[Told, Told],
) -> None:
    domain = history(end[0], snapshot("a"), end[1])
    assert (domain.placements, len(domain.forest), domain.forest.current) == ({}, 0, None)
    assert domain.forest.lost == ["id-a"]


def test_undefining_a_running_domain_makes_it_transient_and_keeps_its_snapshots() -> None:
    domain = history(defined(), snapshot("a"), started(), undefined())
    assert (domain.placements[ALPHA].persistent, domain.placements[ALPHA].active) == (False, True)
    assert "a" in domain.forest


def test_a_persistent_domain_that_stops_is_off_with_the_reason_given() -> None:
    placement = history(defined(), started(), stopped(reason=2)).placements[ALPHA]
    assert (placement.state, placement.reason, placement.live) == (DomainState.SHUTOFF, 2, None)


def test_undefining_a_replica_leaves_the_owner_and_its_forest_alone() -> None:
    domain = history(defined(), snapshot("a"), defined(BETA), undefined(BETA))
    assert list(domain.placements) == [ALPHA]
    assert "a" in domain.forest


def test_an_operation_is_in_flight_from_its_request_to_its_end() -> None:
    asked = requested("op", "start", flags=1)
    for end in (succeeded("op"), failed("op"), unknown("op")):
        domain = history(defined(), asked, begun("op"))
        assert domain.operations["op"].started
        assert domain.operations["op"].arguments == {"flags": 1}
        domain.record(end[0], AT, **end[1])
        assert domain.operations == {}


def test_a_second_start_of_an_operation_does_not_replace_the_evidence_of_the_first() -> None:
    first, second = {"existed": False}, {"existed": True}
    domain = history(requested("op", "define"), begun("op", evidence=first), begun("op", evidence=second, epoch=2))
    assert domain.operations["op"].evidence == first


def test_exclusive_operations_start_in_the_order_they_were_asked_for() -> None:
    domain = history(defined(), requested("one", "start"), requested("two", "shutdown"))
    assert (domain.may_start("one"), domain.may_start("two")) == (True, False)
    domain.record(begun("one")[0], AT, **begun("one")[1])
    assert not domain.may_start("two")
    domain.record(succeeded("one")[0], AT, **succeeded("one")[1])
    assert domain.may_start("two")


def test_a_control_operation_starts_beside_an_exclusive_one() -> None:
    domain = history(defined(), requested("one", "snapshot-create"), begun("one"), requested("two", "destroy"))
    assert domain.may_start("two")
    assert domain.may_start("one")


def test_an_operation_that_is_over_may_not_start() -> None:
    assert not history(defined(), requested("one", "start"), succeeded("one")).may_start("one")


def test_a_snapshot_on_the_owner_grows_the_forest() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    assert [(record.name, domain.forest.parent_name(record)) for record in domain.forest] == [("a", None), ("b", "a")]
    assert domain.forest.current == "id-b"


def test_a_snapshot_on_a_replica_is_noted_there_and_leaves_the_forest_alone() -> None:
    domain = history(
        defined(),
        snapshot("a"),
        snapshot("b", "a", current=False),
        defined(BETA),
        snapshot("a", host=BETA, current=True),
        snapshot("b", "a", host=BETA, current=False),
    )
    assert set(domain.placements[BETA].replicated) == {"id-a", "id-b"}
    assert domain.placements[BETA].replicated_current == "id-a"
    assert len(domain.forest) == 2


def test_deleting_snapshots_on_a_replica_is_noted_there_only() -> None:
    gone = fact(
        Domain.SnapshotDeleted,
        BETA,
        removed=[{"snapshot": "id-a", "name": None}],
        reparented=[],
        current_before="id-a",
        current=None,
        metadata_only=True,
        data_kept=True,
    )
    domain = history(defined(), snapshot("a"), defined(BETA), snapshot("a", host=BETA), gone)
    assert domain.placements[BETA].replicated == {}
    assert domain.placements[BETA].replicated_current is None
    assert "a" in domain.forest


def test_a_deletion_reparents_and_says_all_it_takes_to_undo_it() -> None:
    before = history(defined(), snapshot("a"), snapshot("b", "a"), snapshot("c", "b", current=False))
    before.forest.make_current("id-a")
    parents = {record.id: record.parent for record in before.forest}
    domain = history(defined(), snapshot("a"), snapshot("b", "a", current=False), DELETED)
    remaining = domain.forest.named("b")
    assert (remaining.parent, remaining.header, domain.forest.current) == (None, "header-b2", None)
    said = DELETED[1]
    assert {entry["snapshot"]: entry["parent_before"] for entry in said["reparented"]} == {"id-b": parents["id-b"]}
    assert said["current_before"] == "id-a"


@pytest.mark.parametrize(("data_kept", "buried"), [(True, ["a"]), (False, [])])
def test_what_is_deleted_can_come_back_if_its_data_may_be_there(*, data_kept: bool, buried: list[str]) -> None:
    deleted: Told = DELETED[0], {**DELETED[1], "data_kept": data_kept}
    domain = history(defined(), snapshot("a"), snapshot("b", "a", current=False), deleted)
    assert [entry.record.name for entry in domain.forest.grave] == buried


def test_a_rename_is_the_placements_name_and_on_the_owner_the_domains() -> None:
    renamed = {"name": "renamed", "name_before": "guest"}
    domain = history(defined(), defined(BETA), fact(Domain.Renamed, BETA, **renamed))
    assert (domain.name, domain.placements[ALPHA].name, domain.placements[BETA].name) == ("guest", "guest", "renamed")
    domain = history(defined(), defined(BETA), fact(Domain.Renamed, **renamed))
    assert (domain.name, domain.placements[ALPHA].name, domain.placements[BETA].name) == ("renamed", "renamed", "guest")


def test_what_is_found_of_snapshots_on_a_replica_says_nothing_of_the_owners() -> None:
    event, fields = VERIFIED
    domain = history(defined(), snapshot("a"), snapshot("b", "a"), defined(BETA), (event, {**fields, "host": BETA}))
    assert domain.forest.presence_of("id-b") == UNVERIFIED
    domain.record(event, AT, **fields)
    assert domain.forest.presence_of("id-b").why == "/images/guest.qcow2 does not exist"


def test_a_revert_makes_the_snapshot_current_and_gives_the_domain_its_state() -> None:
    reverted = fact(Domain.SnapshotReverted, snapshot="id-a", name="a", state=1, reason=4, hypervisor_id=7, live="live")
    domain = history(defined(), snapshot("a"), snapshot("b", "a"), reverted)
    assert domain.forest.current == "id-a"
    assert (domain.placements[ALPHA].state, domain.placements[ALPHA].hypervisor_id) == (DomainState.RUNNING, 7)


@pytest.mark.parametrize(
    "change",
    [
        defined(definition="another"),
        snapshot("b", "a", current=False),
        snapshot("a", header="another", current=False),
        fact(Domain.SnapshotMadeCurrent, snapshot=None, name=None),
    ],
)
def test_the_content_a_replica_must_agree_with_changes_with_definition_forest_and_current(change: Told) -> None:
    before = (defined(), snapshot("a"))
    assert history(*before).content != history(*before, change).content


def test_starting_and_stopping_does_not_change_the_content() -> None:
    assert history(defined(), snapshot("a")).content == history(defined(), snapshot("a"), started(), stopped()).content


def test_a_replica_that_is_defined_anew_is_no_longer_verified() -> None:
    domain = verified(history(defined(), defined(BETA)))
    assert domain.placements[BETA].verified == domain.content
    domain.record(defined(BETA)[0], AT, **defined(BETA, definition="by hand")[1])
    assert domain.placements[BETA].verified is None


def test_a_replica_on_which_a_replay_failed_is_no_longer_verified() -> None:
    domain = verified(history(defined(), defined(BETA)))
    for event, fields in (requested("op", "replay", BETA), begun("op", BETA), failed("op", BETA)):
        domain.record(event, AT, **fields)
    assert domain.placements[BETA].verified is None


def test_handing_over_swaps_owner_and_replica_and_the_old_owner_is_up_to_date() -> None:
    domain = history(defined(), snapshot("a"), defined(BETA), snapshot("a", host=BETA), HANDED_OVER)
    old, new = domain.placements[ALPHA], domain.placements[BETA]
    assert (old.role, new.role, domain.owner) == (Role.REPLICA, Role.OWNER, new)
    assert set(old.replicated) == {"id-a"}
    assert old.replicated_current == "id-a"
    assert old.verified == domain.content


def test_two_hosts_never_both_own_a_domain() -> None:
    owners: list[int] = []
    domain = history()
    for event, fields in EVERY_EVENT:
        domain.record(event, AT, **fields)
        owners.append(sum(placement.role is Role.OWNER for placement in domain.placements.values()))
    assert max(owners) == 1
