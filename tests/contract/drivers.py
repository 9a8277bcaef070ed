"""The hypervisors that the driver contract is held up against, and what is known to be different about each.

A ``Subject`` is a driver and what a test must know to use it: how a definition for it is written, and whether there is
a guest inside that obeys. Every domain of a test is made with names of its own and gone afterwards.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from domain_model.errors import Refused
from domain_model.flags import SnapshotCreate, SnapshotRevert, Undefine
from domain_model.snapshot_xml import build, read
from drivers.libvirt import LibvirtDriver
from drivers.port import Driver
from drivers.simulator import SimulatorDriver
from tests.lab.daemon import TestDaemon
from tests.lab.hosts import LibvirtHost

SIMULATOR, TEST, QEMU = "simulator", "test", "qemu"

ACCEPTED = None
"""In place of a number: this one does not refuse."""

KNOWN_DIFFERENCES: dict[tuple[str, str], tuple[int | None, str]] = {
    # (subject, what is refused): (number it gives instead, why)
    (TEST, "start while active"): (1, "semantics 2.3: the test driver has 1 where QEMU has 55"),
    (TEST, "suspend while inactive"): (1, "semantics 2.3: the test driver has 1 where QEMU has 55"),
    (TEST, "suspend while paused"): (1, "semantics 2.3: to the test driver only a running domain can be suspended"),
    (TEST, "resume while inactive"): (1, "semantics 2.3: the test driver has 1 where QEMU has 55"),
    (TEST, "resume while running"): (1, "semantics 2.3: the test driver has 1 where QEMU has 55"),
    (TEST, "shutdown while inactive"): (1, "semantics 2.3: the test driver has 1 where QEMU has 55"),
    (TEST, "shutdown while paused"): (ACCEPTED, "semantics 2.3: the test driver stops any active domain"),
    (TEST, "start paused"): (8, "the test driver rejects START_PAUSED, for start and create"),
    (TEST, "undefine a transient domain"): (ACCEPTED, "semantics 1.7: the test driver silently accepts it"),
    (TEST, "snapshot name with a slash"): (ACCEPTED, "semantics 1.2: the test driver keeps no file by that name"),
    (TEST, "snapshot name with a leading dot"): (ACCEPTED, "semantics 1.2: the test driver keeps no file by that name"),
    (TEST, "snapshot without metadata"): (8, "semantics 1.1: the test driver rejects NO_METADATA"),
    (TEST, "snapshot of nothing"): (ACCEPTED, "semantics 1.2: the disk rules are QEMU's"),
    (TEST, "REDEFINE with LIVE"): (1, "semantics 1.1: that LIVE excludes REDEFINE is QEMU's rule"),
    (TEST, "QUIESCE without DISK_ONLY"): (ACCEPTED, "semantics 1.1: the test driver accepts QUIESCE and ignores it"),
    (TEST, "LIVE without external memory"): (ACCEPTED, "semantics 1.1: the test driver accepts LIVE and ignores it"),
    (TEST, "definition that is not well-formed"): (35, "libvirt's own parser speaks: XML_DETAIL"),
    (QEMU, "definition that is not well-formed"): (35, "libvirt's own parser speaks: XML_DETAIL"),
    (TEST, "definition without a name"): (21, "libvirt's own parser speaks: NO_NAME"),
    (QEMU, "definition without a name"): (21, "libvirt's own parser speaks: NO_NAME"),
}


@dataclass
class Subject:
    """One driver under the contract."""

    kind: str
    driver: Driver
    folder: Path
    domain_type: str
    guest_obeys: bool
    """Whether a guest stops when told to shut down. One without an operating system cannot hear."""
    made: list[str] = field(default_factory=list)

    def definition(
        self, name: str | None = None, uuid: str | None = None, *, memory_mib: int = 16, disk: bool = True
    ) -> str:
        """A definition this hypervisor accepts; new name and UUID unless given."""
        uuid = uuid or str(uuid4())
        self.made.append(uuid)
        image = self.folder / f"{uuid}.qcow2"
        if self.kind == QEMU and not image.exists():
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "1M"], check=True)
        disk_xml = f"""
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='{image}'/>
      <target dev='vda' bus='virtio'/>
    </disk>"""
        return f"""<domain type='{self.domain_type}'>
  <name>{name or f"guest-{uuid[:8]}"}</name>
  <uuid>{uuid}</uuid>
  <memory unit='KiB'>{memory_mib * 1024}</memory>
  <os>
    <type>hvm</type>
  </os>
  <devices>{disk_xml if disk else ""}
  </devices>
</domain>
"""

    def defined(self, name: str | None = None) -> str:
        """Define a new domain; return its UUID."""
        self.driver.define(self.definition(name))
        return self.made[-1]

    def started(self) -> str:
        """Define and start a new domain; return its UUID."""
        uuid = self.defined()
        self.driver.start(uuid)
        return uuid

    def snapshot(self, uuid: str, *names: str) -> None:
        """Take snapshots, one upon the other."""
        for name in names:
            self.driver.snapshot_create(uuid, build(name), SnapshotCreate.NONE)

    def grow(self, uuid: str) -> None:
        """Give an inactive domain the tree a > b > (c, d) and a > e, with e current."""
        for at, name in ((None, "a"), ("a", "b"), ("b", "c"), ("b", "d"), ("a", "e")):
            if at is not None:
                self.driver.snapshot_revert(uuid, at, SnapshotRevert.NONE)
            self.snapshot(uuid, name)

    def tree(self, uuid: str) -> tuple[dict[str, str | None], str | None]:
        """The snapshots with their parents, and the current one."""
        seen = self.driver.domain(uuid)
        assert seen is not None, f"{uuid} is not there"
        dumps = self.driver.snapshot_dumps(uuid)
        return {name: read(dump).parent for name, dump in dumps.items()}, seen.current_snapshot

    def look(self, uuid: str) -> tuple[int, int]:
        """State and reason."""
        seen = self.driver.domain(uuid)
        assert seen is not None, f"{uuid} is not there"
        return int(seen.state), seen.reason

    def refuses(self, number: int | None, what: str, act: Callable[[], object]) -> None:
        """Check that ``act`` is refused with ``number``, or with what KNOWN_DIFFERENCES says of this subject."""
        expected, why = KNOWN_DIFFERENCES.get((self.kind, what), (number, "the contract"))
        if expected is ACCEPTED:
            act()
            return
        with pytest.raises(Refused) as refusal:
            act()
        answer = f"{refusal.value.number} {refusal.value.message!r}"
        assert refusal.value.number == expected, f"{what}: {answer}, not {expected} ({why})"

    def clear(self) -> None:
        """Take away every domain the test made."""
        for seen in self.driver.domains():
            if seen.uuid in self.made:
                if seen.active:
                    self.driver.destroy(seen.uuid)
                if seen.persistent:
                    self.driver.undefine(seen.uuid, Undefine.SNAPSHOTS_METADATA)
        self.made.clear()


@pytest.fixture(scope="session")
def simulator_driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    driver = SimulatorDriver(tmp_path_factory.mktemp("simulators") / "alpha.sqlite", "alpha")
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def test_driver(test_daemon: TestDaemon) -> Iterator[Driver]:
    driver = LibvirtDriver(test_daemon.uri)
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def qemu_driver(system_host: LibvirtHost) -> Iterator[Driver]:
    driver = LibvirtDriver(system_host.uri)
    yield driver
    driver.close()


_SUBJECTS = {
    SIMULATOR: ("simulator_driver", "qemu", True),
    TEST: ("test_driver", "test", True),
    QEMU: ("qemu_driver", "qemu", False),
}


@pytest.fixture(params=list(_SUBJECTS))
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """Each driver in turn."""
    fixture, domain_type, obeys = _SUBJECTS[request.param]
    subject = Subject(request.param, request.getfixturevalue(fixture), tmp_path, domain_type, obeys)
    yield subject
    subject.clear()
