"""The driver port: what Revisor asks of a hypervisor, and nothing more.

Plain values in, plain values out. A driver converts every error of its library at its own edge into
``domain_model.errors``: ``Refused`` (with libvirt's number), ``HypervisorUnreachable`` (nothing was asked yet) or
``OutcomeUnknown`` (asked, and the answer was lost). A driver may be used from several threads at once.

XML handed to a driver and coming from it holds its secrets in the clear; callers take them out before keeping it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from domain_model.flags import (
    Define,
    Destroy,
    Reboot,
    Shutdown,
    SnapshotCreate,
    SnapshotDelete,
    SnapshotRevert,
    Start,
    Undefine,
)
from domain_model.libvirt import DomainState


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this hypervisor can do; asked once a connection, shown by ``host list``."""

    driver: str
    """The hypervisor's own word for its kind, such as ``QEMU``, ``TEST``, ``Simulator``."""
    unique_uuids: bool = True
    """Whether two hosts never hold different domains under one UUID."""
    redefine: bool = True
    """Whether snapshot metadata can be re-created (REDEFINE and CURRENT)."""
    no_metadata: bool = True
    """Whether a snapshot can be taken without metadata being kept (NO_METADATA)."""
    delete_metadata_only: bool = True
    """False only where snapshots are nothing but metadata: any deletion is of metadata alone, and none is asked for as
    such. Elsewhere METADATA_ONLY never becomes a plain delete; where it cannot be done it is refused (8)."""
    whole_acts: bool = False
    """Whether an act is done as a whole or not at all, whatever breaks it off: what is not there was not done."""


@dataclass(frozen=True, slots=True)
class HostIdentity:
    """Who answered: the hypervisor's own UUID of its host, and its host name."""

    host_uuid: str
    hostname: str


@dataclass(frozen=True, slots=True)
class DomainSighting:
    """One domain as the hypervisor shows it at one moment."""

    uuid: str
    name: str
    hypervisor_id: int | None
    """libvirt's number of a running domain; None when it is inactive."""
    state: DomainState
    reason: int
    persistent: bool
    autostart: bool
    managed_save: bool
    snapshots: tuple[str, ...]
    """Names, in no particular order."""
    current_snapshot: str | None
    checkpoints: tuple[str, ...] | None = None
    """None: nobody asked. They are looked at one domain at a time (``drivers.abilities.Checkpoints``)."""

    @property
    def active(self) -> bool:
        return self.hypervisor_id is not None


class Driver(Protocol):
    """One connection to one hypervisor. Domains are named by UUID (lower case, dashed), snapshots by name.

    A verb returns once the hypervisor accepted it (``shutdown``, ``reboot``) or has done it (the others). Each raises
    ``Refused`` with libvirt's number when the hypervisor says no: 42 unknown domain, 72 unknown snapshot, 55 wrong
    state, and so on, as the libvirt QEMU driver does.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def identity(self) -> HostIdentity: ...

    def close(self) -> None: ...

    # What is there.

    def domains(self) -> Sequence[DomainSighting]:
        """All domains, active or not."""
        ...

    def domain(self, uuid: str) -> DomainSighting | None:
        """One domain, or None when the hypervisor answers that it has none such."""
        ...

    def domain_xml(self, uuid: str, *, inactive: bool) -> str:
        """The live definition, or with ``inactive`` the persistent one (for an inactive domain they are the same)."""
        ...

    def snapshot_xml(self, uuid: str, name: str) -> str: ...

    def snapshot_dumps(self, uuid: str) -> dict[str, str]:
        """The XML of every snapshot by name, asked for together: reading a large tree back one by one costs twice."""
        ...

    # Lifecycle.

    def define(self, xml: str, flags: Define = Define.NONE) -> None:
        """Make or replace the persistent definition. The XML names its UUID."""
        ...

    def create(self, xml: str, flags: Start = Start.NONE) -> None:
        """Start a transient domain. The XML names its UUID."""
        ...

    def undefine(self, uuid: str, flags: Undefine = Undefine.NONE) -> None: ...

    def start(self, uuid: str, flags: Start = Start.NONE) -> None: ...

    def shutdown(self, uuid: str, flags: Shutdown = Shutdown.NONE) -> None: ...

    def reboot(self, uuid: str, flags: Reboot = Reboot.NONE) -> None: ...

    def destroy(self, uuid: str, flags: Destroy = Destroy.NONE) -> None: ...

    def suspend(self, uuid: str) -> None: ...

    def resume(self, uuid: str) -> None: ...

    # Snapshots.

    def snapshot_create(self, uuid: str, xml: str, flags: SnapshotCreate) -> None:
        """Take a snapshot, or with REDEFINE re-create metadata. The XML names the snapshot."""
        ...

    def snapshot_revert(self, uuid: str, name: str, flags: SnapshotRevert) -> None: ...

    def snapshot_delete(self, uuid: str, name: str, flags: SnapshotDelete) -> None: ...


@runtime_checkable
class Watchable(Protocol):
    """A driver whose hypervisor tells of changes by itself."""

    def watch(self, changed: Callable[[str], None]) -> None:
        """Call ``changed(uuid)`` soon after a domain changed, from a thread of the driver's, until ``close``.

        A hint only: it may repeat, come late or be lost. The observer looks for itself.
        """
        ...
