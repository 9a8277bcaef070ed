"""From when on a schedule is overdue, by what its row tells of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain_model.errors import InvalidArgument
from revisor.overdue import OVERDUE_S, OverdueSchedule, overdue, overdue_since

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
LATE = timedelta(seconds=OVERDUE_S)
MOMENT = timedelta(microseconds=1)
DAY = timedelta(days=1)


def hourly(since: datetime, planned: datetime | None = None, **more: Any) -> dict[str, Any]:
    known = {"name": "hourly", "cron": "0 * * * *", "timezone": "UTC", "since": since, "planned": planned}
    return {**known, "up_to_date": True, "served_s": 1e6, **more}


def test_a_schedule_is_overdue_when_its_time_passed_that_long_ago() -> None:
    row = hourly(NOON - MOMENT)
    assert overdue_since(row, NOON + LATE) is None
    assert overdue_since(row, NOON + LATE + MOMENT) == NOON


def test_a_time_that_was_dealt_with_is_not_overdue_and_the_first_behind_it_is() -> None:
    row = hourly(NOON - DAY, NOON)
    assert overdue_since(row, NOON + timedelta(hours=1) + LATE) is None
    assert overdue_since(row, NOON + timedelta(hours=5)) == NOON + timedelta(hours=1)


def test_times_that_passed_while_it_rested_are_not_overdue() -> None:
    enabled = NOON + timedelta(minutes=30)
    assert overdue_since(hourly(enabled, NOON - DAY), enabled + LATE) is None


def test_a_clock_that_was_ahead_makes_nothing_overdue_and_hides_no_more_than_it_must() -> None:
    ahead = NOON + DAY
    assert overdue_since(hourly(ahead), NOON) is None
    assert overdue_since(hourly(NOON - DAY, ahead), NOON) is None, "what was run before that nobody knows here"
    assert overdue_since(hourly(ahead, NOON), NOON + timedelta(hours=2)) == NOON + timedelta(hours=1)


def test_a_row_that_is_behind_the_log_tells_nothing() -> None:
    assert overdue_since(hourly(NOON - DAY, up_to_date=False), NOON) is None


@pytest.mark.parametrize(("watched_s", "served_s"), [(OVERDUE_S, 1e6), (1e6, OVERDUE_S)])
def test_nothing_is_overdue_before_anybody_could_have_run_it(watched_s: float, served_s: float) -> None:
    row = hourly(NOON - DAY, NOON, now=NOON + timedelta(hours=2), served_s=served_s)
    assert list(overdue([row], watched_s)) == []
    late = OverdueSchedule("hourly", NOON + timedelta(hours=1), 3600.0)
    assert list(overdue([{**row, "served_s": 1e6}], 1e6)) == [late]


def test_a_schedule_whose_times_cannot_be_told_says_so_at_once() -> None:
    row = hourly(NOON, timezone="Mars/Olympus", now=NOON)
    why = "invalid argument: no time zone 'Mars/Olympus'"
    assert list(overdue([row], 0.0)) == [OverdueSchedule("hourly", None, 0.0, why)]
    with pytest.raises(InvalidArgument):
        overdue_since(row, NOON)
