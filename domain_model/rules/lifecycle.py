"""Rules about starting, stopping, saving and undefining (libvirt-semantics 1.7 and 2.3)."""

from typing import Any

from domain_model.errors import OperationInvalid, OperationUnsupported
from domain_model.flags import CoreDump, Undefine
from domain_model.libvirt import DomainState
from domain_model.rules.situation import Situation, must_be_active, must_be_persistent

_RAW = "elf"
"""The format of a dump that asks for none: what virsh calls elf is libvirt's raw."""


def start(now: Situation, _: dict[str, Any]) -> None:
    if now.active:
        raise OperationInvalid("domain is already running", field="state", value=now.state.words, accepted="shut off")


def create(now: Situation, _: dict[str, Any]) -> None:
    """Also of what is restored from a file."""
    if now.active:
        raise OperationInvalid(
            f"domain '{now.name}' is already active", field="state", value=now.state.words, accepted="shut off"
        )


def suspend(now: Situation, arguments: dict[str, Any]) -> None:
    """A paused domain may be suspended again, one asleep may not."""
    must_be_active(now, arguments)
    if now.state is DomainState.PMSUSPENDED:
        raise OperationInvalid("domain is pmsuspended", field="state", value=now.state.words, accepted="running")


def resume(now: Situation, arguments: dict[str, Any]) -> None:
    must_be_active(now, arguments)
    if now.state is DomainState.PMSUSPENDED:
        raise OperationInvalid("domain is pmsuspended", field="state", value=now.state.words, accepted="paused")
    if now.state is DomainState.RUNNING:
        raise OperationInvalid("domain is already running", field="state", value=now.state.words, accepted="paused")


def managed_save(now: Situation, arguments: dict[str, Any]) -> None:
    must_be_active(now, arguments)
    must_be_persistent(now, "cannot do managed save for transient domain")


def dump(now: Situation, arguments: dict[str, Any]) -> None:
    must_be_active(now, arguments)
    if arguments.get("format", _RAW) != _RAW and not arguments["flags"] & CoreDump.MEMORY_ONLY:
        raise OperationUnsupported(
            "kdump-compressed format is only supported with memory-only dump",
            field="format",
            value=arguments["format"],
            accepted="--memory-only",
        )


def undefine(now: Situation, arguments: dict[str, Any]) -> None:
    """1.7, in the order of the QEMU driver."""
    flags = Undefine(arguments["flags"])
    for one, other in ((Undefine.NVRAM, Undefine.KEEP_NVRAM), (Undefine.TPM, Undefine.KEEP_TPM)):
        if flags & one and flags & other:
            raise OperationInvalid(
                f"cannot both keep and delete {'nvram' if one is Undefine.NVRAM else 'TPM'}",
                field="flags",
                value=f"{one.name}, {other.name}",
                accepted=f"{one.name} or {other.name}",
            )
    must_be_persistent(now, "cannot undefine transient domain")
    if not now.active:
        _nothing_left_behind(now, flags)
    if now.managed_save and not flags & Undefine.MANAGED_SAVE:
        raise OperationInvalid(
            "Refusing to undefine while domain managed save image exists",
            field="managed_save",
            value="no",
            accepted="--managed-save",
        )


def _nothing_left_behind(now: Situation, flags: Undefine) -> None:
    for there, flag, option, what in (
        (now.snapshots, Undefine.SNAPSHOTS_METADATA, "--snapshots-metadata", "snapshots"),
        (now.checkpoints, Undefine.CHECKPOINTS_METADATA, "--checkpoints-metadata", "checkpoints"),
    ):
        if there and not flags & flag:
            raise OperationInvalid(
                f"cannot delete inactive domain with {len(there)} {what}",
                field=f"{what}_metadata",
                value="no",
                accepted=option,
            )
