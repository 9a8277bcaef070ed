"""What each verb asks for, and what it prints: the words and tables of virsh 9.0, plus a column for the host."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain_model.flags import Define, Start
from tests.unit.command_line import CommandLine
from tests.unit.fake_status import UUID_OF_WEB
from tests.unit.test_http_fake_service import domain, snapshot


@pytest.mark.parametrize(
    ("words", "verb", "arguments", "said"),
    [
        ("start web", "start", {}, "Domain 'web' started\n\n"),
        ("start --domain web --paused", "start", {"paused": True}, "Domain 'web' started\n\n"),
        ("shutdown web", "shutdown", {}, "Domain 'web' is being shutdown\n\n"),
        ("destroy web", "destroy", {}, "Domain 'web' destroyed\n\n"),
        ("suspend web", "suspend", {}, "Domain 'web' suspended\n\n"),
        ("resume web", "resume", {}, "Domain 'web' resumed\n\n"),
        ("reboot web", "reboot", {}, "Domain 'web' is being rebooted\n\n"),
        ("undefine web", "undefine", {}, "Domain 'web' has been undefined\n\n"),
        (
            "undefine web --snapshots-metadata",
            "undefine",
            {"snapshots_metadata": True},
            "Domain 'web' has been undefined\n\n",
        ),
        (
            "snapshot-create-as web s1",
            "snapshot-create",
            {"name": "s1"},
            "Domain snapshot s1 created\n",
        ),
        (
            "snapshot-create-as --domain web --name s1 --description first --no-metadata",
            "snapshot-create",
            {"name": "s1", "description": "first", "no_metadata": True},
            "Domain snapshot s1 created\n",
        ),
        ("snapshot-current web s1", "snapshot-current", {"name": "s1"}, "Snapshot s1 set as current\n"),
        (
            "snapshot-revert web s1",
            "snapshot-revert",
            {"name": "s1"},
            "Domain snapshot s1 reverted\n\n",
        ),
        (
            "snapshot-revert web --snapshotname s1 --running",
            "snapshot-revert",
            {"name": "s1", "running": True},
            "Domain snapshot s1 reverted\n\n",
        ),
        # A name that begins like an option.
        ("snapshot-revert web --snapshotname -1", "snapshot-revert", {"name": "-1"}, "Domain snapshot -1 reverted\n\n"),
        ("snapshot-revert -- web -1", "snapshot-revert", {"name": "-1"}, "Domain snapshot -1 reverted\n\n"),
        (
            "snapshot-delete web s1 --metadata",
            "snapshot-delete",
            {"name": "s1", "metadata": True},
            "Domain snapshot s1 deleted\n\n",
        ),
        (
            "snapshot-delete web s1 --children-only",
            "snapshot-delete",
            {"name": "s1", "children_only": True},
            "Domain snapshot s1 children deleted\n\n",
        ),
        ("handover web --to beta", "handover", {"to": "beta"}, "Domain 'web' handed over to beta\n\n"),
    ],
)
def test_a_verb_asks_for_what_it_says_and_says_it_in_virshs_words(
    line: CommandLine, words: str, verb: str, arguments: dict[str, Any], said: str
) -> None:
    done = line.run(*words.split())
    assert (done.code, done.out, done.err) == (0, said, "")
    assert line.service.asked == [("act", "web", None, verb, arguments)]


def test_host_and_name_pick_a_placement(line: CommandLine) -> None:
    line.run("start", "alpha/web")
    assert line.service.asked == [("act", "web", "alpha", "start", {})]


@pytest.mark.parametrize("name", ["", "/", "alpha/", "/web", "a/b/c"])
def test_what_names_no_domain_is_refused(line: CommandLine, name: str) -> None:
    done = line.run("start", name)
    assert (done.code, line.service.asked) == (1, [])
    assert done.last == f"error: invalid argument: '{name}' names no domain [8]"


@pytest.mark.parametrize(
    ("verb", "word", "flags"), [("define", "defined", Define.NONE), ("create", "created", Start.NONE)]
)
def test_defining_sends_the_file_as_it_is(
    line: CommandLine, tmp_path: Path, verb: str, word: str, flags: Start | Define
) -> None:
    file = tmp_path / "web.xml"
    file.write_bytes("<domain>\r\n<title>\u00fc\ud7ff</title></domain>\n".encode())
    done = line.run(verb, str(file), "--host", "alpha")
    assert (done.code, done.out) == (0, f"Domain 'web' {word} from {file}\n\n")
    assert line.service.asked == [(verb, file.read_bytes().decode(), "alpha", flags)]


def test_bytes_that_are_no_text_are_sent_for_revisor_to_refuse(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "web.xml"
    file.write_bytes(b"<domain>\xff</domain>")
    line.run("define", str(file), "--host", "alpha")
    assert line.service.asked == [("define", "<domain>\udcff</domain>", "alpha", Define.NONE)]


def test_of_a_file_too_large_one_byte_over_the_limit_is_sent(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "web.xml"
    file.write_bytes(b"<" * (17 * 1024 * 1024))
    line.run("define", str(file), "--host", "alpha")
    assert len(line.service.asked[0][1]) == 16 * 1024 * 1024 + 1


def test_a_file_that_is_not_there_is_told_as_virsh_tells_it(line: CommandLine) -> None:
    done = line.run("define", "nope.xml", "--host", "alpha")
    assert (done.code, done.err) == (1, "error: Failed to open file 'nope.xml': No such file or directory [38]\n")


def test_a_snapshot_from_a_file_says_from_which(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "s3.xml"
    file.write_text("<domainsnapshot/>")
    line.service.outcome = {"state": "succeeded", "result": {"snapshot": "s3"}}
    done = line.run("snapshot-create", "web", str(file), "--redefine", "--current")
    assert (done.code, done.out) == (0, f"Domain snapshot s3 created from '{file}'\n")
    arguments = {"xml": "<domainsnapshot/>", "redefine": True, "current": True}
    assert line.service.asked == [("act", "web", None, "snapshot-create", arguments)]


def test_a_snapshot_without_a_name_is_told_by_the_one_it_got(line: CommandLine) -> None:
    line.service.outcome = {"state": "succeeded", "result": {"snapshot": "1795447657"}}
    assert line.run("snapshot-create", "web").out == "Domain snapshot 1795447657 created\n"


def test_list_is_virshs_with_a_column_for_the_host(line: CommandLine) -> None:
    line.service.known_domains = [
        domain("zeta", id=None, state="shut off"),
        domain("web", id=7),
        domain("Alpha", id=None, state="shut off", host="beta"),
        domain("test", id=1),
    ]
    assert line.run("list", "--all").out == (
        " Id   Name    State      Host\n"
        "--------------------------------\n"
        " 1    test    running    alpha\n"
        " 7    web     running    alpha\n"
        " -    Alpha   shut off   beta\n"
        " -    zeta    shut off   alpha\n"
        "\n"
    )
    assert line.service.asked == [("domains", True, None, False)]


def test_list_of_one_host_is_virshs(line: CommandLine) -> None:
    done = line.run("list", "--host", "alpha")
    assert done.out == " Id   Name   State\n----------------------\n 1    test   running\n\n"
    assert line.service.asked == [("domains", False, "alpha", False)]


def test_list_can_be_of_names_and_uuids_only(line: CommandLine) -> None:
    line.service.known_domains.append(domain("web", id=None))
    assert line.run("list", "--all", "--name").out == "test\nweb\n\n"
    assert line.run("list", "--uuid", "--name", "--inactive").out == f"{UUID_OF_WEB} web\n\n"
    assert line.run("list", "--all", "--id").out == "1\n-\n\n"
    assert line.run("list", "--transient", "--name").out == "\n"


def test_dominfo_has_virshs_keys(line: CommandLine) -> None:
    assert line.run("dominfo", "test").out == (
        "Id:             1\n"
        "Name:           test\n"
        f"UUID:           {UUID_OF_WEB}\n"
        "OS Type:        linux\n"
        "State:          running\n"
        "CPU(s):         2\n"
        "Max memory:     8388608 KiB\n"
        "Used memory:    2097152 KiB\n"
        "Persistent:     yes\n"
        "Autostart:      disable\n"
        "Managed save:   no\n"
        "Host:           alpha\n"
        "Role:           owner\n"
        "\n"
    )


def test_domstate_tells_the_reason_when_asked(line: CommandLine) -> None:
    assert line.run("domstate", "test").out == "running\n\n"
    assert line.run("domstate", "--reason", "test").out == "running (booted)\n\n"


def test_dumpxml_prints_the_bytes_and_virshs_line_end(line: CommandLine) -> None:
    assert line.run("dumpxml", "web").out == "<domain>\n  <title>ü</title>\n</domain>\n\n"
    line.run("dumpxml", "web", "--security-info", "--inactive", "--reason", "console", "--ticket", "T-3")
    assert line.service.asked[1] == ("domain_xml", "web", None, True, True)
    assert (line.service.contexts[1].reason, line.service.contexts[1].ticket) == ("console", "T-3")


SEEN = "2026-11-23 15:27:05 +0000"


@pytest.fixture
def forest(line: CommandLine) -> CommandLine:
    line.service.known_snapshots = [
        snapshot("s3", "s1", current=True),
        snapshot("s1", children=["s2", "s3"], presence="present"),
        snapshot("s2", "s1", state="shutoff"),
    ]
    return line


def test_snapshot_list_is_virshs(forest: CommandLine) -> None:
    assert forest.run("snapshot-list", "test").out == (
        " Name   Creation Time               State\n"
        "---------------------------------------------\n"
        f" s1     {SEEN}   running\n"
        f" s2     {SEEN}   shutoff\n"
        f" s3     {SEEN}   running\n"
        "\n"
    )
    assert forest.run("snapshot-list", "test", "--tree").out == "s1\n  |\n  +- s2\n  +- s3\n    \n\n"
    assert forest.run("snapshot-list", "test", "--name").out == "s1\ns2\ns3\n\n"
    assert forest.run("snapshot-list", "test", "--name", "--roots").out == "s1\n\n"
    assert forest.run("snapshot-list", "test", "--name", "--leaves").out == "s2\ns3\n\n"
    assert f" s2     {SEEN}   shutoff   s1\n" in forest.run("snapshot-list", "test", "--parent").out


def test_snapshot_list_can_be_parents_first(line: CommandLine) -> None:
    line.service.known_snapshots = [snapshot("a", "c"), snapshot("b", "a"), snapshot("c")]
    assert line.run("snapshot-list", "test", "--name", "--topological").out == "c\na\nb\n\n"


def test_options_that_exclude_each_other_are_refused_in_virshs_words(line: CommandLine) -> None:
    done = line.run("snapshot-list", "test", "--tree", "--name")
    assert (done.code, done.err) == (2, "error: Options --tree and --name are mutually exclusive [8]\n")
    assert line.run("snapshot-info", "test").err == "error: --snapshotname or --current is required [8]\n"
    assert line.service.asked == []


def test_snapshot_info_has_virshs_keys(forest: CommandLine) -> None:
    assert forest.run("snapshot-info", "test", "s1").out == (
        "Name:           s1\n"
        "Domain:         test\n"
        "Current:        no\n"
        "State:          running\n"
        "Location:       internal\n"
        "Parent:         -\n"
        "Children:       2\n"
        "Descendants:    2\n"
        "Metadata:       yes\n"
        "\n"
    )
    assert "Parent:         s1\n" in forest.run("snapshot-info", "test", "--current").out


def test_snapshot_current_shows_the_current_one(forest: CommandLine) -> None:
    assert forest.run("snapshot-current", "test", "--name").out == "s3\n"
    assert forest.run("snapshot-current", "test").out == "<domainsnapshot>\n  <name>s3</name>\n</domainsnapshot>\n\n"


def test_having_no_current_snapshot_is_told_in_virshs_words(line: CommandLine) -> None:
    done = line.run("snapshot-current", "test")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "error: domain 'test' has no current snapshot",
        "error: Domain snapshot not found: the domain does not have a current snapshot [72]",
    ]


def test_the_current_snapshot_can_be_meant_without_its_name(forest: CommandLine) -> None:
    assert forest.run("snapshot-revert", "test", "--current").out == "Domain snapshot s3 reverted\n\n"


def test_flags_that_exclude_each_other_are_for_revisor_to_refuse_and_record(line: CommandLine) -> None:
    line.run("snapshot-create", "web", "--redefine", "--no-metadata")
    assert line.service.asked[0][4] == {"redefine": True, "no_metadata": True}


def test_the_verbs_of_hosts(line: CommandLine) -> None:
    assert line.run("host", "add", "alpha", "simulator:///alpha").out == "Host 'alpha' added\n\n"
    assert line.run("host", "list").out == (
        " Name    State     URI                  Hostname\n"
        "--------------------------------------------------\n"
        " alpha   waiting   simulator:///alpha   -\n"
        "\n"
    )
    assert line.run("host", "set-uri", "alpha", "test:///x").out == "Host 'alpha' has URI test:///x\n\n"
    assert line.run("host", "remove", "alpha", "--reason", "old").out == "Host 'alpha' removed\n\n"
    assert line.service.contexts[-1].reason == "old"


def test_the_verbs_of_read_models(line: CommandLine) -> None:
    assert line.run("projections", "list").out == (
        " Name      Position   State       Error\n"
        "-----------------------------------------\n"
        " domains   7          caught up   \n"
        "\n"
    )
    assert line.run("projections", "rebuild", "domains").out == "Projection 'domains' rebuilt\n\n"
    assert line.run("projections", "rebuild", "--all").out == "All projections rebuilt\n\n"
    assert line.service.asked == [("rebuild", "domains"), ("rebuild", None)]
    for words in ([], ["domains", "--all"]):
        refused = line.run("projections", "rebuild", *words)
        assert refused.code == 2
        assert "requires <name> or --all, and not both" in refused.err


def test_a_read_model_shows_how_far_behind_it_is_and_what_it_could_not_take(line: CommandLine) -> None:
    known = line.service.read_models.known
    known.update(state="behind", behind=12, behind_s=3.4)
    assert " domains   7          behind by 12 (3 s)   \n" in line.run("projections", "list").out
    known.update(state="parked", parked_at=8, parked_topic="domain.started", error="KeyError: 'name'")
    row = " domains   7          parked at 8 (domain.started)   KeyError: 'name'\n"
    assert row in line.run("projections", "list").out


def test_a_parked_read_model_is_resumed_and_its_state_is_printed(line: CommandLine) -> None:
    assert line.run("projections", "resume", "domains").out == (
        " Name      Position   State       Error\n"
        "-----------------------------------------\n"
        " domains   7          caught up   \n"
        "\n"
    )
    assert line.service.asked == [("resume", "domains")]
    assert json.loads(line.run("projections", "resume", "domains", "--output", "json").out)["kind"] == "projections"


EVENT = {
    "position": 12,
    "recorded_at": "2026-11-23T15:27:06Z",
    "occurred_at": "2026-11-23T15:27:05Z",
    "topic": "operation.requested",
    "origin": "requested",
    "actor": "uid:0(root)",
    "reason": "weekly\nwork",
    "ticket": "T-1",
    "operation": None,
    "request_id": None,
    "host": "alpha",
    "summary": "start",
    "data": {},
}


def test_log_is_one_readable_line_an_event(line: CommandLine) -> None:
    fact = {**EVENT, "position": 13, "topic": "domain.started", "summary": "running (booted)", "origin": "observed"}
    line.service.history = [EVENT, {**fact, "actor": "uid:1000(alice)"}]
    assert line.run("log", "alpha/web", "--limit", "5").out == (
        f"    12  {SEEN}  uid:0(root)      operation.requested on alpha: start [weekly\\x0awork, T-1]\n"
        f"    13  {SEEN}  uid:1000(alice)  domain.started on alpha: running (booted) (observed)\n"
    )
    assert line.service.asked == [("log", "web", "alpha", 5)]


def test_log_of_attempts_is_a_table(line: CommandLine) -> None:
    line.service.history = [
        {**EVENT, "verb": "start", "target": "web", "code": 55, "message": "domain is already running"}
    ]
    assert line.run("log", "--attempts").out.splitlines()[2] == (
        " 2026-11-23 15:27:06 +0000   uid:0(root)   start   web      55     domain is already running"
    )


def test_operations_are_a_table(line: CommandLine) -> None:
    line.run("start", "web")
    (id,) = line.service.known_operations
    line.service.settle(state="failed", error={"code": 55, "message": "no"})
    rows = line.run("operations", "beta/web").out.splitlines()
    assert f" {id}   {SEEN}   start   web      alpha   failed [55]   uid:" in rows[2]
    assert line.service.asked[-1] == ("operations", "web", "beta", 1000)
