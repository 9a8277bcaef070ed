"""Domains page by page over HTTP: a page is told by its size and the last domain before it;
the server keeps nothing.
"""

from typing import Any

import pytest

from revisor.client import Refusal
from revisor.rows import Page
from tests.unit.command_line import Door
from tests.unit.fake_status import UUID_OF_WEB


@pytest.fixture
def new_door(door: Door) -> Door:
    door[0].forget()
    return door


def test_a_page_is_asked_for_by_its_size_and_the_last_domain_before_it(new_door: Door) -> None:
    service, client = new_door
    client.get("/v1/domains", all=True, limit=100)
    client.get("/v1/domains", limit=100, after=f"alpha/web/{UUID_OF_WEB}", as_of=5)
    assert service.asked == [
        ("domains", True, None, False, Page(100)),
        ("position_of", "5"),
        ("domains", False, None, False, 5, Page(100, ("web", "alpha", UUID_OF_WEB))),
    ]


@pytest.mark.parametrize(
    ("query", "field", "accepted"),
    [
        ({"after": f"alpha/web/{UUID_OF_WEB}"}, "after", "limit with after"),
        ({"after": "alpha/web", "limit": 1}, "after", "HOST/NAME/UUID of the last of a page"),
        *(
            ({"after": after, "limit": 1}, "after", "HOST/NAME/UUID of the last of a page")
            for after in (
                *("", "//", "alpha//", f"/web/{UUID_OF_WEB}", f"alpha//{UUID_OF_WEB}", "alpha/web/", "alpha/web/7"),
                *(f"alpha/web/{UUID_OF_WEB}0", f"alpha/web/{UUID_OF_WEB}/", f"alpha/web/more/{UUID_OF_WEB}"),
            )
        ),
        ({"limit": 0}, "limit", None),
        ({"limit": 100_001}, "limit", None),
    ],
)
def test_a_page_that_cannot_be_told_is_refused(
    new_door: Door, query: dict[str, Any], field: str, accepted: str | None
) -> None:
    service, client = new_door
    with pytest.raises(Refusal) as refused:
        client.get("/v1/domains", **query)
    assert (refused.value.code, refused.value.field, refused.value.value) == (8, field, str(query[field]))
    assert accepted in (None, refused.value.accepted)
    assert service.asked == []


def test_a_place_is_told_as_briefly_as_it_could_be_there(new_door: Door) -> None:
    service, client = new_door
    with pytest.raises(Refusal) as refused:
        client.get("/v1/domains", limit=1, after=f"alpha/{'w' * 1024}/{UUID_OF_WEB}")
    assert (refused.value.code, refused.value.field, service.asked) == (8, "after", [])
    assert len(refused.value.message) < 250


def test_a_uuid_may_be_written_as_people_write_it(new_door: Door) -> None:
    service, client = new_door
    client.get("/v1/domains", limit=1, after=f"alpha/web/{UUID_OF_WEB.upper()}")
    assert service.asked == [("domains", False, None, False, Page(1, ("web", "alpha", UUID_OF_WEB)))]
