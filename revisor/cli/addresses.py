"""The short words virsh has for where a device is on its bus."""

import re
from dataclasses import dataclass

from revisor.cli.elements import Element
from revisor.cli.verb import BadValue

_DRIVES = ("scsi", "ide", "sata")
_HEX = r"(?:0[xX])?[0-9a-fA-F]{1,8}"
_PCI = re.compile(rf"(?P<domain>{_HEX})[.:](?P<bus>{_HEX})[.:](?P<slot>{_HEX})\.(?P<function>{_HEX})")
_CCW = re.compile(rf"(?P<cssid>{_HEX})\.(?P<ssid>{_HEX})\.(?P<devno>{_HEX})")
_DRIVE = re.compile(r"(?P<controller>[0-9]+)\.(?P<bus>[0-9]+)\.(?P<unit>[0-9]+)")
_USB = re.compile(r"(?P<bus>[0-9]+)\.(?P<port>[0-9]+)")
_SHAPES = {"pci": _PCI, "ccw": _CCW, "usb": _USB, **dict.fromkeys(_DRIVES, _DRIVE)}
_EXAMPLES = "pci:0000.00.05.0, ccw:fe.0.0001, scsi:0.0.1, sata:0.0.1, ide:0.0.1, usb:1.2"
_HEXADECIMAL = {"domain": 4, "bus": 2, "slot": 2, "function": 1, "cssid": 2, "ssid": 1, "devno": 4}


@dataclass(frozen=True, slots=True)
class _Fitting:
    """What a target's name says about its address."""

    kinds: tuple[str, ...]
    expected: str


_FITTING = {
    "vd": _Fitting(("pci", "ccw"), "expecting a pci:0000.00.00.00 or ccw:00.0.0000 address."),
    "sd": _Fitting(("scsi", "usb", "sata"), "expecting a scsi:00.00.00 or usb:00.00 or sata:00.00.00 address."),
    "hd": _Fitting(("ide",), "expecting an ide:00.00.00 address."),
}


def address_of(text: str, target: str, *, multifunction: bool) -> Element:
    """The element of a disk's address. Raises BadValue for one that is none, or that no such target can have."""
    kind, _, rest = text.partition(":")
    shape = _SHAPES.get(kind)
    match = None if shape is None else shape.fullmatch(rest)
    fitting = _FITTING.get(target[:2])
    if match is None:
        raise _bad(text, "Invalid address.", _EXAMPLES)
    if fitting is not None and kind not in fitting.kinds:
        raise _bad(text, fitting.expected, fitting.expected.removeprefix("expecting a").removeprefix("n").strip())
    values = {name: _number(kind, name, digits) for name, digits in match.groupdict().items()}
    last = {"multifunction": "on"} if multifunction and kind == "pci" else {}
    return Element("address", {"type": "drive" if kind in _DRIVES else kind, **values, **last})


def pci_address_of(text: str) -> Element | None:
    """The element of a PCI address as the kernel writes it, 0000:00:05.0; None if it is none."""
    match = _PCI.fullmatch(text)
    if match is None:
        return None
    values = {name: _number("pci", name, digits) for name, digits in match.groupdict().items()}
    return Element("address", {"type": "pci", **values})


def _number(kind: str, name: str, digits: str) -> str:
    if kind not in ("pci", "ccw"):
        return str(int(digits))
    return f"0x{int(digits, 16):0{_HEXADECIMAL[name]}x}"


def _bad(value: str, message: str, accepted: str) -> BadValue:
    return BadValue(message, field="address", value=value, accepted=accepted)
