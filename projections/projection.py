"""What a projection is: a pure fold over events on keyed rows, the same for the live loop and for a rebuild.

A projection says which rows an event touches before it is folded, so that the loop loads the rows of a whole batch with
one statement a table. The fold then works in memory on ``Rows``, and only what it changed is written back. A rebuild
starts from no rows at all and keeps all of them, so both ways come to the same bytes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from projections.ports import RecordedEvent

Row = Mapping[str, Any]
"""A row by column. It is never changed in place: a changed row is put as a new one."""

Key = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a read model. ``columns`` are SQL types by name, in the order of the table.

    ``group`` is the column by which rows can be loaded together; it must lead the key or an index.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    indexes: tuple[str, ...] = ()
    """What follows ``ON table`` in CREATE INDEX, such as ``(name)``; their names are made from their numbers."""
    group: str | None = None
    fillfactor: int = 80
    """Room in a page for new versions of its rows, so that most updates touch no index."""

    def key_of(self, row: Row) -> Key:
        return tuple(row[column] for column in self.key)


@dataclass(frozen=True, slots=True)
class OneRow:
    """An event needs the row with this key, if there is one."""

    table: Table
    key: Key


@dataclass(frozen=True, slots=True)
class RowGroup:
    """An event needs all rows with this value in the table's ``group`` column."""

    table: Table
    value: Any


Need = OneRow | RowGroup


class NotAskedFor(LookupError):
    """A fold reached for a row it had not named in ``needs``: in the live loop it would not have been loaded."""


@dataclass(slots=True)
class _Loaded:
    """The rows of one table that are in memory, by key and by group, and what became of them."""

    rows: dict[Key, Row] = field(default_factory=dict)
    groups: dict[Any, dict[Key, None]] = field(default_factory=dict)
    known: set[Key] = field(default_factory=set)
    known_groups: set[Any] = field(default_factory=set)
    changed: dict[Key, None] = field(default_factory=dict)


class Rows:
    """The rows that are in memory: read, replaced or deleted by a fold, which are remembered as changed.

    ``everything`` says that all rows there are are in memory, as in a rebuild; else only those declared ``known``.
    """

    def __init__(self, *, everything: bool = False) -> None:
        self._everything = everything
        self._tables: dict[Table, _Loaded] = {}

    def load(self, needs: Iterable[Need], found: Iterable[tuple[Table, Row]]) -> None:
        """Take in what the database had for ``needs``; what was not found is known to be absent."""
        for need in needs:
            loaded = self._of(need.table)
            if isinstance(need, OneRow):
                loaded.known.add(need.key)
            else:
                loaded.known_groups.add(need.value)
        for table, row in found:
            self._keep(table, row)

    def get(self, table: Table, key: Key) -> Row | None:
        """One row, or None. Raises NotAskedFor."""
        loaded = self._of(table)
        row = loaded.rows.get(key)
        if row is None and not self._everything and key not in loaded.known:
            group = None if table.group is None else key[table.key.index(table.group)]
            if group not in loaded.known_groups:
                raise NotAskedFor(f"{table.name} {key}")
        return row

    def group(self, table: Table, value: Any) -> list[Row]:
        """All rows of a group, in the order of their keys. Raises NotAskedFor."""
        loaded = self._of(table)
        if not self._everything and value not in loaded.known_groups:
            raise NotAskedFor(f"{table.name} of {table.group} {value}")
        return [loaded.rows[key] for key in sorted(loaded.groups.get(value, ()))]

    def put(self, table: Table, row: Row) -> None:
        """Insert or replace a row."""
        self._of(table).changed[self._keep(table, row)] = None

    def delete(self, table: Table, key: Key) -> None:
        """Remove a row; one that is not there is passed over."""
        loaded = self._of(table)
        row = loaded.rows.pop(key, None)
        if row is not None:
            loaded.changed[key] = None
            if table.group is not None:
                del loaded.groups[row[table.group]][key]

    def all(self, table: Table) -> Iterable[Row]:
        """Every row in memory."""
        return self._of(table).rows.values()

    def replaced(self, table: Table) -> list[Row]:
        """The rows that must be written."""
        loaded = self._of(table)
        return [loaded.rows[key] for key in loaded.changed if key in loaded.rows]

    def deleted(self, table: Table) -> list[Key]:
        """The keys whose rows must go."""
        loaded = self._of(table)
        return [key for key in loaded.changed if key not in loaded.rows]

    def _keep(self, table: Table, row: Row) -> Key:
        loaded, key = self._of(table), table.key_of(row)
        loaded.rows[key] = row
        if table.group is not None:
            loaded.groups.setdefault(row[table.group], {})[key] = None
        return key

    def _of(self, table: Table) -> _Loaded:
        return self._tables.setdefault(table, _Loaded())


class Projection(Protocol):
    """A question people ask, answered by tables that the events fold into."""

    @property
    def name(self) -> str:
        """Pinned: it is in the database and typed by people."""
        ...

    @property
    def version(self) -> int:
        """Raised whenever the same events fold into other rows than before; the tables are then rebuilt."""
        ...

    @property
    def tables(self) -> tuple[Table, ...]: ...

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        """The rows ``apply`` looks at for this event; none: the event means nothing here."""
        ...

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        """Fold one event. Total and pure: what it does not know it passes over, and it reads no clock."""
        ...
