"""Rules about snapshots (libvirt-semantics 1.1 to 1.5)."""

from typing import Any

from domain_model.errors import (
    ConfigUnsupported,
    OperationFailed,
    OperationInvalid,
    OperationUnsupported,
    RevertRisky,
)
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert
from domain_model.limits import check_snapshots
from domain_model.redefinition import plan, undeletion, wanted_by
from domain_model.rules.situation import Situation
from domain_model.snapshots import SnapshotStateClass


def create(now: Situation, arguments: dict[str, Any]) -> None:
    """1.1 and 1.2."""
    _must_run_with_checkpoints(now)
    flags = SnapshotCreate(arguments["flags"])
    name = arguments["name"]
    if flags & SnapshotCreate.HALT and not now.persistent:
        raise OperationInvalid("cannot halt after transient domain snapshot", field="flags", value="HALT")
    if name in now.snapshots:
        raise OperationFailed(f"domain moment {name} already exists", field="name", value=name)
    check_snapshots(now.name, len(now.snapshots))


def redefine(now: Situation, arguments: dict[str, Any]) -> None:
    """1.3, for a whole batch. The XML itself was checked when it was read."""
    _must_run_with_checkpoints(now)
    wanted = wanted_by(arguments)
    plan(now.forest, wanted, SnapshotCreate(arguments["flags"]), now.uuid)
    new = sum(1 for entry in wanted if entry.name not in now.snapshots)
    check_snapshots(now.name, len(now.snapshots), new)


def undelete(now: Situation, arguments: dict[str, Any]) -> None:
    """What was deleted can come back if nothing bears its name."""
    _must_run_with_checkpoints(now)
    plan(now.forest, undeletion(now.forest, arguments["name"]))
    check_snapshots(now.name, len(now.snapshots))


def revert(now: Situation, arguments: dict[str, Any]) -> None:
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
    if now.checkpoints and target.location == "internal" and not flags & SnapshotRevert.FORCE:
        # Better than libvirt: it stops the guest, and only then QEMU refuses (1) and the guest is lost.
        raise RevertRisky(
            f"domain '{now.name}' has {len(now.checkpoints)} checkpoints, and disks with their bitmaps cannot go back to"
            " an internal snapshot",
            field="checkpoints",
            accepted="checkpoint-delete first, or --force",
        )


def delete(now: Situation, arguments: dict[str, Any]) -> None:
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


def _must_run_with_checkpoints(now: Situation) -> None:
    """1.2: whether QEMU can have both libvirt knows of a running one only, and asks before it reads what is wanted."""
    if now.checkpoints and not now.active:
        raise OperationUnsupported(
            "cannot perform block operations while checkpoint exists",
            field="state",
            value=now.state.words,
            accepted="running or paused, or checkpoint-delete --metadata first",
        )
