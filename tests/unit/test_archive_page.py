"""The page about archives says what is in them: somebody may have nothing but it and a file."""

import json
import re
from pathlib import Path
from uuid import UUID

import pytest

from revisor.store.archive import LOG, Member
from revisor.store.archive_file import NUMBER, Head, Manifest
from tests.architecture.copied_house import ROOT

PAGE = Path(ROOT, "docs/reference/archive.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("member", LOG, ids=lambda member: member.name)
def test_the_page_has_the_columns_of_each_member_in_order(member: Member) -> None:
    columns = member.target.partition("(")[2].rstrip(")").split(", ")
    assert member.query.partition(" FROM ")[0].removeprefix("SELECT ").split(", ") == columns
    [row] = re.findall(rf"^\| `{member.name}` \| (.*) \|$", PAGE, re.MULTILINE)
    assert [said.split()[0] for said in row.split(", ")] == columns
    assert f"| `{member.name}.pgcopy` |" in PAGE


def test_the_page_has_every_key_of_the_manifest() -> None:
    manifest = Manifest(Head(UUID(int=0), 0, None, None), 18, {})
    for key in json.loads(manifest.to_json()):
        assert re.search(rf"^\|[^|]*`{key}`", PAGE, re.MULTILINE), key
    assert PAGE.startswith(f"# The archive of a log, format {NUMBER}\n")
