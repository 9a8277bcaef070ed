"""A schedule's own decisions: no planned time twice, and nothing after its end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain_model.errors import InvalidArgument
from domain_model.schedule import Schedule, dealt_with

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


def made(**given: Any) -> Schedule:
    fields: dict[str, Any] = {
        "name": "nightly",
        "selector": {"all": True},
        "cron": "0 2 * * *",
        "timezone": "UTC",
        "keep": None,
        "missed": "skip",
    }
    return Schedule.add(UUID(int=1), at=AT, **{**fields, **given})


def topics(schedule: Schedule) -> list[str]:
    """What happened since its adding."""
    return [str(getattr(event, "TOPIC", "")) for event in schedule.pending_events[1:]]


def test_a_planned_time_is_run_or_skipped_once() -> None:
    schedule = made()
    for planned in (AT, AT, AT - timedelta(hours=1)):
        schedule.ran(planned, [], [], AT)
        schedule.skip(planned, AT)
    assert topics(schedule) == ["schedule.ran"]
    schedule.skip(AT + timedelta(hours=1), AT)
    assert topics(schedule) == ["schedule.ran", "schedule.skipped"]


def test_times_that_were_skipped_together_are_one_event_that_tells_how_many_and_since_when() -> None:
    schedule, hour = made(), timedelta(hours=1)
    schedule.skip(AT, AT)
    schedule.skip(AT + 3 * hour, AT + 4 * hour, first=AT + hour, count=3)
    told: list[Any] = schedule.pending_events[1:]
    assert [(event.first, event.planned, event.count) for event in told] == [
        ("2026-11-28T12:00:00+00:00", "2026-11-28T12:00:00+00:00", 1),
        ("2026-11-28T13:00:00+00:00", "2026-11-28T15:00:00+00:00", 3),
    ]
    schedule.ran(AT + 2 * hour, [], [], AT + 4 * hour)
    assert topics(schedule)[2:] == [], "all of them are dealt with"


def test_what_was_noted_by_a_clock_that_was_ahead_hinders_no_time_once_the_clock_is_right() -> None:
    schedule, hour = made(), timedelta(hours=1)
    schedule.ran(AT + hour, [], [], AT + hour)
    schedule.prune(AT + hour, [], [], AT)
    schedule.ran(AT, [], [], AT)
    schedule.skip(AT + 3 * hour, AT + 4 * hour)
    schedule.ran(AT + 3 * hour, [], [], AT + 3 * hour)
    for _ in range(2):
        schedule.ran(AT + 4 * hour, [], [], AT + 4 * hour)
    ran = ["schedule.ran", "schedule.pruned", "schedule.ran", "schedule.skipped", "schedule.ran", "schedule.ran"]
    assert topics(schedule) == ran


@pytest.mark.parametrize("rest", [Schedule.disable, Schedule.remove])
def test_one_that_rests_or_is_removed_neither_runs_nor_skips_nor_prunes(
    rest: Callable[[Schedule, datetime], None],
) -> None:
    schedule = made()
    rest(schedule, AT)
    schedule.ran(AT, [], [], AT)
    schedule.skip(AT + timedelta(hours=1), AT)
    schedule.prune(AT, [], [], AT)
    assert len(topics(schedule)) == 1


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("rest", [Schedule.disable, Schedule.remove])
def test_what_was_asked_for_before_it_came_to_rest_is_on_record_once(
    rest: Callable[[Schedule, datetime], None],
    again: bool,  # noqa: FBT001
) -> None:
    schedule, asked = made(), [{"domain": "d", "operation": "o"}]
    rest(schedule, AT + timedelta(seconds=1))
    if again:
        schedule.enable(AT + timedelta(seconds=2))
    for _ in range(2):
        schedule.ran(AT, asked, [], AT + timedelta(seconds=3))
    assert topics(schedule).count("schedule.ran") == 1
    assert topics(schedule)[-1] == "schedule.ran"


def test_what_was_asked_for_before_it_came_to_rest_is_on_record_also_behind_a_run_of_a_clock_that_was_ahead() -> None:
    schedule, hour = made(), timedelta(hours=1)
    schedule.ran(AT + hour, [], [], AT + hour)
    schedule.disable(AT + timedelta(seconds=1))
    schedule.ran(AT, [{"domain": "d", "operation": "o"}], [], AT + timedelta(seconds=2))
    assert topics(schedule) == ["schedule.ran", "schedule.disabled", "schedule.ran"]


def test_a_time_that_passed_while_it_rested_is_dealt_with_when_it_runs_again() -> None:
    schedule = made()
    schedule.disable(AT)
    schedule.enable(AT + timedelta(hours=2))
    schedule.ran(AT + timedelta(hours=1), [], [], AT + timedelta(hours=2))
    assert topics(schedule) == ["schedule.disabled", "schedule.enabled"]


def test_an_event_says_how_far_times_are_dealt_with_unless_its_clock_was_ahead() -> None:
    schedule, hour = made(), timedelta(hours=1)
    schedule.ran(AT + hour, [], [], AT + 2 * hour)
    schedule.prune(AT + hour, [], [], AT + 2 * hour)
    schedule.skip(AT + 3 * hour, AT + 4 * hour)
    schedule.disable(AT + 5 * hour)
    schedule.enable(AT + 6 * hour)
    said = [
        [None if moment is None else (moment - AT) // hour for moment in (dealt_with(event, now) for now in moments)]
        for event in schedule.pending_events
        for moments in [[AT + hours * hour for hours in (-1, 0, 1, 3, 4, 6)]]
    ]
    assert said == [
        [None, 0, 0, 0, 0, 0],
        [None, None, 1, 1, 1, 1],
        [None] * 6,
        [None, None, None, None, 3, 3],
        [None] * 6,
        [None, None, None, None, None, 6],
    ]


def test_a_run_is_pruned_once() -> None:
    schedule = made()
    for _ in range(2):
        schedule.prune(AT, [], [], AT)
    assert topics(schedule) == ["schedule.pruned"]


def test_it_rests_and_runs_again_and_once_removed_does_neither() -> None:
    schedule = made()
    schedule.enable(AT)
    for _ in range(2):
        schedule.disable(AT)
    for _ in range(2):
        schedule.enable(AT)
    for _ in range(2):
        schedule.remove(AT)
    schedule.disable(AT)
    schedule.enable(AT)
    assert topics(schedule) == ["schedule.disabled", "schedule.enabled", "schedule.removed"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": ".hidden"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"selector": {}}, "domain"),
        ({"selector": {"all": False}}, "domain"),
        ({"selector": {"all": True, "pattern": "*"}}, "domain"),
        ({"missed": "always"}, "missed"),
        ({"keep": "7"}, "keep"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        made(**given)
    assert refusal.value.field == field
    assert refusal.value.accepted
