"""The driver port over libvirt-python, for any URI libvirt understands.

Each verb is two steps: look the domain up, which changes nothing and may be repeated, then ask for the change, once.
So a connection found dead is an unreachable hypervisor, and only one that dies under a change leaves the outcome
unknown.
"""

import uuid as uuids
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from domain_model import xml as safe_xml
from domain_model.errors import NoDomain, refusal
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert
from drivers.libvirt import kinds
from drivers.libvirt.connection import Connection
from drivers.libvirt.sightings import sight_all, sight_one
from drivers.port import Capabilities, DomainSighting, HostIdentity

T = TypeVar("T")

# libvirt-domain.h and libvirt-domain-snapshot.h: the flags that are not in domain_model.libvirt.
_XML_SECURE = 1
_XML_INACTIVE = 2
_SNAPSHOT_XML_SECURE = 1
_START_PAUSED = 1
_UNDEFINE_SNAPSHOTS_METADATA = 2


class LibvirtDriver:
    """A hypervisor behind a libvirt URI. Connects when first asked something, and again after a connection died.

    Every method may raise HypervisorUnreachable (nothing was asked); those that change something also OutcomeUnknown;
    all of them Refused with libvirt's number and sentence. May be used from several threads at once.
    """

    def __init__(self, uri: str) -> None:
        self._connection = Connection(uri)
        self._capabilities: Capabilities | None = None
        self._last_handle: Any = None

    @property
    def capabilities(self) -> Capabilities:
        if self._capabilities is None:
            self._capabilities = kinds.capabilities_of(self._connection.read(lambda connection: connection.getType()))
        return self._capabilities

    def identity(self) -> HostIdentity:
        """Who answered. A kind without a host UUID (the test driver) gets one made of its host name and URI."""
        hostname, text = self._connection.read(
            lambda connection: (connection.getHostname(), str(connection.getCapabilities()))
        )
        found = safe_xml.parse(text, root="capabilities").findtext("host/uuid")
        made = uuids.uuid5(uuids.NAMESPACE_URL, f"{hostname} {self._connection.uri}")
        return HostIdentity(host_uuid=(found or str(made)).strip().lower(), hostname=hostname)

    def close(self) -> None:
        self._connection.close()

    def watch(self, changed: Callable[[str], None]) -> None:
        """As ``Watchable``. Hints begin with the first connection and pause while there is none."""
        self._connection.watch(changed)

    # What is there.

    def domains(self) -> Sequence[DomainSighting]:
        return self._connection.read(sight_all)

    def domain(self, uuid: str) -> DomainSighting | None:
        try:
            return self._connection.read(lambda connection: sight_one(connection, uuid))
        except NoDomain:
            return None

    def domain_xml(self, uuid: str, *, inactive: bool) -> str:
        flags = _XML_SECURE | (_XML_INACTIVE if inactive else 0)
        return self._read_domain(uuid, lambda domain: str(domain.XMLDesc(flags)))

    def snapshot_xml(self, uuid: str, name: str) -> str:
        return self._read_domain(
            uuid, lambda domain: str(domain.snapshotLookupByName(name).getXMLDesc(_SNAPSHOT_XML_SECURE))
        )

    def snapshot_dumps(self, uuid: str) -> dict[str, str]:
        return self._read_domain(
            uuid,
            lambda domain: {
                snapshot.getName(): str(snapshot.getXMLDesc(_SNAPSHOT_XML_SECURE))
                for snapshot in domain.listAllSnapshots()
            },
        )

    # Lifecycle.

    def define(self, xml: str) -> None:
        connection = self._connection.answering()
        self._connection.act(lambda: connection.defineXML(xml), connection)

    def create(self, xml: str, *, paused: bool) -> None:
        connection = self._connection.answering()
        self._connection.act(lambda: connection.createXML(xml, _START_PAUSED if paused else 0), connection)

    def undefine(self, uuid: str, *, snapshots_metadata: bool) -> None:
        self._act(uuid, lambda domain: domain.undefineFlags(_UNDEFINE_SNAPSHOTS_METADATA if snapshots_metadata else 0))

    def start(self, uuid: str, *, paused: bool) -> None:
        self._act(uuid, lambda domain: domain.createWithFlags(_START_PAUSED if paused else 0))

    def shutdown(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.shutdown())

    def reboot(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.reboot(0))

    def destroy(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.destroy())

    def suspend(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.suspend())

    def resume(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.resume())

    # Snapshots.

    def snapshot_create(self, uuid: str, xml: str, flags: SnapshotCreate) -> None:
        can = self.capabilities
        for wanted, there in ((SnapshotCreate.REDEFINE, can.redefine), (SnapshotCreate.NO_METADATA, can.no_metadata)):
            if flags & wanted and not there:
                # The test driver and ESX say this themselves; VirtualBox would rewrite its machine files instead.
                raise refusal(8, f"unsupported flags ({int(wanted):#x}): the {can.driver} driver has no {wanted.name}")
        if flags & SnapshotCreate.REDEFINE:
            domain = self._handle_of(uuid)
            self._connection.act(lambda: domain.snapshotCreateXML(xml, int(flags)), domain.connect())
        else:
            self._act(uuid, lambda domain: domain.snapshotCreateXML(xml, int(flags)))

    def snapshot_revert(self, uuid: str, name: str, flags: SnapshotRevert) -> None:
        self._act_on_snapshot(uuid, name, lambda domain, snapshot: domain.revertToSnapshot(snapshot, int(flags)))

    def snapshot_delete(self, uuid: str, name: str, flags: SnapshotDelete) -> None:
        number = int(flags)
        if self.capabilities.driver == kinds.TEST:
            # It refuses the flag (8), and all it has of a snapshot is metadata.
            number = int(flags) & ~int(SnapshotDelete.METADATA_ONLY)
        self._act_on_snapshot(uuid, name, lambda _domain, snapshot: snapshot.delete(number))

    # The two steps.

    def _read_domain(self, uuid: str, ask: Callable[[Any], T]) -> T:
        return self._connection.read(lambda connection: ask(connection.lookupByUUIDString(uuid)))

    def _handle_of(self, uuid: str) -> Any:
        """The domain's handle without asking again, for redefining a whole tree.

        Nobody has answered just before, as ``_act`` makes sure: a wire that was dead already makes the outcome unknown.
        A redefine may be done twice, so that does no harm, and a third of the round trips are saved.
        """
        domain = self._last_handle
        if domain is None or domain.UUIDString() != uuid or not self._connection.carries(domain.connect()):
            domain = self._last_handle = self._read_domain(uuid, lambda found: found)
        return domain

    def _act(self, uuid: str, deed: Callable[[Any], object]) -> None:
        domain = self._read_domain(uuid, lambda domain: domain)
        self._connection.act(lambda: deed(domain), domain.connect())

    def _act_on_snapshot(self, uuid: str, name: str, deed: Callable[[Any, Any], object]) -> None:
        domain, snapshot = self._read_domain(uuid, lambda domain: (domain, domain.snapshotLookupByName(name)))
        self._connection.act(lambda: deed(domain, snapshot), domain.connect())
