"""Reverting simulated domains, and what a redefined snapshot must agree with (libvirt-semantics 1.3 and 1.4)."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert
from drivers.simulator import SimulatorDriver
from tests.unit.simulated import (
    ACPI,
    INACTIVE,
    PAUSED,
    RUNNING,
    UUID,
    config,
    definition,
    delete,
    disk,
    host_in,
    images,
    live,
    look,
    modes,
    number_of,
    refusal,
    revert,
    take,
    take_outside,
    tree,
)

PLAIN, RUN, PAUSE, FORCE = SnapshotRevert.NONE, SnapshotRevert.RUNNING, SnapshotRevert.PAUSED, SnapshotRevert.FORCE
REDEFINE = SnapshotCreate.REDEFINE
STATES = (INACTIVE, RUNNING, PAUSED)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    driver = host_in(tmp_path)
    driver.define(definition())
    yield driver
    driver.close()


@pytest.fixture
def grown(host: SimulatorDriver) -> SimulatorDriver:
    """The host with the snapshots off > on > paused."""
    take(host, "off")
    host.start(UUID)
    take(host, "on")
    host.suspend(UUID)
    take(host, "paused")
    return host


def bring(host: SimulatorDriver, state: str) -> None:
    seen = host.domain(UUID)
    assert seen is not None
    if seen.active:
        host.destroy(UUID)
    if state != INACTIVE:
        host.start(UUID)
    if state == PAUSED:
        host.suspend(UUID)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("name", "flags", "becomes"),
    [
        ("off", RUN, (1, 1)),
        ("off", PAUSE, (3, 1)),
        ("on", PLAIN, (1, 4)),
        ("on", RUN, (1, 4)),
        ("on", PAUSE, (3, 7)),
        ("paused", PLAIN, (3, 7)),
        ("paused", RUN, (1, 4)),
        ("paused", PAUSE | FORCE, (3, 7)),
    ],
)
def test_the_state_that_a_revert_ends_in(
    grown: SimulatorDriver, state: str, name: str, flags: SnapshotRevert, becomes: tuple[int, int]
) -> None:
    bring(grown, state)

    revert(grown, name, flags)

    assert (look(grown), tree(grown)[1]) == (becomes, name)


@pytest.mark.parametrize(("state", "becomes"), [(INACTIVE, (5, 2)), (RUNNING, (5, 7)), (PAUSED, (5, 7))])
def test_a_domain_that_is_off_stays_so_for_the_old_reason(
    grown: SimulatorDriver, state: str, becomes: tuple[int, int]
) -> None:
    bring(grown, state)

    revert(grown, "off", SnapshotRevert.RESET_NVRAM)

    assert look(grown) == becomes


@pytest.mark.parametrize(
    ("name", "flags", "number"),
    [
        ("off", PLAIN, 77),
        ("off", RUN, 77),
        ("off", PAUSE, 77),
        ("off", FORCE, 0),
        ("off", FORCE | RUN, 0),
        ("on", PLAIN, 0),
        ("paused", PAUSE, 0),
        ("off", RUN | PAUSE, 8),
        ("off", SnapshotRevert(64), 8),
        ("nowhere", RUN | PAUSE, 72),
    ],
)
def test_a_managed_save_is_not_lost_by_the_way(
    grown: SimulatorDriver, name: str, flags: SnapshotRevert, number: int
) -> None:
    grown.managed_save(UUID)

    assert number_of(lambda: revert(grown, name, flags)) == number
    seen = grown.domain(UUID)
    assert seen is not None
    assert seen.managed_save  # Also not with force: the next start goes on with it.


def test_a_transient_domain_is_not_reverted_into_nothing(grown: SimulatorDriver) -> None:
    grown.undefine(UUID)

    assert number_of(lambda: revert(grown, "off")) == 55
    revert(grown, "off", PAUSE)
    assert look(grown) == (3, 1)


def test_both_definitions_come_back_as_they_were(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.define(definition(memory_kib=32768))
    take(host)
    put_now = definition(disk("vdb"))
    host.define(put_now)

    revert(host, "a")

    assert (">16384<" in live(host), ">32768<" in config(host), "vdb" in config(host)) == (True, True, False)


def test_reverting_to_an_internal_snapshot_goes_back_to_its_image(host: SimulatorDriver) -> None:
    take(host, "i")
    take_outside(host, "e")
    assert images(config(host)) == ["vda.e"]

    revert(host, "i")

    assert images(config(host)) == ["vda.qcow2"]


@pytest.mark.parametrize("flags", [PLAIN, FORCE, RUN])
def test_there_is_no_way_back_to_an_external_snapshot(host: SimulatorDriver, flags: SnapshotRevert) -> None:
    take_outside(host, "e")

    with refusal(67, "unsupported configuration: revert to external snapshot not supported yet"):
        revert(host, "e", flags)


# Snapshots that are not in the images any more.


def test_what_was_deleted_and_redefined_is_not_there(grown: SimulatorDriver) -> None:
    dumps = grown.snapshot_dumps(UUID)
    for name in ("on", "off"):
        delete(grown, name)
    for name in ("off", "on"):
        grown.snapshot_create(UUID, dumps[name], REDEFINE)

    for state, name, becomes in (
        (PAUSED, "off", (5, 7)),
        (RUNNING, "on", (5, 6)),
        (INACTIVE, "off", (5, 6)),
        (INACTIVE, "on", (5, 6)),
    ):
        bring(grown, state)
        # The guest was stopped by then.
        assert (number_of(lambda name=name: revert(grown, name)), look(grown)) == (1, becomes)  # type: ignore[misc]


def test_metadata_alone_can_be_redefined_and_is_as_good_as_before(grown: SimulatorDriver) -> None:
    dump = grown.snapshot_xml(UUID, "on")
    delete(grown, "on", SnapshotDelete.METADATA_ONLY)
    grown.snapshot_create(UUID, dump, REDEFINE)

    revert(grown, "on")

    assert look(grown) == (1, 4)


def test_what_somebody_took_out_of_an_image_or_away_with_it_is_not_there(grown: SimulatorDriver) -> None:
    grown.erase("/images/vda.qcow2", "on")
    assert number_of(lambda: revert(grown, "on")) == 1
    revert(grown, "paused")

    grown.erase("/images/vda.qcow2")

    with refusal(38, "Cannot access storage file '/images/vda.qcow2': No such file or directory"):
        revert(grown, "paused")
    assert look(grown) == (5, 6)


def test_an_image_from_elsewhere_is_believed_to_hold_what_is_said_of_it(host: SimulatorDriver) -> None:
    take(host)
    elsewhere = host.snapshot_xml(UUID, "a").replace("vda.qcow2", "other.qcow2").replace("<name>a<", "<name>b<", 1)
    host.snapshot_create(UUID, elsewhere, REDEFINE)

    revert(host, "b")

    assert images(config(host)) == ["other.qcow2"]


def test_asked_for_disks_alone_and_for_one_inside_libvirt_takes_nothing(host: SimulatorDriver) -> None:
    take(host, inner="<disks><disk name='vda' snapshot='internal'/></disks>", flags=SnapshotCreate.DISK_ONLY)

    assert modes(host) == {"vda": "internal"}
    assert number_of(lambda: revert(host, "a")) == 1


# What a redefined snapshot must agree with.

MACHINE = definition(
    disk("vda"),
    disk("vdb"),
    "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>",
    "<memballoon model='none'/>",
    more=ACPI + "<cpu><model>qemu64</model></cpu>",
    os="<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>",
)
SECOND = "<target dev='vdb' bus='virtio'/>"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("type='qemu'>", "type='kvm'>", "domain virt type kvm does not match source qemu"),
        ("<name>guest<", "<name>other<", "domain name 'other' does not match source 'guest'"),
        (">16384<", ">32768<", "domain max memory 32768 does not match source 16384"),
        (
            "</memory>",
            "</memory><currentMemory>1</currentMemory>",
            "domain current memory 1 does not match source 16384",
        ),
        ("<vcpu>1<", "<vcpu>2<", "domain vCPU max 2 does not match source 1"),
        (">hvm<", ">xen<", "domain OS type xen does not match source hvm"),
        ("x86_64", "i686", "domain architecture i686 does not match source x86_64"),
        ("fx-7.2", "fx-7.1", "domain machine type pc-i440fx-7.1 does not match source pc-i440fx-7.2"),
        (">qemu64<", ">Nehalem<", "CPU model Nehalem does not match source qemu64"),
        (disk("vdb"), "", "domain disk count 1 does not match source 2"),
        ("</devices>", "<rng model='virtio'/></devices>", "domain RNG device count 1 does not match source 0"),
        ("</devices>", "<sound model='ich6'/></devices>", "domain sound card count 1 does not match source 0"),
        (SECOND, SECOND.replace("vdb", "vdc"), "disk vdc does not match source vdb"),
        (SECOND, SECOND.replace("virtio", "scsi"), "disk bus scsi does not match source virtio"),
        (SECOND, SECOND + "<serial>1</serial>", "disk serial 1 does not match source <null>"),
        (SECOND, SECOND + "<readonly/>", "disk access mode does not match source"),
        ("00:00:01", "00:00:02", "network card mac 52:54:00:00:00:02 does not match source 52:54:00:00:00:01"),
        ("<model type='virtio'", "<model type='e1000'", "network card model e1000 does not match source virtio"),
        ("model='none'", "model='virtio'", "balloon model virtio does not match source none"),
    ],
)
def test_a_snapshot_is_not_redefined_for_another_machine(host: SimulatorDriver, old: str, new: str, says: str) -> None:
    host.define(MACHINE)
    take(host)
    dump = host.snapshot_xml(UUID, "a")
    at = dump.index("<domain ")
    changed = dump[:at] + dump[at:].replace(old, new)
    assert changed != dump

    with refusal(67, f"unsupported configuration: Target {says}"):
        host.snapshot_create(UUID, changed, REDEFINE)


def test_a_guest_would_see_that_acpi_is_gone(host: SimulatorDriver) -> None:
    host.define(MACHINE)
    take(host)

    with refusal(
        67, "unsupported configuration: State of feature 'acpi' differs: source: 'on', destination: 'default'"
    ):
        host.snapshot_create(UUID, host.snapshot_xml(UUID, "a").replace("<acpi/>", ""), REDEFINE)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("</uuid>", "</uuid><title>new</title>"),
        lambda text: text.replace("/images/vdb.qcow2", "/images/other.qcow2"),
        lambda text: text.replace(" machine='pc-i440fx-7.2'", ""),
        lambda text: text.replace(ACPI, ACPI + "<clock offset='localtime'/>"),
        lambda text: re.sub(r"<disks>.*</disks>", "", text, flags=re.DOTALL),
    ],
    ids=["title", "source", "default", "clock", "disks"],
)
def test_what_no_guest_sees_may_change(host: SimulatorDriver, change: Callable[[str], str]) -> None:
    host.define(MACHINE)
    take(host)

    host.snapshot_create(UUID, change(host.snapshot_xml(UUID, "a")), REDEFINE)


def test_the_machine_is_compared_before_the_disks_are_looked_at(host: SimulatorDriver) -> None:
    take(host)
    dump = host.snapshot_xml(UUID, "a")
    nowhere = dump.replace("<disk name='vda'", "<disk name='vdz'")

    with refusal(67, "unsupported configuration: no disk named 'vdz'"):
        host.snapshot_create(UUID, nowhere, REDEFINE)
    with refusal(67, "unsupported configuration: Target domain max memory 32768 does not match source 16384"):
        host.snapshot_create(UUID, nowhere.replace(">16384<", ">32768<"), REDEFINE)


def test_a_snapshot_does_not_change_its_kind_by_being_redefined(host: SimulatorDriver) -> None:
    take(host)
    take_outside(host, "b")
    dump = host.snapshot_xml(UUID, "b").replace(">shutoff<", ">disk-snapshot<")

    with refusal(8, "invalid argument: cannot change between disk only and full system in snapshot b"):
        host.snapshot_create(UUID, dump, REDEFINE)
    with refusal(8, "invalid argument: disk-only flag for snapshot a requires disk-snapshot state"):
        host.snapshot_create(UUID, host.snapshot_xml(UUID, "a"), REDEFINE | SnapshotCreate.DISK_ONLY)


def test_the_file_of_an_external_snapshot_that_is_not_named_is_beside_the_image(host: SimulatorDriver) -> None:
    take(host)
    dump = host.snapshot_xml(UUID, "a").replace("<name>a<", "<name>b<", 1).replace(">shutoff<", ">disk-snapshot<")
    for said in ("", "<disks><disk name='vda' snapshot='external'/></disks>"):
        host.snapshot_create(UUID, re.sub(r"<disks>.*</disks>", said, dump, flags=re.DOTALL), REDEFINE)
        assert (
            "<disk name='vda' snapshot='external' type='file'>\n      <source file='/images/vda.b'/>\n    </disk>"
            in host.snapshot_xml(UUID, "b")
        )
