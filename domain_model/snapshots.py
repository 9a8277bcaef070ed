"""The snapshot forest of a domain: what it is, and what deleting or redefining does to it.

libvirt keeps the same structure in {snapshotDir}/DOMAIN/NAME.xml files; the rules for parents, children and the
current snapshot are its QEMU driver's (libvirt-semantics 1.3 and 1.5). The forest holds structure and digests of
documents, never XML. A snapshot has an immutable id besides its name, because a name may be used again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from domain_model.errors import InvalidArgument, NoSnapshot

ONLINE_STATES = frozenset({"running", "paused"})
"""Only these are online to libvirt's redefine."""


class SnapshotStateClass(Enum):
    """The three kinds between which a redefine may not change a snapshot (libvirt-semantics 1.3)."""

    ONLINE = "online"
    OFFLINE = "offline"
    DISK_ONLY = "disk-only"

    @classmethod
    def of(cls, state: str) -> "SnapshotStateClass":
        """The kind of snapshot a <state> makes."""
        if state == "disk-snapshot":
            return cls.DISK_ONLY
        return cls.ONLINE if state in ONLINE_STATES else cls.OFFLINE


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """One snapshot as recorded. ``header``, ``domain`` and ``inactive_domain`` are digests of documents."""

    id: str
    name: str
    parent: str | None
    state: str
    """libvirt's <state>: running, paused, shutoff, disk-snapshot, ..."""
    creation_time: int
    """Seconds since the epoch, as in <creationTime>."""
    description: str | None
    location: str
    """``internal``, ``external``, or ``none`` when no disk and no memory was kept."""
    header: str
    domain: str | None
    inactive_domain: str | None

    @property
    def state_class(self) -> SnapshotStateClass:
        return SnapshotStateClass.of(self.state)

    @property
    def documents(self) -> tuple[str, str | None, str | None]:
        """What the snapshot's dump is composed of."""
        return self.header, self.domain, self.inactive_domain


@dataclass(frozen=True, slots=True)
class Deletion:
    """What deleting would do: who goes, whose parent becomes whom, and which snapshot is current afterwards."""

    removed: tuple[str, ...]
    reparented: dict[str, str | None]
    current: str | None


class SnapshotForest:
    """Snapshots by id, their parents, and at most one current snapshot.

    ``put``, ``remove`` and ``make_current`` apply what happened and never refuse; the other methods answer questions.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, SnapshotRecord] = {}
        self._by_name: dict[str, str] = {}
        self.current: str | None = None
        """The id of the current snapshot."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SnapshotForest) and self._by_id == other._by_id and self.current == other.current

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[SnapshotRecord]:
        return iter(self._by_id.values())

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def get(self, name: str) -> SnapshotRecord | None:
        """The snapshot of that name, or None."""
        found = self._by_name.get(name)
        return None if found is None else self._by_id[found]

    def named(self, name: str) -> SnapshotRecord:
        """The snapshot of that name; raises NoSnapshot (72) when there is none."""
        found = self.get(name)
        if found is None:
            raise NoSnapshot(f"no domain snapshot with matching name '{name}'", field="snapshot", value=name)
        return found

    def by_id(self, snapshot: str) -> SnapshotRecord:
        return self._by_id[snapshot]

    def find(self, snapshot: str) -> SnapshotRecord | None:
        return self._by_id.get(snapshot)

    @property
    def current_snapshot(self) -> SnapshotRecord | None:
        return None if self.current is None else self._by_id[self.current]

    def parent_name(self, snapshot: SnapshotRecord) -> str | None:
        return None if snapshot.parent is None else self._by_id[snapshot.parent].name

    def children_of(self, snapshot: str | None) -> list[SnapshotRecord]:
        """Direct children; of None: the roots."""
        return [record for record in self if record.parent == snapshot]

    def descendants_of(self, snapshot: str) -> list[SnapshotRecord]:
        """All below, parents before their children."""
        children = self._children()
        found: list[SnapshotRecord] = []
        waiting = list(children.get(snapshot, ()))
        while waiting:
            record = waiting.pop()
            found.append(record)
            waiting.extend(children.get(record.id, ()))
        return found

    def parents_first(self) -> list[SnapshotRecord]:
        """All snapshots in an order in which they can be redefined: roots first, then generation by generation."""
        children = self._children()
        generation = children.get(None, [])
        ordered: list[SnapshotRecord] = []
        while generation:
            ordered.extend(generation)
            generation = [child for record in generation for child in children.get(record.id, ())]
        return ordered

    def _children(self) -> dict[str | None, list[SnapshotRecord]]:
        children: dict[str | None, list[SnapshotRecord]] = {}
        for record in self:
            children.setdefault(record.parent, []).append(record)
        return children

    def check_parent(self, name: str, parent: str | None) -> None:
        """Refuse (8) a parent that ``name`` cannot have: itself, one that does not exist, or one below it."""
        if parent is None:
            return
        if parent == name:
            raise InvalidArgument(f"cannot set moment {name} as its own parent", field="parent", value=parent)
        ancestor = self.get(parent)
        if ancestor is None:
            raise InvalidArgument(
                f"parent {parent} for moment {name} not found",
                field="parent",
                value=parent,
                accepted="the name of a recorded snapshot of this domain",
            )
        while ancestor is not None:
            if ancestor.name == name:
                raise InvalidArgument(f"parent {parent} would create cycle to {name}", field="parent", value=parent)
            ancestor = None if ancestor.parent is None else self._by_id[ancestor.parent]

    def deletion_of(self, name: str, *, children: bool = False, children_only: bool = False) -> Deletion:
        """What ``snapshot-delete`` would do to the forest (libvirt-semantics 1.5); raises NoSnapshot (72)."""
        target = self.named(name)
        below = [record.id for record in self.descendants_of(target.id)]
        if children_only:
            removed = tuple(below)
        elif children:
            removed = (target.id, *below)
        else:
            removed = (target.id,)
        return self.removal_of(removed)

    def removal_of(self, removed: Iterable[str]) -> Deletion:
        """What becomes of the others when these ids are gone: the nearest surviving ancestor inherits."""
        gone = tuple(removed)
        gone_set = set(gone)
        reparented = {
            record.id: self._survivor(record.parent, gone_set)
            for record in self
            if record.id not in gone_set and record.parent in gone_set
        }
        return Deletion(gone, reparented, self._survivor(self.current, gone_set))

    def _survivor(self, snapshot: str | None, gone: set[str]) -> str | None:
        while snapshot is not None and snapshot in gone:
            snapshot = self._by_id[snapshot].parent
        return snapshot

    def put(self, record: SnapshotRecord) -> None:
        """Add a snapshot, or replace the one with its id. Its children stay with it."""
        self._by_id[record.id] = record
        self._by_name[record.name] = record.id

    def remove(self, removed: Iterable[str]) -> None:
        """Forget these ids; ids that are not there are passed over."""
        for snapshot in removed:
            record = self._by_id.pop(snapshot, None)
            if record is not None and self._by_name.get(record.name) == snapshot:
                del self._by_name[record.name]
        if self.current not in self._by_id:
            self.current = None

    def reparent(self, snapshot: str, parent: str | None, header: str) -> None:
        """Hang a snapshot under another parent; its dump, which names the parent, is now ``header``."""
        record = self._by_id.get(snapshot)
        if record is not None:
            self._by_id[snapshot] = replace(record, parent=parent, header=header)

    def make_current(self, snapshot: str | None) -> None:
        self.current = snapshot if snapshot in self._by_id else None

    def clear(self) -> None:
        self._by_id.clear()
        self._by_name.clear()
        self.current = None
