"""The rules of the verbs: when libvirt's QEMU driver says no, and with which number and words.

Each rule looks at a *situation*: the domain as recorded when somebody asks, and as just observed when the operation is
about to be carried out. The same rule answers both times. Sources are the sections of libvirt-semantics named beside.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from domain_model.errors import (
    ConfigUnsupported,
    InvalidArgument,
    InvalidFlags,
    OperationFailed,
    OperationInvalid,
    RevertRisky,
)
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert, flag_name
from domain_model.libvirt import DomainState
from domain_model.snapshots import SnapshotForest, SnapshotRecord, SnapshotStateClass


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule may look at. ``snapshots`` are the names there are; the forest knows them more closely."""

    name: str
    state: DomainState
    active: bool
    persistent: bool
    managed_save: bool
    snapshots: frozenset[str]
    forest: SnapshotForest


Rule = Callable[[Situation, dict[str, Any]], None]


def must_be_active(now: Situation, _: dict[str, Any]) -> None:
    if not now.active:
        raise OperationInvalid("domain is not running", field="state", value=now.state.words, accepted="running")


def start(now: Situation, _: dict[str, Any]) -> None:
    if now.active:
        raise OperationInvalid("domain is already running", field="state", value=now.state.words, accepted="shut off")


def suspend(now: Situation, arguments: dict[str, Any]) -> None:
    """2.3: a paused domain may be suspended again, one asleep may not."""
    must_be_active(now, arguments)
    if now.state is DomainState.PMSUSPENDED:
        raise OperationInvalid("domain is pmsuspended", field="state", value=now.state.words, accepted="running")


def resume(now: Situation, arguments: dict[str, Any]) -> None:
    must_be_active(now, arguments)
    if now.state is DomainState.PMSUSPENDED:
        raise OperationInvalid("domain is pmsuspended", field="state", value=now.state.words, accepted="paused")
    if now.state is DomainState.RUNNING:
        raise OperationInvalid("domain is already running", field="state", value=now.state.words, accepted="paused")


def undefine(now: Situation, arguments: dict[str, Any]) -> None:
    """1.7."""
    if not now.persistent:
        raise OperationInvalid("cannot undefine transient domain", field="persistent", value="no", accepted="yes")
    if not now.active and now.snapshots and not arguments.get("snapshots_metadata"):
        raise OperationInvalid(
            f"cannot delete inactive domain with {len(now.snapshots)} snapshots",
            field="snapshots_metadata",
            value="no",
            accepted="--snapshots-metadata",
        )
    if now.managed_save:
        raise OperationInvalid("Refusing to undefine while domain managed save image exists", field="managed_save")


def snapshot_create(now: Situation, arguments: dict[str, Any]) -> None:
    """1.1 and 1.2."""
    flags = SnapshotCreate(arguments["flags"])
    name = arguments["name"]
    if flags & SnapshotCreate.HALT and not now.persistent:
        raise OperationInvalid("cannot halt after transient domain snapshot", field="flags", value="HALT")
    if name in now.snapshots:
        raise OperationFailed(f"domain moment {name} already exists", field="name", value=name)


def snapshot_redefine(now: Situation, arguments: dict[str, Any]) -> None:
    """1.3: what one redefine may change. The XML itself was checked when it was read."""
    name = arguments["name"]
    now.forest.check_parent(name, arguments["parent"])
    existing = now.forest.get(name)
    if existing is None:
        return
    wanted = state_class_of(arguments["state"])
    if existing.state_class is wanted:
        return
    if SnapshotStateClass.ONLINE in (existing.state_class, wanted):
        change = "online and offline snapshot state"
    else:
        change = "disk only and full system"
    raise InvalidArgument(
        f"cannot change between {change} in snapshot {name}",
        field="state",
        value=arguments["state"],
        accepted=existing.state,
    )


def snapshot_revert(now: Situation, arguments: dict[str, Any]) -> None:
    """1.4."""
    flags = SnapshotRevert(arguments["flags"])
    target = now.forest.named(arguments["name"])
    offline = target.state_class is not SnapshotStateClass.ONLINE
    if not now.persistent and offline and not flags & (SnapshotRevert.RUNNING | SnapshotRevert.PAUSED):
        raise OperationInvalid(
            "transient domain needs to request run or pause to revert to inactive snapshot",
            field="flags",
            accepted="--running or --paused",
        )
    if target.location == "external":
        raise ConfigUnsupported("revert to external snapshot not supported yet", field="name", value=target.name)
    if target.domain is None:
        raise RevertRisky(
            f"snapshot '{target.name}' lacks domain '{now.name}' rollback info", field="name", value=target.name
        )
    if now.managed_save and offline and not flags & SnapshotRevert.FORCE:
        raise RevertRisky(
            "snapshot without memory state, removal of existing managed saved state strongly recommended to avoid"
            " corruption",
            field="managed_save",
            accepted="--force",
        )


def snapshot_delete(now: Situation, arguments: dict[str, Any]) -> None:
    """1.5: deleting files of an external snapshot along with its children is not supported."""
    flags = SnapshotDelete(arguments["flags"])
    target = now.forest.named(arguments["name"])
    if flags & SnapshotDelete.METADATA_ONLY or not flags & (SnapshotDelete.CHILDREN | SnapshotDelete.CHILDREN_ONLY):
        return
    external = [record.name for record in now.forest.descendants_of(target.id) if record.location == "external"]
    if external:
        raise ConfigUnsupported(
            "deletion of external children disk snapshots not supported", field="name", value=external[0]
        )
    if target.location == "external" and flags & SnapshotDelete.CHILDREN:
        raise ConfigUnsupported(
            "deletion of external disk snapshots with children not supported", field="name", value=target.name
        )


def state_class_of(state: str) -> SnapshotStateClass:
    """The kind of snapshot a <state> makes."""
    return SnapshotRecord("", "", None, state, 0, None, "none", "", None, None).state_class


def nothing_more(_now: Situation, _arguments: dict[str, Any]) -> None:
    """For verbs whose rules are not about the state of the domain."""


RULES: dict[str, Rule] = {
    "define": nothing_more,
    "create": start,
    "undefine": undefine,
    "start": start,
    "shutdown": must_be_active,
    "reboot": must_be_active,
    "destroy": must_be_active,
    "suspend": suspend,
    "resume": resume,
    "snapshot-create": snapshot_create,
    "snapshot-redefine": snapshot_redefine,
    "snapshot-revert": snapshot_revert,
    "snapshot-delete": snapshot_delete,
    "replay": nothing_more,
    "handover": nothing_more,
}


def exclusive_flags(flags: IntFlag, one: IntFlag, other: IntFlag) -> None:
    """Refuse (8) two flags that exclude one another."""
    if flags & one and flags & other:
        raise InvalidFlags(
            f"Flags '{flag_name(one)}' and '{flag_name(other)}' are mutually exclusive",
            field="flags",
            value=f"{one.name}, {other.name}",
            accepted=f"{one.name} or {other.name}",
        )


def required_flag(flags: IntFlag, needed: IntFlag, by: IntFlag) -> None:
    """Refuse (8) a flag without the one it needs."""
    if flags & by and not flags & needed:
        raise InvalidFlags(
            f"Flag '{flag_name(needed)}' is required by flag '{flag_name(by)}'",
            field="flags",
            value=by.name,
            accepted=f"{needed.name}, {by.name}",
        )
