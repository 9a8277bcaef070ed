"""The texts of domains: as given, as dumped, and as they stand inside a snapshot's dump.

The simulator keeps what it was given to the byte, where libvirt would write it anew with its defaults: a definition
dumped by a real libvirt must come back from here unchanged. Only what says something else at another place is touched:
the running domain's id, and the indentation within a snapshot.
"""

import re

from domain_model import xml

_ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')""")


def kept(text: str) -> str:
    """The domain's element alone, without an id, and a line end: libvirt's dumps are of this form already."""
    data = xml.encoded(text)
    tags = [piece for piece in xml.markup(data) if piece.name]
    first, last = tags[0], tags[-1]
    return (_without_id(data[first.start : first.end]) + data[first.end : last.end]).decode() + "\n"


def live(text: str, hypervisor_id: int) -> str:
    """The dump of a running domain: libvirt writes the id behind the type."""
    at = next(match.end() for match in _ATTRIBUTE.finditer(text.encode(), len(b"<domain")) if match.group(1) == b"type")
    data = text.encode()
    return (data[:at] + f" id='{hypervisor_id}'".encode() + data[at:]).decode()


def nested(text: str, *, root: str = "domain") -> str:
    """A definition as the element ``root`` of a snapshot's dump."""
    return xml.indent(xml.with_root_name(text, root) if root != "domain" else text, 2).strip(" \n")


def taken_out(element: str) -> str:
    """The definition that ``nested`` was given."""
    return xml.with_root_name(xml.dedent(element, 2), "domain") + "\n"


def elements(snapshot: str) -> dict[str, str]:
    """The elements directly below a snapshot's root, by name and to the byte; of several of one name the first.

    What leans on a namespace that the root declares is given the declaration, to stand by itself.
    """
    data = xml.encoded(snapshot)
    namespaces = {prefix: uri for prefix, uri in xml.parse(snapshot, root=None).nsmap.items() if prefix}
    found: dict[str, str] = {}
    for span in xml.children(data):
        found.setdefault(span.name, _by_itself(data[span.start : span.end].decode(), span.name, namespaces))
    return found


def _by_itself(element: str, name: str, namespaces: dict[str, str]) -> str:
    tag, rest = element[: len(name) + 1], element[len(name) + 1 :]
    for prefix, uri in namespaces.items():
        if f"{prefix}:" in rest and f"xmlns:{prefix}" not in rest.partition(">")[0]:
            tag += f" xmlns:{prefix}='{xml.escape(uri)}'"
    return tag + rest


def with_name(text: str, name: str) -> str:
    """The definition under another name; nothing else changes."""
    data = xml.encoded(text)
    span = next(span for span in xml.children(data) if span.name == "name")
    return (data[: span.inner_start] + xml.escape(name).encode() + data[span.inner_end :]).decode()


def _without_id(tag: bytes) -> bytes:
    for match in _ATTRIBUTE.finditer(tag):
        if match.group(1) == b"id":
            return tag[: match.start()] + tag[match.end() :]
    return tag
