"""What the routes are handed: the service, and the context of whoever asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from domain_model.errors import InvalidArgument, Refused
from revisor.http.models import Asked, Reason, Ticket
from revisor.service import Service
from revisor.store.context import Context


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, as the kernel has it."""

    actor: str

    def context(self, said: Asked) -> Context:
        """The context of a change that carries ``said``."""
        return Context(self.actor, reason=said.reason, ticket=said.ticket, request_id=said.request_id)

    @staticmethod
    def of(body: Mapping[str, Any]) -> Asked:
        """What of reason, ticket and request id is usable in a body that was refused."""
        reason, ticket, request_id = (body.get(key) for key in ("reason", "ticket", "request_id"))
        try:
            used = UUID(request_id) if isinstance(request_id, str) else None
        except ValueError:
            used = None
        return Asked.model_construct(reason=_clean(reason), ticket=_clean(ticket), request_id=used)


def _clean(text: Any) -> str | None:
    if not isinstance(text, str):
        return None
    return text[:256].replace("\0", "").encode("utf-8", "replace").decode()


def asking(request: Request) -> Asking:
    """Who asks; AccessDenied (88) where nobody vouches for the peer."""
    peer = request.scope.get("state", {}).get("peer")
    if peer is None:
        raise Refused("access denied: the peer of this connection is not known", number=88)
    return Asking(peer.actor)


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _asking(request: Request) -> Asking:
    return asking(request)


async def _service_of(request: Request) -> Service:
    return service_of(request)


async def _read_context(
    request: Request, reason: Annotated[Reason, Query()] = None, ticket: Annotated[Ticket, Query()] = None
) -> Context:
    return Context(asking(request).actor, reason=reason, ticket=ticket)


# Dependencies are coroutines because FastAPI would give each plain function a thread of its own.
ServiceGiven = Annotated[Service, Depends(_service_of)]
AskingGiven = Annotated[Asking, Depends(_asking)]
ReadContext = Annotated[Context, Depends(_read_context)]
HostQuery = Annotated[str | None, Query(description="The name of the host whose placement is meant.")]
FreshQuery = Annotated[bool, Query(description="Look at the hosts first, instead of answering from the last look.")]
AsOfQuery = Annotated[
    str | None,
    Query(
        max_length=64,
        description="What was there at this position of the log, or at this time (RFC 3339; without an offset UTC).",
    ),
]
LimitQuery = Annotated[int | None, Query(ge=1, le=100_000, description="At most so many, the newest.")]
WaitQuery = Annotated[
    float | None,
    Query(ge=0, le=86_400, allow_inf_nan=False, description="Hold the answer back until it ended, at most so long."),
]


def position_of(service: Service, as_of: str | None, *others: tuple[str, bool]) -> int | None:
    """The position that ``as_of`` means.

    Refused (8) beside what asks for the present, each with whether it was given.
    """
    if as_of is None:
        return None
    for name, given in others:
        if given:
            raise InvalidArgument(
                f"{name} is about now and as_of about before", field=name, value="true", accepted=f"as_of or {name}"
            )
    return service.read_models.position_of(as_of)


async def _look_closely(
    request: Request, service: ServiceGiven, domain: str, host: HostQuery = None, *, fresh: FreshQuery = False
) -> None:
    if fresh and "as_of" not in request.query_params:
        await run_in_threadpool(service.observe_closely, domain, host)


LOOKED_CLOSELY = (Depends(_look_closely),)
"""For routes below a domain that answer from the last look at it: they take ``fresh``."""
