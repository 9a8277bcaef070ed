"""The routes of a domain's snapshots. A snapshot's name may hold a slash: not every hypervisor forbids it."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from revisor.http import shapes
from revisor.http.answers import document, xml_answer
from revisor.http.asking import (
    LOOKED_CLOSELY,
    AsOfQuery,
    FreshQuery,
    HostQuery,
    ReadContext,
    ServiceGiven,
    position_of,
)
from revisor.http.domains import SECURITY, XML
from revisor.http.names import SNAPSHOT

routes = APIRouter(prefix="/v1/domains/{domain}", tags=["snapshots"], dependencies=LOOKED_CLOSELY)
_SNAPSHOTS = shapes.Document[shapes.SnapshotItem]


@routes.get("/snapshots", response_model=_SNAPSHOTS)
def list_snapshots(
    service: ServiceGiven,
    domain: str,
    *,
    host: HostQuery = None,
    deleted: Annotated[bool, Query(description="Those whose metadata was deleted and can be brought back.")] = False,
    fresh: FreshQuery = False,
    as_of: AsOfQuery = None,
) -> Response:
    """The snapshot tree of a domain, one item a snapshot; with ``as_of`` what it was, of the domain called so then."""
    at = position_of(service, as_of, ("fresh", fresh), ("deleted", deleted))
    if deleted:
        return document(service, "snapshot-list", lambda: service.deleted_snapshots(domain, host), host)
    return document(service, "snapshot-list", lambda: service.snapshots(domain, host, at), host, as_of=at)


@routes.get(f"{SNAPSHOT}/xml", responses=XML, response_class=Response)
def show_snapshot_xml(
    service: ServiceGiven,
    context: ReadContext,
    domain: str,
    name: str,
    *,
    host: HostQuery = None,
    security_info: Annotated[bool, SECURITY] = False,
) -> Response:
    """The whole XML of a snapshot, as its hypervisor gave it."""

    def read() -> str:
        return service.snapshot_xml(domain, host, name, context, security_info=security_info)

    return xml_answer(service, read, host)


@routes.get(SNAPSHOT, response_model=_SNAPSHOTS)
def show_snapshot(service: ServiceGiven, domain: str, name: str, host: HostQuery = None) -> Response:
    """One snapshot."""
    return document(service, "snapshot-info", lambda: [service.snapshot(domain, host, name)], host)


@routes.get("/snapshot-current", response_model=_SNAPSHOTS)
def show_current_snapshot(service: ServiceGiven, domain: str, host: HostQuery = None) -> Response:
    """The current snapshot; 72 if there is none."""
    return document(service, "snapshot-current", lambda: [service.current_snapshot(domain, host)], host)
