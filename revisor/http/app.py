"""The HTTP application: routes put together, errors in our words, one document that describes it all."""

from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi

from revisor.http import (
    checkpoints,
    domains,
    drift,
    history,
    holds,
    hosts,
    maintenance,
    restores,
    schedules,
    settlements,
    shapes,
    snapshots,
    status,
)
from revisor.http.limits import Limits
from revisor.http.query import refuse_unknown_parameters
from revisor.http.refusals import handle_errors
from revisor.http.waiting import make_limiter
from revisor.service import Service
from revisor.status import StatusReader

API_VERSION = "1"
_ABOUT = """An event-sourced control plane for virtual machines, on a unix socket. Who asks is what the kernel says of
the other end. Changes become operations: 202 and a Location, or with `?wait=SECONDS` 200 when they ended. Every change
may carry `reason`, `ticket` and `request_id`. Fields and query parameters that are not known are refused. Errors carry
libvirt's number. Keys are only ever added to."""


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, as it is answered at /v1/openapi.json."""
        if self.openapi_schema is None:
            self.openapi_schema = _described(self)
        return self.openapi_schema


def make_app(service: Service, reader: StatusReader) -> FastAPI:
    """The HTTP door to a service, and to how it is.

    The server must put the peer into each request's state (``peer.PeerProtocol``).
    """
    app = _Api(
        title="Revisor",
        version=API_VERSION,
        description=_ABOUT,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its page would be fetched from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": {"model": shapes.ErrorBody, "description": "Refused, with libvirt's number"}},
    )
    app.state.service = service
    app.state.looks = status.Looks(reader)
    app.state.waiters = make_limiter()
    parts = (
        *(hosts, maintenance, domains, holds, snapshots, checkpoints, history, status, restores),
        *(settlements, drift, schedules),
    )
    for part in parts:
        app.include_router(part.routes, dependencies=[Depends(refuse_unknown_parameters)])
    handle_errors(app)
    app.add_middleware(Limits)
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for path in schema["paths"].values():
        for operation in path.values():
            # What cannot be taken leaves as 400 with libvirt's number 8, in the words of ErrorBody.
            operation["responses"].pop("422", None)
    for unused in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(unused, None)
    return schema
