"""Which values of a domain's XML are secrets, and how they leave its text and come back.

Secret is what libvirt 9.0 shows only with VIR_DOMAIN_XML_SECURE (found by dumping both ways):

    graphics/@passwd         the password of VNC and SPICE
    source/cookies/cookie    cookies sent to an HTTP server, of a disk or of a disk in a snapshot

They are secrets wherever they stand: in a domain, in either domain of a snapshot, below a namespace of somebody's own,
and also where something only looks like them, in a comment, a CDATA section, an instruction, escaped in text.

In a redacted text the place of a secret holds ``revisor-secret:REFERENCE``. Secrets are handled as they are written,
escapes included, so that putting them back gives the same bytes. One that is not written as libvirt would write it has
a second reference, ``revisor-secret:REFERENCE~AS-WRITTEN``, and so two spellings of one password can still be seen to
be equal (``same``).
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from domain_model import xml
from domain_model.xml import Kind, Markup

HIDDEN = "*****"
_TOKEN_PREFIX = "revisor-secret:"  # noqa: S105  the word that marks a reference, no secret
_REFERENCE = r"[A-Za-z0-9_.:]+(?:-[A-Za-z0-9_.:]+)*"
_REFERENCE_ONLY = re.compile(_REFERENCE)
_TOKEN = re.compile(f"{_TOKEN_PREFIX}({_REFERENCE})(?:~({_REFERENCE}))?")

_HINT = re.compile(rb"passwd|cookies", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"""(?<!\s)(\s+)([^\s=>/"']+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_CHARACTER = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(amp|lt|gt|quot|apos));|[\t\n]|\r\n?")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}

# What looks like a secret where there is no real markup. Read left to right with a little state, so that the time
# needed grows with the length of the text only. After an opening quote that never closes, the word is the value.
_LESS = rb"(?:<|&lt;|&\#0*60;|&\#x0*3c;)"
_GREATER = rb"(?:>|&gt;|&\#0*62;|&\#x0*3e;)"
_DOUBLE = rb'(?:"|&quot;|&\#0*34;|&\#x0*22;)'
_SINGLE = rb"(?:'|&apos;|&\#0*39;|&\#x0*27;)"
_LOOKALIKE = re.compile(
    rb"""
      (?P<graphics> {LESS} (?:[^\s<>/=&]+:)?+ graphics \b )
    | (?P<cookies>  {LESS} (?:[^\s<>/=&]+:)?+ cookies \b )
    | (?P<cookie>   {LESS} (?:[^\s<>/=&]+:)?+ cookie \b )
    | (?P<closing>  {LESS} / )
    | (?P<greater>  {GREATER} )
    | passwd \s* = \s* (?: {DOUBLE} (?P<double>.*?) {DOUBLE} | {SINGLE} (?P<single>.*?) {SINGLE} | (?P<word>[^\s<>]+) )
    """.replace(b"{LESS}", _LESS)
    .replace(b"{GREATER}", _GREATER)
    .replace(b"{DOUBLE}", _DOUBLE)
    .replace(b"{SINGLE}", _SINGLE),
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


class _Secret(NamedTuple):
    """A secret at bytes ``start`` to ``end``; ``mask`` puts ``cover`` over bytes ``hide_start`` to ``hide_end``."""

    start: int
    end: int
    hide_start: int
    hide_end: int
    cover: bytes
    real: bool
    """Whether it is really one, not only something that looks like one."""


class _Open(NamedTuple):
    """An element being walked through."""

    tag: Markup
    before: int
    """Where the text before it begins."""
    cookies: list[tuple[int, int]]


def redact(text: str, reference: Callable[[str], str]) -> tuple[str, dict[str, str]]:
    """Put references in the place of all secrets; nothing else changes.

    ``reference`` names a secret: the same secret by the same name always, from which nobody can tell the secret.
    The second value has what ``restore`` will look up. Raises MalformedXml (27) for a text that is not well-formed,
    ValueError for a reference that could not stand in XML.
    """
    data = xml.encoded(text)
    vault: dict[str, str] = {}

    def replaced(secret: _Secret) -> bytes:
        written = data[secret.start : secret.end].decode()
        name = _checked(reference(written))
        vault[name] = written
        usual = xml.escape(_value(written)) if secret.real and "<" not in written else written
        both = name if usual == written else f"{_checked(reference(usual))}~{name}"
        return f"{_TOKEN_PREFIX}{both}".encode()

    return _replace(data, [(s.start, s.end, replaced(s)) for s in _secrets(data)]), vault


def restore(text: str, lookup: Callable[[str], str]) -> str:
    """Put the secrets back: ``restore`` of what ``redact`` gave is the original, byte by byte.

    ``lookup`` gives the value of a reference; what it raises for an unknown one goes on to the caller.
    """
    data = xml.encoded(text)
    found = [(s, _TOKEN.fullmatch(data[s.start : s.end].decode())) for s in _secrets(data)]
    return _replace(data, [(s.start, s.end, lookup(m.group(2) or m.group(1)).encode()) for s, m in found if m])


def mask(text: str) -> str:
    """Show a text, redacted or not, as libvirt shows it without SECURE: attribute and cookies are gone.

    What only looks like a secret reads ``*****`` instead; libvirt would show that one.
    """
    data = xml.encoded(text)
    return _replace(data, [(s.hide_start, s.hide_end, s.cover) for s in _secrets(data)])


def references(text: str) -> set[str]:
    """List what ``restore`` would look up for ``text``."""
    data = xml.encoded(text)
    found = (_TOKEN.fullmatch(data[s.start : s.end].decode()) for s in _secrets(data))
    return {match.group(2) or match.group(1) for match in found if match}


def is_secret_attribute(tag: str, name: str) -> bool:
    """Whether attribute ``name`` of an element ``tag`` (both without namespace) is a secret."""
    return name.lower() == "passwd" and tag.lower() == "graphics"


def is_secret_text(tag: str, parent: str) -> bool:
    """Whether the text of an element ``tag`` directly below a ``parent`` (both without namespace) is a secret."""
    return len(tag) == len("cookie") and tag.lower() == "cookie" and parent.lower() == "cookies"


def same(one: str, other: str) -> bool:
    """Whether two values, or what ``redact`` put in their place, are the same secret however it is written."""
    return one == other or (
        one.startswith(_TOKEN_PREFIX)
        and other.startswith(_TOKEN_PREFIX)
        and one.partition("~")[0] == other.partition("~")[0]
    )


def _checked(reference: str) -> str:
    if not _REFERENCE_ONLY.fullmatch(reference):
        raise ValueError("a reference is made of letters, digits, '_', '.', ':' and single '-' between them")
    return reference


def _value(written: str) -> str:
    """What an attribute written so says."""

    def character(match: re.Match[str]) -> str:
        hexadecimal, decimal, name = match.groups()
        if hexadecimal or decimal:
            return chr(int(hexadecimal, 16) if hexadecimal else int(decimal.lstrip("0")))
        return _NAMED[name] if name else " "

    return _CHARACTER.sub(character, written)


def _replace(data: bytes, changes: list[tuple[int, int, bytes]]) -> str:
    pieces = []
    done = 0
    for start, end, new in sorted(changes):
        if start >= done:
            pieces += [data[done:start], new]
            done = end
    pieces.append(data[done:])
    return b"".join(pieces).decode()


def _secrets(data: bytes) -> list[_Secret]:
    """All secrets, in no particular order. None is empty, since nothing is hidden by hiding that."""
    hints = [match.start() for match in _HINT.finditer(data)]
    if not hints:
        return []
    return [secret for secret in _all(data, hints) if data[secret.start : secret.end].strip(xml.XML_SPACE)]


def _all(data: bytes, hints: list[int]) -> Iterator[_Secret]:
    waiting = iter(hints)
    hint = next(waiting, len(data))
    path: list[_Open] = []
    cookie: _Open | None = None
    done = 0
    for piece in xml.markup(data):
        if hint < piece.end:
            if cookie is None:
                yield from _lookalikes(data, done, piece.start)
                yield from _in_markup(data, piece)
            while hint < piece.end:
                hint = next(waiting, len(data))
        if piece.kind is Kind.START:
            opened = _Open(piece, done, [])
            if cookie is None and path and is_secret_text(_local(piece.name), _local(path[-1].tag.name)):
                cookie = opened
            path.append(opened)
        elif piece.kind is Kind.END:
            closed = path.pop()
            if closed.cookies:
                yield from _cookies(data, closed, piece)
            if closed is cookie:
                path[-1].cookies.append((closed.tag.end, piece.start))
                cookie = None
        done = piece.end


def _cookies(data: bytes, opened: _Open, end: Markup) -> Iterator[_Secret]:
    """The cookies seen in an element that ends now: libvirt hides all of it, with the line it stands on."""
    line = opened.before + len(data[opened.before : opened.tag.start].rstrip(xml.XML_SPACE))
    for inner in opened.cookies:
        if ":" in opened.tag.name:
            yield _Secret(*inner, *inner, HIDDEN.encode(), real=True)
        else:
            yield _Secret(*inner, line, end.end, b"", real=True)


def _in_markup(data: bytes, piece: Markup) -> Iterator[_Secret]:
    if piece.kind in (Kind.START, Kind.EMPTY):
        tag = _local(piece.name)
        for match in _ATTRIBUTE.finditer(data, piece.start, piece.end):
            start, end = match.span(3) if match.group(3) is not None else match.span(4)
            if not is_secret_attribute(tag, _local(match.group(2).decode())):
                yield from _lookalikes(data, start, end)
            elif ":" in piece.name:
                yield _Secret(start, end, start, end, HIDDEN.encode(), real=True)
            else:
                yield _Secret(start, end, *match.span(), b"", real=True)
    elif piece.kind is Kind.COMMENT:
        yield from _lookalikes(data, piece.start + 4, piece.end - 3)
    elif piece.kind is Kind.CDATA:
        yield from _lookalikes(data, piece.start + 9, piece.end - 3)
    elif piece.kind is Kind.INSTRUCTION:
        yield from _lookalikes(data, piece.start + 2, piece.end - 2)


def _lookalikes(data: bytes, start: int, end: int) -> Iterator[_Secret]:
    """What looks like a secret in text that is no markup."""
    if start < end and _HINT.search(data, start, end):
        for first, last in _lookalike_values(data, start, end):
            yield _Secret(first, last, first, last, HIDDEN.encode(), real=False)


def _lookalike_values(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    graphics = cookies = tag_open = False
    value_start: int | None = None
    for match in _LOOKALIKE.finditer(data, start, end):
        kind = match.lastgroup
        if value_start is not None:
            if kind == "closing":
                yield value_start, match.start()
                value_start = None
        elif kind == "greater":
            value_start = match.end() if tag_open else None
            tag_open = False
        elif kind == "cookie":
            tag_open = cookies
        elif kind in {"double", "single", "word"}:
            if graphics:
                yield match.span(kind)
        else:
            graphics = graphics or kind == "graphics"
            cookies = cookies or kind == "cookies"
    if value_start is not None:
        yield value_start, end


def _local(name: str) -> str:
    return name.rpartition(":")[2]
