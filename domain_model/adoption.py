"""From an observation to facts: what a hypervisor shows, minus what is recorded, is what became so.

One way for both kinds of news: what an operation of ours brought about, and what happened without our asking. The
model never refuses an observation.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from domain_model.checkpoint_adoption import BackupSeen, CheckpointAdoption, CheckpointsSeen
from domain_model.domain import Domain
from domain_model.facts import fingerprint_of
from domain_model.forest_adoption import ForestAdoption, snapshot_fields
from domain_model.libvirt import DomainState
from domain_model.operations import Operation
from domain_model.placements import Images, Placement, Role
from domain_model.presence import Verification
from domain_model.snapshots import SnapshotForest, SnapshotRecord


@dataclass(frozen=True, slots=True)
class SnapshotDump:
    """A snapshot as dumped; ``parent`` is a name, the last three are digests."""

    name: str
    parent: str | None
    state: str
    creation_time: int
    description: str | None
    location: str
    header: str
    domain: str | None
    inactive_domain: str | None


@dataclass(frozen=True, slots=True)
class Observation:
    """One domain on one host at one moment; ``definition`` and ``live`` are digests."""

    name: str
    state: DomainState
    reason: int
    hypervisor_id: int | None
    persistent: bool
    autostart: bool
    managed_save: bool
    definition: str | None
    live: str | None
    snapshots: frozenset[str]
    current: str | None
    dumps: Mapping[str, SnapshotDump] = field(default_factory=dict)
    """At least the snapshots that are not recorded, and those whose parent is gone."""
    presence: Mapping[str, Verification] = field(default_factory=dict)
    """What is known of the snapshots' data, by name; one that is left out cannot be told."""
    checkpoints: CheckpointsSeen | None = None
    """None when nobody asked."""
    backup: BackupSeen | None = None
    """The end of the backup that was running, if it is over."""
    images: Images | None = None
    """The files of each disk, by its target, those it is based on after it; None when nobody could look."""


_FORGOTTEN = (0, 8)
"""Reasons of being off that libvirtd gives when it knows them no more: unknown, daemon."""

_ENTERED = {
    DomainState.SHUTOFF: Domain.Stopped,
    DomainState.SHUTDOWN: Domain.ShuttingDown,
    DomainState.PAUSED: Domain.Suspended,
    DomainState.CRASHED: Domain.Crashed,
    DomainState.PMSUSPENDED: Domain.PMSuspended,
}


class Adoption:
    """Records on one domain, for one host and moment, whatever differs from what was recorded."""

    def __init__(self, domain: Domain, host: str, at: datetime, operation: Operation | None = None) -> None:
        self._domain = domain
        self._host = host
        self._at = at
        self._operation = operation

    def adopt(self, seen: Observation | None, *, snapshots: bool = True) -> None:
        """Record the differences; None says the hypervisor has no such domain.

        Without ``snapshots`` theirs are left to somebody else, as when an operation runs beside another one.
        """
        if seen is None:
            self._gone()
            return
        if seen.persistent:
            self._defined(seen)
        self._state(seen)
        if not seen.persistent:
            # After the state: a domain that was started and then undefined is transient, and keeps its snapshots.
            self._undefined()
        placement = self._domain.placements.get(self._host)
        if placement is None:
            return
        self._images(placement, seen)
        if (placement.autostart, placement.managed_save) != (seen.autostart, seen.managed_save):
            self.record(Domain.Updated, autostart=seen.autostart, managed_save=seen.managed_save)
        if not snapshots:
            return
        if placement.role is Role.OWNER:
            ForestAdoption(self, self._domain, self._operation).adopt(seen)
            self._checkpoints(seen)
        else:
            self._replicated(placement, seen)

    def _checkpoints(self, seen: Observation) -> None:
        adoption = CheckpointAdoption(self, self._domain, self._operation)
        if seen.checkpoints is not None:
            adoption.adopt(seen.checkpoints)
        if seen.backup is not None:
            adoption.ended(seen.backup)

    def reverted(self, snapshot: SnapshotRecord, seen: Observation) -> None:
        """Record that the domain went back to a snapshot; the state it is in now came by that."""
        self.record(Domain.SnapshotReverted, snapshot=snapshot.id, name=snapshot.name, **_state_fields(seen))

    def record(self, event: type[Domain.Event], **fields: Any) -> None:
        """Record one fact of this host and moment."""
        if self._operation is None:
            self.record_observed(event, **fields)
        else:
            origin = {"operation": self._operation.id, "origin": "operation"}
            self._domain.record(event, self._at, host=self._host, **origin, **fields)

    def record_observed(self, event: type[Domain.Event], **fields: Any) -> None:
        """As ``record``, of what is not the operation's doing."""
        self._domain.record(event, self._at, host=self._host, operation=None, origin="observed", **fields)

    def _gone(self) -> None:
        placement = self._domain.placements.get(self._host)
        if placement is None:
            return
        # A transient one may have been left off by a revert: it has no other end to be told of.
        if placement.active or not placement.persistent:
            self._stopped()
        if placement.persistent:
            self.record(Domain.Undefined)

    def _images(self, placement: Placement, seen: Observation) -> None:
        if seen.images is not None and seen.images != placement.images:
            self.record(Domain.ImagesSeen, **asdict(seen.images))

    def _defined(self, seen: Observation) -> None:
        placement = self._domain.placements.get(self._host)
        if placement is not None and placement.name != seen.name:
            self.record(Domain.Renamed, name=seen.name, name_before=placement.name)
        if placement is None or placement.definition != seen.definition:
            self.record(Domain.Defined, name=seen.name, definition=seen.definition)

    def _undefined(self) -> None:
        placement = self._domain.placements.get(self._host)
        if placement is not None and placement.persistent:
            self.record(Domain.Undefined)

    def _state(self, seen: Observation) -> None:
        placement = self._domain.placements.get(self._host)
        before = (None, None, None) if placement is None else _state_of(placement)
        now = (seen.state, seen.reason, seen.hypervisor_id)
        if seen.hypervisor_id is None:
            # libvirtd forgets the reason of being off when it restarts: nothing happened then.
            reasons = () if placement is None else (*_FORGOTTEN, placement.reason)
            if placement is not None and (placement.active or seen.reason not in reasons):
                self.record(Domain.Stopped, **_state_fields(seen))
        elif before[2] != seen.hypervisor_id:
            if placement is not None and self._was_made_again(placement, seen):
                self._stopped()
            self.record(Domain.Started, name=seen.name, **_state_fields(seen))
        elif before != now:
            self.record(_ENTERED.get(seen.state, Domain.Resumed), **_state_fields(seen))
        elif placement is not None and placement.live != seen.live:
            self.record(Domain.LiveChanged, live=seen.live)

    def _was_made_again(self, placement: Placement, seen: Observation) -> bool:
        """Whether a transient domain ended between two looks: another process has none of its snapshots."""
        names = {record.name for record in self._domain.forest}
        transient = placement.active and not placement.persistent and placement.role is Role.OWNER
        return transient and bool(names) and names.isdisjoint(seen.snapshots)

    def _stopped(self) -> None:
        reason = _STOP_REASONS.get("" if self._operation is None else self._operation.verb, 0)
        self.record(Domain.Stopped, state=DomainState.SHUTOFF, reason=reason, hypervisor_id=None, live=None)

    def _replicated(self, replica: Placement, seen: Observation) -> None:
        """On a replica: what replay made there and is there no more. It agrees with the domain no longer, then."""
        forest = self._domain.forest
        records = [record for record in forest if record.id in replica.replicated]
        gone = [record for record in records if record.name not in seen.snapshots]
        if gone:
            self.replica_lost(replica, {record.id: record.name for record in gone})
        current = None if replica.replicated_current is None else forest.find(replica.replicated_current)
        if current is not None and current.name != seen.current:
            shown = None if seen.current is None else forest.get(seen.current)
            self.record(
                Domain.SnapshotMadeCurrent,
                snapshot=None if shown is None else shown.id,
                name=None if shown is None else shown.name,
            )

    def replica_lost(self, replica: Placement, gone: Mapping[str, str | None]) -> None:
        """Record that snapshots (names by id) are on the replica no longer."""
        current = replica.replicated_current
        self.record(
            Domain.SnapshotDeleted,
            removed=[{"snapshot": snapshot, "name": name} for snapshot, name in gone.items()],
            reparented=[],
            current_before=current,
            current=None if current in gone else current,
            metadata_only=True,
            data_kept=True,
        )


def record_replica(
    domain: Domain, replayed: SnapshotForest, adoption: Adoption, host: str, *, removed: list[str], missing: set[str]
) -> None:
    """Record that ``host`` has every snapshot of ``replayed`` now but the ``missing`` (names), and none of ``removed``.

    Only what was not recorded there before is recorded, so doing it again adds nothing.
    """
    replica = domain.placements[host]
    gone: dict[str, str | None] = {snapshot: None for snapshot in removed if snapshot in replica.replicated}
    if gone:
        adoption.replica_lost(replica, gone)
    for record in replayed.parents_first():
        if record.name not in missing and replica.replicated.get(record.id) != fingerprint_of(record):
            current = replayed.current == record.id
            adoption.record(Domain.SnapshotRedefined, current=current, **snapshot_fields(record))
    current_snapshot = replayed.current_snapshot
    if replica.replicated_current != replayed.current and (
        current_snapshot is None or current_snapshot.name not in missing
    ):
        name = None if current_snapshot is None else current_snapshot.name
        adoption.record(Domain.SnapshotMadeCurrent, snapshot=replayed.current, name=name)


_STOP_REASONS = {"destroy": 2, "shutdown": 1, "save": 5, "dump": 3}


def _state_of(placement: Placement) -> tuple[DomainState, int, int | None]:
    return placement.state, placement.reason, placement.hypervisor_id


def _state_fields(seen: Observation) -> dict[str, Any]:
    return {
        "state": int(seen.state),
        "reason": seen.reason,
        "hypervisor_id": seen.hypervisor_id,
        "live": seen.live,
    }
