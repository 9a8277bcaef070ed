"""Folds a batch of events into a projection's tables: load what is needed, fold in memory, write what changed."""

from collections.abc import Sequence

from projections import tables
from projections.ports import RecordedEvent
from projections.projection import Projection, Rows
from projections.tables import Db


def concerns(projection: Projection, events: Sequence[RecordedEvent]) -> bool:
    """Whether any of the events means anything to the projection."""
    return any(tuple(projection.needs(event)) for event in events)


def fold(connection: Db, projection: Projection, events: Sequence[RecordedEvent], suffix: str = tables.LIVE) -> None:
    """Inside a transaction of the caller's, who moves the position on in the same one."""
    relevant = [(event, tuple(projection.needs(event))) for event in events]
    needs = [need for _, wanted in relevant for need in wanted]
    rows = Rows()
    rows.load(needs, tables.load(connection, needs, suffix))
    for event, wanted in relevant:
        if wanted:
            projection.apply(rows, event)
    for table in projection.tables:
        tables.write(connection, table, rows.replaced(table), rows.deleted(table), suffix)
