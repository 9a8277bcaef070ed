"""What the images of a real domain say, against what real libvirt and QEMU did to them,
with our knowledge or without.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from domain_model.errors import NoDomain
from domain_model.flags import SnapshotCreate, SnapshotDelete, Undefine
from domain_model.snapshot_xml import build
from drivers.images import ImageSnapshots, SnapshotPresence
from drivers.libvirt import LibvirtDriver
from tests.lab.guest import build_counter_image, domain_xml
from tests.lab.hosts import LibvirtHost

PRESENT = SnapshotPresence(present=True)


class Guest:
    """A domain with one qcow2 disk, and what is asked about it."""

    def __init__(self, driver: LibvirtDriver, folder: Path) -> None:
        self.driver = driver
        self.uuid = str(uuid4())
        self.name = f"images-{self.uuid[:8]}"
        self.folder = folder
        self.disk = build_counter_image(folder / "disk.qcow2")
        driver.define(domain_xml(self.name, self.uuid, self.disk, folder / "serial.log"))

    def snapshot(self, name: str, flags: SnapshotCreate = SnapshotCreate.NONE) -> None:
        self.driver.snapshot_create(self.uuid, build(name), flags)

    def said(self) -> dict[str, SnapshotPresence | str]:
        """What is said of each snapshot; a text of one that cannot be told."""
        findings = self.driver.snapshot_presence(self.uuid)
        assert findings.unseen == ""
        return {**findings.snapshots, **findings.untold}

    def orphans(self) -> list[tuple[str, bool]]:
        """The tags nothing explains, and whether there is memory with them."""
        findings = self.driver.snapshot_presence(self.uuid)
        assert {orphan.file for orphan in findings.orphans} <= {str(self.disk)}
        return [(orphan.tag, orphan.vm_state_bytes > 0) for orphan in findings.orphans]

    def missing(self, name: str) -> SnapshotPresence:
        return SnapshotPresence(present=False, why=f"{self.disk} holds no snapshot '{name}'")

    def clear(self) -> None:
        seen = self.driver.domain(self.uuid)
        if seen is not None and seen.active:
            self.driver.destroy(self.uuid)
        self.driver.undefine(self.uuid, Undefine.SNAPSHOTS_METADATA)


@pytest.fixture
def guest(system_host: LibvirtHost, tmp_path: Path) -> Iterator[Guest]:
    driver = LibvirtDriver(system_host.uri)
    guest = Guest(driver, tmp_path.resolve())
    yield guest
    guest.clear()
    driver.close()


def qemu_img(*words: str | Path) -> None:
    subprocess.run(["qemu-img", *map(str, words)], check=True, capture_output=True)


def test_the_libvirt_driver_can_look_into_images(guest: Guest) -> None:
    assert isinstance(guest.driver, ImageSnapshots)
    with pytest.raises(NoDomain):
        guest.driver.snapshot_presence(str(uuid4()))
    with pytest.raises(NoDomain):
        guest.driver.image_chains(str(uuid4()))


def test_internal_snapshots_are_found_offline_and_under_a_running_guest(guest: Guest) -> None:
    guest.snapshot("offline")
    guest.driver.start(guest.uuid)
    guest.snapshot("running")

    assert guest.said() == {"offline": PRESENT, "running": PRESENT}
    assert guest.orphans() == []
    (chain,) = guest.driver.image_chains(guest.uuid)
    assert (chain.disk, chain.files, chain.tags, chain.cut) == (
        "vda",
        (str(guest.disk),),
        ("offline", "running"),
        "",
    )


def test_a_snapshot_deleted_behind_libvirts_back_is_missing(guest: Guest) -> None:
    for name in ("a", "b"):
        guest.snapshot(name)
    qemu_img("snapshot", "-d", "a", guest.disk)

    assert guest.said() == {"a": guest.missing("a"), "b": PRESENT}
    guest.disk.unlink()
    assert guest.said()["b"] == SnapshotPresence(present=False, why=f"{guest.disk} does not exist")


def test_metadata_redefined_of_nothing_is_missing(guest: Guest) -> None:
    guest.snapshot("a")
    dump = guest.driver.snapshot_xml(guest.uuid, "a").replace("<name>a</name>", "<name>invented</name>", 1)
    guest.driver.snapshot_create(guest.uuid, dump, SnapshotCreate.REDEFINE)

    assert guest.said() == {"a": PRESENT, "invented": guest.missing("invented")}


def test_snapshots_without_metadata_are_orphans_until_they_are_redefined(guest: Guest) -> None:
    guest.snapshot("forgotten")
    guest.driver.start(guest.uuid)
    guest.snapshot("never known", SnapshotCreate.NO_METADATA)
    dump = guest.driver.snapshot_xml(guest.uuid, "forgotten")
    guest.driver.snapshot_delete(guest.uuid, "forgotten", SnapshotDelete.METADATA_ONLY)

    assert guest.said() == {}
    assert guest.orphans() == [("forgotten", False), ("never known", True)]
    guest.driver.snapshot_create(guest.uuid, dump, SnapshotCreate.REDEFINE)
    assert guest.said() == {"forgotten": PRESENT}
    assert guest.orphans() == [("never known", True)]


def test_memory_that_is_not_in_the_image_is_missed(guest: Guest) -> None:
    guest.driver.start(guest.uuid)
    guest.snapshot("running")
    guest.driver.destroy(guest.uuid)
    # The same name again, but only of the disk: libvirt does not notice.
    qemu_img("snapshot", "-d", "running", guest.disk)
    qemu_img("snapshot", "-c", "running", guest.disk)

    why = "no image holds the memory of snapshot 'running'"
    assert guest.said() == {"running": SnapshotPresence(present=False, why=why)}


def test_external_snapshots_are_found_in_the_files_below_until_those_are_written_to_again(
    guest: Guest, system_host: LibvirtHost
) -> None:
    memory = guest.folder / "memory"
    guest.snapshot("inside")
    guest.driver.start(guest.uuid)
    guest.snapshot("disk", SnapshotCreate.DISK_ONLY)
    guest.driver.snapshot_create(
        guest.uuid,
        f"<domainsnapshot><name>memory</name><memory snapshot='external' file='{memory}'/></domainsnapshot>",
        SnapshotCreate.NONE,
    )
    first, second = guest.folder / "disk.disk", guest.folder / "disk.memory"

    assert guest.said() == {"inside": PRESENT, "disk": PRESENT, "memory": PRESENT}
    (chain,) = guest.driver.image_chains(guest.uuid)
    assert (chain.files, chain.tags) == ((str(second), str(first), str(guest.disk)), ())

    memory.unlink()
    assert guest.said()["memory"] == SnapshotPresence(present=False, why=f"{memory} does not exist")

    system_host.virsh("blockcommit", guest.name, "vda", "--active", "--pivot", "--wait")
    why = f"{guest.disk} is written to again since the snapshot"
    assert guest.said() == {
        "inside": PRESENT,
        "disk": why,
        "memory": SnapshotPresence(present=False, why=f"{memory} does not exist"),
    }
