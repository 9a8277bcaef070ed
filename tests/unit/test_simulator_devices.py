"""Devices of simulated domains that come, go and change, as libvirt 9.0's QEMU driver lets them when run."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain_model.flags import DeviceModify
from drivers.simulator import SimulatorDriver
from tests.unit.simulated import (
    ACPI,
    INACTIVE,
    PAUSED,
    RUNNING,
    UUID,
    config,
    definition,
    disk,
    host_in,
    live,
    number_of,
    put,
    refusal,
)

NOW, NEXT, EITHER = DeviceModify.LIVE, DeviceModify.CONFIG, DeviceModify(0)
BOTH = DeviceModify.LIVE | DeviceModify.CONFIG

CARD = "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>"
RNG = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
CHANNEL = "<channel type='unix'><target type='virtio' name='org.example'/></channel>"
SCREEN = "<graphics type='vnc' autoport='yes'/>"
FOLDER = "<filesystem type='mount'><source dir='/srv'/><target dir='srv'/></filesystem>"
CONTROLLER = "<controller type='scsi' index='3' model='virtio-scsi'/>"
DRIVE = "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>"


def plain(target: str) -> str:
    return f"<disk><target dev='{target}'/></disk>"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    driver = host_in(tmp_path)
    put(driver, INACTIVE, definition(disk("vda"), DRIVE, more=ACPI))
    yield driver
    driver.close()


def devices(text: str) -> list[str]:
    """Kind and name of each device."""
    found = re.findall(r"<(disk|interface|rng|channel|graphics|filesystem|controller|sound)\b.*?(?:</\1>|/>)", text)
    return found + re.findall(r"<target dev='(\w+)'", text)


@pytest.mark.parametrize("device", [disk("vdb"), CARD, RNG, CHANNEL, CONTROLLER])
@pytest.mark.parametrize(
    ("state", "flags", "there"),
    [
        (INACTIVE, EITHER, "config"),
        (INACTIVE, NEXT, "config"),
        (PAUSED, EITHER, "live"),
        (RUNNING, NOW, "live"),
        (RUNNING, NEXT, "config"),
        (RUNNING, BOTH, "live config"),
    ],
)
def test_a_device_comes_now_or_next_time_and_goes_as_it_came(
    host: SimulatorDriver, device: str, state: str, flags: DeviceModify, there: str
) -> None:
    put(host, state, definition(disk("vda"), more=ACPI))
    before = {"live": live(host), "config": config(host)}
    host.attach_device(UUID, device, flags)

    after = {"live": live(host) if state != INACTIVE else before["live"], "config": config(host)}
    assert [which for which in ("live", "config") if before[which] != after[which]] == there.split()
    for which in there.split():
        assert device in after[which]
    host.detach_device(UUID, device, flags)
    assert {"live": live(host), "config": config(host)} == before


def test_what_is_attached_stands_behind_the_others_indented_as_libvirt_does_it(host: SimulatorDriver) -> None:
    host.attach_device(UUID, "<?xml version='1.0'?>\n<rng model='virtio'>\n  <backend/>\n</rng>\n", NEXT)

    assert config(host).endswith("\n    <rng model='virtio'>\n      <backend/>\n    </rng></devices>\n</domain>\n")
    host.define(definition().replace(f"<devices>{disk('vda')}</devices>", "<devices/>"))
    host.attach_device(UUID, RNG, NEXT)
    assert config(host).endswith(f"  <devices>\n    {RNG}\n  </devices>\n</domain>\n")


@pytest.mark.parametrize(
    ("state", "device", "flags", "number", "message"),
    [
        (INACTIVE, disk("vda", "/other"), NEXT, 55, "Requested operation is not valid: target vda already exists"),
        (INACTIVE, CONTROLLER, NEXT, 55, "Requested operation is not valid: controller index='3' already exists"),
        (INACTIVE, FOLDER, NEXT, 55, "Requested operation is not valid: Target already exists"),
        (INACTIVE, CHANNEL, NEXT, 55, "Requested operation is not valid: chardev already exists"),
        (INACTIVE, RNG, NOW, 55, "Requested operation is not valid: domain is not running"),
        (INACTIVE, RNG, NOW | DeviceModify.FORCE, 55, "Requested operation is not valid: domain is not running"),
        (
            INACTIVE,
            RNG,
            DeviceModify.FORCE,
            8,
            "unsupported flags (0x4) in function simulatorAttachDeviceLiveAndConfig",
        ),
        (INACTIVE, "<frob/>", NEXT, 67, "unsupported configuration: unknown device type 'frob'"),
        (INACTIVE, "<disk><source file='/x'/></disk>", NEXT, 20, "missing target information for device /x"),
        (
            INACTIVE,
            SCREEN,
            NEXT,
            84,
            "Operation not supported: persistent attach of device 'graphics' is not supported",
        ),
        (RUNNING, SCREEN, NOW, 84, "Operation not supported: live attach of device 'graphics' is not supported"),
        (
            RUNNING,
            "<sound model='ich6'/>",
            NOW,
            84,
            "Operation not supported: live attach of device 'sound' is not supported",
        ),
        (RUNNING, FOLDER, NOW, 84, "Operation not supported: only virtiofs filesystems can be hotplugged"),
        (RUNNING, disk("vda", "/other"), NOW, 27, "XML error: target 'vda' duplicated for disk sources"),
        (
            RUNNING,
            disk("vdb", "/images/vda.qcow2"),
            NOW,
            1,
            "internal error: unable to execute QEMU command 'blockdev-add': Failed to get \"write\" lock",
        ),
        (
            RUNNING,
            disk("hdb").replace("bus='virtio'", "bus='ide'"),
            NOW,
            1,
            "internal error: unable to execute QEMU command 'device_add': Bus 'ide.0' does not support hotplugging",
        ),
    ],
)
def test_what_cannot_be_attached(
    host: SimulatorDriver, state: str, device: str, flags: DeviceModify, number: int, message: str
) -> None:
    put(host, state, definition(disk("vda"), CONTROLLER, FOLDER, CHANNEL, more=ACPI))
    before = live(host), config(host)

    with refusal(number, message):
        host.attach_device(UUID, device, flags)
    assert (live(host), config(host)) == before


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (disk("vdb"), "unable to execute QEMU command 'device_add': Bus 'pci.0' does not support hotplugging"),
        (CARD, "unable to execute QEMU command 'device_add': Bus 'pci.0' does not support hotplugging"),
        (CHANNEL, "no virtio-serial controllers are available"),
    ],
)
def test_a_machine_without_acpi_has_no_hotplug(host: SimulatorDriver, device: str, message: str) -> None:
    put(host, RUNNING)

    with refusal(1, f"internal error: {message}"):
        host.attach_device(UUID, device, NOW)
    with refusal(
        1, "internal error: unable to execute QEMU command 'device_del': Bus 'pci.0' does not support hotplugging"
    ):
        host.detach_device(UUID, plain("vda"), NOW)
    host.attach_device(UUID, device, NEXT)


@pytest.mark.parametrize(
    ("device", "flags", "number", "message"),
    [
        (plain("vdz"), NEXT, 99, "device not found: no target device vdz"),
        (plain("vdz"), NOW, 99, "device not found: disk vdz not found"),
        (plain("vdz"), BOTH, 99, "device not found: no target device vdz"),
        (RNG, NEXT, 99, "device not found: no matching RNG device was found"),
        (CHANNEL, NOW, 99, "device not found: chr type 'channel' device not present in domain configuration"),
        (
            CARD,
            NOW,
            99,
            (
                "device not found: no device found at address '(<null>)' matching MAC address '52:54:00:00:00:01'"
                " and alias '(<null>)'"
            ),
        ),
        (SCREEN, NOW, 84, "Operation not supported: live detach of device 'graphics' is not supported"),
        (RNG, DeviceModify(64), 8, "unsupported flags (0x40) in function simulatorDetachDeviceLiveAndConfig"),
    ],
)
def test_what_cannot_be_detached(
    host: SimulatorDriver, device: str, flags: DeviceModify, number: int, message: str
) -> None:
    host.start(UUID)

    with refusal(number, message):
        host.detach_device(UUID, device, flags)


def test_a_disk_is_known_by_its_target_alone(host: SimulatorDriver) -> None:
    host.attach_device(UUID, disk("vdb"), NEXT)

    host.detach_device(UUID, disk("vdb", "/quite/another"), NEXT)

    assert "vdb" not in config(host)


def test_of_two_cards_with_one_address_neither_is_meant(host: SimulatorDriver) -> None:
    host.attach_device(UUID, CARD, NEXT)
    host.attach_device(UUID, CARD, NEXT)

    with refusal(9, "operation failed: multiple devices matching MAC address 52:54:00:00:00:01 found"):
        host.detach_device(UUID, CARD, NEXT)
    with refusal(9, "operation failed: multiple matching devices found"):
        host.detach_device(UUID, "<interface type='user'/>", NEXT)


def test_a_card_without_an_address_is_given_one(host: SimulatorDriver) -> None:
    host.attach_device(UUID, "<interface type='user'/>", NEXT)
    host.attach_device(UUID, "<interface type='user'/>", NEXT)

    addresses = re.findall(r"""<mac address=["'](52:54:00(?::[0-9a-f]{2}){3})["']/>""", config(host))
    assert len(set(addresses)) == 2


@pytest.mark.parametrize(
    ("state", "device", "flags", "number"),
    [
        (INACTIVE, disk("vda", "/images/other"), NEXT, 0),
        (INACTIVE, disk("vdz"), NEXT, 8),
        (INACTIVE, CARD, NEXT, 99),
        (INACTIVE, SCREEN, NEXT, 8),
        (INACTIVE, RNG, NEXT, 84),
        (INACTIVE, DRIVE, NOW, 55),
        (INACTIVE, DRIVE, DeviceModify(64), 8),
        (RUNNING, disk("vda"), NOW, 0),
        (RUNNING, disk("vda", "/images/other"), NOW, 67),
        (RUNNING, disk("vda", more="<readonly/>"), NOW, 84),
        (RUNNING, disk("vdz"), NOW, 1),
        (RUNNING, DRIVE.replace("<readonly/>", ""), NOW, 0),
        (RUNNING, SCREEN, NOW, 99),
        (RUNNING, RNG, NOW, 67),
        (RUNNING, DRIVE.replace("<target", "<source file='/images/vda.qcow2'/><target"), NOW, 1),
        (RUNNING, DRIVE.replace("<target", "<source file='/images/cd.iso'/><target"), BOTH, 0),
        (RUNNING, DRIVE.replace("<target", "<source file='/images/cd.iso'/><target"), NOW | DeviceModify.FORCE, 0),
    ],
)
def test_what_of_a_device_can_be_changed(
    host: SimulatorDriver, state: str, device: str, flags: DeviceModify, number: int
) -> None:
    put(host, state, definition(disk("vda"), DRIVE, more=ACPI))

    assert number_of(lambda: host.update_device(UUID, device, flags)) == number
    if number == 0:
        assert device in (live(host) if flags & NOW else config(host))


@pytest.mark.parametrize(
    ("state", "wanted", "number"),
    [
        (INACTIVE, "vda", 55),
        (RUNNING, "vda", 0),
        (PAUSED, "/images/vda.qcow2", 0),
        (RUNNING, "vdz", 8),
        (RUNNING, "hdc", 84),
    ],
)
def test_which_disk_can_be_resized(host: SimulatorDriver, state: str, wanted: str, number: int) -> None:
    put(host, state, definition(disk("vda"), DRIVE))

    assert number_of(lambda: host.block_resize(UUID, wanted, 1 << 30)) == number


def test_an_image_that_was_removed_is_not_plugged_in(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.erase("/images/vdb.qcow2")

    act: Callable[[], None] = lambda: host.attach_device(UUID, disk("vdb"), NOW)  # noqa: E731  asked twice
    assert number_of(act) == 38
    host.make_image("/images/vdb.qcow2")
    assert number_of(act) == 0
