"""The blast radius of deleting, reverting and undefining: what would be touched, what would be lost for good.

libvirt does what it is told, also where that takes the ground from under another machine: a snapshot merged into a base
image, or a base put back to what it was, destroys every image that was made on top of it. Here such an act is refused,
and any of the three can be looked at before it is done. Everything is told from what is on record: the snapshots' own
XML, and the image chains that were last seen.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from domain_model import domain_xml, snapshot_xml, xml
from domain_model.errors import OperationInvalid
from domain_model.flags import SnapshotDelete, SnapshotRevert, Undefine
from domain_model.placements import Placement
from domain_model.presence import UNVERIFIED
from domain_model.snapshots import SnapshotForest, SnapshotRecord, SnapshotStateClass

Dumps = Callable[[SnapshotRecord], str]
"""The XML of a snapshot."""
Dependents = Callable[[Sequence[str]], Mapping[str, Sequence[str]]]
"""For each of these files the other domains, by name, whose images are made on top of it or are it."""


_REPLAYED = "; then replay brings every snapshot back"


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to something: a file by its path, a snapshot by its name."""

    name: str
    fate: str


@dataclass(frozen=True, slots=True)
class Endangered:
    """A file that others need as it is, and who."""

    file: str
    dependents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Radius:
    """What an act would touch."""

    files: tuple[Fate, ...] = ()
    snapshots: tuple[Fate, ...] = ()
    memory: tuple[str, ...] = ()
    """What is lost of a guest's memory, in sentences."""
    reversible: bool = False
    way_back: str = ""
    """How to undo it, or why that cannot be."""
    endangered: tuple[Endangered, ...] = ()
    unknown: tuple[str, ...] = ()
    """What could not be told, in sentences."""

    def as_json(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    def check(self) -> None:
        """Refuse (55) what would take the ground from under living images, naming the files."""
        if self.endangered:
            what = "; ".join(f"{each.file} is needed by {', '.join(each.dependents)}" for each in self.endangered)
            raise OperationInvalid(
                f"a base image would be destroyed under living children: {what}",
                field="files",
                value=", ".join(each.file for each in self.endangered),
                accepted="children that were flattened or deleted before",
            )


@dataclass(frozen=True, slots=True)
class _KeptDisk:
    """What a snapshot keeps of one disk: in ``file``; with ``overlay``, what was written since is there."""

    file: str
    overlay: str | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a snapshot keeps, as its XML says."""

    name: str
    internal: tuple[str, ...]
    external: tuple[_KeptDisk, ...]
    memory: str | None
    memory_file: str | None

    @classmethod
    def of(cls, name: str, dump: str) -> "_Kept":
        said = snapshot_xml.read(dump)
        domain = xml.parse(dump, root=snapshot_xml.ROOT).find("domain")
        disks = domain_xml.definition(domain).disks if said.has_domain and domain is not None else ()
        files = {disk.target: disk.source for disk in disks}
        internal, external = [], []
        for disk in said.disks:
            file = files.get(disk.name)
            if file is not None and disk.snapshot == "internal":
                internal.append(file)
            elif file is not None and disk.snapshot == "external":
                external.append(_KeptDisk(file, disk.source))
        return cls(name, tuple(internal), tuple(external), said.memory, said.memory_file)


@dataclass
class _Touched:
    """A radius while it is drawn up. Files are told once each."""

    files: dict[str, str] = field(default_factory=dict)
    snapshots: dict[str, str] = field(default_factory=dict)
    memory: list[str] = field(default_factory=list)

    def befalls(self, file: str, fate: str) -> None:
        """One more thing that happens to a file: it may hold several of the snapshots that go."""
        before = self.files.get(file)
        self.files[file] = fate if before is None else f"{before}; {fate}"

    def radius(self, *, reversible: bool, way_back: str, endangered: Iterable[Endangered] = ()) -> Radius:
        return Radius(
            tuple(Fate(name, fate) for name, fate in self.files.items()),
            tuple(Fate(name, fate) for name, fate in self.snapshots.items()),
            tuple(self.memory),
            reversible,
            way_back,
            tuple(endangered),
        )


def of_delete(forest: SnapshotForest, name: str, flags: SnapshotDelete, dumps: Dumps, dependents: Dependents) -> Radius:
    """Deleting a snapshot. Raises NoSnapshot (72)."""
    deletion = forest.deletion_of(
        name,
        children=SnapshotDelete.CHILDREN in flags,
        children_only=SnapshotDelete.CHILDREN_ONLY in flags,
    )
    metadata_only = SnapshotDelete.METADATA_ONLY in flags
    touched = _Touched()
    for snapshot in deletion.removed:
        touched.snapshots[forest.by_id(snapshot).name] = "its metadata is deleted" if metadata_only else "is deleted"
    for snapshot, parent in deletion.reparented.items():
        below = "becomes a root" if parent is None else f"is hung below {forest.by_id(parent).name}"
        touched.snapshots[forest.by_id(snapshot).name] = below
    if deletion.current != forest.current and deletion.current is not None:
        heir = forest.by_id(deletion.current).name
        before = touched.snapshots.get(heir)
        touched.snapshots[heir] = "becomes current" if before is None else f"{before}, becomes current"
    if metadata_only:
        return touched.radius(reversible=True, way_back="snapshot-undelete brings each one back")
    merged: dict[str, str] = {}
    for snapshot in deletion.removed:
        record = forest.by_id(snapshot)
        merged |= _data_deleted(_Kept.of(record.name, dumps(record)), touched)
    siblings = _living_in(set(merged.values()), forest, set(deletion.removed), dumps)
    return touched.radius(
        reversible=False,
        way_back="what a snapshot holds is gone with it",
        endangered=_endangered([*merged.values(), *merged], dependents, siblings),
    )


def _data_deleted(kept: _Kept, touched: _Touched) -> dict[str, str]:
    """Note what deleting a snapshot does to files;
    returns the overlays that go, each with the base it is merged into.
    """
    for file in kept.internal:
        touched.befalls(file, f"the snapshot {kept.name} in it is removed")
    merged = {}
    for disk in kept.external:
        if disk.overlay is not None:
            merged[disk.overlay] = disk.file
            touched.befalls(disk.overlay, f"is merged into {disk.file} and removed")
            touched.befalls(disk.file, f"receives what {disk.overlay} holds")
    if kept.memory_file is not None:
        touched.files[kept.memory_file] = "stays, though no snapshot belongs to it any more"
    if kept.memory == "internal":
        touched.memory.append(f"the guest's memory in snapshot {kept.name} is deleted")
    return merged


def _living_in(bases: set[str], forest: SnapshotForest, removed: set[str], dumps: Dumps) -> dict[str, list[str]]:
    """Other snapshots of the same domain whose data is in a base that is about to be written to or put back.

    What is in an overlay moves along with it when that is merged.
    """
    found: dict[str, list[str]] = {}
    if not bases:
        return found
    for record in forest:
        if record.id in removed or record.location != "external":
            continue
        for disk in _Kept.of(record.name, dumps(record)).external:
            if disk.file in bases:
                found.setdefault(disk.file, []).append(f"snapshot {record.name}")
    return found


def _endangered(
    risked: Sequence[str], dependents: Dependents, siblings: Mapping[str, Sequence[str]]
) -> list[Endangered]:
    others = dependents(risked) if risked else {}
    named = {file: [*others.get(file, ()), *siblings.get(file, ())] for file in dict.fromkeys(risked)}
    return [Endangered(file, tuple(names)) for file, names in named.items() if names]


def of_revert(
    forest: SnapshotForest,
    name: str,
    flags: SnapshotRevert,
    placement: Placement,
    dumps: Dumps,
    dependents: Dependents,
) -> Radius:
    """Reverting a domain to a snapshot. Raises NoSnapshot (72)."""
    target = forest.named(name)
    kept = _Kept.of(name, dumps(target))
    touched = _Touched()
    for file in kept.internal:
        touched.files[file] = f"is put back to snapshot {name}; what was written since is lost"
    touched.snapshots[name] = "becomes current"
    if placement.active:
        touched.memory.append("the running guest is stopped, and its memory is lost")
    if placement.managed_save:
        touched.memory.append("the managed save image stays, and no longer fits the disks")
    online = target.state_class is SnapshotStateClass.ONLINE
    if not online and flags & (SnapshotRevert.RUNNING | SnapshotRevert.PAUSED):
        touched.memory.append("the guest boots anew: the snapshot holds no memory")
    radius = touched.radius(
        reversible=False,
        way_back="take a snapshot first: then reverting to that one leads back",
        endangered=_endangered(kept.internal, dependents, _living_in(set(kept.internal), forest, set(), dumps)),
    )
    return replace(radius, unknown=tuple(_unverified(forest, target)))


def _unverified(forest: SnapshotForest, target: SnapshotRecord) -> Iterable[str]:
    if forest.presence_of(target.id) == UNVERIFIED:
        yield (
            f"whether the data of snapshot {target.name} is still there could not be looked up:"
            " if it is gone, reverting fails, and a running guest is stopped by it"
        )


def of_undefine(
    forest: SnapshotForest, flags: Undefine, placement: Placement, definition: str | None, *, checkpoints: bool
) -> Radius:
    """Removing a domain's definition; ``checkpoints``: it has some. No disk is touched."""
    touched = _Touched()
    if definition is not None:
        said = domain_xml.read(definition)
        for disk in said.disks:
            if disk.source is not None:
                touched.files[disk.source] = "is kept"
        if said.nvram is not None:
            touched.files[said.nvram] = "is removed" if Undefine.NVRAM in flags else "is kept"
    if placement.managed_save and Undefine.MANAGED_SAVE in flags:
        touched.memory.append("the managed save image is deleted, and with it the guest's memory")
    for record in forest:
        # A running domain becomes transient: what it has of snapshots goes when it stops.
        touched.snapshots[record.name] = (
            f"its metadata is deleted{' when the domain stops' if placement.active else ''}"
        )
    # What replay brings back are snapshots: a TPM's state and checkpoints are gone with the definition.
    lost = bool(touched.memory) or "is removed" in touched.files.values()
    lost = lost or checkpoints or bool(flags & Undefine.TPM)
    return touched.radius(
        reversible=not lost,
        way_back="what is deleted from files, of a TPM and of checkpoints is gone"
        if lost
        else f"keep its dumpxml --inactive --security-info, and define it from that again{_REPLAYED if len(forest) else ''}",
    )
