"""Putting an element into a document's text, or taking one out; every other byte stays as it is.

What is put in stands as libvirt would have it: in the place of the one there is, or on a line of its own.
"""

from collections.abc import Callable, Iterable

from lxml import etree

from domain_model import xml

_FIRST_LINE = "\n  "


def with_name(text: str, name: str, *, root: str) -> str:
    """Give the ``root`` this name, in the place of the one it has or before everything else.

    Raises MalformedXml (27) if the text has another root, InvalidArgument (8) for a name XML cannot hold.
    """
    return with_child(text, "name", f"<name>{xml.escape_text(name)}</name>", root=root)


def with_child(
    text: str, tag: str, element: str | Callable[[str], str], *, root: str, below: Iterable[str] = ()
) -> str:
    """Put an element in the place of the one it has, or below the first of ``below`` there is, or before everything.

    An ``element`` of several lines is a function: of the line break and the spaces before it, or of nothing if it
    begins no line.
    """

    def written(line: str) -> str:
        return element if isinstance(element, str) else element(line)

    parsed, data = xml.parse(text, root=root), xml.encoded(text)
    for _, span in children(data, parsed, tag):
        return spliced(data, span.start, span.end, written(line_before(data, span.start)))
    for name in below:
        for _, span in children(data, parsed, name):
            line = line_before(data, span.start)
            return spliced(data, span.end, span.end, line + written(line))
    first = _FIRST_LINE + written(_FIRST_LINE)
    opened = next(piece for piece in xml.markup(data) if piece.kind in (xml.Kind.START, xml.Kind.EMPTY))
    if opened.kind is xml.Kind.START:
        return spliced(data, opened.end, opened.end, first)
    start = data[opened.start : opened.end].removesuffix(b"/>").rstrip().decode()
    return spliced(data, opened.start, opened.end, f"{start}>{first}\n</{opened.name}>")


def without_child(text: str, tag: str, *, root: str) -> str:
    """Take away the elements of that name directly below the root, with the line breaks before them."""
    parsed, data = xml.parse(text, root=root), xml.encoded(text)
    pieces = []
    done = 0
    for _, span in children(data, parsed, tag):
        pieces.append(data[done : span.start - len(line_before(data, span.start))])
        done = span.end
    return b"".join([*pieces, data[done:]]).decode()


def children(data: bytes, parent: etree._Element, tag: str) -> list[tuple[etree._Element, xml.Span]]:
    """The elements of that name, which is of no namespace, directly below ``parent``, whose text is ``data``."""
    below = zip(parent, xml.children(data), strict=True)
    return [(element, span) for element, span in below if element.tag == tag]


def line_before(data: bytes, place: int) -> str:
    """The line break and the spaces before ``place``; empty if something else stands on its line."""
    start = data.rfind(b"\n", 0, place)
    return data[start:place].decode() if start >= 0 and not data[start:place].strip(xml.XML_SPACE) else ""


def spliced(data: bytes, start: int, end: int, new: str) -> str:
    """The text with ``new`` in the place of the bytes ``start`` to ``end``."""
    return (data[:start] + new.encode() + data[end:]).decode()
