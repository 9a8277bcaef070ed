"""Agents killed at the steps of the protocol on real QEMU:
one end each, the effect once, and recorded is what is there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers.libvirt import LibvirtDriver
from revisor.service import Service
from revisor.store.database import Database
from tests.integration.fail_points.cases import Case, Guest, off, running, with_two
from tests.integration.fail_points.killing import Killing, killing_on
from tests.lab import images
from tests.lab.guest import build_counter_image, domain_xml
from tests.lab.hosts import LibvirtHost
from workers.steps import Step

pytestmark = [pytest.mark.hypervisor, pytest.mark.timeout(900)]

HOST = "system"
EVERYWHERE = (
    Case("start", off),
    Case("destroy", running),
    Case("snapshot-create", running, {"name": "a"}),
    Case("snapshot-revert", with_two, {"name": "a"}),
)
AT_THREE = (
    Case("snapshot-delete", with_two, {"name": "a"}),
    Case("snapshot-redefine", with_two),
    Case("suspend", running),
)
THREE = (Step.STARTED, Step.ACTED, Step.MENDED)
KILLS = [
    *((case, step) for case in EVERYWHERE for step in Step),
    *((case, step) for case in AT_THREE for step in THREE),
]


@dataclass
class CountingGuest(Guest):
    """A counter guest on the real host."""

    lab_host: LibvirtHost | None = None

    @property
    def image(self) -> Path:
        return self._on.root / f"{self.name}.qcow2"

    @property
    def xml(self) -> str:
        if not self.image.exists():
            build_counter_image(self.image)
        return domain_xml(self.name, self.uuid, self.image, self._on.root / f"{self.name}.log")

    def remove(self) -> None:
        """Whatever was done to it; and nothing is in its image that libvirt does not list."""
        listed = self._on.virsh("snapshot-list", self.uuid, "--name").split()
        assert sorted(images.tags(self.image)) == sorted(listed)
        if self.uuid in self._on.virsh("list", "--uuid").split():
            self._on.virsh("destroy", self.uuid)
        self._on.virsh("undefine", self.uuid, "--snapshots-metadata")
        self.image.unlink()

    @property
    def _on(self) -> LibvirtHost:
        assert self.lab_host is not None
        return self.lab_host


@pytest.fixture
def killing(database: Database, system_host: LibvirtHost, tmp_path: Path) -> Iterator[Killing]:
    def guest_on(service: Service, host: str) -> Guest:
        return CountingGuest(service, host, "", lab_host=system_host)

    driver = LibvirtDriver(system_host.uri)
    with killing_on(database, tmp_path, {HOST: system_host.uri}, {HOST: driver}, guest_on) as killing:
        yield killing


def test_wherever_an_agent_is_killed_there_is_one_end_and_one_effect(
    killing: Killing, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = []
    for case, step in KILLS:
        try:
            assert killing.kill(case, step) == "succeeded"
        except Exception as error:  # noqa: BLE001  all are gone through, and told together
            broken.append(f"{case.verb} killed at {step}: {type(error).__name__} {error}")
    with capsys.disabled():
        print(f"\n{len(KILLS) - len(broken)} of {len(KILLS)} kills of agents on real QEMU as they must be")
    assert broken == []
