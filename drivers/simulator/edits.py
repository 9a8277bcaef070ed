"""Changing one element in a definition's text; all other bytes stay as they are.

Works on any root, so also on a definition nested in a snapshot. What is put in is indented as libvirt would.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lxml import etree

from domain_model import xml, xml_edits

ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')""")
_TAG_END = re.compile(rb"\s*/?>$")

# The children of a domain as libvirt orders them, up to the last one that is ever put in here.
_ORDER: tuple[str, ...] = ("name", "uuid", "genid", "title", "description", "metadata")
_ORDER += ("maxMemory", "memory", "currentMemory", "blkiotune", "memtune", "memoryBacking", "vcpu")


class Device(NamedTuple):
    """One element below ``<devices>``, and where it stands in the text."""

    element: etree._Element
    span: xml.Span

    @property
    def kind(self) -> str:
        return str(self.element.tag)


def spans(data: bytes, *path: str) -> list[xml.Span]:
    """All elements at ``path`` below the root, in order."""
    found = [xml.Span("", 0, len(data), 0, len(data))]
    for name in path:
        found = [child for parent in found for child in _below(data, parent) if child.name == name]
    return found


def devices(text: str) -> list[Device]:
    """The devices of a definition, in order."""
    data = xml.encoded(text)
    holder = next(iter(spans(data, "devices")), None)
    element = xml.parse(text, root=None).find("devices")
    if holder is None or element is None:
        return []
    return [Device(child, span) for child, span in zip(element, _below(data, holder), strict=True)]


def with_child(text: str, name: str, element: str | None) -> str:
    """The definition with ``element`` as its child ``name``, in place of the one it has; None takes that away."""
    if element is None:
        return xml_edits.without_child(text, name, root="domain")
    before = reversed(_ORDER[: _ORDER.index(name)])
    return xml_edits.with_child(text, name, element, root="domain", below=before)


def with_device(text: str, element: str) -> str:
    """The definition with one more device, behind the others."""
    data = xml.encoded(text)
    line = "\n    " + xml.indent(element, 4).strip()
    holder = next(iter(spans(data, "devices")), None)
    if holder is None:
        end = max(span.end for span in xml.children(data))
        return xml_edits.spliced(data, end, end, f"\n  <devices>{line}\n  </devices>")
    if holder.empty:
        return xml_edits.spliced(data, holder.start, holder.end, f"<devices>{line}\n  </devices>")
    last = _below(data, holder)[-1:]
    end = last[0].end if last else holder.inner_start
    return xml_edits.spliced(data, end, end, line)


def replaced(text: str, span: xml.Span, element: str) -> str:
    return xml_edits.spliced(xml.encoded(text), span.start, span.end, element)


def without(text: str, span: xml.Span) -> str:
    """The text without an element and the line break before it."""
    return xml_edits.spliced(xml.encoded(text), span.start - len(lead(text, span)), span.end, "")


def with_disk(text: str, target: str, change: Callable[[str], str]) -> str:
    """The definition with the disk ``target`` changed; it stays as it is if there is none."""
    for device in devices(text):
        if device.kind == "disk" and target_of(device.element) == target:
            disk = xml.encoded(text)[device.span.start : device.span.end].decode()
            return replaced(text, device.span, change(disk))
    return text


def target_of(disk: etree._Element) -> str:
    target = disk.find("target")
    return "" if target is None else target.get("dev", "")


def with_attribute(element: str, name: str, value: str | None) -> str:
    """The element with an attribute of its start tag set, or with None taken away."""
    data = xml.encoded(element)
    tag = next(piece for piece in xml.markup(data) if piece.name)
    head = data[tag.start : tag.end]
    written = "" if value is None else f" {name}='{xml.escape_attribute(value)}'"
    for match in ATTRIBUTE.finditer(head):
        if match.group(1) == name.encode():
            return xml_edits.spliced(data, tag.start + match.start(), tag.start + match.end(), written)
    end = _TAG_END.search(head)
    at = tag.end if end is None else tag.start + end.start()
    return xml_edits.spliced(data, at, at, written)


def alone(text: str) -> str:
    """The root element by itself, without what may stand before and behind it."""
    data = xml.encoded(text)
    tags = [piece for piece in xml.markup(data) if piece.name]
    return data[tags[0].start : tags[-1].end].decode()


def lead(text: str, span: xml.Span) -> str:
    """The line break and the spaces before an element; empty if something else stands on its line."""
    return xml_edits.line_before(xml.encoded(text), span.start)


def _below(data: bytes, parent: xml.Span) -> list[xml.Span]:
    return list(_shifted(xml.children(data[parent.start : parent.end]), parent.start))


def _shifted(found: list[xml.Span], by: int) -> Iterator[xml.Span]:
    for span in found:
        yield xml.Span(span.name, span.start + by, span.end + by, span.inner_start + by, span.inner_end + by)
