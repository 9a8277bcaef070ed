"""The verb ``restore`` takes a domain's file on a host, or the folder of a backup here:
what is neither is told apart.
"""

from pathlib import Path
from uuid import UUID

import pytest

from revisor.backups import ARCHIVE
from revisor.cli.main import main
from tests.unit.command_line import CommandLine


def restored(line: CommandLine) -> list[object]:
    return [each for each in line.service.asked if each[0] == "restore"]


def test_a_mistyped_folder_of_a_backup_is_told_while_revisor_is_down(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVISOR_HOME", "/nonexistent/revisor")
    assert main(["restore", "/bakcup"]) == 3
    assert capsys.readouterr().err.endswith(
        "'revisor up' starts it; if a backup was meant, no folder '/bakcup' is here [38]\n"
    )


def test_a_mistyped_folder_of_a_backup_is_told_where_there_is_no_host(line: CommandLine) -> None:
    done = line.run("restore", "/bakcup")
    assert (done.code, restored(line)) == (2, [])
    assert done.err.splitlines() == [
        "would be accepted: the folder that 'revisor backup' made, or a file on a host that was added",
        "error: no folder '/bakcup' is here, and there is no host on which a domain could go on [8]",
    ]


def test_the_file_inside_a_backup_is_not_taken_for_a_domains(line: CommandLine, tmp_path: Path) -> None:
    line.service.known_hosts = [{"name": "alpha"}]
    (tmp_path / ARCHIVE).touch()
    done = line.run("restore", str(tmp_path / ARCHIVE))
    assert (done.code, restored(line)) == (2, [])
    assert done.err.splitlines() == [
        "would be accepted: the folder that 'revisor backup' made",
        f"error: a backup is restored from its folder, and '{tmp_path / ARCHIVE}' is no folder here [8]",
    ]
    assert line.run("restore", str(tmp_path / ARCHIVE), "--host", "alpha").code == 0, "of the host it is another one"


def test_secrets_are_left_out_of_a_folder_only(line: CommandLine) -> None:
    line.service.known_hosts = [{"name": "alpha"}]
    done = line.run("restore", "/bakcup", "--without-secrets")
    assert (done.code, done.last, restored(line)) == (
        2,
        "error: a backup is restored from its folder, and '/bakcup' is no folder here [8]",
        [],
    )
    done = line.run("restore", "/s", "--without-secrets", "--host", "alpha")
    assert (done.code, done.last, restored(line)) == (
        2,
        "error: Options --host and --without-secrets are mutually exclusive [8]",
        [],
    )


@pytest.mark.parametrize(
    "option",
    ["--paused", "--xml=web.xml", "--wait=1", "--no-wait", "--reason=x", "--ticket=x", f"--request-id={UUID(int=1)}"],
)
def test_what_is_said_of_a_domain_is_not_said_of_a_folder(line: CommandLine, tmp_path: Path, option: str) -> None:
    done = line.run("restore", str(tmp_path), option)
    assert (done.code, restored(line)) == (2, [])
    assert done.err.splitlines() == [
        "would be accepted: a folder alone, or with --without-secrets",
        f"error: {option.partition('=')[0]} is of a domain, and '{tmp_path}' is a folder [8]",
    ]


def test_a_word_that_may_be_either_is_told_with_both_readings(line: CommandLine) -> None:
    line.service.known_hosts = [{"name": "alpha"}, {"name": "beta"}]
    done = line.run("restore", "mondya")
    assert (done.code, restored(line)) == (2, [])
    accepted = "the folder that 'revisor backup' made, or the absolute path of a domain's file and --host with one of"
    said = "'mondya' is no folder of a backup here; if it is a domain's file, there are 2 hosts, and --host is needed"
    assert done.err.splitlines() == [f"would be accepted: {accepted} alpha, beta", f"error: {said} [8]"]
    done = line.run("restore", "/saved/web")
    assert (done.code, done.last) == (2, "error: Option --host is needed: there are 2 hosts [8]")


def test_the_folder_of_a_backup_is_not_asked_of_a_host(line: CommandLine, tmp_path: Path) -> None:
    line.service.known_hosts = [{"name": "alpha"}]
    (tmp_path / ARCHIVE).touch()
    done = line.run("restore", str(tmp_path), "--host", "alpha")
    assert (done.code, done.last, restored(line)) == (
        2,
        f"error: --host is of a domain, and '{tmp_path}' is a folder [8]",
        [],
    )


def test_a_file_that_cannot_be_looked_at_here_is_left_to_its_host(line: CommandLine) -> None:
    line.service.known_hosts = [{"name": "alpha"}]
    unseen = "/" + "n" * 300
    assert line.run("restore", unseen).code == 0
    assert restored(line) == [("restore", "alpha", {"file": unseen})]
