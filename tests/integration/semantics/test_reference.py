"""docs/reference/semantics.md lists every row: with its number where it is tried, or with the reason why it is not."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.integration.semantics.test_rows import ROWS

REPOSITORY = Path(__file__).resolve().parents[3]
REFERENCE = REPOSITORY / "docs/reference/semantics.md"
_ROW = re.compile(r"\| `([^`]+)` \| (.*?) \| (done|\d+|) \| (.*?) \|")


@dataclass(frozen=True)
class Listed:
    id: str
    number: int | None
    tried: str
    """``row``: here; a test by its path and name; or ``not tried: `` and why."""


def listed() -> list[Listed]:
    found = []
    for line in REFERENCE.read_text().splitlines():
        match = _ROW.fullmatch(line)
        if match is not None:
            id, _, number, tried = match.groups()
            found.append(Listed(id, int(number) if number.isdecimal() else None, tried))
    return found


def test_every_row_that_is_tried_is_listed_with_its_number() -> None:
    assert {row.id: row.number for row in ROWS} == {row.id: row.number for row in listed() if row.tried == "row"}


def test_every_row_that_is_answered_with_done_looks_at_what_was_done() -> None:
    assert [row.id for row in ROWS if row.number is None and row.so is None] == []


def test_no_id_is_used_twice() -> None:
    ids = [row.id for row in listed()]
    assert sorted(ids) == sorted(set(ids))
    assert len(ROWS) == len({row.id for row in ROWS})


def test_a_row_that_is_tried_elsewhere_names_a_test_that_is_there_and_the_others_say_why_not() -> None:
    for row in listed():
        if row.tried == "row":
            continue
        if row.tried.startswith("not tried: "):
            assert len(row.tried) > len("not tried: ") + 10, row
            continue
        path, _, name = row.tried.strip("`").partition("::")
        assert name, row
        assert f"def {name}(" in (REPOSITORY / path).read_text(), row


def test_every_section_is_there() -> None:
    sections = {row.id.split("-")[0] for row in listed()}
    assert sections == {"1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "2.1", "2.2", "2.3", "2.4"}
