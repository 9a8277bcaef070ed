"""How Revisor is, as the HTTP door tells it: whole, in one word, and as Prometheus reads it."""

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from revisor.client import Client, Refusal
from revisor.overdue import OverdueSchedule
from revisor.status import Unsettled
from tests.architecture.copied_house import ROOT
from tests.lab.awaiting import eventually
from tests.unit.fake_status import FakeStatusReader
from tests.unit.test_health import KEPT, LED, NOON, WELL, status
from tests.unit.test_http_fake_service import FakeService, Item, open_door

PARKED = replace(WELL, name="domains", position=800, behind=12, lag_s=90.0, parked_at=801, error="ValueError: no")
AWAY = psycopg.OperationalError("connection refused\nIs the server running?")
THREADS = 40
"""How many requests the framework answers at once."""
PAGE = Path(ROOT, "docs/reference/metrics.md")


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[FakeService, Client]]:
    service = FakeService()
    with open_door(service) as client:
        yield service, client


@pytest.fixture
def reader(door: tuple[FakeService, Client]) -> Iterator[FakeStatusReader]:
    service, _ = door
    service.forget()
    yield service.status_reader
    service.status_reader.let_go.set()


@pytest.fixture
def client(door: tuple[FakeService, Client]) -> Client:
    return door[1]


def answered(client: Client, path: str, **headers: str) -> tuple[int, str, bytes]:
    """The status, the content type and the body of an answer, whichever they are."""
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(client.socket))
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    found = response.status, response.headers["Content-Type"], response.read()
    connection.close()
    return found


def figures(client: Client) -> dict[tuple[str, str], float]:
    """All samples by their name and the value of their label."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, "".join(s.labels.values())): s.value for family in families for s in family.samples}


# In one word.


def test_health_is_ok_when_all_is_well(reader: FakeStatusReader, client: Client) -> None:
    reader.known = status(WELL, replace(WELL, name="domains", position=810), LED)
    assert client.get("/v1/health").body == {"status": "ok", "position": 810, "problems": []}


def test_health_is_degraded_and_says_why_but_does_not_refuse(reader: FakeStatusReader, client: Client) -> None:
    reader.known = status(WELL, PARKED, replace(LED, worker=None))
    assert client.get("/v1/health").body == {
        "status": "degraded",
        "position": 812,
        "problems": ["projection domains is parked at 801: ValueError: no", "nobody leads host alpha"],
    }


def test_health_is_down_when_the_database_is_away(reader: FakeStatusReader, client: Client) -> None:
    reader.trouble = AWAY
    with pytest.raises(Refusal, match="Cannot reach the database: connection refused") as refusal:
        client.get("/v1/health")
    assert refusal.value.code == 38
    status, _, body = answered(client, "/v1/health")
    assert status == 503
    assert body.startswith(
        b'{"status":"down","position":null,"problems":["Cannot reach the database: connection refused"],"error":{'
    )

    reader.trouble = None
    assert client.get("/v1/health").body["status"] == "ok"


@pytest.mark.parametrize("path", ["/v1/health", "/v1/status"])
def test_a_database_that_hangs_is_not_waited_for(reader: FakeStatusReader, client: Client, path: str) -> None:
    reader.let_go.clear()
    with pytest.raises(Refusal, match="it did not answer within 2 s"):
        client.get(path)
    assert not reader.let_go.is_set()

    reader.let_go.set()
    assert client.get("/v1/health").body["status"] == "ok"


def test_the_log_tells_of_a_database_that_is_away_once(
    reader: FakeStatusReader, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        reader.trouble = AWAY
        for _ in range(3):
            assert answered(client, "/v1/health")[0] == 503
        reader.trouble = None
        assert answered(client, "/v1/health")[0] == 200
    said = [record.getMessage() for record in caplog.records if record.name == "revisor.http.status"]
    assert said == ["Cannot reach the database: connection refused"] * 2


def test_all_who_ask_while_a_look_hangs_share_it(reader: FakeStatusReader, client: Client) -> None:
    reader.let_go.clear()
    for _ in range(2):
        with ThreadPoolExecutor(10) as askers:
            found = list(askers.map(lambda path: answered(client, path)[0], ["/v1/health", "/metrics"] * 5))
        assert found == [503, 200] * 5
    assert reader.looks == 1

    reader.let_go.set()
    eventually(lambda: client.get("/v1/health").body["status"] == "ok", what="the look that hung is over")
    assert client.get("/v1/health").body["status"] == "ok"
    assert reader.looks <= 3, "nobody looks for those who have left"


class BusyService(FakeService):
    """Keeps all who ask for hosts waiting until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = 0
        self.free = threading.Event()

    def hosts(self) -> list[Item]:
        self.busy += 1
        self.free.wait()
        return []


def test_health_is_told_when_other_requests_hold_every_thread(reader: FakeStatusReader) -> None:
    service = BusyService()
    service.status_reader = reader
    with open_door(service) as client, ThreadPoolExecutor(60) as askers:
        waiting = [askers.submit(client.get, "/v1/hosts") for _ in range(60)]
        try:
            eventually(lambda: service.busy == THREADS, what="all threads of the door are busy")
            assert client.get("/v1/health").body["status"] == "ok"
            assert not any(each.done() for each in waiting)
        finally:
            service.free.set()


# As a whole.


def test_the_whole_is_one_item_in_the_usual_document(reader: FakeStatusReader, client: Client) -> None:
    reader.known = replace(status(PARKED, WELL, LED), scheduler=KEPT)
    reply = client.get("/v1/status")
    (item,) = reply.body.pop("items")
    assert reply.body == {"kind": "status", "position": 812, "observed_at": "2026-11-23T12:00:00Z"}
    assert (reply.position, reply.observed_at) == (812, "2026-11-23T12:00:00Z")
    assert item == {
        "status": "degraded",
        "problems": ["projection domains is parked at 801: ValueError: no"],
        "restore": None,
        "log": {
            "id": "6695eb01-f6a4-8304-79aa-97f2502e193f",
            "position": 812,
            "recorded_at": "2026-11-23T12:00:00Z",
            "size_bytes": 8192,
        },
        "projections": [
            {
                "name": "domains",
                "position": 800,
                "behind": 12,
                "lag_s": 90.0,
                "parked_at": 801,
                "error": "ValueError: no",
            },
            {"name": "snapshots", "position": 812, "behind": 0, "lag_s": 0.0, "parked_at": None, "error": None},
        ],
        "hosts": [
            {
                "name": "alpha",
                "worker": "ee5a5f0c-93b7-44a5-a5ae-2fa1a5bd7ad8",
                "epoch": 3,
                "observed_at": "2026-11-23T12:00:00Z",
                "unobserved_s": 2.0,
                "problem": None,
                "queued": 4,
                "started": 1,
                "oldest_queued_s": 3600.0,
                "disabled": None,
                "beat_age_s": 2.0,
                "silent": False,
            }
        ],
        "scheduler": asdict(KEPT),
        "overdue": [],
        "unsettled": [],
        "database": {"version": "18.6", "connections": {"most": 20, "used": 1, "idle": 2, "waiting": 0}},
    }


# As Prometheus reads it.


OF_HOSTS = {
    ("revisor_operations_queued", "alpha"): 4,
    ("revisor_operations_queued", "beta"): 0,
    ("revisor_operations_started", "alpha"): 1,
    ("revisor_operations_started", "beta"): 1,
    ("revisor_oldest_queued_operation_age_seconds", "alpha"): 3600,
    ("revisor_oldest_queued_operation_age_seconds", "beta"): 3600,
    ("revisor_host_observation_age_seconds", "alpha"): 2,
    ("revisor_host_observation_age_seconds", "beta"): 2,
    ("revisor_host_reachable", "alpha"): 1,
    ("revisor_host_reachable", "beta"): 0,
    ("revisor_host_lease_held", "alpha"): 1,
    ("revisor_host_lease_held", "beta"): 0,
    ("revisor_host_led", "alpha"): 1,
    ("revisor_host_led", "beta"): 0,
    ("revisor_lease_epoch", "alpha"): 3,
    ("revisor_lease_epoch", "beta"): 3,
}


def test_the_metrics_are_the_same_figures(reader: FakeStatusReader, client: Client) -> None:
    reader.known = status(WELL, PARKED, LED, replace(LED, name="beta", worker=None, problem="no", queued=0))
    lost = Unsettled("6695eb01", "reboot", "web", "alpha", "unknown", total=12)
    reader.known = replace(reader.known, unsettled=(replace(lost, state="started", total=1), lost))
    assert {key: value for key, value in figures(client).items() if "info" not in key[0]} == {
        ("revisor_database_up", ""): 1,
        ("revisor_database_pool_connections", "used"): 1,
        ("revisor_database_pool_connections", "idle"): 2,
        ("revisor_database_pool_connections_max", ""): 20,
        ("revisor_database_pool_waiting", ""): 0,
        ("revisor_problems", ""): 6,
        ("revisor_scheduler_running", ""): 0,
        ("revisor_schedules_overdue", ""): 0,
        ("revisor_schedules_enabled", ""): 0,
        ("revisor_restore_pending", ""): 0,
        ("revisor_operations_unknown", ""): 12,
        ("revisor_log_head_position", ""): 812,
        ("revisor_log_head_recorded_timestamp_seconds", ""): 1795435200,
        ("revisor_log_size_bytes", ""): 8192,
        ("revisor_projection_position", "snapshots"): 812,
        ("revisor_projection_position", "domains"): 800,
        ("revisor_projection_lag_events", "snapshots"): 0,
        ("revisor_projection_lag_events", "domains"): 12,
        ("revisor_projection_lag_seconds", "snapshots"): 0,
        ("revisor_projection_lag_seconds", "domains"): 90,
        ("revisor_projection_parked", "snapshots"): 0,
        ("revisor_projection_parked", "domains"): 1,
        **OF_HOSTS,
    }


def test_a_lease_that_is_held_by_one_who_hangs_is_led_by_nobody(reader: FakeStatusReader, client: Client) -> None:
    led = "revisor_host_led", "alpha"
    reader.known = replace(status(LED), scheduler=KEPT, overdue=(OverdueSchedule("nightly", NOON, 130.4),))
    found = figures(client)
    assert found["revisor_schedules_overdue", ""] == 1
    assert (found[led], found["revisor_scheduler_running", ""], found["revisor_schedules_enabled", ""]) == (1, 1, 3)
    reader.known = replace(status(replace(LED, silent=True)), scheduler=replace(KEPT, silent=True))
    found = figures(client)
    assert (found[led], found["revisor_scheduler_running", ""]) == (0, 0)
    assert found["revisor_host_lease_held", "alpha"] == 1


def test_without_a_database_there_is_only_what_the_process_knows_itself(
    reader: FakeStatusReader, client: Client
) -> None:
    reader.known = status(WELL, LED)
    assert figures(client)["revisor_database_up", ""] == 1
    reader.trouble = AWAY
    found = figures(client)
    assert found.pop(("revisor_database_up", "")) == 0
    assert {name for name, _ in found} == {
        "revisor_build_info",
        "revisor_database_pool_connections",
        "revisor_database_pool_connections_max",
        "revisor_database_pool_waiting",
    }


def test_metrics_are_answered_in_the_format_that_is_asked_for(reader: FakeStatusReader, client: Client) -> None:
    reader.known = status(WELL, replace(LED, name='al"pha\\\nü'))
    status_code, kind, body = answered(client, "/metrics")
    assert (status_code, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    wanted = "application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5"
    _, kind, as_openmetrics = answered(client, "/metrics", Accept=wanted)
    assert kind.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    families = openmetrics.text_string_to_metric_families(as_openmetrics.decode())  # type: ignore[no-untyped-call]
    hosts = {sample.labels["host"] for family in families for sample in family.samples if "host" in sample.labels}
    assert hosts == {'al"pha\\\nü'}
    parsed: list[Any] = list(text_string_to_metric_families(body.decode()))
    assert all(family.documentation for family in parsed)


def test_every_metric_is_in_the_reference_with_its_label_and_no_other(reader: FakeStatusReader, client: Client) -> None:
    reader.known = status(WELL, LED)
    families = text_string_to_metric_families(client.get("/metrics").text)
    exported = {(s.name, ",".join(s.labels)) for family in families for s in family.samples}
    documented = set(re.findall(r"^\| `([a-z_]+)(?:\{([a-z]+)\})?` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert documented == exported
