"""How far each projection is: one row each, locked while its tables are written, so that one writer at a time goes on.

The row says also whether a projection is parked: it met an event it cannot fold, stays as it was before that event, and
raises the alarm, while the others go on.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from psycopg import errors
from psycopg.rows import class_row

from projections import tables
from projections.projection import Projection
from projections.tables import Db

_TABLES = """
CREATE TABLE IF NOT EXISTS views.projections (
    name             text PRIMARY KEY,
    version          integer NOT NULL,
    position         bigint NOT NULL,
    parked_at        bigint,
    error            text,
    rebuilt_position bigint
) WITH (fillfactor = 20);
CREATE TABLE IF NOT EXISTS views.rebuilds (name text PRIMARY KEY);
"""


@dataclass(frozen=True, slots=True)
class ProjectionState:
    """Where a projection stands. ``parked_at`` is the position of the event it could not take, ``error`` why."""

    name: str
    version: int
    position: int
    parked_at: int | None
    error: str | None
    rebuilt_position: int | None
    """The position at which it was last rebuilt."""


def prepare(connection: Db, projections: Iterable[Projection]) -> None:
    """Make the tables that are missing; a new projection begins at position 0.

    Safe to repeat, and for several at once.
    """
    for projection in projections:
        while not _prepared(connection, projection):
            pass


def _prepared(connection: Db, projection: Projection) -> bool:
    """False when somebody else was making the same tables: they exist now, and the next try finds them."""
    try:
        with connection.transaction():
            connection.execute(_TABLES.encode())
            connection.execute("INSERT INTO views.rebuilds VALUES (%s) ON CONFLICT DO NOTHING", [projection.name])
            made = connection.execute(
                "INSERT INTO views.projections (name, version, position) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING",
                [projection.name, projection.version],
            )
            if made.rowcount:
                for table in projection.tables:
                    tables.drop(connection, table)
                    tables.create(connection, table)
                    tables.index(connection, table)
    except (errors.UniqueViolation, errors.DuplicateTable, errors.DuplicateObject):
        return False
    return True


def states(connection: Db) -> list[ProjectionState]:
    """All projections there are, by name."""
    with connection.cursor(row_factory=class_row(ProjectionState)) as cursor:
        return cursor.execute("SELECT * FROM views.projections ORDER BY name").fetchall()


def lock(connection: Db, names: list[str]) -> list[ProjectionState]:
    """The rows of projections, nobody else's until the transaction ends."""
    with connection.cursor(row_factory=class_row(ProjectionState)) as cursor:
        query = "SELECT * FROM views.projections WHERE name = ANY(%s) ORDER BY name FOR UPDATE"
        return cursor.execute(query, [names]).fetchall()


def advance(connection: Db, names: list[str], position: int) -> None:
    """Move projections that were locked on to a position."""
    if names:
        connection.execute("UPDATE views.projections SET position = %s WHERE name = ANY(%s)", [position, names])


def park(connection: Db, name: str, at: int, error: str) -> bool:
    """Stop a projection before the event ``at``, if that is the next one for it."""
    parked = connection.execute(
        "UPDATE views.projections SET parked_at = %s, error = %s"
        " WHERE name = %s AND position = %s AND parked_at IS NULL",
        [at, error.replace("\0", "�"), name, at - 1],
    )
    return parked.rowcount == 1


def park_where_they_are(connection: Db, names: list[str], error: str) -> None:
    """Stop projections at the next event, whatever that is."""
    connection.execute(
        "UPDATE views.projections SET parked_at = position + 1, error = %s WHERE name = ANY(%s)",
        [error.replace("\0", "�"), names],
    )


def unpark(connection: Db, names: list[str]) -> int:
    """Let projections try again from where they stopped; returns how many of them were parked."""
    unparked = connection.execute(
        "UPDATE views.projections SET parked_at = NULL, error = NULL WHERE name = ANY(%s) AND parked_at IS NOT NULL",
        [names],
    )
    return unparked.rowcount


def replaced(connection: Db, projection: Projection, position: int) -> None:
    """The projection's tables were just rebuilt up to ``position``; it is not parked any more."""
    connection.execute(
        "UPDATE views.projections SET version = %s, position = %s, rebuilt_position = %s, parked_at = NULL,"
        " error = NULL WHERE name = %s",
        [projection.version, position, position, projection.name],
    )


def lock_rebuilds(connection: Db, names: list[str], patience_s: float) -> None:
    """One rebuild of a projection at a time; the next one waits for the end of this transaction.

    Raises LockNotAvailable when it comes to an end after that, within ``patience_s`` for each.
    """
    limit_ms = 0 if math.isinf(patience_s) else max(1, round(patience_s * 1000))
    connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{limit_ms}ms"])
    connection.execute("SELECT FROM views.rebuilds WHERE name = ANY(%s) ORDER BY name FOR UPDATE", [names])
    connection.execute("SET LOCAL lock_timeout = DEFAULT")
