"""The texts of domains: as given, as dumped, and as they stand inside a snapshot's dump.

The simulator keeps what it was given to the byte, where libvirt would write it anew with its defaults: a definition
dumped by a real libvirt must come back from here unchanged. Only what says something else at another place is touched:
the running domain's id, and the indentation within a snapshot.
"""

from domain_model import xml, xml_edits
from drivers.simulator import edits


def kept(text: str) -> str:
    """The domain's element alone, without an id, and a line end: libvirt's dumps are of this form already."""
    return edits.with_attribute(edits.alone(text), "id", None) + "\n"


def live(text: str, hypervisor_id: int) -> str:
    """The dump of a running domain: libvirt writes the id behind the type."""
    data = text.encode()
    attributes = edits.ATTRIBUTE.finditer(data, len(b"<domain"))
    at = next(match.end() for match in attributes if match.group(1) == b"type")
    return xml_edits.spliced(data, at, at, f" id='{hypervisor_id}'")


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
