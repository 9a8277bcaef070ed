"""Which disks of a domain a snapshot covers, and how (libvirt-semantics 1.2 and 1.3).

libvirt completes what the user wrote: each disk of the domain stands in the result, in the domain's order, under the
name of its target.
"""

from collections.abc import Mapping, Sequence

from domain_model import xml
from domain_model.domain_xml import Disk
from domain_model.errors import ConfigUnsupported, OperationUnsupported, Refused
from domain_model.snapshot_xml import DiskSnapshot

_INTERNAL_FORMATS = ("qcow2", "qed")


def align(
    disks: Sequence[Disk], wanted: Sequence[DiskSnapshot], *, default: str, must_match: bool
) -> list[tuple[DiskSnapshot, str]]:
    """For each disk of the domain what was wanted of it (at least its name), and the mode it gets.

    With ``must_match`` only ``default`` will do. Raises ConfigUnsupported (67).
    """
    asked = _by_target(disks, wanted)
    aligned = []
    for disk in disks:
        own = _own_mode(disk)
        request = asked.get(disk.target, DiskSnapshot(name=disk.target))
        mode = request.snapshot
        if mode is None:
            mode = own if own is not None and (not must_match or own in ("no", default)) else default
        elif must_match and mode != default and not (mode == "no" and own == "no"):
            raise ConfigUnsupported(f"disk '{disk.target}' must use snapshot mode '{default}'")
        aligned.append((request, mode))
    return aligned


def check_internal(disks: Sequence[Disk], modes: Mapping[str, str], *, active: bool) -> None:
    """Whether a snapshot can be kept inside the images. Raises ConfigUnsupported (67), OperationUnsupported (84)."""
    for disk in disks:
        if modes[disk.target] == "external":
            raise OperationUnsupported(
                "the simulator takes internal snapshots; external ones can be redefined",
                field="disk",
                value=disk.target,
            )
        if modes[disk.target] == "internal" and disk.format not in _INTERNAL_FORMATS:
            raise ConfigUnsupported(
                f"internal snapshot for disk {disk.target} unsupported for storage type {disk.format or 'raw'}"
            )
    selected = "internal" in modes.values()
    left_out = any(modes[disk.target] != "internal" and disk.source and not disk.readonly for disk in disks)
    if not selected and not active:
        raise ConfigUnsupported("nothing selected for snapshot")
    if not selected or left_out:
        raise ConfigUnsupported("internal and full system snapshots require all disks to be selected for snapshot")


def element(aligned: Sequence[tuple[DiskSnapshot, str]], given: str | None = None) -> str | None:
    """The ``<disks>`` of the dump. Disks that ``given`` describes in full keep their text. None without disks."""
    if not aligned:
        return None
    texts = _texts(given)
    lines = ["<disks>"]
    for disk, mode in aligned:
        plain = f"<disk name='{xml.escape(disk.name)}' snapshot='{mode}'/>"
        lines.append(f"    {texts.get(disk.name, plain)}")
    return "\n".join([*lines, "  </disks>"])


def _texts(given: str | None) -> dict[str, str]:
    """The disks of a ``<disks>`` element that say more than their mode, by their name."""
    if given is None:
        return {}
    data = xml.encoded(given)
    named = zip(xml.parse(given, root="disks").findall("disk"), xml.children(data), strict=False)
    return {
        disk.get("name", ""): data[span.start : span.end].decode()
        for disk, span in named
        if disk.get("snapshot") and (len(disk) or disk.get("type"))
    }


def _by_target(disks: Sequence[Disk], wanted: Sequence[DiskSnapshot]) -> dict[str, DiskSnapshot]:
    """What is wanted of each disk, which the user may have named by its target or its source."""
    found: dict[str, DiskSnapshot] = {}
    for request in wanted:
        if not request.name:
            raise Refused("internal error: missing name from disk snapshot element", number=1)
        target = next((disk.target for disk in disks if request.name in (disk.target, disk.source)), None)
        if target is None:
            raise ConfigUnsupported(f"no disk named '{xml.shown(request.name)}'", field="disk")
        if target in found:
            raise ConfigUnsupported(f"disk '{target}' specified twice", field="disk")
        found[target] = DiskSnapshot(
            name=target, snapshot=request.snapshot, type=request.type, source=request.source, driver=request.driver
        )
    return found


def _own_mode(disk: Disk) -> str | None:
    """What the domain's definition says of the disk; empty drives and read-only disks are never part of it."""
    if disk.snapshot is not None:
        return disk.snapshot
    return "no" if disk.readonly or not disk.source else None
