"""Taking, redefining, reverting to and deleting snapshots, as libvirt's QEMU driver does (libvirt-semantics 1.2 to 1.5)."""

from collections.abc import Iterator

from domain_model import domain_xml, snapshot_xml
from domain_model.errors import (
    ConfigUnsupported,
    MalformedXml,
    OperationFailed,
    OperationInvalid,
    OperationUnsupported,
    RevertRisky,
)
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert
from domain_model.libvirt import DomainState
from drivers.simulator import disks, lifecycle, texts
from drivers.simulator.inventory import Domain, Inventory, Snapshot

_STATE_WORDS = {DomainState.RUNNING: "running", DomainState.PAUSED: "paused", DomainState.SHUTOFF: "shutoff"}
ONLINE = ("running", "paused")


def take(inventory: Inventory, domain: Domain, xml: str, flags: SnapshotCreate, now: int) -> None:
    """Take an internal snapshot; it becomes the current one, child of the one before.

    Raises MalformedXml, Refused with 9 for a name in use, 55, 67, 84.
    """
    if SnapshotCreate.HALT in flags and not domain.persistent:
        raise OperationInvalid("cannot halt after transient domain snapshot")
    keep = SnapshotCreate.NO_METADATA not in flags
    # A name that is not kept need not be fit for a file name.
    wanted = snapshot_xml.read_for_create(xml) if keep else snapshot_xml.read(xml)
    _check_kind(domain, wanted, flags)
    text = domain.live or domain.definition or ""
    its_disks = domain_xml.read(text).disks
    aligned = disks.align(its_disks, wanted.disks, default="internal", must_match=True)
    disks.check_internal(its_disks, {disk.name: mode for disk, mode in aligned}, active=domain.active)
    if domain.active and wanted.memory == "no":
        raise OperationUnsupported("internal snapshot of a running VM must include the memory state")
    if keep:
        _keep(inventory, domain, _picture(domain, wanted, disks.element(aligned), now))
    if domain.state == DomainState.RUNNING:
        domain.reason = lifecycle.RUNNING_UNPAUSED  # libvirt pauses the guest while it saves its memory.
    inventory.put_domain(domain)
    if SnapshotCreate.HALT in flags:
        lifecycle.stop(inventory, domain, lifecycle.SHUTOFF_FROM_SNAPSHOT)


def _check_kind(domain: Domain, wanted: snapshot_xml.SnapshotDescription, flags: SnapshotCreate) -> None:
    if SnapshotCreate.LIVE in flags:
        raise OperationUnsupported("live snapshot creation is supported only during full system snapshots")
    if (not domain.active or SnapshotCreate.DISK_ONLY in flags) and wanted.memory not in (None, "no"):
        raise MalformedXml("memory state cannot be saved with offline or disk-only snapshot")
    if SnapshotCreate.DISK_ONLY in flags or wanted.memory == "external":
        raise OperationUnsupported("the simulator takes internal snapshots; external ones can be redefined")


def _picture(domain: Domain, wanted: snapshot_xml.SnapshotDescription, disks_element: str | None, now: int) -> Snapshot:
    """The domain as it is now."""
    inactive = domain.definition if domain.active else None
    return Snapshot(
        domain_uuid=domain.uuid,
        name=wanted.name or str(now),
        description=wanted.description,
        state=_STATE_WORDS[DomainState(domain.state)],
        parent=domain.current,
        creation_time=now,
        memory="internal" if domain.active else "no",
        memory_file=None,
        external=False,
        disks=disks_element,
        domain=texts.nested(domain.live or domain.definition or ""),
        inactive_domain=None if inactive is None else texts.nested(inactive, root="inactiveDomain"),
        cookie=None,
    )


def _keep(inventory: Inventory, domain: Domain, snapshot: Snapshot) -> None:
    if inventory.find_snapshot(domain, snapshot.name) is not None:
        raise OperationFailed(f"domain moment {snapshot.name} already exists")
    inventory.put_snapshot(snapshot)
    domain.current = snapshot.name


def revert(inventory: Inventory, domain: Domain, name: str, flags: SnapshotRevert) -> None:
    """Make the domain what it was; the snapshot becomes the current one.

    Raises NoSnapshot (72), OperationInvalid (55), ConfigUnsupported (67), RevertRisky (77).
    """
    snapshot = inventory.snapshot(domain, name)
    ordered = flags & (SnapshotRevert.RUNNING | SnapshotRevert.PAUSED)
    online = snapshot.state in ONLINE
    if not domain.persistent and not online and not ordered:
        raise OperationInvalid("transient domain needs to request run or pause to revert to inactive snapshot")
    if snapshot.external:
        raise ConfigUnsupported("revert to external snapshot not supported yet")
    if domain.managed_save is not None and snapshot.memory == "no" and SnapshotRevert.FORCE not in flags:
        raise RevertRisky(
            "snapshot without memory state, removal of existing managed saved state strongly recommended"
            " to avoid corruption"
        )
    text = _renamed(domain, texts.taken_out(snapshot.domain))
    if domain.persistent:
        inactive = snapshot.inactive_domain
        domain.definition = text if inactive is None else _renamed(domain, texts.taken_out(inactive))
    domain.current = name
    paused = SnapshotRevert.PAUSED in flags or (snapshot.state == "paused" and SnapshotRevert.RUNNING not in flags)
    if online:
        lifecycle.boot(inventory, domain, text, paused=paused)
        domain.reason = lifecycle.PAUSED_FROM_SNAPSHOT if paused else lifecycle.RUNNING_FROM_SNAPSHOT
    elif ordered:
        lifecycle.boot(inventory, domain, text, paused=paused)
    else:
        lifecycle.stop(inventory, domain, lifecycle.SHUTOFF_FROM_SNAPSHOT)
    inventory.put_domain(domain)


def _renamed(domain: Domain, text: str) -> str:
    """A definition out of a snapshot, under the domain's present name."""
    return text if domain_xml.read(text).name == domain.name else texts.with_name(text, domain.name)


def delete(inventory: Inventory, domain: Domain, name: str, flags: SnapshotDelete) -> None:
    """Forget a snapshot; its children are given to its parent. Raises NoSnapshot (72), Refused with 67 and 84."""
    inventory.snapshot(domain, name)
    parents = inventory.parents(domain)
    below = set(_descendants(parents, name))
    if SnapshotDelete.METADATA_ONLY not in flags:
        _check_external(inventory, domain, name, below, flags)
    heir: str | None = name
    if SnapshotDelete.CHILDREN_ONLY in flags:
        removed = below
    else:
        heir = parents[name]
        removed = below | {name} if SnapshotDelete.CHILDREN in flags else {name}
    for child, parent in parents.items():
        if parent == name and child not in removed and name in removed:
            inventory.set_parent(domain, child, heir)
    inventory.remove_snapshots(domain, removed)
    if domain.current in removed:
        domain.current = heir
        inventory.put_domain(domain)


def _check_external(inventory: Inventory, domain: Domain, name: str, below: set[str], flags: SnapshotDelete) -> None:
    if flags & (SnapshotDelete.CHILDREN | SnapshotDelete.CHILDREN_ONLY) and inventory.any_external(domain, below):
        raise ConfigUnsupported("deletion of external children disk snapshots not supported")
    if SnapshotDelete.CHILDREN_ONLY in flags or not inventory.any_external(domain, [name]):
        return
    if SnapshotDelete.CHILDREN in flags:
        raise ConfigUnsupported("deletion of external disk snapshots with children not supported")
    raise OperationUnsupported("the simulator has no images to merge; the metadata alone can be deleted")


def _descendants(parents: dict[str, str | None], name: str) -> Iterator[str]:
    children: dict[str | None, list[str]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    waiting = list(children.get(name, ()))
    while waiting:
        child = waiting.pop()
        yield child
        waiting += children.get(child, ())
