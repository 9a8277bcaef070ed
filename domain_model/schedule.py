"""A schedule: which domains get a snapshot when, which of those snapshots stay, and how each run went.

When a time has come is for the scheduler to find; here it is recorded, so that the same planned time is never run twice
and a run that Revisor was down for is known to be missing.
"""

import re
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain_model.errors import InvalidArgument
from domain_model.retention import KeepRule

SCHEDULES = "schedules"
"""The scope in which names of schedules are unique."""

MISSED = ("skip", "run-once")
"""What becomes of the times that passed while Revisor was down: nothing, or one run for the latest of them."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_SELECTORS = ("domain", "all", "pattern")


class Schedule(Aggregate):
    """Snapshots by the clock. Moments are kept as RFC 3339 in UTC."""

    TOPIC: ClassVar[str] = "schedule"

    class Event(Aggregate.Event):
        """Base of all events of a schedule."""

    class Created(Aggregate.Created):
        """``selector`` is one of {domain: id of its stream}, {all: true} and {pattern: as of file names}."""

        TOPIC: ClassVar[str] = "schedule.added"
        name: str
        selector: dict[str, Any]
        cron: str
        timezone: str
        keep: str | None
        missed: str

    class Enabled(Event):
        """Times count from here on; those that passed meanwhile are not missed."""

        TOPIC: ClassVar[str] = "schedule.enabled"
        since: str

        def apply(self, schedule: "Schedule") -> None:
            schedule.enabled = True
            schedule.note(self.since, self.timestamp)

    class Disabled(Event):
        TOPIC: ClassVar[str] = "schedule.disabled"

        def apply(self, schedule: "Schedule") -> None:
            schedule.enabled = False

    class Removed(Event):
        TOPIC: ClassVar[str] = "schedule.removed"

        def apply(self, schedule: "Schedule") -> None:
            schedule.removed = True

    class Ran(Event):
        """A snapshot of each matching domain was asked for.

        ``operations`` lists {domain, operation}, ``refused`` {domain, name, code, message}: who got none, and why.
        """

        TOPIC: ClassVar[str] = "schedule.ran"
        planned: str
        operations: list[dict[str, Any]]
        refused: list[dict[str, Any]]

        def apply(self, schedule: "Schedule") -> None:
            schedule.last_run = self.planned
            schedule.note(self.planned, self.timestamp)

    class Skipped(Event):
        """Times passed while Revisor was down that are not made up for, from ``first`` to ``planned``, the latest.

        ``count`` is how many, None for too many to count; events of before, without ``first``, tell of the latest only.
        """

        TOPIC: ClassVar[str] = "schedule.skipped"
        planned: str
        first: str | None = None
        count: int | None = None

        def apply(self, schedule: "Schedule") -> None:
            schedule.note(self.planned, self.timestamp)

    class Pruned(Event):
        """After the run of ``planned``, the deletion of what the keep rule lets go of was asked for.

        ``operations`` lists {domain, snapshot, operation}, ``refused`` {domain, snapshot, code, message}.
        """

        TOPIC: ClassVar[str] = "schedule.pruned"
        planned: str
        operations: list[dict[str, Any]]
        refused: list[dict[str, Any]]

        def apply(self, schedule: "Schedule") -> None:
            schedule.pruned = self.planned

    def __init__(
        self, name: str, selector: dict[str, Any], cron: str, timezone: str, keep: str | None, missed: str
    ) -> None:
        self.name = name
        self.selector = selector
        self.cron = cron
        self.timezone = timezone
        self.keep = keep
        self.missed = missed
        self.enabled = True
        self.removed = False
        self.planned: str | None = None
        """The last time that is dealt with: it was run, or skipped, or passed while the schedule rested."""
        self.noted: str | None = None
        """When it was noted: a clock that shows an earlier time was set back since."""
        self.last_run: str | None = None
        """The planned time of its last run."""
        self.pruned: str | None = None

    @classmethod
    def add(
        cls,
        id: UUID,
        *,
        name: str,
        selector: dict[str, Any],
        cron: str,
        timezone: str,
        keep: str | None,
        missed: str,
        at: datetime,
    ) -> Self:
        """Begin the stream of a schedule.

        Raises InvalidArgument (8). Cron and time zone are for the scheduler to read.
        """
        _check(name, selector, keep, missed)
        return cls._create(
            cls.Created,
            id=id,
            timestamp=at,
            name=name,
            selector=selector,
            cron=cron,
            timezone=timezone,
            keep=keep,
            missed=missed,
        )

    def enable(self, at: datetime) -> None:
        """Let it run again; one that is enabled stays as it is."""
        if not self.enabled and not self.removed:
            self.trigger_event(self.Enabled, timestamp=at, since=_utc(at))

    def disable(self, at: datetime) -> None:
        """Let it rest; one that rests stays as it is."""
        if self.enabled and not self.removed:
            self.trigger_event(self.Disabled, timestamp=at)

    def remove(self, at: datetime) -> None:
        """Forget it. The snapshots that it took stay."""
        if not self.removed:
            self.trigger_event(self.Removed, timestamp=at)

    @property
    def active(self) -> bool:
        """Whether its times are run."""
        return self.enabled and not self.removed

    def note(self, planned: str, at: datetime) -> None:
        """For its events: the times up to ``planned`` are dealt with."""
        self.planned, self.noted = planned, _utc(at)

    def ran(
        self, planned: datetime, operations: list[dict[str, Any]], refused: list[dict[str, Any]], at: datetime
    ) -> None:
        """Note a run; nothing if that time, or a later one, is noted already, or the schedule rests.

        What was noted at a time that is yet to come, by a clock that was ahead, hinders nothing. What was asked for
        before the schedule came to rest, in the middle of its run, is noted once all the same.
        """
        # Also an earlier one than its last run, which may be of a clock that was ahead. What a scheduler notes that was
        # overtaken is refused by the log: it is fenced.
        if self._is_new(planned, at) or (operations and self.last_run != _utc(planned)):
            self.trigger_event(self.Ran, timestamp=at, planned=_utc(planned), operations=operations, refused=refused)

    def skip(self, planned: datetime, at: datetime, *, first: datetime | None = None, count: int | None = 1) -> None:
        """Note that times passed without a run, from ``first`` to ``planned``; nothing as of ``ran``.

        ``count`` is how many, None for too many to count. Without ``first`` it is that one time.
        """
        if self._is_new(planned, at):
            since = _utc(first or planned)
            self.trigger_event(self.Skipped, timestamp=at, planned=_utc(planned), first=since, count=count)

    def prune(
        self, planned: datetime, operations: list[dict[str, Any]], refused: list[dict[str, Any]], at: datetime
    ) -> None:
        """Note what was let go of after a run; once a run, and nothing while the schedule rests."""
        if self.active and self.pruned != _utc(planned):
            self.trigger_event(self.Pruned, timestamp=at, planned=_utc(planned), operations=operations, refused=refused)

    def _is_new(self, planned: datetime, at: datetime) -> bool:
        if not self.active:
            return False
        if self.planned is None or self.noted is None:
            return True
        return datetime.fromisoformat(self.planned) < planned or at < datetime.fromisoformat(self.noted)


def dealt_with(event: Any, now: datetime) -> datetime | None:
    """The time up to which a schedule's times are dealt with after an event of it; None if it says nothing of that.

    Nor does one say anything by now that is of a clock that was ahead: a run of a time that is yet to come, or what was
    skipped, enabled or added at such a time. That a time was run stays so when it comes.
    """
    match event:
        case Schedule.Ran():
            seen = moment = datetime.fromisoformat(event.planned)
        case Schedule.Skipped():
            seen, moment = event.timestamp, datetime.fromisoformat(event.planned)
        case Schedule.Created() | Schedule.Enabled():
            seen = moment = event.timestamp
        case _:
            return None
    return moment if seen <= now else None


def _check(name: str, selector: dict[str, Any], keep: str | None, missed: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"schedule name '{name}' is not usable",
            field="name",
            value=name,
            accepted="letters, digits, '.', '_' and '-', not beginning with '.' or '-', up to 64",
        )
    if [key for key in _SELECTORS if selector.get(key)] != list(selector) or len(selector) != 1:
        raise InvalidArgument(
            "a schedule is of one domain, of all, or of those whose name fits a pattern",
            field="domain",
            accepted="one of domain, all and pattern",
        )
    if missed not in MISSED:
        raise InvalidArgument(
            f"'{missed}' is no way to deal with missed runs", field="missed", value=missed, accepted=", ".join(MISSED)
        )
    if keep is not None:
        KeepRule.read(keep)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
