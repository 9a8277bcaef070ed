"""Checkpoints of a domain: points in time from which a backup knows what changed since, and the backup that runs.

A checkpoint's data is a bitmap in each disk; libvirt keeps XML about it beside (libvirt-semantics 1.8). The forest is
as of snapshots, but no call of libvirt's tells which checkpoint is the current one, below which the next is made. That
is followed here by libvirt's own rules instead, and corrected by the parent of whatever is made next.

The events themselves, with their names, are nested in ``Domain``; here is what they consist of.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from domain_model.errors import NoCheckpoint
from domain_model.facts import Fact
from domain_model.moments import Moment, MomentForest

if TYPE_CHECKING:
    from domain_model.domain import Domain


@dataclass(frozen=True, slots=True)
class CheckpointRecord(Moment):
    """One checkpoint as recorded. ``header`` and ``domain`` are digests of documents."""

    creation_time: int
    """Seconds since the epoch, as in <creationTime>."""
    description: str | None
    header: str
    domain: str | None

    @property
    def documents(self) -> tuple[str, str | None, None]:
        """What the checkpoint's dump is composed of, as of a snapshot without an inactive domain."""
        return self.header, self.domain, None


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup job that was begun and whose end nobody has seen."""

    id: str
    """The id of the operation that began it."""
    host: str


class BackupOutcome(StrEnum):
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    """Somebody ended it; a backup in pull mode always ends so."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It runs no more, and the hypervisor does not remember how it ended."""


class CheckpointForest(MomentForest[CheckpointRecord]):
    """Checkpoints by id, their parents and the current one. What happened is applied and never refused."""

    kind = "checkpoint"
    absent = NoCheckpoint

    def __init__(self) -> None:
        super().__init__()
        self.backup: Backup | None = None
        """The backup that runs, as far as was seen."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CheckpointForest) and (self._by_id, self.current, self.backup) == (
            other._by_id,
            other.current,
            other.backup,
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def becomes_current(self, parent: str | None) -> bool:
        """Whether libvirt takes a checkpoint redefined below ``parent`` (an id) for the current one (1.8)."""
        return self.current is None or (parent is not None and parent == self.current)

    def put(self, record: CheckpointRecord, *, current: bool) -> None:
        """Add a checkpoint, or replace the one with its id. Its children stay with it."""
        self._keep(record)
        if current:
            self.current = record.id

    def delete(self, removed: Iterable[str], moved: Mapping[str, tuple[str | None, str]], current: str | None) -> None:
        """Some are gone; ``moved`` are the new parents and dumps of what hung below. Unknown ids are passed over."""
        for checkpoint in removed:
            record = self._by_id.get(checkpoint)
            if record is not None:
                self._drop(record)
        for checkpoint, (parent, header) in moved.items():
            record = self._by_id.get(checkpoint)
            if record is not None:
                self._by_id[checkpoint] = replace(record, parent=parent, header=header)
        self.current = current if current in self._by_id else None

    def lose(self) -> None:
        """The hypervisor forgot all of them, and has no job any more."""
        for record in list(self):
            self._drop(record)
        self.current = None
        self.backup = None


@dataclass(frozen=True, kw_only=True)
class CheckpointFact(Fact):
    """A checkpoint as the hypervisor dumps it. ``checkpoint`` and ``parent`` are ids, the last two digests."""

    checkpoint: str
    name: str
    parent: str | None
    creation_time: int
    description: str | None
    current: bool
    """Whether it became the current one by this, by libvirt's rules: it tells nobody."""
    header: str
    domain: str | None

    @property
    def record(self) -> CheckpointRecord:
        return CheckpointRecord(
            id=self.checkpoint,
            name=self.name,
            parent=self.parent,
            creation_time=self.creation_time,
            description=self.description,
            header=self.header,
            domain=self.domain,
        )

    def apply(self, domain: "Domain") -> None:
        if domain.replica_on(self.host) is None:
            domain.checkpoints.put(self.record, current=self.current)


@dataclass(frozen=True, kw_only=True)
class CheckpointRedefinition(CheckpointFact):
    """Checkpoint metadata was re-created or replaced."""

    replaced: dict[str, str | None] | None
    """The digests of what it was composed of before, {header, domain}; None if there was none of its name."""


@dataclass(frozen=True, kw_only=True)
class CheckpointDeletion(Fact):
    """Checkpoints are gone.

    ``removed`` lists {checkpoint, name}; ``reparented`` lists {checkpoint, parent, parent_before, header}: who hangs
    elsewhere now, and its dump that says so.
    """

    removed: list[dict[str, Any]]
    reparented: list[dict[str, Any]]
    current_before: str | None
    current: str | None
    metadata_only: bool
    """Whether their bitmaps may still be in the disks."""

    def apply(self, domain: "Domain") -> None:
        if domain.replica_on(self.host) is None:
            moved = {entry["checkpoint"]: (entry["parent"], entry["header"]) for entry in self.reparented}
            domain.checkpoints.delete((entry["checkpoint"] for entry in self.removed), moved, self.current)


@dataclass(frozen=True, kw_only=True)
class BackupBeginning(Fact):
    """A backup job was begun, and runs on by itself."""

    backup: str
    """Its id: that of the operation that asked for it."""
    incremental: str | None
    """The name of the checkpoint since which everything is copied; None: everything is, or each disk says."""
    checkpoint: str | None
    """The name of the checkpoint that was made in the same moment."""
    document: str
    """The digest of the job's XML as the hypervisor dumped it, or as it was asked for where it was over too soon."""

    def apply(self, domain: "Domain") -> None:
        domain.checkpoints.backup = Backup(self.backup, self.host)


@dataclass(frozen=True, kw_only=True)
class BackupEnding(Fact):
    """A backup job was seen to be over. ``outcome`` is a ``BackupOutcome``."""

    backup: str
    outcome: str
    message: str | None
    """The hypervisor's own words, where it has any."""

    def apply(self, domain: "Domain") -> None:
        running = domain.checkpoints.backup
        if running is not None and running.id == self.backup:
            domain.checkpoints.backup = None
