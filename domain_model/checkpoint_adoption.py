"""From an observation to facts about a domain's checkpoints, and about a backup that runs no more.

A part of ``adoption``. Checkpoints are asked for on close looks only: an observation without them says nothing of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid5

from domain_model.checkpoints import BackupOutcome, CheckpointRecord
from domain_model.domain import Domain
from domain_model.flags import CheckpointDelete
from domain_model.operations import Operation

if TYPE_CHECKING:
    from domain_model.adoption import Adoption

_MAKING = ("checkpoint-create", "backup-begin")


@dataclass(frozen=True, slots=True)
class CheckpointDump:
    """A checkpoint as dumped; ``parent`` is a name, the last two are digests."""

    name: str
    parent: str | None
    creation_time: int
    description: str | None
    header: str
    domain: str | None


@dataclass(frozen=True, slots=True)
class CheckpointsSeen:
    """The checkpoints of one domain at one moment."""

    names: frozenset[str]
    dumps: Mapping[str, CheckpointDump] = field(default_factory=dict)
    """At least those that are not recorded, and those whose parent is gone."""


@dataclass(frozen=True, slots=True)
class BackupSeen:
    """A backup (by its id) that was found to be over."""

    backup: str
    outcome: BackupOutcome
    message: str | None = None


class CheckpointAdoption:
    """Records on one domain what differs between its checkpoints and what its owner shows."""

    def __init__(self, adoption: "Adoption", domain: Domain, operation: Operation | None) -> None:
        self._adoption = adoption
        self._domain = domain
        self._forest = domain.checkpoints
        self._operation = operation

    def adopt(self, seen: CheckpointsSeen) -> None:
        """Record the differences."""
        gone = [record for record in self._forest.parents_first() if record.name not in seen.names]
        if gone:
            self._deleted(gone, seen)
        for dump in _parents_first(seen):
            self._dumped(dump)

    def ended(self, seen: BackupSeen) -> None:
        """Record the end of the backup that was running, if it is this one."""
        running = self._forest.backup
        if running is not None and running.id == seen.backup:
            self._adoption.record(
                Domain.BackupEnded, backup=seen.backup, outcome=str(seen.outcome), message=seen.message
            )

    def _deleted(self, gone: list[CheckpointRecord], seen: CheckpointsSeen) -> None:
        deletion = self._forest.removal_of(record.id for record in gone)
        reparented = []
        for checkpoint, parent in deletion.reparented.items():
            record = self._forest.by_id(checkpoint)
            dump = seen.dumps.get(record.name)
            header = record.header if dump is None else dump.header
            moved = {"checkpoint": checkpoint, "parent": parent, "parent_before": record.parent, "header": header}
            reparented.append(moved)
        self._adoption.record(
            Domain.CheckpointDeleted,
            removed=[{"checkpoint": record.id, "name": record.name} for record in gone],
            reparented=reparented,
            current_before=self._forest.current,
            current=deletion.current,
            metadata_only=not self._deletes_bitmaps,
        )

    @property
    def _deletes_bitmaps(self) -> bool:
        asked = self._operation
        if asked is None or asked.verb != "checkpoint-delete":
            return False
        return not asked.arguments["flags"] & CheckpointDelete.METADATA_ONLY

    def _dumped(self, dump: CheckpointDump) -> None:
        known = self._forest.get(dump.name)
        parent = None if dump.parent is None else self._forest.get(dump.parent)
        record = CheckpointRecord(
            id=self._new_id(dump.name) if known is None else known.id,
            name=dump.name,
            parent=None if parent is None else parent.id,
            creation_time=dump.creation_time,
            description=dump.description,
            header=dump.header,
            domain=dump.domain,
        )
        if record == known:
            return
        current = self._makes(dump.name) or self._forest.becomes_current(record.parent)
        fields: dict[str, Any] = {"current": current, **checkpoint_fields(record)}
        if known is not None or (self._operation is not None and self._operation.verb == "checkpoint-redefine"):
            replaced = None if known is None else {"header": known.header, "domain": known.domain}
            self._adoption.record(Domain.CheckpointRedefined, replaced=replaced, **fields)
        else:
            self._adoption.record(Domain.CheckpointCreated, **fields)

    def _makes(self, name: str) -> bool:
        """Whether the operation made the checkpoint of that name: it is the current one then, whatever its parent."""
        asked = self._operation
        if asked is None or asked.verb not in _MAKING:
            return False
        return name == asked.arguments.get("checkpoint" if asked.verb == "backup-begin" else "name")

    def _new_id(self, name: str) -> str:
        """An id of its own for a checkpoint: no other event of this stream has this version."""
        return str(uuid5(self._domain.id, f"checkpoint/{self._domain.version + 1}/{name}"))


def checkpoint_fields(record: CheckpointRecord) -> dict[str, Any]:
    """A checkpoint as the fields of its event."""
    return {
        "checkpoint": record.id,
        "name": record.name,
        "parent": record.parent,
        "creation_time": record.creation_time,
        "description": record.description,
        "header": record.header,
        "domain": record.domain,
    }


def _parents_first(seen: CheckpointsSeen) -> list[CheckpointDump]:
    """The dumps in an order in which each finds its parent recorded, and the current one comes after its parent."""
    ordered: list[CheckpointDump] = []
    waiting = {dump.name: dump for dump in sorted(seen.dumps.values(), key=lambda dump: dump.creation_time)}
    while waiting:
        ready = [dump for dump in waiting.values() if dump.parent not in waiting]
        ordered.extend(waiting.pop(dump.name) for dump in ready or list(waiting.values()))
    return ordered
