"""The snapshot forest of a domain: what it is, and what deleting or redefining does to it.

libvirt keeps the same structure in {snapshotDir}/DOMAIN/NAME.xml files; the rules for parents, children and the
current snapshot are its QEMU driver's (libvirt-semantics 1.3 and 1.5). The forest holds structure and digests of
documents, never XML. A snapshot has an immutable id besides its name, because a name may be used again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from domain_model.errors import NoSnapshot
from domain_model.graves import Buried, Grave, above
from domain_model.moments import Moment, MomentForest
from domain_model.presence import UNVERIFIED, Verification

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
class SnapshotRecord(Moment):
    """One snapshot as recorded. ``header``, ``domain`` and ``inactive_domain`` are digests of documents."""

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


class SnapshotForest(MomentForest[SnapshotRecord]):
    """Snapshots by id, their parents, at most one current snapshot, and what a hypervisor forgot of them.

    What happened is applied and never refused; the other methods answer questions.
    """

    kind = "snapshot"
    absent = NoSnapshot

    def __init__(self) -> None:
        super().__init__()
        self._presence: dict[str, Verification] = {}
        self._unsettled = False
        self.grave = Grave()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, SnapshotForest)
            and (self._by_id, self.current, self.grave) == (other._by_id, other.current, other.grave)
            and self._presence == other._presence
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    @property
    def current_snapshot(self) -> SnapshotRecord | None:
        return None if self.current is None else self._by_id[self.current]

    def put(self, record: SnapshotRecord, *, current: bool = False) -> None:
        """Add a snapshot, bring a buried one back, or replace the one with its id. Its children stay with it.

        Whatever else is buried under its name is forgotten.
        """
        place = self._place_of(record.id)
        buried = self.grave.take_out(record.id)
        self.grave.forget_name(record.name)
        self._keep(record)
        self._unsettled = self._unsettled or buried is not None
        self._keep_place(record, place)
        if current:
            former = self.grave.current
            self.make_current(record.id)
            # Perhaps it is that only because the one that was is still buried: bringing that back will change it again.
            self._keep_current(former)

    def delete(
        self, removed: Iterable[str], moved: Mapping[str, tuple[str | None, str]], current: str | None, *, bury: bool
    ) -> None:
        """Some are gone: ``bury`` those whose data stays. ``moved`` are the new parents and dumps of what hung below.

        Ids that are not there are passed over.
        """
        self.settle()
        gone = {snapshot: self._by_id[snapshot] for snapshot in removed if snapshot in self._by_id}
        heirs = {record.id: record.parent for record in gone.values()}
        places = {snapshot: self._place_of(snapshot) for snapshot in (*gone, *moved)}
        was_current, inherits = self.grave.current or self.current, above(heirs, self.current)
        for record in gone.values():
            self._drop(record)
            if bury:
                self.grave.bury(record, places[record.id], lost=False)
        destroyed = {} if bury else {snapshot: places[snapshot] for snapshot in gone}
        self.grave.skip(destroyed)
        for snapshot, (parent, header) in moved.items():
            child = self._by_id.get(snapshot)
            if child is not None:
                self.reparent(snapshot, parent, header)
                inherited = parent == above(heirs, child.parent)
                self.grave.displace(snapshot, above(destroyed, places[snapshot]) if inherited else None)
        self.make_current(current)
        if self.current == inherits:
            self.grave.remember_current(above(destroyed, was_current))
        self.grave.trim()

    def lose(self) -> None:
        """The hypervisor forgot the whole forest: all of it is buried, to be restored together."""
        if not self._by_id:
            return
        self.settle()
        places = {snapshot: self._place_of(snapshot) for snapshot in self._by_id}
        was_current = self.grave.current or self.current
        for record in list(self):
            self._drop(record)
            self.grave.bury(record, places[record.id], lost=True)
        self.make_current(None)
        self.grave.remember_current(was_current)
        self.grave.trim()

    def reparent(self, snapshot: str, parent: str | None, header: str) -> None:
        """Hang a snapshot under another parent; its dump, which names the parent, is now ``header``."""
        record = self._by_id.get(snapshot)
        if record is not None:
            self._by_id[snapshot] = replace(record, parent=parent, header=header)

    def make_current(self, snapshot: str | None) -> None:
        """Another one is current now, and not because the one that was is buried."""
        self.current = snapshot if snapshot in self._by_id else None
        self.grave.current = None

    # Whether the data is there.

    def presence_of(self, snapshot: str) -> Verification:
        """What was last found of a snapshot's data."""
        return self._presence.get(snapshot, UNVERIFIED)

    def verify(self, snapshot: str, found: Verification) -> None:
        """Remember what was found; of a snapshot that is not there, nothing."""
        if snapshot in self._by_id and found != UNVERIFIED:
            self._presence[snapshot] = found
        else:
            self._presence.pop(snapshot, None)

    def unverify(self) -> None:
        """Nothing is known of any data any more."""
        self._presence.clear()

    # What was forgotten.

    @property
    def lost(self) -> list[str]:
        """The ids of what went with its whole forest and was not brought back."""
        return [buried.record.id for buried in self.grave if buried.lost]

    def returning(self, name: str, creation_time: int, state: str) -> Buried | None:
        """The buried snapshot that metadata with this name, creation time and state is of, if it is of one."""
        buried = self.grave.named(name)
        if buried is None:
            return None
        known = buried.record
        same = (creation_time, SnapshotStateClass.of(state)) == (known.creation_time, known.state_class)
        return buried if same else None

    def displaced(self) -> Iterator[tuple[SnapshotRecord, str]]:
        """The snapshots that still hang where a burial left them, each with what it belongs below."""
        for snapshot, place in self.grave.displaced.items():
            yield self._by_id[snapshot], place

    def settle(self) -> None:
        """What came back and did not take back its children and the current mark leaves them from now on."""
        if not self._unsettled:
            return
        for record, place in list(self.displaced()):
            self._keep_place(record, place)
        former, self.grave.current = self.grave.current, None
        self._keep_current(former)
        self._unsettled = False

    def nearest(self, snapshot: str | None) -> str | None:
        """The nearest living snapshot that one belongs below, itself if it lives."""
        return self.grave.nearest(snapshot, self._by_id)

    def _place_of(self, snapshot: str) -> str | None:
        """What a snapshot belongs below, whatever was buried."""
        buried = self.grave.find(snapshot)
        if buried is not None:
            return buried.belongs_below
        record = self._by_id.get(snapshot)
        return self.grave.displaced.get(snapshot, None if record is None else record.parent)

    def _keep_place(self, record: SnapshotRecord, place: str | None) -> None:
        """Remember where a living snapshot belongs, if it hangs where it does only because of a burial."""
        self.grave.displace(record.id, place if self.nearest(place) == record.parent else None)

    def _keep_current(self, snapshot: str | None) -> None:
        """Remember which one would be current, if the current one is that only because of a burial."""
        if self.nearest(snapshot) == self.current:
            self.grave.remember_current(snapshot)

    def _drop(self, record: SnapshotRecord) -> None:
        super()._drop(record)
        self._presence.pop(record.id, None)
        self.grave.displace(record.id, None)
