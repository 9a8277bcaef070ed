"""Projections at work in a test: loops on a real database, what readers see of their tables, and two of our own."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from projections import positions, tables
from projections.catalogue import all_projections
from projections.loop import ProjectionLoop
from projections.ports import RecordedEvent
from projections.positions import ProjectionState
from projections.projection import Need, OneRow, Projection, Rows, Table
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.lab.store import sha256_of

COUNTS = Table("counts", {"topic": "text NOT NULL", "count": "bigint NOT NULL"}, ("topic",))


class Counts:
    """How often each topic happened: a fold that shows every event taken twice or never."""

    name = "counts"
    version = 1
    tables = (COUNTS,)
    about = (object,)

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        return (OneRow(COUNTS, (event.topic,)),)

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        row = rows.get(COUNTS, (event.topic,)) or {"topic": event.topic, "count": 0}
        rows.put(COUNTS, {**row, "count": row["count"] + 1})


class Stumbling(Counts):
    """Cannot take one event, in one of three ways."""

    def __init__(self, at: int, how: str) -> None:
        self._at = at
        self._how = how

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        if event.position == self._at and self._how == "needs":
            raise KeyError("no such field")
        return super().needs(event)

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        if event.position == self._at and self._how == "apply":
            raise ValueError("does not fold\nsecond line")
        super().apply(rows, event)
        if event.position == self._at and self._how == "write":
            rows.put(COUNTS, {"topic": event.topic, "count": 2**70})


def loop_of(database: Database, *projections: Projection, batch: int = 500) -> ProjectionLoop:
    return ProjectionLoop(
        database.pool, LogReader(database), projections or all_projections(), batch=batch, poll_s=0.05
    )


def caught_up(loop: ProjectionLoop) -> None:
    """Run until there is nothing more to read."""
    while loop.run_once():
        pass


def states_of(database: Database) -> dict[str, ProjectionState]:
    with database.connection() as connection:
        return {state.name: state for state in positions.states(connection)}


def counted(database: Database) -> dict[str, int]:
    return {row["topic"]: row["count"] for row in database.fetch("SELECT topic, count FROM views.counts")}


def in_the_log(database: Database) -> dict[str, int]:
    return {row["topic"]: row["n"] for row in database.fetch("SELECT topic, count(*) AS n FROM log.events GROUP BY 1")}


@contextmanager
def running(loop: ProjectionLoop) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def all_of(database: Database) -> dict[str, str]:
    """What readers see of each view."""
    return {projection.name: sha256_of(database, projection) for projection in all_projections()}


def live(database: Database, *projections: Projection) -> None:
    """Bring the read models up to the log."""
    loop = loop_of(database, *projections)
    loop.prepare()
    caught_up(loop)


def somebody_waits(database: Database, *, to_swap: bool = False) -> bool:
    """Whether a session of this database waits for a lock, of whatever kind or of the one that swapping tables takes.

    A lock on another one's transaction names no database: it is looked for by who waits.
    """
    rows = database.fetch(
        "SELECT mode FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()"
    )
    return any(row["mode"] == "AccessExclusiveLock" or not to_swap for row in rows)


def leftovers(database: Database) -> list[str]:
    """Tables of rebuilds that are under way, or were left behind."""
    rows = database.fetch("SELECT relname FROM pg_class WHERE relname LIKE %s", f"%{tables.REBUILT}%")
    return [row["relname"] for row in rows]
