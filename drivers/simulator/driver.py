"""The driver port over a simulated host: each verb is one transaction on its file."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
from drivers.port import Capabilities, DomainSighting, HostIdentity
from drivers.simulator import flags as flag_rules
from drivers.simulator import lifecycle, redefinition, snapshots, texts
from drivers.simulator.file import HypervisorFile
from drivers.simulator.inventory import Domain, Inventory


class SimulatorDriver:
    """The simulated host ``name`` in the file ``path``, which is made when first used.

    Every method may raise HypervisorUnreachable (nothing was changed), those that change something also OutcomeUnknown
    if the file fails while it is written. May be used from several threads and several processes at once. ``clock``
    gives the seconds since the epoch that snapshots are dated with.
    """

    def __init__(self, path: Path, name: str, *, clock: Callable[[], float] = time.time) -> None:
        self._file = HypervisorFile(path)
        self._name = name
        self._clock = clock

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(driver="Simulator")

    def identity(self) -> HostIdentity:
        with self._reading() as host:
            return HostIdentity(host_uuid=host.host_uuid(), hostname=self._name)

    def close(self) -> None:
        self._file.close()

    # What is there.

    def domains(self) -> Sequence[DomainSighting]:
        with self._reading() as host:
            names = host.snapshot_names()
            return [_sighting(domain, names.get(domain.uuid, ())) for domain in host.domains()]

    def domain(self, uuid: str) -> DomainSighting | None:
        with self._reading() as host:
            domain = host.find_domain(uuid)
            return None if domain is None else _sighting(domain, sorted(host.parents(domain)))

    def domain_xml(self, uuid: str, *, inactive: bool) -> str:
        with self._reading() as host:
            domain = host.domain(uuid)
        if domain.live is None or domain.hypervisor_id is None or inactive:
            return domain.definition or domain.live or ""
        return texts.live(domain.live, domain.hypervisor_id)

    def snapshot_xml(self, uuid: str, name: str) -> str:
        with self._reading() as host:
            return host.snapshot(host.domain(uuid), name).dump()

    def snapshot_dumps(self, uuid: str) -> dict[str, str]:
        with self._reading() as host:
            domain = host.domain(uuid)
            return {name: host.snapshot(domain, name).dump() for name in host.parents(domain)}

    # Lifecycle.

    def define(self, xml: str, flags: Define = Define.NONE) -> None:  # noqa: ARG002  its XML is checked before it comes here
        with self._acting() as host:
            lifecycle.define(host, xml)

    def create(self, xml: str, flags: Start = Start.NONE) -> None:
        with self._acting() as host:
            lifecycle.create(host, xml, flags)

    def undefine(self, uuid: str, flags: Undefine = Undefine.NONE) -> None:
        with self._acting() as host:
            lifecycle.undefine(host, host.domain(uuid), flags)

    def start(self, uuid: str, flags: Start = Start.NONE) -> None:
        with self._acting() as host:
            lifecycle.start(host, host.domain(uuid), flags)

    def shutdown(self, uuid: str, flags: Shutdown = Shutdown.NONE) -> None:  # noqa: ARG002  its guests hear every way
        with self._acting() as host:
            lifecycle.shutdown(host, host.domain(uuid))

    def reboot(self, uuid: str, flags: Reboot = Reboot.NONE) -> None:  # noqa: ARG002  as above
        with self._acting() as host:
            lifecycle.require_active(host.domain(uuid))

    def destroy(self, uuid: str, flags: Destroy = Destroy.NONE) -> None:  # noqa: ARG002  it ends at once either way
        self._stop(uuid, lifecycle.SHUTOFF_DESTROYED)

    def suspend(self, uuid: str) -> None:
        with self._acting() as host:
            lifecycle.suspend(host, host.domain(uuid))

    def resume(self, uuid: str) -> None:
        with self._acting() as host:
            lifecycle.resume(host, host.domain(uuid))

    # Snapshots.

    def snapshot_create(self, uuid: str, xml: str, flags: SnapshotCreate) -> None:
        flag_rules.check_create(flags)
        with self._acting() as host:
            domain = host.domain(uuid)
            if SnapshotCreate.REDEFINE in flags:
                redefinition.redefine(host, domain, xml, flags)
            else:
                snapshots.take(host, domain, xml, flags, int(self._clock()))

    def snapshot_revert(self, uuid: str, name: str, flags: SnapshotRevert) -> None:
        flag_rules.check_revert(flags)
        with self._acting() as host:
            snapshots.revert(host, host.domain(uuid), name, flags)

    def snapshot_delete(self, uuid: str, name: str, flags: SnapshotDelete) -> None:
        flag_rules.check_delete(flags)
        with self._acting() as host:
            snapshots.delete(host, host.domain(uuid), name, flags)

    # What happens to a host without Revisor's doing, for whoever plays its administrator or its guests.

    def managed_save(self, uuid: str) -> None:
        """Stop a persistent domain so that the next start goes on where it was. Raises OperationInvalid (55)."""
        with self._acting() as host:
            lifecycle.managed_save(host, host.domain(uuid))

    def set_autostart(self, uuid: str, *, autostart: bool) -> None:
        """Raises OperationInvalid (55) for a transient domain."""
        with self._acting() as host:
            lifecycle.set_autostart(host, host.domain(uuid), autostart=autostart)

    def crash(self, uuid: str) -> None:
        """End a running guest as its own fault would. Raises OperationInvalid (55) when it is inactive."""
        self._stop(uuid, lifecycle.SHUTOFF_CRASHED)

    def _stop(self, uuid: str, reason: int) -> None:
        with self._acting() as host:
            domain = host.domain(uuid)
            lifecycle.require_active(domain)
            lifecycle.stop(host, domain, reason)

    @contextmanager
    def _reading(self) -> Iterator[Inventory]:
        with self._file.reading() as connection:
            yield Inventory(connection)

    @contextmanager
    def _acting(self) -> Iterator[Inventory]:
        with self._file.acting() as connection:
            yield Inventory(connection)


def _sighting(domain: Domain, snapshot_names: Sequence[str]) -> DomainSighting:
    return DomainSighting(
        uuid=domain.uuid,
        name=domain.name,
        hypervisor_id=domain.hypervisor_id,
        state=DomainState(domain.state),
        reason=domain.reason,
        persistent=domain.persistent,
        autostart=domain.autostart,
        managed_save=domain.managed_save is not None,
        snapshots=tuple(snapshot_names),
        current_snapshot=domain.current,
    )
