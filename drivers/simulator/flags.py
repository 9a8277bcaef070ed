"""Which flags a snapshot call takes, and which it takes together (libvirt-semantics 1.2 to 1.5).

libvirt gives these sentences without its usual prefix.
"""

from enum import IntFlag

from domain_model.errors import Refused, refusal
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert

_INVALID_ARG = 8


def check_create(flags: SnapshotCreate) -> None:
    """Raises Refused (8)."""
    create = SnapshotCreate
    _exclusive(flags, create.REDEFINE, create.NO_METADATA)
    _exclusive(flags, create.REDEFINE, create.HALT)
    _requires(flags, create.CURRENT, create.REDEFINE)
    _known(flags, "SnapshotCreateXML")
    _exclusive(flags, create.LIVE, create.REDEFINE)
    _requires(flags, create.QUIESCE, create.DISK_ONLY)


def check_revert(flags: SnapshotRevert) -> None:
    """Raises Refused (8)."""
    _exclusive(flags, SnapshotRevert.RUNNING, SnapshotRevert.PAUSED)
    _known(flags, "SnapshotRevert")


def check_delete(flags: SnapshotDelete) -> None:
    """Raises Refused (8)."""
    _exclusive(flags, SnapshotDelete.CHILDREN, SnapshotDelete.CHILDREN_ONLY)
    _known(flags, "SnapshotDelete")


def _exclusive(flags: IntFlag, one: IntFlag, other: IntFlag) -> None:
    if one in flags and other in flags:
        raise _invalid(f"Flags '{_name(one)}' and '{_name(other)}' are mutually exclusive")


def _requires(flags: IntFlag, flag: IntFlag, required: IntFlag) -> None:
    if flag in flags and required not in flags:
        raise _invalid(f"Flag '{_name(required)}' is required by flag '{_name(flag)}'")


def _known(flags: IntFlag, function: str) -> None:
    unknown = int(flags) & ~sum(type(flags))
    if unknown:
        raise _invalid(f"unsupported flags ({unknown:#x}) in function simulator{function}")


def _invalid(sentence: str) -> Refused:
    error = refusal(_INVALID_ARG, sentence)
    error.field = "flags"
    return error


_PREFIXES: dict[type[IntFlag], str] = {
    SnapshotCreate: "VIR_DOMAIN_SNAPSHOT_CREATE_",
    SnapshotRevert: "VIR_DOMAIN_SNAPSHOT_REVERT_",
    SnapshotDelete: "VIR_DOMAIN_SNAPSHOT_DELETE_",
}


def _name(flag: IntFlag) -> str:
    return f"{_PREFIXES[type(flag)]}{flag.name}"
