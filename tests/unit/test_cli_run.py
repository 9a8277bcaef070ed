"""What holds for all verbs."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from revisor.cli.main import Verbs, main, revisor
from revisor.cli.sections import SECTIONS, VERBS, Section
from revisor.cli.verb import Verb
from tests.architecture.copied_house import ROOT
from tests.unit.command_line import CommandLine


def every_verb(group: Verbs = revisor, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if isinstance(command, Verbs):
                yield from every_verb(command, (*before, name))
            else:
                yield (*before, name), command


OURS = [(words, command) for words, command in every_verb() if isinstance(command, Verb)]
ELSEWHERE = {
    ("up",),
    ("down",),
    ("serve",),
    ("worker",),
    ("projector",),
    ("scheduler",),
    ("alerter",),
    ("help",),
    ("simulator",),
}


OVER_AT_ONCE = {
    *(("projections", "rebuild"), ("projections", "resume"), ("acknowledge-restore",)),
    *(("operation", "cancel"), ("operation", "settle"), ("adopt",)),
    *(("snapshot-hold",), ("snapshot-release",)),
    *(("schedule", verb) for verb in ("add", "enable", "disable", "remove")),
}
RECORDING_NOTHING = {("export",), ("import",), ("backup",), ("schedule", "list"), ("schedule", "info")}


def test_every_verb_takes_the_context_options_that_mean_something_to_it() -> None:
    on_record, waiting = {"--reason", "--ticket", "--request-id"}, {"--wait", "--no-wait"}
    for words, command in OURS:
        takes = {option for parameter in command.params for option in parameter.opts}
        assert "--output" in takes
        assert (on_record <= takes) == (words not in RECORDING_NOTHING), words
        assert (waiting <= takes) == (words not in OVER_AT_ONCE | RECORDING_NOTHING), words
    assert {words for words, command in every_verb() if not isinstance(command, Verb)} <= ELSEWHERE


@pytest.mark.parametrize("words", [words for words, _ in every_verb()], ids=" ".join)
def test_every_verb_has_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", *words]) == 0
    helped = capsys.readouterr().out
    assert helped.startswith(f"Usage: revisor {' '.join(words)}")
    assert main([*words, "--help"]) == 0
    assert capsys.readouterr().out == helped


def test_every_verb_is_in_the_list_and_in_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    reference = Path(ROOT, "docs/reference/cli.md").read_text(encoding="utf-8")
    assert main(["help"]) == 0
    helped = capsys.readouterr().out
    for name in VERBS:
        assert f"\n  {name} " in helped
    for words, _ in every_verb():
        assert f"`{' '.join(words)}" in reference, f"docs/reference/cli.md says nothing of {' '.join(words)}"


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.keyword)
def test_the_verbs_of_a_section_can_be_shown_alone(section: Section, capsys: pytest.CaptureFixture[str]) -> None:
    assert section.keyword not in VERBS
    assert main(["help", section.keyword]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"{section.title} (help keyword '{section.keyword}'):"
    assert [line.split()[0] for line in lines] == list(section.verbs)


def test_no_verb_is_in_two_sections() -> None:
    assert sum(len(section.verbs) for section in SECTIONS) == len(VERBS)


def test_every_function_of_a_verb_says_what_it_does() -> None:
    for words, command in OURS:
        assert command.callback is not None
        assert inspect.getdoc(command.callback), words


LOOKING = [(words, command) for words, command in OURS if any("--fresh" in each.opts for each in command.params)]


@pytest.mark.parametrize(("words", "command"), LOOKING, ids=[" ".join(words) for words, _ in LOOKING])
def test_every_verb_that_offers_fresh_has_the_hosts_looked_at_first(
    line: CommandLine, words: tuple[str, ...], command: Verb
) -> None:
    needed = [word.option for word in command.words if word.required]
    one_of_many = ["--current"] if any("--current" in each.opts for each in command.params) else []
    line.run(*words, *needed, *one_of_many, "--fresh")
    assert line.service.asked[0][0].startswith("observe")


LOADED = """
import json, os, sys
before = set(sys.modules)
import revisor.__main__
sys.argv = ["revisor", *sys.argv[1:]]
try:
    revisor.__main__.main()
except SystemExit:
    pass
print(json.dumps(sorted({name.split(".")[0] for name in set(sys.modules) - before})))
"""


@pytest.mark.parametrize("words", [("list",), ("start", "web"), ("snapshot-list", "web")], ids=" ".join)
def test_a_verb_that_asks_loads_nothing_slow(words: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        cwd=ROOT,
        env={"REVISOR_HOME": f"{tmp_path}", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot reach Revisor" in done.stderr or "too long" in done.stderr
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"domain_model", "workers", "drivers", "projections", "migrations"}
    assert not loaded & {"pydantic", "fastapi", "uvicorn", "psycopg", "lxml", "rich", "eventsourcing", "asyncio"}


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_has_enough_is_no_error(unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "revisor", "help"],
            cwd=ROOT,
            env={"PYTHONUNBUFFERED": unbuffered, "PATH": ""},
            stdout=gone,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")
