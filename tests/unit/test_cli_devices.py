"""Devices from the command line: the XML that is made of options, and what is found in a domain's own."""

import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.unit.command_line import CommandLine
from tests.unit.test_http_fake_service import domain

WEB = """\
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>web</name>
  <memory unit='KiB'>1024</memory>
  <vcpu placement='static' current='1'>4</vcpu>
  <devices>
    <disk type='file' device='disk'>
      <source file='/images/web.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='block' device='lun'>
      <source dev='/dev/sdx'/>
      <target dev='sda' bus='scsi'/>
    </disk>
    <disk type='file' device='cdrom'>
      <target dev='sdb' bus='sata'/>
    </disk>
    <interface type='network'>
      <mac address='52:54:00:00:00:01'/>
      <source network='default'/>
      <target dev='vnet0'/>
      <model type='virtio'/>
    </interface>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:02'/>
      <source bridge='br0'/>
    </interface>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:03'/>
      <source bridge='br0'/>
    </interface>
  </devices>
</domain>
"""
DISK = """\
<disk type="file" device="disk">
      <source file="/images/web.qcow2"/>
      <target dev="vda" bus="virtio"/>
    </disk>"""


@pytest.fixture
def line(line: CommandLine) -> CommandLine:
    line.service.known_xml = WEB
    return line


def asked(line: CommandLine) -> list[tuple[Any, ...]]:
    return [each for each in line.service.asked if each[0] == "act"]


WRITTEN = [
    "attach-disk test /a b",
    "attach-disk test /a vdb --driver qemu --subdriver qcow2 --cache none --io native --iothread 1 --targetbus virtio",
    "attach-disk test /a sdc --type cdrom --mode readonly --serial S<1> --rawio --alias ua-x",
    "attach-disk test /a sdc --mode shareable --wwn 5000c50015ea71aa",
    "attach-disk test /dev/x sdc --sourcetype block",
    (
        "attach-disk test p/i sdc --sourcetype network --source-protocol nbd --source-host-name h:1 "
        "--source-host-transport tcp"
    ),
    "attach-disk test p/i sdc --source-protocol nbd --source-host-transport unix --source-host-socket /s",
    "attach-disk test p/i sdc --source-protocol rbd",
    "attach-disk test /a vdb --address pci:0000.00.1f.2 --multifunction",
    "attach-disk test /a vdb --address ccw:0xfe.0.0001",
    "attach-disk test /a sda --address scsi:1.2.3",
    "attach-disk test /a sda --address sata:0.0.1",
    "attach-disk test /a sda --address usb:1.2",
    "attach-disk test /a hda --address ide:0.1.0",
    "attach-interface test network default",
    "attach-interface test network default --mac 52:54:00:00:00:01 --model virtio --target v0 --script /s --alias ua-n",
    "attach-interface test network default --inbound 1,2,3 --outbound 4 --managed",
    "attach-interface test network default --inbound 1,,3,4",
    "attach-interface test bridge br0",
    "attach-interface test direct eth0",
    "attach-interface test hostdev 0000:00:1f.2 --managed",
    "attach-interface test vhostuser /s --source-mode client",
]


@pytest.mark.parametrize("words", WRITTEN)
def test_devices_are_written_as_virsh_writes_them(line: CommandLine, words: str) -> None:
    if shutil.which("virsh") is None:
        pytest.skip("virsh is not installed (Debian: libvirt-clients)")
    ran = subprocess.run(
        ["virsh", "-c", "test:///default", *words.split(), "--print-xml"], capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        pytest.skip(f"this virsh cannot do so: {ran.stderr}")
    done = line.run(*words.split(), "--print-xml")
    # virsh does not escape what is not in an attribute.
    assert done.out.replace("&lt;", "<").replace("&gt;", ">") == ran.stdout
    assert (done.code, line.service.asked) == (0, [])


def test_a_disk_is_attached_by_the_xml_that_is_written(line: CommandLine) -> None:
    done = line.run("attach-disk", "web", "/a<&'\">", "vdb", "--live")
    assert (done.code, done.out) == (0, "Disk attached successfully\n\n")
    xml = "<disk type='file'>\n  <source file='/a&lt;&amp;&apos;&quot;&gt;'/>\n  <target dev='vdb'/>\n</disk>\n"
    assert asked(line) == [("act", "web", None, "attach-device", {"xml": xml, "live": True})]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("attach-disk web p vdb --sourcetype foo", "Unknown source type: 'foo'"),
        ("attach-disk web p vdb --mode foo", "No support for foo in command 'attach-disk'"),
        ("attach-disk web p vdb --wwn 1", "Malformed wwn: 1"),
        ("attach-disk web p vdb --address foo", "Invalid address."),
        ("attach-disk web p vdb --address sata:1.2.3", "expecting a pci:0000.00.00.00 or ccw:00.0.0000 address."),
        (
            "attach-disk web p sda --address ide:1.2.3",
            "expecting a scsi:00.00.00 or usb:00.00 or sata:00.00.00 address.",
        ),
        ("attach-disk web p hda --address scsi:1.2.3", "expecting an ide:00.00.00 address."),
        ("attach-disk web p vdb --sourcetype network", "--source-protocol option requires --sourcetype network"),
        (
            "attach-disk web p vdb --source-host-name h",
            "Option --source-protocol is required by option --source-host-name",
        ),
        ("attach-interface web user x", "No support for user in command 'attach-interface'"),
        ("attach-interface web direct e --source-mode vepa", "Invalid source mode: vepa"),
        ("attach-interface web vhostuser /s", "source-mode is mandatory"),
        ("attach-interface web hostdev pci_0_0", "cannot parse pci address 'pci_0_0' for network interface"),
        ("attach-interface web network n --inbound x", "field 'average' is malformed"),
        ("attach-interface web network n --inbound 1,2,3,4,5", "Rate string '1,2,3,4,5' has too many fields"),
        ("attach-interface web network n --inbound ,1", "either inbound average or floor is mandatory"),
        ("attach-interface web network n --outbound 0", "outbound average is mandatory"),
        ("attach-interface web network n --outbound 1,2,3,4", "outbound floor is unsupported yet"),
    ],
)
def test_what_makes_no_device_is_refused_in_virshs_words(line: CommandLine, words: str, said: str) -> None:
    done = line.run(*words.split())
    assert (done.code, done.last, line.service.asked) == (2, f"error: {said} [8]", [])


@pytest.mark.parametrize(
    ("verb", "done", "failed"),
    [
        ("attach-device", "Device attached successfully", "Failed to attach device from {}"),
        ("detach-device", "Device detached successfully", "Failed to detach device from {}"),
        ("update-device", "Device updated successfully", "Failed to update device from {}"),
    ],
)
def test_a_device_may_be_given_by_its_xml(line: CommandLine, tmp_path: Path, verb: str, done: str, failed: str) -> None:
    file = tmp_path / "disk.xml"
    file.write_text("<disk/>")
    assert line.run(verb, "web", str(file), "--config").out == f"{done}\n\n"
    assert asked(line) == [("act", "web", None, verb, {"xml": "<disk/>", "config": True})]
    line.service.outcome = {"state": "failed", "error": {"code": 9, "message": "operation failed: no"}}
    assert line.run(verb, "web", str(file)).err.splitlines()[0] == f"error: {failed.format(file)}"


@pytest.mark.parametrize(("id", "flags"), [(1, {"live": True, "config": True}), (None, {"config": True})])
def test_persistent_is_live_too_where_the_domain_runs(
    line: CommandLine, tmp_path: Path, id: int | None, flags: dict[str, bool]
) -> None:
    file = tmp_path / "disk.xml"
    file.write_text("<disk/>")
    line.service.known_domains = [domain("web", id=id)]
    words = ("update-device", "web", str(file), "--persistent", "--force", "--request-id", str(uuid4()))
    line.run(*words)
    assert asked(line)[0][4] == {"xml": "<disk/>", "force": True, **flags}
    line.service.known_domains = [domain("web", id=None if id else 1)]
    assert line.run(*words).code == 0
    assert len(asked(line)) == 1


@pytest.mark.parametrize("which", ["vda", "/images/web.qcow2"])
def test_a_disk_is_detached_by_the_xml_it_has(line: CommandLine, which: str) -> None:
    assert line.run("detach-disk", "web", which, "--print-xml").out == DISK + "\n"
    assert line.run("detach-disk", "web", which).out == "Disk detached successfully\n\n"
    assert asked(line) == [("act", "web", None, "detach-device", {"xml": DISK})]


def test_a_disk_that_is_not_there_is_told_in_virshs_words(line: CommandLine) -> None:
    done = line.run("detach-disk", "web", "vdz")
    assert (done.code, done.err) == (1, "error: No disk found whose source path or target is vdz [8]\n")


def test_a_disk_that_was_detached_under_a_request_id_is_not_looked_for_again(line: CommandLine) -> None:
    words = ("detach-disk", "web", "vda", "--request-id", str(uuid4()))
    first = line.run(*words)
    line.service.known_xml = WEB.replace("vda", "vdb").replace("/images/web.qcow2", "/elsewhere")
    assert line.run(*words) == first
    assert len(asked(line)) == 1


def test_with_config_alone_the_persistent_definition_is_what_counts(line: CommandLine) -> None:
    line.run("detach-disk", "web", "vda", "--config")
    assert line.service.asked[0] == ("domain_xml", "web", None, True, False)
    line.service.asked.clear()
    line.run("detach-disk", "web", "vda", "--live", "--config")
    assert line.service.asked[0] == ("domain_xml", "web", None, False, False)


def test_an_interface_is_detached_by_the_xml_it_has(line: CommandLine) -> None:
    done = line.run("detach-interface", "web", "bridge", "--mac", "52:54:00:00:00:03")
    assert (done.code, done.out) == (0, "Interface detached successfully\n\n")
    assert "52:54:00:00:00:03" in asked(line)[0][4]["xml"]
    assert line.run("detach-interface", "web", "network").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("user", "No interface found whose type is user"),
        ("bridge", "Domain has 2 interfaces. Please specify which one to detach using --mac"),
        ("bridge --mac 52:54:00:00:00:01", "No interface with MAC address 52:54:00:00:00:01 was found"),
    ],
)
def test_an_interface_that_is_not_told_apart_is_refused_in_virshs_words(
    line: CommandLine, words: str, said: str
) -> None:
    done = line.run("detach-interface", "web", *words.split())
    assert done.err.splitlines() == ["error: Failed to detach interface", f"error: {said} [8]"]
    assert (done.code, asked(line)) == (1, [])


def test_disks_are_listed_as_virsh_lists_them(line: CommandLine) -> None:
    assert line.run("domblklist", "web").out == (
        " Target   Source\n"
        "-----------------------------\n"
        " vda      /images/web.qcow2\n"
        " sda      /dev/sdx\n"
        " sdb      -\n"
        "\n"
    )
    assert line.run("domblklist", "web", "--details", "--inactive").out.splitlines()[:4] == [
        " Type    Device   Target   Source",
        "----------------------------------------------",
        " file    disk     vda      /images/web.qcow2",
        " block   lun      sda      /dev/sdx",
    ]
    assert line.service.asked[-1] == ("domain_xml", "web", None, True, False)


def test_interfaces_are_listed_as_virsh_lists_them(line: CommandLine) -> None:
    assert line.run("domiflist", "web").out.splitlines()[:4] == [
        " Interface   Type      Source    Model    MAC",
        "-------------------------------------------------------------",
        " vnet0       network   default   virtio   52:54:00:00:00:01",
        " -           bridge    br0       -        52:54:00:00:00:02",
    ]
