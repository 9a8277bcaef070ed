"""A libvirt-python of our own, for hypervisors that cannot be had here: what the ESX and VirtualBox drivers answer.

Only what a test of ours asks for is there. Answers and refusals are those of libvirt 9.0 as read in
src/esx/esx_driver.c and src/vbox/vbox_common.c: which flags each function takes, that there are no calls that list all
of something, that VirtualBox reads every snapshot as one to be redefined. What would change something is written down
in ``done``.
"""

import re
from dataclasses import dataclass, field

NO_SUPPORT, INVALID_ARG, NO_DOMAIN, NO_SNAPSHOT = 3, 8, 42, 72


class FakeError(Exception):
    """libvirt.libvirtError, with the parts of it that are looked at."""

    def __init__(self, origin: int, number: int, message: str) -> None:
        super().__init__(message)
        self._of = origin, number, message

    def get_error_domain(self) -> int:
        return self._of[0]

    def get_error_code(self) -> int:
        return self._of[1]

    def get_error_message(self) -> str:
        return self._of[2]


@dataclass(frozen=True)
class Function:
    """A function of libvirt's driver and the flags it takes."""

    name: str
    takes: int

    def check(self, flags: int) -> None:
        if unknown := flags & ~self.takes:
            raise FakeError(0, INVALID_ARG, f"unsupported flags ({unknown:#x}) in function {self.name}")


@dataclass
class FakeSnapshot:
    """virDomainSnapshot."""

    domain: "FakeDomain"
    name: str

    def getName(self) -> str:  # noqa: N802  libvirt's names
        return self.name

    def getDomain(self) -> "FakeDomain":  # noqa: N802
        return self.domain

    def getXMLDesc(self, flags: int) -> str:  # noqa: N802
        self.domain.of.connection.functions["dump"].check(flags)
        return f"<domainsnapshot>\n  <name>{self.name}</name>\n</domainsnapshot>\n"

    def delete(self, flags: int) -> int:
        self.domain.of.connection.functions["delete"].check(flags)
        self.domain.of.done.append(("delete", self.name, flags))
        return 0


@dataclass
class FakeDomain:
    """virDomain."""

    of: "FakeLibvirt"
    uuid: str

    def connect(self) -> "FakeConnection":
        return self.of.connection

    def UUIDString(self) -> str:  # noqa: N802
        return self.uuid

    def name(self) -> str:
        return "guest"

    def ID(self) -> int:  # noqa: N802
        return -1

    def state(self) -> list[int]:
        return [5, 0]

    def isPersistent(self) -> int:  # noqa: N802
        return 1

    def autostart(self) -> int:
        return 0

    def hasManagedSaveImage(self, _flags: int = 0) -> int:  # noqa: N802
        return 0

    def listAllSnapshots(self) -> list[FakeSnapshot]:  # noqa: N802
        raise self.of.unsupported("virDomainListAllSnapshots")

    def snapshotListNames(self) -> list[str]:  # noqa: N802
        return list(self.of.snapshots)

    def snapshotCurrent(self) -> FakeSnapshot:  # noqa: N802
        return self.snapshotLookupByName(self.of.snapshots[-1])

    def snapshotLookupByName(self, name: str) -> FakeSnapshot:  # noqa: N802
        if name not in self.of.snapshots:
            raise FakeError(0, NO_SNAPSHOT, f"Domain snapshot not found: {name}")
        return FakeSnapshot(self, name)

    def snapshotCreateXML(self, xml: str, flags: int) -> FakeSnapshot:  # noqa: N802
        self.connect().functions["create"].check(flags)
        if self.of.kind == "VBOX" and not re.search(r"<state>\w+</state>.*<creationTime>\d+</creationTime>", xml):
            raise FakeError(0, 1, "internal error: missing creationTime from existing snapshot")
        name = re.findall(r"<name>(.*)</name>", xml)[0]
        self.of.done.append(("create", name, flags))
        self.of.snapshots.append(name)
        return FakeSnapshot(self, name)

    def revertToSnapshot(self, snapshot: FakeSnapshot, flags: int) -> int:  # noqa: N802
        self.connect().functions["revert"].check(flags)
        self.of.done.append(("revert", snapshot.name, flags))
        return 0

    def undefineFlags(self, flags: int) -> int:  # noqa: N802
        self.connect().functions["undefine"].check(flags)
        self.of.done.append(("undefine", "guest", flags))
        return 0


@dataclass
class FakeConnection:
    """virConnect."""

    of: "FakeLibvirt"

    @property
    def functions(self) -> dict[str, Function]:
        return _FUNCTIONS[self.of.kind]

    def getType(self) -> str:  # noqa: N802
        return self.of.kind

    def isAlive(self) -> int:  # noqa: N802
        return 1

    def setKeepAlive(self, _interval: int, _count: int) -> int:  # noqa: N802
        raise self.of.unsupported("virConnectSetKeepAlive")

    def lookupByUUIDString(self, uuid: str) -> FakeDomain:  # noqa: N802
        if uuid != self.of.uuid:
            raise FakeError(0, NO_DOMAIN, f"Domain not found: no domain with matching uuid '{uuid}'")
        return FakeDomain(self.of, uuid)


@dataclass
class FakeLibvirt:
    """The module ``libvirt``, and the one hypervisor it reaches, which has one domain."""

    kind: str
    uuid: str
    snapshots: list[str] = field(default_factory=list)
    done: list[tuple[str, str, int]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    libvirtError = FakeError  # noqa: N815

    @property
    def connection(self) -> FakeConnection:
        return FakeConnection(self)

    def open(self, uri: str) -> FakeConnection:
        self.opened.append(uri)
        return self.connection

    def unsupported(self, function: str) -> FakeError:
        return FakeError(0, NO_SUPPORT, f"this function is not supported by the connection driver: {function}")


# VIR_DOMAIN_SNAPSHOT_CREATE_*: REDEFINE 1, CURRENT 2, NO_METADATA 4, DISK_ONLY 16, QUIESCE 64, VALIDATE 512
# VIR_DOMAIN_SNAPSHOT_DELETE_*: CHILDREN 1, METADATA_ONLY 2 · VIR_DOMAIN_UNDEFINE_*: SNAPSHOTS_METADATA 2
_FUNCTIONS = {
    "ESX": {
        "create": Function("esxDomainSnapshotCreateXML", 4 | 16 | 64 | 512),
        "revert": Function("esxDomainRevertToSnapshot", 0),
        "delete": Function("esxDomainSnapshotDelete", 1 | 2),
        "undefine": Function("esxDomainUndefineFlags", 2),
        "dump": Function("esxDomainSnapshotGetXMLDesc", 0),
    },
    "VBOX": {
        "create": Function("vboxDomainSnapshotCreateXML", 1 | 2 | 4 | 512),
        "revert": Function("vboxDomainRevertToSnapshot", 0),
        "delete": Function("vboxDomainSnapshotDelete", 1 | 2),
        "undefine": Function("vboxDomainUndefineFlags", 2),
        "dump": Function("vboxDomainSnapshotGetXMLDesc", 0),
    },
}
