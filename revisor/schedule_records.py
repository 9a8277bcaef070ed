"""What the scheduler sees of the application: ``workers.scheduler.Schedules`` put into practice."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from domain_model.errors import OperationFailed, OperationInvalid
from domain_model.retention import Taken
from domain_model.schedule import Schedule, dealt_with
from revisor.application import Application
from revisor.queries import Queries
from revisor.schedule_subjects import subjects_of
from revisor.schedules import actor_of
from revisor.service import Service
from revisor.store.context import Context
from revisor.store.errors import Fenced
from revisor.store.mapper import UnknownEvent
from revisor.store.recorder import Fence
from workers.cron import Times, zone_of
from workers.leases import SCHEDULER
from workers.scheduler import LATE, KnownSchedule, ScheduleRests, SchedulesLost, Subject

_SETTLE_S = 10.0
_ENABLED = """
SELECT s.id, s.name, s.selector, s.cron, s.timezone, s.keep, s.missed, greatest(s.since, s.planned) AS since, noted.recorded_at AS noted,
       (s.run ->> 'planned')::timestamptz AS ran, s.run -> 'operations' AS operations,
       s.run ->> 'planned' IS DISTINCT FROM s.pruned ->> 'planned'
       AND NOT EXISTS (SELECT FROM work.operation_queue q JOIN jsonb_array_elements(s.run -> 'operations') asked
                       ON q.operation = (asked ->> 'operation')::uuid) AS ended
FROM views.schedules s JOIN log.events noted ON noted.notification_id = s.position
WHERE s.enabled AND NOT EXISTS (SELECT FROM work.restores WHERE acknowledged_at IS NULL)
"""
"""Nothing is due while a restored log waits: it would be refused, and its time be over."""
_TAKEN = """
SELECT s.id::text, s.name, o.requested_at, s.presence = 'missing' AS missing
FROM views.scheduled_snapshots t
JOIN views.snapshots s ON s.domain = t.domain AND s.id = t.snapshot
JOIN views.operations o ON o.id = t.operation AND o.actor = %s
WHERE t.schedule = %s AND t.domain = %s AND o.requested_at <= %s
"""
"""One of a time that is yet to come, by a clock that was ahead, stands for none before it,
and is judged when it has come.
"""

_NOT_BEGUN = """
SELECT q.operation FROM work.operation_queue q JOIN views.operations o ON o.id = q.operation
WHERE q.domain = %s AND NOT q.started AND q.verb = 'snapshot-create' AND o.actor = %s AND o.correlation = %s
AND q.position < (SELECT position FROM work.operation_queue WHERE operation = %s)
"""


class ScheduleRecords:
    """The application as the scheduler uses it, under its lease in one epoch."""

    def __init__(self, application: Application, queries: Queries, service: Service, epoch: int) -> None:
        self._application = application
        self._queries = queries
        self._service = service
        self.epoch = epoch
        self._fence = Fence(SCHEDULER, epoch)

    def now(self) -> datetime:
        return self._application.now()

    def enabled(self) -> Sequence[KnownSchedule]:
        """See ``workers.scheduler.Schedules``. A schedule as it was before its last run could run again: never that."""
        parked = [state.name for state in self._queries.positions() if state.parked_at is not None]
        if parked or not self._queries.wait_for(self._application.reader.head(), _SETTLE_S):
            behind = f" ({', '.join(parked)} parked)" if parked else ""
            raise OperationFailed(f"the read models are not up to the log{behind}: schedules wait for them")
        now = self.now()
        return [
            KnownSchedule(
                id=row["id"],
                name=row["name"],
                selector=row["selector"],
                cron=row["cron"],
                timezone=row["timezone"],
                keep=row["keep"],
                missed=row["missed"],
                since=self._dealt_with(row["id"], now) if max(row["since"], row["noted"]) > now else row["since"],
                unpruned=row["ran"] if row["ended"] else None,
                domains=tuple(UUID(asked["domain"]) for asked in row["operations"] or ()),
            )
            for row in self._application.database.fetch(_ENABLED)
        ]

    def _dealt_with(self, schedule: UUID, now: datetime) -> datetime:
        """Up to when a schedule's times are dealt with, as the clock was set back;
        if nothing tells, all but the newest.
        """
        told = (dealt_with(event.event, now) for event in self._application.reader.backwards(schedule))
        return next((moment for moment in told if moment is not None), now - LATE)

    def subjects(self, schedule: KnownSchedule) -> Sequence[Subject]:
        """See ``workers.scheduler.Schedules``."""
        return [Subject(row.domain, row.name) for row in subjects_of(schedule.selector, self._queries)]

    def taken(self, schedule: KnownSchedule, domain: UUID) -> Sequence[Taken]:
        """See ``workers.scheduler.Schedules``. The moments are in the schedule's time zone."""
        held, now, zone = self._application.domain(domain).holds, self.now(), zone_of(schedule.timezone)
        rows = self._application.database.fetch(_TAKEN, actor_of(schedule.name), schedule.id, domain, now)
        return [
            Taken(
                id=row["id"],
                name=row["name"],
                at=row["requested_at"].astimezone(zone),
                held=row["id"] in held and held[row["id"]].holds(now),
                missing=row["missing"],
            )
            for row in rows
        ]

    def carries(self, domain: UUID, snapshot: str) -> str | None:
        """See ``workers.scheduler.Schedules``."""
        below = self._application.domain(domain).forest.descendants_of(snapshot)
        return next((record.name for record in below if record.location == "external"), None)

    def ask(
        self, schedule: KnownSchedule, domain: UUID, verb: str, arguments: dict[str, Any], request_id: UUID
    ) -> UUID:
        """See ``workers.scheduler.Schedules``."""
        known = self._application.log.load(Schedule, schedule.id)
        if known is None or not known.active:
            raise ScheduleRests(schedule.name)
        context = Context(
            actor_of(schedule.name),
            reason=f"schedule {schedule.name}",
            request_id=request_id,
            correlation=schedule.id,
        )
        try:
            return self._service.act(str(domain), None, verb, arguments, context).operation
        except UnknownEvent as error:
            raise OperationFailed(str(error), field="domain", value=str(domain)) from error

    def supersede(self, schedule: KnownSchedule, domain: UUID, operation: UUID) -> None:
        """See ``workers.scheduler.Schedules``."""
        actor = actor_of(schedule.name)
        for row in self._application.database.fetch(_NOT_BEGUN, domain, actor, schedule.id, operation):
            context = Context(actor, reason=f"the next time of schedule {schedule.name} came", correlation=schedule.id)
            with suppress(OperationInvalid):  # it was begun, or has ended, in this very moment
                self._service.settlements.cancel(row["operation"], context)

    def ran(
        self,
        schedule: KnownSchedule,
        planned: datetime,
        operations: list[dict[str, Any]],
        refused: list[dict[str, Any]],
    ) -> None:
        """See ``workers.scheduler.Schedules``."""
        self._change(schedule, lambda known: known.ran(planned, operations, refused, self.now()))

    def skipped(self, schedule: KnownSchedule, times: Times) -> None:
        """See ``workers.scheduler.Schedules``."""

        def skip(known: Schedule) -> None:
            known.skip(times.last, self.now(), first=times.first, count=times.count)

        self._change(schedule, skip)

    def pruned(
        self,
        schedule: KnownSchedule,
        planned: datetime,
        operations: list[dict[str, Any]],
        refused: list[dict[str, Any]],
    ) -> None:
        """See ``workers.scheduler.Schedules``."""
        self._change(schedule, lambda known: known.prune(planned, operations, refused, self.now()))

    def _change(self, schedule: KnownSchedule, decide: Callable[[Schedule], None]) -> None:
        context = Context(actor_of(schedule.name), correlation=schedule.id)
        try:
            self._application.change(Schedule, schedule.id, decide, context, fence=self._fence)
        except Fenced as fenced:
            raise SchedulesLost(str(fenced)) from fenced
