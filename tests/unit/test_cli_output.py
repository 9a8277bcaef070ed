"""Tables, trees and words as virsh 9.0 prints them: what is compared with here, virsh printed."""

import pytest

from revisor.cli import output


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_a_table_is_virshs(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["Id", "Name", "State"], [["1", "test", "running"], ["-", "web", "shut off"]])
    assert printed(capsys) == (
        " Id   Name   State\n-----------------------\n 1    test   running\n -    web    shut off\n\n"
    )


def test_an_empty_last_cell_leaves_the_blanks_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["s1", "2026-11-23 15:27:05 +0000", "running", ""], ["s2", "2026-11-23 15:27:05 +0000", "running", "s1"]]
    output.table(["Name", "Creation Time", "State", "Parent"], rows)
    assert printed(capsys) == (
        " Name   Creation Time               State     Parent\n"
        "------------------------------------------------------\n"
        " s1     2026-11-23 15:27:05 +0000   running   \n"
        " s2     2026-11-23 15:27:05 +0000   running   s1\n"
        "\n"
    )


def test_an_empty_table_is_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["Name", "Creation Time", "State"], [])
    assert printed(capsys) == " Name   Creation Time   State\n-------------------------------\n\n"


TREES = [
    ({"s1": None, "s2": "s1"}, "s1\n  |\n  +- s2\n    \n\n"),
    ({"s1": None, "s2": "s1", "s3": "s1"}, "s1\n  |\n  +- s2\n  +- s3\n    \n\n"),
    ({"aa": None, "b": None}, "aa\n\nb\n\n\n"),
    ({}, "\n"),
    (
        {"a": None, "b": "a", "c": "b", "d": "a", "e": "d", "f": "b"},
        "a\n  |\n  +- b\n  |   |\n  |   +- c\n  |   +- f\n  |     \n  +- d\n      |\n      +- e\n        \n\n",
    ),
]


@pytest.mark.parametrize(("parents", "tree"), TREES)
def test_a_tree_is_virshs(parents: dict[str, str | None], tree: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.tree(parents)
    assert printed(capsys) == tree


def test_a_tree_may_be_deeper_than_python_calls(capsys: pytest.CaptureFixture[str]) -> None:
    output.tree({str(number): None if number == 0 else str(number - 1) for number in range(1500)})
    assert "+- 1499\n" in printed(capsys)


def test_columns_are_counted_as_a_terminal_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["Name", "State"], [["日本", "running"], ["ü", "running"], ["plain", "running"]])
    assert printed(capsys).splitlines()[2:5] == [" 日本    running", " ü       running", " plain   running"]


def test_nothing_printed_drives_the_terminal() -> None:
    assert output.printable("a\x1b[2Jb\tc\n") == "a\\x1b[2Jb\\x09c\\x0a"
    assert output.printable("\udcff") == "\\xff"
    assert output.printable("grün") == "grün"


def test_a_time_too_far_to_be_shown_is_shown_as_its_number() -> None:
    assert output.local_seconds(2**62) == str(2**62)
    assert output.local_time(None) == "-"
