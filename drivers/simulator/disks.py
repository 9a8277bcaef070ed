"""Which disks of a domain a snapshot covers, how, and into which files (libvirt-semantics 1.2 and 1.3).

libvirt completes what the user wrote: each disk of the domain stands in the result, in the domain's order, under the
name of its target, and what goes outside has a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain_model import xml
from domain_model.domain_xml import Disk
from domain_model.errors import ConfigUnsupported
from domain_model.snapshot_xml import DiskSnapshot

INTERNAL, EXTERNAL, MANUAL, LEFT_OUT = "internal", "external", "manual", "no"


@dataclass(frozen=True, slots=True)
class Aligned:
    """One disk of the domain, and what the snapshot does with it."""

    disk: Disk
    mode: str
    request: DiskSnapshot
    """What was asked of it; of one that goes outside, with its file."""

    @property
    def external(self) -> bool:
        return self.mode == EXTERNAL

    @property
    def file(self) -> str:
        return self.request.source or ""

    @property
    def format(self) -> str:
        return self.request.driver or "qcow2"

    @property
    def type(self) -> str:
        return self.request.type or "file"


def align(disks: Sequence[Disk], wanted: Sequence[DiskSnapshot], *, default: str, must_match: bool) -> list[Aligned]:
    """For each disk of the domain what was wanted of it (at least its name), and the mode it gets.

    With ``must_match`` only ``default`` will do for those that are asked for. Raises ConfigUnsupported (67).
    """
    if len(wanted) > len(disks):
        raise ConfigUnsupported("too many disk snapshot requests for domain", field="disk")
    asked = _by_target(disks, wanted)
    aligned = []
    for disk in disks:
        own = _own_mode(disk)
        request = asked.get(disk.target)
        if request is None:
            request, mode = DiskSnapshot(name=disk.target), own or default
        elif request.snapshot is None:
            mode = own if own is not None and (not must_match or own in (LEFT_OUT, default)) else default
        else:
            mode = request.snapshot
            if must_match and mode != default and not (mode == LEFT_OUT and own == LEFT_OUT):
                raise ConfigUnsupported(f"disk '{disk.target}' must use snapshot mode '{default}'")
        aligned.append(Aligned(disk, mode, request))
    return aligned


def with_files(aligned: Sequence[Aligned], snapshot: str) -> list[Aligned]:
    """Name the files that were not given: the disk's own with the snapshot's name for a suffix.

    Raises ConfigUnsupported.
    """
    named: list[Aligned] = []
    for one in aligned:
        if one.external and one.request.source is None:
            file = _file_beside(one.disk, snapshot)
            for other in [*named, *aligned]:
                if other.disk.target != one.disk.target and other.request.source == file:
                    raise ConfigUnsupported(
                        f"cannot generate external snapshot name for disk '{one.disk.target}':"
                        f" collision with disk '{other.disk.target}'"
                    )
            named.append(replace(one, request=replace(one.request, source=file)))
        else:
            named.append(one)
    return named


def element(aligned: Sequence[Aligned], given: str | None = None) -> str | None:
    """The ``<disks>`` of the dump. Disks that ``given`` describes in full keep their text. None without disks."""
    if not aligned:
        return None
    texts = _texts(given)
    lines = ["<disks>"]
    for one in aligned:
        own = texts.get(one.request.name)
        lines += _lines(one) if own is None else [f"    {own}"]
    return "\n".join([*lines, "  </disks>"])


def _lines(one: Aligned) -> list[str]:
    start = f"    <disk name='{xml.escape_attribute(one.disk.target)}' snapshot='{one.mode}'"
    if not one.external or one.request.source is None:
        return [f"{start}/>"]
    lines = [f"{start} type='{one.type}'>"]
    if one.request.driver is not None:
        lines.append(f"      <driver type='{xml.escape_attribute(one.request.driver)}'/>")
    attribute = "dev" if one.type == "block" else "file"
    return [*lines, f"      <source {attribute}='{xml.escape_attribute(one.file)}'/>", "    </disk>"]


def _texts(given: str | None) -> dict[str, str]:
    """The disks of a ``<disks>`` element that say all there is to say of them, and more than their mode, by name."""
    if given is None:
        return {}
    data = xml.encoded(given)
    named = zip(xml.parse(given, root="disks").findall("disk"), xml.children(data), strict=False)
    return {
        disk.get("name", ""): data[span.start : span.end].decode()
        for disk, span in named
        if disk.find("source") is not None or (disk.get("snapshot") not in (None, EXTERNAL) and disk.get("type"))
    }


def _by_target(disks: Sequence[Disk], wanted: Sequence[DiskSnapshot]) -> dict[str, DiskSnapshot]:
    """What is wanted of each disk, which the user may have named by its target or its source."""
    found: dict[str, DiskSnapshot] = {}
    for request in wanted:
        target = next((disk.target for disk in disks if request.name in (disk.target, disk.source)), None)
        if target is None:
            raise ConfigUnsupported(f"no disk named '{xml.shown(request.name)}'", field="disk")
        if target in found:
            raise ConfigUnsupported(f"disk '{xml.shown(request.name)}' specified twice", field="disk")
        found[target] = replace(request, name=target)
    return found


def _own_mode(disk: Disk) -> str | None:
    """What the domain's definition says of the disk; empty drives and read-only disks are never part of it."""
    if not disk.source:
        return LEFT_OUT
    return disk.snapshot or (LEFT_OUT if disk.readonly else None)


def _file_beside(disk: Disk, snapshot: str) -> str:
    if disk.source is None:
        raise ConfigUnsupported(f"cannot generate external snapshot name for disk '{disk.target}' without source")
    if disk.type != "file":
        raise ConfigUnsupported(
            f"source for disk '{disk.target}' is not a regular file; refusing to generate external snapshot name"
        )
    folder, slash, name = disk.source.rpartition("/")
    stem = name.rpartition(".")[0] if "." in name else name
    return f"{folder}{slash}{stem}.{snapshot}"
