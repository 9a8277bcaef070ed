"""A person at a terminal whose edited text was refused: they may go on with it, and what they wrote is never lost."""

import io
import stat
import sys
from pathlib import Path

import pytest

from tests.unit.command_line import CommandLine
from tests.unit.test_http_fake_service import snapshot

# The first time it gives the snapshot another name, which is refused; the second time it finds its own text again.
_EDITOR = """
import pathlib, sys
file = pathlib.Path(sys.argv[1])
text = file.read_text()
if "other" in text:
    text = text.replace("other", "full").replace("</name>", "</name><description>at last</description>")
else:
    text = text.replace("full", "other")
file.write_text(text)
"""


class Keyboard(io.StringIO):
    """A terminal at which somebody types this."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def line(line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    script = tmp_path / "editor.py"
    script.write_text(_EDITOR)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    line.service.known_snapshots = [snapshot("full")]
    return line


def kept(folder: Path) -> list[Path]:
    return list(folder.glob("revisor-edited-*"))


def test_what_was_refused_can_be_edited_further(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard("y\n"))
    done = line.run("snapshot-edit", "web", "full")
    assert (done.code, done.out.endswith("Snapshot full edited.\n\n")) == (0, True)
    assert "Must use --rename or --clone to change full to other [8]\n" in done.err
    [act] = [each for each in line.service.asked if each[0] == "act"]
    assert "<description>at last</description>" in act[4]["xml"]
    assert kept(tmp_path) == []


def test_what_a_person_gives_up_on_is_kept_where_nobody_else_can_read_it(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard("n\n"))
    done = line.run("snapshot-edit", "web", "full")
    assert done.code == 1
    [file] = kept(tmp_path)
    assert done.err.endswith(f"what you wrote is in {file}\n")
    assert "<name>other</name>" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_program_is_not_asked(line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    done = line.run("snapshot-edit", "web", "full")
    assert (done.code, "Try again" in done.err, kept(tmp_path)) == (1, False, [])
