"""What a domain's XML says, as far as anybody decides by it, and the one thing Revisor writes into it: its UUID.

Everything not named here stays in the text and goes to the hypervisor as it came.
"""

import re
from dataclasses import dataclass

from lxml import etree

from domain_model import xml, xml_edits
from domain_model.errors import ConfigUnsupported, InvalidArgument, MalformedXml, Refused

# virUUIDParse: dashes may stand before any pair of digits, white space around the whole.
_UUID = re.compile(r"\s*((?:-*[0-9a-fA-F]{2}){16})\s*", re.ASCII)
_NUMBER = re.compile(r"\s*([0-9]{1,20})", re.ASCII)

# virScaleInteger: IEC by default, and SI with a B.
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
_SOURCES = {"file": "file", "block": "dev", "dir": "dir", "network": "name", "volume": "volume"}
"""Where the source of a disk is named, by the disk's type."""


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk of a domain."""

    target: str
    """The name the guest is to use, such as ``vda``; snapshots call the disk so."""
    device: str = "disk"
    type: str = "file"
    source: str | None = None
    """File, block device, folder, volume or name in the network; None for an empty drive."""
    format: str | None = None
    snapshot: str | None = None
    """What a snapshot does with it unless told otherwise."""
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class DomainDefinition:
    """The part of a domain's definition that Revisor reads."""

    name: str
    type: str
    uuid: str | None = None
    """Lower case and dashed, whichever way it was written."""
    title: str | None = None
    description: str | None = None
    memory_kib: int | None = None
    current_memory_kib: int | None = None
    vcpus: int = 1
    current_vcpus: int = 1
    os_type: str | None = None
    arch: str | None = None
    disks: tuple[Disk, ...] = ()
    nvram: str | None = None
    """The file in which the firmware keeps its variables."""


def read(text: str, *, root: str = "domain") -> DomainDefinition:
    """Read a definition; ``root`` is ``inactiveDomain`` for the second one in a snapshot.

    Raises, in libvirt's order: MalformedXml (27) for what is no domain, Refused for no name (21), a UUID that is none
    and no type (1), 27 for sizes that are no numbers, 8 for an unknown unit, 27 for '/' in the name, 35 for a line
    break.
    """
    return definition(xml.parse(text, root=root))


def definition(domain: etree._Element) -> DomainDefinition:
    """Read a definition from its element; raises as ``read`` does."""
    name = xml.content(domain.find("name"))
    if name is None:
        raise Refused("missing name information", field="name", accepted="a name", number=21)
    uuid = xml.content(domain.find("uuid"))
    normal = None if uuid is None else _uuid(uuid)
    kind = domain.get("type")
    if not kind:
        raise Refused("internal error: missing domain type attribute", field="type", number=1)
    memory = size_kib(domain.find("memory"))
    current = size_kib(domain.find("currentMemory"))
    vcpus = _vcpus(domain)
    _check_name(name)
    os_type = domain.find("os/type")
    return DomainDefinition(
        name=name,
        type=kind,
        uuid=normal,
        title=xml.content(domain.find("title")),
        description=xml.content(domain.find("description")),
        memory_kib=memory,
        current_memory_kib=memory if current is None else current,
        vcpus=vcpus[0],
        current_vcpus=vcpus[1],
        os_type=xml.content(os_type),
        arch=None if os_type is None else os_type.get("arch"),
        disks=tuple(_disk(disk) for disk in domain.findall("devices/disk")),
        nvram=xml.content(domain.find("os/nvram")),
    )


def with_uuid(text: str, uuid: str) -> str:
    """Give the domain the UUID ``uuid``: written after its name, or into an empty ``<uuid/>``; nothing else changes.

    A text that already has this UUID comes back as it is. Raises InvalidArgument (8) if it has another one, and
    otherwise as ``read`` does.
    """
    present = read(text).uuid
    if present is not None:
        if present != normalised_uuid(uuid):
            raise InvalidArgument(
                f"the domain's uuid is {present}, not {xml.shown(uuid)}", field="uuid", value=present, accepted=uuid
            )
        return text
    return xml_edits.with_child(text, "uuid", f"<uuid>{xml.escape(uuid)}</uuid>", root="domain", below=("name",))


def normalised_uuid(text: str) -> str | None:
    """Write a UUID as libvirt does, lower case and dashed; None if it is not one."""
    match = _UUID.fullmatch(text)
    if match is None:
        return None
    digits = match.group(1).replace("-", "").lower()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def size_kib(element: etree._Element | None) -> int | None:
    """Read an amount of memory in KiB, rounded up as libvirt does; None if there is no such element."""
    if element is None:
        return None
    text = xml.content(element) or ""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise MalformedXml(
            f"Invalid value '{xml.shown(text)}' for element or attribute './{element.tag}[1]'",
            field=str(element.tag),
            value=xml.shown(text),
            accepted="a whole number",
        )
    return -(-int(match.group(1)) * _unit(element.get("unit", "KiB")) // 1024)


def _unit(unit: str) -> int:
    word = unit.lower()
    if word in ("b", "byte", "bytes"):
        return 1
    power = _POWERS.get(word[:1])
    if power is None or word[1:] not in ("", "b", "ib"):
        raise InvalidArgument(
            f"unknown suffix '{xml.shown(unit)}'", field="unit", value=xml.shown(unit), accepted="KiB, MiB, GiB, TiB"
        )
    scale: int = (1000 if word[1:] == "b" else 1024) ** power
    return scale


def _check_name(name: str) -> None:
    if "/" in name:
        raise MalformedXml(
            f"name {xml.shown(name)} cannot contain '/'",
            field="name",
            value=xml.shown(name),
            accepted="a name without '/'",
        )
    if "\n" in name:
        raise Refused(
            f"invalid char in name: {xml.shown(name)}",
            field="name",
            value=xml.shown(name),
            accepted="a name of one line",
            number=35,
        )


def _uuid(text: str) -> str:
    uuid = normalised_uuid(text)
    if uuid is None:
        raise Refused(
            f"internal error: malformed uuid element '{xml.shown(text)}'",
            field="uuid",
            value=xml.shown(text),
            accepted="32 hexadecimal digits",
            number=1,
        )
    return uuid


def _vcpus(domain: etree._Element) -> tuple[int, int]:
    """The largest number of virtual CPUs and the present one."""
    element = domain.find("vcpu")
    if element is None:
        return 1, 1
    text = xml.content(element) or ""
    if not _NUMBER.fullmatch(text):
        raise MalformedXml(
            "maximum vcpus count must be an integer", field="vcpu", value=xml.shown(text), accepted="a whole number"
        )
    current = element.get("current", text)
    if not _NUMBER.fullmatch(current):
        raise MalformedXml(
            f"Invalid value for attribute 'current' in element 'vcpu': '{xml.shown(current)}'."
            " Expected non-negative integer value",
            field="vcpu/@current",
            value=xml.shown(current),
            accepted="a whole number",
        )
    if int(text) < int(current):
        raise ConfigUnsupported(
            "maximum vCPU count must not be less than current vCPU count",
            field="vcpu/@current",
            value=current,
            accepted=f"up to {int(text)}",
        )
    return int(text), int(current)


def _disk(disk: etree._Element) -> Disk:
    target = disk.find("target")
    source = disk.find("source")
    driver = disk.find("driver")
    device, kind = disk.get("device", "disk"), disk.get("type", "file")
    attribute = _SOURCES.get(kind)
    return Disk(
        target="" if target is None else target.get("dev", ""),
        device=device,
        type=kind,
        source=None if source is None or attribute is None else source.get(attribute) or None,
        format=None if driver is None else driver.get("type"),
        snapshot=disk.get("snapshot"),
        readonly=device == "cdrom" or disk.find("readonly") is not None,
    )
