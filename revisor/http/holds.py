"""The routes by which snapshots are held and released."""

from fastapi import APIRouter
from starlette.responses import Response

from revisor.http import shapes
from revisor.http.answers import document
from revisor.http.asking import AskingGiven, HostQuery, ServiceGiven
from revisor.http.models import HoldRelease, NewHold
from revisor.http.names import SNAPSHOT

routes = APIRouter(prefix="/v1/domains/{domain}", tags=["snapshots"])
_SNAPSHOTS = shapes.Document[shapes.SnapshotItem]


@routes.post(f"{SNAPSHOT}/hold", response_model=_SNAPSHOTS)
def hold_snapshot(
    service: ServiceGiven, asking: AskingGiven, domain: str, name: str, asked: NewHold, host: HostQuery = None
) -> Response:
    """Forbid to delete a snapshot, and with it to undefine its domain. Who holds it may hold it for longer.

    The same hold again changes nothing; 55 where somebody else holds it, or where it would be held for less long.
    """
    held = service.holds.hold(domain, host, name, asked.until, asking.context(asked))
    return document(service, "snapshot-info", lambda: [{**service.snapshot(domain, host, name), **held}], host)


@routes.post(f"{SNAPSHOT}/release", response_model=_SNAPSHOTS)
def release_snapshot(
    service: ServiceGiven, asking: AskingGiven, domain: str, name: str, asked: HoldRelease, host: HostQuery = None
) -> Response:
    """Allow it again, whoever holds the snapshot; 55 for one that nobody holds."""
    held = service.holds.release(domain, host, name, asking.context(asked))
    return document(service, "snapshot-info", lambda: [{**service.snapshot(domain, host, name), **held}], host)
