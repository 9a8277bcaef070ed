"""Reading the log: by position for projections, by stream for people."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from psycopg.rows import tuple_row

from projections.ports import RecordedEvent, UnreadableEvent
from revisor.store.database import Database
from revisor.store.mapper import UNREADABLE, decode
from revisor.store.repository import NEWEST

_SELECT = """
SELECT e.originator_id, e.originator_version, e.topic, e.state, e.notification_id, e.recorded_at,
       a.actor, a.reason, a.ticket, a.request_id, a.correlation, a.causation
FROM log.events e JOIN log.appends a USING (append_id)
"""
_POSITION = 4
"""Where the position is in a row: rows are tuples here, which are the quickest to have in hundreds of thousands."""

_PAGE = 50


class LogReader:
    """Recorded events with their context."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self) -> int:
        """The newest position; 0 for an empty log."""
        row = self._database.fetch_one("SELECT position FROM log.head")
        return 0 if row is None else int(row["position"])

    def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        """At most ``limit`` events behind position ``after``, in order, without a hole.

        Raises UnreadableEvent if the first of them cannot be decoded; an unreadable one further on ends the answer.
        """
        rows = self._rows("WHERE e.notification_id > %s ORDER BY e.notification_id LIMIT %s", after, limit)
        found: list[RecordedEvent] = []
        for row in rows:
            try:
                found.append(_recorded(row))
            except UNREADABLE as error:
                if found:
                    break
                raise UnreadableEvent(row[_POSITION], str(error)) from error
        return found

    def position_at(self, moment: datetime) -> int:
        """The last position recorded at ``moment`` or before; 0 if there is none.

        The log's times never go back from one position to the next, so it is looked for by halves.
        """
        return bisect_right(range(1, self.head() + 1), moment, key=self.recorded_at)

    def recorded_at(self, position: int) -> datetime:
        """When the event at a position was recorded. Raises LookupError for a position nothing is at."""
        row = self._database.fetch_one("SELECT recorded_at FROM log.events WHERE notification_id = %s", position)
        if row is None:
            raise LookupError(f"nothing is recorded at position {position}")
        return cast("datetime", row["recorded_at"])

    def topic(self, position: int) -> str | None:
        """The topic of the event at a position, which need not be one this release can read;
        None if nothing is there.
        """
        row = self._database.fetch_one("SELECT topic FROM log.events WHERE notification_id = %s", position)
        return None if row is None else row["topic"]

    def stream(self, stream: UUID) -> Sequence[RecordedEvent]:
        """One stream from its beginning."""
        return [
            _recorded(row) for row in self._rows("WHERE e.originator_id = %s ORDER BY e.originator_version", stream)
        ]

    def backwards(self, stream: UUID) -> Iterator[RecordedEvent]:
        """One stream from its end, read as far as it is asked for."""
        where = "WHERE e.originator_id = %s AND e.originator_version < %s ORDER BY e.originator_version DESC LIMIT %s"
        before = NEWEST
        while page := self._rows(where, stream, before, _PAGE):
            for event in map(_recorded, page):
                before = event.version
                yield event

    def operation(self, operation: UUID, after: int) -> Sequence[RecordedEvent]:
        """What was recorded about one operation behind position ``after``, in order. Raises UnknownEvent.

        Of one that waits or runs, the queue knows where it began: who looks again and again reads only from there.
        """
        rows = self._rows(
            "WHERE e.notification_id > %s AND e.topic LIKE 'operation.%%' AND position(%s::bytea IN e.state) > 0"
            " AND e.notification_id >= coalesce((SELECT q.position FROM work.operation_queue q WHERE q.operation = %s), 0)"
            " ORDER BY e.notification_id",
            after,
            str(operation).encode(),
            operation,
        )
        return [event for event in map(_recorded, rows) if event.event.operation == str(operation)]

    def about_people(self, topic: str, limit: int) -> Sequence[RecordedEvent]:
        """The newest refused attempts or granted accesses, oldest first."""
        rows = self._rows(
            "WHERE e.topic = %s AND e.topic IN ('attempt.refused', 'access.granted')"
            " ORDER BY e.notification_id DESC LIMIT %s",
            topic,
            limit,
        )
        return [_recorded(row) for row in reversed(rows)]

    def restores(self) -> Sequence[RecordedEvent]:
        """The restores of the log that were acknowledged, oldest first. Raises UnknownEvent."""
        return [
            _recorded(row) for row in self._rows("WHERE e.topic = 'restore.acknowledged' ORDER BY e.notification_id")
        ]

    def _rows(self, where: str, *params: object) -> list[tuple[Any, ...]]:
        with self._database.connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute((_SELECT + where).encode(), params).fetchall()


def _recorded(row: tuple[Any, ...]) -> RecordedEvent:
    stream, version, topic, state, position, recorded_at, *context = row
    return RecordedEvent(position, stream, version, topic, decode(topic, stream, version, state), recorded_at, *context)
