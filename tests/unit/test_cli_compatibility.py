"""The page about virsh's verbs cannot rot: it is held against our verbs, and against virsh where that is installed."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import pytest

from revisor.cli.main import revisor
from revisor.cli.sections import VERBS
from revisor.cli.verb import Verb
from tests.architecture.copied_house import ROOT

PAGE = Path(ROOT, "docs/virsh-compatibility.md")
STATUSES = ("same", "better", "not yet")
VERSION = "9.0"

_ROW = re.compile(r"\| `(?P<verb>[a-z-]+)` \| (?P<status>[^|]*) \| (?P<words>.*?) ?\|")
_SECTION = re.compile(r"## (.+)")
_WITHOUT = re.compile(r"without (`--.*)$")


@dataclass(frozen=True)
class Row:
    section: str
    verb: str
    status: str
    words: str

    @property
    def without(self) -> set[str]:
        """Options of virsh's that are refused."""
        match = _WITHOUT.search(self.words)
        return set() if match is None else set(re.findall(r"`--([a-z-]+)`", match.group(1)))


def rows() -> Iterator[Row]:
    section = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := _SECTION.fullmatch(line):
            section = heading.group(1)
        elif row := _ROW.fullmatch(line):
            yield Row(section, row["verb"], row["status"], row["words"])


ROWS = list(rows())
OURS = [row for row in ROWS if row.status != "not yet"]


def command_of(verb: str) -> Verb:
    with click.Context(revisor) as context:
        command = revisor.get_command(context, verb)
    assert isinstance(command, Verb)
    return command


def options_of(command: click.Command) -> set[str]:
    return {option.removeprefix("--") for parameter in command.params for option in parameter.opts if "--" in option}


def refused_options(command: click.Command) -> set[str]:
    return {
        option.removeprefix("--")
        for parameter in command.params
        if isinstance(parameter, click.Option) and (parameter.help or "").startswith("Not supported: ")
        for option in parameter.opts
    }


def virsh(*words: str) -> str:
    if shutil.which("virsh") is None:
        pytest.skip("virsh is not installed (Debian: libvirt-clients)")
    return subprocess.run(["virsh", *words], capture_output=True, text=True, check=True).stdout


@cache
def is_that_virsh() -> bool:
    return virsh("--version").startswith(VERSION)


@pytest.fixture
def that_virsh() -> None:
    if not is_that_virsh():
        pytest.skip(f"the page is about virsh {VERSION}, and this one is {virsh('--version').strip()}")


def test_every_row_says_same_better_or_not_yet() -> None:
    assert {row.status for row in ROWS} <= set(STATUSES)
    names = [row.verb for row in ROWS]
    assert len(names) == len(set(names))


def test_what_is_there_is_a_verb_and_what_is_not_yet_is_none() -> None:
    assert [row.verb for row in OURS if row.verb not in VERBS] == []
    assert [row.verb for row in ROWS if row.status == "not yet" and row.verb in VERBS] == []


def test_what_is_better_says_how() -> None:
    assert [row.verb for row in ROWS if row.status == "better" and not row.words] == []


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.verb)
def test_what_is_refused_of_a_verb_is_what_the_page_names(row: Row) -> None:
    assert refused_options(command_of(row.verb)) == row.without


@pytest.mark.parametrize(
    ("section", "keyword"),
    [
        ("Domain Management", "domain"),
        ("Domain Monitoring", "monitor"),
        ("Snapshot", "snapshot"),
        ("Checkpoint", "checkpoint"),
        ("Backup", "backup"),
    ],
)
@pytest.mark.usefixtures("that_virsh")
def test_the_page_has_every_verb_of_virsh(section: str, keyword: str) -> None:
    has = re.findall(r"^    ([a-z-]+) ", virsh("help", keyword), re.MULTILINE)
    assert [row.verb for row in ROWS if row.section == section] == has


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.verb)
@pytest.mark.usefixtures("that_virsh")
def test_a_verb_has_every_option_of_virsh(row: Row) -> None:
    text = virsh("help", row.verb)
    has = set(re.findall(r"^    \[?--([a-z-]+)", text, re.MULTILINE))
    assert has - options_of(command_of(row.verb)) == set()
