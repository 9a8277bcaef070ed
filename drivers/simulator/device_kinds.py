"""The kinds of devices: which may come and go, when two are the same, and libvirt's words for it (libvirt 9.0, run).

Elements are compared by what libvirt tells devices of their kind apart by: a disk by its target, a network card by its
address, and kinds without a name of their own by all that is said of them.
"""

from collections.abc import Callable, Sequence

from lxml import etree

from domain_model import xml
from domain_model.errors import ConfigUnsupported, OperationFailed, OperationInvalid, OperationUnsupported, Refused
from drivers.simulator.edits import Device, target_of

KINDS = frozenset(
    [
        "disk",
        "lease",
        "filesystem",
        "interface",
        "input",
        "sound",
        "watchdog",
        "video",
        "hostdev",
        "graphics",
        "hub",
        "redirdev",
        "rng",
        "memballoon",
        "tpm",
        "nvram",
        "controller",
        "smartcard",
        "parallel",
        "serial",
        "channel",
        "console",
        "panic",
        "shmem",
        "memory",
        "iommu",
        "vsock",
        "audio",
        "crypto",
    ]
)
_ATTACHED_LIVE = frozenset(
    [
        "disk",
        "lease",
        "filesystem",
        "interface",
        "input",
        "watchdog",
        "hostdev",
        "redirdev",
        "rng",
        "controller",
        "parallel",
        "serial",
        "channel",
        "console",
        "shmem",
        "memory",
        "vsock",
    ]
)
_ATTACHED_CONFIG = _ATTACHED_LIVE | {"sound", "video", "tpm"}
_UPDATED = ("disk", "interface", "graphics", "memory")
_CHARACTER = ("channel", "serial", "parallel", "console")
_BEHIND_PCI = ("interface", "input", "watchdog", "rng", "controller", "shmem", "vsock", "hostdev")
_NO_HOTPLUG = {"ide": "ide.0", "sata": "ide.0", "fdc": "fdc.0"}
_NEVER_COMPARED = ("address", "alias", "boot")


def wanted(text: str) -> etree._Element:
    """The device that somebody describes. Raises MalformedXml (27), ConfigUnsupported (67), Refused (20)."""
    element = xml.parse(text, root=None)
    if element.tag not in KINDS:
        raise ConfigUnsupported(f"unknown device type '{xml.shown(str(element.tag))}'")
    if element.tag == "disk" and not target_of(element):
        source = element.find("source")
        raise Refused(
            f"missing target information for device {'' if source is None else xml.shown(source.get('file', ''))}",
            field="target",
            number=20,
        )
    return element


def check_attachable(element: etree._Element, *, live: bool) -> None:
    """Raises OperationUnsupported (84)."""
    if element.tag not in (_ATTACHED_LIVE if live else _ATTACHED_CONFIG):
        raise _unsupported("attach", element, live=live)
    driver = element.find("driver")
    if live and element.tag == "filesystem" and (driver is None or driver.get("type") != "virtiofs"):
        raise OperationUnsupported("only virtiofs filesystems can be hotplugged")


def check_detachable(element: etree._Element, *, live: bool) -> None:
    """Raises OperationUnsupported (84)."""
    if element.tag not in (_ATTACHED_LIVE if live else _ATTACHED_CONFIG):
        raise _unsupported("detach", element, live=live)


def check_updatable(element: etree._Element, *, live: bool) -> None:
    """Raises ConfigUnsupported (67) or OperationUnsupported (84): libvirt has both."""
    if element.tag in _UPDATED:
        return
    if live:
        raise ConfigUnsupported(f"live update of device '{element.tag}' is not supported")
    raise _unsupported("update", element, live=False)


def check_hotplug(element: etree._Element, *, acpi: bool, command: str, serial_bus: bool) -> None:
    """Whether QEMU moves such a device in or out of a running machine. Raises Refused (1)."""
    if not acpi and element.tag in ("channel", "console") and not serial_bus:
        raise Refused("internal error: no virtio-serial controllers are available", number=1)
    bus = _bus(element)
    full = _NO_HOTPLUG.get(bus)
    if element.tag in ("serial", "parallel"):
        full = "isa.0"
    elif not acpi and (element.tag in _BEHIND_PCI or (element.tag == "disk" and bus in ("virtio", "scsi"))):
        full = "pci.0"
    if full is not None:
        raise Refused(
            f"internal error: unable to execute QEMU command '{command}': Bus '{full}' does not support hotplugging",
            number=1,
        )


def check_new(element: etree._Element, present: Sequence[Device]) -> None:
    """Whether the persistent definition has room for it. Raises OperationInvalid (55)."""
    if not any(_is_same(element, device.element) for device in present):
        return
    if element.tag == "disk":
        raise OperationInvalid(f"target {xml.shown(target_of(element))} already exists")
    if element.tag == "controller":
        raise OperationInvalid(f"controller index='{xml.shown(element.get('index', ''))}' already exists")
    if element.tag == "filesystem":
        raise OperationInvalid("Target already exists")
    if element.tag in _CHARACTER:
        raise OperationInvalid("chardev already exists")


def find(element: etree._Element, present: Sequence[Device], *, live: bool) -> Device:
    """The device that is meant. Raises Refused (99) when there is none, OperationFailed (9) when there are several."""
    found = [device for device in present if _is_same(element, device.element)]
    if not found:
        raise Refused(f"device not found: {_missing(element, live=live)}", number=99)
    if len(found) > 1 and element.tag == "interface":
        address = _mac(element)
        if address is None:
            raise OperationFailed("multiple matching devices found")
        raise OperationFailed(f"multiple devices matching MAC address {address} found")
    return found[0]


def _is_same(wanted: etree._Element, there: etree._Element) -> bool:
    if wanted.tag != there.tag:
        return False
    return _SAME.get(str(wanted.tag), _covers)(wanted, there)


def _same_card(wanted: etree._Element, there: etree._Element) -> bool:
    address = _mac(wanted)
    return address is None or address.lower() == (_mac(there) or "").lower()


def _same_end(wanted: etree._Element, there: etree._Element) -> bool:
    """Whether two character devices are the same to the guest."""
    one, other = wanted.find("target"), there.find("target")
    if one is None or other is None:
        return one is other
    return all(one.get(name) == other.get(name) for name in ("type", "name", "port"))


def _covers(wanted: etree._Element, there: etree._Element) -> bool:
    """Whether all that is said of the one wanted is true of the one there."""
    if any(there.get(name) != value for name, value in wanted.attrib.items()):
        return False
    if (wanted.text or "").strip() != (there.text or "").strip():
        return False
    said = [child for child in wanted if child.tag not in _NEVER_COMPARED]
    return all(any(child.tag == other.tag and _covers(child, other) for other in there) for child in said)


_SAME: dict[str, Callable[[etree._Element, etree._Element], bool]] = {
    "disk": lambda wanted, there: target_of(wanted) == target_of(there),
    "interface": _same_card,
    "controller": lambda wanted, there: all(wanted.get(key) == there.get(key) for key in ("type", "index")),
    "filesystem": lambda wanted, there: _attribute(wanted, "target", "dir") == _attribute(there, "target", "dir"),
    "graphics": lambda wanted, there: wanted.get("type") == there.get("type"),
    **dict.fromkeys(_CHARACTER, _same_end),
}


def _missing(element: etree._Element, *, live: bool) -> str:
    if element.tag == "disk":
        target = xml.shown(target_of(element))
        return f"disk {target} not found" if live else f"no target device {target}"
    if element.tag == "interface":
        address = _mac(element) or "(<null>)"
        return f"no device found at address '(<null>)' matching MAC address '{address}' and alias '(<null>)'"
    if element.tag in _CHARACTER and live:
        return f"chr type '{element.tag}' device not present in domain configuration"
    return f"no matching {'RNG' if element.tag == 'rng' else element.tag} device was found"


def _unsupported(verb: str, element: etree._Element, *, live: bool) -> OperationUnsupported:
    return OperationUnsupported(f"{'live' if live else 'persistent'} {verb} of device '{element.tag}' is not supported")


def _bus(element: etree._Element) -> str:
    target = element.find("target")
    return (
        "" if target is None or element.tag != "disk" else target.get("bus", _BY_NAME.get(target_of(element)[:2], ""))
    )


_BY_NAME = {"vd": "virtio", "hd": "ide", "sd": "scsi", "fd": "fdc"}


def _mac(element: etree._Element) -> str | None:
    return _attribute(element, "mac", "address")


def _attribute(element: etree._Element, path: str, name: str) -> str | None:
    child = element.find(path)
    return None if child is None else child.get(name)
