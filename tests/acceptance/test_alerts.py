"""Somebody is told of problems, and of their end: by a webhook that is away at times, and by a command."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from drivers.simulator import SimulatorDriver
from tests.acceptance.product import ROOT_OF_HOUSE, Product, new_product
from tests.lab.awaiting import eventually

Message = dict[str, Any]


class Webhook:
    """Listens on loopback; answers with 503 as long as it is told to."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.refused = 0
        self.refuses = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.refuses:
                    outer.refused += 1
                    self.send_error(503)
                    return
                outer.heard.append(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quietly."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?token=s3cret-of-the-webhook"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def told(self, state: str, key: str) -> list[Message]:
        return [message for message in self.heard if (message["state"], message["key"]) == (state, key)]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.close()


@pytest.fixture
def alarmed(webhook: Webhook) -> Iterator[Product]:
    """A Revisor that tells the webhook."""
    with new_product(REVISOR_ALERT_WEBHOOK=webhook.url, REVISOR_ALERT_AFTER_S="1") as product:
        yield product


PARKED = "projection/checkpoints/parked"


def park(product: Product) -> None:
    with psycopg.connect(product.dsn(), autocommit=True) as connection:
        connection.execute(
            "UPDATE views.projections SET parked_at = position + 1, error = 'ValueError: no' WHERE name = 'checkpoints'"
        )


def test_a_test_message_shows_whether_anything_arrives(alarmed: Product, webhook: Webhook) -> None:
    assert alarmed.ok("alerter", "--test") == "the test message arrived\n"
    assert [message["state"] for message in webhook.heard] == ["test"]
    webhook.refuses = True
    assert "the webhook answered with 503 Service Unavailable" in alarmed.refused(9, "alerter", "--test")


def test_without_anybody_to_tell_there_is_nothing_to_try(product: Product) -> None:
    assert "nobody is to be told of problems" in product.refused(55, "alerter", "--test")


def test_a_problem_is_told_again_until_it_arrives_and_its_end_too(alarmed: Product, webhook: Webhook) -> None:
    alarmed.up("alpha")
    webhook.refuses = True
    park(alarmed)
    eventually(lambda: webhook.refused >= 2, what="it was tried twice")
    alarmed.kill([alarmed.pid_of("alerter")])
    webhook.refuses = False
    [message] = eventually(lambda: webhook.told("raised", PARKED) or None, what="the problem arrives")
    assert message["problem"].startswith("projection checkpoints is parked at ")
    alarmed.ok("projections", "rebuild", "checkpoints")
    eventually(lambda: bool(webhook.told("over", PARKED)), what="its end arrives")
    assert [len(webhook.told(state, PARKED)) for state in ("raised", "over")] == [1, 1]
    said = alarmed.last_words() + "".join(path.read_text() for path in (alarmed.home / "logs").iterdir())
    assert "s3cret-of-the-webhook" not in said


def test_what_was_done_past_revisor_is_told(alarmed: Product, webhook: Webhook) -> None:
    alarmed.up("alpha")
    alarmed.define((ROOT_OF_HOUSE / "revisor" / "examples" / "web.xml").read_text(), "alpha")
    with closing(SimulatorDriver(alarmed.home / "simulators" / "alpha.sqlite", "alpha")) as behind:
        behind.start(alarmed.client.get("/v1/domains/web").body["items"][0]["uuid"])
    [message] = eventually(lambda: webhook.told("raised", "drift/alpha/web") or None, what="the drift is told")
    assert message["problem"] == "domain alpha/web is otherwise than on record: see 'revisor drift alpha/web'"
    alarmed.ok("drift", "web", "--accept", "--reason", "it was me")
    eventually(lambda: bool(webhook.told("over", "drift/alpha/web")), what="it is told that this was accepted")


def test_a_database_that_hangs_is_told(alarmed: Product, webhook: Webhook) -> None:
    alarmed.up("alpha")
    servers = [pid for pid, command in alarmed.processes().items() if command == "postgres"]
    try:
        for pid in servers:
            os.kill(pid, signal.SIGSTOP)
        eventually(lambda: bool(webhook.told("raised", "database")), what="the database is missed")
    finally:
        for pid in servers:
            os.kill(pid, signal.SIGCONT)
    eventually(lambda: bool(webhook.told("over", "database")), what="it is there again")


def test_a_command_is_handed_what_happened(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    script = f"import os, sys; open({str(heard)!r}, 'a').write(sys.stdin.read() + chr(10))"
    with new_product(
        REVISOR_ALERT_COMMAND=f'{sys.executable} -c "{script}"',
        REVISOR_ALERT_AFTER_S="1",
        REVISOR_ALERT_ON="projection",
    ) as product:
        product.up("alpha")
        product.kill([product.pid_of("worker", "--host", "alpha")])  # of which nobody wants to hear
        park(product)
        eventually(lambda: heard.exists() and heard.stat().st_size > 0, what="the command was run")
        messages = [json.loads(line) for line in heard.read_text().splitlines()]
        assert {(message["state"], message["key"]) for message in messages} == {("raised", PARKED)}


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("REVISOR_ALERT_WEBHOOK", "ftp://s3cret@example/", "REVISOR_ALERT_WEBHOOK is no address to post to"),
        ("REVISOR_ALERT_ON", "weather", "REVISOR_ALERT_ON has 'weather', which is no kind of problem"),
        ("REVISOR_ALERT_AFTER_S", "soon", "REVISOR_ALERT_AFTER_S is 'soon'"),
        ("REVISOR_ALERT_COMMAND", "'one", "REVISOR_ALERT_COMMAND cannot be split into words"),
    ],
)
def test_alerts_that_could_reach_nobody_are_refused(setting: str, value: str, says: str) -> None:
    given = {"REVISOR_ALERT_COMMAND": "true", setting: value}
    if setting == "REVISOR_ALERT_WEBHOOK":
        del given["REVISOR_ALERT_COMMAND"]
    with new_product(**given) as product:
        said = product.refused(8, "up", "--detach")
        assert says in said
        assert "s3cret" not in said
