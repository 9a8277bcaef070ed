"""How command lines end: exit codes, the last line on stderr, JSON, and waiting."""

import io
import json
import threading
from typing import Any
from uuid import uuid4

import pytest

from domain_model.errors import InvalidArgument, NoDomain, OperationInvalid
from revisor.cli.main import main
from tests.unit.command_line import CommandLine
from tests.unit.fake_status import SEEN_AT

_ONE_LOG = "command 'log' requires one of <domain>, --host, --schedule, --attempts and --restores"
_MIGRATE = "here that is 'replay DOMAIN --to HOST', then 'handover DOMAIN --to HOST', while the domain is off"
REFUSED = OperationInvalid("domain is already running", field="state", value="running", accepted="shut off")


def test_a_refusal_ends_with_1_its_number_and_what_would_be_accepted(line: CommandLine) -> None:
    line.service.trouble = REFUSED
    done = line.run("start", "web")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "would be accepted: shut off",
        "error: Failed to start domain 'web'",
        "error: Requested operation is not valid: domain is already running [55]",
    ]


@pytest.mark.parametrize("accepted", [None, "", "'on' or 'off'"])
def test_what_would_be_accepted_is_told_once_and_only_if_somebody_knows(
    line: CommandLine, accepted: str | None
) -> None:
    line.service.trouble = InvalidArgument("it is neither 'on' or 'off'", field="state", accepted=accepted)
    assert line.run("list").err == "error: invalid argument: it is neither 'on' or 'off' [8]\n"


def test_a_word_that_is_only_a_part_of_another_was_not_told(line: CommandLine) -> None:
    line.service.trouble = InvalidArgument("it cannot be 0 or 10", field="live", accepted="no")
    assert line.run("list").err == "would be accepted: no\nerror: invalid argument: it cannot be 0 or 10 [8]\n"


def test_what_would_be_accepted_is_one_line_whatever_is_in_it(line: CommandLine) -> None:
    line.service.trouble = InvalidArgument("no", field="host", accepted="one\ntwo\x1b[31m")
    assert line.run("list").err == "would be accepted: one\\x0atwo\\x1b[31m\nerror: invalid argument: no [8]\n"


def test_an_unknown_domain_is_told_as_virsh_tells_it(line: CommandLine) -> None:
    line.service.trouble = NoDomain("no domain with matching name 'web'")
    assert line.run("start", "web").err.splitlines() == [
        "error: failed to get domain 'web'",
        "error: Domain not found: no domain with matching name 'web' [42]",
    ]


def test_with_json_the_error_is_a_document_too(line: CommandLine) -> None:
    line.service.trouble = REFUSED
    for words in (("start", "web", "--output", "json"), ("--output=json", "start", "web")):
        first, *_, last = line.run(*words).err.splitlines()
        assert json.loads(first)["error"] == {
            "code": 55,
            "name": "OPERATION_INVALID",
            "message": "Requested operation is not valid: domain is already running",
            "field": "state",
            "value": "running",
            "accepted": "shut off",
        }
        assert last == "error: Requested operation is not valid: domain is already running [55]"


def test_an_operation_that_failed_ends_with_1_and_its_number(line: CommandLine) -> None:
    line.service.outcome = {"state": "failed", "error": {"code": 84, "message": "Operation not supported: no"}}
    done = line.run("suspend", "web")
    assert (done.code, done.err.splitlines()[-1]) == (1, "error: Operation not supported: no [84]")


@pytest.mark.parametrize(
    ("code", "told", "name"),
    [
        (84, {}, "OPERATION_UNSUPPORTED"),
        (42, {}, "NO_DOMAIN"),
        (999, {"name": "NEWER"}, "NEWER"),
        (999, {}, "INTERNAL_ERROR"),
    ],
)
def test_the_error_of_an_operation_has_libvirts_name(
    line: CommandLine, code: int, told: dict[str, str], name: str
) -> None:
    line.service.outcome = {"state": "failed", "error": {"code": code, "message": "no", **told}}
    done = line.run("suspend", "web", "--output", "json")
    assert json.loads(done.err.splitlines()[0])["error"]["name"] == name


def test_a_refusal_of_our_own_has_libvirts_name(line: CommandLine) -> None:
    line.service.known_snapshots = []
    done = line.run("snapshot-list", "web", "--from", "s1", "--output", "json")
    assert json.loads(done.err.splitlines()[0])["error"]["name"] == "NO_DOMAIN_SNAPSHOT"


def test_an_unknown_outcome_ends_with_4(line: CommandLine) -> None:
    line.service.outcome = {"state": "unknown"}
    done = line.run("start", "web")
    (id,) = line.service.known_operations
    assert done.code == 4
    assert done.last == (
        f"error: the outcome of operation {id} is unknown: its answer was lost; look at the domain first"
        " ('revisor domstate web --fresh', 'revisor log web', its host 'alpha'), and say what you saw with"
        f" 'revisor operation settle {id}' [68]"
    )


@pytest.mark.parametrize(
    ("state", "said", "way_on"),
    [("queued", "is queued", ", 'revisor operation cancel {id}' withdraws it"), ("started", "has started", "")],
)
@pytest.mark.parametrize("held_up", [None, "host 'alpha' is disabled by bob"])
def test_a_wait_that_is_over_ends_with_5_the_operations_id_why_and_how_to_go_on(
    line: CommandLine, state: str, said: str, way_on: str, held_up: str | None
) -> None:
    line.service.outcome = {"state": state, "held_up": held_up}
    done = line.run("start", "web", "--wait", "0")
    (id,) = line.service.known_operations
    why = "" if held_up is None else f": {held_up}"
    assert (done.code, done.out) == (5, f"{id}\n")
    assert done.err == (
        f"error: operation {id} {said}, and the wait is over{why}; 'revisor operation {id}' follows it"
        f"{way_on.format(id=id)} [68]\n"
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_who_waits_at_a_terminal_sees_meanwhile_what_holds_it_up_whatever_characters_are_in_it(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sys.stderr", terminal)
    line.service.outcome = {"state": "queued", "held_up": "host 'alpha' is disabled by bob: [bold]new\x1bmemory"}
    assert line.run("start", "web", "--wait", "1.1").code == 5
    assert "start web: queued, host 'alpha' is disabled by bob: [bold]new\\x1bmemory" in terminal.getvalue()


def test_no_wait_prints_the_operations_id_and_ends_with_0(line: CommandLine) -> None:
    line.service.outcome = {"state": "queued"}
    done = line.run("start", "web", "--no-wait")
    (id,) = line.service.known_operations
    assert (done.code, done.out, done.err) == (0, f"{id}\n", "")


def test_an_operation_that_takes_longer_is_followed_to_its_end(line: CommandLine) -> None:
    line.service.outcome = {"state": "started"}

    def end_it() -> None:
        assert line.service.waiters(1)
        line.service.settle(state="succeeded")

    thread = threading.Thread(target=end_it, daemon=True)
    thread.start()
    done = line.run("start", "web")
    thread.join(30)
    assert (done.code, done.out) == (0, "Domain 'web' started\n\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("frobnicate",), "unknown command: 'frobnicate'"),
        (("strat", "web"), "unknown command: 'strat'; did you mean 'start'?"),
        (("snapshot-revret", "web"), "unknown command: 'snapshot-revret'; did you mean 'snapshot-revert'?"),
        (("migrate", "--live", "web", "qemu+ssh://beta/system"), f"unknown command: 'migrate'; {_MIGRATE}"),
        (("list", "--frobnicate"), "command 'list' doesn't support option --frobnicate"),
        (("start",), "command 'start' requires <domain> option"),
        (("start", "a", "b"), "unexpected data 'b'"),
        (("define", "web.xml"), "command 'define' requires --host option"),
        (("snapshot-list", "web", "--from"), "expected syntax: --from <value>"),
        (("start", "web", "--paused=3"), "Option '--paused' does not take a value."),
        (("start", "web", "--wait", "x"), "Invalid value for '--wait': 'x' is not a valid number of seconds."),
        (("start", "web", "--request-id", "7"), "Invalid value for '--request-id': '7' is not a valid UUID."),
        (("log",), _ONE_LOG),
        (("log", "web", "--attempts"), _ONE_LOG),
        (("log", "web", "--host", "alpha"), _ONE_LOG),
        (("log", "--restores", "--attempts"), _ONE_LOG),
        (("help", "frobnicate"), "command or command group 'frobnicate' doesn't exist"),
        (("help", "migrate"), f"command or command group 'migrate' doesn't exist; {_MIGRATE}"),
        (("help", "schedule", "lst"), "command or command group 'schedule lst' doesn't exist; did you mean 'list'?"),
        (("help", "list", "all"), "command or command group 'list all' doesn't exist"),
    ],
)
def test_bad_usage_ends_with_2(line: CommandLine, words: tuple[str, ...], said: str) -> None:
    done = line.run(*words)
    assert (done.code, done.out, done.err) == (2, "", f"error: {said} [8]\n")
    assert line.service.asked == []


@pytest.mark.parametrize(
    ("words", "said", "accepted"),
    [
        (
            ("schedule", "lst"),
            "unknown command: 'lst'; did you mean 'list'?",
            "add, list, info, enable, disable, remove",
        ),
        (("projections", "frobnicate"), "unknown command: 'frobnicate'", "list, rebuild, resume"),
        (
            ("operation", "0123456"),
            "unknown command: '0123456'",
            "follow, cancel, settle, an id of 'revisor operations', or its first 8 digits or more",
        ),
    ],
)
def test_an_unknown_verb_of_a_group_is_answered_with_those_there_are(
    line: CommandLine, words: tuple[str, ...], said: str, accepted: str
) -> None:
    done = line.run(*words)
    assert (done.code, done.out, done.err) == (2, "", f"would be accepted: {accepted}\nerror: {said} [8]\n")
    assert line.service.asked == []


def test_nobody_at_the_socket_ends_with_3(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVISOR_HOME", "/nonexistent/revisor")
    assert main(["list"]) == 3
    assert capsys.readouterr().err == (
        "error: cannot reach Revisor at /nonexistent/revisor/revisor.sock: No such file or directory; "
        "'revisor up' starts it [38]\n"
    )


def test_a_home_whose_socket_path_is_too_long_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVISOR_HOME", "/srv/" + "h" * 100)
    assert main(["list"]) == 1
    assert "its socket's path would have 118 bytes, and at most 107 are possible [8]" in capsys.readouterr().err


def test_context_options_may_stand_anywhere(line: CommandLine) -> None:
    request_id = str(uuid4())
    line.run("--ticket", "T-1", "start", "--reason", "why", "web", "--request-id", request_id)
    (context,) = line.service.contexts
    assert (context.reason, context.ticket, str(context.request_id)) == ("why", "T-1", request_id)


def test_the_same_request_id_again_prints_the_same(line: CommandLine) -> None:
    line.service.outcome = {"state": "failed", "error": {"code": 55, "message": "no"}}
    words = ("start", "web", "--request-id", str(uuid4()))
    assert line.run(*words) == line.run(*words)
    assert len(line.service.known_operations) == 1


def test_without_a_request_id_each_command_has_its_own(line: CommandLine) -> None:
    line.run("start", "web")
    line.run("start", "web")
    first, second = (context.request_id for context in line.service.contexts)
    assert first is not None
    assert first.version == 4
    assert first != second


def test_json_is_one_document(line: CommandLine) -> None:
    document = json.loads(line.run("list", "--all", "--output", "json").out)
    assert document == {
        "kind": "list",
        "position": 7,
        "observed_at": SEEN_AT,
        "items": line.service.known_domains,
    }
    started = json.loads(line.run("start", "web", "--output", "json").out)
    assert (started["kind"], started["position"]) == ("operations", 7)
    assert started["items"][0]["state"] == "succeeded"
    dumped = json.loads(line.run("dumpxml", "web", "--output", "json").out)
    assert dumped["items"][0]["xml"] == "<domain>\n  <title>ü</title>\n</domain>\n"


@pytest.mark.parametrize(
    "words", ["host list", "projections list", "operations", "log --attempts", "log --restores", "snapshot-list web"]
)
def test_every_list_has_its_document(line: CommandLine, words: str) -> None:
    document = json.loads(line.run(*words.split(), "--output", "json").out)
    assert list(document) == ["kind", "position", "observed_at", "items"]


def test_fresh_is_passed_on(line: CommandLine) -> None:
    line.run("list", "--fresh", "--host", "alpha")
    assert line.service.asked[0] == ("observe", "alpha", 10.0)


def test_what_nobody_expected_is_no_traceback(line: CommandLine) -> None:
    line.service.known_domains = [{"id": 1}]
    done = line.run("list")
    assert (done.code, done.err) == (1, "error: internal error: KeyError: 'name' [1]\n")


def report(**given: Any) -> dict[str, Any]:
    return {
        "state": "succeeded",
        "arguments": {"from": "alpha"},
        "result": {
            "snapshots": [{"name": "s1", "result": "identical", "differences": []}],
            "definition": {"result": "identical", "differences": []},
            "current": {"recorded": "s1", "found": "s1"},
            "identical": 1,
            "total": 1,
            **given,
        },
    }


def entry(name: str, result: str, *differences: tuple[str, str | None, str | None]) -> dict[str, Any]:
    fields = ("path", "recorded", "found")
    listed = [dict(zip(fields, difference, strict=True)) for difference in differences]
    return {"name": name, "result": result, "differences": listed}


def test_a_replay_prints_its_report_and_ends_with_0(line: CommandLine) -> None:
    line.service.outcome = report()
    done = line.run("replay", "web", "--to", "beta")
    assert (done.code, done.err) == (0, "")
    assert done.out == " Snapshot   Result\n-----------------------\n s1         identical\n\n1 of 1 identical\n"


def test_a_replay_to_nowhere_restores_where_the_domain_is(line: CommandLine) -> None:
    line.service.outcome = {**report(), "arguments": {"restore": True}}
    done = line.run("replay", "web")
    assert line.service.asked[0] == ("act", "web", None, "replay", {})
    assert (done.code, done.err) == (0, "")


def test_additions_of_a_hypervisor_are_listed_and_no_failure(line: CommandLine) -> None:
    addition = ("domainsnapshot/memory", None, "<memory snapshot='no'>")
    line.service.outcome = report(snapshots=[entry("s1", "normalised", addition)], identical=0)
    done = line.run("replay", "web", "--to", "beta")
    assert done.code == 0
    assert done.out.endswith("s1: normalised\n  + domainsnapshot/memory: <memory snapshot='no'>\n\n0 of 1 identical\n")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (
            {"snapshots": [entry("s1", "different", ("d/name/text()", "a", "b"), ("d/@x", "1", None))]},
            "  ~ d/name/text(): recorded a, found b\n  - d/@x: 1\n",
        ),
        ({"snapshots": [entry("s1", "missing")]}, " s1         missing\n"),
        ({"current": {"recorded": "s1", "found": None}}, "current: recorded s1, found none\n"),
        (
            {"definition": entry("", "different", ("d/@x", "1", None))},
            "definition: different\n  - d/@x: 1\n",
        ),
    ],
)
def test_a_replay_that_failed_by_its_report_shows_it_first(
    line: CommandLine, given: dict[str, Any], shown: str
) -> None:
    line.service.outcome = {
        **report(**given),
        "state": "failed",
        "error": {"code": 9, "message": "operation failed: the replica differs"},
    }
    done = line.run("replay", "web", "--to", "beta")
    assert (done.code, done.err.splitlines()[-1]) == (1, "error: operation failed: the replica differs [9]")
    assert shown in done.out
    assert done.out.endswith(" of 1 identical\n")


def test_a_replays_document_is_its_report(line: CommandLine) -> None:
    line.service.known_hosts = [{"id": "h-1", "name": "alpha"}, {"id": "h-2", "name": "beta"}]
    line.service.outcome = report()
    document = json.loads(line.run("replay", "web", "--to", "beta", "--output", "json").out)
    assert document["kind"] == "replay"
    (item,) = document["items"]
    assert {"domain", "from", "to", "position", "snapshots", "current", "identical", "total"} <= set(item)
    assert (item["domain"], item["from"], item["identical"]) == ("web", "alpha", 1)
