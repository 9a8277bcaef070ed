"""What a hypervisor forgot of a domain's snapshots while their data stayed: enough to bring each one back.

libvirt gives the children of a deleted snapshot to its parent and has no memory of where they were, nor of which
snapshot was the current one (libvirt-semantics, section 6). Here a buried snapshot keeps its place: below which one it
belongs, living or buried. So do the living ones that hang elsewhere only because what they belong below is buried.
Bringing one back is then the same in whichever order it is done.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from domain_model.limits import SNAPSHOTS_PER_DOMAIN

if TYPE_CHECKING:
    from domain_model.snapshots import SnapshotRecord

MOST_BURIED = SNAPSHOTS_PER_DOMAIN
"""As many are remembered of one domain as it may have; beyond that the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Buried:
    """A snapshot whose metadata is gone. ``record`` is how it was then."""

    record: "SnapshotRecord"
    belongs_below: str | None
    """The id of a living or a buried snapshot; None: it was a root."""
    lost: bool
    """It went with its whole forest, because the domain was undefined or a transient one stopped."""


class Grave:
    """The buried snapshots of one domain by id, and what the living ones would be like without these burials."""

    def __init__(self) -> None:
        self._buried: dict[str, Buried] = {}
        self._names: dict[str, str] = {}
        self.displaced: dict[str, str] = {}
        """Living snapshots that hang elsewhere by a burial: the buried one each belongs below."""
        self.current: str | None = None
        """The buried snapshot that would be the current one."""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Grave)
            and list(self._buried.items()) == list(other._buried.items())
            and (self.displaced, self.current) == (other.displaced, other.current)
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __len__(self) -> int:
        return len(self._buried)

    def __iter__(self) -> Iterator[Buried]:
        """In the order in which they were buried."""
        return iter(self._buried.values())

    def __contains__(self, snapshot: object) -> bool:
        return snapshot in self._buried

    def find(self, snapshot: str) -> Buried | None:
        return self._buried.get(snapshot)

    def named(self, name: str) -> Buried | None:
        """The buried snapshot of that name: there is at most one."""
        snapshot = self._names.get(name)
        return None if snapshot is None else self._buried[snapshot]

    def nearest(self, snapshot: str | None, living: Container[str]) -> str | None:
        """This snapshot if it lives, else the nearest living one it belongs below; None when there is none."""
        passed = set()
        while snapshot is not None and snapshot not in living:
            buried = self._buried.get(snapshot)
            if buried is None or snapshot in passed:
                return None
            passed.add(snapshot)
            snapshot = buried.belongs_below
        return snapshot

    def bury(self, record: "SnapshotRecord", belongs_below: str | None, *, lost: bool) -> None:
        """Remember a snapshot. One that bore its name before is forgotten."""
        self.take_out(record.id)
        self.forget_name(record.name)
        self._buried[record.id] = Buried(record, belongs_below, lost)
        self._names[record.name] = record.id

    def trim(self) -> None:
        """Forget the oldest of too many."""
        while len(self._buried) > MOST_BURIED:
            self._forget(next(iter(self._buried)))

    def take_out(self, snapshot: str) -> Buried | None:
        """Bring one back; it keeps its place as one of the living."""
        buried = self._buried.pop(snapshot, None)
        if buried is not None:
            del self._names[buried.record.name]
        return buried

    def forget_name(self, name: str) -> None:
        """Somebody else bears this name now: what was buried under it can come back no more."""
        buried = self.named(name)
        if buried is not None:
            self._forget(buried.record.id)

    def _forget(self, snapshot: str) -> None:
        buried = self.take_out(snapshot)
        if buried is not None:
            self.skip({snapshot: buried.belongs_below})

    def skip(self, gone: Mapping[str, str | None]) -> None:
        """These are gone for good: what belonged below one of them now belongs below what that one belonged below."""
        if not gone:
            return
        for snapshot, buried in self._buried.items():
            if buried.belongs_below in gone:
                self._buried[snapshot] = replace(buried, belongs_below=above(gone, buried.belongs_below))
        for snapshot, place in list(self.displaced.items()):
            self.displace(snapshot, above(gone, place))
        self.remember_current(above(gone, self.current))

    def remember_current(self, snapshot: str | None) -> None:
        """This one would be current, if it is buried; if it lives, there is nothing to remember."""
        self.current = snapshot if snapshot in self._buried else None

    def displace(self, snapshot: str, belongs_below: str | None) -> None:
        """A living snapshot belongs below this one;
        if that lives too or is a mere root, there is nothing to remember.
        """
        if belongs_below is not None and belongs_below in self._buried:
            self.displaced[snapshot] = belongs_below
        else:
            self.displaced.pop(snapshot, None)


def above(gone: Mapping[str, str | None], snapshot: str | None) -> str | None:
    """The first one above that is not gone, itself if it is not."""
    passed = set()
    while snapshot is not None and snapshot in gone:
        if snapshot in passed:
            return None
        passed.add(snapshot)
        snapshot = gone[snapshot]
    return snapshot
