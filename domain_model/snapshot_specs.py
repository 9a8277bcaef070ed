"""virsh's short words for what a new snapshot or checkpoint is to have of the memory and of each disk.

``virsh snapshot-create-as`` takes ``--memspec [file=]FILE[,snapshot=PLACE]`` and
``--diskspec DISK[,snapshot=PLACE][,driver=FORMAT][,stype=TYPE][,file=FILE]``; scripts have them, so every door reads
them as virsh does. In both a comma is written twice where it is part of a name. What they say is checked where the XML
is that is made of them, with ``snapshot_xml.build``.
"""

import re
from collections.abc import Iterable

from domain_model.checkpoint_xml import CheckpointDisk
from domain_model.errors import InvalidArgument
from domain_model.snapshot_xml import DiskSnapshot, MemorySnapshot
from domain_model.xml import shown

_PART = re.compile(r"(?:[^,]|,,)*")
_MEMORY = "[file=]FILE[,snapshot=no|internal|external]"
_DISK = "DISK[,snapshot=no|internal|external|manual][,driver=FORMAT][,stype=file|block][,file=FILE]"
_CHECKPOINT_DISK = "DISK[,checkpoint=bitmap|no][,bitmap=NAME]"
_STORAGE_TYPES = ("file", "block")


def memory_of(spec: str) -> MemorySnapshot:
    """Read a memspec. Raises InvalidArgument (8)."""
    parts = [f"file={part}" if part.startswith("/") else part for part in _parts(spec)]
    given = _given(parts, ("file", "snapshot"))
    if given is None:
        raise _malformed("memspec", spec, _MEMORY)
    return MemorySnapshot(given.get("snapshot"), given.get("file"))


def disk_of(spec: str) -> DiskSnapshot:
    """Read a diskspec. Raises InvalidArgument (8)."""
    name, *parts = _parts(spec)
    given = _given(parts, ("snapshot", "driver", "stype", "file"))
    if given is None or not name:
        raise _malformed("diskspec", spec, _DISK)
    kind = given.get("stype")
    if kind is not None and kind not in _STORAGE_TYPES:
        raise InvalidArgument(
            f"Unknown storage type: '{shown(kind)}'",
            field="diskspec",
            value=shown(kind),
            accepted=", ".join(_STORAGE_TYPES),
        )
    return DiskSnapshot(name, given.get("snapshot"), kind, given.get("file"), given.get("driver"))


def checkpoint_disk_of(spec: str) -> CheckpointDisk:
    """Read a diskspec of ``checkpoint-create-as``. Raises InvalidArgument (8)."""
    name, *parts = _parts(spec)
    given = _given(parts, ("checkpoint", "bitmap"))
    if given is None or not name:
        raise _malformed("diskspec", spec, _CHECKPOINT_DISK)
    return CheckpointDisk(name, given.get("checkpoint"), given.get("bitmap"))


def _parts(spec: str) -> list[str]:
    """What stands between single commas."""
    parts = []
    place = 0
    while (part := _PART.match(spec, place)) is not None:
        parts.append(part.group().replace(",,", ","))
        if part.end() == len(spec):
            break
        place = part.end() + 1
    return parts


def _given(parts: Iterable[str], names: tuple[str, ...]) -> dict[str, str] | None:
    """The values by their names; None if there is a name that is none of them, or one that is given twice."""
    given: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or name not in names or name in given:
            return None
        given[name] = value
    return given


def _malformed(kind: str, spec: str, accepted: str) -> InvalidArgument:
    return InvalidArgument(f"unable to parse {kind}: {shown(spec)}", field=kind, value=shown(spec), accepted=accepted)
