"""The driver port over a simulated host: each verb is one transaction on its file."""

import time
from collections.abc import Callable, Sequence
from functools import partial
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
from drivers.images import ImageFindings
from drivers.port import Capabilities, DomainSighting, HostIdentity
from drivers.simulator import deletion, guest, lifecycle, presence, redefinition, reverting, snapshots, texts
from drivers.simulator import flags as flag_rules
from drivers.simulator.checkpoints import Checkpointer
from drivers.simulator.devices import DeviceKeeper
from drivers.simulator.files import IMAGE, File
from drivers.simulator.guest import Agent, GuestController
from drivers.simulator.inventory import Domain, Inventory
from drivers.simulator.saving import Saver
from drivers.simulator.tuning import Tuner


class SimulatorDriver(Saver, Tuner, DeviceKeeper, GuestController, Agent, Checkpointer):
    """The simulated host ``name`` in the file ``path``, which is made when first used.

    Every method may raise HypervisorUnreachable (nothing was changed), those that change something also OutcomeUnknown
    if the file fails while it is written. May be used from several threads and several processes at once. ``clock``
    gives the seconds since the epoch that snapshots are dated with.
    """

    def __init__(self, path: Path, name: str, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(path, clock=clock)
        self._name = name

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(driver="Simulator", whole_acts=True)

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

    def snapshot_presence(self, uuid: str) -> ImageFindings:
        """The ability ``drivers.images.SnapshotData``."""
        with self._reading() as host:
            return presence.findings(host, host.domain(uuid))

    # Lifecycle.

    def define(self, xml: str, flags: Define = Define.NONE) -> None:
        flag_rules.check(flags, "DefineXMLFlags")
        with self._acting() as host:
            lifecycle.define(host, xml)

    def create(self, xml: str, flags: Start = Start.NONE) -> None:
        flag_rules.check_create(flags)
        with self._acting() as host:
            lifecycle.create(host, xml, flags)

    def undefine(self, uuid: str, flags: Undefine = Undefine.NONE) -> None:
        check = partial(flag_rules.check, flags, "UndefineFlags")
        self._act_on(uuid, lambda host, domain: lifecycle.undefine(host, domain, flags), check=check)

    def start(self, uuid: str, flags: Start = Start.NONE) -> None:
        check = partial(flag_rules.check_start, flags)
        self._act_on(uuid, lambda host, domain: lifecycle.start(host, domain, flags), check=check)

    def shutdown(self, uuid: str, flags: Shutdown = Shutdown.NONE) -> None:
        def act(host: Inventory, domain: Domain) -> None:
            lifecycle.require_running(domain)
            if flags == Shutdown.GUEST_AGENT:
                guest.require_agent(domain, "guest-shutdown")
            lifecycle.shutdown(host, domain)

        self._act_on(uuid, act, check=partial(flag_rules.check_shutdown, flags))

    def reboot(self, uuid: str, flags: Reboot = Reboot.NONE) -> None:
        def act(_host: Inventory, domain: Domain) -> None:
            lifecycle.require_active(domain)
            if flags == Reboot.GUEST_AGENT:
                guest.require_agent(domain, "guest-shutdown")

        self._act_on(uuid, act, check=partial(flag_rules.check_reboot, flags))

    def destroy(self, uuid: str, flags: Destroy = Destroy.NONE) -> None:
        self._stop(uuid, lifecycle.SHUTOFF_DESTROYED, check=partial(flag_rules.check, flags, "DestroyFlags"))

    def suspend(self, uuid: str) -> None:
        self._act_on(uuid, lifecycle.suspend)

    def resume(self, uuid: str) -> None:
        self._act_on(uuid, lifecycle.resume)

    # Snapshots.

    def snapshot_create(self, uuid: str, xml: str, flags: SnapshotCreate) -> None:
        def act(host: Inventory, domain: Domain) -> None:
            snapshots.check_checkpoints(host, domain)
            if SnapshotCreate.REDEFINE in flags:
                redefinition.redefine(host, domain, xml, flags)
            else:
                snapshots.take(host, domain, xml, flags, int(self._clock()))

        self._act_on(uuid, act, check=partial(flag_rules.check_snapshot_create, flags))

    def snapshot_revert(self, uuid: str, name: str, flags: SnapshotRevert) -> None:
        def act(host: Inventory, domain: Domain) -> None:
            snapshot = host.snapshot(domain, name)
            flag_rules.check_snapshot_revert(flags)
            reverting.revert(host, domain, snapshot, flags)

        self._act_on(uuid, act)

    def snapshot_delete(self, uuid: str, name: str, flags: SnapshotDelete) -> None:
        def act(host: Inventory, domain: Domain) -> None:
            snapshot = host.snapshot(domain, name)
            flag_rules.check_snapshot_delete(flags)
            deletion.delete(host, domain, snapshot, flags)

        self._act_on(uuid, act)

    # What happens to a host without Revisor's doing, for whoever plays its administrator or its guests.

    def crash(self, uuid: str) -> None:
        """End a running guest as its own fault would. Raises OperationInvalid (55) when it is inactive."""
        self._stop(uuid, lifecycle.SHUTOFF_CRASHED)

    def make_image(self, path: str, *, backing: str | None = None) -> None:
        """Put an image where a snapshot with REUSE_EXT is to find one."""
        with self._acting() as host:
            host.files.put(File(path, IMAGE, backing=backing))

    def erase(self, path: str, snapshot: str | None = None) -> None:
        """Take a file away, or out of an image one of the snapshots inside it."""
        with self._acting() as host:
            if snapshot is None:
                host.files.remove(path)
            else:
                host.files.delete_inside(path, snapshot)

    def _stop(self, uuid: str, reason: int, **check: Callable[[], None]) -> None:
        def act(host: Inventory, domain: Domain) -> None:
            lifecycle.require_active(domain)
            lifecycle.stop(host, domain, reason)

        self._act_on(uuid, act, **check)


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
