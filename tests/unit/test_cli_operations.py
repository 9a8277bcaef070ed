"""Operations at both doors: withdrawing one, saying how one ended, and how a list of them shows that."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain_model.errors import OperationInvalid
from domain_model.operations import OperationState
from revisor.cli.history import STATES
from revisor.client import Refusal
from tests.unit.command_line import CommandLine, Door

STARTED = OperationInvalid("operation X was started and goes on: wait for it", field="operation", value="X")
UNKNOWN = {"state": "unknown"}


def asked_for(line: CommandLine, **outcome: Any) -> str:
    """An operation that somebody asked for; its id."""
    line.service.outcome = outcome
    assert line.run("start", "web", "--no-wait").code == 0
    [id] = line.service.known_operations
    line.service.asked.clear()
    line.service.contexts.clear()
    return str(id)


WORDS: dict[str, tuple[str, ...]] = {
    "operation": (),
    "cancel": ("cancel",),
    "settle": ("settle", "--as", "failed", "--evidence", "so"),
}


@pytest.mark.parametrize("words", WORDS.values(), ids=list(WORDS))
@pytest.mark.parametrize("length", [8, 11, 35])
def test_an_operation_is_meant_by_the_beginning_of_its_id(
    line: CommandLine, words: tuple[str, ...], length: int
) -> None:
    id = asked_for(line, state="succeeded")
    done = line.run("operation", *words, id[:length].upper())
    assert (done.code, done.err) == (0, "")
    assert id in done.out


@pytest.mark.parametrize("words", WORDS.values(), ids=list(WORDS))
def test_a_beginning_of_several_ids_is_refused_with_them_and_one_of_none_too(
    line: CommandLine, words: tuple[str, ...]
) -> None:
    ids = [f"6695eb01-0000-4000-8000-00000000000{number}" for number in (1, 2)]
    line.service.known_operations |= {UUID(id): {"id": id} for id in ids}
    both = ", ".join(ids)
    done = line.run("operation", *words, "6695eb01")
    assert (done.code, done.out) == (1, "")
    assert done.last == (f"error: invalid argument: '6695eb01' is the beginning of several operations' ids: {both} [8]")
    done = line.run("operation", *words, "7695eb01")
    assert (done.code, done.last) == (1, "error: invalid argument: no operation's id begins with '7695eb01' [8]")
    assert {asked[0] for asked in line.service.asked} == {"operations"}


def test_over_http_an_operation_is_named_by_its_whole_id(door: Door) -> None:
    service, client = door
    service.forget()
    for path in ("/v1/operations/6695eb01", "/v1/operations/6695eb01/cancel"):
        with pytest.raises(Refusal) as refused:
            client.request("GET" if path.endswith("1") else "POST", path)
        assert (refused.value.code, refused.value.field) == (8, "id")
    assert service.asked == []


def test_an_operation_is_withdrawn_in_the_name_of_who_asks(line: CommandLine) -> None:
    id = asked_for(line, state="queued")
    done = line.run("operation", "cancel", id, "--reason", "not today", "--ticket", "T-1")
    assert (done.code, done.err, done.out.rstrip()) == (0, "", f"Operation {id} cancelled")
    assert line.service.asked == [("cancel", UUID(id))]
    assert [(context.reason, context.ticket) for context in line.service.contexts] == [("not today", "T-1")]


def test_one_that_is_not_withdrawn_ends_with_1_and_says_what_can_be_done(line: CommandLine) -> None:
    line.service.trouble = STARTED
    done = line.run("operation", "cancel", str(uuid4()))
    assert (done.code, done.out) == (1, "")
    assert done.last == (
        "error: Requested operation is not valid: operation X was started and goes on: wait for it [55]"
    )


def test_who_waits_for_one_that_is_withdrawn_ends_with_1_and_hears_of_it(line: CommandLine) -> None:
    line.service.outcome = {"state": "cancelled"}
    done = line.run("start", "web")
    [id] = line.service.known_operations
    assert (done.code, done.out) == (1, "")
    assert done.last == f"error: operation {id} was cancelled before it was started: nothing was done [78]"


def test_a_person_says_how_one_ended_with_evidence(line: CommandLine) -> None:
    id = asked_for(line, **UNKNOWN)
    done = line.run("operation", "settle", id, "--as", "failed", "--evidence", "its uptime is 3 days")
    assert (done.code, done.err, done.out.rstrip()) == (0, "", f"Operation {id} settled as failed")
    assert line.service.asked == [("settle", UUID(id), OperationState.FAILED, "its uptime is 3 days")]


@pytest.mark.parametrize("words", [("cancel",), ("settle", "--as", "succeeded", "--evidence", "I saw it")], ids=str)
def test_the_document_of_an_ended_one_is_that_of_operations(line: CommandLine, words: tuple[str, ...]) -> None:
    id = asked_for(line, **UNKNOWN)
    document = json.loads(line.run("operation", *words, id, "--output", "json").out)
    assert set(document) == {"kind", "position", "observed_at", "items"}
    assert (document["kind"], document["items"][0]["id"]) == ("operations", id)
    assert document["items"][0]["state"] == ("cancelled" if words == ("cancel",) else "succeeded")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("cancel", "web"), 8, "'web' is no operation's id"),
        (("cancel", "6695eb0"), 8, "'6695eb0' is no operation's id"),
        (("settle", str(uuid4()), "--as", "done", "--evidence", "so"), 8, "'done' is not one of"),
        (("settle", str(uuid4()), "--as", "failed"), 8, "requires --evidence option"),
        (("settle", str(uuid4()), "--evidence", "so"), 8, "requires --as option"),
        (("settle", str(uuid4()), "--as", "failed", "--evidence", " "), 8, "Option argument is empty"),
        (("cancel", str(uuid4()), "--no-wait"), 8, "--no-wait"),
    ],
    ids=["no id", "too short", "no outcome", "no evidence", "no --as", "empty evidence", "nothing to wait for"],
)
def test_what_is_not_understood_is_refused_before_anything_is_asked(
    line: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    done = line.run("operation", *words)
    assert done.code != 0
    assert said in done.err
    assert done.last.endswith(f"[{code}]")
    assert line.service.asked == []


def test_the_list_shows_who_settled_one_and_what_holds_up_another(line: CommandLine) -> None:
    asked_for(line, state="succeeded", settled={"by": "agent:alpha", "evidence": "looked at again"})
    [settled] = line.run("operations").out.splitlines()[2:3]
    assert "succeeded, settled by agent:alpha: looked at again" in settled
    line.service.settle(state="started", settled=None, held_up="host 'alpha' is busy")
    [waits] = line.run("operations").out.splitlines()[2:3]
    assert "started: host 'alpha' is busy" in waits


@pytest.mark.parametrize(
    ("verb", "arguments", "shown"),
    [
        ("snapshot-create", {"flags": 0, "name": "s1", "xml": "a digest"}, "snapshot-create s1"),
        ("checkpoint-delete", {"flags": 0, "name": "c 1"}, "checkpoint-delete c 1"),
        ("snapshot-redefine", {"flags": 1, "snapshots": [{"name": "s1"}]}, "snapshot-redefine s1"),
        ("snapshot-redefine", {"snapshots": [{"name": f"s{n}"} for n in (1, 2, 3)]}, "snapshot-redefine s1 and 2 more"),
        ("domrename", {"name": "www"}, "domrename www"),
        ("save", {"flags": 0, "name": "web", "file": "/saved"}, "save"),
        ("start", {"flags": 1}, "start"),
    ],
)
def test_the_list_shows_what_of_its_domain_one_is_about(
    line: CommandLine, verb: str, arguments: dict[str, Any], shown: str
) -> None:
    asked_for(line, state="queued")
    line.service.settle(verb=verb, arguments=arguments)
    header, _, row = line.run("operations").out.splitlines()[:3]
    assert row[header.index("Verb") : header.index("Domain")].rstrip() == shown


@pytest.mark.parametrize("words", [(), ("follow",)], ids=["an id alone", "follow"])
@pytest.mark.parametrize(
    ("outcome", "code", "said"),
    [
        ({"state": "succeeded"}, 0, "Operation {id} (start of web) succeeded"),
        ({"state": "failed", "error": {"code": 55, "message": "no"}}, 1, "error: no [55]"),
        ({"state": "queued"}, 5, "error: operation {id} is queued, and the wait is over; "),
    ],
    ids=["succeeded", "failed", "queued"],
)
def test_an_operation_is_followed_to_its_end_and_the_command_ends_as_the_one_that_asked(
    line: CommandLine, words: tuple[str, ...], outcome: dict[str, Any], code: int, said: str
) -> None:
    id = asked_for(line, **outcome)
    done = line.run("operation", *words, id, "--wait", "0")
    assert done.code == code
    assert (done.out if code == 0 else done.last).startswith(said.format(id=id))


def test_operations_are_listed_by_their_states(line: CommandLine) -> None:
    assert line.run("operations", "web", "--state", "queued,unknown", "--state", "failed").code == 0
    assert line.service.asked == [("operations", "web", None, 1000, "queued", "unknown", "failed")]


@pytest.mark.parametrize("state", ["running", "queued,", ""])
def test_a_state_that_operations_do_not_have_is_refused_with_those_they_have(line: CommandLine, state: str) -> None:
    done = line.run("operations", "--state", state)
    word = state.rpartition(",")[2]
    assert (done.code, line.service.asked) == (2, [])
    assert done.err == (
        "would be accepted: queued, started, succeeded, failed, unknown, cancelled\n"
        f"error: Unknown state '{word}' of operations [8]\n"
    )


def test_over_http_states_are_comma_separated_or_repeated_and_checked(door: Door) -> None:
    service, client = door
    service.forget()
    client.get("/v1/operations?state=queued,started&state=failed")
    assert service.asked == [("operations", None, None, 1000, "queued", "started", "failed")]
    with pytest.raises(Refusal) as refused:
        client.get("/v1/operations", state="running")
    assert (refused.value.code, refused.value.field, refused.value.value) == (8, "state", "running")
    assert refused.value.accepted == ", ".join(OperationState)


def test_the_command_line_knows_every_state_of_operations() -> None:
    assert tuple(OperationState) == STATES


def test_the_log_shows_why_somebody_settled_or_withdrew_one(line: CommandLine) -> None:
    entry = {
        "position": 7,
        "recorded_at": "2026-11-23T15:27:05.000000Z",
        "occurred_at": None,
        "topic": "operation.settled",
        "actor": "uid:7(bob)",
        "summary": "reboot: succeeded: its uptime",
        "reason": "asked the guest",
        "ticket": None,
    }
    line.service.history = [entry]
    told = line.run("log", "web").out.rstrip()
    assert told.endswith("uid:7(bob)  operation.settled: reboot: succeeded: its uptime [asked the guest]")


def test_over_http_evidence_and_outcome_are_needed(door: Door) -> None:
    service, client = door
    service.forget()
    for body in ({}, {"as": "failed"}, {"evidence": "so"}, {"as": "cancelled", "evidence": "so"}):
        with pytest.raises(Refusal) as refused:
            client.request("POST", f"/v1/operations/{uuid4()}/settle", body=body)
        assert refused.value.code == 8
    assert service.asked == []
