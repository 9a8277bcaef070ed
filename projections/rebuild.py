"""Rebuilds projections from the log beside their live tables, and swaps them while everybody goes on.

However many they are, the log is read and decoded once. All of it is one transaction: killed at any moment it leaves
nothing behind, and readers see the old tables until they see the new ones. Most of the log is folded in memory, where
only the rows of now stay: versions that ended are brought in by COPY on the way. Indexes come last; what was appended
meanwhile is folded as the live loop does it; only for the last of it are the live projections held up, and not while
somebody still reads the tables that are to go.
"""

import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import Connection, errors
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from projections import positions, tables
from projections.folding import apply, concerns, fold
from projections.ports import EventReader, RecordedEvent
from projections.positions import ProjectionState
from projections.projection import Projection, Rows
from projections.tables import REBUILT, Db

_BATCH = 2000
_NEARLY = 500
"""So few events behind the live projections are folded while they are held up."""
_USUALLY, _RARELY = gc.get_threshold(), (50_000, 50, 1_000)
"""When Python looks for garbage: after how many new objects, and how many such looks."""
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
"""Between tries to have the live tables: as long as they are waited for, new readers wait behind us."""

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, errors.IdleInTransactionSessionTimeout)
"""What says something about the database and nothing about an event:
among the last, all time-outs that end a connection.
"""
_WITHOUT_LIMITS = """
SELECT set_config(name, '0', true) FROM pg_settings
WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout', 'statement_timeout')
"""
"""A rebuild takes as long as the log is, and does other things than ask the database meanwhile."""

_log = logging.getLogger(__name__)


class RebuildFailed(Exception):
    """A projection could not take an event. The live tables stay as they were; the cause is attached."""

    def __init__(self, projection: str, what: str, cause: Exception) -> None:
        reason = f"{type(cause).__name__}: {cause}".splitlines()[0]
        super().__init__(f"projection {projection} cannot take {what}: {reason}")
        self.projection = projection


class TablesInUse(Exception):
    """Somebody has been reading the live tables, or rebuilding them, for too long. They stay as they were."""

    def __init__(self, names: Sequence[str], waited_s: float, *, rebuilding: bool = False) -> None:
        what = "another rebuild of them to end" if rebuilding else "the transactions that read them to end"
        super().__init__(
            f"the tables of {', '.join(names)} were in use for {waited_s:g} s: wait for {what}, and try again"
        )


def rebuild(
    pool: ConnectionPool[Connection[DictRow]],
    reader: EventReader,
    projections: Sequence[Projection],
    *,
    patience_s: float = 60,
    meanwhile: Callable[[float], None] = time.sleep,
    wanted: Callable[[Projection, ProjectionState], bool] = lambda _projection, _state: True,
) -> int:
    """Make the tables of projections anew from the whole log; returns the position they are at.

    Afterwards they are not parked and go on from there. None is ever behind where it was. For ``patience_s`` another
    rebuild of one of them is waited for, after which only those are rebuilt that are still ``wanted`` and the others
    left as they are; and as long again whoever reads the live tables. The live projections go on meanwhile.
    ``meanwhile(pause_s)`` is called between batches (0) and tries, and may raise what is to break the rebuild off.
    Raises RebuildFailed, TablesInUse and UnreadableEvent, with nothing changed.
    """
    with pool.connection() as connection:
        positions.prepare(connection, projections)
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = off")
            connection.execute(_WITHOUT_LIMITS)
            _take_turn(connection, [projection.name for projection in projections], patience_s)
            known = {state.name: state for state in positions.states(connection)}
            still = [each for each in projections if wanted(each, known[each.name])]
            if not still:
                return min(known[each.name].position for each in projections)
            position = _make_anew(connection, reader, still, patience_s, meanwhile)
    _log.info("rebuilt up to position %s: %s", position, ", ".join(each.name for each in still))
    return position


def _take_turn(connection: Db, names: list[str], patience_s: float) -> None:
    try:
        positions.lock_rebuilds(connection, names, patience_s)
    except errors.LockNotAvailable as error:
        raise TablesInUse(names, patience_s, rebuilding=True) from error


def _make_anew(
    connection: Db,
    reader: EventReader,
    projections: Sequence[Projection],
    patience_s: float,
    meanwhile: Callable[[float], None],
) -> int:
    with _rarely_collecting_garbage():
        position = _fill(connection, reader, projections, meanwhile)
    position = _hold(connection, reader, projections, position, patience_s, meanwhile)
    for projection in projections:
        for table in projection.tables:
            tables.take_place(connection, table)
        positions.replaced(connection, projection, position)
    return position


def _fill(
    connection: Db, reader: EventReader, projections: Sequence[Projection], meanwhile: Callable[[float], None]
) -> int:
    """The bulk: everything up to the head as it is now."""
    memory = {projection: Rows(everything=True) for projection in projections}
    for projection in projections:
        for table in projection.tables:
            tables.create(connection, table, REBUILT)
    position, head, readers = 0, reader.head(), _Readers(projections)
    while position < head:
        events = reader.read(position, min(_BATCH, head - position))
        _fold_in_memory(memory, readers, events)
        _bring_in_the_past(connection, memory)
        position = events[-1].position
        meanwhile(0)
    for projection in projections:
        _bring_in_the_present(connection, projection, memory.pop(projection))
    return position


@contextmanager
def _rarely_collecting_garbage() -> Iterator[None]:
    """Rows and events make no circles, and looking through all of them for some, again and again, costs a fifth more.

    What else goes on in this process, as in the one that serves, may make some: that is still collected.
    """
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*_USUALLY)


class _Readers(dict[type, tuple[Projection, ...]]):
    """The projections that an event of a kind means something to."""

    def __init__(self, projections: Sequence[Projection]) -> None:
        super().__init__()
        self._projections = projections

    def __missing__(self, kind: type) -> tuple[Projection, ...]:
        self[kind] = tuple(each for each in self._projections if concerns(each.about, kind))
        return self[kind]


def _fold_in_memory(
    memory: Mapping[Projection, Rows], readers: Mapping[type, Sequence[Projection]], events: Sequence[RecordedEvent]
) -> None:
    for event in events:
        for projection in readers[type(event.event)]:
            try:
                apply(projection, memory[projection], event)
            except Exception as error:
                what = f"the event at position {event.position} ({event.topic})"
                raise RebuildFailed(projection.name, what, error) from error


def _bring_in_the_past(connection: Db, memory: Mapping[Projection, Rows]) -> None:
    for projection, rows in memory.items():
        for table in projection.tables:
            if table.past is not None and (ended := rows.ended(table)):
                with _told(projection, f"the rows of {table.past.name}"):
                    tables.fill(connection, table.past, ended, REBUILT)


def _bring_in_the_present(connection: Db, projection: Projection, rows: Rows) -> None:
    for table in projection.tables:
        with _told(projection, f"the rows of {table.name}"):
            tables.fill(connection, table, rows.all(table), REBUILT)
        tables.index(connection, table, REBUILT)
        tables.analyse(connection, table, REBUILT)


def _hold(
    connection: Db,
    reader: EventReader,
    projections: Sequence[Projection],
    position: int,
    patience_s: float,
    meanwhile: Callable[[float], None],
) -> int:
    """Catch up with the live projections, and hold them and their tables; all is let go while their readers go on."""
    names = [projection.name for projection in projections]
    live = [table for projection in projections for table in projection.tables]
    deadline, pause_s = time.monotonic() + patience_s, _FIRST_PAUSE_S
    while True:
        while reader.head() - position > _NEARLY:
            position = _fold_next(connection, reader, projections, position)
        try:
            with connection.transaction():
                caught_up = _catch_up(connection, reader, projections, position)
                tables.lock_out(connection, live)
                return caught_up
        except errors.LockNotAvailable as error:
            if time.monotonic() > deadline:
                raise TablesInUse(names, patience_s) from error
        if pause_s >= _LONGEST_PAUSE_S:
            _log.warning("waits for the transactions that read the old tables of %s", ", ".join(names))
        meanwhile(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _catch_up(connection: Db, reader: EventReader, projections: Sequence[Projection], position: int) -> int:
    """The last of what was appended meanwhile, up to the first of the live projections,
    which are held up from now on.
    """
    live = positions.lock(connection, [projection.name for projection in projections])
    furthest = max(state.position for state in live)
    while position < furthest:
        position = _fold_next(connection, reader, projections, position)
    return position


def _fold_next(connection: Db, reader: EventReader, projections: Sequence[Projection], position: int) -> int:
    events = reader.read(position, _BATCH)
    if not events:
        return position
    for projection in projections:
        with _told(projection, f"an event behind position {position}"):
            fold(connection, projection, events, REBUILT)
    return events[-1].position


@contextmanager
def _told(projection: Projection, what: str) -> Iterator[None]:
    """Say what could not be taken, unless it is the database that is away."""
    try:
        yield
    except AWAY:
        raise
    except Exception as error:
        raise RebuildFailed(projection.name, what, error) from error
