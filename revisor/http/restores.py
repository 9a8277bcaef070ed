"""The routes of restores of the log: acknowledging one, and those that were."""

from fastapi import APIRouter
from starlette.responses import Response

from revisor.http import shapes
from revisor.http.answers import document
from revisor.http.asking import AskingGiven, ServiceGiven
from revisor.http.models import RestoreAcknowledgement

routes = APIRouter(prefix="/v1", tags=["status"])


@routes.post("/restore/acknowledge", response_model=shapes.Document[shapes.RestoreItem])
def acknowledge_restore(service: ServiceGiven, asking: AskingGiven, asked: RestoreAcknowledgement) -> Response:
    """Compare every host with a restored log, take in what is found, and let new things be begun again."""
    found = service.restores.acknowledge(asking.context(asked), without=asked.without)
    return document(service, "acknowledge-restore", lambda: [found])


@routes.get("/restores", response_model=shapes.Document[shapes.AcknowledgedItem])
def list_restores(service: ServiceGiven) -> Response:
    """The restores of the log that were acknowledged, by whom, and what was found."""
    return document(service, "restores", service.restores.acknowledged)
