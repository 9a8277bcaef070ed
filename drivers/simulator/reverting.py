"""Reverting to snapshots, as libvirt's QEMU driver does (libvirt-semantics 1.4)."""

from domain_model import domain_xml, xml_edits
from domain_model.errors import ConfigUnsupported, OperationInvalid, Refused, RevertRisky
from domain_model.flags import SnapshotRevert
from domain_model.snapshots import ONLINE_STATES
from drivers.simulator import lifecycle, texts
from drivers.simulator.inventory import Domain, Inventory, Snapshot
from drivers.simulator.snapshots import DISK_SNAPSHOT, images_holding


def revert(inventory: Inventory, domain: Domain, snapshot: Snapshot, flags: SnapshotRevert) -> None:
    """Make the domain what it was; the snapshot becomes the current one.

    Raises OperationInvalid (55), ConfigUnsupported (67), RevertRisky (77), Refused (1; 38 when an image is gone). When
    the images no longer hold the snapshot the guest has been stopped by then.
    """
    online = snapshot.state in ONLINE_STATES
    ordered = bool(flags & (SnapshotRevert.RUNNING | SnapshotRevert.PAUSED))
    _check(domain, snapshot, flags, ordered=ordered)
    text = _renamed(domain, texts.taken_out(snapshot.domain))
    lost = next((image for image in images_holding(snapshot) if not inventory.files.holds(image, snapshot.name)), None)
    if lost is not None and not online:
        inventory.refuse_after_all(_does_not_hold(lost, snapshot.name))
        lifecycle.stop(inventory, domain, lifecycle.SHUTOFF_FROM_SNAPSHOT)
        return
    if domain.persistent:
        inactive = snapshot.inactive_domain
        domain.definition = text if inactive is None else _renamed(domain, texts.taken_out(inactive))
    if lost is not None:
        inventory.refuse_after_all(_cannot_load(inventory, lost, snapshot.name))
        lifecycle.end(inventory, domain, lifecycle.SHUTOFF_FAILED)
        return
    domain.current = snapshot.name
    paused = SnapshotRevert.PAUSED in flags or (snapshot.state == "paused" and SnapshotRevert.RUNNING not in flags)
    if online:
        lifecycle.boot(inventory, domain, text, paused=paused)
        domain.reason = lifecycle.PAUSED_FROM_SNAPSHOT if paused else lifecycle.RUNNING_FROM_SNAPSHOT
    elif ordered:
        lifecycle.boot(inventory, domain, text, paused=paused)
    else:
        lifecycle.stop(inventory, domain, lifecycle.SHUTOFF_FROM_SNAPSHOT)
    inventory.put_domain(domain)


def _check(domain: Domain, snapshot: Snapshot, flags: SnapshotRevert, *, ordered: bool) -> None:
    online = snapshot.state in ONLINE_STATES
    if not domain.persistent and not online and not ordered:
        raise OperationInvalid("transient domain needs to request run or pause to revert to inactive snapshot")
    if snapshot.external:
        raise ConfigUnsupported("revert to external snapshot not supported yet")
    if domain.managed_save is not None and not online and SnapshotRevert.FORCE not in flags:
        raise RevertRisky(
            "snapshot without memory state, removal of existing managed saved state strongly recommended"
            " to avoid corruption"
        )
    if snapshot.state == DISK_SNAPSHOT:
        raise Refused(
            f"internal error: Invalid target domain state '{DISK_SNAPSHOT}'. Refusing snapshot reversion", number=1
        )


def _does_not_hold(image: str, name: str) -> Refused:
    """What libvirt says of an inactive snapshot, when the guest was stopped already."""
    return Refused(
        f"internal error: Child process (/usr/bin/qemu-img snapshot -a {name} {image}) unexpected exit status 1:"
        f" qemu-img: Could not apply snapshot '{name}': Failed to load snapshot: No such file or directory",
        number=1,
    )


def _cannot_load(inventory: Inventory, image: str, name: str) -> Refused:
    """What libvirt says of one with memory, when its QEMU did not start."""
    if inventory.files.is_gone(image):
        return lifecycle.no_such_file(f"Cannot access storage file '{image}'")
    return Refused(
        "internal error: process exited while connecting to monitor: qemu-system-x86_64:"
        f" Snapshot '{name}' does not exist in one or more devices",
        number=1,
    )


def _renamed(domain: Domain, text: str) -> str:
    """A definition out of a snapshot, under the domain's present name."""
    return text if domain_xml.read(text).name == domain.name else xml_edits.with_name(text, domain.name, root="domain")
