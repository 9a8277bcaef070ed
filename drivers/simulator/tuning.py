"""Changing what a domain is: now, at its next start, or both (libvirt-semantics 1.7 and 2.3)."""

from functools import partial
from typing import Any

from lxml import etree

from domain_model import domain_xml, xml, xml_edits
from domain_model.errors import (
    ConfigUnsupported,
    InvalidArgument,
    InvalidFlags,
    MalformedXml,
    OperationInvalid,
    OperationUnsupported,
    Refused,
)
from domain_model.flags import Affect, Memory, Vcpu
from drivers.simulator import edits, guest, lifecycle, machine
from drivers.simulator import flags as flag_rules
from drivers.simulator.acts import Acts
from drivers.simulator.affected import Affected, affected
from drivers.simulator.inventory import Domain, Inventory


class Tuner(Acts):
    """The ability ``Tuning``."""

    def set_autostart(self, uuid: str, *, autostart: bool) -> None:
        """Raises OperationInvalid (55) for a transient domain."""
        self._act_on(uuid, lambda host, domain: _set_autostart(host, domain, autostart=autostart))

    def rename(self, uuid: str, name: str) -> None:
        """Its snapshots keep the name in what they hold.

        Raises OperationInvalid (55), MalformedXml (27), InvalidFlags (8).
        """
        if not name:
            raise InvalidFlags("string new_name in virDomainRename must not be empty", field="name")
        self._act_on(uuid, lambda host, domain: _rename(host, domain, name))

    def set_memory(self, uuid: str, size_kib: int, flags: Memory) -> None:
        """Raises InvalidFlags (8) for nothing, InvalidArgument (8) for more than may be, OperationInvalid (55)."""
        change = _set_maximum_memory if Memory.MAXIMUM in flags else _set_memory
        self._act_on(
            uuid,
            lambda host, domain: change(host, domain, size_kib, affected(domain, flags)),
            check=partial(flag_rules.check_memory, size_kib, flags),
        )

    def set_vcpus(self, uuid: str, count: int, flags: Vcpu) -> None:
        """Raises InvalidArgument (8), OperationInvalid (55), ArgumentUnsupported (74), OperationUnsupported (84),
        Refused (1).
        """
        check = partial(flag_rules.check_vcpus, count, flags)
        self._act_on(uuid, lambda host, domain: _set_vcpus(host, domain, count, flags), check=check)

    def set_description(self, uuid: str, text: str | None, flags: Affect) -> None:
        """Raises OperationInvalid (55)."""
        self._set_child(uuid, "description", text, flags)

    def set_title(self, uuid: str, text: str | None, flags: Affect) -> None:
        """Raises InvalidFlags (8) for one of several lines, OperationInvalid (55)."""
        self._set_child(uuid, "title", text, flags)

    def set_metadata(self, uuid: str, uri: str, key: str | None, xml: str | None, flags: Affect) -> None:
        """Raises InvalidFlags (8) without a key, MalformedXml, OperationInvalid (55)."""

        def act(host: Inventory, domain: Domain) -> None:
            if xml is not None and key is None:
                raise InvalidFlags("key in virDomainSetMetadata must not be NULL", field="key")
            parts = affected(domain, flags)
            element = None if xml is None else _in_namespace(xml, uri, key or "")
            parts.edit(host, domain, lambda text: _with_metadata(text, uri, element))

        self._act_on(uuid, act, check=partial(flag_rules.check, flags, "SetMetadata"))

    def _set_child(self, uuid: str, name: str, text: str | None, flags: Affect) -> None:
        def act(host: Inventory, domain: Domain) -> None:
            if name == "title" and "\n" in (text or ""):
                raise InvalidFlags("metadata title can't contain newlines", field="text")
            element = f"<{name}>{xml.escape_text(text)}</{name}>" if text else None
            affected(domain, flags).edit(host, domain, lambda now: edits.with_child(now, name, element))

        self._act_on(uuid, act, check=partial(flag_rules.check, flags, "SetMetadata"))


def _set_autostart(host: Inventory, domain: Domain, *, autostart: bool) -> None:
    if not domain.persistent:
        raise OperationInvalid("cannot set autostart for transient domain")
    domain.autostart = autostart
    host.put_domain(domain)


def _rename(host: Inventory, domain: Domain, name: str) -> None:
    if domain.active:
        raise OperationInvalid("cannot rename active domain")
    if domain.managed_save is not None:
        raise OperationInvalid("domain with a managed saved state can't be renamed")
    if name == domain.name:
        raise OperationInvalid("Can't rename domain to itself")
    if host.find_domain_named(name) is not None:
        raise OperationInvalid(f"domain with name '{name}' already exists")
    if "/" in name:
        raise MalformedXml(f"name {name} cannot contain '/'", field="name", accepted="a name without '/'")
    domain.name = name
    domain.definition = xml_edits.with_name(domain.text, name, root="domain")
    host.put_domain(domain)


def _set_maximum_memory(host: Inventory, domain: Domain, size_kib: int, parts: Affected) -> None:
    if parts.live:
        raise OperationInvalid("cannot resize the maximum memory on an active domain")

    def change(text: str) -> str:
        current = min(size_kib, domain_xml.read(text).current_memory_kib or size_kib)
        return _with_memory(_with_size(text, "memory", size_kib), current)

    parts.edit(host, domain, change)


def _set_memory(host: Inventory, domain: Domain, size_kib: int, parts: Affected) -> None:
    for text in parts.texts(domain):
        if size_kib > (domain_xml.read(text).memory_kib or 0):
            raise InvalidArgument("cannot set memory higher than max memory", field="size_kib")
    if parts.live and not machine.has_balloon(domain.text):
        raise OperationInvalid(
            "Unable to change memory of active domain without the balloon device and guest OS balloon driver"
        )
    parts.edit(host, domain, lambda text: _with_memory(text, size_kib))


def _with_memory(text: str, current_kib: int) -> str:
    return _with_size(text, "currentMemory", current_kib)


def _with_size(text: str, name: str, size_kib: int) -> str:
    return edits.with_child(text, name, f"<{name} unit='KiB'>{size_kib}</{name}>")


def _set_vcpus(host: Inventory, domain: Domain, count: int, flags: Vcpu) -> None:
    if Vcpu.GUEST in flags:
        lifecycle.require_active(domain)
        guest.require_agent(domain)
        present = domain_xml.read(domain.text).current_vcpus
        if count > present:
            raise InvalidArgument(
                f"requested vcpu count is greater than the count of enabled vcpus: {count} > {present}"
            )
        return
    parts = affected(domain, flags)
    if Vcpu.MAXIMUM in flags:
        if parts.live:
            raise OperationUnsupported("maximum vcpu count of a live domain can't be modified")
        parts.edit(host, domain, lambda text: _with_vcpus(text, min(count, _vcpus(text)[0]), count))
        return
    _check_count(domain, count, parts)
    parts.edit(host, domain, lambda text: _with_vcpus(text, count, _vcpus(text)[1]))


def _check_count(domain: Domain, count: int, parts: Affected) -> None:
    """Processors a guest was started with stay. Raises InvalidArgument (8), ConfigUnsupported (67), Refused (1)."""
    for text, which in zip(parts.texts(domain), parts.words, strict=True):
        most = _vcpus(text)[1]
        if count > most:
            raise InvalidArgument(
                f"requested vcpus is greater than max allowable vcpus for the {which} domain: {count} > {most}"
            )
    if not parts.live or count >= _vcpus(domain.text)[0]:
        return
    if count < domain.booted_vcpus:
        raise ConfigUnsupported("failed to find appropriate hotpluggable vcpus to reach the desired target vcpu count")
    if not machine.has_acpi(domain.text):
        raise Refused(
            "internal error: unable to execute QEMU command 'device_del': CPU hot unplug not supported without ACPI",
            number=1,
        )


def _vcpus(text: str) -> tuple[int, int]:
    """The present number of processors, and the largest."""
    read = domain_xml.read(text)
    return read.current_vcpus, read.vcpus


def _with_vcpus(text: str, current: int, most: int) -> str:
    present = f" current='{current}'" if current < most else ""
    return edits.with_child(text, "vcpu", f"<vcpu placement='static'{present}>{most}</vcpu>")


def _in_namespace(text: str, uri: str, key: str) -> etree._Element:
    """What is to be kept in ``<metadata>``: elements of no namespace are put into ``uri``, with the prefix ``key``."""
    given = xml.parse(text, root=None)
    try:
        return _qualified(given, uri, {**given.nsmap, key: uri})
    except ValueError as error:
        raise InvalidArgument(f"'{xml.shown(key)}' cannot be a prefix for '{xml.shown(uri)}'", field="key") from error


def _qualified(given: etree._Element, uri: str, prefixes: Any) -> etree._Element:
    name = etree.QName(given)
    tag = str(given.tag) if name.namespace else f"{{{uri}}}{name.localname}"
    made = etree.Element(tag, nsmap=prefixes)
    for attribute, value in given.attrib.items():
        made.set(attribute, value)
    made.text, made.tail = given.text, given.tail
    made.extend([_qualified(child, uri, child.nsmap) for child in given])
    return made


def _with_metadata(text: str, uri: str, element: etree._Element | None) -> str:
    holder = xml.parse(text, root=None).find("metadata")
    kept = etree.Element("metadata")  # a new one, or it would repeat the prefixes declared above it
    kept.extend([] if holder is None else list(holder))
    present = next((child for child in kept if etree.QName(child).namespace == uri), None)
    if present is not None:
        kept.remove(present)
    elif element is None:
        return text
    if element is not None:
        kept.append(element)
    if not len(kept):
        return edits.with_child(text, "metadata", None)
    etree.indent(kept, space="  ", level=1)
    return edits.with_child(text, "metadata", etree.tostring(kept, encoding="unicode"))
