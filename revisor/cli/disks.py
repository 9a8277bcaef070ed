"""Attaching and detaching disks without writing XML: virsh's attach-disk and detach-disk."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from revisor.cli import output
from revisor.cli.affecting import affecting_devices, check_affected_devices, only_definition
from revisor.cli.asking import Door, Ending, Reference, tell
from revisor.cli.devices import ask
from revisor.cli.documents import printed
from revisor.cli.elements import Element, optional
from revisor.cli.failures import fail, refusal
from revisor.cli.verb import DOMAIN, Asked, BadValue, Word, exclusive, flag, option, required, verb

TARGET = Word("target", "TARGET")
_SOURCE_TYPES = ("file", "block", "network")
_MODES = ("readonly", "shareable")
_NAMES_OF_FILES = ("file", "tap")
"""Drivers whose sources are files even if they look like devices."""


@verb(
    "attach-disk",
    DOMAIN,
    Word("source", "SOURCE"),
    TARGET,
    options=[
        option("targetbus", "BUS", "The bus it is on for the guest."),
        option("driver", "NAME", "The hypervisor's driver, such as qemu."),
        option("subdriver", "FORMAT", "The format of the image, such as qcow2."),
        option("iothread", "N", "The I/O thread that serves it."),
        option("cache", "MODE", "How it is cached: none, writethrough, writeback, ..."),
        option("io", "MODE", "threads, native or io_uring."),
        option("type", "DEVICE", "disk, cdrom, floppy or lun."),
        option("mode", "MODE", "readonly or shareable."),
        option("sourcetype", "TYPE", "What SOURCE is: file, block or network."),
        option("serial", "SERIAL", "Its serial number."),
        option("wwn", "WWN", "Its World Wide Name, 16 hexadecimal digits."),
        option("alias", "ALIAS", "A name of your own for it; begins with ua-."),
        flag("rawio", "It needs the capability rawio."),
        option("address", "ADDRESS", "Where it is: pci:0000.00.05.0, scsi:0.0.1, ide:0.0.1, usb:1.2, ..."),
        flag("multifunction", "More functions follow at this PCI address."),
        flag("print-xml", "Print its XML, and attach nothing."),
        option("source-protocol", "NAME", "The protocol of a source in the network."),
        option("source-host-name", "NAME[:PORT]", "Its host."),
        option("source-host-transport", "NAME", "tcp, unix or rdma."),
        option("source-host-socket", "PATH", "Its socket."),
        *affecting_devices(),
    ],
)
def attach_disk(asked: Asked, *, domain: str, **given: Any) -> int:
    """Attach a disk. SOURCE is a file, a block device or a name in the network, TARGET what it is for the guest."""
    check_affected_devices(given)
    xml = str(_disk(given))
    if given["print_xml"]:
        return printed(xml)
    ending = Ending(lambda _: output.message("Disk attached successfully"), "Failed to attach disk")
    return ask(asked, domain, "attach-device", xml, given, ending)


@verb(
    "detach-disk",
    DOMAIN,
    TARGET,
    options=[*affecting_devices(), flag("print-xml", "Print its XML, and detach nothing.")],
)
def detach_disk(asked: Asked, *, domain: str, target: str, **given: bool) -> int:
    """Detach a disk. TARGET is what it is for the guest, or its source."""
    from revisor.cli.definitions import disk_elements

    check_affected_devices(given)
    door, reference = Door(asked), Reference.of(domain)
    ending = Ending(lambda _: output.message("Disk detached successfully"), "Failed to detach disk")
    before = door.asked_before(reference, "detach-device")
    if before is not None:
        return tell(door, before, ending)
    found = disk_elements(only_definition(door, reference, given), target)
    if not found:
        words = f"No disk found whose source path or target is {target}"
        return fail(refusal(8, words, field="target", value=target), as_json=door.as_json)
    if given["print_xml"]:
        return printed(found[0])
    return ask(asked, domain, "detach-device", found[0], given, ending)


def _disk(given: Mapping[str, Any]) -> Element:
    _check(given)
    kind = _source_type(given)
    mode, serial, wwn = given["mode"], given["serial"], given["wwn"]
    return Element(
        "disk",
        {"type": kind, "device": given["type"], "rawio": "yes" if given["rawio"] else None},
        [
            optional(
                "driver",
                name=given["driver"],
                type=given["subdriver"],
                iothread=given["iothread"],
                cache=given["cache"],
                io=given["io"],
            ),
            _source(kind, given),
            Element("target", {"dev": given["target"], "bus": given["targetbus"]}),
            None if mode is None else Element(mode),
            None if serial is None else Element("serial", text=serial),
            None if given["alias"] is None else Element("alias", {"name": given["alias"]}),
            None if wwn is None else Element("wwn", text=wwn),
            _address(given),
        ],
    )


def _check(given: Mapping[str, Any]) -> None:
    for part in ("name", "transport", "socket"):
        required(given, "source-protocol", by=f"source-host-{part}")
    required(given, "source-host-transport", by="source-host-socket")
    exclusive(given, ("source-host-name", "source-host-socket"))
    kind, mode, wwn = given["sourcetype"], given["mode"], given["wwn"]
    if kind is not None and kind not in _SOURCE_TYPES:
        raise _bad("sourcetype", kind, f"Unknown source type: '{kind}'", ", ".join(_SOURCE_TYPES))
    if mode is not None and mode not in _MODES:
        raise _bad("mode", mode, f"No support for {mode} in command 'attach-disk'", ", ".join(_MODES))
    if wwn is not None and not (len(wwn) == 16 and set(wwn) <= set("0123456789abcdefABCDEF")):
        raise _bad("wwn", wwn, f"Malformed wwn: {wwn}", "16 hexadecimal digits")


def _bad(field: str, value: str, message: str, accepted: str) -> BadValue:
    return BadValue(message, field=field, value=value, accepted=accepted)


def _source_type(given: Mapping[str, Any]) -> str:
    kind: str | None = given["sourcetype"]
    if kind is None and given["source_protocol"] is not None:
        kind = "network"
    elif kind is None:
        is_file = given["driver"] in _NAMES_OF_FILES or not _is_block_device(given["source"])
        kind = "file" if is_file else "block"
    if (kind == "network") != (given["source_protocol"] is not None):
        raise click.UsageError("--source-protocol option requires --sourcetype network")
    return kind


def _is_block_device(source: str) -> bool:
    """As virsh does, by a look at this machine; --sourcetype is for hosts that are others."""
    try:
        return stat.S_ISBLK(Path(source).stat().st_mode)
    except (OSError, ValueError):
        return False


def _source(kind: str, given: Mapping[str, Any]) -> Element:
    if kind != "network":
        return Element("source", {"dev" if kind == "block" else "file": given["source"]})
    name, _, port = (given["source_host_name"] or "").partition(":")
    host = optional(
        "host",
        transport=given["source_host_transport"],
        socket=given["source_host_socket"],
        name=name or None,
        port=port or None,
    )
    return Element("source", {"protocol": given["source_protocol"], "name": given["source"]}, [host])


def _address(given: Mapping[str, Any]) -> Element | None:
    from revisor.cli.addresses import address_of

    if given["address"] is None:
        return None
    return address_of(given["address"], given["target"], multifunction=given["multifunction"])
