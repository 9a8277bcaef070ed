"""Dump the golden files of tests/golden/ from a real libvirt: a rich QEMU domain and two snapshots of it.

The XML modules are tested against what libvirt really writes. The files are kept so that those tests need no
hypervisor, and made again by ``python -m tests.lab golden`` when a newer libvirt is to be followed. Names and paths in
them are neutral: the images lie in the host's own /var/lib/libvirt.
"""

from pathlib import Path

from tests.lab.guest import Counter, build_counter_image, build_empty_image, domain_xml
from tests.lab.hosts import LibvirtHost

GOLDEN = Path(__file__).parents[1] / "golden"
NAME = "ledger"
UUID = "5e3cbd0a-93f6-4b70-a4f6-8b7d1f0c2a11"
PASSWORD = "fixture1"  # Planted, so that tests can look for it where it must not be. VNC takes 8 characters.
IMAGES = "/var/lib/libvirt/images"

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
    """Define the domain on ``host``, snapshot it offline and running, write the three SECURE dumps; return their paths."""
    images = host.root / "lib" / "images"
    images.mkdir(exist_ok=True)
    build_counter_image(images / "ledger.qcow2")
    build_empty_image(images / "ledger-data.qcow2")
    definition = host.root / "ledger.xml"
    definition.write_text(rich_domain_xml(), encoding="utf-8")
    host.virsh("define", str(definition))
    host.virsh("snapshot-create-as", NAME, "installed", "Before the first start.\nZweite Zeile: größer & <schöner>")
    host.virsh("start", NAME)
    Counter(images / "ledger.log").wait_until_advances()
    host.virsh("snapshot-create-as", NAME, "counting", "While it runs")
    dumps = {
        "qemu-domain.xml": ("dumpxml", NAME, "--inactive", "--security-info"),
        "qemu-snapshot-offline.xml": ("snapshot-dumpxml", NAME, "installed", "--security-info"),
        "qemu-snapshot-running.xml": ("snapshot-dumpxml", NAME, "counting", "--security-info"),
    }
    folder.mkdir(exist_ok=True)
    for file, command in dumps.items():
        # As virsh is quiet, it prints libvirt's answer and nothing more.
        (folder / file).write_text(host.virsh(*command), encoding="utf-8")
    return [folder / file for file in dumps]
