"""Writers that save as the product does, and note what they were told of each save.

Each save goes through the product's own log and recorder, and is repeated until it is answered, as a caller may who was
told that the database is away. Mixed in is what has to be refused: lost races, request ids that are taken, stale
fences, texts PostgreSQL does not take. What was noted is compared with the log by ``invariants``.

As a program (``python -m tests.integration.faults.writers DSN SEED THREADS``) it writes until its input ends and prints
its notes, each a line of JSON: writers in several processes share no group commit.
"""

import json
import os
import random
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import DataError, InterfaceError, OperationalError

from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.documents import Drafts
from revisor.store.errors import Fenced, RequestRepeated, StreamConflict
from revisor.store.log import EventLog
from revisor.store.mapper import EventMapper
from revisor.store.queue import queue_changes
from revisor.store.recorder import Fence, Request, Save
from tests.unit.test_projection_histories import ALPHA, digest, snapshot, state

HOT = UUID("00000000-0000-4000-8000-00000000f1e5")
"""A domain all writers want at once."""
LEASE = Fence("host:load", 7)
"""What the writers hold: any older epoch is refused."""

_OPERATIONS_A_DOMAIN = 10
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError)
_REFUSED = (StreamConflict, RequestRepeated, Fenced, DataError, psycopg.DataError)

Happening = tuple[type[Domain.Event], dict[str, Any]]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Note:
    """What a writer was told of one save: its first position, or the name of the refusal."""

    append: str
    first: int | None
    refused: str | None
    events: list[list[Any]]
    """Stream, version and topic of each."""
    documents: list[str]
    """SHA-256 of each."""


class Writer:
    """One of those who write at once, each on domains of its own but for the hot one."""

    def __init__(self, log: EventLog, dice: random.Random, tell: Callable[[Note], None]) -> None:
        self._log = log
        self._dice = dice
        self._tell = tell
        self._done = 0
        self._domain = HOT
        self._last = (uuid4(), Request(b"first", uuid4(), HOT))

    def turn(self) -> None:
        """Do one of all things that writers do."""
        kinds = (self._operate, self._operate, self._race, self._ask_again, self._act_late, self._misspell)
        self._dice.choice(kinds)()

    def _operate(self) -> None:
        """One operation on its own domain, from its request to what became of it: three saves."""
        if self._done % _OPERATIONS_A_DOMAIN == 0:
            self._domain = uuid4()
            self._save(introduced(self._domain), Save(_context()))
        self._done += 1
        operation, request_id = uuid4(), uuid4()
        common = {"host": ALPHA, "operation": str(operation)}
        request = Request(operation.bytes, operation, self._domain)
        asked = Save(replace(_context(), request_id=request_id), request=request)
        acting = Save(Context("agent:alpha", causation=operation), fence=LEASE)
        requested = common | {"verb": "start", "arguments": {"flags": 0, "why": "ü\\u0000" * self._dice.randrange(20)}}
        self._record(self._domain, asked, (Domain.OperationRequested, requested))
        self._last = (request_id, request)
        evidence = common | {"worker": str(uuid4()), "epoch": LEASE.epoch, "evidence": {"state": 5}}
        self._record(self._domain, acting, (Domain.OperationStarted, evidence))
        self._record(
            self._domain,
            replace(acting, append_id=uuid4()),
            *self._facts(common | {"origin": "operation"}),
            (Domain.OperationSucceeded, common | {"result": {"n": self._done}}),
        )

    def _facts(self, common: dict[str, Any]) -> list[Happening]:
        """What becomes of a domain by an operation, in turn."""
        running = state(DomainState.RUNNING, 1, id=self._done, live=digest("live"))
        taken = snapshot(f"s{self._done}", None if self._done % 3 else f"s{self._done - 1}")
        kinds: list[list[Happening]] = [
            [(Domain.Defined, {"name": f"vm{self._done}", "definition": digest(f"definition {self._done}")})],
            [(Domain.Started, running | {"name": "vm"}), (Domain.SnapshotCreated, taken)],
            [(Domain.SnapshotCreated, taken), (Domain.Stopped, state(DomainState.SHUTOFF, 1))],
        ]
        return [(kind, common | fields) for kind, fields in kinds[(self._done - 1) % 3]]

    def _race(self) -> None:
        """Everybody wants the hot domain: some are too late."""
        seen = {"host": ALPHA, "operation": None, "origin": "observed", "live": digest(str(self._dice.random()))}
        self._record(HOT, self._with_document(_context()), (Domain.LiveChanged, seen))

    def _ask_again(self) -> None:
        """A request id that is taken, for another operation."""
        request_id, request = self._last
        again = self._with_document(replace(_context(), request_id=request_id))
        self._save(introduced(uuid4()), replace(again, request=replace(request, operation=uuid4())))

    def _act_late(self) -> None:
        """As a worker that no longer leads."""
        late = replace(self._with_document(_context()), fence=replace(LEASE, epoch=LEASE.epoch - 1))
        self._save(introduced(uuid4()), late)

    def _misspell(self) -> None:
        """What PostgreSQL does not take."""
        self._save(introduced(uuid4()), self._with_document(replace(_context(), reason="a\0b")))

    def _with_document(self, context: Context) -> Save:
        drafts = Drafts()
        drafts.add(f"<domain>{self._dice.random()}</domain>")
        return Save(context, documents=drafts.bodies)

    def _record(self, stream: UUID, save: Save, *happenings: Happening) -> None:
        domain = patiently(lambda: self._log.load(Domain, stream))
        assert domain is not None, f"acknowledged events of {stream} are gone"
        for kind, fields in happenings:
            domain.record(kind, datetime.now(UTC), **fields)
        self._save(domain, save)

    def _save(self, aggregate: Aggregate, save: Save) -> None:
        """Save until there is an answer, and note it."""
        events = aggregate.collect_events()
        stored = [EventMapper().to_stored_event(event) for event in events]
        save = replace(save, queue=queue_changes(events))
        first, refused = None, None
        try:
            first = patiently(lambda: self._log.recorder.insert_events(stored, save=save) or [0])[0]
        except _REFUSED as refusal:
            refused = type(refusal).__name__
        told = [[str(event.originator_id), event.originator_version, event.topic] for event in stored]
        drafts = Drafts()
        names = [drafts.add(body.decode()) for body in save.documents]
        self._tell(Note(str(save.append_id), first, refused, told, names))


def introduced(domain: UUID) -> Domain:
    return Domain.introduce(domain, uuid=str(domain), name="vm", host=ALPHA, at=datetime.now(UTC))


def patiently(act: Callable[[], Answer]) -> Answer:
    """Do it until the database answers. The test around this sets the limit."""
    while True:
        try:
            return act()
        except _AWAY:
            continue


def _context() -> Context:
    return Context("uid:1000(alice)", reason="because", correlation=uuid4())


def _print(note: Note) -> None:
    sys.stdout.write(json.dumps(asdict(note)) + "\n")
    sys.stdout.flush()


def main(dsn: str, seed: str, threads: int) -> None:
    """Write with so many threads until the input ends."""
    database, stop = Database(dsn, connect_timeout_s=5), threading.Event()
    database.open()
    log = EventLog(database)

    def write(number: int) -> None:
        writer = Writer(log, random.Random(f"{seed} {number}"), _print)
        while not stop.is_set():
            writer.turn()

    with ThreadPoolExecutor(threads) as pool:
        writing = [pool.submit(write, number) for number in range(threads)]
        for one in writing:
            one.add_done_callback(_end_if_broken)
        sys.stdin.read()
        stop.set()
    database.close()


def _end_if_broken(writing: "Future[None]") -> None:
    """A writer that breaks ends the program: the others would hide it."""
    if (error := writing.exception()) is not None:
        traceback.print_exception(error)
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
