"""The domain (a virtual machine, in libvirt's word): its stream of events and what they add up to.

One stream a domain. Requests, starts and ends of operations say what was asked; facts say what became so, each naming
the host, the operation that caused it, and its origin. Deciding lives in ``commands`` and ``adoption``; here events
are applied, which is pure and total: whatever was recorded once can be replayed for ever.
"""

import hashlib
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain_model import checkpoints, drift, holds, operation_events
from domain_model.facts import (
    Fact,
    ImagesFact,
    SnapshotDeletion,
    SnapshotFact,
    SnapshotVerification,
    StateFact,
    fingerprint_of,
)
from domain_model.operations import Operation, VerbClass
from domain_model.placements import Placement, Role
from domain_model.snapshots import SnapshotForest


class Domain(Aggregate):
    """A domain: its placements, its snapshot forest, and its operations without a known outcome."""

    TOPIC: ClassVar[str] = "domain"

    class Event(Aggregate.Event):
        """Base of all events of a domain."""

    class Created(Aggregate.Created):
        """Revisor learned of this domain, by a request or by seeing it. ``uuid`` is the hypervisor's."""

        TOPIC: ClassVar[str] = "domain.introduced"
        uuid: str
        name: str
        host: str
        """The host on which it was asked for or seen first."""

    # What was asked.

    class OperationRequested(operation_events.Request, Event):
        TOPIC: ClassVar[str] = "operation.requested"
        class_version: ClassVar[int] = 2

    class OperationStarted(operation_events.Start, Event):
        TOPIC: ClassVar[str] = "operation.started"

    class OperationSucceeded(operation_events.Success, Event):
        TOPIC: ClassVar[str] = "operation.succeeded"

    class OperationFailed(operation_events.Failure, Event):
        TOPIC: ClassVar[str] = "operation.failed"

    class OperationOutcomeUnknown(operation_events.LostOutcome, Event):
        TOPIC: ClassVar[str] = "operation.outcome_unknown"

    class OperationCancelled(operation_events.Cancellation, Event):
        TOPIC: ClassVar[str] = "operation.cancelled"

    class OperationSettled(operation_events.Settlement, Event):
        TOPIC: ClassVar[str] = "operation.settled"

    # What became so: the domain.

    class Defined(Fact, Event):
        """The persistent definition is ``definition`` now. The first host that defines a domain owns it.

        A replica that is defined anew has to be verified anew.
        """

        TOPIC: ClassVar[str] = "domain.defined"
        name: str
        definition: str

        def apply(self, domain: "Domain") -> None:
            placement = domain.place(self.host, self.name)
            placement.persistent = True
            placement.definition = self.definition
            placement.verified = None

    class Renamed(Fact, Event):
        """The domain bears another name there."""

        TOPIC: ClassVar[str] = "domain.renamed"
        name: str
        name_before: str

        def apply(self, domain: "Domain") -> None:
            placement = domain.placements.get(self.host)
            if placement is None:
                return
            placement.name = self.name
            if placement.role is Role.OWNER:
                domain.name = self.name

    class Undefined(Fact, Event):
        """The persistent definition is gone; an inactive domain with it, and its snapshot metadata is lost."""

        TOPIC: ClassVar[str] = "domain.undefined"

        def apply(self, domain: "Domain") -> None:
            placement = domain.placements.get(self.host)
            if placement is None:
                return
            placement.persistent = False
            placement.definition = None
            if placement.active:
                return
            if placement.role is Role.OWNER:
                domain.lose_moments()
            del domain.placements[self.host]

    class Started(StateFact, Event):
        TOPIC: ClassVar[str] = "domain.started"
        name: str

        def apply(self, domain: "Domain") -> None:
            domain.place(self.host, self.name)
            super().apply(domain)

    class Suspended(StateFact, Event):
        TOPIC: ClassVar[str] = "domain.suspended"

    class Resumed(StateFact, Event):
        TOPIC: ClassVar[str] = "domain.resumed"

    class ShuttingDown(StateFact, Event):
        TOPIC: ClassVar[str] = "domain.shutting_down"

    class Crashed(StateFact, Event):
        TOPIC: ClassVar[str] = "domain.crashed"

    class PMSuspended(StateFact, Event):
        TOPIC: ClassVar[str] = "domain.pmsuspended"

    class Stopped(StateFact, Event):
        """The domain is inactive. A transient one is gone by that, and its snapshot metadata is lost."""

        TOPIC: ClassVar[str] = "domain.stopped"

        def apply(self, domain: "Domain") -> None:
            super().apply(domain)
            placement = domain.placements.get(self.host)
            if placement is None or placement.persistent:
                return
            if placement.role is Role.OWNER:
                domain.lose_moments()
            del domain.placements[self.host]

    class Rebooted(Fact, Event):
        """The hypervisor accepted a reboot."""

        TOPIC: ClassVar[str] = "domain.rebooted"

    class Reset(Fact, Event):
        """The guest was reset, as by the button."""

        TOPIC: ClassVar[str] = "domain.reset"

    class LiveChanged(Fact, Event):
        """The running definition changed while the state did not."""

        TOPIC: ClassVar[str] = "domain.live_changed"
        live: str

        def apply(self, domain: "Domain") -> None:
            placement = domain.placements.get(self.host)
            if placement is not None:
                placement.live = self.live

    class Updated(Fact, Event):
        """Autostart or managed save is as given now."""

        TOPIC: ClassVar[str] = "domain.updated"
        autostart: bool
        managed_save: bool

        def apply(self, domain: "Domain") -> None:
            placement = domain.placements.get(self.host)
            if placement is not None:
                placement.autostart = self.autostart
                placement.managed_save = self.managed_save

    class ImagesSeen(ImagesFact, Event):
        TOPIC: ClassVar[str] = "domain.images_seen"

    # What became so: snapshots.

    class SnapshotCreated(SnapshotFact, Event):
        TOPIC: ClassVar[str] = "snapshot.created"

    class SnapshotRedefined(SnapshotFact, Event):
        """Snapshot metadata was re-created or replaced; on a replica, by replay.

        ``replaced`` are the digests of what it was composed of before, {header, domain, inactive_domain}; None if there
        was none, on a replica, and where it was once not told.
        """

        TOPIC: ClassVar[str] = "snapshot.redefined"
        replaced: dict[str, str | None] | None = None

    class SnapshotReverted(StateFact, Event):
        """The domain went back to a snapshot, which is the current one now, and is in that snapshot's state."""

        TOPIC: ClassVar[str] = "snapshot.reverted"
        snapshot: str
        name: str

        def apply(self, domain: "Domain") -> None:
            super().apply(domain)
            domain.forest.make_current(self.snapshot)

    class SnapshotMadeCurrent(Fact, Event):
        """Another snapshot is the current one; None: no snapshot is."""

        TOPIC: ClassVar[str] = "snapshot.made_current"
        snapshot: str | None
        name: str | None

        def apply(self, domain: "Domain") -> None:
            replica = domain.replica_on(self.host)
            if replica is not None:
                replica.replicated_current = self.snapshot
                replica.verified = None
            else:
                domain.forest.make_current(self.snapshot)

    class SnapshotDeleted(SnapshotDeletion, Event):
        TOPIC: ClassVar[str] = "snapshot.deleted"
        class_version: ClassVar[int] = 2

    class SnapshotsVerified(SnapshotVerification, Event):
        TOPIC: ClassVar[str] = "snapshot.verified"

    class SnapshotHeld(holds.Holding, Event):
        TOPIC: ClassVar[str] = "snapshot.held"

    class SnapshotReleased(holds.Release, Event):
        TOPIC: ClassVar[str] = "snapshot.released"

    # What became so: checkpoints and backups.

    class CheckpointCreated(checkpoints.CheckpointFact, Event):
        TOPIC: ClassVar[str] = "checkpoint.created"

    class CheckpointRedefined(checkpoints.CheckpointRedefinition, Event):
        TOPIC: ClassVar[str] = "checkpoint.redefined"

    class CheckpointDeleted(checkpoints.CheckpointDeletion, Event):
        TOPIC: ClassVar[str] = "checkpoint.deleted"

    class BackupBegun(checkpoints.BackupBeginning, Event):
        TOPIC: ClassVar[str] = "backup.begun"

    class BackupEnded(checkpoints.BackupEnding, Event):
        TOPIC: ClassVar[str] = "backup.ended"

    # What is to be so, though nobody asked for it.

    class DriftAccepted(drift.Acceptance, Event):
        TOPIC: ClassVar[str] = "drift.accepted"

    # What became so: placements.

    class ReplicaVerified(Fact, Event):
        """The replica was read back and compared; ``content`` is the fingerprint of what it was compared with."""

        TOPIC: ClassVar[str] = "replica.verified"
        content: str
        identical: int
        total: int

        def apply(self, domain: "Domain") -> None:
            replica = domain.replica_on(self.host)
            if replica is not None:
                replica.verified = self.content

    class HandedOver(Event):
        """The replica on ``host`` is the owner now, and the owner on ``previous`` a replica."""

        TOPIC: ClassVar[str] = "domain.handed_over"
        operation: str
        host: str
        previous: str

        def apply(self, domain: "Domain") -> None:
            new, old = domain.placements.get(self.host), domain.placements.get(self.previous)
            if new is None or old is None:
                return
            old.replicated = {record.id: fingerprint_of(record) for record in domain.forest}
            old.replicated_current = domain.forest.current
            new.role, old.role = Role.OWNER, Role.REPLICA
            # It has its own images now, and nobody looked at those.
            domain.forest.unverify()
            old.verified = domain.content

    def __init__(self, uuid: str, name: str) -> None:
        self.uuid = uuid
        self.name = name
        self.placements: dict[str, Placement] = {}
        self.forest = SnapshotForest()
        self.checkpoints = checkpoints.CheckpointForest()
        self.operations: dict[str, Operation] = {}
        self.unknown: dict[str, Operation] = {}
        """Operations that ended with an unknown outcome, until it is known."""
        self.holds: dict[str, holds.Hold] = {}
        """Of snapshots, by their ids."""

    @classmethod
    def introduce(cls, id: UUID, *, uuid: str, name: str, host: str, at: datetime) -> Self:
        """Begin the stream of a domain. Nothing is defined anywhere yet."""
        return cls._create(cls.Created, id=id, timestamp=at, uuid=uuid, name=name, host=host)

    def record(self, event: type[Event], at: datetime, **fields: Any) -> None:
        """Append one event that happened ``at`` (UTC)."""
        self.trigger_event(event, timestamp=at, **fields)

    def lose_moments(self) -> None:
        """The hypervisor forgot all snapshots and checkpoints, as it does of a domain that it no longer has."""
        self.forest.lose()
        self.checkpoints.lose()

    @property
    def owner(self) -> Placement | None:
        """The placement that may be acted on; None for a domain that is nowhere."""
        return next((p for p in self.placements.values() if p.role is Role.OWNER), None)

    @property
    def replicas(self) -> list[Placement]:
        return [p for p in self.placements.values() if p.role is Role.REPLICA]

    def replica_on(self, host: str) -> Placement | None:
        placement = self.placements.get(host)
        return placement if placement is not None and placement.role is Role.REPLICA else None

    def place(self, host: str, name: str) -> Placement:
        """The placement on a host, made if there is none: the owner if there is none yet, else a replica."""
        placement = self.placements.get(host)
        if placement is None:
            role = Role.OWNER if self.owner is None else Role.REPLICA
            placement = self.placements[host] = Placement(host, name, role)
        placement.name = name
        if placement.role is Role.OWNER:
            self.name = name
        return placement

    @property
    def content(self) -> str:
        """A fingerprint of what a replica must agree with: the definition, the whole forest, the current snapshot."""
        owner = self.owner
        definition = None if owner is None else owner.definition or owner.live
        snapshots = sorted(fingerprint_of(record) for record in self.forest)
        return hashlib.sha256(repr((definition, snapshots, self.forest.current)).encode()).hexdigest()

    def may_tell(self, operation: str) -> bool:
        """Whether what is there can still be evidence of an operation whose outcome is unknown.

        Of what is recorded since, all ends that but what says of itself that it touches nothing (``leave_evidence``).
        """
        lost = self.unknown.get(operation)
        return lost is not None and lost.evidence_until == self.version

    def leave_evidence(self) -> None:
        """While an event is applied that changes nothing on a host: what is there may tell as much as before."""
        for lost in self.unknown.values():
            if lost.evidence_until == self.version:
                lost.evidence_until = self.version + 1

    def may_start(self, operation: str) -> bool:
        """Whether it is this operation's turn: no exclusive one is started or was asked for earlier."""
        wanted = self.operations.get(operation)
        if wanted is None:
            return False
        if wanted.verb_class is VerbClass.CONTROL:
            return True
        exclusive = [o for o in self.operations.values() if o.verb_class is VerbClass.EXCLUSIVE]
        return exclusive[0] is wanted
