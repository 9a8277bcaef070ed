"""What is found in a domain's XML for verbs that show a part of it, or change a device by its own XML."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree

from domain_model import domain_xml, xml
from domain_model.domain_xml import Disk

_DISK_SOURCES = ("file", "dev", "dir", "name", "volume")
_INTERFACE_SOURCES = ("bridge", "dev", "network", "name")


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of a domain."""

    target: str | None
    type: str
    source: str | None
    model: str | None
    mac: str | None


def disks(text: str) -> list[Disk]:
    """The disks of a domain."""
    return list(domain_xml.read(text).disks)


def interfaces(text: str) -> list[Interface]:
    """The network interfaces of a domain."""
    return [_interface(element) for element in _devices(text, "interface")]


def disk_elements(text: str, which: str) -> list[str]:
    """The XML of the disks whose target or source is ``which``."""
    return [_as_text(disk) for disk in _devices(text, "disk") if which in _names(disk)]


def interface_elements(text: str, kind: str, mac: str | None) -> list[str]:
    """The XML of the network interfaces of a type, or of those of them with a MAC address."""
    found = [element for element in _devices(text, "interface") if element.get("type") == kind]
    wanted = None if mac is None else mac.lower()
    return [_as_text(each) for each in found if wanted is None or (_interface(each).mac or "").lower() == wanted]


def metadata_of(text: str, uri: str) -> str | None:
    """The element of namespace ``uri`` in ``<metadata>`` without that namespace, as libvirt shows it."""
    for element in _root(text).iterfind(f"metadata/{{{uri}}}*"):
        for each in element.iter(f"{{{uri}}}*"):
            each.tag = etree.QName(each).localname
        return _as_text(element)
    return None


def _root(text: str) -> etree._Element:
    return xml.parse(text, root="domain")


def _devices(text: str, kind: str) -> Iterator[etree._Element]:
    return _root(text).iterfind(f"devices/{kind}")


def _interface(element: etree._Element) -> Interface:
    return Interface(
        target=_attribute(element, "target", "dev"),
        type=element.get("type", ""),
        source=_attribute(element, "source", *_INTERFACE_SOURCES),
        model=_attribute(element, "model", "type"),
        mac=_attribute(element, "mac", "address"),
    )


def _names(disk: etree._Element) -> set[str | None]:
    """What a disk may be called."""
    return {_attribute(disk, "target", "dev"), *(_attribute(disk, "source", name) for name in _DISK_SOURCES)}


def _attribute(element: etree._Element, child: str, *names: str) -> str | None:
    found = element.find(child)
    return None if found is None else next((value for name in names if (value := found.get(name))), None)


def _as_text(element: etree._Element) -> str:
    alone = deepcopy(element)
    alone.tail = None
    etree.cleanup_namespaces(alone)
    return etree.tostring(alone, encoding="unicode")
