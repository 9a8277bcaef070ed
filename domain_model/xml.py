"""Reading XML safely, and finding places in its text so that all other bytes stay as they are.

Two tools for two needs. lxml tells what a document says; network, entities and DTDs are off, since a document comes
from a stranger. expat tells at which byte each piece of markup stands, because whatever is put in or cut out must leave
the rest untouched: snapshot metadata is compared byte by byte after a replay.

No error raised here quotes the document: a password could be in it.
"""

import re
from collections.abc import Callable
from enum import Enum, auto
from itertools import pairwise
from typing import Any, NamedTuple
from xml.parsers import expat

from lxml import etree

from domain_model.errors import InvalidArgument, MalformedXml

MAX_BYTES = 16 * 1024 * 1024
"""Of one document. libvirt's own protocol carries strings up to 4 MiB."""
XML_SPACE = b" \t\r\n"

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})
_TO_TAG_END = re.compile(rb"""[^>"']*+(?:(?:"[^"]*+"|'[^']*+')[^>"']*+)*+>""")
_PRESERVE = re.compile(rb"""\sxml:space\s*=\s*["']preserve["']""")
_SHOWN = 80


class Kind(Enum):
    """What a piece of markup is."""

    START = auto()
    EMPTY = auto()
    END = auto()
    COMMENT = auto()
    CDATA = auto()
    INSTRUCTION = auto()


class Markup(NamedTuple):
    """One piece of markup: bytes ``start`` to ``end`` of the document. Between two pieces there is only text."""

    kind: Kind
    start: int
    end: int
    name: str
    """The tag as written, prefix included; empty for comments, CDATA sections and instructions."""


class Span(NamedTuple):
    """One element: all of it is bytes ``start`` to ``end``, its content bytes ``inner_start`` to ``inner_end``."""

    name: str
    start: int
    end: int
    inner_start: int
    inner_end: int

    @property
    def empty(self) -> bool:
        """Whether it is written as one tag, ``<name/>``."""
        return self.inner_start == self.end


def parse(text: str, *, root: str | None) -> etree._Element:
    """Give the root element of ``text``, comments and instructions left out.

    Raises MalformedXml (27) if it is larger than 16 MiB, not well-formed, has a DTD, or its root is not ``root``
    (None: any will do).
    """
    data = encoded(text)
    if b"<!DOCTYPE" in data:
        # Before libxml2 sees the first entity declaration. In a comment the word is allowed.
        markup(data)
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        element = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _not_well_formed(*error.position, _kind_of(error)) from None
    if root is not None and element.tag != root:
        raise _wrong_root(root, element)
    return element


def encoded(text: str) -> bytes:
    """Give the bytes of ``text``; MalformedXml (27) if they are too many or if it is no text at all."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise MalformedXml(
            f"the document is not UTF-8: character {error.start + 1} is none", accepted="XML encoded in UTF-8"
        ) from None
    if len(data) > MAX_BYTES:
        raise MalformedXml(
            f"the document is larger than {MAX_BYTES} bytes", value=str(len(data)), accepted=f"up to {MAX_BYTES} bytes"
        )
    return data


def markup(data: bytes) -> list[Markup]:
    """List all markup in the order of the text. Raises MalformedXml (27) as ``parse`` does, save for the root."""
    pieces: list[Markup] = []
    parser = _parser()
    tag_end = _TO_TAG_END.match

    def start(name: str, _attributes: object) -> None:
        at = parser.CurrentByteIndex
        tag = tag_end(data, at)
        if tag is not None:  # always: expat has just told that a whole tag stands here
            pieces.append(Markup(Kind.START, at, tag.end(), name))

    def end(name: str) -> None:
        last = pieces[-1]
        # expat tells of <a/> as of <a></a>; only the text tells them apart.
        if last.kind is Kind.START and data.startswith(b"/>", last.end - 2):
            pieces[-1] = Markup(Kind.EMPTY, last.start, last.end, name)
        else:
            at = parser.CurrentByteIndex
            pieces.append(Markup(Kind.END, at, data.index(b">", at) + 1, name))

    def other(kind: Kind, terminator: bytes) -> Callable[..., None]:
        def record(*_content: object) -> None:
            at = parser.CurrentByteIndex
            # No terminator can begin within the first bytes: <!-->, <?> and the like are not well-formed. There may be
            # none: expat tells of a CDATA section when it begins, and refuses afterwards one that never ends.
            last = data.find(terminator, at + len(terminator))
            pieces.append(Markup(kind, at, last + len(terminator) if last >= 0 else len(data), ""))

        return record

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CommentHandler = other(Kind.COMMENT, b"-->")
    parser.StartCdataSectionHandler = other(Kind.CDATA, b"]]>")
    parser.ProcessingInstructionHandler = other(Kind.INSTRUCTION, b"?>")
    _run(parser, data)
    return pieces


def children(data: bytes) -> list[Span]:
    """List the elements directly below the root, in the order of the text. Raises as ``markup`` does."""
    spans: list[Span] = []
    parser = _parser()
    depth = opened = 0

    def start(_name: str, _attributes: object) -> None:
        nonlocal depth, opened
        if depth == 1:
            opened = parser.CurrentByteIndex
        depth += 1

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        tag = _TO_TAG_END.match(data, opened) if depth == 1 else None
        if tag is None:
            return
        inner = tag.end()
        # expat tells of <a/> as of <a></a>; only the text tells them apart.
        if data.startswith(b"/>", inner - 2):
            spans.append(Span(name, opened, inner, inner, inner))
        else:
            at = parser.CurrentByteIndex
            spans.append(Span(name, opened, data.index(b">", at) + 1, inner, at))

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    _run(parser, data)
    return spans


def indent(text: str, spaces: int) -> str:
    """Move ``text`` to the right by ``spaces``, exactly as libvirt does when it nests a domain in a snapshot.

    Only lines that begin with markup move. Text of several lines does not, nor anything inside an element that holds
    text beside elements, CDATA or ``xml:space='preserve'`` (libxml2 prints those as they are).
    """
    data = encoded(text)
    places = [0, *_line_starts(data), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    return (b" " * spaces).join(pieces).decode()


def dedent(text: str, spaces: int) -> str:
    """Move back what ``indent`` moved: the same lines lose up to ``spaces`` leading spaces."""
    data = encoded(text)
    pieces = []
    done = 0
    for place in _line_starts(data):
        before = data[done:place]
        kept = before.rstrip(b" ")
        pieces.append(before[: max(len(kept), len(before) - spaces)])
        done = place
    pieces.append(data[done:])
    return b"".join(pieces).decode()


def with_root_name(text: str, name: str) -> str:
    """Call the root element ``name``; nothing else changes. So libvirt nests a domain as ``inactiveDomain``."""
    data = encoded(text)
    tags = [piece for piece in markup(data) if piece.kind in (Kind.START, Kind.EMPTY, Kind.END)]
    places = {tags[0].start + 1}
    if tags[-1].kind is Kind.END:
        places.add(tags[-1].start + 2)
    old = len(tags[0].name.encode())
    pieces = []
    done = 0
    for place in sorted(places):
        pieces += [data[done:place], name.encode()]
        done = place + old
    return b"".join([*pieces, data[done:]]).decode()


def escape(value: str) -> str:
    """Write ``value`` as XML text or attribute value, with libvirt's choice of escapes.

    That choice loses line ends: readers take CR for a line feed, and in attributes both, and tabs, for spaces; see
    ``escape_text``, ``escape_attribute``. Raises InvalidArgument (8) for a character XML cannot hold.
    """
    if bad := _FORBIDDEN.search(value):
        raise InvalidArgument(
            f"character U+{ord(bad.group()):04X} cannot be written in XML", value=f"U+{ord(bad.group()):04X}"
        )
    return value.translate(_ESCAPES)


def escape_text(value: str) -> str:
    """Write ``value`` as XML text that reads back as it is. Raises as ``escape`` does."""
    return escape(value).replace("\r", "&#13;")


def escape_attribute(value: str) -> str:
    """Write ``value`` as an attribute's value that reads back as it is. Raises as ``escape`` does."""
    return escape_text(value).replace("\n", "&#10;").replace("\t", "&#9;")


def shown(value: str) -> str:
    """Make a harmless value fit for an error message: one line, no control characters, not long."""
    readable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value[: _SHOWN + 1])
    return readable if len(value) <= _SHOWN else readable[:_SHOWN] + "…"


def content(element: etree._Element | None) -> str | None:
    """All text in ``element``; None if there is no such element or no text, which is the same to libvirt."""
    if element is None:
        return None
    return "".join(part if isinstance(part, str) else part.decode() for part in element.itertext()) or None


def _parser() -> expat.XMLParserType:
    """Make an expat parser that refuses DTDs, and with them all entities that are not XML's own."""
    parser = expat.ParserCreate("utf-8")
    parser.ordered_attributes = True
    parser.StartDoctypeDeclHandler = _refuse_dtd
    return parser


def _run(parser: expat.XMLParserType, data: bytes) -> None:
    try:
        parser.Parse(data, True)  # noqa: FBT003  expat takes no keywords
    except expat.ExpatError as error:
        raise _not_well_formed(error.lineno, error.offset + 1, expat.ErrorString(error.code)) from None


def _refuse_dtd(*_declaration: object) -> None:
    raise MalformedXml("a document type declaration (DTD) is not accepted", accepted="XML without <!DOCTYPE")


def _not_well_formed(line: int, column: int, kind: str) -> MalformedXml:
    return MalformedXml(f"the document is not well-formed: line {line}, column {column}: {kind}")


def _kind_of(error: etree.XMLSyntaxError) -> str:
    """libxml2's name of the kind of error, in words. Its message would quote the document."""
    log: Any = error.error_log
    names = [str(entry.type_name) for entry in log if entry.type == getattr(error, "code", None)]
    return names[-1].removeprefix("ERR_").lower().replace("_", " ") if names else "syntax error"


def _wrong_root(root: str, element: etree._Element) -> MalformedXml:
    name = etree.QName(element)
    where = " of a namespace" if name.namespace else ""
    return MalformedXml(
        f"expecting root element of '{root}', not '{shown(name.localname)}'{where}",
        field="root",
        value=shown(name.localname),
        accepted=root,
    )


class _Open:
    """An element being walked through: where its line starts begin, and whether it holds text or markup."""

    __slots__ = ("mark", "markup", "text")

    def __init__(self, mark: int, *, text: bool) -> None:
        self.mark = mark
        self.text = text
        self.markup = False


def _line_starts(data: bytes) -> list[int]:
    """Where markup begins a line that libvirt would indent anew."""
    places: list[int] = []
    stack = [_Open(0, text=False)]
    done = 0
    for piece in markup(data):
        gap = data[done : piece.start]
        line, tail = (gap.rpartition(b"\n")[1:]) if done else (b"\n", gap.rpartition(b"\n")[2])
        done = piece.end
        blank = not gap.strip(XML_SPACE)
        if len(stack) > 1 and (not blank or piece.kind is Kind.CDATA):
            stack[-1].text = True
        begins_line = bool(line) and not tail.strip(XML_SPACE)
        if piece.kind is Kind.END:
            closed = stack.pop()
            if closed.text or not closed.markup:
                del places[closed.mark :]
                begins_line = False
        else:
            stack[-1].markup = True
        if begins_line and piece.kind is not Kind.CDATA:
            places.append(piece.start)
        if piece.kind is Kind.START:
            stack.append(_Open(len(places), text=bool(_PRESERVE.search(data, piece.start, piece.end))))
    return places
