"""The scheduler: asks for snapshots when their time has come, and for the deletion of those that need not stay.

It asks through the same door as everybody. A request id is made of the schedule, the domain and the planned time, so
two schedulers, or one that died halfway and began again, come to the same operations.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid5

from domain_model.errors import HostDisabled, NoDomain, OperationInvalid, Refused
from domain_model.retention import KeepRule, Taken
from workers.cron import Cron, Times, cron_of

_log = logging.getLogger(__name__)

LATE = timedelta(seconds=60)
"""A time that passed no longer ago is run whatever is said of missed runs: Revisor was not down, it was busy."""
_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class KnownSchedule:
    """An enabled schedule, as far as it was run."""

    id: UUID
    name: str
    selector: dict[str, Any]
    cron: str
    timezone: str
    keep: str | None
    missed: str
    since: datetime
    """The times behind it count: of its adding, its enabling, or the last one that was run or skipped. Never ahead of
    the clock, which may have been set back."""
    unpruned: datetime | None
    """The planned time of the last run, if its snapshots were all taken, or not, and nothing was let go of since."""
    domains: tuple[UUID, ...] = ()
    """Those of the last run."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A domain that a schedule is of."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done about the times that have come: those to skip, and behind them the one to run."""

    skip: Times | None = None
    run: datetime | None = None


class SchedulesLost(Exception):
    """Another scheduler is at it: stop at once."""


class ScheduleRests(Exception):
    """The schedule was disabled or removed since it was looked at: nothing more is asked for in its name."""


class Schedules(Protocol):
    """The schedules, and the door, as the scheduler sees them."""

    def now(self) -> datetime: ...

    def enabled(self) -> Sequence[KnownSchedule]:
        """The schedules that are enabled."""
        ...

    def subjects(self, schedule: KnownSchedule) -> Sequence[Subject]:
        """The domains that a schedule is of, now."""
        ...

    def taken(self, schedule: KnownSchedule, domain: UUID) -> Sequence[Taken]:
        """The snapshots of a domain that a schedule took and that are there."""
        ...

    def carries(self, domain: UUID, snapshot: str) -> str | None:
        """The name of an external snapshot below a snapshot, if there is one."""
        ...

    def ask(
        self, schedule: KnownSchedule, domain: UUID, verb: str, arguments: dict[str, Any], request_id: UUID
    ) -> UUID:
        """Ask for a verb in the schedule's name; returns the operation. Raises Refused, ScheduleRests."""
        ...

    def supersede(self, schedule: KnownSchedule, domain: UUID, operation: UUID) -> None:
        """Withdraw snapshots of a domain that earlier times asked for, before this operation, and nobody has begun."""
        ...

    def ran(
        self,
        schedule: KnownSchedule,
        planned: datetime,
        operations: list[dict[str, Any]],
        refused: list[dict[str, Any]],
    ) -> None:
        """Record a run. Raises SchedulesLost."""
        ...

    def skipped(self, schedule: KnownSchedule, times: Times) -> None:
        """Record that times passed without a run. Raises SchedulesLost."""
        ...

    def pruned(
        self,
        schedule: KnownSchedule,
        planned: datetime,
        operations: list[dict[str, Any]],
        refused: list[dict[str, Any]],
    ) -> None:
        """Record what was let go of. Raises SchedulesLost."""
        ...


def decide(schedule: KnownSchedule, cron: Cron, now: datetime) -> Due:
    """What a schedule's times ask for now: of several that passed at most the latest is run."""
    latest = cron.latest(schedule.since, now)
    if latest is None:
        return Due()
    if now - latest <= LATE or schedule.missed == "run-once":
        return Due(cron.times(schedule.since, latest - timedelta.resolution), latest)
    return Due(cron.times(schedule.since, latest))


def snapshot_name(schedule: str, planned: datetime) -> str:
    return f"{schedule}-{planned.astimezone(UTC):%Y%m%dT%H%M%SZ}"


class Scheduler:
    """Everything that happens by the clock while this worker holds the lease."""

    def __init__(self, schedules: Schedules) -> None:
        self._schedules = schedules

    def run(self, stop: threading.Event, wait: Callable[[Sequence[KnownSchedule]], None]) -> None:
        """Go on until ``stop``; ``wait`` is told the schedules. Raises SchedulesLost."""
        while not stop.is_set():
            try:
                wait(self.run_once(self._schedules.now()))
            except SchedulesLost:
                raise
            except Exception:  # noqa: BLE001  (whatever it was, schedules need their scheduler; the traceback is logged)
                _log.exception("this round of the schedules failed and is tried again")
                time.sleep(_RETRY_S)

    def run_once(self, now: datetime) -> Sequence[KnownSchedule]:
        """One round over all schedules.

        Whatever is due is asked for and recorded; returns the schedules that went well.

        Raises SchedulesLost; whatever else befalls one schedule does not keep the others from theirs.
        """
        return [schedule for schedule in self._schedules.enabled() if self._round_of(schedule, now)]

    def _round_of(self, schedule: KnownSchedule, now: datetime) -> bool:
        try:
            due = decide(schedule, cron_of(schedule.cron, schedule.timezone), now)
            if due.skip is not None:
                self._schedules.skipped(schedule, due.skip)
            if due.run is not None:
                self._run(schedule, due.run)
            if schedule.unpruned is not None:
                self._prune(schedule, schedule.unpruned)
        except SchedulesLost:
            raise
        except ScheduleRests:
            _log.info("schedule %s was disabled or removed", schedule.name)
            return False
        except Exception:  # noqa: BLE001  (the traceback is in the log, and the next round tries again)
            _log.exception("schedule %s: this round failed and is tried again", schedule.name)
            return False
        return True

    def _run(self, schedule: KnownSchedule, planned: datetime) -> None:
        named = {"name": snapshot_name(schedule.name, planned), "description": f"taken by schedule {schedule.name}"}
        operations: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        subjects = self._schedules.subjects(schedule)
        if not subjects and "domain" in schedule.selector:
            gone = NoDomain("the domain of the schedule is on no host", field="domain")
            refused.append({"domain": schedule.selector["domain"], "name": None, **_told(gone)})
        rests: ScheduleRests | None = None
        for domain in subjects:
            request_id = uuid5(schedule.id, f"{domain.id} {planned.astimezone(UTC).isoformat()}")
            whose = {"domain": str(domain.id)}
            try:
                operation = self._schedules.ask(schedule, domain.id, "snapshot-create", named, request_id)
            except Refused as refusal:
                refused.append({**whose, "name": domain.name, **_told(refusal)})
            except ScheduleRests as resting:
                rests = resting
                break
            else:
                operations.append({**whose, "operation": str(operation)})
                # Taken when their host is back, they would all hold the same, under the names of times long gone.
                self._schedules.supersede(schedule, domain.id, operation)
        if rests is None or operations:
            self._schedules.ran(schedule, planned, operations, refused)
            _log.info("schedule %s: %d asked for, %d refused", schedule.name, len(operations), len(refused))
        if rests is not None:
            raise rests

    def _prune(self, schedule: KnownSchedule, planned: datetime) -> None:
        operations: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        if schedule.keep is not None:
            rule = KeepRule.read(schedule.keep)
            for domain in schedule.domains:
                for gone in rule.surplus(self._schedules.taken(schedule, domain)):
                    what = {"domain": str(domain), "snapshot": gone.name}
                    try:
                        operation = self._let_go(schedule, domain, gone, planned)
                    except Refused as refusal:
                        refused.append({**what, **_told(refusal)})
                    else:
                        operations.append({**what, "operation": str(operation)})
        self._schedules.pruned(schedule, planned, operations, refused)

    def _let_go(self, schedule: KnownSchedule, domain: UUID, gone: Taken, planned: datetime) -> UUID:
        """Ask for the deletion of a snapshot, once a run. Raises Refused."""
        above = self._schedules.carries(domain, gone.id)
        if above is not None:
            raise OperationInvalid(
                f"external snapshot '{above}' depends on snapshot '{gone.name}'", field="name", value=gone.name
            )
        request_id = uuid5(schedule.id, f"{domain} {planned.astimezone(UTC).isoformat()} without {gone.id}")
        return self._schedules.ask(schedule, domain, "snapshot-delete", {"name": gone.name, "id": gone.id}, request_id)


def _told(refusal: Refused) -> dict[str, Any]:
    """A refusal for the record. That a host is disabled is meant to be so, and somebody knows."""
    told = {"code": refusal.number, "message": refusal.message}
    return {**told, "host_disabled": True} if isinstance(refusal, HostDisabled) else told
