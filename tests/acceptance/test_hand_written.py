"""XML as people write it: libvirt adds what they left out, and nothing they wrote gets lost on the way.

libvirt's own dumps are replayed to the byte. What it did not write itself it puts into its own order, with defaults;
such a replica agrees as well, and its additions are shown.
"""

from typing import Any
from uuid import uuid4

import pytest
from lxml import etree

from tests.acceptance.product import Item, Product
from tests.acceptance.trees import Replica, replica_on
from tests.lab.hosts import LibvirtHost

pytestmark = pytest.mark.hypervisor

# Devices before the name, double quotes, comments, a CDATA section, and no emulator, addresses, clock or controllers.
MACHINE = """
  <devices>
    <!-- the only disk -->
    <disk device="disk" type="file">
      <target bus="virtio" dev="vda"/>
      <source file="/srv/images/&quot;quoted&quot; &amp; odd.qcow2"/>
      <driver type="qcow2" name="qemu"/>
    </disk>
    <graphics passwd="by'hand" port="-1" type="vnc"/>
    <console type="pty"/>
  </devices>
  <vcpu>2</vcpu>
  <features><apic/><acpi/></features>
  <description><![CDATA[a <b> & "c"]]></description>
  <metadata><mine:note xmlns:mine="urn:example:mine" who="me &amp; you">kept</mine:note></metadata>
  <on_crash>preserve</on_crash>
  <os>
    <boot dev="hd"/>
    <type arch="x86_64">hvm</type>
  </os>
  <memory unit="KiB">65536</memory>
"""
SNAPSHOT = """<?xml version="1.0"?>
<!-- kept by hand -->
<domainsnapshot>
  <domain type="qemu">{machine}<uuid>{uuid}</uuid><name>{name}</name></domain>
  <creationTime>{created}</creationTime>
  {parent}
  <state>shutoff</state>
  <description>{description}</description>
  <name>{snapshot}</name>
</domainsnapshot>
"""


def test_what_was_written_is_read_back_and_what_was_added_is_shown(product: Product, system_host: LibvirtHost) -> None:
    product.up("alpha", system=system_host.uri)
    name, uuid = f"hand-{uuid4().hex[:8]}", str(uuid4())
    definition = f'<domain type="qemu">{MACHINE}<uuid>{uuid}</uuid><name>{name}</name></domain>'
    product.define(definition, "alpha")
    written = {
        "root": snapshot(name, uuid, "root", None, "one\n  two"),
        "child": snapshot(name, uuid, "child", "root", 'with "quotes" &amp; more'),
        "second child": snapshot(name, uuid, "second child", "root", "last"),
    }
    for text in written.values():
        product.act(uuid, "snapshot-create", xml=text, redefine=True)
    product.act(uuid, "snapshot-current", name="child")

    try:
        report = product.json("replay", name, "--to", "system")["items"][0]
        replica = replica_on(system_host.uri, uuid)
    finally:
        system_host.virsh("undefine", name, "--snapshots-metadata")

    assert replica.current == "child"
    assert lost(etree.fromstring(definition), etree.fromstring(replica.definition.encode())) == []
    for snapshot_name, text in written.items():
        found = etree.fromstring(replica.dumps[snapshot_name].encode())
        assert lost(etree.fromstring(text.encode()), found) == []
    assert_additions_are_shown(report, replica)


def snapshot(name: str, uuid: str, snapshot_name: str, parent: str | None, description: str) -> str:
    return SNAPSHOT.format(
        machine=MACHINE,
        uuid=uuid,
        name=name,
        created=1_700_000_000,
        parent="" if parent is None else f"<parent><name>{parent}</name></parent>",
        description=description,
        snapshot=snapshot_name,
    )


def assert_additions_are_shown(report: Item, replica: Replica) -> None:
    shown = {item["name"]: item for item in report["snapshots"]}
    assert sorted(shown) == sorted(replica.dumps)
    for item in shown.values():
        assert item["result"] == "normalised"
        assert item["differences"]
        # Everything is an addition: what was recorded is found as it was.
        assert all(each["recorded"] is None and each["found"] is not None for each in item["differences"]), item
        paths = " ".join(each["path"] for each in item["differences"])
        for added in ("emulator", "clock", "currentMemory", "address"):
            assert added in paths
    assert (report["identical"], report["total"]) == (0, 3)


def lost(written: Any, found: Any, path: str = "") -> list[str]:
    """The elements, attributes and texts of one tree that the other has not, wherever their order puts them."""
    path = f"{path}/{written.tag}"
    missing = [f"{path}/@{key}" for key, value in written.items() if found.get(key) != value]
    if (written.text or "").strip() != (found.text or "").strip():
        missing.append(f"{path}/text()")
    free = list(found)
    for element in written.iterchildren(etree.Element):
        losses = [(lost(element, other, path), other) for other in free if other.tag == element.tag]
        if not losses:
            missing.append(f"{path}/{element.tag}")
            continue
        least, partner = min(losses, key=lambda pair: len(pair[0]))
        free.remove(partner)
        missing += least
    return missing
