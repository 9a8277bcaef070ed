"""The routes of what happened: operations, logs, refused attempts; and of the read models behind all answers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from domain_model.errors import InvalidArgument
from domain_model.operations import OperationState
from revisor.http import shapes
from revisor.http.answers import document, operation_answer
from revisor.http.asking import AskingGiven, HostQuery, LimitQuery, ServiceGiven, WaitQuery
from revisor.http.domains import OPERATION
from revisor.http.models import Rebuild, Resumption
from revisor.http.waiting import operation_when_ended
from revisor.rows import OperationFilter

routes = APIRouter(prefix="/v1")

StateQuery = Annotated[
    list[str] | None,
    Query(description=f"Only those in one of these states, comma-separated or repeated: {', '.join(OperationState)}."),
]
IdPrefixQuery = Annotated[
    str | None,
    Query(
        pattern="^[0-9a-f]{8,32}$",
        description="Only those whose id begins so: 8 hexadecimal digits or more, no dashes.",
    ),
]
_NEWEST = 1_000
_WHOLE = 100_000
"""A domain's log is asked for as a whole, up to this."""


@routes.get("/operations", response_model=shapes.Document[shapes.OperationItem], tags=["history"])
def list_operations(
    service: ServiceGiven,
    domain: str | None = None,
    host: HostQuery = None,
    state: StateQuery = None,
    id_prefix: IdPrefixQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Operations, of one domain or of all, in some states or in any."""
    those = OperationFilter(_states(state or []), id_prefix)
    return document(service, "operations", lambda: service.operations(domain, host, limit or _NEWEST, those))


def _states(said: list[str]) -> tuple[str, ...]:
    """The states that are meant. Raises InvalidArgument (8)."""
    words = [word for each in said for word in each.split(",")]
    for word in words:
        if word not in tuple(OperationState):
            raise InvalidArgument(
                f"'{word}' in field 'state' is no state of operations",
                field="state",
                value=word,
                accepted=", ".join(OperationState),
            )
    return tuple(words)


@routes.get("/operations/{id}", responses=OPERATION, response_class=Response, tags=["history"])
async def show_operation(request: Request, service: ServiceGiven, id: UUID, wait: WaitQuery = None) -> Response:
    """One operation; with ``wait`` when it ended, or as it is when that time is over."""
    found = await operation_when_ended(request, service, id, wait)
    return await run_in_threadpool(operation_answer, service, found, 200 if wait is None else None)


@routes.get("/domains/{domain}/log", response_model=shapes.Document[shapes.LogItem], tags=["history"])
def show_log(service: ServiceGiven, domain: str, host: HostQuery = None, limit: LimitQuery = None) -> Response:
    """What happened to a domain, oldest first; also of one that is no more."""
    return document(service, "log", lambda: service.log(domain, host, limit or _WHOLE))


@routes.get("/hosts/{host}/log", response_model=shapes.Document[shapes.LogItem], tags=["history"])
def show_host_log(service: ServiceGiven, host: str, limit: LimitQuery = None) -> Response:
    """What happened to a host, oldest first; also to one that was removed."""
    return document(service, "log", lambda: service.histories.host(host, limit or _WHOLE))


@routes.get("/schedules/{schedule}/log", response_model=shapes.Document[shapes.LogItem], tags=["history"])
def show_schedule_log(service: ServiceGiven, schedule: str, limit: LimitQuery = None) -> Response:
    """What happened to a schedule, oldest first; also to one that was removed."""
    return document(service, "log", lambda: service.histories.schedule(schedule, limit or _WHOLE))


@routes.get("/attempts", response_model=shapes.Document[shapes.AttemptItem], tags=["history"])
def list_attempts(service: ServiceGiven, limit: LimitQuery = None) -> Response:
    """What was refused, and to whom."""
    return document(service, "attempts", lambda: service.attempts(limit or _NEWEST))


@routes.get("/projections", response_model=shapes.Document[shapes.ProjectionItem], tags=["projections"])
def list_projections(service: ServiceGiven) -> Response:
    """The read models and how far they are."""
    return document(service, "projections", service.read_models.all)


@routes.post("/projections/{name}/rebuild", response_model=shapes.Document[shapes.ProjectionItem], tags=["projections"])
def rebuild_projection(
    service: ServiceGiven, _asking: AskingGiven, name: str, _asked: Rebuild | None = None
) -> Response:
    """Rebuild a read model beside itself; the answer comes when the new one took its place."""
    service.read_models.rebuild(name)
    return document(service, "projections", lambda: [service.read_models.one(name)])


@routes.post("/projections/rebuild", response_model=shapes.Document[shapes.ProjectionItem], tags=["projections"])
def rebuild_all_projections(service: ServiceGiven, _asking: AskingGiven, _asked: Rebuild | None = None) -> Response:
    """Rebuild all read models in one reading of the log; the answer comes when the new ones took their places."""
    service.read_models.rebuild()
    return document(service, "projections", service.read_models.all)


@routes.post("/projections/{name}/resume", response_model=shapes.Document[shapes.ProjectionItem], tags=["projections"])
def resume_projection(
    service: ServiceGiven, _asking: AskingGiven, name: str, _asked: Resumption | None = None
) -> Response:
    """Let a parked read model try again from the event it stopped at; 55 if it is not parked."""
    service.read_models.resume(name)
    return document(service, "projections", lambda: [service.read_models.one(name)])
