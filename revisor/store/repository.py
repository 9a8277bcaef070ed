"""Aggregates from their streams: as they are, or as they were at a version or at a moment.

Two thirds of what the library's own repository takes is asking what an event is. Here a stream is one query, from the
newest aggregate snapshot on where there is one, and its events are applied in order.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate
from psycopg.rows import tuple_row

from revisor.store import states
from revisor.store.database import Database
from revisor.store.mapper import AGGREGATES, UNREADABLE, UnknownEvent, UnreadableEvents, decode

NEWEST = 2**63 - 1

_BY_TOPIC: dict[str, type[Aggregate]] = {aggregate.TOPIC: aggregate for aggregate in AGGREGATES}
_LIBRARYS = ("_id", "_version", "_created_on", "_modified_on", "_pending_events")
"""What the library keeps in an aggregate; the rest is ours."""

_STREAM = b"""
WITH kept AS (
    SELECT version, state FROM work.aggregate_snapshots
    WHERE stream = %(stream)s AND model = %(model)s AND version <= %(version)s
)
SELECT version, NULL AS topic, state FROM kept
UNION ALL
SELECT originator_version, topic, state FROM log.events
WHERE originator_id = %(stream)s AND originator_version <= %(version)s
  AND originator_version > coalesce((SELECT version FROM kept), 0)
ORDER BY version
"""
_KEEP = """
INSERT INTO work.aggregate_snapshots AS known (stream, version, model, state) VALUES (%s, %s, %s, %s)
ON CONFLICT (stream) DO UPDATE SET version = excluded.version, model = excluded.model, state = excluded.state
WHERE known.model <> excluded.model OR known.version < excluded.version
"""
_GROWN = """
SELECT originator_id, max(originator_version) - coalesce(
           (SELECT version FROM work.aggregate_snapshots WHERE stream = originator_id AND model = %s), 0) AS grown
FROM log.events WHERE notification_id > %s AND notification_id <= %s
GROUP BY originator_id ORDER BY originator_id
"""


class BrokenStream(Exception):
    """Events are missing in the middle of a stream: somebody else than Revisor took them away."""


class Repository:
    """Loads aggregates, and keeps what long streams came to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._model = states.model()  # now: an upgrade may change the files under a process that runs

    def get(self, stream: UUID, version: int = NEWEST) -> Any | None:
        """The aggregate as of a version, or None when the stream is empty.

        Raises UnknownEvent or, where an event cannot be folded, UnreadableEvents; and BrokenStream.
        """
        asked = {"stream": stream, "model": self._model, "version": version}
        with (
            self._database.connection() as connection,
            connection.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            rows = cursor.execute(_STREAM, asked, prepare=True).fetchall()
        return _folded(stream, rows) if rows else None

    def version_at(self, stream: UUID, moment: datetime) -> int:
        """The version a stream had when the log had recorded all it recorded up to ``moment``; 0: it was empty."""
        row = self._database.fetch_one(
            "SELECT coalesce(max(originator_version), 0) AS version FROM log.events"
            " WHERE originator_id = %s AND recorded_at <= %s",
            stream,
            moment,
        )
        return 0 if row is None else int(row["version"])

    def head(self) -> int:
        """The newest position."""
        row = self._database.fetch_one("SELECT position FROM log.head")
        return 0 if row is None else int(row["position"])

    def grown(self, after: int, up_to: int, by: int) -> list[UUID]:
        """The streams with an event behind ``after``, up to ``up_to`` (positions), that have ``by`` new ones or more.

        New are those that no aggregate snapshot of this model holds.
        """
        rows = self._database.fetch(_GROWN, self._model, after, up_to)
        return [row["originator_id"] for row in rows if row["grown"] >= by]

    def keep(self, stream: UUID) -> None:
        """Take an aggregate snapshot. One of a later version stays; one of another model is replaced."""
        aggregate = self.get(stream)
        if aggregate is None:
            return
        ours = {name: value for name, value in vars(aggregate).items() if name not in _LIBRARYS}
        state = states.written(
            {
                "aggregate": type(aggregate).TOPIC,
                "created_on": aggregate.created_on.isoformat(),
                "modified_on": aggregate.modified_on.isoformat(),
                "fields": ours,
            }
        )
        self._database.execute(_KEEP, stream, aggregate.version, self._model, state)


def _folded(stream: UUID, rows: Sequence[tuple[int, str | None, bytes]]) -> Any:
    [(version, topic, state), *rest] = rows
    try:
        if topic is None:
            aggregate = _remembered(stream, version, state)
        else:
            event: Any = decode(topic, stream, version, state)
            if version != 1:
                raise BrokenStream(f"stream {stream} has no event of version 1")
            aggregate = event.mutate(None)
        for version, topic, state in rest:
            event = decode(str(topic), stream, version, state)
            event.apply(aggregate)
            aggregate.version += 1
            if aggregate.version != version:
                raise BrokenStream(f"stream {stream} has no event of version {aggregate.version}")
            aggregate.modified_on = event.timestamp
    except UnknownEvent:
        raise
    except UNREADABLE as error:
        # Whoever has to do with this stream alone is kept from it; that a newer release wrote it nobody knows.
        what = topic or "what was kept of it"
        raise UnreadableEvents(
            f"stream {stream} version {version}: {what} cannot be folded: {type(error).__name__}: {error}"
        ) from error
    return aggregate


def _remembered(stream: UUID, version: int, state: bytes) -> Any:
    told = states.read(state)
    cls = _BY_TOPIC[told["aggregate"]]
    aggregate: Any = object.__new__(cls)
    aggregate.__dict__ = {
        "_id": stream,
        "_version": version,
        "_created_on": datetime.fromisoformat(told["created_on"]),
        "_modified_on": datetime.fromisoformat(told["modified_on"]),
        "_pending_events": [],
        **told["fields"],
    }
    return aggregate
