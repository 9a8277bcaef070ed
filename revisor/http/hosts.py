"""The routes of hosts."""

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from revisor.http import shapes
from revisor.http.answers import document, nothing, operation_answer
from revisor.http.asking import AskingGiven, ServiceGiven, WaitQuery
from revisor.http.domains import OPERATION
from revisor.http.models import HostRemoval, HostUri, NewHost, Restore, arguments_of
from revisor.http.waiting import operation_when_ended

routes = APIRouter(prefix="/v1/hosts", tags=["hosts"])
_HOSTS = shapes.Document[shapes.HostItem]


@routes.get("", response_model=_HOSTS)
def list_hosts(service: ServiceGiven) -> Response:
    """All hosts."""
    return document(service, "host-list", service.hosts)


@routes.post("", response_model=_HOSTS, status_code=201, responses={200: {"model": _HOSTS}})
def add_host(service: ServiceGiven, asking: AskingGiven, asked: NewHost) -> Response:
    """Lead a hypervisor under a name. The same name and URI again is the same host, and answered with 200."""
    host = service.registry.add(asked.name, asked.uri, asking.context(asked), asked.adopt)
    return document(service, "host-list", lambda: [host], asked.name, status=201 if host["added"] else 200)


@routes.patch("/{host}", response_model=_HOSTS)
def set_host_uri(service: ServiceGiven, asking: AskingGiven, host: str, asked: HostUri) -> Response:
    """Reach a host's hypervisor under another URI."""
    return document(
        service, "host-list", lambda: [service.registry.set_uri(host, asked.uri, asking.context(asked))], host
    )


@routes.delete("/{host}", status_code=204, response_class=Response)
def remove_host(service: ServiceGiven, asking: AskingGiven, host: str, asked: HostRemoval | None = None) -> Response:
    """Forget a host; refused (55) while a domain is there. What happened on it stays in the log."""
    service.registry.remove(host, asking.context(asked or HostRemoval()))
    return nothing()


@routes.post("/{host}/restore", status_code=202, responses=OPERATION, response_class=Response)
async def restore_domain(
    request: Request,
    service: ServiceGiven,
    asking: AskingGiven,
    host: str,
    asked: Annotated[Restore, Body()],
    wait: WaitQuery = None,
) -> Response:
    """Let a domain go on that was saved to a file on this host. The file stays."""
    context = asking.context(asked)
    accepted = await run_in_threadpool(service.restore, host, arguments_of(asked), context)
    found = await operation_when_ended(request, service, accepted.operation, wait, accepted_at=accepted.position)
    return await run_in_threadpool(operation_answer, service, found)
