"""The routes of one host, and of what people set of it."""

from fastapi import APIRouter
from starlette.responses import Response

from revisor.http import shapes
from revisor.http.answers import document
from revisor.http.asking import AskingGiven, ServiceGiven
from revisor.http.models import HostAdoption, HostDisabling, HostEnabling, HostLimit

routes = APIRouter(prefix="/v1/hosts", tags=["hosts"])
_HOSTS = shapes.Document[shapes.HostItem]


@routes.get("/{host}", response_model=_HOSTS)
def show_host(service: ServiceGiven, host: str) -> Response:
    """One host."""
    return document(service, "host-info", lambda: [service.host(host)], host)


@routes.post("/{host}/disable", response_model=_HOSTS)
def disable_host(service: ServiceGiven, asking: AskingGiven, host: str, asked: HostDisabling) -> Response:
    """Begin nothing new there: what is asked of it is refused (55), what is queued waits, what was started ends."""
    found = service.registry.disable(host, asking.context(asked))
    return document(service, "host-info", lambda: [found], host)


@routes.post("/{host}/enable", response_model=_HOSTS)
def enable_host(service: ServiceGiven, asking: AskingGiven, host: str, asked: HostEnabling) -> Response:
    """Let a disabled host go on."""
    found = service.registry.enable(host, asking.context(asked))
    return document(service, "host-info", lambda: [found], host)


@routes.post("/{host}/limit", response_model=_HOSTS)
def limit_host(service: ServiceGiven, asking: AskingGiven, host: str, asked: HostLimit) -> Response:
    """Have a host carry out so many operations at once;
    control verbs such as destroy have places of their own besides.
    """
    found = service.registry.limit(host, asked.operations, asking.context(asked))
    return document(service, "host-info", lambda: [found], host)


@routes.post("/{host}/adoption", response_model=_HOSTS)
def set_host_adoption(service: ServiceGiven, asking: AskingGiven, host: str, asked: HostAdoption) -> Response:
    """Say what becomes of domains that are found there and that nobody recorded."""
    found = service.registry.set_adoption(host, asked.adopt, asking.context(asked))
    return document(service, "host-info", lambda: [found], host)
