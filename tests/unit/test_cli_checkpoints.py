"""The verbs of checkpoints and backups: what they ask for and what they print, as virsh 9.0 does."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from domain_model.errors import NoBackup, NoCheckpoint
from revisor.checkpoint_answers import CheckpointAnswers
from revisor.store.context import Context
from tests.unit.command_line import CommandLine
from tests.unit.test_http_fake_service import FakeService

Item = dict[str, Any]
NO_ZZ = "error: Domain checkpoint not found: no domain checkpoint with matching name 'zz' [103]\n"


class FakeCheckpoints:
    """Answers what it was told to, and remembers in the service what it was asked."""

    def __init__(self, service: FakeService) -> None:
        self._service = service
        self.known: list[Item] = []
        self.running: str | None = None

    def all_of(self, ref: str, host: str | None) -> list[Item]:
        self._service._note(None, "all_of", ref, host)
        return self.known

    def one(self, ref: str, host: str | None, name: str) -> Item:
        self._service._note(None, "one", ref, host, name)
        for item in self.known:
            if item["name"] == name:
                return {**item, "domain": ref}
        raise NoCheckpoint(f"no domain checkpoint with matching name '{name}'", field="checkpoint", value=name)

    def xml(
        self, ref: str, host: str | None, name: str, context: Context, *, security_info: bool, no_domain: bool
    ) -> str:
        self._service._note(context, "xml", ref, host, name, security_info, no_domain)
        return f"<domaincheckpoint>\n  <name>{name}</name>\n</domaincheckpoint>\n"

    def backup(self, ref: str, host: str | None) -> Item:
        raise NotImplementedError

    def backup_xml(self, ref: str, host: str | None) -> str:
        self._service._note(None, "backup_xml", ref, host)
        if self.running is None:
            raise NoBackup("no domain backup job present", field="domain")
        return self.running


@pytest.fixture
def line(line: CommandLine) -> CommandLine:
    """A command line for a domain with the checkpoints a > b > (c, D) and the root r."""
    fake = FakeCheckpoints(line.service)
    parents = {"a": None, "b": "a", "c": "b", "D": "b", "r": None}
    fake.known = [
        {
            "name": name,
            "id": f"id-{name}",
            "parent": parent,
            "children": sorted(child for child in parents if parents[child] == name),
            "creation_time": 1795487559,
            "current": name == "D",
            "has_description": False,
            "description": None,
        }
        for name, parent in parents.items()
    ]
    line.service.checkpoints = fake  # type: ignore[attr-defined]
    return line


def asked_for(line: CommandLine) -> tuple[str, Item]:
    """The verb and the arguments of the one change that was asked for."""
    [(_, _, _, verb, arguments)] = [asked for asked in line.service.asked if asked[0] == "act"]
    return verb, arguments


@pytest.mark.parametrize("name", [name for name in vars(FakeCheckpoints) if not name.startswith("_")])
def test_the_fake_is_asked_like_the_real_one(name: str) -> None:
    real, fake = (inspect.signature(getattr(kind, name)) for kind in (CheckpointAnswers, FakeCheckpoints))
    assert [(p.name, p.kind) for p in real.parameters.values()] == [(p.name, p.kind) for p in fake.parameters.values()]


@pytest.mark.parametrize(
    ("words", "verb", "arguments", "said"),
    [
        ("checkpoint-create web --quiesce", "checkpoint-create", {"quiesce": True}, None),
        ("checkpoint-delete web a", "checkpoint-delete", {"name": "a"}, "Domain checkpoint a deleted\n\n"),
        (
            "checkpoint-delete web --checkpointname a --children --metadata",
            "checkpoint-delete",
            {"name": "a", "children": True, "metadata": True},
            "Domain checkpoint a deleted\n\n",
        ),
        (
            "checkpoint-delete web a --children-only",
            "checkpoint-delete",
            {"name": "a", "children_only": True},
            "Domain checkpoint a children deleted\n\n",
        ),
        ("backup-begin web", "backup-begin", {}, "Backup started\n\n"),
        ("backup-begin --domain web --reuse-external", "backup-begin", {"reuse_external": True}, "Backup started\n\n"),
    ],
)
def test_a_verb_asks_and_says_what_virsh_says(
    line: CommandLine, words: str, verb: str, arguments: Item, said: str | None
) -> None:
    done = line.run(*words.split())

    assert (done.code, done.err) == (0, "")
    assert asked_for(line) == (verb, arguments)
    assert said is None or done.out == said


def test_a_checkpoint_is_made_from_a_file_and_named_by_its_outcome(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text("<domaincheckpoint/>")
    line.service.settle(state="succeeded", result={"checkpoint": "1795487559"})

    done = line.run("checkpoint-create", "web", str(file), "--redefine", "--redefine-validate")

    assert done.out == f"Domain checkpoint 1795487559 created from '{file}'\n"
    assert asked_for(line)[1] == {"xml": "<domaincheckpoint/>", "redefine": True, "redefine_validate": True}


def test_validating_is_for_a_redefinition_only(line: CommandLine) -> None:
    done = line.run("checkpoint-create", "web", "--redefine-validate")

    assert (done.code, done.err) == (2, "error: Option --redefine is required by option --redefine-validate [8]\n")


def test_a_backup_takes_its_files_in_virshs_order(line: CommandLine, tmp_path: Path) -> None:
    backup, checkpoint = tmp_path / "b.xml", tmp_path / "c.xml"
    backup.write_text("<domainbackup/>")
    checkpoint.write_text("<domaincheckpoint/>")

    line.run("backup-begin", "web", str(backup), str(checkpoint))

    assert asked_for(line)[1] == {"xml": "<domainbackup/>", "checkpoint_xml": "<domaincheckpoint/>"}


DOCUMENT = """<domaincheckpoint>
  <name>a</name>
  <description>first &amp; last</description>
  <disks>
    <disk name='vda' checkpoint='bitmap' bitmap='q'/>
    <disk name='a,b' checkpoint='no'/>
  </disks>
</domaincheckpoint>
"""
SPECS = ("--diskspec", "vda,checkpoint=bitmap,bitmap=q", "--diskspec", "a,,b,checkpoint=no")


def test_a_document_is_written_as_virsh_writes_it(line: CommandLine) -> None:
    shown = line.run("checkpoint-create-as", "web", "a", "first & last", *SPECS, "--print-xml")
    words = line.run("checkpoint-create-as", "web", "a", "first & last", *SPECS[1::2], "--print-xml")
    assert shown.out == words.out == DOCUMENT + "\n"
    assert line.service.asked == []

    line.run("checkpoint-create-as", "web", "--name", "a", "--description", "first & last", *SPECS)
    assert asked_for(line) == ("checkpoint-create", {"xml": DOCUMENT})


@pytest.mark.parametrize("spec", ["vda,snapshot=no", "vda,bitmap"])
def test_a_disk_that_cannot_be_parsed_is_refused(line: CommandLine, spec: str) -> None:
    done = line.run("checkpoint-create-as", "web", "--diskspec", spec)

    assert (done.code, done.last) == (1, f"error: invalid argument: unable to parse diskspec: {spec} [8]")


# Lists.


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("", "a b c D r"),
        ("--roots", "a r"),
        ("--leaves", "c D r"),
        ("--no-leaves", "a b"),
        ("--leaves --no-leaves", "a b c D r"),
        ("--leaves --roots", "r"),
        ("--from a", "b"),
        ("--from a --descendants", "b c D"),
        ("--from b --leaves", "c D"),
        ("--from r", ""),
        ("--topological", "a r b c D"),
        ("--from a --descendants --topological", "b c D"),
    ],
)
def test_a_list_is_filtered_and_sorted_as_by_virsh(line: CommandLine, options: str, names: str) -> None:
    done = line.run("checkpoint-list", "web", "--name", *options.split())

    assert done.out == "".join(f"{name}\n" for name in names.split()) + "\n"
    shown = json.loads(line.run("checkpoint-list", "web", *options.split(), "--output", "json").out)
    assert (shown["kind"], [item["name"] for item in shown["items"]]) == ("checkpoint-list", names.split())


def test_a_table_may_have_a_column_for_the_parent(line: CommandLine) -> None:
    assert line.run("checkpoint-list", "web", "--from", "a", "--parent").out == (
        " Name   Creation Time               Parent\n"
        "--------------------------------------------\n"
        " b      2026-11-24 02:32:39 +0000   a\n"
        "\n"
    )
    assert line.run("checkpoint-list", "web", "--roots").out == (
        " Name   Creation Time\n"
        "-----------------------------------\n"
        " a      2026-11-24 02:32:39 +0000\n"
        " r      2026-11-24 02:32:39 +0000\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("options", "tree"),
    [
        ("", "a\n  |\n  +- b\n      |\n      +- c\n      +- D\n        \nr\n\n\n"),
        ("--from b", "b\n  |\n  +- c\n  +- D\n    \n\n"),
        ("--from a", "a\n  |\n  +- b\n    \n\n"),
        ("--from a --descendants", "a\n  |\n  +- b\n      |\n      +- c\n      +- D\n        \n\n"),
    ],
)
def test_a_tree_is_drawn(line: CommandLine, options: str, tree: str) -> None:
    assert line.run("checkpoint-list", "web", "--tree", *options.split()).out == tree


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--roots --from a", "Options --roots and --from are mutually exclusive"),
        ("--roots --parent", "Options --parent and --roots are mutually exclusive"),
        ("--roots --tree", "Options --roots and --tree are mutually exclusive"),
        ("--parent --tree", "Options --parent and --tree are mutually exclusive"),
        ("--name --tree", "Options --tree and --name are mutually exclusive"),
        ("--leaves --tree", "--leaves and --tree are mutually exclusive"),
        ("--no-leaves --tree", "--no-leaves and --tree are mutually exclusive"),
        ("--descendants", "--descendants requires --from"),
        ("--roots --from a --parent --tree --name", "Options --tree and --name are mutually exclusive"),
        ("--roots --from a --parent --tree", "Options --parent and --roots are mutually exclusive"),
    ],
)
def test_what_virsh_forbids_together_is_refused_before_anything_is_asked(
    line: CommandLine, options: str, words: str
) -> None:
    done = line.run("checkpoint-list", "web", *options.split())

    assert (done.code, done.err) == (2, f"error: {words} [8]\n")
    assert line.service.asked == []


@pytest.mark.parametrize("options", ["--from zz", "--from zz --tree", "--from zz --descendants"])
def test_a_list_from_what_is_not_there_is_error_103(line: CommandLine, options: str) -> None:
    done = line.run("checkpoint-list", "web", *options.split())

    assert (done.code, done.err) == (1, NO_ZZ)


@pytest.mark.parametrize("words", ["checkpoint-list web", "checkpoint-info web a", "checkpoint-dumpxml web a"])
def test_a_fresh_answer_is_of_a_close_look_at_the_domain(line: CommandLine, words: str) -> None:
    line.run(*words.split(), "--fresh")

    assert line.service.asked[0] == ("observe_closely", "web", None, 10.0)


# One of them.


def test_information_is_virshs(line: CommandLine) -> None:
    assert line.run("checkpoint-info", "web", "a").out == (
        "Name:           a\nDomain:         web\nParent:         -\nChildren:       1\nDescendants:    3\n\n"
    )
    assert line.run("checkpoint-info", "web", "zz").err == NO_ZZ


def test_a_parent_is_named_or_error_103(line: CommandLine) -> None:
    assert line.run("checkpoint-parent", "web", "c").out == "b\n"

    done = line.run("checkpoint-parent", "web", "a")
    assert done.code == 1
    assert done.err == (
        "error: checkpoint 'a' has no parent\n"
        "error: Domain checkpoint not found: checkpoint 'a' does not have a parent [103]\n"
    )


def test_a_dump_is_shown_as_it_is_asked_for(line: CommandLine) -> None:
    done = line.run("checkpoint-dumpxml", "web", "a", "--security-info", "--no-domain", "--reason", "audit")

    assert done.out == "<domaincheckpoint>\n  <name>a</name>\n</domaincheckpoint>\n\n"
    assert line.service.asked == [("xml", "web", None, "a", True, True)]
    assert line.service.contexts[0].reason == "audit"


def test_a_part_of_a_document_can_be_chosen(line: CommandLine) -> None:
    assert line.run("checkpoint-dumpxml", "web", "a", "--xpath", "//name").out == "<name>a</name>\n\n"


def test_what_is_not_offered_is_said_in_a_sentence(line: CommandLine) -> None:
    done = line.run("checkpoint-dumpxml", "web", "a", "--size")

    assert (done.code, line.service.asked) == (1, [])
    assert done.err.endswith(" [3]\n")


@pytest.mark.parametrize("verb", ["info", "parent", "dumpxml", "delete", "edit"])
def test_a_checkpoint_must_be_named(line: CommandLine, verb: str) -> None:
    done = line.run(f"checkpoint-{verb}", "web")

    assert done.code == 2
    assert "requires <checkpoint" in done.err


def test_the_xml_of_a_backup_is_shown_while_it_runs(line: CommandLine) -> None:
    assert line.run("backup-dumpxml", "web").err == (
        "error: Domain backup job id not found: no domain backup job present [104]\n"
    )

    line.service.checkpoints.running = "<domainbackup mode='push'/>\n"  # type: ignore[attr-defined]
    assert line.run("backup-dumpxml", "web").out == "<domainbackup mode='push'/>\n\n"


# Editing.


def editor(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """An editor that does this to the file it is given."""
    file = folder / "editor"
    file.write_text(f'#!/bin/sh\nf="$1"\n{script}\n')
    file.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(file))


def test_what_was_edited_is_redefined(line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor(
        monkeypatch,
        tmp_path,
        'stat -c %a "$f" "$(dirname "$f")" > "$0.modes"; sed -i "s/domaincheckpoint>$/&<!-- -->/" "$f"',
    )

    done = line.run("checkpoint-edit", "web", "a")

    assert (done.code, done.out, done.err) == (0, "Checkpoint a edited.\n\n", "")
    verb, arguments = asked_for(line)
    assert (verb, arguments["redefine"], "<!-- -->" in arguments["xml"]) == ("checkpoint-create", True, True)
    assert ("xml", "web", None, "a", True, False) in line.service.asked, "with its secrets, or they would be lost"
    assert (tmp_path / "editor.modes").read_text().split()[1] == "700", "nobody else can read it"


def test_what_was_left_as_it_was_changes_nothing(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor(monkeypatch, tmp_path, "true")

    assert line.run("checkpoint-edit", "web", "a").out == "Checkpoint a XML configuration not changed.\n\n"
    assert not [asked for asked in line.service.asked if asked[0] == "act"]


def test_a_text_without_a_name_is_left_to_revisor_to_refuse(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor(monkeypatch, tmp_path, 'sed -i "/<name>/d" "$f"')

    line.run("checkpoint-edit", "web", "a")

    assert asked_for(line)[1] == {"xml": "<domaincheckpoint>\n</domaincheckpoint>\n", "redefine": True}


@pytest.mark.parametrize(
    ("script", "code"), [('sed -i "s/<name>a/<name>b/" "$f"', 8), ("exit 3", 1)], ids=["renamed", "the editor failed"]
)
def test_what_cannot_be_meant_is_refused(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, code: int
) -> None:
    editor(monkeypatch, tmp_path, script)

    done = line.run("checkpoint-edit", "web", "a")

    assert done.code == 1
    assert done.err.endswith(f" [{code}]\n")
    assert not [asked for asked in line.service.asked if asked[0] == "act"]
