"""The tables of read models in PostgreSQL: made, loaded and written in sets, never a row a statement.

They live in schema ``views``, which the application owns, and are made by the projector itself: read models are
disposable, so they have no migrations. A rebuild makes the same tables under a suffix, so both have one definition.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from projections.projection import Key, Need, OneRow, Row, Table

Db = Connection[DictRow]

LIVE = ""
REBUILT = "__rebuild"
"""Suffixes of a table's name."""


def create(connection: Db, table: Table, suffix: str = LIVE, *, if_not_exists: bool = False) -> None:
    """Make a table without its key and indexes; ``index`` adds them."""
    columns = (sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(kind)) for n, kind in table.columns.items())
    connection.execute(
        sql.SQL("CREATE TABLE {}{} ({}) WITH (fillfactor = {})").format(
            sql.SQL("IF NOT EXISTS " if if_not_exists else ""),
            _named(table, suffix),
            sql.SQL(", ").join(columns),
            sql.Literal(table.fillfactor),
        )
    )


def index(connection: Db, table: Table, suffix: str = LIVE) -> None:
    """Add the key and the indexes, where they are missing."""
    key = _columns(table.key)
    for name, unique, what in (
        (_key_name(table), sql.SQL("UNIQUE "), sql.SQL("({})").format(key)),
        *((_index_name(table, n), sql.SQL(""), sql.SQL(text)) for n, text in enumerate(table.indexes, start=1)),
    ):
        connection.execute(
            sql.SQL("CREATE {}INDEX IF NOT EXISTS {} ON {} {}").format(
                unique, sql.Identifier(name + suffix), _named(table, suffix), what
            )
        )


def drop(connection: Db, table: Table, suffix: str = LIVE) -> None:
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_named(table, suffix)))


def take_place(connection: Db, table: Table) -> None:
    """Put the rebuilt table in the place of the live one, index names included."""
    drop(connection, table)
    connection.execute(
        sql.SQL("ALTER TABLE {} RENAME TO {}").format(_named(table, REBUILT), sql.Identifier(table.name))
    )
    for name in (_key_name(table), *(_index_name(table, n) for n in range(1, len(table.indexes) + 1))):
        connection.execute(
            sql.SQL("ALTER INDEX {} RENAME TO {}").format(sql.Identifier("views", name + REBUILT), sql.Identifier(name))
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
        found.extend((table, row) for row in _rows(connection, table, suffix, (table.group or "",), _each(wanted)))
    for table, asked in keys.items():
        found.extend((table, row) for row in _rows(connection, table, suffix, table.key, asked))
    return found


def write(connection: Db, table: Table, rows: Sequence[Row], gone: Sequence[Key], suffix: str = LIVE) -> None:
    """Insert or replace rows and delete others: one statement each."""
    if gone:
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE ({}) IN (SELECT * FROM {})").format(
                _named(table, suffix), _columns(table.key), _unnest(table, table.key)
            ),
            _arrays(gone, len(table.key)),
        )
    if rows:
        kept = [column for column in table.columns if column not in table.key]
        updates = (sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in kept)
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT * FROM {} ON CONFLICT ({}) DO UPDATE SET {}").format(
                _named(table, suffix),
                _columns(table.columns),
                _unnest(table, table.columns),
                _columns(table.key),
                sql.SQL(", ").join(updates),
            ),
            _arrays([_stored(table, row) for row in rows], len(table.columns)),
        )


def fill(connection: Db, table: Table, rows: Iterable[Row], suffix: str) -> None:
    """Bring rows into a new table by COPY."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(_named(table, suffix), _columns(table.columns))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(_stored(table, row))


def analyse(connection: Db, table: Table, suffix: str) -> None:
    """Tell the planner what is in a table that was just filled."""
    connection.execute(sql.SQL("ANALYZE {}").format(_named(table, suffix)))


def _rows(connection: Db, table: Table, suffix: str, by: Sequence[str], keys: Iterable[Key]) -> list[DictRow]:
    return connection.execute(
        sql.SQL("SELECT {} FROM {} WHERE ({}) IN (SELECT * FROM {})").format(
            _columns(table.columns), _named(table, suffix), _columns(by), _unnest(table, by)
        ),
        _arrays(list(keys), len(by)),
    ).fetchall()


def _each(values: Iterable[Any]) -> list[Key]:
    return [(value,) for value in values]


def _named(table: Table, suffix: str) -> sql.Identifier:
    return sql.Identifier("views", table.name + suffix)


def _key_name(table: Table) -> str:
    return f"{table.name}_key"


def _index_name(table: Table, number: int) -> str:
    return f"{table.name}_index_{number}"


def _columns(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _unnest(table: Table, columns: Iterable[str]) -> sql.Composed:
    """A set of rows, handed over as one array a column."""
    kinds = (table.columns[column].removesuffix(" NOT NULL") for column in columns)
    return sql.SQL("unnest({})").format(sql.SQL(", ").join(sql.SQL(f"%s::{kind}[]") for kind in kinds))


def _arrays(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [[row[n] for row in rows] for n in range(width)]


def _stored(table: Table, row: Row) -> list[Any]:
    return [_value(kind, row[column]) for column, kind in table.columns.items()]


def _value(kind: str, value: Any) -> Any:
    """PostgreSQL stores no NUL in text, so what somebody made of one shows as U+FFFD: better than a parked projection."""
    if value is None:
        return None
    if kind.startswith("jsonb"):
        return Jsonb(value, dumps=_json)
    return value.replace("\0", "�") if isinstance(value, str) else value


def _json(value: Any) -> str:
    text = json.dumps(value)
    return json.dumps(_without_nul(value)) if "\\u0000" in text else text


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "�")
        case dict():
            return {_without_nul(key): _without_nul(item) for key, item in value.items()}
        case list():
            return [_without_nul(item) for item in value]
        case _:
            return value
