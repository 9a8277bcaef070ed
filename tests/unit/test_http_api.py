"""The HTTP door as its callers meet it: over a real socket, with a stand-in for the service behind it."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import OperationalError

from domain_model.errors import NoDomain, OperationFailed, OperationInvalid, OutcomeUnknown, Refused
from domain_model.flags import Define, Start
from domain_model.verbs import SPECS
from revisor.client import AnswerLost, Client, Refusal, Unreachable
from revisor.http.limits import MAX_BODY_BYTES
from revisor.http.peer import Peer
from revisor.sightings import Known
from revisor.store.mapper import UnknownEvent, UnreadableEvents
from tests.unit.fake_status import SEEN_AT
from tests.unit.test_http_fake_service import FakeService, open_door, snapshot

ME = Peer(os.getpid(), os.getuid()).actor


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[FakeService, Client]]:
    service = FakeService()
    with open_door(service) as client:
        yield service, client


@pytest.fixture
def service(door: tuple[FakeService, Client]) -> FakeService:
    door[0].forget()
    return door[0]


@pytest.fixture
def client(door: tuple[FakeService, Client]) -> Client:
    return door[1]


def raw(client: Client, text: bytes) -> tuple[int, dict[str, Any]]:
    """Send bytes as they are, and read the status and the JSON of what comes back."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(client.socket))
        connection.sendall(text)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def post(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_a_collection_says_how_far_the_log_was_known_and_when_hosts_were_looked_at(
    service: FakeService, client: Client
) -> None:
    body = client.get("/v1/domains").body
    assert body == {"kind": "list", "position": 7, "observed_at": SEEN_AT, "items": service.known_domains}
    assert service.asked == [("domains", False, None, False)]


@pytest.mark.parametrize("path", ["", "/xml", "/snapshots", "/snapshots/s1", "/snapshots/s1/xml"])
def test_the_position_is_taken_before_what_is_answered_is_read(
    service: FakeService, client: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    service.known_snapshots = [snapshot("s1")]

    def known(host: str | None = None) -> Known:
        del host
        service.asked.append(("known",))
        return Known(7, None, 0.0)

    monkeypatch.setattr(service, "known", known)
    client.get(f"/v1/domains/web{path}")
    assert service.asked[-2] == ("known",)


def test_a_domain_comes_with_the_last_look_at_its_host(
    service: FakeService, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = {"alpha": datetime.fromisoformat(SEEN_AT)}
    monkeypatch.setattr(service, "known", lambda host: Known(7, looks.get(host), 0.0))
    assert client.get("/v1/domains/web").body["observed_at"] == SEEN_AT


def test_a_host_never_looked_at_has_no_time(client: Client) -> None:
    assert client.get("/v1/domains", host="unseen").body["observed_at"] is None


def test_fresh_has_the_hosts_looked_at_before_answering(service: FakeService, client: Client) -> None:
    client.get("/v1/domains", all=True, host="alpha", fresh=True)
    assert service.asked == [("observe", "alpha", 10.0), ("domains", True, "alpha", False)]


def test_the_actor_is_what_the_kernel_says(service: FakeService, client: Client) -> None:
    client.act("web", "start", {}, reason="why", ticket="T-1")
    (context,) = service.contexts
    assert context.actor.startswith(ME)
    assert (context.reason, context.ticket, context.request_id) == ("why", "T-1", None)


def test_an_accepted_request_is_202_and_says_where_its_operation_is(service: FakeService, client: Client) -> None:
    service.outcome = {"state": "queued"}
    reply = client.request("POST", "/v1/domains/web/operations", {"host": "beta"}, {"verb": "start"})
    assert reply.status == 202
    assert service.asked == [("act", "web", "beta", "start", {})]
    assert client.get(f"/v1/operations/{reply.body['id']}").body == reply.body
    status, _ = raw(
        client, f"GET /v1/operations/{reply.body['id']} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    )
    assert status == 200


def test_waiting_ends_with_the_operation(service: FakeService, client: Client) -> None:
    service.outcome = {"state": "started"}
    operation = client.act("web", "start", {})
    replies: list[Any] = []
    path = f"/v1/operations/{operation['id']}"
    waiting = threading.Thread(
        target=lambda: replies.append(client.request("GET", path, {"wait": 3600}, wait_s=3600)), daemon=True
    )
    waiting.start()
    assert service.waiters(1)
    service.settle(state="failed", error={"code": 55, "message": "no"})
    waiting.join(30)
    assert [(reply.status, reply.body["state"]) for reply in replies] == [(200, "failed")]


def test_a_wait_that_is_over_answers_202_with_the_operation_as_it_is(service: FakeService, client: Client) -> None:
    service.outcome = {"state": "started"}
    reply = client.request("POST", "/v1/domains/web/operations", {"wait": 0.01}, {"verb": "destroy"})
    assert (reply.status, reply.body["state"]) == (202, "started")


def test_a_hundred_who_wait_keep_nobody_from_reading(service: FakeService, client: Client) -> None:
    service.outcome = {"state": "started"}
    operation = client.act("web", "start", {})
    waiting = [
        threading.Thread(target=client.ended, args=(operation, 60), daemon=True)
        for _ in range(100)  # more than the threads that ordinary requests share
    ]
    for thread in waiting:
        thread.start()
    assert service.waiters(100)
    assert client.get("/v1/domains").body["items"]
    service.settle(state="succeeded")
    for thread in waiting:
        thread.join(60)


def test_the_same_request_id_reaches_the_service_as_it_is(service: FakeService, client: Client) -> None:
    request_id = str(uuid4())
    first = client.act("web", "start", {}, request_id=request_id)
    assert client.act("web", "start", {}, request_id=request_id)["id"] == first["id"]
    assert {context.request_id for context in service.contexts} == {UUID(request_id)}


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        (NoDomain("no domain with matching name 'web'", field="domain", value="web"), 404, 42),
        (Refused("Domain snapshot not found: x", number=72), 404, 72),
        (OperationInvalid("domain is not running"), 409, 55),
        (OperationFailed("domain moment x already exists"), 409, 9),
        (Refused("access denied", number=88), 403, 88),
        (Refused("nobody answers", number=38), 503, 38),
        (Refused("unsupported flags", number=8), 400, 8),
        (OutcomeUnknown("lost"), 504, 68),
        (psycopg.OperationalError("secret dsn"), 503, 38),
        (psycopg.errors.DiskFull("secret path"), 503, 38),
        (psycopg.errors.UndefinedColumn("secret column"), 503, 38),
        (OperationalError("secret statement"), 503, 38),
        (UnknownEvent("domain.started is of version 9"), 500, 1),
        (UnreadableEvents("domain.started cannot be folded"), 500, 1),
        (RuntimeError("secret words"), 500, 1),
    ],
)
def test_what_goes_wrong_has_its_status_and_number_and_no_traceback(
    service: FakeService, client: Client, trouble: Exception, status: int, code: int
) -> None:
    service.trouble = trouble
    answered, body = raw(client, b"GET /v1/domains HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (answered, body["error"]["code"]) == (status, code)
    assert "secret" not in json.dumps(body)
    assert "Traceback" not in json.dumps(body)
    assert ("newer release" in json.dumps(body)) is (type(trouble) is UnknownEvent)


def test_a_refusal_carries_all_that_is_known_of_it(service: FakeService, client: Client) -> None:
    service.trouble = OperationInvalid("domain is not running", field="state", value="shut off", accepted="running")
    with pytest.raises(Refusal) as refused:
        client.act("web", "destroy", {})
    assert vars(refused.value) == {
        "code": 55,
        "name": "OPERATION_INVALID",
        "message": "Requested operation is not valid: domain is not running",
        "field": "state",
        "value": "shut off",
        "accepted": "running",
    }


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"verb": "fly"}, "verb", "field 'verb' with value 'fly' is not a verb of domains"),
        ({}, "verb", "field 'verb' is missing"),
        ({"verb": "start", "arguments": {"pausde": True}}, "pausde", "field 'pausde' is not known here"),
        ({"verb": "start", "arguments": {"paused": "often"}}, "paused", "field 'paused' with value 'often': "),
        ({"verb": "snapshot-revert", "arguments": {}}, "name", "field 'name' is missing"),
        ({"verb": "snapshot-revert", "arguments": {"name": "a\0b"}}, "name", "must not contain NUL"),
        ({"verb": "replay", "arguments": {"to": ""}}, "to", "field 'to' with value ''"),
        ({"verb": "start", "request_id": "seven"}, "request_id", "field 'request_id' with value 'seven'"),
        ({"verb": "start", "reason": "\udc80"}, "reason", "field 'reason'"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_field_and_value_and_goes_on_record(
    service: FakeService, client: Client, body: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(Refusal) as refused:
        client.request("POST", "/v1/domains/web/operations", body=body)
    assert (refused.value.code, refused.value.field) == (8, field)
    assert words in refused.value.message
    assert service.asked == []
    ((_, target, code),) = service.refusals
    assert (target, code) == ("web", 8)


def test_an_unknown_verb_is_answered_with_those_there_are(client: Client) -> None:
    with pytest.raises(Refusal) as refused:
        client.act("web", "fly", {})
    assert refused.value.accepted is not None
    assert set(refused.value.accepted.split(", ")) == set(SPECS) - {"restore"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"xml": ["<graphics passwd='hunter2'/>"]},
        {"xml": 12345678},
        {"xml": "<domain/>", "transient": "<graphics passwd='hunter2'/>"},
        {"xml": "<domain/>", "host": {"<graphics passwd='hunter2'/>": 1}},
    ],
)
def test_of_xml_nothing_is_ever_echoed(client: Client, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        client.request("POST", "/v1/domains", body={"host": "alpha", **wrong})
    assert refused.value.code == 8
    told = json.dumps(vars(refused.value))
    assert "hunter2" not in told
    assert "12345678" not in told


def test_xml_that_is_no_text_is_left_to_the_service_to_refuse(service: FakeService, client: Client) -> None:
    client.request("POST", "/v1/domains", body={"host": "alpha", "xml": "<\udcff\0>"})
    assert service.asked == [("define", "<\udcff\0>", "alpha", Define.NONE)]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, ("define", "<x/>", "alpha", Define.NONE)),
        ({"validate": True}, ("define", "<x/>", "alpha", Define.VALIDATE)),
        ({"transient": True}, ("create", "<x/>", "alpha", Start.NONE)),
        (
            {"transient": True, "paused": True, "validate": True, "reset_nvram": True},
            ("create", "<x/>", "alpha", Start.PAUSED | Start.VALIDATE | Start.RESET_NVRAM),
        ),
    ],
)
def test_a_new_domain_comes_with_its_flags(
    service: FakeService, client: Client, given: dict[str, bool], asked: tuple[Any, ...]
) -> None:
    client.request("POST", "/v1/domains", body={"host": "alpha", "xml": "<x/>", **given})
    assert service.asked == [asked]


def test_a_saved_domain_is_restored_by_its_host(service: FakeService, client: Client) -> None:
    body = {"verb": "restore", "arguments": {"file": "/s", "running": True, "paused": False}, "reason": "back"}
    reply = client.request("POST", "/v1/hosts/alpha/restore", {"wait": 1}, body)
    assert (reply.status, reply.body["verb"]) == (200, "restore")
    assert service.asked == [("restore", "alpha", {"file": "/s", "running": True})]
    assert service.contexts[0].reason == "back"
    with pytest.raises(Refusal, match="field 'file' is missing"):
        client.request("POST", "/v1/hosts/alpha/restore", body={"verb": "restore", "arguments": {}})


def test_a_body_that_is_no_json_is_refused(client: Client) -> None:
    status, body = raw(client, post("/v1/domains", b"{nonsense"))
    assert (status, body["error"]["code"], body["error"]["field"]) == (400, 8, "body")


def test_a_body_announced_too_large_is_refused_before_it_is_read(client: Client) -> None:
    head = f"POST /v1/domains HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n"
    status, body = raw(client, head.encode())
    assert (status, body["error"]["code"]) == (400, 27)


@pytest.mark.parametrize("target", ["/v1/domains/a%00b", "/v1/domains?host=a%00b"])
def test_nul_in_an_address_is_refused(service: FakeService, client: Client, target: str) -> None:
    status, body = raw(client, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert (status, body["error"]["code"]) == (400, 8)
    assert service.asked == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/nothing"), ("PUT", "/v1/domains"), ("GET", "/v1/domains/")])
def test_what_is_not_there_is_answered_in_our_words(client: Client, method: str, path: str) -> None:
    with pytest.raises(Refusal) as refused:
        client.request(method, path)
    assert (refused.value.code, refused.value.name) == (3, "NO_SUPPORT")


def test_xml_comes_byte_for_byte_with_how_far_the_log_was_known(service: FakeService, client: Client) -> None:
    reply = client.get("/v1/domains/web/xml", host="alpha", security_info=True, reason="console", ticket="T-2")
    assert reply.text == "<domain>\n  <title>ü</title>\n</domain>\n"
    assert (reply.position, reply.observed_at, reply.body) == (7, SEEN_AT, None)
    assert service.asked == [("domain_xml", "web", "alpha", False, True)]
    assert (service.contexts[0].reason, service.contexts[0].ticket) == ("console", "T-2")


@pytest.mark.parametrize("field", ["reason", "ticket"])
def test_what_cannot_go_on_record_is_refused_of_readers_too(service: FakeService, client: Client, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        client.get("/v1/domains/web/xml", security_info=True, **{field: "x" * 4097})
    assert (refused.value.code, refused.value.field, service.asked) == (8, field, [])


@pytest.mark.parametrize("name", ["s 1", "a/b", "ü?#&", "xml", "%2f", "..", "two\nlines", "end\n"])
def test_a_snapshot_of_any_name_can_be_asked_for(service: FakeService, client: Client, name: str) -> None:
    from revisor.client import segment

    service.known_snapshots = [snapshot(name)]
    assert client.get(f"/v1/domains/web/snapshots/{segment(name)}").body["items"][0]["name"] == name
    assert name in client.get(f"/v1/domains/web/snapshots/{segment(name)}/xml").text


def test_hosts_are_added_changed_and_removed(service: FakeService, client: Client) -> None:
    reply = client.request("POST", "/v1/hosts", body={"name": "alpha", "uri": "simulator:///alpha"})
    assert (reply.status, reply.body["items"][0]["name"]) == (201, "alpha")
    assert client.request("PATCH", "/v1/hosts/alpha", body={"uri": "test:///default"}).status == 200
    assert client.request("DELETE", "/v1/hosts/alpha", body={"reason": "gone"}).status == 204
    assert client.request("DELETE", "/v1/hosts/alpha").status == 204
    assert [asked[0] for asked in service.asked] == ["add_host", "set_uri", "remove_host", "remove_host"]
    assert service.contexts[2].reason == "gone"


def test_nobody_there_is_told_apart_from_an_answer_that_was_lost() -> None:
    with open_door(FakeService()) as client:
        path = client.socket
    with pytest.raises(Unreachable):
        client.get("/v1/health")
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def hang_up() -> None:
            connection, _ = listening.accept()
            connection.recv(1)
            connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        with pytest.raises(AnswerLost):
            client.get("/v1/health")
        thread.join(30)
    path.unlink()
    path.parent.rmdir()
