"""Taking snapshots, as libvirt's QEMU driver does (libvirt-semantics 1.1 and 1.2).

The checks stand in libvirt's order, so that of several things wrong the same one is told.
"""

from collections.abc import Sequence
from dataclasses import replace

from domain_model import domain_xml, snapshot_xml
from domain_model.errors import (
    ConfigUnsupported,
    OperationFailed,
    OperationInvalid,
    OperationUnsupported,
)
from domain_model.flags import SnapshotCreate
from domain_model.libvirt import DomainState
from domain_model.snapshot_xml import DiskSnapshot, SnapshotDescription
from drivers.simulator import disks, guest, lifecycle, machine, overlays, saving, texts
from drivers.simulator.disks import EXTERNAL, INTERNAL, LEFT_OUT, MANUAL, Aligned
from drivers.simulator.inventory import Domain, Inventory, Snapshot

_STATE_WORDS = {DomainState.RUNNING: "running", DomainState.PAUSED: "paused", DomainState.SHUTOFF: "shutoff"}
_INTERNAL_FORMATS = ("qcow2",)
DISK_SNAPSHOT = "disk-snapshot"


def check_checkpoints(inventory: Inventory, domain: Domain) -> None:
    """Whether QEMU can have both libvirt knows of a running one only. Raises OperationUnsupported (84)."""
    if not domain.active and inventory.number_of_checkpoints(domain):
        raise OperationUnsupported("cannot perform block operations while checkpoint exists")


def take(inventory: Inventory, domain: Domain, xml: str, flags: SnapshotCreate, now: int) -> None:
    """Take a snapshot; it becomes the current one, child of the one before.

    Raises MalformedXml, Refused with 1, 9 for a name in use, 38, 55, 67, 74, 84.
    """
    if SnapshotCreate.HALT in flags and not domain.persistent:
        raise OperationInvalid("cannot halt after transient domain snapshot")
    keep = SnapshotCreate.NO_METADATA not in flags
    offline = not domain.active or SnapshotCreate.DISK_ONLY in flags
    wanted = snapshot_xml.read_for_create(xml, offline=offline, kept=keep)
    wanted = replace(wanted, name=wanted.name or str(now))
    _check_state(domain, wanted, flags)
    wanted = replace(wanted, memory=_memory(domain, wanted, flags))
    aligned = _prepare(inventory, domain, wanted, flags)
    if keep and inventory.find_snapshot(domain, wanted.name or "") is not None:
        raise OperationFailed(f"domain moment {wanted.name} already exists")
    snapshot = _picture(domain, wanted, aligned, now, flags)
    if any(one.external for one in aligned) or wanted.memory == EXTERNAL:
        _take_outside(inventory, domain, wanted, aligned, flags)
    else:
        _take_inside(inventory, domain, wanted, aligned, flags)
    if keep:
        inventory.put_snapshot(snapshot)
        domain.current = snapshot.name
    inventory.put_domain(domain)
    if SnapshotCreate.HALT in flags:
        lifecycle.stop(inventory, domain, lifecycle.SHUTOFF_FROM_SNAPSHOT)


def _check_state(domain: Domain, wanted: SnapshotDescription, flags: SnapshotCreate) -> None:
    if SnapshotCreate.LIVE in flags and not (domain.active and wanted.memory == EXTERNAL):
        raise OperationUnsupported("live snapshot creation is supported only during full system snapshots")
    if domain.state == DomainState.PMSUSPENDED:
        raise OperationUnsupported("qemu doesn't support taking snapshots of PMSUSPENDED guests")


def _memory(domain: Domain, wanted: SnapshotDescription, flags: SnapshotCreate) -> str:
    """Where the guest's memory goes. Raises OperationUnsupported (84)."""
    if SnapshotCreate.DISK_ONLY in flags or not domain.active:
        return "no"
    if wanted.memory == "no":
        raise OperationUnsupported("internal snapshot of a running VM must include the memory state")
    return wanted.memory or INTERNAL


def _prepare(inventory: Inventory, domain: Domain, wanted: SnapshotDescription, flags: SnapshotCreate) -> list[Aligned]:
    """What happens to each disk. Raises ConfigUnsupported (67), OperationUnsupported (84), Refused (1, 38)."""
    its_disks = domain_xml.read(domain.text).disks
    inventory.files.hear_of(its_disks)
    outside = SnapshotCreate.DISK_ONLY in flags or wanted.memory == EXTERNAL
    aligned = disks.align(its_disks, wanted.disks, default=EXTERNAL if outside else INTERNAL, must_match=not outside)
    aligned = disks.with_files(aligned, wanted.name or "")
    for one in aligned:
        if one.mode == INTERNAL:
            _check_inside(domain, one, flags)
        elif one.external:
            overlays.check(inventory, domain, one, reuse=SnapshotCreate.REUSE_EXT in flags)
    _check_together(domain, wanted, aligned)
    return [replace(one, request=replace(one.request, driver=one.format)) if one.external else one for one in aligned]


def _check_inside(domain: Domain, one: Aligned, flags: SnapshotCreate) -> None:
    if domain.active and SnapshotCreate.DISK_ONLY in flags:
        raise ConfigUnsupported(
            f"active qemu domains require external disk snapshots; disk {one.disk.target} requested internal"
        )
    if one.disk.format not in _INTERNAL_FORMATS:
        raise ConfigUnsupported(
            f"internal snapshot for disk {one.disk.target} unsupported for storage type {one.disk.format or 'raw'}"
        )


def _check_together(domain: Domain, wanted: SnapshotDescription, aligned: Sequence[Aligned]) -> None:
    modes = {one.mode for one in aligned}
    inside, outside = INTERNAL in modes, EXTERNAL in modes
    left_out = any(one.mode in (LEFT_OUT, MANUAL) and one.disk.source and not one.disk.readonly for one in aligned)
    if not inside and not outside and wanted.memory == "no":
        raise ConfigUnsupported("nothing selected for snapshot")
    if (inside or wanted.memory == INTERNAL) and (left_out or not inside):
        raise ConfigUnsupported("internal and full system snapshots require all disks to be selected for snapshot")
    if inside and (outside or wanted.memory == EXTERNAL):
        raise ConfigUnsupported("mixing internal and external targets for a snapshot is not yet supported")
    if inside and machine.has_flash(domain.text):
        raise OperationUnsupported("internal snapshots of a VM with pflash based firmware are not supported")


def _take_inside(
    inventory: Inventory,
    domain: Domain,
    wanted: SnapshotDescription,
    aligned: Sequence[Aligned],
    flags: SnapshotCreate,
) -> None:
    images = [one.disk.source for one in aligned if one.mode == INTERNAL and one.disk.source is not None]
    for image in images:
        if saving.has_let_go(domain, image):
            raise OperationFailed(
                "Failed to take snapshot: Error: Device 'libvirt-1-format' is writable but does not support snapshots"
            )
        if SnapshotCreate.DISK_ONLY in flags:
            # Asked for disks alone of an inactive domain, libvirt 9.0 looks for external ones, and takes nothing.
            inventory.files.leave_inside(image, wanted.name or "")
        else:
            overlays.check_there(inventory, domain, image)
            inventory.files.take_inside(image, wanted.name or "")
    if domain.state == DomainState.RUNNING:
        domain.reason = lifecycle.RUNNING_UNPAUSED  # libvirt pauses the guest while it saves its memory.


def _take_outside(
    inventory: Inventory,
    domain: Domain,
    wanted: SnapshotDescription,
    aligned: Sequence[Aligned],
    flags: SnapshotCreate,
) -> None:
    quiesced = domain.active and SnapshotCreate.QUIESCE in flags
    if quiesced:
        guest.freeze(inventory, domain, 0)
    if wanted.memory == EXTERNAL:
        saving.write_out(inventory, domain, wanted.memory_file or "")
        if domain.state == DomainState.RUNNING:
            domain.reason = lifecycle.RUNNING_UNPAUSED
        else:
            saving.let_go(inventory, domain)
    overlays.put_on_top(inventory, domain, aligned)
    if domain.state == DomainState.RUNNING and any(one.mode == MANUAL for one in aligned):
        # Whoever asked is to see to that disk now, and to resume the guest then.
        domain.state, domain.reason = DomainState.PAUSED, lifecycle.PAUSED_SNAPSHOT
    if quiesced:
        domain.frozen = 0


def _picture(
    domain: Domain, wanted: SnapshotDescription, aligned: Sequence[Aligned], now: int, flags: SnapshotCreate
) -> Snapshot:
    """The domain as it is now."""
    inactive = domain.definition if domain.active else None
    disk_only = domain.active and SnapshotCreate.DISK_ONLY in flags
    return Snapshot(
        domain_uuid=domain.uuid,
        name=wanted.name or "",
        description=wanted.description,
        state=DISK_SNAPSHOT if disk_only else _STATE_WORDS[DomainState(domain.state)],
        parent=domain.current,
        creation_time=now,
        memory=wanted.memory or "no",
        memory_file=wanted.memory_file if wanted.memory == EXTERNAL else None,
        external=wanted.memory == EXTERNAL or any(one.external for one in aligned),
        disks=disks.element(aligned),
        domain=texts.nested(domain.text),
        inactive_domain=None if inactive is None else texts.nested(inactive, root="inactiveDomain"),
        cookie=None,
    )


def snapshot_disks(snapshot: Snapshot) -> tuple[DiskSnapshot, ...]:
    """What a snapshot did with each disk."""
    return snapshot_xml.read(f"<domainsnapshot>{snapshot.disks or ''}</domainsnapshot>").disks


def images_holding(snapshot: Snapshot) -> list[str]:
    """The images that a snapshot is inside of."""
    inside = {disk.name for disk in snapshot_disks(snapshot) if disk.snapshot == INTERNAL}
    then = domain_xml.read(texts.taken_out(snapshot.domain)).disks
    return [disk.source for disk in then if disk.target in inside and disk.source is not None]


def files_beside(snapshot: Snapshot) -> list[str]:
    """The files beside the images that a snapshot needs: its memory's, and what its overlays stand on."""
    outside = {disk.name for disk in snapshot_disks(snapshot) if disk.snapshot == EXTERNAL}
    then = domain_xml.read(texts.taken_out(snapshot.domain)).disks
    kept = [disk.source for disk in then if disk.target in outside and disk.source is not None]
    return kept if snapshot.memory_file is None else [*kept, snapshot.memory_file]
