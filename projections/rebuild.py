"""Rebuilds a projection from the log beside its live tables, and swaps them while everybody goes on.

All of it is one transaction: killed at any moment it leaves nothing behind, and readers see the old tables until they
see the new ones. Most of the log is folded in memory and brought in by COPY, indexes last; what was appended meanwhile
is folded as the live loop does it; only for the last of it is the live projection held up.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from projections import positions, tables
from projections.folding import fold
from projections.ports import EventReader, RecordedEvent
from projections.projection import Projection, Rows
from projections.tables import REBUILT, Db

_BATCH = 2000
_NEARLY = 500
"""So few events behind the live projection are folded while it is held up."""

_log = logging.getLogger(__name__)


class RebuildFailed(Exception):
    """An event could not be folded. The live tables stay as they were; the cause is attached."""


def rebuild(pool: ConnectionPool[Connection[DictRow]], reader: EventReader, projection: Projection) -> int:
    """Make the projection's tables anew from the whole log; returns the position they are at.

    Afterwards the projection is not parked and goes on from there. It is never behind where it was. Another rebuild of
    the same projection is waited for. Raises RebuildFailed and UnreadableEvent, with nothing changed.
    """
    with pool.connection() as connection:
        positions.prepare(connection, [projection])
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = off")
            positions.lock_rebuild(connection, projection.name)
            position = _fill(connection, reader, projection)
            position = _catch_up(connection, reader, projection, position)
            for table in projection.tables:
                tables.take_place(connection, table)
            positions.replaced(connection, projection, position)
    _log.info("projection %s was rebuilt up to position %s", projection.name, position)
    return position


def _fill(connection: Db, reader: EventReader, projection: Projection) -> int:
    """The bulk: everything up to the head as it is now."""
    rows, position, head = Rows(everything=True), 0, reader.head()
    while position < head:
        events = reader.read(position, min(_BATCH, head - position))
        _fold_in_memory(projection, rows, events)
        position = events[-1].position
    for table in projection.tables:
        tables.create(connection, table, REBUILT)
        with _told(projection, f"the rows of {table.name}"):
            tables.fill(connection, table, rows.all(table), REBUILT)
        tables.index(connection, table, REBUILT)
        tables.analyse(connection, table, REBUILT)
    return position


def _fold_in_memory(projection: Projection, rows: Rows, events: Sequence[RecordedEvent]) -> None:
    for event in events:
        with _told(projection, f"the event at position {event.position} ({event.topic})"):
            if tuple(projection.needs(event)):
                projection.apply(rows, event)


def _catch_up(connection: Db, reader: EventReader, projection: Projection, position: int) -> int:
    """What was appended meanwhile; the last of it under the live projection's lock, up to where that is at least."""
    while reader.head() - position > _NEARLY:
        position = _fold_next(connection, reader, projection, position)
    live = positions.lock(connection, projection.name)
    while live is not None and position < live.position:
        position = _fold_next(connection, reader, projection, position)
    return position


def _fold_next(connection: Db, reader: EventReader, projection: Projection, position: int) -> int:
    events = reader.read(position, _BATCH)
    if not events:
        return position
    with _told(projection, f"an event behind position {position}"):
        fold(connection, projection, events, REBUILT)
    return events[-1].position


@contextmanager
def _told(projection: Projection, what: str) -> Iterator[None]:
    """Say what could not be taken, unless it is the database that is away."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise RebuildFailed(f"projection {projection.name} cannot take {what}: {reason}") from error
