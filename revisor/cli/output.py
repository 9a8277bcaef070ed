"""How answers look on a terminal: virsh's tables and trees to the space, and nothing that could drive the terminal."""

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from revisor.client import Reply

_TIME = "%Y-%m-%d %H:%M:%S %z"
_UNITS_S = (("d", 86_400), ("h", 3600), ("min", 60))


def say(text: str = "") -> None:
    """Print a line. What is printed is for people: control characters are shown and not sent."""
    print(text)


def message(text: str) -> None:
    """A sentence about what was done, and the empty line virsh ends with."""
    print(printable(text), end="\n\n")


def document(kind: str, items: Sequence[Any], position: int | None, observed_at: str | None) -> None:
    """The one JSON document of an answer."""
    body = {"kind": kind, "position": position, "observed_at": observed_at, "items": list(items)}
    json_text(body)


def json_text(body: Any) -> None:
    data = json.dumps(body, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace")
    sys.stdout.flush()
    sys.stdout.buffer.write(data + b"\n")
    sys.stdout.buffer.flush()


def document_of(reply: Reply, kind: str, items: Sequence[Any]) -> None:
    """A JSON document of items that came without one."""
    document(kind, items, reply.position, reply.observed_at)


def raw(text: str) -> None:
    """XML, byte for byte as it is kept, and the line end virsh adds."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """virsh's table: one blank before each cell, two more behind all but the last; then an empty line."""
    cells = [list(header), *([printable(_cell(value)) for value in row] for row in rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(header))]
    for number, row in enumerate(cells):
        padded = [f" {text}{' ' * (size - width(text) + 2)}" for text, size in zip(row[:-1], widths, strict=False)]
        print("".join(padded) + f" {row[-1]}")
        if number == 0:
            print("-" * sum(size + 3 for size in widths))
    print()


def pairs(lines: Iterable[tuple[str, Any]]) -> None:
    """``Key:  value`` lines as of dominfo, and an empty line."""
    for key, value in lines:
        print(f"{key + ':':<15} {printable(_cell(value))}")
    print()


def tree(parents: Mapping[str, str | None], labels: Mapping[str, str] | None = None) -> None:
    """virsh's tree of names, each given with its parent's name; in the order given. Any depth.

    ``labels`` are shown in the places of names.
    """
    children: dict[str | None, list[str]] = {}
    for name, parent in parents.items():
        children.setdefault(parent if parent in parents else None, []).append(name)
    for root in children.get(None, []):
        _branch(root, children, labels or {})
    print()


def _branch(root: str, children: Mapping[str | None, Sequence[str]], labels: Mapping[str, str]) -> None:
    """Print a root and all below it. A stack, not recursion: a chain of snapshots may be thousands long."""
    waiting = [(root, "", "", True)]
    while waiting:
        name, indent, mark, last = waiting.pop()
        print(f"{indent}{mark}{printable(labels.get(name, name))}")
        below = children.get(name, ())
        inner = indent if not mark else indent + ("  " if last else "| ")
        if below:
            print(f"{inner}  |")
            waiting += [(child, inner + "  ", "+- ", number == 0) for number, child in enumerate(reversed(below))]
        elif last:
            print(inner)


def local_time(moment: str | None) -> str:
    """An RFC 3339 time as virsh prints times: local, with the offset."""
    if not moment:
        return "-"
    from datetime import datetime  # not every verb needs it, and start-up is measured

    return datetime.fromisoformat(moment).astimezone().strftime(_TIME)


def local_seconds(seconds: int) -> str:
    """Seconds since 1970 as virsh prints them."""
    try:
        return time.strftime(_TIME, time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return str(seconds)


def span(seconds: float) -> str:
    """A time in the largest unit of which there are at least two."""
    for unit, size_s in _UNITS_S:
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def printable(text: str) -> str:
    r"""Control characters and what is no character as ``\xNN``, as virsh writes them in tables."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else "".join(f"\\x{byte:02x}" for byte in one.encode("utf-8", "surrogateescape"))
        for one in text
    )


def width(text: str) -> int:
    """How many columns a terminal takes for it."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # as above

    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)
