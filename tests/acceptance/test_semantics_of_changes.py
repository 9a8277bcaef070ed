"""Changing what a real guest is made of, now and for its next start (libvirt-semantics 2.3),
while it goes on counting.
"""

from pathlib import Path
from xml.sax.saxutils import quoteattr

from lxml import etree

from tests.acceptance.counting import REAL, CountingGuest, LedHost
from tests.lab import images
from tests.lab.guest import build_empty_image

pytestmark = REAL

NAMESPACE = "https://example.org/inventory"


SCSI = "<controller type='scsi' index='0' model='virtio-scsi'/>"
"""A bus on which devices come and go without the guest's help, which this one could not give."""


def second_disk(guest: CountingGuest) -> tuple[Path, Path]:
    """An empty image, and the file with the XML of a disk that it is."""
    image = build_empty_image(guest.on.path(f"{guest.name}-second.qcow2"))
    file = image.with_suffix(".xml")
    file.write_text(f"""
        <disk type='file' device='disk'>
          <driver name='qemu' type='qcow2'/>
          <source file={quoteattr(str(image))}/>
          <target dev='sda' bus='scsi'/>
        </disk>""")
    return image, file


def disks(guest: CountingGuest, *, inactive: bool = False) -> list[str | None]:
    return [target.get("dev") for target in guest.definition(inactive=inactive).iterfind("devices/disk/target")]


def test_a_disk_is_attached_and_detached_now_and_for_the_next_start(led: LedHost) -> None:
    with led.guest("devices", devices=SCSI) as guest:
        image, file = second_disk(guest)
        since = guest.counter.position()

        led.product.ok("attach-device", guest.name, str(file), "--live")
        assert (disks(guest), disks(guest, inactive=True)) == (["vda", "sda"], ["vda"])
        assert str(image) in guest.virsh("domblklist")
        led.product.ok("attach-device", guest.name, str(file), "--config")
        assert disks(guest, inactive=True) == ["vda", "sda"]
        guest.take("both")
        assert (guest.tags(), images.tags(image)) == (["both"], ["both"])

        led.product.ok("detach-device", guest.name, str(file), "--live")
        assert (disks(guest), disks(guest, inactive=True)) == (["vda"], ["vda", "sda"])
        assert str(image) not in guest.virsh("domblklist")
        led.product.ok("detach-device", guest.name, str(file), "--config")
        assert disks(guest, inactive=True) == ["vda"]
        guest.counter.wait_until_goes_on(since=since)

        guest.revert("both")
        assert disks(guest) == disks(guest, inactive=True) == ["vda", "sda"], "it had both of them then"


def test_what_is_for_the_next_start_changes_nothing_before(led: LedHost) -> None:
    with led.guest("config") as guest:
        since = guest.counter.position()

        led.product.ok("setmaxmem", guest.name, "32M", "--config")
        led.product.ok("setmem", guest.name, "24M", "--config")
        led.product.ok("setvcpus", guest.name, "3", "--config", "--maximum")
        led.product.ok("setvcpus", guest.name, "2", "--config")
        led.product.ok("desc", guest.name, "--config", "the one that counts")
        led.product.ok("desc", guest.name, "--config", "--title", "Counter")

        assert what_it_is(guest) == ("16384", "16384", "1", None, None)
        assert what_it_is(guest, inactive=True) == ("32768", "24576", "2", "the one that counts", "Counter")
        guest.counter.wait_until_goes_on(since=since)
        assert "active domain" in guest.refused(55, "setmaxmem", size_kib=65536, live=True)

        guest.do("destroy")
        guest.do("start")

        # Without a balloon it has all there may be.
        assert what_it_is(guest) == ("32768", "32768", "2", "the one that counts", "Counter")
        guest.counter.wait_until_advances()


def what_it_is(guest: CountingGuest, *, inactive: bool = False) -> tuple[str | None, ...]:
    """Most memory and memory in KiB, processors, description and title; Revisor and libvirt say the same."""
    ours = guest.definition(inactive=inactive)
    theirs = etree.fromstring(guest.virsh("dumpxml", *(["--inactive"] if inactive else [])))

    def said(xml: etree._Element) -> tuple[str | None, ...]:
        vcpu = xml.find("vcpu")
        assert vcpu is not None
        vcpus = vcpu.get("current", vcpu.text)
        memory = [xml.findtext(name) for name in ("memory", "currentMemory")]
        return (*memory, vcpus, xml.findtext("description"), xml.findtext("title"))

    assert said(ours) == said(theirs)
    return said(ours)


def test_a_definition_given_while_it_runs_waits_for_the_next_start(led: LedHost) -> None:
    with led.guest("pending") as guest:
        since = guest.counter.position()

        led.product.define(guest.xml.replace(">16</memory>", ">32</memory>"), "system")

        assert (what_it_is(guest)[0], what_it_is(guest, inactive=True)[0]) == ("16384", "32768")
        guest.counter.wait_until_goes_on(since=since)
        guest.take("between")
        guest.do("destroy")
        guest.do("start")
        assert what_it_is(guest)[0] == "32768"
        guest.counter.wait_until_advances()

        # Both come back: what the guest was, and what it was to be.
        guest.revert("between")
        assert (what_it_is(guest)[0], what_it_is(guest, inactive=True)[0]) == ("16384", "32768")


def test_metadata_of_ones_own_is_written_into_a_running_guest_and_removed(led: LedHost) -> None:
    with led.guest("metadata") as guest:
        since = guest.counter.position()
        words = ("metadata", guest.name, "--uri", NAMESPACE)

        led.product.ok(*words, "--key", "inventory", "--set", "<rack unit='7'/>", "--live", "--config")

        assert owned(guest) == owned(guest, inactive=True) == {"unit": "7"}
        assert "unit" in led.product.ok(*words)
        led.product.ok(*words, "--remove", "--config")
        assert owned(guest) == {"unit": "7"}
        assert owned(guest, inactive=True) is None
        led.product.ok(*words, "--remove", "--live")
        assert owned(guest) is None
        guest.counter.wait_until_goes_on(since=since)


def owned(guest: CountingGuest, *, inactive: bool = False) -> dict[str, str] | None:
    found = guest.definition(inactive=inactive).find(f"metadata/{{{NAMESPACE}}}rack")
    return None if found is None else {str(key): str(value) for key, value in found.attrib.items()}


def test_the_disk_of_a_running_guest_grows(led: LedHost) -> None:
    with led.guest("grown") as guest:
        since, larger = guest.counter.position(), 24 * 1024 * 1024

        led.product.ok("blockresize", guest.name, "vda", "24M")

        assert images.size_bytes(guest.image) == larger
        guest.counter.wait_until_goes_on(since=since)
        led.product.ok("blockresize", guest.name, str(guest.image), "25165824B")
        guest.do("destroy")
        guest.refused(55, "blockresize", disk="vda", size_bytes=2 * larger)
        assert images.is_sound(guest.image)


def test_a_reset_is_a_boot_of_the_same_process(led: LedHost) -> None:
    with led.guest("reset") as guest:
        guest.count_apart()
        since, hypervisor = guest.counter.position(), guest.shown()["id"]

        led.product.ok("reset", guest.name)

        guest.boots(since=since)
        assert guest.shown()["id"] == hypervisor
        assert guest.facts()[-1] == "domain.reset"


def test_a_guest_is_suspended_where_it_is_and_resumed_there(led: LedHost) -> None:
    with led.guest("suspended") as guest:
        led.product.ok("suspend", guest.name)
        assert guest.state == ("paused", "user")
        stopped_at = guest.counter.position()
        led.product.ok("suspend", guest.name)

        led.product.ok("resume", guest.name)

        assert guest.state == ("running", "unpaused")
        guest.counter.wait_until_goes_on(since=stopped_at)
        assert "already running" in guest.refused(55, "resume")
        led.product.ok("autostart", guest.name)
        assert guest.shown()["autostart"]
        assert "enable" in guest.virsh("dominfo")
        led.product.ok("autostart", guest.name, "--disable")
        assert not guest.shown()["autostart"]
