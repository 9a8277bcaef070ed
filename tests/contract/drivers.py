"""The hypervisors that the driver contract is held up against.

A ``Subject`` is a driver and what a test must know to use it: how a definition for it is written, and whether there is
a guest inside that obeys. Every domain of a test is made with names of its own and gone afterwards.
"""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from domain_model.errors import Refused
from domain_model.flags import CheckpointDelete, SnapshotCreate, SnapshotRevert, Undefine
from domain_model.snapshot_xml import build, read
from drivers.abilities import Backups, Checkpoints, Devices, GuestAgent, GuestControl, Saving, Tuning
from drivers.libvirt import LibvirtDriver
from drivers.port import Driver
from drivers.simulator import SimulatorDriver
from tests.contract.differences import ACCEPTED, KNOWN_DIFFERENCES, KNOWN_STATES, QEMU, SIMULATOR, TEST
from tests.lab.daemon import TestDaemon
from tests.lab.hosts import LibvirtHost

Ability = TypeVar("Ability")


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

    @property
    def saving(self) -> Saving:
        return self._able(Saving)

    @property
    def tuning(self) -> Tuning:
        return self._able(Tuning)

    @property
    def devices(self) -> Devices:
        return self._able(Devices)

    @property
    def control(self) -> GuestControl:
        return self._able(GuestControl)

    @property
    def agent(self) -> GuestAgent:
        return self._able(GuestAgent)

    @property
    def checkpoints(self) -> Checkpoints:
        return self._able(Checkpoints)

    @property
    def backups(self) -> Backups:
        return self._able(Backups)

    def _able(self, ability: type[Ability]) -> Ability:
        assert isinstance(self.driver, ability), f"the {self.kind} driver has no {ability.__name__}"
        return self.driver

    def definition(
        self,
        name: str | None = None,
        uuid: str | None = None,
        *,
        memory_mib: int = 16,
        disk: bool = True,
        before_os: str = "",
        features: str = "",
        devices: str = "",
    ) -> str:
        """A definition this hypervisor accepts; new name and UUID unless given, and what else is given as XML."""
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
  <memory unit='KiB'>{memory_mib * 1024}</memory>{before_os}
  <os>
    <type>hvm</type>
  </os>{features}
  <devices>{disk_xml if disk else ""}{devices}
  </devices>
</domain>
"""

    def defined(self, name: str | None = None, **more: Any) -> str:
        """Define a new domain; return its UUID."""
        self.driver.define(self.definition(name, **more))
        return self.made[-1]

    def started(self, name: str | None = None, **more: Any) -> str:
        """Define and start a new domain; return its UUID."""
        uuid = self.defined(name, **more)
        self.driver.start(uuid)
        return uuid

    def created(self, name: str | None = None, **more: Any) -> str:
        """Create a new transient domain; return its UUID."""
        self.driver.create(self.definition(name, **more))
        return self.made[-1]

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

    def is_in(self, uuid: str, state: tuple[int, int], what: str) -> None:
        """Check state and reason, or what KNOWN_STATES says of this subject."""
        expected, why = KNOWN_STATES.get((self.kind, what), (state, "the contract"))
        assert self.look(uuid) == expected, f"{what}: {self.look(uuid)}, not {expected} ({why})"

    def live(self, uuid: str) -> str:
        """The running definition, with its elements on one line."""
        return _flat(self.driver.domain_xml(uuid, inactive=False))

    def config(self, uuid: str) -> str:
        """The persistent definition, with its elements on one line."""
        return _flat(self.driver.domain_xml(uuid, inactive=True))

    def does(self, what: str, act: Callable[..., object], *arguments: object) -> bool:
        """Do it, unless KNOWN_DIFFERENCES says that this subject refuses; whether it was done."""
        expected, _ = KNOWN_DIFFERENCES.get((self.kind, what), (ACCEPTED, "the contract"))
        self.refuses(ACCEPTED, what, act, *arguments)
        return expected is ACCEPTED

    def refuses(self, number: int | None, what: str, act: Callable[..., object], *arguments: object) -> None:
        """Check that ``act(*arguments)`` is refused with ``number``,
        or with what KNOWN_DIFFERENCES says of this subject.
        """
        expected, why = KNOWN_DIFFERENCES.get((self.kind, what), (number, "the contract"))
        if expected is ACCEPTED:
            act(*arguments)
            return
        with pytest.raises(Refused) as refusal:
            act(*arguments)
        answer = f"{refusal.value.number} {refusal.value.message!r}"
        assert refusal.value.number == expected, f"{what}: {answer}, not {expected} ({why})"

    def clear(self) -> None:
        """Take away every domain the test made."""
        for seen in self.driver.domains():
            if seen.uuid in self.made:
                if seen.active:
                    self.driver.destroy(seen.uuid)
                for name in self.checkpoints.checkpoints(seen.uuid) if seen.persistent else ():
                    self.checkpoints.checkpoint_delete(seen.uuid, name, CheckpointDelete.METADATA_ONLY)
                if seen.persistent:
                    self.driver.undefine(seen.uuid, Undefine.SNAPSHOTS_METADATA | Undefine.MANAGED_SAVE)
        self.made.clear()


def _flat(text: str) -> str:
    return re.sub(r">\s+<", "><", text)


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
