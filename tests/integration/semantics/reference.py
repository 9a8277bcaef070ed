"""The one reader of docs/reference/semantics.md: which rows there are, with which number, and where each is tried."""

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
_REFERENCE = REPOSITORY / "docs/reference/semantics.md"
_ID = r"\d\.\d-[a-z0-9]+(?:-[a-z0-9]+)*"
_ROW = re.compile(rf"\| `({_ID})` \| .+? \| (done|\d+) \| (.+?) \|")


@dataclass(frozen=True)
class Listed:
    id: str
    """The section it is in, and words."""
    number: int | None
    tried: str
    """``row``: in this folder; a test by its path and name; or ``not tried: `` and why."""


def listed() -> list[Listed]:
    """Every row of the reference. Raises ValueError naming one that cannot be read."""
    return rows_in(_REFERENCE.read_text(encoding="utf-8"))


def rows_in(text: str) -> list[Listed]:
    """A line of a table that begins with code is a row; it does not drop out when it is badly written."""
    return [_read(line) for line in text.splitlines() if line.startswith("| `")]


def _read(line: str) -> Listed:
    match = _ROW.fullmatch(line)
    if match is None:
        raise ValueError(f"this is no row of docs/reference/semantics.md: {line}")
    id, number, tried = match.groups()
    return Listed(id, None if number == "done" else int(number), tried)
