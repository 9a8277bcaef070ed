"""A query parameter that no route knows is refused: passed over in silence, ``?limt=10`` would look like an answer."""

from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request


async def refuse_unknown_parameters(request: Request) -> None:
    """For every route. Raises RequestValidationError for the first parameter that it does not take."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = set(_parameters(route.dependant))
    for name in request.query_params:
        if name not in known:
            accepted = ", ".join(sorted(known)) or "no query parameter"
            raise RequestValidationError(
                [{"type": "extra_forbidden", "loc": ("query", name[:80]), "msg": "", "ctx": {"accepted": accepted}}]
            )


def _parameters(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for below in dependant.dependencies:
        yield from _parameters(below)
