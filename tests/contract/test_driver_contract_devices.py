"""What a driver promises of devices, checked as in ``test_driver_contract``.

libvirt's test driver has no call for any.
"""

import re
import subprocess
from collections.abc import Callable
from queue import Queue
from uuid import uuid4

import pytest

from domain_model import domain_xml
from domain_model.errors import NotSupported
from domain_model.flags import Affect, DeviceModify
from drivers.port import Watchable
from tests.contract.differences import QEMU, SIMULATOR, TEST
from tests.contract.drivers import Subject, qemu_driver, simulator_driver, subject, test_driver

__all__ = ["qemu_driver", "simulator_driver", "subject", "test_driver"]

NOW, LIVE, CONFIG, FORCE = DeviceModify(0), DeviceModify.LIVE, DeviceModify.CONFIG, DeviceModify.FORCE
BOTH = LIVE | CONFIG
MIB = 1024 * 1024

only_where_there_are_devices = pytest.mark.parametrize("subject", [SIMULATOR, QEMU], indirect=True)


@pytest.mark.parametrize("subject", [TEST], indirect=True)
def test_a_hypervisor_without_these_calls_refuses_them_with_3(subject: Subject) -> None:
    uuid, devices = subject.started(), subject.devices

    calls: list[Callable[[], object]] = [
        lambda: devices.attach_device(uuid, interface(), LIVE),
        lambda: devices.detach_device(uuid, interface(), LIVE),
        lambda: devices.update_device(uuid, interface(), LIVE),
    ]
    for call in calls:
        with pytest.raises(NotSupported) as refusal:
            call()
        assert refusal.value.number == 3


# Disks.


@only_where_there_are_devices
@pytest.mark.parametrize(
    ("flags", "live", "config"), [(NOW, True, False), (LIVE, True, False), (CONFIG, False, True), (BOTH, True, True)]
)
def test_a_disk_comes_and_goes_where_it_was_meant(
    subject: Subject, flags: DeviceModify, *, live: bool, config: bool
) -> None:
    # What is on the bus of USB goes without the guest's consent.
    uuid, stick = subject.started(), disk(subject, "sdb", "usb")

    subject.devices.attach_device(uuid, stick, flags)
    assert (targets(subject.live(uuid)), targets(subject.config(uuid))) == (
        ["vda", "sdb"] if live else ["vda"],
        ["vda", "sdb"] if config else ["vda"],
    )
    # What the definition would become is looked at first, and in another way.
    number = 55 if config else 27
    subject.refuses(number, "attach a disk where one is", subject.devices.attach_device, uuid, stick, flags)

    subject.devices.detach_device(uuid, stick, flags)
    assert (targets(subject.live(uuid)), targets(subject.config(uuid))) == (["vda"], ["vda"])
    subject.refuses(99, "detach a disk that is not there", subject.devices.detach_device, uuid, stick, flags)


@only_where_there_are_devices
def test_without_a_flag_the_devices_of_an_inactive_domain_are_those_of_its_definition(subject: Subject) -> None:
    uuid, stick = subject.defined(), disk(subject, "sdb", "usb")

    subject.devices.attach_device(uuid, stick, NOW)
    assert targets(subject.config(uuid)) == ["vda", "sdb"]
    subject.driver.start(uuid)
    assert targets(subject.live(uuid)) == ["vda", "sdb"]
    subject.driver.destroy(uuid)
    subject.devices.detach_device(uuid, stick, NOW)
    assert targets(subject.config(uuid)) == ["vda"]


@only_where_there_are_devices
@pytest.mark.parametrize("flags", [NOW, CONFIG, BOTH])
def test_the_medium_of_a_drive_can_be_changed(subject: Subject, flags: DeviceModify) -> None:
    drive = cdrom(subject, "a.iso")
    uuid = subject.started(devices=drive)

    subject.devices.update_device(uuid, drive.replace("a.iso", "b.iso"), flags)

    live, config = {0: ("b", "a"), 2: ("a", "b"), 3: ("b", "b")}[flags]
    assert f"/{live}.iso" in subject.live(uuid)
    assert f"/{config}.iso" in subject.config(uuid)
    subject.devices.update_device(uuid, drive.replace("a.iso", "b.iso"), flags | FORCE)


# Interfaces.


@only_where_there_are_devices
def test_an_interface_is_known_by_its_address(subject: Subject) -> None:
    uuid, card = subject.defined(), interface()

    subject.devices.attach_device(uuid, card, CONFIG)
    assert subject.config(uuid).count("<interface ") == 1
    subject.devices.update_device(uuid, card.replace("/></interface>", "/><link state='down'/></interface>"), CONFIG)
    assert "<link state='down'/>" in subject.config(uuid)
    subject.devices.detach_device(uuid, card, CONFIG)
    assert subject.config(uuid).count("<interface ") == 0
    subject.refuses(99, "update an interface that is not there", subject.devices.update_device, uuid, card, CONFIG)
    subject.refuses(99, "detach an interface that is not there", subject.devices.detach_device, uuid, card, CONFIG)


@only_where_there_are_devices
def test_two_interfaces_may_have_one_address_and_then_neither_is_meant(subject: Subject) -> None:
    uuid, card = subject.defined(), interface()
    subject.devices.attach_device(uuid, card, CONFIG)
    subject.devices.attach_device(uuid, card, CONFIG)

    assert subject.config(uuid).count("<interface ") == 2
    subject.refuses(9, "detach one of two interfaces alike", subject.devices.detach_device, uuid, card, CONFIG)


@only_where_there_are_devices
def test_the_link_of_a_running_interface_can_be_cut(subject: Subject) -> None:
    card = interface()
    uuid = subject.started(devices=card)

    subject.devices.update_device(uuid, card.replace("/></interface>", "/><link state='down'/></interface>"), LIVE)

    assert "<link state='down'/>" in subject.live(uuid)
    assert "<link state='down'/>" not in subject.config(uuid)


# Refusals.


@only_where_there_are_devices
def test_a_change_of_devices_that_cannot_be_is_refused_and_changes_nothing(subject: Subject) -> None:
    devices, off, on, passing = subject.devices, subject.defined(), subject.started(), subject.created()
    stick, card, domains = disk(subject, "sdb", "usb"), interface(), (off, on, passing)
    before = [subject.config(uuid) for uuid in domains]

    for change in (devices.attach_device, devices.detach_device, devices.update_device):
        for uuid, flags in ((off, LIVE), (off, BOTH), (passing, CONFIG), (passing, BOTH)):
            for device in (stick, card):
                subject.refuses(
                    55,
                    "device of a definition that is not there",
                    change,
                    uuid,
                    device,
                    flags,
                )
    for number, what, change, uuid, device, flags in (
        (8, "attach by force", devices.attach_device, on, stick, FORCE),
        (8, "detach by force", devices.detach_device, on, stick, FORCE),
        (35, "device that is not well-formed", devices.attach_device, off, "<disk", CONFIG),
        (67, "device of no known kind", devices.attach_device, off, "<teapot/>", CONFIG),
        (55, "second disk of a name", devices.attach_device, off, disk(subject, "vda", "virtio"), CONFIG),
        (8, "update a disk that is not there", devices.update_device, off, stick, CONFIG),
        (67, "update the source of a disk", devices.update_device, on, disk(subject, "vda", "virtio"), LIVE),
    ):
        subject.refuses(number, what, change, uuid, device, flags)
    assert [subject.config(uuid) for uuid in domains] == before


# Sizes.


@only_where_there_are_devices
def test_a_disk_of_a_running_domain_grows_and_shrinks(subject: Subject) -> None:
    uuid = subject.started()
    image = re.search(r"<source file='([^']+)'", subject.live(uuid))
    assert image is not None

    for disk_name, size in (("vda", 2 * MIB), (image[1], 3 * MIB), ("vda", MIB)):
        subject.devices.block_resize(uuid, disk_name, size)
        if subject.kind == QEMU:
            shown = subprocess.run(
                ["qemu-img", "info", "-U", image[1]], check=True, capture_output=True, text=True
            ).stdout
            assert f"({size} bytes)" in shown


@only_where_there_are_devices
def test_a_disk_that_cannot_be_resized_is_refused(subject: Subject) -> None:
    on, off = subject.started(devices=cdrom(subject, "a.iso")), subject.defined()

    for number, what, uuid, name in (
        (55, "resize while inactive", off, "vda"),
        (55, "resize no known disk while inactive", off, "vdx"),
        (8, "resize no known disk", on, "vdx"),
        (84, "resize a disk that is read only", on, "hdc"),
    ):
        subject.refuses(number, what, subject.devices.block_resize, uuid, name, MIB)


# Hints.


@pytest.mark.parametrize("subject", [QEMU], indirect=True)  # the test driver has no devices, the simulator no hints
def test_a_driver_tells_of_devices_media_and_words_that_change(subject: Subject) -> None:
    drive, stick = cdrom(subject, "a.iso"), disk(subject, "sdb", "usb")
    uuid = subject.started(devices=drive)
    heard: Queue[str] = Queue()
    assert isinstance(subject.driver, Watchable)
    subject.driver.watch(heard.put)
    changes: list[Callable[[], object]] = [
        lambda: subject.devices.attach_device(uuid, stick, LIVE),
        lambda: subject.devices.detach_device(uuid, stick, LIVE),
        lambda: subject.tuning.set_title(uuid, "a title", Affect.LIVE),
        lambda: subject.devices.update_device(uuid, drive.replace("a.iso", "b.iso"), LIVE),
    ]

    for change in changes:
        change()
        assert heard.get(timeout=10) == uuid


# What the tests above are made of.


def disk(subject: Subject, target: str, bus: str) -> str:
    """A disk with a new image."""
    image = subject.folder / f"{uuid4()}.qcow2"
    if subject.kind == QEMU:
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "1M"], check=True)
    return (
        f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{image}'/>"
        f"<target dev='{target}' bus='{bus}'/></disk>"
    )


def cdrom(subject: Subject, medium: str) -> str:
    """A drive with one of the media a.iso and b.iso."""
    for name in ("a.iso", "b.iso"):
        (subject.folder / name).write_bytes(bytes(2048))
    return (
        f"<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{subject.folder}/{medium}'/>"
        "<target dev='hdc' bus='ide'/><readonly/></disk>"
    )


def interface() -> str:
    digits = uuid4().hex
    return (
        f"<interface type='user'><mac address='52:54:00:{digits[0:2]}:{digits[2:4]}:{digits[4:6]}'/>"
        "<model type='virtio'/></interface>"
    )


def targets(text: str) -> list[str]:
    return [disk.target for disk in domain_xml.read(text).disks]
