"""What the facts of a domain have in common: who saw them where, and what a new state or a snapshot consists of.

These are the shared fields of the events nested in ``Domain``; the events themselves, with their names, are there.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain_model.libvirt import DomainState
from domain_model.placements import Images
from domain_model.presence import UNVERIFIED, Presence, Verification
from domain_model.snapshots import SnapshotRecord

if TYPE_CHECKING:
    from domain_model.domain import Domain


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that became so on a host."""

    host: str
    operation: str | None
    """The operation that did it; None when it was only observed."""
    origin: str
    """``operation`` or ``observed``."""


@dataclass(frozen=True, kw_only=True)
class StateFact(Fact):
    """The domain is in another state now. ``live`` is the digest of the running definition, if there is one."""

    state: int
    reason: int
    hypervisor_id: int | None
    live: str | None

    def apply(self, domain: "Domain") -> None:
        placement = domain.placements.get(self.host)
        if placement is not None:
            placement.state = DomainState(self.state)
            placement.reason = self.reason
            placement.hypervisor_id = self.hypervisor_id
            placement.live = self.live


@dataclass(frozen=True, kw_only=True)
class ImagesFact(Fact):
    """The files behind the disks are as given now; the fields are those of ``Images``."""

    files: dict[str, list[str]]
    names: dict[str, str]
    cut: dict[str, str]

    def apply(self, domain: "Domain") -> None:
        placement = domain.placements.get(self.host)
        if placement is not None:
            placement.images = Images(self.files, self.names, self.cut)
        domain.leave_evidence()


@dataclass(frozen=True, kw_only=True)
class SnapshotFact(Fact):
    """A snapshot as the hypervisor dumps it. ``snapshot`` and ``parent`` are ids, the last three digests."""

    snapshot: str
    name: str
    parent: str | None
    state: str
    creation_time: int
    description: str | None
    location: str
    current: bool
    """Whether it became the current snapshot by this."""
    header: str
    domain: str | None
    inactive_domain: str | None

    @property
    def record(self) -> SnapshotRecord:
        return SnapshotRecord(
            id=self.snapshot,
            name=self.name,
            parent=self.parent,
            state=self.state,
            creation_time=self.creation_time,
            description=self.description,
            location=self.location,
            header=self.header,
            domain=self.domain,
            inactive_domain=self.inactive_domain,
        )

    def apply(self, domain: "Domain") -> None:
        replica = domain.replica_on(self.host)
        if replica is not None:
            replica.replicated[self.snapshot] = fingerprint_of(self.record)
            if self.current:
                replica.replicated_current = self.snapshot
            return
        domain.forest.put(self.record, current=self.current)
        if self.origin == "observed":
            domain.forest.settle()


@dataclass(frozen=True, kw_only=True)
class SnapshotDeletion(Fact):
    """Snapshots are gone.

    ``removed`` lists {snapshot, name}; ``reparented`` lists {snapshot, parent, parent_before, header}: who hangs
    elsewhere now, and its dump that says so. With ``current_before`` and ``current`` this event alone is enough
    to undo it, if their data stayed.
    """

    removed: list[dict[str, Any]]
    reparented: list[dict[str, Any]]
    current_before: str | None
    current: str | None
    metadata_only: bool
    data_kept: bool
    """Whether their data may be there still, so that they can be brought back."""

    def apply(self, domain: "Domain") -> None:
        gone = [entry["snapshot"] for entry in self.removed]
        replica = domain.replica_on(self.host)
        if replica is None:
            moved = {entry["snapshot"]: (entry["parent"], entry["header"]) for entry in self.reparented}
            domain.forest.delete(gone, moved, self.current, bury=self.data_kept)
            return
        for snapshot in gone:
            replica.replicated.pop(snapshot, None)
        if replica.replicated_current in gone:
            replica.replicated_current = self.current
        replica.verified = None


@dataclass(frozen=True, kw_only=True)
class SnapshotVerification(Fact):
    """What a look at the images newly found of the data of snapshots, by their ids.

    ``missing`` lists {snapshot, why}; ``unverified`` are those of which what was known holds no more.
    """

    present: list[str]
    missing: list[dict[str, str]]
    unverified: list[str]

    def apply(self, domain: "Domain") -> None:
        domain.leave_evidence()
        if domain.replica_on(self.host) is not None:
            return
        for snapshot, found in self.found:
            domain.forest.verify(snapshot, found)

    @property
    def found(self) -> list[tuple[str, Verification]]:
        """What is known now of each."""
        return [
            *((snapshot, Verification(Presence.PRESENT)) for snapshot in self.present),
            *((entry["snapshot"], Verification(Presence.MISSING, entry["why"])) for entry in self.missing),
            *((snapshot, UNVERIFIED) for snapshot in self.unverified),
        ]


def fingerprint_of(record: SnapshotRecord) -> str:
    """A digest of a snapshot as its dump has it; equal fingerprints are equal dumps."""
    return hashlib.sha256(repr((record.id, record.name, *record.documents)).encode()).hexdigest()
