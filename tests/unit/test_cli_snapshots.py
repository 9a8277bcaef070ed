"""The verbs of snapshots: virsh's filters and specs, many files at once, editing, and what is missing."""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from domain_model.errors import MalformedXml
from tests.unit.command_line import CommandLine
from tests.unit.test_http_fake_service import snapshot


@pytest.fixture
def forest(line: CommandLine) -> CommandLine:
    r"""root (off) - full - disks (disk-only) - leaf (paused), and other (external) below full; lone."""
    line.service.known_snapshots = [
        snapshot("root", state="shutoff", children=["full"]),
        snapshot("full", "root", children=["disks", "other"]),
        snapshot("disks", "full", state="disk-snapshot", location="external", children=["leaf"]),
        snapshot("leaf", "disks", state="paused", current=True),
        snapshot("other", "full", location="external"),
        snapshot("lone", state="shutoff", location="none"),
    ]
    return line


def asked(line: CommandLine) -> list[tuple[Any, ...]]:
    return [each for each in line.service.asked if each[0] == "act"]


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("", "disks full leaf lone other root"),
        ("--roots", "lone root"),
        ("--leaves", "leaf lone other"),
        ("--no-leaves", "disks full root"),
        ("--leaves --no-leaves", "disks full leaf lone other root"),
        ("--metadata", "disks full leaf lone other root"),
        ("--no-metadata", ""),
        ("--metadata --no-metadata", "disks full leaf lone other root"),
        ("--inactive", "lone root"),
        ("--active", "full leaf other"),
        ("--disk-only", "disks"),
        ("--active --disk-only", "disks full leaf other"),
        ("--inactive --active --disk-only", "disks full leaf lone other root"),
        ("--internal", "full leaf lone root"),
        ("--external", "disks other"),
        ("--internal --external", "disks full leaf lone other root"),
        ("--external --leaves", "other"),
        ("--from full", "disks other"),
        ("--from full --descendants", "disks leaf other"),
        ("--from full --descendants --leaves", "leaf other"),
        ("--from leaf --descendants", ""),
        ("--current", ""),
        ("--topological", "lone root full disks other leaf"),
        ("--topological --from root --descendants", "full disks other leaf"),
    ],
)
def test_snapshot_list_has_virshs_filters(forest: CommandLine, flags: str, names: str) -> None:
    done = forest.run("snapshot-list", "web", "--name", *flags.split())
    assert (done.code, done.err, done.out.split()) == (0, "", names.split())
    items = json.loads(forest.run("snapshot-list", "web", "--output", "json", *flags.split()).out)["items"]
    assert [item["name"] for item in items] == names.split()


@pytest.mark.parametrize(
    ("flags", "tree"),
    [
        ("--from full", "full\n  |\n  +- disks\n  +- other\n    \n\n"),
        (
            "--from full --descendants",
            "full\n  |\n  +- disks\n  |   |\n  |   +- leaf\n  |     \n  +- other\n    \n\n",
        ),
        ("--current", "leaf\n\n\n"),
        ("--external", "disks\n\nother\n\n\n"),
    ],
)
def test_a_part_of_the_tree_can_be_shown(forest: CommandLine, flags: str, tree: str) -> None:
    assert forest.run("snapshot-list", "web", "--tree", *flags.split()).out == tree


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--from nope", "no domain snapshot with matching name 'nope'"),
        ("--current", "the domain does not have a current snapshot"),
    ],
)
def test_a_start_that_is_not_there_is_refused(line: CommandLine, flags: str, said: str) -> None:
    done = line.run("snapshot-list", "web", *flags.split())
    assert (done.code, done.err) == (1, f"error: Domain snapshot not found: {said} [72]\n")


def test_of_a_replica_it_is_said_whose_snapshots_are_listed(forest: CommandLine) -> None:
    for item in forest.service.known_snapshots:
        item["host"] = "alpha"
    for reference in ("web", "alpha/web"):
        assert forest.run("snapshot-list", reference).err == ""
    done = forest.run("snapshot-list", "beta/web")
    assert done.err == "note: on host 'beta' 'web' is a replica: these are its owner's, on host 'alpha'\n"
    assert "root" in done.out


def test_what_can_be_brought_back_is_listed_too(forest: CommandLine) -> None:
    assert "leaf" in forest.run("snapshot-list", "web", "--deleted").out
    assert forest.service.asked == [("deleted_snapshots", "web", None)]
    assert forest.run("snapshot-undelete", "web", "leaf").out == "Domain snapshot leaf undeleted\n\n"
    assert asked(forest) == [("act", "web", None, "snapshot-undelete", {"name": "leaf"})]


def test_whether_data_is_there_that_nobody_could_look_at_is_not_known(forest: CommandLine) -> None:
    assert "Data:           not verified\n" in forest.run("snapshot-info", "web", "leaf").out
    done = forest.run("snapshot-undelete", "web", "leaf")
    assert done.err == "note: snapshot leaf: whether its data is there is not known\n"
    assert forest.run("snapshot-undelete", "web", "leaf", "--output", "json").err == ""


@pytest.fixture
def gone(line: CommandLine) -> CommandLine:
    """A snapshot whose data is gone."""
    line.service.known_snapshots = [
        snapshot("kept", children=["gone"], presence="present"),
        snapshot("gone", "kept", presence="missing", why="no snapshot 'gone' in /images/web.qcow2", current=True),
    ]
    return line


def test_what_is_missing_is_never_shown_as_if_it_were_there(gone: CommandLine) -> None:
    table = gone.run("snapshot-list", "web").out.splitlines()
    assert table[2].split()[-1] == "missing"
    assert table[3].split()[-1] == "running"
    assert gone.run("snapshot-list", "web", "--tree").out == "kept\n  |\n  +- gone (missing)\n    \n\n"
    names = gone.run("snapshot-list", "web", "--name")
    assert names.out == "gone\nkept\n\n"
    assert names.err == "note: snapshot gone is missing: no snapshot 'gone' in /images/web.qcow2\n"
    info = gone.run("snapshot-info", "web", "gone").out
    assert "State:          missing\nMissing:        no snapshot 'gone' in /images/web.qcow2\n" in info
    items = json.loads(gone.run("snapshot-list", "web", "--output", "json").out)["items"]
    assert [(item["name"], item["presence"]) for item in items] == [("gone", "missing"), ("kept", "present")]


def test_who_brings_metadata_back_is_told_that_its_data_is_missing(gone: CommandLine) -> None:
    done = gone.run("snapshot-undelete", "web", "gone")
    assert (done.code, done.out) == (0, "Domain snapshot gone undeleted\n\n")
    assert done.err == "note: snapshot gone: its data is missing: no snapshot 'gone' in /images/web.qcow2\n"
    assert gone.run("snapshot-undelete", "web", "kept").err == ""


def test_a_parent_is_told_by_its_name(forest: CommandLine) -> None:
    assert forest.run("snapshot-parent", "web", "leaf").out == "disks\n"
    assert forest.run("snapshot-parent", "web", "--current").out == "disks\n"
    done = forest.run("snapshot-parent", "web", "root")
    assert (done.code, done.out, done.err) == (1, "", "error: snapshot 'root' has no parent [72]\n")


FLAGS = "halt disk-only reuse-external quiesce atomic live no-metadata validate"


@pytest.mark.parametrize("verb", ["snapshot-create", "snapshot-create-as"])
def test_all_flags_of_taking_a_snapshot_are_passed_on(line: CommandLine, verb: str) -> None:
    line.run(verb, "web", *(f"--{flag}" for flag in FLAGS.split()))
    assert asked(line)[0][3:] == ("snapshot-create", {flag.replace("-", "_"): True for flag in FLAGS.split()})


def test_all_flags_of_going_back_are_passed_on_in_one_call(line: CommandLine) -> None:
    line.run("snapshot-revert", "web", "s", "--force", "--reset-nvram", "--paused")
    arguments = {"name": "s", "force": True, "reset_nvram": True, "paused": True}
    assert asked(line) == [("act", "web", None, "snapshot-revert", arguments)]


WRITTEN = """\
<domainsnapshot>
  <name>s</name>
  <description>a&amp;b</description>
  <memory snapshot='external' file='/m,m'/>
  <disks>
    <disk name='vda' snapshot='external' type='file'>
      <driver type='qcow2'/>
      <source file='/d'/>
    </disk>
    <disk name='vdb' snapshot='no'/>
    <disk name='vdc'/>
  </disks>
</domainsnapshot>
"""


@pytest.mark.parametrize(
    "words",
    [
        (
            "s a&b vda,snapshot=external,driver=qcow2,stype=file,file=/d vdb,snapshot=no vdc --memspec "
            "file=/m,,m,snapshot=external"
        ),
        (
            "--diskspec vda,snapshot=external,stype=file,driver=qcow2,file=/d --diskspec vdb,snapshot=no --diskspec vdc "
            "--name s --description a&b --memspec snapshot=external,file=/m,,m"
        ),
    ],
)
def test_specs_become_xml_as_in_virsh(line: CommandLine, words: str) -> None:
    done = line.run("snapshot-create-as", "web", *words.split(), "--print-xml")
    assert (done.code, done.out, line.service.asked) == (0, WRITTEN + "\n", [])
    line.run("snapshot-create-as", "web", *words.split(), "--live")
    assert asked(line) == [("act", "web", None, "snapshot-create", {"xml": WRITTEN, "live": True})]


@pytest.mark.parametrize(
    ("words", "said", "field"),
    [
        ("--diskspec vda,foo=/x", "unable to parse diskspec: vda,foo=/x", "diskspec"),
        ("--memspec foo=/x", "unable to parse memspec: foo=/x", "memspec"),
    ],
)
def test_specs_that_make_no_sense_are_refused(line: CommandLine, words: str, said: str, field: str) -> None:
    done = line.run("snapshot-create-as", "web", "s", *words.split(), "--output", "json")
    assert (done.code, line.service.asked) == (1, [])
    assert done.err.splitlines()[-1] == f"error: invalid argument: {said} [8]"
    assert json.loads(done.err.splitlines()[0])["error"]["field"] == field


def test_many_files_are_redefined_as_one(line: CommandLine, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.xml" for name in "cab"]
    for file in files:
        file.write_text(f"<{file.stem}/>")
    entries = [{"name": file.stem, "xml": "0" * 64} for file in files]
    line.service.outcome = {"state": "succeeded", "arguments": {"flags": 1, "snapshots": entries}}
    done = line.run("snapshot-create", "web", "--redefine", *map(str, files))
    assert (done.code, done.err) == (0, "")
    assert done.out == "".join(f"Domain snapshot {file.stem} created from '{file}'\n" for file in files)
    arguments = {"redefine": True, "xmls": ["<c/>", "<a/>", "<b/>"]}
    assert asked(line) == [("act", "web", None, "snapshot-create", arguments)]


def test_of_many_files_the_one_that_is_refused_is_named(line: CommandLine, tmp_path: Path) -> None:
    files = [tmp_path / "a.xml", tmp_path / "b.xml"]
    for file in files:
        file.write_text("<domainsnapshot/>")
    line.service.trouble = MalformedXml("a redefined snapshot must have a name", field="xmls[1]/name")
    done = line.run("snapshot-create", "web", "--redefine", *map(str, files))
    assert done.code == 1
    assert done.err == (
        f"error: Failed to read '{files[1]}'\nerror: XML error: a redefined snapshot must have a name [27]\n"
    )


def test_deleting_the_current_one_twice_under_one_request_id_deletes_one(forest: CommandLine) -> None:
    words = ("snapshot-delete", "web", "--current", "--metadata", "--request-id", str(uuid4()))
    first = forest.run(*words)
    assert (first.code, first.out) == (0, "Domain snapshot leaf deleted\n\n")
    forest.service.known_snapshots = [snapshot("disks", current=True)]
    assert forest.run(*words) == first
    assert asked(forest) == [("act", "web", None, "snapshot-delete", {"name": "leaf", "metadata": True})]


def edit_by(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, old: str, new: str) -> None:
    """Have an editor that replaces a text."""
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\nfile = pathlib.Path(sys.argv[1])\n"
        f"file.write_text(file.read_text().replace({old!r}, {new!r}))\n"
    )
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")


def xml_of(name: str) -> str:
    """What the stand-in for the service has for a snapshot."""
    return f"<domainsnapshot>\n  <name>{name}</name>\n</domainsnapshot>\n"


def test_an_edited_snapshot_is_redefined(forest: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    edit_by(monkeypatch, tmp_path, "</name>", "</name>\n  <description>new</description>")
    done = forest.run("snapshot-edit", "web", "full")
    assert (done.code, done.out, done.err) == (0, "Snapshot full edited.\n\n", "")
    assert ("snapshot_xml", "web", None, "full", True) in forest.service.asked
    edited = xml_of("full").replace("</name>", "</name>\n  <description>new</description>")
    assert asked(forest) == [("act", "web", None, "snapshot-create", {"xml": edited, "redefine": True})]


def test_what_was_not_changed_is_not_redefined_unless_it_is_to_be_current(
    forest: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    edit_by(monkeypatch, tmp_path, "a", "a")
    assert forest.run("snapshot-edit", "web", "--current").out == "Snapshot leaf XML configuration not changed.\n\n"
    assert asked(forest) == []
    assert forest.run("snapshot-edit", "web", "full", "--current").out == "Snapshot full edited.\n\n"
    assert asked(forest)[0][4] == {"xml": xml_of("full"), "redefine": True, "current": True}


def test_a_name_that_may_not_change_is_refused_before_anything_is_touched(
    forest: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    edit_by(monkeypatch, tmp_path, ">full<", ">fuller<")
    done = forest.run("snapshot-edit", "web", "full")
    assert (done.code, asked(forest)) == (1, [])
    assert done.last == "error: invalid argument: Must use --rename or --clone to change full to fuller [8]"


def test_a_clone_is_a_second_one(forest: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    edit_by(monkeypatch, tmp_path, ">full<", ">fuller<")
    assert forest.run("snapshot-edit", "web", "full", "--clone").out == "Snapshot full cloned to fuller.\n\n"
    assert [each[3] for each in asked(forest)] == ["snapshot-create"]


@pytest.mark.parametrize("how", ["--rename", "--clone"])
def test_another_snapshot_is_not_replaced_by_an_edited_one(
    forest: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    edit_by(monkeypatch, tmp_path, ">full<", ">leaf<")
    done = forest.run("snapshot-edit", "web", "full", how)
    assert (done.code, asked(forest)) == (1, [])
    assert done.last == "error: operation failed: domain moment leaf already exists [9]"


def test_renaming_takes_the_children_and_the_current_mark_along(
    forest: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    edit_by(monkeypatch, tmp_path, ">full<", ">fuller<")
    forest.service.known_snapshots[1]["current"] = True
    done = forest.run("snapshot-edit", "web", "full", "--rename", "--request-id", str(uuid4()))
    assert (done.code, done.out, done.err) == (0, "Snapshot full renamed to fuller.\n\n", "")
    first, second, third = asked(forest)
    assert first[3:] == ("snapshot-create", {"xml": xml_of("fuller"), "redefine": True, "current": True})
    assert second[3] == "snapshot-create"
    assert [text.count("<parent><name>fuller</name>") for text in map(_packed, second[4]["xmls"])] == [1, 1]
    assert third[3:] == ("snapshot-delete", {"name": "full", "metadata": True})
    assert len({context.request_id for context in forest.service.contexts if context.request_id}) == 3


def _packed(text: str) -> str:
    return "".join(line.strip() for line in text.splitlines())


def test_an_editor_that_fails_changes_nothing(forest: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    for editor, code in (("false", 1), ("/nonexistent/editor", 38)):
        monkeypatch.setenv("EDITOR", editor)
        done = forest.run("snapshot-edit", "web", "full")
        assert done.code == 1
        assert done.err.endswith(f"[{code}]\n")
    assert asked(forest) == []
