"""The routes of what happened past Revisor, and of taking in what nobody recorded."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from revisor.http import shapes
from revisor.http.answers import document
from revisor.http.asking import AskingGiven, FreshQuery, HostQuery, ServiceGiven
from revisor.http.models import DomainAdoption, DriftAcceptance, Healing

routes = APIRouter(prefix="/v1", tags=["drift"])


@routes.get("/drift", response_model=shapes.Document[shapes.DriftItem])
def show_drift(
    service: ServiceGiven,
    *,
    domain: Annotated[str | None, Query(description="Of one domain only, by UUID or name.")] = None,
    host: HostQuery = None,
    fresh: FreshQuery = False,
) -> Response:
    """What is not as our own last operation left it. Without a domain also the domains that nobody recorded."""
    if fresh and domain is not None:
        service.observe_closely(domain, host)
    elif fresh:
        service.observe_all_closely(host)
    return document(service, "drift", lambda: service.drifts.found(domain, host), host)


@routes.post("/drift/heal", response_model=shapes.Document[shapes.RemedyItem])
def heal_drift(service: ServiceGiven, asking: AskingGiven, asked: Healing) -> Response:
    """Ask for the operations that make domains again what they were;
    what waits for one is asked for by asking again.
    """
    healed = service.drifts.heal(
        asking.context(asked),
        domain=asked.domain,
        host=asked.host,
        everything=asked.everything,
        plan=asked.plan,
        destroy=asked.destroy,
    )
    return document(service, "drift-heal", lambda: healed)


@routes.post("/drift/accept", response_model=shapes.Document[shapes.DriftItem])
def accept_drift(service: ServiceGiven, asking: AskingGiven, asked: DriftAcceptance) -> Response:
    """Record that what was observed is to be so. Answers with what is no drift any more."""
    context = asking.context(asked)
    accepted = service.drifts.accept(context, domain=asked.domain, host=asked.host, everything=asked.everything)
    return document(service, "drift-accept", lambda: accepted)


@routes.post("/hosts/{host}/adopt", response_model=shapes.Document[shapes.AdoptedDomain])
def adopt_domains(service: ServiceGiven, asking: AskingGiven, host: str, asked: DomainAdoption) -> Response:
    """Take in domains that nobody recorded, with their snapshot trees."""
    fates = service.adopting.adopt(host, asking.context(asked), name=asked.name)
    return document(service, "adopt", lambda: fates, host)
