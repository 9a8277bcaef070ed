"""What stands behind the question mark of an address: what a route does not know it does not pass over."""

import re
from collections.abc import Iterator
from uuid import UUID

import pytest

from revisor.client import Refusal
from tests.unit.command_line import Door
from tests.unit.test_http_openapi import document

Route = tuple[str, str, list[str]]


def routes() -> Iterator[Route]:
    """Each with the query parameters that are written down of it."""
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            said = operation.get("parameters", [])
            yield method.upper(), path, sorted(each["name"] for each in said if each["in"] == "query")


@pytest.fixture
def new_door(door: Door) -> Door:
    door[0].forget()
    return door


@pytest.mark.parametrize("route", list(routes()), ids=lambda route: f"{route[0]} {route[1]}")
def test_a_parameter_that_a_route_does_not_know_is_refused_naming_those_it_does(new_door: Door, route: Route) -> None:
    service, client = new_door
    method, path, known = route
    address = re.sub(r"\{.*?\}", str(UUID(int=7)), path)
    with pytest.raises(Refusal) as refused:
        client.request(method, address, {"limt": 10})
    error = refused.value
    assert (error.code, error.field) == (8, "limt")
    assert error.message == "invalid argument: query parameter 'limt' is not known here"
    assert error.accepted == (", ".join(known) or "no query parameter")
    assert service.asked == []
    assert [verb for verb, _, _ in service.refusals] == ([] if method == "GET" else [f"{method} {path}"]), (
        "who wanted a change is on record"
    )


def test_a_long_name_is_told_by_its_beginning(new_door: Door) -> None:
    with pytest.raises(Refusal) as refused:
        new_door[1].get("/v1/domains", **{"n" * 500: 1})
    assert refused.value.field == "n" * 80
