"""Folds a batch of events into a projection's tables: load what is needed, fold in memory, write what changed."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from projections import tables
from projections.ports import RecordedEvent
from projections.projection import Projection, Rows
from projections.tables import Db


@cache
def concerns(about: tuple[type, ...], kind: type) -> bool:
    """Whether an event of a kind is one of those a projection is about: worked out once a kind, not once an event."""
    return issubclass(kind, about)


def concerning(projection: Projection, events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """Those of the events that mean something to the projection."""
    about = projection.about
    kinds: list[Any] = [type(event.event) for event in events]
    return [event for event, kind in zip(events, kinds, strict=True) if concerns(about, kind)]


def apply(projection: Projection, rows: Rows, event: RecordedEvent) -> None:
    """Fold one event into rows in memory."""
    rows.at(event.position)
    projection.apply(rows, event)


def fold(connection: Db, projection: Projection, events: Sequence[RecordedEvent], suffix: str = tables.LIVE) -> None:
    """Inside a transaction of the caller's, who moves the position on in the same one."""
    relevant = concerning(projection, events)
    needs = [need for event in relevant for need in projection.needs(event)]
    rows = Rows()
    rows.load(needs, tables.load(connection, needs, suffix))
    for event in relevant:
        apply(projection, rows, event)
    for table in projection.tables:
        tables.write(connection, table, rows.replaced(table), rows.deleted(table), suffix)
        if table.past is not None and (ended := rows.ended(table)):
            tables.fill(connection, table.past, ended, suffix)
