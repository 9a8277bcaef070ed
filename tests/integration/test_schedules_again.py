"""Schedules and holds that are asked for again under one request id: answered as the first time, and done once."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from domain_model.errors import InvalidArgument, OperationFailed
from revisor.store.context import Context
from tests.integration.clockwork import Clockwork
from tests.integration.product import ALICE


@pytest.fixture
def once() -> Context:
    return replace(ALICE, request_id=uuid4())


def add(clockwork: Clockwork, context: Context, cron: str = "0 * * * *") -> dict[str, Any]:
    return clockwork.product.service.schedules.add("hourly", context, cron=cron, whose={"domain": "web"})


def head(clockwork: Clockwork) -> int:
    return clockwork.product.application.reader.head()


def test_a_schedule_is_added_once_and_another_one_under_the_id_is_refused(clockwork: Clockwork, once: Context) -> None:
    first = add(clockwork, once)
    before = head(clockwork)
    assert add(clockwork, once) == first
    assert head(clockwork) == before
    with pytest.raises(InvalidArgument, match="another command") as refusal:
        add(clockwork, once, cron="30 * * * *")
    assert refusal.value.field == "request_id"
    with pytest.raises(OperationFailed, match="already exists"):
        add(clockwork, replace(ALICE, request_id=uuid4()))


def test_a_schedule_that_was_removed_since_is_not_added_again(clockwork: Clockwork, once: Context) -> None:
    first = add(clockwork, once)
    clockwork.product.service.schedules.remove("hourly", ALICE)
    again = add(clockwork, once)
    assert (again["id"], again["enabled"]) == (first["id"], False)
    assert clockwork.product.service.schedules.all() == []


def test_a_removal_takes_no_other_schedule_that_bears_the_name_by_then(clockwork: Clockwork, once: Context) -> None:
    schedules = clockwork.product.service.schedules
    add(clockwork, ALICE)
    schedules.remove("hourly", once)
    schedules.remove("hourly", once)
    second = add(clockwork, ALICE)
    schedules.remove("hourly", once)
    assert [item["id"] for item in schedules.all()] == [second["id"]]
    schedules.remove("hourly", replace(ALICE, request_id=uuid4()))
    with pytest.raises(InvalidArgument, match="no schedule with name 'hourly'"):
        schedules.remove("hourly", replace(ALICE, request_id=uuid4()))


def test_who_removes_or_disables_what_somebody_else_just_removed_is_told_so(clockwork: Clockwork) -> None:
    schedules, application = clockwork.product.service.schedules, clockwork.product.application
    changed = application.change

    def overtaken(*given: Any, **named: Any) -> int:
        application.change = changed  # type: ignore[method-assign]
        schedules.remove("hourly", ALICE)
        return changed(*given, **named)

    for act in (schedules.remove, partial(schedules.enable, enabled=False)):
        add(clockwork, ALICE)
        application.change = overtaken  # type: ignore[method-assign]
        with pytest.raises(InvalidArgument, match="no schedule with name 'hourly'") as refusal:
            act("hourly", ALICE)
        assert (refusal.value.field, refusal.value.value) == ("name", "hourly")
        assert schedules.all() == []


def test_what_was_enabled_under_an_id_is_not_enabled_again_by_it(clockwork: Clockwork, once: Context) -> None:
    schedules = clockwork.product.service.schedules
    add(clockwork, ALICE)
    schedules.enable("hourly", ALICE, enabled=False)
    schedules.enable("hourly", once, enabled=True)
    schedules.enable("hourly", ALICE, enabled=False)
    assert schedules.enable("hourly", once, enabled=True)["enabled"] is False
    with pytest.raises(InvalidArgument, match="another command"):
        schedules.enable("hourly", once, enabled=False)


def test_a_hold_and_its_release_are_done_once(clockwork: Clockwork, once: Context) -> None:
    product, release = clockwork.product, replace(ALICE, request_id=uuid4())
    product.act("snapshot-create", name="s1")
    holds = product.service.holds
    holds.hold("web", None, "s1", "2026-12-24", once)
    for _ in range(2):
        holds.release("web", None, "s1", release)
    before = head(clockwork)
    holds.hold("web", None, "s1", "2026-12-24", once)
    assert product.service.snapshot("web", None, "s1")["held"] is False
    assert head(clockwork) == before
    with pytest.raises(InvalidArgument, match="another command"):
        holds.hold("web", None, "s1", "2026-12-25", once)
    with pytest.raises(InvalidArgument, match="another command"):
        holds.release("web", None, "s1", once)


def test_of_two_that_add_under_one_id_at_once_both_are_told_of_the_one_schedule(
    clockwork: Clockwork, once: Context
) -> None:
    asked, first = count(), []

    def overtaken() -> datetime:
        if next(asked) == 1:  # between looking whether it is there and saving it
            first.append(add(clockwork, once))
        return clockwork.now

    clockwork.product.application.now = overtaken
    assert [add(clockwork, once)] == first
    assert len(clockwork.product.service.schedules.all()) == 1


def test_the_id_of_an_operation_adds_and_holds_nothing(clockwork: Clockwork, once: Context) -> None:
    product = clockwork.product
    product.act("snapshot-create", context=once, name="s1")
    with pytest.raises(InvalidArgument, match="another command"):
        product.service.holds.hold("web", None, "s1", None, once)
    with pytest.raises(InvalidArgument, match="another command"):
        add(clockwork, once)


def test_what_found_nothing_to_change_is_not_done_later_under_its_id(clockwork: Clockwork, once: Context) -> None:
    schedules = clockwork.product.service.schedules
    add(clockwork, ALICE)
    before = head(clockwork)
    assert schedules.enable("hourly", once, enabled=True)["enabled"] is True
    assert head(clockwork) == before
    schedules.enable("hourly", ALICE, enabled=False)
    assert schedules.enable("hourly", once, enabled=True)["enabled"] is False
    with pytest.raises(InvalidArgument, match="another command"):
        schedules.remove("hourly", once)


def test_an_id_that_was_used_about_one_thing_is_refused_about_another(clockwork: Clockwork, once: Context) -> None:
    product = clockwork.product
    product.act("snapshot-create", name="s1")
    product.service.holds.hold("web", None, "s1", None, once)
    before = head(clockwork)
    with pytest.raises(InvalidArgument, match="another command"):
        add(clockwork, once)
    with pytest.raises(InvalidArgument, match="another command"):
        product.act("start", context=once)
    product.service.holds.hold("web", None, "s1", None, once)
    assert head(clockwork) == before + 2, "the two refusals are on record"
