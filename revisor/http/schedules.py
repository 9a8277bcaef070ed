"""The routes of schedules."""

from fastapi import APIRouter
from starlette.responses import Response

from revisor.http import schedule_shapes
from revisor.http.answers import document
from revisor.http.asking import AskingGiven, ServiceGiven
from revisor.http.models import NewSchedule, ScheduleChange, ScheduleRemoval
from revisor.http.shapes import Document

routes = APIRouter(prefix="/v1/schedules", tags=["schedules"])
_SCHEDULES = Document[schedule_shapes.ScheduleItem]
_LEFT = Document[schedule_shapes.LeftSnapshots]
_SCHEDULE = Document[schedule_shapes.ScheduleInfo]


@routes.get("", response_model=_SCHEDULES)
def list_schedules(service: ServiceGiven) -> Response:
    """All schedules, each with its next time and how its last run went."""
    return document(service, "schedule-list", service.schedules.all)


@routes.post("", response_model=_SCHEDULE, status_code=201)
def add_schedule(service: ServiceGiven, asking: AskingGiven, asked: NewSchedule) -> Response:
    """Have snapshots taken by the clock: of one domain, of all, or of those whose name fits a pattern."""
    made = service.schedules.add(
        asked.name,
        asking.context(asked),
        cron=asked.cron,
        whose={"domain": asked.domain, "host": asked.host, "all": asked.all, "pattern": asked.pattern},
        timezone=asked.timezone,
        keep=asked.keep,
        missed=asked.missed,
    )
    return document(service, "schedule-info", lambda: [made], status=201)


@routes.get("/{schedule}", response_model=_SCHEDULE)
def show_schedule(service: ServiceGiven, schedule: str) -> Response:
    """One schedule, with its last times."""
    return document(service, "schedule-info", lambda: [service.schedules.one(schedule)])


@routes.patch("/{schedule}", response_model=_SCHEDULE)
def change_schedule(service: ServiceGiven, asking: AskingGiven, schedule: str, asked: ScheduleChange) -> Response:
    """Let a schedule run, or rest; times that pass while it rests are not made up for."""
    changed = service.schedules.enable(schedule, asking.context(asked), enabled=asked.enabled)
    return document(service, "schedule-info", lambda: [changed])


@routes.delete("/{schedule}", response_model=_LEFT)
def remove_schedule(
    service: ServiceGiven, asking: AskingGiven, schedule: str, asked: ScheduleRemoval | None = None
) -> Response:
    """Forget a schedule. The snapshots that it took stay, one item for each domain that has some."""
    left = service.schedules.remove(schedule, asking.context(asked or ScheduleRemoval()))
    return document(service, "schedule-remove", lambda: left)
