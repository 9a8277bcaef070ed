"""docs/reference/semantics.md lists every row: with its number where it is tried, or with the reason why it is not."""

import pytest

from tests.integration.semantics.reference import REPOSITORY, Listed, listed, rows_in
from tests.integration.semantics.test_rows import ROWS


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


def test_a_row_is_read_with_its_number_and_where_it_is_tried() -> None:
    text = (
        "| row | what |\n|---|---|\n| `2.3-suspend` | pauses | done | row |\n| `2.3-none` | is not there | 42 | row |"
    )

    assert rows_in(text) == [Listed("2.3-suspend", None, "row"), Listed("2.3-none", 42, "row")]


@pytest.mark.parametrize("id", ["", "2.3", "suspend", "2.3-", "2.3-Suspend", "2.3-suspend of it"])
def test_what_names_no_row_is_no_row(id: str) -> None:
    with pytest.raises(ValueError, match="no row"):
        rows_in(f"| `{id}` | pauses | done | row |")


@pytest.mark.parametrize("rest", ["pauses | done", "pauses | maybe | row", "pauses |  | row", "pauses | done |"])
def test_a_row_without_a_number_or_a_place_is_not_passed_over(rest: str) -> None:
    with pytest.raises(ValueError, match="no row"):
        rows_in(f"| `2.3-suspend` | {rest} |")
