"""What some hypervisors can do besides the port: each ability a protocol of its own.

A driver has an ability or has not; nothing is declared and then not there. Asking a driver without it is refused with
libvirt's number for that, 3. Values and errors are as in ``drivers.port``; flags are libvirt's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from domain_model.checkpoints import BackupOutcome
from domain_model.flags import (
    Affect,
    BackupBegin,
    CheckpointCreate,
    CheckpointDelete,
    CoreDump,
    DeviceModify,
    Memory,
    SaveRestore,
    Vcpu,
)


@runtime_checkable
class Saving(Protocol):
    """Writing a running guest to a file, and going on from there. Paths are on the hypervisor's host."""

    def save(self, uuid: str, path: str, xml: str | None, flags: SaveRestore) -> None:
        """Stop a running domain and keep its memory in ``path``; ``xml`` replaces the definition kept with it."""
        ...

    def restore(self, path: str, xml: str | None, flags: SaveRestore) -> None:
        """Let a saved domain go on, transient unless it is defined. The file stays."""
        ...

    def managed_save(self, uuid: str, flags: SaveRestore) -> None:
        """As ``save``, into a file of the hypervisor's own that the next start consumes."""
        ...

    def managed_save_remove(self, uuid: str) -> None:
        """Throw it away. Raises Refused (38) when there is none."""
        ...

    def core_dump(self, uuid: str, path: str, flags: CoreDump, form: str | None) -> None:
        """Write a guest's memory for a debugger. ``form``: elf (also None), kdump-zlib, kdump-lzo, ..."""
        ...


@runtime_checkable
class Tuning(Protocol):
    """Changing what a domain is, without touching its guest's devices."""

    def set_autostart(self, uuid: str, *, autostart: bool) -> None: ...

    def rename(self, uuid: str, name: str) -> None: ...

    def set_memory(self, uuid: str, size_kib: int, flags: Memory) -> None:
        """With MAXIMUM: the most it may have."""
        ...

    def set_vcpus(self, uuid: str, count: int, flags: Vcpu) -> None: ...

    def set_description(self, uuid: str, text: str | None, flags: Affect) -> None: ...

    def set_title(self, uuid: str, text: str | None, flags: Affect) -> None: ...

    def set_metadata(self, uuid: str, uri: str, key: str | None, xml: str | None, flags: Affect) -> None:
        """The element of namespace ``uri`` in ``<metadata>``; None removes it."""
        ...


@runtime_checkable
class Devices(Protocol):
    """Devices, by their XML."""

    def attach_device(self, uuid: str, xml: str, flags: DeviceModify) -> None: ...

    def detach_device(self, uuid: str, xml: str, flags: DeviceModify) -> None:
        """A running guest is asked to let go of it, and may do so later or not at all:
        that it goes is a fact to see.
        """
        ...

    def update_device(self, uuid: str, xml: str, flags: DeviceModify) -> None: ...

    def block_resize(self, uuid: str, disk: str, size_bytes: int) -> None:
        """Resize a disk of a running domain, named by its target or its source."""
        ...


@runtime_checkable
class GuestControl(Protocol):
    """Signals to a guest that need nothing inside it."""

    def reset(self, uuid: str) -> None: ...

    def inject_nmi(self, uuid: str) -> None: ...

    def send_key(self, uuid: str, codeset: str, holdtime_ms: int, keycodes: Sequence[int]) -> None:
        """``codeset`` is virsh's word: linux, xt, atset1, ..."""
        ...

    def pm_suspend(self, uuid: str, target: str, duration_s: int) -> None:
        """Put the guest to sleep: ``mem``, ``disk`` or ``hybrid``. It is its agent that does: 74 and 86 as there."""
        ...

    def pm_wakeup(self, uuid: str) -> None: ...

    def abort_job(self, uuid: str) -> None: ...

    def job_is_active(self, uuid: str) -> bool:
        """Whether the hypervisor is at a job that can be asked about; it goes on though who asked for it is gone."""
        ...


@runtime_checkable
class GuestAgent(Protocol):
    """What the agent inside a guest does: 74 where none is configured, 86 while it does not answer."""

    def fs_freeze(self, uuid: str, mountpoints: Sequence[str]) -> int:
        """Returns how many file systems are frozen now."""
        ...

    def fs_thaw(self, uuid: str, mountpoints: Sequence[str]) -> int:
        """Returns how many file systems were thawed."""
        ...

    def guest_time(self, uuid: str) -> tuple[int, int]:
        """The guest's clock, in seconds and nanoseconds since 1970."""
        ...

    def set_guest_time(self, uuid: str, seconds: int, nseconds: int, *, sync: bool) -> None:
        """With ``sync`` the guest reads its hardware clock instead."""
        ...


@runtime_checkable
class Checkpoints(Protocol):
    """Points from which a backup knows what changed."""

    def checkpoints(self, uuid: str) -> Sequence[str]:
        """Names, in no particular order; none where the kind of hypervisor knows no checkpoints."""
        ...

    def checkpoint_xml(self, uuid: str, name: str) -> str: ...

    def checkpoint_create(self, uuid: str, xml: str, flags: CheckpointCreate) -> None:
        """Make a checkpoint, or with REDEFINE re-create metadata. The XML names the checkpoint."""
        ...

    def checkpoint_delete(self, uuid: str, name: str, flags: CheckpointDelete) -> None: ...


@dataclass(frozen=True, slots=True)
class BackupEnd:
    """How a backup ended, with the hypervisor's own words where it has any."""

    outcome: BackupOutcome
    message: str | None = None


@runtime_checkable
class Backups(Protocol):
    """Copying the disks of a running guest."""

    def backup_begin(self, uuid: str, xml: str, checkpoint_xml: str | None, flags: BackupBegin) -> None:
        """Begin a backup job; returns when it was begun."""
        ...

    def backup_xml(self, uuid: str) -> str:
        """The job that is under way. Raises NoBackup (104) when there is none."""
        ...

    def backup_end(self, uuid: str) -> BackupEnd | None:
        """How the last backup ended; None while one runs."""
        ...
