"""What the facts of a domain have in common: who saw them where, and what a new state or a snapshot consists of.

These are the shared fields of the events nested in ``Domain``; the events themselves, with their names, are there.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain_model.libvirt import DomainState
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
        domain.forest.put(self.record)
        if self.current:
            domain.forest.make_current(self.snapshot)


def fingerprint_of(record: SnapshotRecord) -> str:
    """A digest of a snapshot as its dump has it; equal fingerprints are equal dumps."""
    return hashlib.sha256(repr((record.id, record.name, *record.documents)).encode()).hexdigest()
