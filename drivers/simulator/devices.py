"""Devices of a simulated domain: attached, detached, changed, now or at the next start (libvirt 9.0, run).

The guest lets go of what is detached at once. With LIVE and CONFIG together it is both or neither.
"""

import hashlib
from functools import partial

from lxml import etree

from domain_model import domain_xml, xml
from domain_model.errors import ConfigUnsupported, InvalidArgument, MalformedXml, OperationUnsupported, Refused
from domain_model.flags import DeviceModify
from drivers.simulator import device_kinds, edits, lifecycle, machine, overlays
from drivers.simulator import flags as flag_rules
from drivers.simulator.acts import Acts
from drivers.simulator.affected import Affected, affected
from drivers.simulator.edits import Device
from drivers.simulator.inventory import Domain, Inventory

_ATTACHING = DeviceModify.LIVE | DeviceModify.CONFIG
_REMOVABLE = ("cdrom", "floppy")
_KEPT_LIVE = ("bus", "readonly", "shareable", "transient", "serial", "device")


class DeviceKeeper(Acts):
    """The ability ``Devices``.

    Each may raise OperationInvalid (55), ConfigUnsupported (67), OperationUnsupported (84).
    """

    def attach_device(self, uuid: str, xml: str, flags: DeviceModify) -> None:
        """Raises also Refused (20; 38 when its image is gone; 1 when QEMU cannot plug it in)."""
        self._act_on(uuid, lambda host, domain: _attach(host, domain, edits.alone(xml), flags))

    def detach_device(self, uuid: str, xml: str, flags: DeviceModify) -> None:
        """Raises also Refused (99 for none, 1 where QEMU cannot unplug it), OperationFailed (9) for several."""
        check = partial(flag_rules.check, flags, "DetachDeviceLiveAndConfig", _ATTACHING)
        self._act_on(uuid, lambda host, domain: _detach(host, domain, edits.alone(xml), flags), check=check)

    def update_device(self, uuid: str, xml: str, flags: DeviceModify) -> None:
        """Raises also InvalidArgument (8) or Refused (1, 99) when there is none, OperationFailed (9) for several."""
        check = partial(flag_rules.check, flags, "UpdateDeviceFlags")
        self._act_on(uuid, lambda host, domain: _update(host, domain, edits.alone(xml), flags), check=check)

    def block_resize(self, uuid: str, disk: str, size_bytes: int) -> None:  # noqa: ARG002  images have no size here
        """Raises InvalidArgument (8) for an unknown disk."""
        self._act_on(uuid, lambda _host, domain: _check_resizable(domain, disk))


def _attach(host: Inventory, domain: Domain, text: str, flags: DeviceModify) -> None:
    parts = affected(domain, flags)
    flag_rules.check(flags, "AttachDeviceLiveAndConfig", _ATTACHING)
    element = device_kinds.wanted(text)
    text = _with_address(domain, element, text)
    if parts.config:
        device_kinds.check_attachable(element, live=False)
        device_kinds.check_new(element, edits.devices(domain.definition or ""))
    if parts.live:
        device_kinds.check_attachable(element, live=True)
        _check_plugged_in(host, domain, element)
    image = _source(element) if element.tag == "disk" else None
    if image is not None:
        host.files.hear_of_image(image)
    parts.edit(host, domain, lambda now: edits.with_device(now, text))


def _check_plugged_in(host: Inventory, domain: Domain, element: etree._Element) -> None:
    """What QEMU and the image say. Raises Refused (38, 1), MalformedXml (27)."""
    if element.tag == "disk":
        _check_image(host, domain, element, "blockdev-add")
    _check_hotplug(domain, element, "device_add")
    if element.tag == "disk" and overlays.disk_of(domain.text, edits.target_of(element)) is not None:
        raise MalformedXml(f"target '{xml.shown(edits.target_of(element))}' duplicated for disk sources")


def _check_image(host: Inventory, domain: Domain, disk: etree._Element, command: str) -> None:
    """Raises Refused (38 for an image that is gone, 1 for one that the guest already writes to)."""
    source = _source(disk)
    if source is None:
        return
    if host.files.is_gone(source):
        raise lifecycle.no_such_file(f"Cannot access storage file '{source}'")
    others = [other for other in domain_xml.read(domain.text).disks if other.target != edits.target_of(disk)]
    if any(other.source == source and not other.readonly for other in others):
        raise Refused(
            f"internal error: unable to execute QEMU command '{command}': Failed to get \"write\" lock", number=1
        )


def _check_hotplug(domain: Domain, element: etree._Element, command: str) -> None:
    kinds = {device.kind for device in edits.devices(domain.text) if device.kind != "controller"}
    kinds |= {device.element.get("type") or "" for device in edits.devices(domain.text) if device.kind == "controller"}
    device_kinds.check_hotplug(
        element,
        acpi=machine.has_acpi(domain.text),
        command=command,
        serial_bus=bool(kinds & {"channel", "virtio-serial"}),
    )


def _detach(host: Inventory, domain: Domain, text: str, flags: DeviceModify) -> None:
    parts = affected(domain, flags)
    element = device_kinds.wanted(text)
    for live, now in _config_first(parts, domain):
        device_kinds.check_detachable(element, live=live)
        there = device_kinds.find(element, edits.devices(now), live=live)
        if live:
            _check_hotplug(domain, there.element, "device_del")

    def change(now: str) -> str:
        return edits.without(now, device_kinds.find(element, edits.devices(now), live=False).span)

    parts.edit(host, domain, change)


def _update(host: Inventory, domain: Domain, text: str, flags: DeviceModify) -> None:
    parts = affected(domain, flags)
    element = device_kinds.wanted(text)
    for live, now in _config_first(parts, domain):
        device_kinds.check_updatable(element, live=live)
        there = _to_update(element, edits.devices(now), live=live)
        if live and element.tag == "disk":
            _check_disk_change(there.element, element)
            _check_image(host, domain, element, "blockdev-insert-medium")

    def change(now: str) -> str:
        span = _to_update(element, edits.devices(now), live=False).span
        return edits.replaced(now, span, xml.indent(text, 4).strip())

    parts.edit(host, domain, change)


def _config_first(parts: Affected, domain: Domain) -> list[tuple[bool, str]]:
    """Whether it is the live one, and the text, of each definition: in the order in which libvirt looks at them."""
    return [(word == "live", now) for word, now in zip(parts.words, parts.texts(domain), strict=True)][::-1]


def _to_update(element: etree._Element, present: list[Device], *, live: bool) -> Device:
    """The device to change; that there is none has other numbers than for ``find``."""
    try:
        return device_kinds.find(element, present, live=live)
    except Refused as missing:
        if missing.number != 99 or element.tag not in ("disk", "graphics"):
            raise
        if element.tag == "graphics":
            kind = xml.shown(element.get("type", ""))
            if live:
                raise Refused(
                    f"device not found: cannot find existing graphics device to modify of type '{kind}'", number=99
                ) from missing
            raise InvalidArgument(f"cannot find existing graphics type '{kind}' device to modify") from missing
        target = xml.shown(edits.target_of(element))
        if live:
            raise Refused(f"internal error: disk '{target}' not found", number=1) from missing
        raise InvalidArgument(f"target {target} doesn't exist.") from missing


def _check_disk_change(there: etree._Element, wanted: etree._Element) -> None:
    """Of a running guest's disk only the medium in a drive can be changed."""
    for field in _KEPT_LIVE:
        if _said(there, field) != _said(wanted, field):
            raise OperationUnsupported(f"cannot modify field '{field}' of the disk")
    if _source(there) != _source(wanted) and there.get("device", "disk") not in _REMOVABLE:
        raise ConfigUnsupported("disk source can be changed only in removable drives")


def _said(disk: etree._Element, field: str) -> str | None:
    if field == "device":
        return disk.get("device", "disk")
    if field == "bus":
        target = disk.find("target")
        return None if target is None else target.get("bus")
    child = disk.find(field)
    if field == "readonly":
        return "yes" if child is not None or disk.get("device") == "cdrom" else None
    return None if child is None else xml.content(child) or "yes"


def _check_resizable(domain: Domain, wanted: str) -> None:
    lifecycle.require_active(domain)
    for disk in domain_xml.read(domain.text).disks:
        if wanted in (disk.target, disk.source):
            if disk.source is None or disk.readonly:
                raise OperationUnsupported(f"can't resize empty or readonly disk '{disk.target}'")
            return
    raise InvalidArgument(f"disk '{xml.shown(wanted)}' was not found in the domain config", field="disk")


def _source(disk: etree._Element) -> str | None:
    source = disk.find("source")
    return None if source is None else source.get("file") or source.get("dev")


def _with_address(domain: Domain, element: etree._Element, text: str) -> str:
    """A network card without an address is given one, as libvirt does; always the same one for the same card."""
    if element.tag != "interface" or element.find("mac") is not None:
        return text
    cards = sum(1 for device in edits.devices(domain.text) if device.kind == "interface")
    seed = hashlib.sha256(f"{domain.uuid} {cards}".encode()).digest()
    address = ":".join(f"{byte:02x}" for byte in (0x52, 0x54, 0x00, *seed[:3]))
    card = xml.parse(text, root=None)
    card.insert(0, etree.Element("mac", address=address))
    return etree.tostring(card, encoding="unicode")
