"""The routes of how Revisor is. They answer in bounded time whatever the database does: that is when they are asked."""

import asyncio
import logging
from importlib.metadata import version

import psycopg
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain_model.errors import Refused
from revisor import presentation as present
from revisor.health import DOWN, problems_of, word_for
from revisor.http import shapes, status_shapes
from revisor.http.answers import document_at
from revisor.http.refusals import error_body
from revisor.metrics import page
from revisor.status import LOOK_S, PoolStatus, Status, StatusReader

routes = APIRouter(tags=["status"])

_log = logging.getLogger(__name__)


class DatabaseAway(Refused):
    """The database did not answer, or not in time."""

    prefix = "Cannot reach the database: "
    default_number = 38


class Looks:
    """One look at the database at a time, which all who ask meanwhile share.

    A look that hangs holds one thread and no more, and none of those that other requests need.
    """

    def __init__(self, reader: StatusReader) -> None:
        self._reader = reader
        self._alone = CapacityLimiter(1)
        self._under_way: asyncio.Task[Status | psycopg.Error] | None = None
        self._trouble: str | None = None

    async def look(self) -> Status:
        """How Revisor is. Raises DatabaseAway (38) if the database does not say so within LOOK_S."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(run_sync(self._read, limiter=self._alone, abandon_on_cancel=True))
        try:
            async with asyncio.timeout(LOOK_S):
                found = await asyncio.shield(self._under_way)
        except TimeoutError:
            raise self._away(f"it did not answer within {LOOK_S} s") from None
        if isinstance(found, psycopg.Error):
            raise self._away(str(found).partition("\n")[0]) from found
        self._trouble = None
        return found

    def pool(self) -> PoolStatus:
        return self._reader.pool()

    def _read(self) -> Status | psycopg.Error:
        # An error is an answer too: raised, it would be told as never heard when nobody waits for it any more.
        try:
            return self._reader.read()
        except psycopg.Error as error:
            return error

    def _away(self, trouble: str) -> DatabaseAway:
        away = DatabaseAway(trouble)
        if trouble != self._trouble:
            # Once, as probes come again and again: ``up`` asks twenty times a second.
            _log.warning("%s", away.message)
            self._trouble = trouble
        return away


def _looks_of(request: Request) -> Looks:
    looks: Looks = request.app.state.looks
    return looks


@routes.get("/v1/health", response_model=status_shapes.Health, responses={503: {"model": status_shapes.Health}})
async def health(request: Request) -> Response:
    """Whether Revisor is well, its database included, and what is wrong if it is not; 503 when the database is away."""
    try:
        status = await _looks_of(request).look()
    except DatabaseAway as away:
        return JSONResponse({"status": DOWN, "position": None, "problems": [away.message], **error_body(away)}, 503)
    problems = problems_of(status)
    return JSONResponse({"status": word_for(problems), "position": status.seen, "problems": problems})


@routes.get("/v1/status", response_model=shapes.Document[status_shapes.StatusItem])
async def show_status(request: Request) -> Response:
    """The log, the read models, the hosts and what waits for them, and the connections of the process that answers."""
    looks = _looks_of(request)
    status = await looks.look()
    item = present.status(status, looks.pool(), problems_of(status))
    return document_at("status", status.seen, status.observed_at, [item])


@routes.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """The same for Prometheus: its text format, or OpenMetrics where that is accepted. 200 also without a database."""
    looks = _looks_of(request)
    try:
        status = await looks.look()
    except DatabaseAway:
        status = None
    data, content_type = page(version("revisor"), looks.pool(), status, request.headers.get("Accept", ""))
    return Response(data, headers={"Content-Type": content_type})
