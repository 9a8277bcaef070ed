"""The event store in memory: what ``log.append`` promises, on the library's own recorder in memory.

It honours positions, the three ids, the fence and the queue, as tests/contract/store/test_promises.py says of both
stores. What is about rows, roles, commits of many connections, salts and leaves it has none of.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder
from psycopg_pool import ConnectionPool

from revisor.store.documents import digest_of
from revisor.store.errors import Fenced, RequestRepeated, StreamConflict
from revisor.store.mapper import decode
from revisor.store.recorder import Fence, Request, Save

_TRIES = 3
"""Of one save, while the connection is cut."""

Commit = Callable[[str], None]
"""Is told ``before commit`` and ``after commit``; raises OperationalError where the connection is cut."""


def go_on(_point: str) -> None:
    """The connection holds."""


class Rows:
    """All rows of an answer."""

    def __init__(self, rows: list[sqlite3.Row]) -> None:
        self._rows = rows

    def fetchone(self) -> sqlite3.Row | None:
        return self._rows[0] if self._rows else None


class LeaseTable:
    """The table of leases in SQLite, so that ``workers.leases`` runs with its own statements;
    a pool of one connection.
    """

    def __init__(self) -> None:
        self._sqlite = sqlite3.connect(":memory:", isolation_level=None)
        self._sqlite.row_factory = sqlite3.Row
        self._sqlite.execute("ATTACH ':memory:' AS work")
        self._sqlite.execute(
            "CREATE TABLE work.leases (name TEXT PRIMARY KEY, worker TEXT, epoch INTEGER, beat INTEGER,"
            " beaten_at REAL, believed_s REAL)"
        )
        # What the time is nobody asks here: it is written for people.
        self._sqlite.create_function("clock_timestamp", 0, lambda: None)

    @property
    def pool(self) -> ConnectionPool[Any]:
        return cast("ConnectionPool[Any]", self)

    @contextmanager
    def connection(self) -> Iterator["LeaseTable"]:
        yield self

    def execute(self, statement: bytes, params: Sequence[object]) -> Rows:
        values = [str(value) if isinstance(value, UUID) else value for value in params]
        return Rows(self._sqlite.execute(statement.decode().replace("%s", "?"), values).fetchall())

    def epoch(self, lease: str) -> int | None:
        """The epoch in which somebody holds it."""
        row = self.execute(b"SELECT epoch FROM work.leases WHERE name = %s AND worker IS NOT NULL", [lease]).fetchone()
        return None if row is None else int(row["epoch"])

    def close(self) -> None:
        self._sqlite.close()


@dataclass(frozen=True, slots=True)
class Append:
    """What was stored together, under which fence, and which epoch led then."""

    first: int
    count: int
    save: Save
    leading: int | None


class MemoryRecorder(POPOApplicationRecorder):
    """Appends as ``log.append`` does: all of it or nothing."""

    def __init__(self, leases: LeaseTable, commit: Commit = go_on) -> None:
        super().__init__()
        self.leases = leases
        self.appends: dict[UUID, Append] = {}
        self.requests: dict[UUID, Request] = {}
        self.documents: dict[str, str] = {}
        self.queue: dict[str, dict[str, Any]] = {}
        self.streams: dict[Any, list[Any]] = defaultdict(list)
        """The events of each stream, decoded from what was stored."""
        self.events: list[Any] = []
        """All events, by position."""
        self._commit = commit

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Store events and their company; returns their positions.

        Raises StreamConflict, RequestRepeated or Fenced with nothing stored; OperationalError when the connection is
        cut for long, and then the same save may be repeated.
        """
        if not stored_events:
            return []
        for _ in range(_TRIES - 1):
            with suppress(OperationalError):
                return self._once(stored_events, kwargs["save"])
        return self._once(stored_events, kwargs["save"])

    def _once(self, events: Sequence[StoredEvent], save: Save) -> Sequence[int]:
        self._commit("before commit")
        append = self.appends.get(save.append_id) or self._append(events, save)
        self._commit("after commit")
        return range(append.first, append.first + append.count)

    def _append(self, events: Sequence[StoredEvent], save: Save) -> Append:
        if save.fence is not None and not self.leads(save.fence):
            raise Fenced(f"lease {save.fence.lease} is no longer held in epoch {save.fence.epoch}")
        asked = save.context.request_id if save.request is not None else None
        if asked in self.requests:
            raise RequestRepeated(f"request id {asked} is taken")
        try:
            positions = self._insert_events(events)
        except IntegrityError as error:
            raise StreamConflict(str(error)) from error
        assert positions is not None
        if asked is not None and save.request is not None:
            self.requests[asked] = save.request
        leading = None if save.fence is None else self.leases.epoch(save.fence.lease)
        self.appends[save.append_id] = append = Append(positions[0], len(events), save, leading)
        self._keep(events, append)
        return append

    def leads(self, fence: Fence) -> bool:
        """Whether the lease is held in this epoch."""
        return self.leases.epoch(fence.lease) == fence.epoch

    def _keep(self, events: Sequence[StoredEvent], append: Append) -> None:
        for body in append.save.documents:
            self.documents[digest_of(body.decode())] = body.decode()
        for event in events:
            decoded = decode(event.topic, event.originator_id, event.originator_version, event.state)
            self.streams[decoded.originator_id].append(decoded)
            self.events.append(decoded)
        self._change_queue(append)

    def _change_queue(self, append: Append) -> None:
        queue = append.save.queue
        for row in queue.get("requested", ()):
            asked = {"position": append.first + row["n"] - 1, "started": False, "worker": None, "epoch": None}
            self.queue[row["operation"]] = {**row, **asked, "correlation": append.save.context.correlation_or_new}
        for row in queue.get("started", ()):
            if row["operation"] in self.queue:
                self.queue[row["operation"]] |= {**row, "started": True}
        for operation in queue.get("ended", ()):
            self.queue.pop(operation, None)
