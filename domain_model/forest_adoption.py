"""From an observation to facts about a domain's own snapshots: what went, what came, what is current, what is there.

A part of ``adoption``. What went by an operation of ours that deletes data is gone for good; whatever else is not there
any more is only forgotten by the hypervisor, and known again when it comes back.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid5

from domain_model.domain import Domain
from domain_model.flags import SnapshotDelete
from domain_model.operations import Operation
from domain_model.presence import UNVERIFIED, Presence, Verification
from domain_model.snapshots import SnapshotRecord

if TYPE_CHECKING:
    from domain_model.adoption import Adoption, Observation, SnapshotDump


_BRING_BACK = ("replay", "snapshot-undelete")
"""Verbs after which snapshots are there whose names the operation does not say."""


class ForestAdoption:
    """Records on one domain what differs between its forest and what its owner shows."""

    def __init__(self, adoption: "Adoption", domain: Domain, operation: Operation | None) -> None:
        self._adoption = adoption
        self._domain = domain
        self._forest = domain.forest
        self._operation = operation

    def adopt(self, seen: "Observation") -> None:
        """Record the differences."""
        gone = [record for record in self._forest.parents_first() if record.name not in seen.snapshots]
        asked = self._asked_to_go()
        self._deleted([record for record in gone if record.id in asked], seen, asked=True)
        self._deleted([record for record in gone if record.id not in asked], seen, asked=False)
        changed = [name for dump in _parents_first(seen) if (name := self._dumped(dump, seen)) is not None]
        record = None if seen.current is None else self._forest.get(seen.current)
        current = None if record is None else record.id
        if current != self._forest.current:
            name = None if record is None else record.name
            self._adoption.record(Domain.SnapshotMadeCurrent, snapshot=current, name=name)
        self._verified(seen, frozenset(changed))

    def _asked_to_go(self) -> frozenset[str]:
        """The ids of what the operation was to delete."""
        operation = self._operation
        if operation is None or operation.verb != "snapshot-delete" or operation.arguments["name"] not in self._forest:
            return frozenset()
        flags = SnapshotDelete(operation.arguments["flags"])
        deletion = self._forest.deletion_of(
            operation.arguments["name"],
            children=bool(flags & SnapshotDelete.CHILDREN),
            children_only=bool(flags & SnapshotDelete.CHILDREN_ONLY),
        )
        return frozenset(deletion.removed)

    def _deleted(self, gone: list[SnapshotRecord], seen: "Observation", *, asked: bool) -> None:
        if not gone:
            return
        deletion = self._forest.removal_of(record.id for record in gone)
        reparented = []
        for snapshot, parent in deletion.reparented.items():
            record = self._forest.by_id(snapshot)
            dump = seen.dumps.get(record.name)
            reparented.append(
                {
                    "snapshot": snapshot,
                    "parent": parent,
                    "parent_before": record.parent,
                    "header": record.header if dump is None else dump.header,
                }
            )
        only = bool(asked and self._operation and self._operation.arguments["flags"] & SnapshotDelete.METADATA_ONLY)
        self._adoption.record(
            Domain.SnapshotDeleted,
            removed=[{"snapshot": record.id, "name": record.name} for record in gone],
            reparented=reparented,
            current_before=self._forest.current,
            current=deletion.current,
            metadata_only=only,
            data_kept=only or not asked,
        )

    def _dumped(self, dump: "SnapshotDump", seen: "Observation") -> str | None:
        """Record a snapshot that is new or another one now; returns its id if it is."""
        known = self._forest.get(dump.name)
        returning = (
            None if self._takes(dump.name) else self._forest.returning(dump.name, dump.creation_time, dump.state)
        )
        parent = None if dump.parent is None else self._forest.get(dump.parent)
        record = SnapshotRecord(
            id=known.id if known else returning.record.id if returning else self._new_id(dump.name),
            name=dump.name,
            parent=None if parent is None else parent.id,
            state=dump.state,
            creation_time=dump.creation_time,
            description=dump.description,
            location=dump.location,
            header=dump.header,
            domain=dump.domain,
            inactive_domain=dump.inactive_domain,
        )
        if record == known:
            return None
        fields: dict[str, Any] = {"current": seen.current == dump.name, **snapshot_fields(record)}
        if known or returning or (self._operation is not None and self._operation.verb == "snapshot-redefine"):
            self._adoption.record(Domain.SnapshotRedefined, replaced=_replaced(known), **fields)
        elif self._may_make(dump.name):
            self._adoption.record(Domain.SnapshotCreated, **fields)
        else:
            self._adoption.record_observed(Domain.SnapshotCreated, **fields)
        return record.id

    def _takes(self, name: str) -> bool:
        """Whether the operation takes a snapshot of that name: it then is no other, whatever it looks like."""
        operation = self._operation
        return operation is not None and operation.verb == "snapshot-create" and operation.arguments["name"] == name

    def _may_make(self, name: str) -> bool:
        """Whether the operation can have made a snapshot of that name; another one was taken while it was under way."""
        return self._takes(name) or (self._operation is not None and self._operation.verb in _BRING_BACK)

    def _new_id(self, name: str) -> str:
        """An id of its own for a snapshot: no other event of this stream has this version."""
        return str(uuid5(self._domain.id, f"snapshot/{self._domain.version + 1}/{name}"))

    def _verified(self, seen: "Observation", changed: frozenset[str]) -> None:
        """Record of which snapshots something else is known of their data now."""
        found = {}
        for record in self._forest:
            known = self._forest.presence_of(record.id)
            now = seen.presence.get(record.name, UNVERIFIED if record.id in changed else known)
            if now != known:
                found[record.id] = now
        if found:
            self._adoption.record(
                Domain.SnapshotsVerified,
                present=_of(Presence.PRESENT, found),
                missing=[{"snapshot": id, "why": found[id].why} for id in _of(Presence.MISSING, found)],
                unverified=_of(Presence.UNVERIFIED, found),
            )


def snapshot_fields(record: SnapshotRecord) -> dict[str, Any]:
    """A snapshot as the fields of its event."""
    return {
        "snapshot": record.id,
        "name": record.name,
        "parent": record.parent,
        "state": record.state,
        "creation_time": record.creation_time,
        "description": record.description,
        "location": record.location,
        "header": record.header,
        "domain": record.domain,
        "inactive_domain": record.inactive_domain,
    }


def _replaced(known: SnapshotRecord | None) -> dict[str, str | None] | None:
    if known is None:
        return None
    return {"header": known.header, "domain": known.domain, "inactive_domain": known.inactive_domain}


def _of(presence: Presence, found: dict[str, Verification]) -> list[str]:
    return [snapshot for snapshot, now in found.items() if now.presence is presence]


def _parents_first(seen: "Observation") -> Iterable["SnapshotDump"]:
    """The dumps in an order in which each finds its parent recorded."""
    ordered: list[SnapshotDump] = []
    waiting = {dump.name: dump for dump in seen.dumps.values()}
    while waiting:
        ready = [dump for dump in waiting.values() if dump.parent not in waiting]
        ordered.extend(waiting.pop(dump.name) for dump in ready or list(waiting.values()))
    return ordered
