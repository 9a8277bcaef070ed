"""``--plan``: what would be touched is printed, and nothing is asked for."""

import json

import pytest

from tests.unit.command_line import CommandLine


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("snapshot-delete web s1 --children --plan", ("snapshot-delete", {"name": "s1", "children": True})),
        ("snapshot-revert lab/web s1 --plan", ("snapshot-revert", {"name": "s1"})),
        ("undefine web --plan --managed-save", ("undefine", {"managed_save": True})),
    ],
)
def test_a_plan_asks_what_the_verb_would_touch_and_for_nothing_else(
    line: CommandLine, words: str, asked: tuple[str, dict[str, object]]
) -> None:
    said = line.run(*words.split())
    assert said.code == 0
    assert [entry[0] for entry in line.service.asked] == ["plan"]
    assert line.service.asked[0][3:] == asked
    assert "s1" in said.out
    assert "is deleted" in said.out
    assert "/images/web.qcow2" in said.out
    assert "its memory is lost" in said.out
    assert "could not be looked into" in said.out
    assert "Reversible: no: there is none" in said.out


def test_a_plan_as_json_is_the_document(line: CommandLine) -> None:
    document = json.loads(line.run("undefine", "web", "--plan", "--output", "json").out)
    assert document["kind"] == "plan"
    assert document["items"][0]["way_back"] == "there is none"
