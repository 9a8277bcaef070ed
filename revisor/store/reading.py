"""Reading the log: by position for projections, by stream for people."""

from collections.abc import Sequence
from uuid import UUID

from projections.ports import RecordedEvent, UnreadableEvent
from revisor.store.database import Database, Row
from revisor.store.mapper import UnknownEvent, decode

_SELECT = """
SELECT e.originator_id, e.originator_version, e.topic, e.state, e.notification_id, e.recorded_at,
       a.actor, a.reason, a.ticket, a.request_id, a.correlation, a.causation
FROM log.events e JOIN log.appends a USING (append_id)
"""


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
        rows = self._database.fetch(
            _SELECT + "WHERE e.notification_id > %s ORDER BY e.notification_id LIMIT %s", after, limit
        )
        found: list[RecordedEvent] = []
        for row in rows:
            try:
                found.append(_recorded(row))
            except (UnknownEvent, ValueError, LookupError, TypeError, AttributeError) as error:
                if found:
                    break
                raise UnreadableEvent(row["notification_id"], str(error)) from error
        return found

    def stream(self, stream: UUID) -> Sequence[RecordedEvent]:
        """One stream from its beginning."""
        rows = self._database.fetch(_SELECT + "WHERE e.originator_id = %s ORDER BY e.originator_version", stream)
        return [_recorded(row) for row in rows]

    def about_people(self, topic: str, limit: int) -> Sequence[RecordedEvent]:
        """The newest refused attempts or granted accesses, oldest first."""
        rows = self._database.fetch(
            _SELECT
            + "WHERE e.topic = %s AND e.topic IN ('attempt.refused', 'access.granted')"
            + " ORDER BY e.notification_id DESC LIMIT %s",
            topic,
            limit,
        )
        return [_recorded(row) for row in reversed(rows)]


def _recorded(row: Row) -> RecordedEvent:
    return RecordedEvent(
        position=row["notification_id"],
        stream=row["originator_id"],
        version=row["originator_version"],
        topic=row["topic"],
        event=decode(row["topic"], row["originator_id"], row["originator_version"], bytes(row["state"])),
        recorded_at=row["recorded_at"],
        actor=row["actor"],
        reason=row["reason"],
        ticket=row["ticket"],
        request_id=row["request_id"],
        correlation=row["correlation"],
        causation=row["causation"],
    )
