"""Deleting snapshots, as libvirt's QEMU driver does (libvirt-semantics 1.5, and what 9.0 does when run).

An external snapshot is deleted by merging its images into those below. libvirt 9.0 manages that for a domain that is
off only with images that its definition names, so mostly those on top; of a running one it knows the whole chain.
"""

from dataclasses import dataclass, replace

from domain_model import domain_xml
from domain_model.errors import (
    ConfigUnsupported,
    InvalidArgument,
    OperationFailed,
    OperationUnsupported,
    Refused,
)
from domain_model.flags import SnapshotDelete
from drivers.simulator import edits, lifecycle, overlays, saving, texts
from drivers.simulator.disks import EXTERNAL, MANUAL
from drivers.simulator.inventory import Domain, Inventory, Snapshot
from drivers.simulator.overlays import Image
from drivers.simulator.snapshots import images_holding, snapshot_disks


@dataclass(frozen=True, slots=True)
class _Layer:
    """One image of an external snapshot, and what it stands on by the snapshot's own account."""

    target: str
    overlay: str
    below: str
    """The disk as it was before, an element."""

    @property
    def image(self) -> Image:
        """The image it stands on, without what that stands on."""
        return overlays.image_of(self.below)._replace(backing=None)

    @property
    def base(self) -> str:
        return self.image.path or ""


def delete(inventory: Inventory, domain: Domain, snapshot: Snapshot, flags: SnapshotDelete) -> None:
    """Delete a snapshot; its children are given to its parent. Raises Refused with 1, 8, 9, 67 and 84."""
    name = snapshot.name
    forest = inventory.forest(domain)
    below = {child.name for child in forest.descendants_of(name)}
    metadata_only = SnapshotDelete.METADATA_ONLY in flags
    if not metadata_only:
        _check_kind(inventory, domain, snapshot, below, flags)
    deletion = forest.deletion_of(
        name, children=SnapshotDelete.CHILDREN in flags, children_only=SnapshotDelete.CHILDREN_ONLY in flags
    )
    removed = set(deletion.removed)
    if not metadata_only and not _delete_data(inventory, domain, snapshot, removed):
        return
    if name in removed:
        _forget_layers(inventory, domain, _layers(snapshot), below - removed)
    for child, parent in deletion.reparented.items():
        inventory.set_parent(domain, child, parent)
    inventory.remove_snapshots(domain, removed)
    domain.current = deletion.current
    inventory.put_domain(domain)


def _check_kind(
    inventory: Inventory, domain: Domain, snapshot: Snapshot, below: set[str], flags: SnapshotDelete
) -> None:
    """Raises ConfigUnsupported (67), OperationUnsupported (84)."""
    if not snapshot.external and domain.active:
        _check_images_in_use(domain, snapshot)
    outside = below & inventory.external_of(domain)
    if flags & (SnapshotDelete.CHILDREN | SnapshotDelete.CHILDREN_ONLY) and outside:
        both = "external and internal" if below - outside else "external"
        raise ConfigUnsupported(f"deletion of {both} children disk snapshots not supported")
    if snapshot.external and SnapshotDelete.CHILDREN in flags:
        raise ConfigUnsupported("deletion of external disk snapshots with children not supported")


def _check_images_in_use(domain: Domain, snapshot: Snapshot) -> None:
    """Raises InvalidArgument (8), OperationUnsupported (84)."""
    then = {disk.target: disk.source for disk in domain_xml.read(texts.taken_out(snapshot.domain)).disks}
    now = {disk.target: disk.source for disk in domain_xml.read(domain.text).disks}
    for disk in snapshot_disks(snapshot):
        if disk.name not in now:  # libvirt 9.0 says so, and then falls over it.
            raise InvalidArgument(f"disk '{disk.name}' not found in domain")
        if then.get(disk.name) != now[disk.name]:
            raise OperationUnsupported(
                f"disk image '{disk.name}' for internal snapshot '{snapshot.name}' is not the same as disk image"
                " currently used by VM"
            )


def _delete_data(inventory: Inventory, domain: Domain, snapshot: Snapshot, removed: set[str]) -> bool:
    """Take the data out of the images; False when it was refused in the middle of it. Raises as ``delete``."""
    if snapshot.external and snapshot.name in removed:
        return _merge(inventory, domain, snapshot)
    for name in removed:
        one = inventory.snapshot(domain, name)
        for image in images_holding(one):
            inventory.files.delete_inside(image, name)
    return True


def _merge(inventory: Inventory, domain: Domain, snapshot: Snapshot) -> bool:
    layers = _layers(snapshot)
    for layer in layers:
        _check_layer(inventory, domain, snapshot, layer)
    refusal: Refused | None = None
    if not layers:
        refusal = Refused("An error occurred, but the cause is unknown", number=1)
    elif any(_stands_on(inventory, layer.overlay) not in (None, layer.base) for layer in layers):
        refusal = OperationFailed("snapshot VM disk source and parent disk source are not the same")
    elif any(saving.has_let_go(domain, layer.base) for layer in layers):
        refusal = Refused(
            "internal error: unable to execute QEMU command 'block-commit': Block node is read-only", number=1
        )
    if layers and not domain.active:
        # libvirt lets a QEMU do it, started paused and stopped again.
        domain.reason = lifecycle.SHUTOFF_SHUTDOWN
    if refusal is not None:
        inventory.refuse_after_all(refusal)
        inventory.put_domain(domain)
        return False
    for layer in layers:
        _merge_layer(inventory, domain, layer)
    return True


def _check_layer(inventory: Inventory, domain: Domain, snapshot: Snapshot, layer: _Layer) -> None:
    """Raises InvalidArgument (8), OperationUnsupported (84)."""
    disk = overlays.disk_of(domain.text, layer.target)
    if disk is None:
        raise InvalidArgument(f"disk '{layer.target}' not found in domain")
    chain = overlays.chain_of(disk)
    if domain.active and chain:
        chain = inventory.files.chain(chain[0])
    if layer.overlay not in chain:
        raise InvalidArgument("could not find base disk source in disk source chain")
    parent = _parent_for(inventory, domain, snapshot, layer.target)
    if parent is not None and not parent.external:
        raise OperationUnsupported("deleting external snapshot that has internal snapshot as parent not supported")


def _parent_for(inventory: Inventory, domain: Domain, snapshot: Snapshot, target: str) -> Snapshot | None:
    """The nearest snapshot above that has something of the disk."""
    above = snapshot.parent
    while above is not None:
        parent = inventory.snapshot(domain, above)
        if any(disk.name == target and disk.snapshot != "no" for disk in snapshot_disks(parent)):
            return parent
        above = parent.parent
    return None


def _merge_layer(inventory: Inventory, domain: Domain, layer: _Layer) -> None:
    live_source = overlays.source_of(domain.text, layer.target)
    if domain.definition is not None and (
        domain.live is None or overlays.source_of(domain.definition, layer.target) == live_source
    ):
        domain.definition = _without(domain.definition, layer)
    if domain.live is not None:
        domain.live = _without(domain.live, layer)
    inventory.files.merge(layer.overlay, layer.base)


def _without(text: str, layer: _Layer) -> str:
    """A definition whose disk no longer has the image."""

    def change(disk: str) -> str:
        image = overlays.image_of(disk)
        if image.path != layer.overlay:
            return overlays.without_layer(disk, layer.overlay)
        return overlays.with_image(disk, image.below or layer.image)

    return edits.with_disk(text, layer.target, change)


def _forget_layers(inventory: Inventory, domain: Domain, layers: list[_Layer], left: set[str]) -> None:
    """The snapshots below say what they stand on; libvirt also tells them so when only metadata was deleted."""
    for name in left if layers else ():
        snapshot = inventory.snapshot(domain, name)
        for layer in layers:
            snapshot = replace(
                snapshot,
                domain=_told(snapshot.domain, layer, external=snapshot.external),
                inactive_domain=None
                if snapshot.inactive_domain is None
                else _told(snapshot.inactive_domain, layer, external=snapshot.external),
            )
        inventory.put_snapshot(snapshot)


def _told(text: str, layer: _Layer, *, external: bool) -> str:
    def change(disk: str) -> str:
        if overlays.image_of(disk).path != layer.overlay:
            return overlays.without_layer(disk, layer.overlay)
        if not external:
            return disk  # What it kept is lost with the image, and libvirt does not say so.
        return overlays.with_image(disk, layer.image)

    return edits.with_disk(text, layer.target, change)


def _layers(snapshot: Snapshot) -> list[_Layer]:
    """The images of an external snapshot. One that somebody was to make by hand has no name, and is never found."""
    found = []
    for disk in snapshot_disks(snapshot):
        below = overlays.disk_of(snapshot.domain, disk.name) if disk.snapshot in (EXTERNAL, MANUAL) else None
        if below is not None:
            found.append(_Layer(disk.name, disk.source or "", below))
    return found


def _stands_on(inventory: Inventory, overlay: str) -> str | None:
    file = inventory.files.find(overlay)
    return None if file is None else file.backing
