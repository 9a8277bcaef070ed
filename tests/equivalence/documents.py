"""The documents both sides are given: written here by hand, or a side's own dump with something changed in it.

Only the standard library is used, for the direct side knows nothing of Revisor.
"""

from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from tests.equivalence.calls import Call, left_out

_DISK = """
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='{folder}/{file}'/>
      <target dev='{target}' bus='virtio'/>
    </disk>"""


def root_of(xml: str) -> ET.Element:
    """The root of a document that libvirt or we wrote."""
    return ET.fromstring(xml)  # noqa: S314


def own(call: Call, folder: str) -> dict[str, Any]:
    """The arguments of a call as the side is to be given them whose files are in ``folder``."""
    arguments = dict(call.arguments)
    match call.verb:
        case "define" | "create":
            described = ("kind", "uuid", "memory_mib")
            xml = domain(call.domain, folder, **{name: arguments[name] for name in described})
            return {**left_out(arguments, *described), "xml": xml}
        case "attach-device" | "detach-device" | "update-device":
            return {**left_out(arguments, "device"), "xml": device(arguments["device"], folder)}
        case "save" | "restore" | "dump":
            return {**arguments, "file": f"{folder}/{arguments['file']}"}
        case _:
            return arguments


def domain(name: str, folder: str, *, uuid: str, kind: str, memory_mib: int) -> str:
    """A definition of the domain type ``kind``:
    a small guest with one disk, which says on a serial port that it runs.
    """
    disk = _DISK.format(folder=folder, file=f"{uuid}.qcow2", target="vda")
    return f"""<domain type={quoteattr(kind)}>
  <name>{escape(name)}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu current='1'>2</vcpu>
  <os>
    <type arch='x86_64'>hvm</type>
    <boot dev='hd'/>
  </os>
  <features><acpi/></features>
  <devices>{disk}
    <controller type='usb' model='none'/>
    <serial type='file'>
      <source path='{folder}/{uuid}.log' append='on'/>
      <target port='0'/>
    </serial>
  </devices>
</domain>
"""


def device(what: str, folder: str) -> str:
    """A second disk, or a network card."""
    if what == "disk":
        return _DISK.format(folder=folder, file="spare.qcow2", target="vdb").strip()
    return "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>"


def snapshot(wanted: dict[str, Any]) -> str:
    """A ``<domainsnapshot>`` to be taken: name, description, memory, and how each disk is covered."""
    said = "".join(f"<{tag}>{escape(wanted[tag])}</{tag}>" for tag in ("name", "description") if wanted.get(tag))
    if wanted.get("memory"):
        said += f"<memory snapshot={quoteattr(wanted['memory'])}/>"
    disks = "".join(f"<disk name={quoteattr(name)} snapshot={quoteattr(how)}/>" for name, how in _pairs(wanted))
    return f"<domainsnapshot>{said}{f'<disks>{disks}</disks>' if disks else ''}</domainsnapshot>"


def checkpoint(name: str) -> str:
    return f"<domaincheckpoint><name>{escape(name)}</name></domaincheckpoint>"


def _pairs(wanted: dict[str, Any]) -> list[tuple[str, str]]:
    return list((wanted.get("disks") or {}).items())


def written(wanted: dict[str, Any], definition: str) -> str:
    """Metadata of a snapshot that never was taken, of a domain with this definition.

    What ``wanted`` gives as None is left out, so that a document can lack what libvirt asks for.
    """
    said = {"state": "shutoff", "creationTime": "1700000000", **wanted}
    lines = [f"<{tag}>{escape(said[tag])}</{tag}>" for tag in ("name", "description", "state") if said.get(tag)]
    if said.get("parent"):
        lines.append(f"<parent><name>{escape(said['parent'])}</name></parent>")
    if said.get("creationTime"):
        lines.append(f"<creationTime>{said['creationTime']}</creationTime>")
    if not said.get("no_domain"):
        root = root_of(definition)
        root.attrib.pop("id", None)
        if said.get("uuid"):
            _child(root, "uuid").text = said["uuid"]
        lines.append(ET.tostring(root, encoding="unicode"))
    return f"<domainsnapshot>{''.join(lines)}</domainsnapshot>"


def changed(wanted: dict[str, Any], dump: str) -> str:
    """A dump with the name, the description, the state or the parent that ``wanted`` says; a parent of None is none."""
    root = root_of(dump)
    for tag in ("name", "description", "state"):
        if wanted.get(tag):
            _child(root, tag).text = wanted[tag]
    if "parent" in wanted:
        for element in root.findall("parent"):
            root.remove(element)
        if wanted["parent"]:
            ET.SubElement(ET.SubElement(root, "parent"), "name").text = wanted["parent"]
    if wanted.get("uuid"):
        _child(root, "domain/uuid").text = wanted["uuid"]
    if wanted.get("no_domain"):
        for element in root.findall("domain"):
            root.remove(element)
    return ET.tostring(root, encoding="unicode")


def _child(root: ET.Element, path: str) -> ET.Element:
    found = root.find(path)
    return ET.SubElement(root, path) if found is None else found
