"""What a simulated host knows of its snapshots' data; metadata says nothing of it (libvirt-semantics 6)."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from domain_model.errors import NoDomain
from domain_model.flags import SnapshotCreate, SnapshotDelete
from drivers.images import SnapshotPresence
from drivers.simulator import SimulatorDriver
from tests.unit.simulated import RUNNING, UUID, definition, disk, host_in, put, take, take_outside

PRESENT = SnapshotPresence(present=True)
IMAGE, OTHER = "/images/vda.qcow2", "/images/vdb.qcow2"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    """A running guest with two disks, and the snapshot a of both."""
    host = host_in(tmp_path)
    put(host, RUNNING, definition(disk("vda"), disk("vdb")))
    take(host, "a")
    yield host
    host.close()


def said(host: SimulatorDriver) -> dict[str, SnapshotPresence | str]:
    findings = host.snapshot_presence(UUID)
    return {**findings.snapshots, **findings.untold}


def missing(why: str) -> SnapshotPresence:
    return SnapshotPresence(present=False, why=why)


def test_what_was_taken_is_there(host: SimulatorDriver) -> None:
    assert said(host) == {"a": PRESENT}


def test_of_a_domain_that_is_not_there_nothing_is_told(host: SimulatorDriver) -> None:
    with pytest.raises(NoDomain):
        host.snapshot_presence(str(uuid4()))


def test_a_snapshot_that_one_of_its_images_lost_is_missing(host: SimulatorDriver) -> None:
    take(host, "b")
    host.erase(OTHER, "a")
    assert said(host) == {"a": missing(f"{OTHER} holds no snapshot 'a'"), "b": PRESENT}


def test_with_an_image_goes_all_that_is_inside(host: SimulatorDriver) -> None:
    host.erase(IMAGE)
    assert said(host) == {"a": missing(f"{IMAGE} does not exist")}


def test_metadata_that_comes_back_does_not_bring_its_data(host: SimulatorDriver) -> None:
    dump = host.snapshot_xml(UUID, "a")
    for flags, found in (
        (SnapshotDelete.METADATA_ONLY, PRESENT),
        (SnapshotDelete.NONE, missing(f"{IMAGE} holds no snapshot 'a'")),
    ):
        host.snapshot_delete(UUID, "a", flags)
        assert said(host) == {}
        host.snapshot_create(UUID, dump, SnapshotCreate.REDEFINE)
        assert said(host) == {"a": found}


def test_what_was_in_an_image_that_came_from_elsewhere_is_not_known(host: SimulatorDriver, tmp_path: Path) -> None:
    (tmp_path / "beta").mkdir()
    other = host_in(tmp_path / "beta")
    put(other, RUNNING, definition(disk("vda"), disk("vdb")))
    other.snapshot_create(UUID, host.snapshot_xml(UUID, "a"), SnapshotCreate.REDEFINE)
    assert said(other) == {"a": f"what was in {IMAGE} before is not known"}
    other.erase(OTHER, "a")
    assert said(other) == {"a": missing(f"{OTHER} holds no snapshot 'a'")}
    other.close()


def test_in_an_image_that_the_host_made_is_what_was_taken_there(host: SimulatorDriver) -> None:
    dump = host.snapshot_xml(UUID, "a").replace("<name>a</name>", "<name>never</name>")
    host.make_image(IMAGE)
    host.snapshot_create(UUID, dump, SnapshotCreate.REDEFINE)
    assert said(host)["never"] == missing(f"{IMAGE} holds no snapshot 'never'")


def test_of_files_beside_the_images_it_is_known_that_they_are_gone(host: SimulatorDriver) -> None:
    take(host, "memory", "<memory snapshot='external' file='/images/guest.mem'/>")
    take_outside(host, "disks")
    found = said(host)
    assert found["memory"] == "snapshot 'memory' keeps files beside the images"
    assert found["disks"] == "snapshot 'disks' keeps files beside the images"
    host.erase("/images/guest.mem")
    assert said(host)["memory"] == missing("/images/guest.mem does not exist")
    host.erase(OTHER)
    assert said(host)["memory"] == missing(f"{OTHER} does not exist")
