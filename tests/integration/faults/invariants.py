"""What must be true after any fault: nothing acknowledged is missing, the log has no hole, every view is as rebuilt."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from projections import positions
from projections.catalogue import all_projections
from projections.projection import Projection
from projections.rebuild import rebuild
from revisor.store.database import Database
from revisor.store.queue import queue_changes
from revisor.store.reading import LogReader
from tests.integration.faults.writers import Note
from tests.lab.awaiting import eventually
from tests.lab.store import sha256_of

_OTHERS = 1
"""Appends that no writer made: the hot domain's first."""


def check(database: Database, *more: Projection) -> None:
    """The log has no hole, and queue and every view (``more`` than the product's) follow from it.

    A projector must run.
    """
    check_log(database)
    check_queue(database)
    check_views(database, [*all_projections(), *more])


def check_log(database: Database) -> None:
    """Positions are 1..n and each stream's versions 1..m, in saves that lie side by side; time never goes back."""
    head = LogReader(database).head()
    events = database.fetch(
        "SELECT notification_id AS position, append_id, recorded_at FROM log.events ORDER BY notification_id"
    )
    assert [event["position"] for event in events] == list(range(1, head + 1))
    times = [event["recorded_at"] for event in events]
    assert times == sorted(times), "recorded_at went back"
    broken = database.fetch(
        "SELECT originator_id FROM log.events GROUP BY 1"
        " HAVING min(originator_version) <> 1 OR max(originator_version) <> count(*)"
    )
    assert broken == []
    saves = database.fetch("SELECT * FROM log.appends ORDER BY first_position")
    spans = [range(save["first_position"], save["last_position"] + 1) for save in saves]
    assert [position for span in spans for position in span] == list(range(1, head + 1))
    for save, span in zip(saves, spans, strict=True):
        assert {event["append_id"] for event in events[span.start - 1 : span.stop - 1]} == {save["append_id"]}


def check_queue(database: Database) -> None:
    """The queue of operations is what the log says: asked for and not ended."""
    events = [event.event for event in _all(database)]
    changes = queue_changes(events)
    waiting = {request["operation"] for request in changes["requested"]} - set(changes["ended"])
    queued = {str(row["operation"]) for row in database.fetch("SELECT operation FROM work.operation_queue")}
    assert queued == waiting


def _all(database: Database) -> list[Any]:
    reader, events = LogReader(database), list[Any]()
    while some := reader.read(len(events), 5000):
        events += some
    return events


def check_notes(database: Database, notes: Sequence[Note]) -> None:
    """Each save a writer was told of is there once, at the position it was told, and whole; no refused one is."""
    at = {str(row["append_id"]): row["first_position"] for row in database.fetch("SELECT * FROM log.appends")}
    stored = {note.append: note.first for note in notes if note.first is not None}
    assert stored.items() <= at.items()
    assert len(at) == len(stored) + _OTHERS, "somebody saved what nobody was told of"
    events = database.fetch(
        "SELECT originator_id::text, originator_version, topic FROM log.events ORDER BY notification_id"
    )
    for note in notes:
        if note.first is not None:
            found = events[note.first - 1 : note.first - 1 + len(note.events)]
            assert [[*event.values()] for event in found] == note.events
    documents = {row["digest"].hex() for row in database.fetch("SELECT digest FROM log.documents")}
    assert documents == {name for note in notes if note.refused is None for name in note.documents}
    print(f"{len(events)} events; {dict(Counter(note.refused or 'stored' for note in notes))}")


def check_views(database: Database, projections: Sequence[Projection]) -> None:
    """Every view comes up to the log, not parked, and is then the same as one that is made anew."""
    head = LogReader(database).head()

    def seen() -> bool:
        with database.connection() as connection:
            states = {state.name: state for state in positions.states(connection)}
        return all(states[each.name].position == head and states[each.name].error is None for each in projections)

    eventually(seen, what=f"every view is at position {head}")
    for projection in projections:
        live = sha256_of(database, projection)
        assert rebuild(database.pool, LogReader(database), [projection]) == head
        assert sha256_of(database, projection) == live, f"{projection.name} is not as rebuilt"
