"""The driver port over libvirt-python, for any URI libvirt understands.

The port's own verbs are here; how a call is made is in ``calls``, and each ability besides has a module.
"""

import uuid as uuids
from collections.abc import Callable, Sequence
from typing import Any

from domain_model import xml as safe_xml
from domain_model.errors import NoDomain
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
from drivers.libvirt import kinds
from drivers.libvirt.checkpoints import BackupTaker, Checkpointer
from drivers.libvirt.connection import SILENCE_S
from drivers.libvirt.devices import Deviser
from drivers.libvirt.guest import Agent, GuestController
from drivers.libvirt.images import ImageViewer
from drivers.libvirt.saving import Saver
from drivers.libvirt.sightings import sight_all, sight_one, snapshot_handles
from drivers.libvirt.tuning import Tuner
from drivers.port import Capabilities, DomainSighting, HostIdentity

# libvirt-domain.h and libvirt-domain-snapshot.h: the flags that are not in domain_model.flags.
_XML_SECURE = 1
_XML_INACTIVE = 2


class LibvirtDriver(Saver, Tuner, Deviser, GuestController, Agent, ImageViewer, Checkpointer, BackupTaker):
    """A hypervisor behind a libvirt URI. Connects when first asked something, and again after a connection died.

    Every method may raise HypervisorUnreachable (nothing was asked); those that change something also OutcomeUnknown;
    all of them Refused with libvirt's number and sentence. May be used from several threads at once.
    """

    def __init__(self, uri: str, silence_s: float = SILENCE_S) -> None:
        """A hypervisor that is silent for ``silence_s`` is taken to be unreachable."""
        super().__init__(uri, silence_s)
        self._capabilities: Capabilities | None = None

    @property
    def capabilities(self) -> Capabilities:
        if self._capabilities is None:
            self._capabilities = kinds.capabilities_of(self._read(lambda connection: connection.getType()))
        return self._capabilities

    def identity(self) -> HostIdentity:
        """Who answered. A kind without a host UUID (the test driver) gets one made of its host name and URI."""
        hostname, text = self._read(lambda connection: (connection.getHostname(), str(connection.getCapabilities())))
        found = safe_xml.parse(text, root="capabilities").findtext("host/uuid")
        made = uuids.uuid5(uuids.NAMESPACE_URL, f"{hostname} {self._connections.uri}")
        return HostIdentity(host_uuid=(found or str(made)).strip().lower(), hostname=hostname)

    def close(self) -> None:
        self._connections.close()

    def watch(self, changed: Callable[[str], None]) -> None:
        """As ``Watchable``. Hints begin with the next question, and pause while nothing is connected."""
        self._connections.watch(changed)

    # What is there.

    def domains(self) -> Sequence[DomainSighting]:
        return self._read(sight_all)

    def domain(self, uuid: str) -> DomainSighting | None:
        try:
            return self._read(lambda connection: sight_one(connection, uuid))
        except NoDomain:
            return None

    def domain_xml(self, uuid: str, *, inactive: bool) -> str:
        flags = _XML_SECURE | (_XML_INACTIVE if inactive else 0)
        return self._read_domain(uuid, lambda domain: str(domain.XMLDesc(flags)))

    def snapshot_xml(self, uuid: str, name: str) -> str:
        flags = kinds.dump_flags(self.capabilities.driver)
        return self._read_domain(uuid, lambda domain: str(domain.snapshotLookupByName(name).getXMLDesc(flags)))

    def snapshot_dumps(self, uuid: str) -> dict[str, str]:
        flags = kinds.dump_flags(self.capabilities.driver)
        return self._read_domain(
            uuid,
            lambda domain: {
                snapshot.getName(): str(snapshot.getXMLDesc(flags)) for snapshot in snapshot_handles(domain)
            },
        )

    # Lifecycle.

    def define(self, xml: str, flags: Define = Define.NONE) -> None:
        self._act_on_host(lambda connection: connection.defineXMLFlags(xml, int(flags)))

    def create(self, xml: str, flags: Start = Start.NONE) -> None:
        self._act_on_host(lambda connection: connection.createXML(xml, int(flags)))

    def undefine(self, uuid: str, flags: Undefine = Undefine.NONE) -> None:
        number = int(kinds.asked(self.capabilities.driver, flags))
        self._act(uuid, lambda domain: domain.undefineFlags(number))

    def start(self, uuid: str, flags: Start = Start.NONE) -> None:
        self._act(uuid, lambda domain: domain.createWithFlags(int(flags)))

    def shutdown(self, uuid: str, flags: Shutdown = Shutdown.NONE) -> None:
        self._act(uuid, lambda domain: domain.shutdownFlags(int(flags)) if flags else domain.shutdown())

    def reboot(self, uuid: str, flags: Reboot = Reboot.NONE) -> None:
        self._act(uuid, lambda domain: domain.reboot(int(flags)))

    def destroy(self, uuid: str, flags: Destroy = Destroy.NONE) -> None:
        self._act(uuid, lambda domain: domain.destroyFlags(int(flags)))

    def suspend(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.suspend())

    def resume(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.resume())

    # Snapshots.

    def snapshot_create(self, uuid: str, xml: str, flags: SnapshotCreate) -> None:
        kind = self.capabilities.driver
        number = int(kinds.asked(kind, flags))
        if flags & SnapshotCreate.REDEFINE:
            self._act_again(uuid, lambda domain: domain.snapshotCreateXML(xml, number))
        else:
            new = kinds.new_snapshot(kind, xml)
            self._act(uuid, lambda domain: domain.snapshotCreateXML(new, number))

    def snapshot_revert(self, uuid: str, name: str, flags: SnapshotRevert) -> None:
        number = int(kinds.asked(self.capabilities.driver, flags))
        self._act_on(uuid, _snapshot(name), lambda snapshot: snapshot.getDomain().revertToSnapshot(snapshot, number))

    def snapshot_delete(self, uuid: str, name: str, flags: SnapshotDelete) -> None:
        kind = self.capabilities.driver
        number = int(kinds.asked(kind, flags))
        if kinds.already_done(kind, flags):
            self._read_domain(uuid, lambda domain: domain.snapshotLookupByName(name))
        else:
            self._act_on(uuid, _snapshot(name), lambda snapshot: snapshot.delete(number))


def _snapshot(name: str) -> Callable[[Any], Any]:
    """Finds a snapshot of a domain."""
    return lambda domain: domain.snapshotLookupByName(name)
