"""What the routes of schedules answer with, for the document that describes the API."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from revisor.http.shapes import Open


class ScheduleRun(Open):
    """``operations`` has what was asked for, ``refused`` what was not accepted, each with code and message."""

    planned: datetime
    operations: list[dict[str, Any]]
    refused: list[dict[str, Any]]


class ScheduleItem(Open):
    """A schedule: of one domain, of all, or of those whose name fits ``pattern``."""

    id: UUID
    name: str
    domain: str | None
    all: bool
    pattern: str | None
    cron: str
    timezone: str
    keep: str | None
    missed: Literal["skip", "run-once"]
    enabled: bool
    overdue_since: datetime | None = None
    """A time that came ten minutes ago or before, and nothing is on record of it."""
    next_at: datetime | None
    last_planned_at: datetime | None
    """The last time that was run or skipped."""
    problem: str | None = None
    """Why it is not kept: its time zone is not known any more, its domain is gone, or nobody runs the schedules."""
    last_run: ScheduleRun | None
    last_run_failed: int
    """Of the operations of the last run: how many failed, or have an outcome nobody knows."""
    last_run_open: int = 0
    """How many have not ended."""
    last_pruning: ScheduleRun | None


class LeftSnapshots(Open):
    """How many snapshots of a domain a schedule took that was removed."""

    domain: str
    snapshots: int


class ScheduleTime(Open):
    """A time that came: how many snapshots were asked for, and how many of them refused.

    Or several that were skipped.
    """

    planned_at: datetime
    """Of several the latest."""
    outcome: Literal["ran", "skipped"]
    requested: int
    refused: int
    first_at: datetime | None = None
    """Of several the first; None where that was not recorded."""
    times: int | None = None
    """How many they are; None for more than were counted, or where that was not recorded."""


class ScheduleDisabling(Open):
    """Since when a schedule is disabled, by whom and why, where that was said."""

    at: datetime
    actor: str
    reason: str | None
    ticket: str | None


class ScheduleInfo(ScheduleItem):
    """A schedule with its last times, the newest first."""

    last_times: list[ScheduleTime]
    domains_now: int | None = None
    """How many domains it is of now."""
    changed: bool | None = None
    """Of one that was enabled or disabled: whether it was not already."""
    disabled: ScheduleDisabling | None = None
