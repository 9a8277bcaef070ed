"""What the routes of how Revisor is answer with, for the document that describes the API."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from revisor.http.shapes import Disabling, ErrorDetail, Open


class Health(Open):
    """``problems`` are sentences. ``position`` is null, and ``error`` there, when the database does not answer."""

    status: Literal["ok", "degraded", "down"]
    position: int | None
    problems: list[str]
    error: ErrorDetail | None = None


class LogStatus(Open):
    id: UUID
    position: int
    recorded_at: datetime | None
    size_bytes: int


class ProjectionStatus(Open):
    """``lag_s`` is the age of the oldest event it has not folded."""

    name: str
    position: int
    behind: int
    lag_s: float
    parked_at: int | None
    error: str | None


class HostStatus(Open):
    """``worker`` holds the host's lease; null when nobody does.

    ``beat_age_s`` is how long ago that was renewed, and ``silent`` whether another should have taken over since.
    """

    name: str
    worker: UUID | None
    epoch: int
    observed_at: datetime | None
    unobserved_s: float
    problem: str | None
    queued: int
    started: int
    oldest_queued_s: float
    disabled: Disabling | None
    """Nothing is begun there, and what is queued waits; null while it is enabled."""
    beat_age_s: float | None
    silent: bool


class SchedulerStatus(Open):
    """Who keeps the schedules, as of a host; and how many are enabled."""

    worker: UUID | None
    epoch: int
    beat_age_s: float | None
    silent: bool
    schedules: int


class OverdueSchedule(Open):
    """Its ``planned_at`` was ``late_s`` ago without a word on record; or, by ``why``, its times cannot be told."""

    schedule: str
    planned_at: datetime | None
    late_s: float
    why: str | None


class PoolStatus(Open):
    """Of the process that answers."""

    most: int
    used: int
    idle: int
    waiting: int


class DatabaseStatus(Open):
    version: str
    connections: PoolStatus


class UnsettledOperation(Open):
    """One that may have happened or not. ``total`` is how many there are of its state: the ten oldest are told."""

    id: UUID
    verb: str
    domain: str
    host: str
    state: Literal["started", "unknown"]
    total: int


class StatusItem(Open):
    status: Literal["ok", "degraded"]
    problems: list[str]
    restore: str | None
    """Why the log is taken for a restored one, until somebody acknowledges that."""
    log: LogStatus
    projections: list[ProjectionStatus]
    hosts: list[HostStatus]
    scheduler: SchedulerStatus
    overdue: list[OverdueSchedule] = []  # noqa: RUF012  (pydantic copies it)
    unsettled: list[UnsettledOperation] = []  # noqa: RUF012  (pydantic copies it)
    database: DatabaseStatus
