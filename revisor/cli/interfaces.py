"""Attaching and detaching network interfaces without writing XML: virsh's attach-interface and detach-interface."""

from collections.abc import Mapping
from typing import Any

import click

from revisor.cli import output
from revisor.cli.affecting import affecting_devices, check_affected_devices, only_definition
from revisor.cli.amounts import whole
from revisor.cli.asking import Door, Ending, Reference, tell
from revisor.cli.devices import ask
from revisor.cli.documents import printed
from revisor.cli.elements import Element, optional
from revisor.cli.failures import fail, refusal
from revisor.cli.verb import DOMAIN, Asked, BadValue, Word, flag, option, verb

_TYPE = Word("type", "TYPE")
_NAMED_BY = {"network": "network", "bridge": "bridge", "direct": "dev"}
_TYPES = (*_NAMED_BY, "hostdev", "vhostuser")
_MODES = ("server", "client")
_RATES = ("average", "peak", "burst", "floor")


@verb(
    "attach-interface",
    DOMAIN,
    _TYPE,
    Word("source", "SOURCE"),
    options=[
        option("target", "NAME", "What the host calls it."),
        option("mac", "ADDRESS", "Its MAC address; without it, one is made up."),
        option("script", "PATH", "The script that connects it."),
        option("model", "MODEL", "What it is for the guest, such as virtio."),
        option("alias", "ALIAS", "A name of your own for it; begins with ua-."),
        option("inbound", "RATE", "What it takes in: AVERAGE[,PEAK[,BURST[,FLOOR]]], in KiB a second and KiB."),
        option("outbound", "RATE", "What it sends: AVERAGE[,PEAK[,BURST]]."),
        *affecting_devices(),
        flag("print-xml", "Print its XML, and attach nothing."),
        flag("managed", "For hostdev: take the device from the host and give it back."),
        option("source-mode", "MODE", "For vhostuser: server or client."),
    ],
)
def attach_interface(asked: Asked, *, domain: str, **given: Any) -> int:
    """Attach a network interface. TYPE is network, bridge, direct, hostdev or vhostuser, SOURCE which one of them."""
    check_affected_devices(given)
    xml = str(_interface(given))
    if given["print_xml"]:
        return printed(xml)
    ending = Ending(lambda _: output.message("Interface attached successfully"), "Failed to attach interface")
    return ask(asked, domain, "attach-device", xml, given, ending)


@verb(
    "detach-interface",
    DOMAIN,
    _TYPE,
    options=[
        option("mac", "ADDRESS", "Which one, where there are several."),
        *affecting_devices(),
        flag("print-xml", "Print its XML, and detach nothing."),
    ],
)
def detach_interface(asked: Asked, *, domain: str, **given: Any) -> int:
    """Detach a network interface of a TYPE."""
    from revisor.cli.definitions import interface_elements

    check_affected_devices(given)
    door, reference = Door(asked), Reference.of(domain)
    ending = Ending(lambda _: output.message("Interface detached successfully"), "Failed to detach interface")
    before = door.asked_before(reference, "detach-device")
    if before is not None:
        return tell(door, before, ending)
    found = interface_elements(only_definition(door, reference, given), given["type"], given["mac"])
    if len(found) != 1:
        words = refusal(8, _not_one(len(found), given), field="mac" if given["mac"] else "type")
        return fail(words, as_json=door.as_json, first=ending.failed)
    if given["print_xml"]:
        return printed(found[0])
    return ask(asked, domain, "detach-device", found[0], given, ending)


def _not_one(number: int, given: Mapping[str, Any]) -> str:
    """Why it is not told which one is meant, in virsh's words."""
    mac = given["mac"]
    if number == 0:
        kind = f"No interface found whose type is {given['type']}"
        return kind if mac is None else f"No interface with MAC address {mac} was found"
    if mac is None:
        return f"Domain has {number} interfaces. Please specify which one to detach using --mac"
    return (
        f"Domain has multiple interfaces matching MAC address {mac}. You must use detach-device and specify the device"
        " pci address to remove it."
    )


def _interface(given: Mapping[str, Any]) -> Element:
    return Element(
        "interface",
        {"type": _known(given["type"]), "managed": "yes" if given["managed"] else None},
        [
            _source(given),
            optional("target", dev=given["target"]),
            optional("mac", address=given["mac"]),
            optional("script", path=given["script"]),
            optional("model", type=given["model"]),
            optional("alias", name=given["alias"]),
            optional("bandwidth", [_rate("inbound", given), _rate("outbound", given)]),
        ],
    )


def _known(kind: str) -> str:
    if kind not in _TYPES:
        raise BadValue(
            f"No support for {kind} in command 'attach-interface'",
            field="type",
            value=kind,
            accepted=", ".join(_TYPES),
        )
    return kind


def _source(given: Mapping[str, Any]) -> Element:
    kind, source = given["type"], given["source"]
    mode = _source_mode(given)
    if kind == "vhostuser":
        return Element("source", {"type": "unix", "path": source, "mode": mode})
    if kind == "hostdev":
        return Element("source", inside=[_host_device(source)])
    return Element("source", {_NAMED_BY[kind]: source})


def _source_mode(given: Mapping[str, Any]) -> str | None:
    mode: str | None = given["source_mode"]
    if mode is not None and mode not in _MODES:
        raise BadValue(f"Invalid source mode: {mode}", field="source-mode", value=mode, accepted=", ".join(_MODES))
    if mode is None and given["type"] == "vhostuser":
        raise click.UsageError("source-mode is mandatory")
    return mode


def _host_device(source: str) -> Element:
    from revisor.cli.addresses import pci_address_of

    address = pci_address_of(source)
    if address is None:
        raise BadValue(
            f"cannot parse pci address '{source}' for network interface",
            field="source",
            value=source,
            accepted="a PCI address such as 0000:00:05.0",
        )
    return address


def _rate(way: str, given: Mapping[str, Any]) -> Element | None:
    text: str | None = given[way]
    if text is None:
        return None
    fields = text.split(",")
    if len(fields) > len(_RATES):
        raise _bad_rate(way, text, f"Rate string '{text}' has too many fields")
    numbers = {name: _rate_field(way, name, digits) for name, digits in zip(_RATES, fields, strict=False) if digits}
    said = {name: number for name, number in numbers.items() if number != "0"}
    if way == "outbound" and "floor" in said:
        raise _bad_rate(way, text, "outbound floor is unsupported yet")
    if "average" not in said and "floor" not in said:
        what = "average or floor" if way == "inbound" else "average"
        raise _bad_rate(way, text, f"{'either ' if way == 'inbound' else ''}{way} {what} is mandatory")
    return Element(way, dict(said))


def _rate_field(way: str, name: str, digits: str) -> str:
    try:
        return str(whole(name, digits, below=2**64))
    except BadValue as bad:
        raise _bad_rate(way, digits, f"field '{name}' is malformed") from bad


def _bad_rate(way: str, value: str, message: str) -> BadValue:
    return BadValue(message, field=way, value=value, accepted="AVERAGE[,PEAK[,BURST[,FLOOR]]]")
