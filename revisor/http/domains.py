"""The routes of domains and of what is asked of them.

``{domain}`` is a UUID or a name; ``?host=`` picks one of its placements, as ``HOST/NAME`` does on the command line.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from domain_model.domain_xml import normalised_uuid
from domain_model.errors import InvalidArgument
from domain_model.flags import Define, Start
from domain_model.xml import shown
from revisor.http import shapes
from revisor.http.answers import document, operation_answer, xml_answer
from revisor.http.asking import (
    LOOKED_CLOSELY,
    AskingGiven,
    AsOfQuery,
    FreshQuery,
    HostQuery,
    ReadContext,
    ServiceGiven,
    WaitQuery,
    position_of,
)
from revisor.http.models import Act, NewDomain, arguments_of
from revisor.http.waiting import operation_when_ended
from revisor.rows import Page

routes = APIRouter(prefix="/v1/domains", tags=["domains"])

SECURITY = Query(description="Show passwords too. This is recorded, and refused where it cannot be.")
PageQuery = Annotated[
    int | None,
    Query(ge=1, le=100_000, description="At most so many, by name, host and UUID."),
]
AfterQuery = Annotated[
    str | None,
    Query(max_length=1024, description="With limit: those behind HOST/NAME/UUID, the last of the page before."),
]
Responses = dict[int | str, dict[str, Any]]

OPERATION: Responses = {
    200: {"model": shapes.OperationItem, "description": "It ended; its state and error say how."},
    202: {"model": shapes.OperationItem, "description": "It was accepted; Location says where to ask for it."},
}
XML: Responses = {200: {"content": {"application/xml": {}}, "description": "libvirt's XML"}}


@routes.get("", response_model=shapes.Document[shapes.DomainItem])
def list_domains(
    service: ServiceGiven,
    *,
    everything: Annotated[bool, Query(alias="all", description="Inactive ones too.")] = False,
    host: HostQuery = None,
    titles: Annotated[bool, Query(description="With the title of each.")] = False,
    fresh: FreshQuery = False,
    as_of: AsOfQuery = None,
    limit: PageQuery = None,
    after: AfterQuery = None,
) -> Response:
    """The domains on all hosts, or on one; with ``as_of`` those there were, whatever became of them.

    In virsh's order, or with ``limit`` a page by name and host; behind the last page there is nothing.
    """
    page = _page(limit, after)
    at = position_of(service, as_of, ("fresh", fresh))
    if fresh:
        service.observe(host)

    def read() -> list[dict[str, Any]]:
        return service.domains(all_domains=everything, host=host, titles=titles, as_of=at, page=page)

    return document(service, "list", read, host, as_of=at)


def _page(limit: int | None, after: str | None) -> Page | None:
    if limit is None:
        if after is not None:
            raise InvalidArgument(
                "after goes with limit", field="after", value=shown(after), accepted="limit with after"
            )
        return None
    if after is None:
        return Page(limit)
    host, _, rest = after.partition("/")
    name, _, text = rest.partition("/")
    uuid = normalised_uuid(text)
    if not host or not name or uuid is None:
        accepted = "HOST/NAME/UUID of the last of a page"
        raise InvalidArgument(
            f"'{shown(after)}' is no place in the list", field="after", value=shown(after), accepted=accepted
        )
    return Page(limit, (name, host, uuid))


@routes.post("", status_code=202, responses=OPERATION, response_class=Response)
async def define_domain(
    request: Request, service: ServiceGiven, asking: AskingGiven, asked: NewDomain, wait: WaitQuery = None
) -> Response:
    """Define a domain on a host, or create a transient one there."""
    context = asking.context(asked)
    if asked.transient:
        accepted = await run_in_threadpool(service.create, asked.xml, asked.host, _start_flags(asked), context)
    else:
        flags = Define.VALIDATE if asked.validated else Define.NONE
        accepted = await run_in_threadpool(service.define, asked.xml, asked.host, context, flags)
    found = await operation_when_ended(request, service, accepted.operation, wait, accepted_at=accepted.position)
    return await run_in_threadpool(operation_answer, service, found)


def _start_flags(asked: NewDomain) -> Start:
    given = ((Start.PAUSED, asked.paused), (Start.VALIDATE, asked.validated), (Start.RESET_NVRAM, asked.reset_nvram))
    return Start(sum(flag for flag, wanted in given if wanted))


@routes.get("/{domain}", response_model=shapes.Document[shapes.DomainInformation], dependencies=LOOKED_CLOSELY)
def show_domain(service: ServiceGiven, domain: str, host: HostQuery = None) -> Response:
    """What ``dominfo`` tells of a domain."""
    where = service.domain(domain, host)["host"]
    return document(service, "dominfo", lambda: [service.domain(domain, host)], where)


@routes.get("/{domain}/xml", responses=XML, response_class=Response, dependencies=LOOKED_CLOSELY)
def show_domain_xml(
    service: ServiceGiven,
    context: ReadContext,
    domain: str,
    *,
    host: HostQuery = None,
    inactive: Annotated[bool, Query(description="The persistent definition of a running domain.")] = False,
    security_info: Annotated[bool, SECURITY] = False,
) -> Response:
    """The definition of a domain."""

    def read() -> str:
        return service.domain_xml(domain, host, context, inactive=inactive, security_info=security_info)

    return xml_answer(service, read, host)


@routes.post("/{domain}/plan", response_model=shapes.Document[shapes.PlanItem])
def plan_for_domain(
    service: ServiceGiven, asking: AskingGiven, domain: str, act: Annotated[Act, Body()], host: HostQuery = None
) -> Response:
    """What snapshot-delete, snapshot-revert or undefine would touch. Nothing is done; refused as the verb would be."""
    planned = service.plan(domain, host, act.verb, arguments_of(act), asking.context(act))
    return document(service, "plan", lambda: [planned], host)


@routes.post("/{domain}/operations", status_code=202, responses=OPERATION, response_class=Response)
async def act_on_domain(
    request: Request,
    service: ServiceGiven,
    asking: AskingGiven,
    domain: str,
    act: Annotated[Act, Body()],
    host: HostQuery = None,
    wait: WaitQuery = None,
) -> Response:
    """Ask for a verb on a domain. It becomes an operation, or is refused before anything was touched."""
    context = asking.context(act)
    accepted = await run_in_threadpool(service.act, domain, host, act.verb, arguments_of(act), context)
    found = await operation_when_ended(request, service, accepted.operation, wait, accepted_at=accepted.position)
    return await run_in_threadpool(operation_answer, service, found)
