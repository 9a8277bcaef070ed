"""The tables of read models in PostgreSQL: made, loaded and written in sets, never a row a statement.

They live in schema ``views``, which the application owns, and are made by the projector itself: read models are
disposable, so they have no migrations. A rebuild makes the same tables under a suffix, so both have one definition.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import DictRow

from projections.projection import Key, Need, OneRow, Row, Table

Db = Connection[DictRow]

_encoded = json.JSONEncoder(default=str).encode

LIVE = ""
REBUILT = "__rebuild"
"""Suffixes of a table's name."""


def create(connection: Db, table: Table, suffix: str = LIVE) -> None:
    """Make a table, and the one of its past, without their keys and indexes; ``index`` adds them."""
    for each in _with_past(table):
        columns = (sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(kind)) for n, kind in each.stored.items())
        connection.execute(
            sql.SQL("CREATE TABLE {} ({}) WITH (fillfactor = {})").format(
                _named(each, suffix), sql.SQL(", ").join(columns), sql.Literal(each.fillfactor)
            )
        )


def index(connection: Db, table: Table, suffix: str = LIVE) -> None:
    """Add the keys and the indexes, where they are missing."""
    for each in _with_past(table):
        for name, unique, what in (
            (_key_name(each), sql.SQL("UNIQUE "), sql.SQL("({})").format(_columns(each.key))),
            *((_index_name(each, n), sql.SQL(""), sql.SQL(text)) for n, text in enumerate(each.indexes, start=1)),
        ):
            connection.execute(
                sql.SQL("CREATE {}INDEX IF NOT EXISTS {} ON {} {}").format(
                    unique, sql.Identifier(name + suffix), _named(each, suffix), what
                )
            )


def drop(connection: Db, table: Table, suffix: str = LIVE) -> None:
    for each in _with_past(table):
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_named(each, suffix)))


def lock_out(connection: Db, those: Iterable[Table]) -> None:
    """Keep everybody else off live tables until the transaction ends.

    Raises LockNotAvailable if readers are not done soon.

    A reader may have one of them and wait for another that is ours already: PostgreSQL would break the circle at
    somebody's cost, so whoever calls gives all of them back, by a savepoint, before it tries again.
    """
    names = [each.name for table in those for each in _with_past(table)]
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'views' AND tablename = ANY(%s) ORDER BY tablename"
    there = [row["tablename"] for row in connection.execute(query, [names])]
    if there:
        wanted = sql.SQL(", ").join(sql.Identifier("views", name) for name in there)
        connection.execute("SET LOCAL lock_timeout = '200ms'")
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(wanted))
        connection.execute("SET LOCAL lock_timeout = DEFAULT")


def take_place(connection: Db, table: Table) -> None:
    """Put the rebuilt table in the place of the live one, its past and the names of indexes included."""
    drop(connection, table)
    for each in _with_past(table):
        connection.execute(
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(_named(each, REBUILT), sql.Identifier(each.name))
        )
        for name in (_key_name(each), *(_index_name(each, n) for n in range(1, len(each.indexes) + 1))):
            connection.execute(
                sql.SQL("ALTER INDEX {} RENAME TO {}").format(
                    sql.Identifier("views", name + REBUILT), sql.Identifier(name)
                )
            )


def load(connection: Db, needs: Iterable[Need], suffix: str = LIVE) -> list[tuple[Table, Row]]:
    """The rows that are needed and exist: at most two statements a table."""
    keys: dict[Table, set[Key]] = {}
    groups: dict[Table, set[Any]] = {}
    for need in needs:
        if isinstance(need, OneRow):
            keys.setdefault(need.table, set()).add(need.key)
        else:
            groups.setdefault(need.table, set()).add(need.value)
    found: list[tuple[Table, Row]] = []
    for table, wanted in groups.items():
        by = (table.group or "",)
        found.extend((table, row) for row in _rows(connection, table, suffix, by, [(value,) for value in wanted]))
    for table, asked in keys.items():
        found.extend((table, row) for row in _rows(connection, table, suffix, table.key, asked))
    return found


def write(connection: Db, table: Table, rows: Sequence[Row], gone: Sequence[Key], suffix: str = LIVE) -> None:
    """Insert or replace rows and delete others: one statement each."""
    if gone:
        connection.execute(_deletion(table, suffix), [_json_of(table.key, gone)])
    if rows:
        connection.execute(_replacement(table, suffix), [_json(rows)])


def fill(connection: Db, table: Table, rows: Iterable[Row], suffix: str = LIVE) -> None:
    """Bring new rows in by COPY."""
    with connection.cursor() as cursor, cursor.copy(_copy(table, suffix)) as copy:
        for row in _copied(table, rows):
            copy.write_row(row)


def analyse(connection: Db, table: Table, suffix: str) -> None:
    """Tell the planner what is in a table that was just filled."""
    for each in _with_past(table):
        connection.execute(sql.SQL("ANALYZE {}").format(_named(each, suffix)))


def _with_past(table: Table) -> tuple[Table, ...]:
    return (table,) if table.past is None else (table, table.past)


def _rows(connection: Db, table: Table, suffix: str, by: Sequence[str], keys: Collection[Key]) -> list[DictRow]:
    return connection.execute(_selection(table, suffix, tuple(by)), [_json_of(by, keys)]).fetchall()


# Statements are the same for every batch, so each is put together once.


@cache
def _selection(table: Table, suffix: str, by: tuple[str, ...]) -> bytes:
    statement = sql.SQL("SELECT {} FROM {} WHERE ({}) IN (SELECT * FROM {})")
    return statement.format(
        _columns(table.stored), _named(table, suffix), _columns(by), _handed_over(table, by)
    ).as_bytes()


@cache
def _deletion(table: Table, suffix: str) -> bytes:
    statement = sql.SQL("DELETE FROM {} WHERE ({}) IN (SELECT * FROM {})")
    return statement.format(_named(table, suffix), _columns(table.key), _handed_over(table, table.key)).as_bytes()


@cache
def _replacement(table: Table, suffix: str) -> bytes:
    kept = [column for column in table.stored if column not in table.key]
    updates = (sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in kept)
    return (
        sql.SQL("INSERT INTO {} ({}) SELECT * FROM {} ON CONFLICT ({}) DO UPDATE SET {}")
        .format(
            _named(table, suffix),
            _columns(table.stored),
            _handed_over(table, table.stored),
            _columns(table.key),
            sql.SQL(", ").join(updates),
        )
        .as_bytes()
    )


@cache
def _copy(table: Table, suffix: str) -> bytes:
    return sql.SQL("COPY {} ({}) FROM STDIN").format(_named(table, suffix), _columns(table.stored)).as_bytes()


def _named(table: Table, suffix: str) -> sql.Identifier:
    return sql.Identifier("views", table.name + suffix)


def _key_name(table: Table) -> str:
    return f"{table.name}_key"


def _index_name(table: Table, number: int) -> str:
    return f"{table.name}_index_{number}"


def _columns(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _handed_over(table: Table, columns: Iterable[str]) -> sql.Composed:
    """A set of rows as one JSON text: several times as quick to write as an array a column."""
    kinds = (
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(table.stored[column].removesuffix(" NOT NULL")))
        for column in columns
    )
    return sql.SQL("json_to_recordset(%s) AS handed ({})").format(sql.SQL(", ").join(kinds))


def _json_of(columns: Sequence[str], keys: Iterable[Key]) -> str:
    return _json([dict(zip(columns, key, strict=True)) for key in keys])


def _json(value: Any) -> str:
    """PostgreSQL stores no NUL in text, so what somebody made of one shows as U+FFFD:
    better than a parked projection.
    """
    text = _encoded(value)
    return _encoded(_without_nul(value)) if "\\u0000" in text else text


def _copied(table: Table, rows: Iterable[Row]) -> Iterator[list[Any]]:
    """Rows as COPY takes them; NUL as above."""
    columns = [(name, kind.startswith("jsonb"), kind.startswith("text")) for name, kind in table.stored.items()]
    for row in rows:
        values = []
        for name, is_json, is_text in columns:
            value = row[name]
            if value is not None:
                if is_json:
                    value = _json(value)
                elif is_text and "\0" in value:
                    value = _without_nul(value)
            values.append(value)
        yield values


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        case dict():
            return {_without_nul(key): _without_nul(item) for key, item in value.items()}
        case list():
            return [_without_nul(item) for item in value]
        case _:
            return value
