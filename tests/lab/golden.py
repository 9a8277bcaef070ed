"""Dump the golden files of tests/golden/ from a real libvirt:
a rich QEMU domain and two snapshots of it, and one domain or snapshot for each thing that can stand in one.

The XML modules are tested against what libvirt really writes. The files are kept so that those tests need no
hypervisor, and made again by ``python -m tests.lab golden`` when a newer libvirt is to be followed. Names and paths in
them are neutral: the images lie in the host's own /var/lib/libvirt.
"""

from pathlib import Path

from tests.lab.golden_disks import DISKS
from tests.lab.golden_machines import IMAGES, MACHINES, PASSWORD
from tests.lab.golden_snapshots import SNAPSHOTS, Metadata
from tests.lab.guest import Counter, build_counter_image, build_empty_image, domain_xml
from tests.lab.hosts import LibvirtHost

GOLDEN = Path(__file__).parents[1] / "golden"
NAME = "ledger"
UUID = "5e3cbd0a-93f6-4b70-a4f6-8b7d1f0c2a11"
_FIRST_SNAPSHOT = 101  # of the numbers that their domains' UUIDs are made of

_HEAD = """\
  <title>Ledger &amp; archive</title>
  <description>Первая строка: the ledger of Größe &lt; 3
  second line, indented — with a dash
last line with "quotes" and an ampersand: &amp;</description>
  <metadata>
    <shop:order xmlns:shop="urn:example:shop" id="42">
      <shop:owner>Ana María</shop:owner>
    </shop:order>
    <note xmlns="urn:example:notes">keep
this</note>
  </metadata>
"""

_DEVICES = f"""\
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
      <source file='{IMAGES}/ledger-data.qcow2'/>
      <target dev='vdb' bus='virtio'/>
      <serial>LEDGER-DATA</serial>
    </disk>
    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='{PASSWORD}'/>
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>
    <rng model='virtio'>
      <backend model='random'>/dev/urandom</backend>
    </rng>
"""


def rich_domain_xml() -> str:
    """The counter guest with one of everything that a definition has to survive a replay with."""
    plain = domain_xml(NAME, UUID, f"{IMAGES}/ledger.qcow2", f"{IMAGES}/ledger.log", memory_mib=32)
    after_uuid = f"</uuid>\n{_HEAD}"
    return plain.replace("</uuid>\n", after_uuid).replace("    <controller", f"{_DEVICES}    <controller", 1)


def write_golden_files(host: LibvirtHost, folder: Path = GOLDEN) -> list[Path]:
    """Give ``host`` every document there is, write its SECURE dumps into ``folder`` and return their paths."""
    folder.mkdir(exist_ok=True)
    # As virsh is quiet, it prints libvirt's answer and nothing more.
    dumps = {**_of_a_guest(host), **_of_definitions(host), **_of_snapshots(host)}
    for name, text in dumps.items():
        (folder / f"qemu-{name}.xml").write_text(text, encoding="utf-8")
    return [folder / f"qemu-{name}.xml" for name in dumps]


def _of_a_guest(host: LibvirtHost) -> dict[str, str]:
    """The rich domain, snapshotted off and running."""
    images = host.root / "lib" / "images"
    images.mkdir(exist_ok=True)
    build_counter_image(images / "ledger.qcow2")
    build_empty_image(images / "ledger-data.qcow2")
    _define(host, rich_domain_xml())
    host.virsh("snapshot-create-as", NAME, "installed", "Before the first start.\nZweite Zeile: größer & <schöner>")
    host.virsh("start", NAME)
    Counter(images / "ledger.log").wait_until_advances()
    host.virsh("snapshot-create-as", NAME, "counting", "While it runs")
    return {
        "domain": host.virsh("dumpxml", NAME, "--inactive", "--security-info"),
        "domain-running": host.virsh("dumpxml", NAME, "--security-info"),
        "snapshot-offline": host.virsh("snapshot-dumpxml", NAME, "installed", "--security-info"),
        "snapshot-running": host.virsh("snapshot-dumpxml", NAME, "counting", "--security-info"),
    }


def _of_definitions(host: LibvirtHost) -> dict[str, str]:
    dumps = {}
    for number, (name, machine) in enumerate((MACHINES | DISKS).items(), 1):
        _define(host, machine.text(name, number))
        dumps[f"domain-{name}"] = host.virsh("dumpxml", name, "--inactive", "--security-info")
        host.virsh("undefine", name, "--nvram")
    return dumps


def _of_snapshots(host: LibvirtHost) -> dict[str, str]:
    """None of them was ever taken: libvirt believes metadata it is given."""
    dumps = {}
    for number, (name, metadata) in enumerate(SNAPSHOTS.items(), _FIRST_SNAPSHOT):
        _define(host, metadata.machine.text(name, number))
        definition = host.virsh("dumpxml", name, "--inactive", "--security-info")
        if metadata.below:
            _redefine(host, name, Metadata(metadata.machine, name=metadata.below).text(name, definition))
        _redefine(host, name, metadata.text(name, definition))
        # The one that is current has the name it bears in libvirt, whatever it was escaped to.
        dumps[f"snapshot-{name}"] = host.virsh("snapshot-current", name, "--security-info")
        host.virsh("undefine", name, "--snapshots-metadata", "--nvram")
    return dumps


def _define(host: LibvirtHost, text: str) -> None:
    host.virsh("define", str(_file(host, text)))


def _redefine(host: LibvirtHost, domain: str, text: str) -> None:
    host.virsh("snapshot-create", domain, str(_file(host, text)), "--redefine", "--current")


def _file(host: LibvirtHost, text: str) -> Path:
    file = host.root / "golden.xml"
    file.write_text(text, encoding="utf-8")
    return file
