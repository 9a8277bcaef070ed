"""The verbs that change a domain: what each asks for, and what it says in virsh's words when that is done."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from domain_model.flags import Define, Start
from domain_model.verbs import SPECS
from revisor.cli.sections import VERBS
from tests.unit.command_line import CommandLine
from tests.unit.test_cli_compatibility import command_of, options_of
from tests.unit.test_http_fake_service import domain


def asked(line: CommandLine) -> list[tuple[Any, ...]]:
    """What was asked for of domains, without what was read on the way."""
    return [each for each in line.service.asked if each[0] in ("act", "define", "create", "restore")]


LIFECYCLE = [
    ("start web --bypass-cache", "start", {"bypass_cache": True}, "Domain 'web' started\n\n"),
    ("start web --force-boot --reset-nvram", "start", {"force_boot": True, "reset_nvram": True}, None),
    ("shutdown web --mode acpi", "shutdown", {"acpi": True}, "Domain 'web' is being shutdown\n\n"),
    ("shutdown web --mode agent,initctl", "shutdown", {"agent": True, "initctl": True}, None),
    ("reboot web --mode signal,paravirt", "reboot", {"signal": True, "paravirt": True}, None),
    ("reset web", "reset", {}, "Domain 'web' was reset\n\n"),
    ("destroy web --graceful", "destroy", {"graceful": True}, "Domain 'web' destroyed\n\n"),
    ("destroy web --remove-logs", "destroy", {"remove_logs": True}, None),
    (
        "undefine web --managed-save --snapshots-metadata --checkpoints-metadata --nvram --tpm",
        "undefine",
        {"managed_save": True, "snapshots_metadata": True, "checkpoints_metadata": True, "nvram": True, "tpm": True},
        "Domain 'web' has been undefined\n\n",
    ),
    ("undefine web --keep-nvram --keep-tpm", "undefine", {"keep_nvram": True, "keep_tpm": True}, None),
    ("autostart web", "autostart", {}, "Domain 'web' marked as autostarted\n\n"),
    ("autostart web --disable", "autostart", {"disable": True}, "Domain 'web' unmarked as autostarted\n\n"),
    ("domrename web www", "domrename", {"name": "www"}, "Domain successfully renamed\n\n"),
    ("domrename --new-name www --domain web", "domrename", {"name": "www"}, None),
]
SAVING = [
    ("save web /s", "save", {"file": "/s"}, "\nDomain 'web' saved to /s\n\n"),
    (
        "save web /s --bypass-cache --running --verbose",
        "save",
        {"file": "/s", "bypass_cache": True, "running": True},
        None,
    ),
    (
        "managedsave web --paused --verbose",
        "managedsave",
        {"paused": True},
        "\nDomain 'web' state saved by libvirt\n\n",
    ),
    ("dump web /c --live --verbose", "dump", {"file": "/c", "live": True}, "\nDomain 'web' dumped to /c\n\n"),
    ("dump web /c --crash --bypass-cache", "dump", {"file": "/c", "crash": True, "bypass_cache": True}, None),
    (
        "dump web /c --memory-only --reset --format kdump-zlib",
        "dump",
        {"file": "/c", "memory_only": True, "reset": True, "format": "kdump-zlib"},
        None,
    ),
]
TUNING = [
    ("setmem web 1048576", "setmem", {"size_kib": 1048576}, "\n"),
    ("setmem web --size 2G --live --config", "setmem", {"size_kib": 2097152, "live": True, "config": True}, None),
    ("setmem web 0 --current", "setmem", {"size_kib": 0}, None),
    ("setmaxmem web 1000MB --config", "setmaxmem", {"size_kib": 976563, "config": True}, "\n"),
    ("setvcpus web 2 --live --hotpluggable", "setvcpus", {"count": 2, "live": True, "hotpluggable": True}, "\n"),
    ("setvcpus web 4 --maximum --config", "setvcpus", {"count": 4, "maximum": True, "config": True}, None),
    ("setvcpus web 1 --guest", "setvcpus", {"count": 1, "guest": True}, None),
    (
        "blockresize web vda 10G",
        "blockresize",
        {"disk": "vda", "size_bytes": 10 * 2**30},
        "Block device 'vda' is resized\n\n",
    ),
    ("blockresize web --path vda --size 512b", "blockresize", {"disk": "vda", "size_bytes": 512}, None),
    ("desc web two words", "desc", {"text": "two words"}, "Domain description updated successfully\n"),
    ("desc web --title short --config", "desc", {"text": "short", "title": True, "config": True}, None),
    (
        "metadata web urn:x --key k --set <x/> --live",
        "metadata",
        {"uri": "urn:x", "key": "k", "xml": "<x/>", "live": True},
        "Metadata modified\n\n",
    ),
    ("metadata web urn:x --remove", "metadata", {"uri": "urn:x"}, "Metadata removed\n\n"),
]
GUEST = [
    ("inject-nmi web", "inject-nmi", {}, "\n"),
    ("send-key web KEY_LEFTCTRL KEY_C", "send-key", {"keycodes": [29, 46]}, "\n"),
    (
        "send-key web --codeset xt --holdtime 500 0x1d 46",
        "send-key",
        {"codeset": "xt", "holdtime_ms": 500, "keycodes": [29, 46]},
        None,
    ),
    ("send-key web --keycode 1 --keycode 010", "send-key", {"keycodes": [1, 8]}, None),
    ("dompmsuspend web mem", "dompmsuspend", {"target": "mem"}, "Domain 'web' successfully suspended\n\n"),
    ("dompmsuspend web disk --duration 0", "dompmsuspend", {"target": "disk", "duration_s": 0}, None),
    ("dompmwakeup web", "dompmwakeup", {}, "Domain 'web' successfully woken up\n\n"),
    ("domfsfreeze web", "domfsfreeze", {}, "Froze 2 filesystem(s)\n\n"),
    ("domfsfreeze web / /srv", "domfsfreeze", {"mountpoints": ["/", "/srv"]}, None),
    ("domfsthaw web --mountpoint /", "domfsthaw", {"mountpoints": ["/"]}, "Thawed 2 filesystem(s)\n\n"),
    ("domtime web", "domtime", {}, "Time: 627319920\n"),
    ("domtime web --pretty", "domtime", {}, "Time: 1989-11-17 15:32:00\n"),
    ("domtime web --sync", "domtime", {"sync": True}, "\n"),
    ("domtime web --time 0", "domtime", {"seconds": 0}, "\n"),
    ("domjobabort web", "domjobabort", {}, "\n"),
]


@pytest.mark.parametrize(("words", "verb", "arguments", "said"), LIFECYCLE + SAVING + TUNING + GUEST)
def test_a_verb_asks_for_what_it_says_and_says_it_in_virshs_words(
    line: CommandLine, words: str, verb: str, arguments: dict[str, Any], said: str | None
) -> None:
    line.service.outcome = {"state": "succeeded", "result": {"filesystems": 2, "seconds": 627319920, "nseconds": 5}}
    done = line.run(*words.split())
    assert (done.code, done.err) == (0, "")
    assert said is None or done.out == said
    assert asked(line) == [("act", "web", None, verb, arguments)]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("destroy web", "Failed to destroy domain 'web'"),
        ("autostart web --disable", "Failed to unmark domain 'web' as autostarted"),
        ("save web /s", "Failed to save domain 'web' to /s"),
        ("managedsave web", "Failed to save domain 'web' state"),
        ("dump web /c", "Failed to core dump domain 'web' to /c"),
        ("setmaxmem web 1", "Unable to change MaxMemorySize"),
        ("blockresize web vda 1", "Failed to resize block device 'vda'"),
        ("desc web x --title", "Failed to set new domain title"),
        ("dompmsuspend web mem", "Domain 'web' could not be suspended"),
        ("dompmwakeup web", "Domain 'web' could not be woken up"),
        ("domfsfreeze web", "Unable to freeze filesystems"),
        ("domfsthaw web", "Unable to thaw filesystems"),
        ("restore /s --host alpha", "Failed to restore domain from /s"),
        ("snapshot-revert web s", "Failed to revert snapshot s"),
        ("snapshot-delete web s", "Failed to delete snapshot s"),
    ],
)
def test_a_failure_begins_in_virshs_words(line: CommandLine, words: str, first: str) -> None:
    line.service.outcome = {"state": "failed", "error": {"code": 55, "message": "Requested operation is not valid: no"}}
    done = line.run(*words.split())
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [f"error: {first}", "error: Requested operation is not valid: no [55]"]


MODES = {"acpi", "agent", "initctl", "signal", "paravirt"}
"""Given by --mode."""


@pytest.mark.parametrize("verb", sorted(set(SPECS) & set(VERBS)))
def test_every_flag_that_can_be_asked_for_can_be_given(verb: str) -> None:
    flags = {name.replace("_", "-") for name in SPECS[verb].flags}
    given = options_of(command_of(verb)) | (MODES if verb in ("shutdown", "reboot") else set())
    assert flags - given == set()


def test_every_verb_that_can_be_asked_for_is_one_of_the_command_line() -> None:
    assert set(SPECS) - set(VERBS) == set()


def test_creating_takes_its_flags_along(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "web.xml"
    file.write_text("<domain/>")
    line.run("create", str(file), "--host", "alpha", "--paused", "--validate", "--reset-nvram")
    line.run("define", str(file), "--host", "alpha", "--validate")
    flags = Start.PAUSED | Start.VALIDATE | Start.RESET_NVRAM
    assert asked(line) == [("create", "<domain/>", "alpha", flags), ("define", "<domain/>", "alpha", Define.VALIDATE)]


def test_a_file_of_the_host_counts_from_the_folder_the_command_is_given_in(
    line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert line.run("save", "web", "s").out == "\nDomain 'web' saved to s\n\n"
    assert asked(line)[0][4] == {"file": f"{tmp_path}/s"}


def test_what_is_saved_may_get_another_definition(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "web.xml"
    file.write_text("<domain/>")
    line.run("save", "web", "/s", "--xml", str(file))
    assert asked(line)[0][4] == {"file": "/s", "xml": "<domain/>"}


def test_restoring_asks_the_host_that_has_the_file(line: CommandLine) -> None:
    done = line.run("restore", "/s", "--host", "alpha", "--paused")
    assert (done.code, done.out) == (0, "Domain restored from /s\n\n")
    assert asked(line) == [("restore", "alpha", {"file": "/s", "paused": True})]


def test_an_empty_xml_to_restore_with_is_left_to_revisor_to_refuse(line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    line.run("restore", "/s", "--host", "alpha", "--xml", str(tmp_path / "empty"))
    assert asked(line) == [("restore", "alpha", {"file": "/s", "xml": ""})]


def test_restoring_needs_no_host_where_there_is_but_one(line: CommandLine) -> None:
    line.service.known_hosts = [{"name": "alpha"}]
    assert line.run("restore", "/s").code == 0
    assert asked(line) == [("restore", "alpha", {"file": "/s"})]


def test_restoring_needs_a_host_where_there_are_several(line: CommandLine) -> None:
    line.service.known_hosts = [{"name": "alpha"}, {"name": "beta"}]
    done = line.run("restore", "/s", "--output", "json")
    assert (done.code, asked(line)) == (2, [])
    assert done.err.splitlines()[-1] == "error: Option --host is needed: there are 2 hosts [8]"
    assert '"accepted": "alpha, beta"' in done.err


def test_what_was_not_saved_cannot_be_forgotten_and_is_no_failure(line: CommandLine) -> None:
    done = line.run("managedsave-remove", "web")
    assert (done.code, done.out) == (0, "Domain 'web' has no manage save image; removal skipped\n")
    assert asked(line) == []


def test_what_was_saved_can_be_forgotten_once_under_one_request_id(line: CommandLine) -> None:
    line.service.known_domains = [domain("web", id=None, managed_save=True)]
    words = ("managedsave-remove", "web", "--request-id", str(uuid4()))
    first = line.run(*words)
    assert (first.code, first.out) == (0, "Removed managedsave image for domain 'web'\n")
    line.service.known_domains = [domain("web", id=None, managed_save=False)]
    assert line.run(*words) == first
    assert len(asked(line)) == 1


def test_the_time_it_is_here_is_sent_as_it_was_when_the_command_was_first_given(line: CommandLine) -> None:
    words = ("domtime", "web", "--now", "--request-id", str(uuid4()))
    assert line.run(*words).out == "\n"
    assert line.run(*words).out == "\n"
    ((_, _, _, _, arguments),) = asked(line)
    assert arguments["seconds"] > 1_700_000_000
    assert 0 <= arguments["nseconds"] < 10**9


def test_an_empty_description_removes_it(line: CommandLine) -> None:
    line.run("desc", "web", "")
    assert asked(line)[0][4] == {"text": ""}


@pytest.mark.parametrize(
    "words",
    [
        "start web --console",
        "start web --autodestroy",
        "start web --pass-fds 3",
        "undefine web --remove-all-storage",
        "undefine web --storage vda",
        "domjobabort web --postcopy",
    ],
)
def test_what_virsh_can_and_revisor_does_not_is_refused_in_a_sentence(line: CommandLine, words: str) -> None:
    done = line.run(*words.split())
    assert (done.code, line.service.asked) == (1, [])
    option = words.split()[2]
    assert done.err.startswith(f"error: this function is not supported by Revisor: {option}: ")
    assert done.err.endswith(" [3]\n")
