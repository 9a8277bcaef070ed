"""Commands of a person who does not give up: each is asked for under one request id until it has ended.

What was answered must have been done once: one snapshot, one event, one operation that was started once.
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from revisor.client import AnswerLost, Client, Operation, Refusal, Unreachable
from tests.acceptance.product import ROOT_OF_HOUSE, Product
from tests.lab.awaiting import eventually

WEB = (ROOT_OF_HOUSE / "revisor" / "examples" / "web.xml").read_text()
_AWAY = 38
_PAUSE_S = 0.05
"""Before the next door is tried: nothing tells when one will answer."""


class Commands:
    """Snapshots of ``web`` are asked for at the doors of one Revisor or several, in turn where one does not answer."""

    def __init__(self, *products: Product) -> None:
        self._doors = [product.client for product in products]
        self._numbers = itertools.count(1)
        self._asking: Future[None] = Future()
        self.done: list[str] = []
        """The names of the snapshots whose command was answered."""

    def one(self) -> None:
        """Ask for one more; returns when it was done. Raises what else became of it."""
        name, request_id = f"s{next(self._numbers)}", str(uuid4())
        for door in itertools.cycle(self._doors):
            operation = _asked(door, name, request_id)
            if operation is not None and operation["state"] not in ("queued", "started"):
                assert operation["state"] == "succeeded", operation
                self.done.append(name)
                return
            time.sleep(_PAUSE_S)

    @contextmanager
    def all_the_time(self) -> Iterator[None]:
        """Ask for one after another, from ``with`` to its end."""
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                self.one()

        with ThreadPoolExecutor(1) as pool:
            self._asking = pool.submit(ask)
            try:
                yield
            finally:
                stop.set()
            self._asking.result()

    def go_on(self, more: int = 1) -> None:
        """Return when so many more were done. Raises what became of one that was not."""
        wanted = len(self.done) + more

        def done() -> bool:
            if self._asking.done():
                self._asking.result()
            return len(self.done) >= wanted

        eventually(done, what=f"{more} commands more are done", timeout_s=120)

    def check(self) -> None:
        """Everything that was asked for happened once, and every door shows it."""
        for door in self._doors:
            self.check_log(door)
            shown = door.get("/v1/domains/web/snapshots", fresh=True).body["items"]
            assert {item["name"] for item in shown} == {*self.done}

    def check_log(self, door: Client) -> None:
        """Everything that was asked for happened once."""
        log = door.get("/v1/domains/web/log", limit=100_000).body["items"]
        created = [entry["data"]["name"] for entry in log if entry["topic"] == "snapshot.created"]
        assert created == self.done
        ends = Counter((entry["operation"], entry["topic"]) for entry in log if entry["topic"].startswith("operation."))
        assert set(ends.values()) == {1}


def _asked(door: Client, name: str, request_id: str) -> Operation | None:
    """The operation as it is by now; None where nobody knows."""
    try:
        return door.act("web", "snapshot-create", {"name": name}, request_id=request_id, wait_s=5)
    except (Unreachable, AnswerLost):
        return None
    except Refusal as refusal:
        if refusal.code != _AWAY:
            raise
        return None


def log_of(home: Path, process: str) -> str:
    """What a process of the Revisor of ``home`` has logged."""
    file = home / "logs" / f"{process}.log"
    return file.read_text() if file.exists() else ""
