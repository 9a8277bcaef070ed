"""Redefining snapshots as one batch, in any order, and giving back what libvirt forgets about those that were deleted.

libvirt redefines one snapshot at a time and only below a parent that is there. A batch is checked as a whole and then
carried out parents first; each step is a redefinition that libvirt accepts where it comes. Redefining a snapshot whose
metadata had been deleted brings back that snapshot: what hung below it hangs there again, and it is current again if it
was, unless somebody changed either in the meantime.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain_model.errors import InvalidArgument, NoSnapshot, OperationFailed, Refused
from domain_model.flags import SnapshotCreate
from domain_model.moments import check_parent
from domain_model.snapshots import SnapshotForest, SnapshotRecord, SnapshotStateClass

Parents = Mapping[str, str | None]
"""Names of parents by name."""

_ACCEPTED_PARENT = "the name of a recorded snapshot of this domain, or of one given with it"
_MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class WantedSnapshot:
    """A snapshot as it is to be; ``parent`` is a name.

    Its text is the document ``xml``, a digest, or what was recorded as ``record``.
    """

    name: str
    parent: str | None
    state: str
    creation_time: int
    xml: str | None = None
    record: SnapshotRecord | None = None
    current: bool = False
    has_domain: bool = True
    """Whether the document has a definition; one that only replaces a snapshot's description needs none."""
    domain_uuid: str | None = None
    """The UUID in that definition."""

    def as_argument(self) -> dict[str, Any]:
        """As it is among the arguments of an operation; ``wanted_by`` reads it back."""
        return {
            "name": self.name,
            "parent": self.parent,
            "state": self.state,
            "creation_time": self.creation_time,
            "xml": self.xml,
            "current": self.current,
            "has_domain": self.has_domain,
            "domain_uuid": self.domain_uuid,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One redefinition. Its text is the document ``xml`` or that of ``record``; hung below ``parent``, a name."""

    name: str
    parent: str | None
    flags: SnapshotCreate
    xml: str | None
    record: SnapshotRecord | None


def wanted_by(arguments: Mapping[str, Any]) -> list[WantedSnapshot]:
    """What an operation ``snapshot-redefine`` wants; the first of them had one snapshot, without its creation time."""
    return [
        WantedSnapshot(
            name=entry["name"],
            parent=entry["parent"],
            state=entry["state"],
            creation_time=entry.get("creation_time", 0),
            xml=entry["xml"],
            current=entry.get("current", bool(arguments["flags"] & SnapshotCreate.CURRENT)),
            has_domain=entry.get("has_domain", True),
            domain_uuid=entry.get("domain_uuid"),
        )
        for entry in arguments.get("snapshots", [arguments])
    ]


def restoration(forest: SnapshotForest, snapshots: Iterable[str]) -> list[WantedSnapshot]:
    """Buried snapshots, by their ids, as they are to be: each below the nearest one it belongs below that is there."""
    buried = {snapshot: entry for snapshot in snapshots if (entry := forest.grave.find(snapshot)) is not None}
    there = {record.id: record.name for record in forest} | {key: entry.record.name for key, entry in buried.items()}
    wanted = []
    for entry in buried.values():
        parent = forest.grave.nearest(entry.belongs_below, there)
        wanted.append(
            WantedSnapshot(
                name=entry.record.name,
                parent=None if parent is None else there[parent],
                state=entry.record.state,
                creation_time=entry.record.creation_time,
                record=entry.record,
            )
        )
    return wanted


def undeletion(forest: SnapshotForest, name: str) -> list[WantedSnapshot]:
    """What brings back the deleted snapshot of that name.

    Raises OperationFailed (9) when another one bears the name, NoSnapshot (72) when none was deleted under it.
    """
    if name in forest:
        raise OperationFailed(f"domain moment {name} already exists", field="name", value=name)
    buried = forest.grave.named(name)
    if buried is None:
        names = [entry.record.name for entry in forest.grave]
        raise NoSnapshot(
            f"no deleted domain snapshot with matching name '{name}'",
            field="name",
            value=name,
            accepted=", ".join(names[-_MOST_NAMES:]) or None,
        )
    return restoration(forest, [buried.record.id])


def plan(
    forest: SnapshotForest,
    wanted: Sequence[WantedSnapshot],
    flags: SnapshotCreate = SnapshotCreate.REDEFINE,
    uuid: str | None = None,
) -> list[Step]:
    """The redefinitions that make ``forest`` have what is wanted, in an order in which libvirt accepts each.

    ``uuid`` is the domain's, for the check of the definitions in the documents. Raises InvalidArgument (8) or Refused
    (1) as libvirt does for the first snapshot that cannot be so, and 8 for two of one name or two current ones.
    """
    _check_together(wanted)
    parents: dict[str, str | None] = {record.name: forest.parent_name(record) for record in forest}
    parents |= {entry.name: entry.parent for entry in wanted}
    cyclic = _on_cycles(parents)
    for entry in wanted:
        # libvirt-semantics 1.3, where only the parents that are there already count.
        check_parent(entry.name, entry.parent, there=parents, above=cyclic, accepted=_ACCEPTED_PARENT)
        _check_document(entry, forest.get(entry.name), flags, uuid)
    returning = {
        buried.record.id: entry.name
        for entry in wanted
        if (buried := forest.returning(entry.name, entry.creation_time, entry.state)) is not None
    }
    there = {record.id: record.name for record in forest} | returning
    given = {entry.name for entry in wanted}
    followers = list(_followers(forest, there, given, parents))
    current = next((entry.name for entry in wanted if entry.current), None) or _current_again(forest, there)
    depth = _depths(parents)
    ordered = sorted([*wanted, *followers], key=lambda entry: depth[entry.name])
    return [_step(replace(entry, current=entry.name == current), flags) for entry in ordered]


def _check_together(wanted: Sequence[WantedSnapshot]) -> None:
    names = set()
    for entry in wanted:
        if entry.name in names:
            raise InvalidArgument(
                f"snapshot {entry.name} is given twice", field="name", value=entry.name, accepted="each name once"
            )
        names.add(entry.name)
    current = [entry.name for entry in wanted if entry.current]
    if len(current) > 1:
        raise InvalidArgument(
            f"{len(current)} snapshots are to be the current one", field="current", accepted="at most one"
        )


def _check_document(
    entry: WantedSnapshot, existing: SnapshotRecord | None, flags: SnapshotCreate, uuid: str | None
) -> None:
    """The rest of 1.3, in libvirt's order; what is left is the comparison of the two machines,
    which is libvirt's own.
    """
    if flags & SnapshotCreate.DISK_ONLY and entry.state != "disk-snapshot":
        raise InvalidArgument(
            f"disk-only flag for snapshot {entry.name} requires disk-snapshot state",
            field="state",
            value=entry.state,
            accepted="disk-snapshot",
        )
    if None not in (uuid, entry.domain_uuid) and uuid != entry.domain_uuid:
        raise InvalidArgument(
            f"definition for snapshot {entry.name} must use uuid {uuid}",
            field="domain/uuid",
            value=entry.domain_uuid,
            accepted=uuid,
        )
    if existing is not None:
        _check_kind(entry, existing)
    elif not entry.has_domain:
        raise Refused(f"internal error: missing domain in snapshot '{entry.name}'", field="domain", number=1)


def _check_kind(entry: WantedSnapshot, existing: SnapshotRecord) -> None:
    wanted = SnapshotStateClass.of(entry.state)
    if existing.state_class is wanted:
        return
    if SnapshotStateClass.ONLINE in (existing.state_class, wanted):
        change = "online and offline snapshot state"
    else:
        change = "disk only and full system"
    raise InvalidArgument(
        f"cannot change between {change} in snapshot {entry.name}",
        field="state",
        value=entry.state,
        accepted=existing.state,
    )


def _followers(
    forest: SnapshotForest, there: Mapping[str, str], given: Container[str], parents: dict[str, str | None]
) -> Iterator[WantedSnapshot]:
    """What hung below one of those ``given`` and still hangs where its deletion left it, below it again.

    ``there`` are the names of all that will be there, by id; ``parents`` is kept up. One that is given itself was told
    where to hang.
    """
    for record, place in forest.displaced():
        found = forest.grave.nearest(place, there)
        parent = None if found is None or found == record.parent else there[found]
        # What returns may have been given a place below this one.
        if parent in given and record.name not in given and record.name not in _ancestors(parent, parents):
            parents[record.name] = parent
            yield WantedSnapshot(record.name, parent, record.state, record.creation_time, record=record)


def _current_again(forest: SnapshotForest, there: Mapping[str, str]) -> str | None:
    """Which of those that will be there is current again, as it was before its deletion."""
    found = forest.grave.nearest(forest.grave.current, there)
    return None if found is None or found == forest.current else there[found]


def _ancestors(name: str | None, parents: Parents) -> dict[str, None]:
    """This one and all above it, nearest first."""
    found: dict[str, None] = {}
    while name is not None and name not in found:
        found[name] = None
        name = parents.get(name)
    return found


def _on_cycles(parents: Parents) -> set[str]:
    """The names from which the way up leads back to themselves."""
    walks: dict[str, int] = {}
    found: set[str] = set()
    for walk, start in enumerate(parents):
        way: list[str] = []
        name: str | None = start
        while name is not None and name not in walks:
            walks[name] = walk
            way.append(name)
            name = parents.get(name)
        if name is not None and walks[name] == walk:
            found.update(way[way.index(name) :])
    return found


def _depths(parents: Parents) -> dict[str, int]:
    """How far each is from its root. No recursion: a tree may be a thousand deep."""
    depths: dict[str, int] = {}
    for name in parents:
        way = []
        above: str | None = name
        while above is not None and above not in depths:
            way.append(above)
            above = parents[above]
        start = -1 if above is None else depths[above]
        depths |= {below: start + number for number, below in enumerate(reversed(way), start=1)}
    return depths


def _step(entry: WantedSnapshot, flags: SnapshotCreate) -> Step:
    if entry.record is not None:
        flags = SnapshotCreate.REDEFINE
    flags &= ~SnapshotCreate.CURRENT
    if entry.current:
        flags |= SnapshotCreate.CURRENT
    if SnapshotStateClass.of(entry.state) is SnapshotStateClass.DISK_ONLY:
        flags |= SnapshotCreate.DISK_ONLY
    return Step(entry.name, entry.parent, flags, entry.xml, entry.record)
