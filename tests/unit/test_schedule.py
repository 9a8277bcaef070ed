"""A schedule's own decisions: no planned time twice, and nothing after its end."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain_model.errors import InvalidArgument
from domain_model.schedule import Schedule

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
