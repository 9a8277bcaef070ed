"""One host at both doors: what it is, that it is disabled, and its limit."""

import json

import pytest

from tests.unit.command_line import CommandLine
from tests.unit.fake_registry import DISABLED, HOST


def test_a_host_is_disabled_for_a_reason_in_the_name_of_who_asks(line: CommandLine) -> None:
    done = line.run("host", "disable", "alpha", "--reason", "new memory")
    assert (done.code, done.out, done.err) == (0, "Host 'alpha' disabled\n\n", "")
    assert line.service.asked == [("disable", "alpha")]
    assert [context.reason for context in line.service.contexts] == ["new memory"]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ((), "error: command 'disable' requires --reason option [8]"),
        (("--reason", " "), "error: Option argument is empty [8]"),
    ],
    ids=["no reason", "a blank one"],
)
def test_a_host_is_not_disabled_without_a_reason_which_is_wrong_usage(
    line: CommandLine, said: tuple[str, ...], error: str
) -> None:
    done = line.run("host", "disable", "alpha", *said)
    assert (done.code, done.last, line.service.asked) == (2, error, [])


def test_a_host_is_enabled_and_its_document_printed(line: CommandLine) -> None:
    done = line.run("host", "enable", "alpha", "--output", "json")
    document = json.loads(done.out)
    assert (document["kind"], document["items"]) == ("host-info", [HOST])
    assert line.service.asked == [("enable", "alpha")]


def test_a_host_is_given_a_limit(line: CommandLine) -> None:
    done = line.run("host", "set-limit", "alpha", "9")
    assert (done.code, done.out) == (0, "Host 'alpha' carries out 9 operations at once\n\n")
    assert line.service.asked == [("limit", "alpha", 9)]


@pytest.mark.parametrize("number", ["many", "1.5", ""])
def test_a_limit_that_is_no_number_is_refused_before_anything_is_asked(line: CommandLine, number: str) -> None:
    done = line.run("host", "set-limit", "alpha", number)
    assert (done.code, line.service.asked) == (2, [])
    assert done.err == f"would be accepted: 1 to 64\nerror: '{number}' is no number of operations at once [8]\n"


def test_who_disables_it_again_hears_by_whom_since_when_and_why_it_was(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line.service.registry, "disable", lambda *_: {**HOST, "disabled_before": DISABLED})
    done = line.run("host", "disable", "alpha", "--reason", "new disks")
    assert (
        done.out
        == "Host 'alpha' disabled; it was already, by uid:0(root) since 2026-11-28 10:00:00 +0000: new memory\n\n"
    )


def test_a_person_reads_what_a_host_is_and_why_it_is_disabled(line: CommandLine) -> None:
    line.service.known_hosts = [{**HOST, "problem": "no answer", "state": "unreachable", "disabled": DISABLED}]
    assert line.run("host", "info", "alpha").out.splitlines() == [
        "Name:           alpha",
        "URI:            simulator:///alpha",
        "State:          unreachable",
        "Problem:        no answer",
        "Hostname:       alpha.example.org",
        "Driver:         Simulator",
        "Operations:     at most 4 at once",
        "Adopts:         none",
        "Disabled:       by uid:0(root) since 2026-11-28 10:00:00 +0000: new memory",
        "",
    ]
    rows = line.run("host", "list").out.splitlines()
    assert [row for row in rows if "unreachable, disabled" in row]


@pytest.mark.parametrize(
    ("adopt", "said"), [("all", "adopts what nobody recorded"), ("none", "adopts nothing by itself")]
)
def test_what_nobody_recorded_on_a_host_is_taken_in_or_not_as_it_is_set(
    line: CommandLine, adopt: str, said: str
) -> None:
    done = line.run("host", "set-adopt", "alpha", adopt, "--reason", "it is all ours")
    assert (done.code, done.out) == (0, f"Host 'alpha' {said}\n\n")
    assert line.service.asked == [("set_adoption", "alpha", adopt)]
    assert [context.reason for context in line.service.contexts] == ["it is all ours"]


def test_a_host_is_added_with_what_is_adopted_there(line: CommandLine) -> None:
    assert line.run("host", "add", "alpha", "simulator:///alpha", "--adopt", "all").code == 0
    assert line.service.asked == [("add_host", "alpha", "simulator:///alpha", "all")]


def test_the_log_of_a_host_tells_who_did_what_and_why(line: CommandLine) -> None:
    done = line.run("log", "--host", "alpha", "--limit", "3")
    assert line.service.asked == [("host log", "alpha", 3)]
    shown = "     9  2026-11-28 10:00:00 +0000  uid:0(root)  host.disabled [new memory, CHG-17]\n"
    assert (done.code, done.out) == (0, shown)


def test_the_log_of_a_host_is_a_document_of_the_log(line: CommandLine) -> None:
    document = json.loads(line.run("log", "--host", "alpha", "--output", "json").out)
    assert (document["kind"], [item["topic"] for item in document["items"]]) == ("log", ["host.disabled"])


def test_an_empty_name_of_a_host_is_refused_before_anything_is_asked(line: CommandLine) -> None:
    done = line.run("log", "--host", "")
    assert (done.code, line.service.asked) == (2, [])
    assert done.err == "would be accepted: the name of a host\nerror: Option argument is empty [8]\n"


def test_who_adds_a_host_that_is_there_hears_that_it_is(line: CommandLine) -> None:
    words = ("host", "add", "alpha", "simulator:///alpha")
    assert [line.run(*words).out for _ in range(2)] == [
        "Host 'alpha' added\n\n",
        "Host 'alpha' is there already, with this URI\n\n",
    ]
