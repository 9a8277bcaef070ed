"""Which flags a call takes, and which it takes together (libvirt-semantics 1.2 to 1.5, 1.7, 2.3).

libvirt gives these sentences without its usual prefix. Some are its public API's, which speaks before any driver does.
"""

from enum import IntFlag

from domain_model.arguments import exclusive_flags, required_flag
from domain_model.errors import InvalidFlags
from domain_model.flags import (
    Affect,
    CoreDump,
    Memory,
    Reboot,
    SaveRestore,
    Shutdown,
    SnapshotCreate,
    SnapshotDelete,
    SnapshotRevert,
    Start,
    Vcpu,
)

_AT_CREATION = Start.PAUSED | Start.VALIDATE | Start.RESET_NVRAM
_AT_START = Start.PAUSED | Start.BYPASS_CACHE | Start.FORCE_BOOT | Start.RESET_NVRAM
_SAVING = SaveRestore.BYPASS_CACHE | SaveRestore.RUNNING | SaveRestore.PAUSED
_SHUTDOWNS = Shutdown.ACPI_POWER_BTN | Shutdown.GUEST_AGENT
_REBOOTS = Reboot.ACPI_POWER_BTN | Reboot.GUEST_AGENT


def check(flags: IntFlag, function: str, accepted: IntFlag | None = None) -> None:
    """Whether the call takes these flags; all of their kind unless ``accepted`` says which. Raises InvalidFlags (8)."""
    known = sum(type(flags)) if accepted is None else int(accepted)
    unknown = int(flags) & ~known
    if unknown:
        raise InvalidFlags(f"unsupported flags ({unknown:#x}) in function simulator{function}", field="flags")


def check_create(flags: Start) -> None:
    check(flags, "CreateXML", _AT_CREATION)


def check_start(flags: Start) -> None:
    check(flags, "CreateWithFlags", _AT_START)


def check_shutdown(flags: Shutdown) -> None:
    check(flags, "ShutdownFlags", _SHUTDOWNS)


def check_reboot(flags: Reboot) -> None:
    check(flags, "Reboot", _REBOOTS)


def check_save(flags: SaveRestore, function: str) -> None:
    exclusive_flags(flags, SaveRestore.RUNNING, SaveRestore.PAUSED)
    check(flags, function, _SAVING)


def check_restore(flags: SaveRestore) -> None:
    exclusive_flags(flags, SaveRestore.RUNNING, SaveRestore.PAUSED)
    check(flags, "RestoreFlags")


def check_core_dump(flags: CoreDump) -> None:
    exclusive_flags(flags, CoreDump.CRASH, CoreDump.LIVE)
    exclusive_flags(flags, CoreDump.CRASH, CoreDump.RESET)
    exclusive_flags(flags, CoreDump.LIVE, CoreDump.RESET)
    check(flags, "CoreDumpWithFormat")


def check_memory(size_kib: int, flags: Memory) -> None:
    if not size_kib:
        raise InvalidFlags("memory in virDomainSetMemoryFlags must not be zero", field="size_kib")
    check(flags, "SetMemoryFlags")


def check_vcpus(count: int, flags: Vcpu) -> None:
    exclusive_flags(flags, Vcpu.GUEST, Affect.CONFIG)
    required_flag(flags, Affect.CONFIG, by=Vcpu.MAXIMUM)
    if not count:
        raise InvalidFlags("nvcpus in virDomainSetVcpusFlags must not be zero", field="count")
    check(flags, "SetVcpusFlags")


def check_snapshot_create(flags: SnapshotCreate) -> None:
    create = SnapshotCreate
    exclusive_flags(flags, create.REDEFINE, create.NO_METADATA)
    exclusive_flags(flags, create.REDEFINE, create.HALT)
    required_flag(flags, create.REDEFINE, by=create.CURRENT)
    check(flags, "SnapshotCreateXML")
    exclusive_flags(flags, create.LIVE, create.REDEFINE)
    required_flag(flags, create.DISK_ONLY, by=create.QUIESCE)


def check_snapshot_revert(flags: SnapshotRevert) -> None:
    exclusive_flags(flags, SnapshotRevert.RUNNING, SnapshotRevert.PAUSED)
    check(flags, "SnapshotRevert")


def check_snapshot_delete(flags: SnapshotDelete) -> None:
    exclusive_flags(flags, SnapshotDelete.CHILDREN, SnapshotDelete.CHILDREN_ONLY)
    check(flags, "SnapshotDelete")
