"""The read model of schedules: what there is, how the last run went, and which snapshots each one took.

A snapshot is a schedule's when the operation that made it was asked for by the schedule: whatever comes of a request
carries its correlation, and the scheduler's is the schedule's id. Its name says nothing. It stays the schedule's while
its metadata is gone, for that can be brought back.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from domain_model.domain import Domain
from domain_model.schedule import Schedule
from projections.ports import RecordedEvent
from projections.projection import Need, OneRow, Rows, Table

SCHEDULES = Table(
    name="schedules",
    columns={
        "id": "uuid NOT NULL",
        "name": "text NOT NULL",
        "selector": "jsonb NOT NULL",
        "cron": "text NOT NULL",
        "timezone": "text NOT NULL",
        "keep": "text",
        "missed": "text NOT NULL",
        "enabled": "boolean NOT NULL",
        "since": "timestamptz NOT NULL",
        "planned": "timestamptz",
        "run": "jsonb",
        "pruned": "jsonb",
        "removed": "boolean NOT NULL",
        "position": "bigint NOT NULL",
    },
    key=("id",),
    indexes=("(name)",),
)
TAKEN = Table(
    name="scheduled_snapshots",
    columns={
        "domain": "uuid NOT NULL",
        "snapshot": "uuid NOT NULL",
        "schedule": "uuid NOT NULL",
        "operation": "uuid NOT NULL",
    },
    key=("domain", "snapshot"),
    indexes=("(schedule, domain)",),
)


class Schedules:
    """Which schedules there are, and what they took."""

    name = "schedules"
    version = 1
    tables = (SCHEDULES, TAKEN)
    about = (Schedule.Created, Schedule.Event, Domain.SnapshotCreated)

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        if isinstance(event.event, Domain.SnapshotCreated):
            return (OneRow(SCHEDULES, (event.correlation,)), OneRow(TAKEN, _key(event)))
        return (OneRow(SCHEDULES, (event.stream,)),)

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        said = event.event
        if isinstance(said, Domain.SnapshotCreated):
            _take(rows, event, said)
            return
        row = _added(event) if isinstance(said, Schedule.Created) else rows.get(SCHEDULES, (event.stream,))
        if row is not None:
            rows.put(SCHEDULES, {**row, **_changes(said), "position": event.position})


def _take(rows: Rows, event: RecordedEvent, said: Domain.SnapshotCreated) -> None:
    if said.operation is None or rows.get(SCHEDULES, (event.correlation,)) is None:
        return
    domain, snapshot = _key(event)
    whose = {"schedule": event.correlation, "operation": UUID(said.operation)}
    rows.put(TAKEN, {"domain": domain, "snapshot": snapshot, **whose})


def _key(event: RecordedEvent) -> tuple[UUID, UUID]:
    return event.stream, UUID(event.event.snapshot)


def _added(event: RecordedEvent) -> dict[str, Any]:
    said = event.event
    return {
        "id": event.stream,
        **{key: getattr(said, key) for key in ("name", "selector", "cron", "timezone", "keep", "missed")},
        "enabled": True,
        "since": event.occurred_at,
        "planned": None,
        "run": None,
        "pruned": None,
        "removed": False,
    }


def _changes(said: Any) -> dict[str, Any]:
    match said:
        case Schedule.Enabled():
            return {"enabled": True, "since": datetime.fromisoformat(said.since)}
        case Schedule.Disabled() | Schedule.Removed():
            return {"enabled": False, "removed": isinstance(said, Schedule.Removed)}
        case Schedule.Ran():
            return {"planned": datetime.fromisoformat(said.planned), "run": _told(said)}
        case Schedule.Skipped():
            return {"planned": datetime.fromisoformat(said.planned)}
        case Schedule.Pruned():
            return {"pruned": _told(said)}
        case _:
            return {}


def _told(said: Any) -> dict[str, Any]:
    return {"planned": said.planned, "operations": said.operations, "refused": said.refused}
