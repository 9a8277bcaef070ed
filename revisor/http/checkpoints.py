"""The routes of a domain's checkpoints and of its backup."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from revisor.http import shapes
from revisor.http.answers import document, xml_answer
from revisor.http.asking import LOOKED_CLOSELY, HostQuery, ReadContext, ServiceGiven
from revisor.http.domains import SECURITY, XML
from revisor.http.names import CHECKPOINT

routes = APIRouter(prefix="/v1/domains/{domain}", tags=["checkpoints"], dependencies=LOOKED_CLOSELY)
_CHECKPOINTS = shapes.Document[shapes.CheckpointItem]


@routes.get("/checkpoints", response_model=_CHECKPOINTS)
def list_checkpoints(service: ServiceGiven, domain: str, host: HostQuery = None) -> Response:
    """The checkpoints of a domain, one item a checkpoint."""
    return document(service, "checkpoint-list", lambda: service.checkpoints.all_of(domain, host), host)


@routes.get(f"{CHECKPOINT}/xml", responses=XML, response_class=Response)
def show_checkpoint_xml(
    service: ServiceGiven,
    context: ReadContext,
    domain: str,
    name: str,
    *,
    host: HostQuery = None,
    security_info: Annotated[bool, SECURITY] = False,
    no_domain: Annotated[bool, Query(description="Without the definition of the domain.")] = False,
) -> Response:
    """The whole XML of a checkpoint, as its hypervisor gave it."""

    def read() -> str:
        return service.checkpoints.xml(domain, host, name, context, security_info=security_info, no_domain=no_domain)

    return xml_answer(service, read, host)


@routes.get(CHECKPOINT, response_model=_CHECKPOINTS)
def show_checkpoint(service: ServiceGiven, domain: str, name: str, host: HostQuery = None) -> Response:
    """One checkpoint; 103 if there is none of that name."""
    return document(service, "checkpoint-info", lambda: [service.checkpoints.one(domain, host, name)], host)


@routes.get("/backup", response_model=shapes.Document[shapes.BackupItem])
def show_backup(service: ServiceGiven, domain: str, host: HostQuery = None) -> Response:
    """The backup that was begun last, and how it ended; 104 if there was none."""
    return document(service, "backup", lambda: [service.checkpoints.backup(domain, host)], host)


@routes.get("/backup/xml", responses=XML, response_class=Response)
def show_backup_xml(service: ServiceGiven, domain: str, host: HostQuery = None) -> Response:
    """The XML of the backup that runs; 104 if none does."""
    return xml_answer(service, lambda: service.checkpoints.backup_xml(domain, host), host)
