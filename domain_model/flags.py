"""libvirt's flags, with libvirt's own names and numbers.

Source: the enums of libvirt's public headers (libvirt-domain.h, -domain-snapshot.h, -domain-checkpoint.h), version 9.0.
Operations carry them as libvirt counts them, so that the log says which were used.
"""

from enum import IntFlag


class Affect(IntFlag):
    """virDomainModificationImpact: neither is whatever the domain is now."""

    LIVE = 1
    CONFIG = 2


class Define(IntFlag):
    """virDomainDefineFlags."""

    NONE = 0
    VALIDATE = 1


class Start(IntFlag):
    """virDomainCreateFlags. AUTODESTROY is left out: it would tie a guest's life to one connection of ours."""

    NONE = 0
    PAUSED = 1
    BYPASS_CACHE = 4
    FORCE_BOOT = 8
    VALIDATE = 16
    RESET_NVRAM = 32


class Undefine(IntFlag):
    """virDomainUndefineFlagsValues."""

    NONE = 0
    MANAGED_SAVE = 1
    SNAPSHOTS_METADATA = 2
    NVRAM = 4
    KEEP_NVRAM = 8
    CHECKPOINTS_METADATA = 16
    TPM = 32
    KEEP_TPM = 64


class Shutdown(IntFlag):
    """virDomainShutdownFlagValues."""

    NONE = 0
    ACPI_POWER_BTN = 1
    GUEST_AGENT = 2
    INITCTL = 4
    SIGNAL = 8
    PARAVIRT = 16


class Reboot(IntFlag):
    """virDomainRebootFlagValues."""

    NONE = 0
    ACPI_POWER_BTN = 1
    GUEST_AGENT = 2
    INITCTL = 4
    SIGNAL = 8
    PARAVIRT = 16


class Destroy(IntFlag):
    """virDomainDestroyFlagsValues."""

    NONE = 0
    GRACEFUL = 1
    REMOVE_LOGS = 2


class SaveRestore(IntFlag):
    """virDomainSaveRestoreFlags."""

    BYPASS_CACHE = 1
    RUNNING = 2
    PAUSED = 4
    RESET_NVRAM = 8


class CoreDump(IntFlag):
    """virDomainCoreDumpFlags."""

    CRASH = 1
    LIVE = 2
    BYPASS_CACHE = 4
    RESET = 8
    MEMORY_ONLY = 16


class Memory(IntFlag):
    """virDomainMemoryModFlags."""

    LIVE = 1
    CONFIG = 2
    MAXIMUM = 4


class Vcpu(IntFlag):
    """virDomainVcpuFlags."""

    LIVE = 1
    CONFIG = 2
    MAXIMUM = 4
    GUEST = 8
    HOTPLUGGABLE = 16


class DeviceModify(IntFlag):
    """virDomainDeviceModifyFlags."""

    LIVE = 1
    CONFIG = 2
    FORCE = 4


class BlockResize(IntFlag):
    """virDomainBlockResizeFlags."""

    BYTES = 1


class SetTime(IntFlag):
    """virDomainSetTimeFlags."""

    SYNC = 1


class SnapshotCreate(IntFlag):
    """virDomainSnapshotCreateFlags."""

    NONE = 0
    REDEFINE = 1
    CURRENT = 2
    NO_METADATA = 4
    HALT = 8
    DISK_ONLY = 16
    REUSE_EXT = 32
    QUIESCE = 64
    ATOMIC = 128
    LIVE = 256
    VALIDATE = 512


class SnapshotRevert(IntFlag):
    """virDomainSnapshotRevertFlags."""

    NONE = 0
    RUNNING = 1
    PAUSED = 2
    FORCE = 4
    RESET_NVRAM = 8


class SnapshotDelete(IntFlag):
    """virDomainSnapshotDeleteFlags."""

    NONE = 0
    CHILDREN = 1
    METADATA_ONLY = 2
    CHILDREN_ONLY = 4


class CheckpointCreate(IntFlag):
    """virDomainCheckpointCreateFlags."""

    REDEFINE = 1
    QUIESCE = 2
    REDEFINE_VALIDATE = 4


class CheckpointDelete(IntFlag):
    """virDomainCheckpointDeleteFlags."""

    CHILDREN = 1
    METADATA_ONLY = 2
    CHILDREN_ONLY = 4


class BackupBegin(IntFlag):
    """virDomainBackupBeginFlags."""

    REUSE_EXTERNAL = 1


_PREFIXES = {
    Affect: "VIR_DOMAIN_AFFECT_",
    Define: "VIR_DOMAIN_DEFINE_",
    Start: "VIR_DOMAIN_START_",
    Undefine: "VIR_DOMAIN_UNDEFINE_",
    Shutdown: "VIR_DOMAIN_SHUTDOWN_",
    Reboot: "VIR_DOMAIN_REBOOT_",
    Destroy: "VIR_DOMAIN_DESTROY_",
    SaveRestore: "VIR_DOMAIN_SAVE_",
    CoreDump: "VIR_DUMP_",
    Memory: "VIR_DOMAIN_MEM_",
    Vcpu: "VIR_DOMAIN_VCPU_",
    DeviceModify: "VIR_DOMAIN_DEVICE_MODIFY_",
    BlockResize: "VIR_DOMAIN_BLOCK_RESIZE_",
    SetTime: "VIR_DOMAIN_TIME_",
    SnapshotCreate: "VIR_DOMAIN_SNAPSHOT_CREATE_",
    SnapshotRevert: "VIR_DOMAIN_SNAPSHOT_REVERT_",
    SnapshotDelete: "VIR_DOMAIN_SNAPSHOT_DELETE_",
    CheckpointCreate: "VIR_DOMAIN_CHECKPOINT_CREATE_",
    CheckpointDelete: "VIR_DOMAIN_CHECKPOINT_DELETE_",
    BackupBegin: "VIR_DOMAIN_BACKUP_BEGIN_",
}


def flag_name(flag: IntFlag) -> str:
    """A flag's name as libvirt's messages spell it."""
    return f"{_PREFIXES[type(flag)]}{flag.name}"
