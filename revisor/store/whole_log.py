"""Whether the rows of the log are a whole log: what an import must know before anybody may read them.

All leaves are computed anew. ``log.leaf`` would say the same, and takes twelve times as long: PostgreSQL does not put
its nested functions into the statement, as ``convert_to`` is not immutable. So the envelope is written out here a
second time, as one expression; a test holds the two together.
"""

from typing import Any

from psycopg import Connection

from revisor.store.archive_file import Head


class NotWhole(Exception):
    """The rows are not those of a whole log; the message says where that was seen."""


_SETTINGS = """
SET LOCAL jit = off;
SET LOCAL work_mem = '64MB';
SET LOCAL enable_nestloop = off;
SET LOCAL min_parallel_table_scan_size = 0;
"""
# Nobody has counted the new rows yet: a plan for a few rows would never end. And compiling takes longer than running.


def _text(column: str) -> str:
    """A netstring of a column of text, itself still text."""
    return f"octet_length(convert_to({column}, 'UTF8')) || ':' || {column} || ','"


def _ascii(value: str) -> str:
    return f"length({value}) || ':' || {value} || ','"


_CONTEXT = " || ".join(
    f"coalesce({field}, '-')"
    for field in (
        *map(_text, ("actor", "reason", "ticket")),
        *map(_ascii, ("request_id::text", "correlation::text", "causation::text")),
    )
)
_ENVELOPE = " || ".join(
    (
        "'1:1,36:' || %(log)s || ','",
        _ascii("notification_id::text"),
        _ascii("originator_id::text"),
        _ascii("originator_version::text"),
        _text("topic"),
        _ascii("((extract(epoch FROM recorded_at) * 1000000)::bigint)::text"),
        "context",
    )
)
LEAF = (
    f"sha256('\\x00'::bytea || convert_to({_ENVELOPE}, 'UTF8')"
    " || '\\x31363a'::bytea || salt || '\\x2c33323a'::bytea || sha256(state) || '\\x2c'::bytea)"
)
"""``log.leaf`` as one expression of a row of ``EVENTS`` and the parameter ``log``."""
EVENTS = f"""
SELECT e.*, a.first_position, a.last_position, a.context FROM log.events e LEFT JOIN
    (SELECT append_id, first_position, last_position, {_CONTEXT} AS context FROM log.appends) a USING (append_id)
"""  # noqa: S608  constants of this module
# One reading of all events tells whether all is well; only of a log that is not whole it is asked where.
_EVENTS_SEEN = f"""
SELECT count(*), min(notification_id), max(notification_id),
    min(notification_id) FILTER (WHERE (notification_id BETWEEN first_position AND last_position) IS NOT TRUE),
    min(notification_id) FILTER (WHERE leaf IS DISTINCT FROM {LEAF})
FROM ({EVENTS}) AS rows
"""  # noqa: S608  as above
_HOLE = """
SELECT min(p) FROM generate_series(1, %s::bigint) AS p
WHERE NOT EXISTS (SELECT FROM log.events WHERE notification_id = p)
"""


def check_whole(connection: Connection[tuple[Any, ...]], head: Head) -> None:
    """See that the rows in schema ``log`` are the whole log that ends with ``head``. Raises NotWhole."""
    connection.execute(_SETTINGS)
    _check_events(connection, head)
    _check_appends(connection, head)
    _check_documents(connection)


def _check_events(connection: Connection[tuple[Any, ...]], head: Head) -> None:
    row = connection.execute(_EVENTS_SEEN.encode(), {"log": str(head.log)}).fetchone()
    assert row is not None
    count, first, last, without_append, wrong_leaf = row
    if (count, first or 1, last or 0) != (head.position, 1, head.position):
        raise NotWhole(_where_positions_end(connection, head, last or 0))
    if without_append is not None:
        raise NotWhole(f"position {without_append} is in no append that covers it")
    if wrong_leaf is not None:
        raise NotWhole(f"a wrong leaf at position {wrong_leaf}: what is recorded there was changed")
    newest = connection.execute(
        "SELECT recorded_at, leaf FROM log.events WHERE notification_id = %s", (head.position,)
    ).fetchone()
    if (newest or (None, None)) != (head.recorded_at, head.leaf):
        raise NotWhole(f"position {head.position} is not the one that the manifest names")


def _where_positions_end(connection: Connection[tuple[Any, ...]], head: Head, last: int) -> str:
    row = connection.execute(_HOLE, (head.position,)).fetchone()
    if row is not None and row[0] is not None:
        return f"a hole at position {row[0]}"
    return f"position {last} does not fit behind its head, {head.position}"


def _check_appends(connection: Connection[tuple[Any, ...]], head: Head) -> None:
    # With every event within its own append, as many positions as events leave no append with too many of them.
    row = connection.execute("SELECT coalesce(sum(last_position - first_position + 1), 0) FROM log.appends").fetchone()
    assert row is not None
    if row[0] != head.position:
        raise NotWhole(f"its appends are about {row[0]} positions, and there are {head.position}")


def _check_documents(connection: Connection[tuple[Any, ...]]) -> None:
    row = connection.execute(
        "SELECT min(encode(digest, 'hex')) FROM log.documents WHERE digest <> sha256(body)"
    ).fetchone()
    if row is not None and row[0] is not None:
        raise NotWhole(f"document {row[0]} is not what its digest says: it was changed")
