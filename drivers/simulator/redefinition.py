"""Re-creating a snapshot's metadata from its dump, with libvirt's checks in libvirt's order (libvirt-semantics 1.3).

The three definitions of the dump and its cookie are kept to the byte; the rest is read and written anew, which gives
the same bytes if libvirt wrote them.
"""

from collections.abc import Sequence

from domain_model import domain_xml, snapshot_xml
from domain_model.errors import InvalidArgument, Refused
from domain_model.flags import SnapshotCreate
from domain_model.snapshot_xml import SnapshotDescription
from domain_model.snapshots import ONLINE_STATES
from domain_model.xml import shown
from drivers.simulator import disks, machine, texts
from drivers.simulator.disks import Aligned
from drivers.simulator.inventory import Domain, Inventory, Snapshot
from drivers.simulator.snapshots import DISK_SNAPSHOT


def redefine(inventory: Inventory, domain: Domain, xml: str, flags: SnapshotCreate) -> None:
    """Make or replace a snapshot's metadata; one that is replaced keeps its children.

    Raises MalformedXml, InvalidArgument (8), ConfigUnsupported (67), Refused with 1, 35 and 84.
    """
    wanted = snapshot_xml.read_for_redefine(xml)
    name = wanted.name or ""
    inventory.forest(domain).check_parent(name, wanted.parent)
    if SnapshotCreate.DISK_ONLY in flags and wanted.state != DISK_SNAPSHOT:
        raise InvalidArgument(f"disk-only flag for snapshot {shown(name)} requires disk-snapshot state")
    if wanted.domain_uuid is not None and wanted.domain_uuid != domain.uuid:
        raise InvalidArgument(f"definition for snapshot {shown(name)} must use uuid {domain.uuid}")
    replaced = inventory.find_snapshot(domain, name)
    given = texts.elements(xml)
    if not wanted.has_domain:
        given.pop("domain", None)
    if replaced is not None:
        _check_replacement(wanted, given.get("domain"), replaced)
    definition = given.get("domain", None if replaced is None else replaced.domain)
    if definition is None:
        raise Refused("internal error: missing domain in snapshot", number=1)
    aligned = _aligned(wanted, definition)
    inventory.put_snapshot(_described(domain, wanted, given, definition, aligned))
    for one in aligned:
        if one.external:
            inventory.files.hear_of_image(one.file, backing=one.disk.source)
    if SnapshotCreate.CURRENT in flags:
        domain.current = name
        inventory.put_domain(domain)


def _aligned(wanted: SnapshotDescription, definition: str) -> list[Aligned]:
    external = wanted.location == "external" or wanted.state == DISK_SNAPSHOT
    aligned = disks.align(
        domain_xml.read(definition).disks,
        wanted.disks,
        default="external" if external else "internal",
        must_match=not external,
    )
    return disks.with_files(aligned, wanted.name or "")


def _described(
    domain: Domain,
    wanted: SnapshotDescription,
    given: dict[str, str],
    definition: str,
    aligned: Sequence[Aligned],
) -> Snapshot:
    return Snapshot(
        domain_uuid=domain.uuid,
        name=wanted.name or "",
        description=wanted.description,
        state=wanted.state or "",
        parent=wanted.parent,
        creation_time=wanted.creation_time or 0,
        memory=wanted.memory or "no",
        memory_file=wanted.memory_file,
        external=wanted.memory == "external" or any(one.external for one in aligned),
        disks=disks.element(aligned, given.get("disks")),
        domain=definition,
        inactive_domain=given.get("inactiveDomain"),
        # What it says of the processor is of use only to a guest that ran.
        cookie=given.get("cookie") if wanted.state in ONLINE_STATES else None,
    )


def _check_replacement(wanted: SnapshotDescription, definition: str | None, replaced: Snapshot) -> None:
    name = shown(replaced.name)
    if (wanted.state in ONLINE_STATES) != (replaced.state in ONLINE_STATES):
        raise InvalidArgument(f"cannot change between online and offline snapshot state in snapshot {name}")
    if (wanted.state == DISK_SNAPSHOT) != (replaced.state == DISK_SNAPSHOT):
        raise InvalidArgument(f"cannot change between disk only and full system in snapshot {name}")
    if definition is not None:
        machine.check_same(replaced.domain, definition)
