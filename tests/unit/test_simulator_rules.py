"""The rules of libvirt's QEMU driver for the life of a domain and for taking snapshots inside its images."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain_model import snapshot_xml
from domain_model.errors import Refused
from domain_model.flags import Destroy, Reboot, Shutdown, SnapshotCreate, SnapshotRevert, Start, Undefine
from domain_model.snapshot_xml import build
from drivers.abilities import Backups, Checkpoints, Devices, GuestAgent, GuestControl, Saving, Tuning
from drivers.port import Driver
from drivers.simulator import SimulatorDriver
from tests.unit.simulated import (
    AGENT,
    INACTIVE,
    NOW,
    PAUSED,
    RUNNING,
    UUID,
    config,
    definition,
    disk,
    host_in,
    live,
    look,
    modes,
    number_of,
    put,
    refusal,
    revert,
    take,
)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    """A host with one inactive domain."""
    driver = host_in(tmp_path)
    driver.define(definition())
    yield driver
    driver.close()


def test_it_has_every_ability_whose_calls_it_answers(host: SimulatorDriver) -> None:
    abilities: tuple[Driver, Saving, Tuning, Devices, GuestControl, GuestAgent, Checkpoints, Backups] = (host,) * 8

    assert all(
        isinstance(ability, kind)
        for ability, kind in zip(
            abilities[1:], (Saving, Tuning, Devices, GuestControl, GuestAgent, Checkpoints, Backups), strict=True
        )
    )


# Flags of the lifecycle.


@pytest.mark.parametrize(
    ("state", "verb", "flags", "number"),
    [
        (INACTIVE, "start", Start.VALIDATE, 8),
        (INACTIVE, "start", Start(1 << 20), 8),
        (INACTIVE, "start", Start.BYPASS_CACHE | Start.RESET_NVRAM, 0),
        (RUNNING, "start", Start.NONE, 55),
        (RUNNING, "shutdown", Shutdown.INITCTL, 8),
        (RUNNING, "shutdown", Shutdown.GUEST_AGENT, 74),
        (RUNNING, "shutdown", Shutdown.GUEST_AGENT | Shutdown.ACPI_POWER_BTN, 0),
        (PAUSED, "shutdown", Shutdown.NONE, 55),
        (PAUSED, "shutdown", Shutdown.GUEST_AGENT, 55),
        (PAUSED, "reboot", Reboot.NONE, 0),
        (RUNNING, "reboot", Reboot.SIGNAL, 8),
        (RUNNING, "reboot", Reboot.GUEST_AGENT, 74),
        (PAUSED, "destroy", Destroy.GRACEFUL | Destroy.REMOVE_LOGS, 0),
        (PAUSED, "destroy", Destroy(1 << 9), 8),
        (INACTIVE, "destroy", Destroy.GRACEFUL, 55),
    ],
)
def test_the_flags_of_the_lifecycle(host: SimulatorDriver, state: str, verb: str, flags: object, number: int) -> None:
    put(host, state)

    assert number_of(lambda: getattr(host, verb)(UUID, flags)) == number


def test_an_agent_can_be_asked_to_shut_down(host: SimulatorDriver) -> None:
    put(host, RUNNING, definition(AGENT))

    host.shutdown(UUID, Shutdown.GUEST_AGENT)

    assert look(host) == (5, 1)


@pytest.mark.parametrize("flags", [Start.FORCE_BOOT, Start.BYPASS_CACHE])
def test_a_creation_takes_fewer_flags_than_a_start(host: SimulatorDriver, flags: Start) -> None:
    assert number_of(lambda: host.create(definition(), flags)) == 8


def test_an_unknown_domain_is_told_before_a_wrong_flag(host: SimulatorDriver) -> None:
    unknown = UUID.replace("3", "4")

    assert number_of(lambda: host.start(unknown, Start(1 << 20))) == 42
    assert number_of(lambda: revert(host, "nowhere", SnapshotRevert(3))) == 72


def test_a_machine_has_room_for_so_many_processors(host: SimulatorDriver) -> None:
    text = definition(vcpu="<vcpu current='1'>300</vcpu>")

    with refusal(67, "unsupported configuration: Maximum CPUs greater than specified machine type limit 255"):
        host.define(text)
    assert (
        number_of(lambda: host.define(text.replace("machine='pc'", "machine='pc-q35-7.2'").replace("300", "288"))) == 0
    )


def test_a_guest_that_crashed_says_so(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.crash(UUID)

    assert look(host) == (5, 3)


def test_a_running_domain_defined_anew_is_the_new_one_when_it_starts_again(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.define(definition(memory_kib=32768))

    assert (">16384<" in live(host), ">32768<" in config(host)) == (True, True)
    host.reboot(UUID)
    assert ">16384<" in live(host)
    host.destroy(UUID)
    host.start(UUID)
    assert ">32768<" in live(host)


# Undefining.

NVRAM = definition(os="<os><type>hvm</type><loader type='pflash'>/code</loader><nvram>/nvram</nvram></os>")


@pytest.mark.parametrize(
    ("flags", "number"),
    [
        (Undefine.NVRAM | Undefine.KEEP_NVRAM, 55),
        (Undefine.TPM | Undefine.KEEP_TPM, 55),
        (Undefine(1 << 20), 8),
        (Undefine.NONE, 55),
        (Undefine.SNAPSHOTS_METADATA, 55),
        (Undefine.MANAGED_SAVE, 55),
        (Undefine.SNAPSHOTS_METADATA | Undefine.MANAGED_SAVE, 0),
    ],
)
def test_what_stands_in_the_way_of_undefining(host: SimulatorDriver, flags: Undefine, number: int) -> None:
    take(host)
    host.start(UUID)
    host.managed_save(UUID)

    assert number_of(lambda: host.undefine(UUID, flags)) == number
    seen = host.domain(UUID)
    # libvirt has lost the metadata when it refuses for the managed save. That is not followed.
    assert (seen is None) if number == 0 else (seen is not None and seen.snapshots == ("a",))


def test_snapshots_are_told_of_before_a_managed_save(host: SimulatorDriver) -> None:
    take(host)
    host.start(UUID)
    host.managed_save(UUID)

    with refusal(55, "Requested operation is not valid: cannot delete inactive domain with 1 snapshots"):
        host.undefine(UUID, Undefine.MANAGED_SAVE)


def test_firmwares_variables_are_in_the_way_once_they_were_written(host: SimulatorDriver) -> None:
    put(host, INACTIVE, NVRAM)
    host.undefine(UUID)
    put(host, RUNNING, NVRAM)

    with refusal(55, "Requested operation is not valid: cannot undefine domain with nvram"):
        host.undefine(UUID)
    host.destroy(UUID)
    host.undefine(UUID, Undefine.KEEP_NVRAM)
    host.define(NVRAM)
    assert number_of(lambda: host.undefine(UUID)) == 55
    host.undefine(UUID, Undefine.NVRAM)
    host.define(NVRAM)
    host.undefine(UUID)


def test_an_active_domain_becomes_transient_and_keeps_its_snapshots_until_it_stops(host: SimulatorDriver) -> None:
    host.set_autostart(UUID, autostart=True)
    host.start(UUID)
    take(host)

    host.undefine(UUID)

    seen = host.domain(UUID)
    assert seen is not None
    assert (seen.persistent, seen.autostart, seen.snapshots) == (False, False, ("a",))
    assert number_of(lambda: host.undefine(UUID)) == 55
    host.destroy(UUID)
    assert host.domain(UUID) is None


# Which disks a snapshot covers.


def test_read_only_disks_and_empty_drives_are_left_out_and_the_rest_is_in_the_domains_order(
    host: SimulatorDriver,
) -> None:
    host.define(definition(disk("vda"), disk("vdb", more="<readonly/>"), disk("vdc", source=None), disk("vdd")))

    take(host, inner="<disks><disk name='/images/vdd.qcow2'/><disk name='vda' snapshot='internal'/></disks>")

    assert list(modes(host).items()) == [("vda", "internal"), ("vdb", "no"), ("vdc", "no"), ("vdd", "internal")]


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("<disk name='vdz'/>", "no disk named 'vdz'"),
        ("<disk name='vda'/><disk name='vdb'/><disk name='vdc'/>", "too many disk snapshot requests for domain"),
        ("<disk name='vda'/><disk name='/images/vda.qcow2'/>", "disk '/images/vda.qcow2' specified twice"),
        ("<disk name='vda' snapshot='no'/>", "disk 'vda' must use snapshot mode 'internal'"),
        ("<disk name='vda' snapshot='manual'/>", "disk 'vda' must use snapshot mode 'internal'"),
        ("<disk name='vda' snapshot='external'/>", "disk 'vda' must use snapshot mode 'internal'"),
    ],
)
def test_disks_that_do_not_fit_the_domain_are_refused(host: SimulatorDriver, inner: str, message: str) -> None:
    host.define(definition(disk("vda"), disk("vdb")))

    with refusal(67, f"unsupported configuration: {message}"):
        take(host, inner=f"<disks>{inner}</disks>")


ALL_DISKS = "internal and full system snapshots require all disks to be selected for snapshot"
RAW = "internal snapshot for disk vda unsupported for storage type raw"


@pytest.mark.parametrize(
    ("disks", "state", "message"),
    [
        ([disk("vda", driver="")], INACTIVE, RAW),
        ([disk("vda", driver="<driver type='raw'/>")], RUNNING, RAW),
        ([disk("vda", driver="<driver type='qed'/>")], RUNNING, RAW.replace("raw", "qed")),
        ([disk("vda", more="<readonly/>")], INACTIVE, "nothing selected for snapshot"),
        ([disk("vda", more="<readonly/>")], RUNNING, ALL_DISKS),
        ([disk("vda"), disk("vdb", head=" snapshot='no'")], INACTIVE, ALL_DISKS),
    ],
)
def test_a_domain_whose_disks_cannot_keep_it_gets_no_snapshot(
    host: SimulatorDriver, disks: list[str], state: str, message: str
) -> None:
    put(host, state, definition(*disks))

    with refusal(67, f"unsupported configuration: {message}"):
        take(host)


@pytest.mark.parametrize("state", [INACTIVE, RUNNING])
def test_firmware_in_flash_memory_cannot_be_kept_inside_the_images(host: SimulatorDriver, state: str) -> None:
    put(host, state, NVRAM)

    assert number_of(lambda: take(host)) == 84
    take(host, flags=SnapshotCreate.DISK_ONLY)


def test_memory_is_kept_of_a_running_domain_and_only_of_one(host: SimulatorDriver) -> None:
    with refusal(27, "XML error: memory state cannot be saved with offline or disk-only snapshot"):
        take(host, inner="<memory snapshot='internal'/>")
    host.start(UUID)
    with refusal(84, "Operation not supported: internal snapshot of a running VM must include the memory state"):
        take(host, inner="<memory snapshot='no'/>")
    take(host, inner="<memory snapshot='internal'/>")


@pytest.mark.parametrize(
    ("state", "flags", "becomes"),
    [
        (INACTIVE, SnapshotCreate.NONE, (5, 0)),
        (INACTIVE, SnapshotCreate.HALT, (5, 0)),
        (RUNNING, SnapshotCreate.NONE, (1, 5)),
        (RUNNING, SnapshotCreate.HALT, (5, 7)),
        (PAUSED, SnapshotCreate.NONE, (3, 1)),
        (PAUSED, SnapshotCreate.NO_METADATA | SnapshotCreate.HALT, (5, 7)),
    ],
)
def test_a_guest_is_paused_while_its_memory_is_kept(
    host: SimulatorDriver, state: str, flags: SnapshotCreate, becomes: tuple[int, int]
) -> None:
    put(host, state)

    take(host, flags=flags)

    assert look(host) == becomes


# Names and times.


def test_a_snapshot_without_a_name_is_named_by_its_time(host: SimulatorDriver) -> None:
    host.snapshot_create(UUID, build(None), SnapshotCreate.NONE)

    described = snapshot_xml.read(host.snapshot_xml(UUID, str(NOW)))
    assert (described.name, described.creation_time) == (str(NOW), NOW)


def test_a_snapshot_that_is_not_remembered_may_have_any_name(host: SimulatorDriver) -> None:
    take(host, "a/b", flags=SnapshotCreate.NO_METADATA)
    with refusal(35, "invalid snapshot name 'a/b': name can't contain '/'"):
        take(host, "a/b")


def test_a_name_in_use_is_told_after_all_that_is_wrong_with_the_disks(host: SimulatorDriver) -> None:
    take(host)
    host.define(definition(disk("vda", driver="")))

    assert number_of(lambda: take(host)) == 67
    assert number_of(lambda: take(host, flags=SnapshotCreate.LIVE)) == 84
    assert number_of(lambda: take(host, flags=SnapshotCreate.DISK_ONLY)) == 9


def test_a_refused_snapshot_leaves_the_domain_as_it_was(host: SimulatorDriver) -> None:
    host.start(UUID)
    take(host)
    host.destroy(UUID)
    host.start(UUID)

    with pytest.raises(Refused):
        take(host, flags=SnapshotCreate.HALT)

    assert look(host) == (1, 1)


@pytest.mark.parametrize(
    ("flags", "number"),
    [
        (SnapshotCreate.REDEFINE | SnapshotCreate.NO_METADATA, 8),
        (SnapshotCreate.REDEFINE | SnapshotCreate.HALT, 8),
        (SnapshotCreate.REDEFINE | SnapshotCreate.LIVE, 8),
        (SnapshotCreate.CURRENT, 8),
        (SnapshotCreate.QUIESCE, 8),
        (SnapshotCreate.LIVE, 84),
        (SnapshotCreate.VALIDATE | SnapshotCreate.ATOMIC, 0),
        (SnapshotCreate(1 << 20), 8),
    ],
)
def test_flags_that_exclude_or_require_one_another(host: SimulatorDriver, flags: SnapshotCreate, number: int) -> None:
    assert number_of(lambda: take(host, flags=flags)) == number
