"""What a projection is: a pure fold over events on keyed rows, the same for the live loop and for a rebuild.

A projection says which rows an event touches before it is folded, so that the loop loads the rows of a whole batch with
one statement a table. The fold then works in memory on ``Rows``, and only what it changed is written back. A rebuild
starts from no rows at all and keeps all of them, so both ways come to the same bytes.

Some tables are temporal: what a row was before is kept with the positions between which it was so, and the fold need
not know. A version ends at the position of the event that replaced or deleted it, so what one event did to a row is one
version.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
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
    temporal: bool = False
    """Whether what its rows were before is kept, in the table ``past``."""

    @cached_property
    def stored(self) -> Mapping[str, str]:
        """The columns as they are in the database: of a temporal table also since when a row is as it is."""
        return {**self.columns, "valid_from": "bigint NOT NULL"} if self.temporal else self.columns

    @cached_property
    def past(self) -> "Table | None":
        """The table of the versions that rows of this one had before, each valid from a position until before another.

        ``span`` is the number of bits in how long that was. Versions of one span that hold at a position end within
        twice their length behind it, so an index that begins with the span finds them among any number of others.
        """
        if not self.temporal:
            return None
        return Table(
            name=f"{self.name}_past",
            columns={**self.stored, "valid_to": "bigint NOT NULL", "span": "smallint NOT NULL"},
            key=(*self.key, "valid_to"),
            indexes=("(span, valid_to, valid_from)",),
            fillfactor=100,
        )

    @cached_property
    def key_of(self) -> Callable[[Row], Key]:
        """What takes the key out of a row."""
        if len(self.key) > 1:
            return itemgetter(*self.key)
        (column,) = self.key
        return lambda row: (row[column],)


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
    since: dict[Key, int] = field(default_factory=dict)
    groups: defaultdict[Any, dict[Key, None]] = field(default_factory=lambda: defaultdict(dict))
    known: set[Key] = field(default_factory=set)
    known_groups: set[Any] = field(default_factory=set)
    changed: dict[Key, None] = field(default_factory=dict)
    ended: list[Row] = field(default_factory=list)


class Rows:
    """The rows that are in memory: read, replaced or deleted by a fold, which are remembered as changed.

    ``everything`` says that all rows there are are in memory, as in a rebuild; else only those declared ``known``.
    Rows that go to the database and come from it are of ``Table.stored``, those of a fold of ``Table.columns``.
    """

    def __init__(self, *, everything: bool = False) -> None:
        self._everything = everything
        self._tables: defaultdict[Table, _Loaded] = defaultdict(_Loaded)
        self._position = 0

    def load(self, needs: Iterable[Need], found: Iterable[tuple[Table, Row]]) -> None:
        """Take in what the database had for ``needs``; what was not found is known to be absent."""
        for need in needs:
            loaded = self._tables[need.table]
            if isinstance(need, OneRow):
                loaded.known.add(need.key)
            else:
                loaded.known_groups.add(need.value)
        for table, row in found:
            loaded, key = self._tables[table], table.key_of(row)
            said = dict(row)
            if table.temporal:
                loaded.since[key] = said.pop("valid_from")
            _keep(loaded, table, key, said)

    def at(self, position: int) -> None:
        """What is put and deleted from now on is so from ``position`` on."""
        self._position = position

    def get(self, table: Table, key: Key) -> Row | None:
        """One row, or None. Raises NotAskedFor."""
        loaded = self._tables[table]
        row = loaded.rows.get(key)
        if row is None and not self._everything and key not in loaded.known:
            group = None if table.group is None else key[table.key.index(table.group)]
            if group not in loaded.known_groups:
                raise NotAskedFor(f"{table.name} {key}")
        return row

    def group(self, table: Table, value: Any) -> list[Row]:
        """All rows of a group, in the order of their keys. Raises NotAskedFor."""
        loaded = self._tables[table]
        if not self._everything and value not in loaded.known_groups:
            raise NotAskedFor(f"{table.name} of {table.group} {value}")
        return [loaded.rows[key] for key in sorted(loaded.groups.get(value, ()))]

    def put(self, table: Table, row: Row) -> None:
        """Insert or replace a row. In a temporal table it must have been asked for: raises NotAskedFor."""
        loaded, key = self._tables[table], table.key_of(row)
        if table.temporal:
            self._end(table, key)
            loaded.since[key] = self._position
        loaded.changed[key] = None
        _keep(loaded, table, key, row)

    def delete(self, table: Table, key: Key) -> None:
        """Remove a row; one that is not there is passed over. Raises NotAskedFor as ``put``."""
        loaded = self._tables[table]
        if table.temporal:
            self._end(table, key)
            loaded.since.pop(key, None)
        row = loaded.rows.pop(key, None)
        if row is not None:
            loaded.changed[key] = None
            if table.group is not None:
                del loaded.groups[row[table.group]][key]

    def all(self, table: Table) -> Iterable[Row]:
        """Every row in memory."""
        loaded = self._tables[table]
        return (_since(table, loaded, key) for key in loaded.rows)

    def replaced(self, table: Table) -> list[Row]:
        """The rows that must be written."""
        loaded = self._tables[table]
        return [_since(table, loaded, key) for key in loaded.changed if key in loaded.rows]

    def deleted(self, table: Table) -> list[Key]:
        """The keys whose rows must go."""
        loaded = self._tables[table]
        return [key for key in loaded.changed if key not in loaded.rows]

    def ended(self, table: Table) -> list[Row]:
        """The versions that ended since this was last asked, for the table's ``past``. They are forgotten here."""
        loaded = self._tables[table]
        ended, loaded.ended = loaded.ended, []
        return ended

    def _end(self, table: Table, key: Key) -> None:
        """The version a row has ends here; one that this same event made never was."""
        row = self.get(table, key)
        if row is None:
            return
        loaded, here = self._tables[table], self._position
        since = loaded.since[key]
        if since < here:
            loaded.ended.append({**row, "valid_from": since, "valid_to": here, "span": (here - since).bit_length()})


def _keep(loaded: _Loaded, table: Table, key: Key, row: Row) -> None:
    loaded.rows[key] = row
    if table.group is not None:
        loaded.groups[row[table.group]][key] = None


def _since(table: Table, loaded: _Loaded, key: Key) -> Row:
    row = loaded.rows[key]
    return {**row, "valid_from": loaded.since[key]} if table.temporal else row


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

    @property
    def about(self) -> tuple[type, ...]:
        """The kinds of events that mean something here. It is asked about no others."""
        ...

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        """The rows ``apply`` looks at for this event."""
        ...

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        """Fold one event. Total and pure: what it does not know it passes over, and it reads no clock."""
        ...
