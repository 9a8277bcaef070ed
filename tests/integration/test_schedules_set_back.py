"""Schedules on a machine whose clock goes ahead and is set right again: they go on, no run is doubled, none lost."""

from datetime import timedelta

from tests.integration.clockwork import Clockwork


def planned(clockwork: Clockwork) -> list[tuple[str, str]]:
    """The hours of what is on record, in its order."""
    times = clockwork.told()["last_times"]
    return [(time["planned_at"][11:16], time["outcome"]) for time in reversed(times)]


def test_a_schedule_goes_on_with_its_next_time_when_the_clock_that_was_ahead_is_right_again(
    clockwork: Clockwork,
) -> None:
    clockwork.add(cron="*/10 * * * *", keep="1d")
    clockwork.passes(minutes=10)
    clockwork.passes(hours=1)
    clockwork.passes(hours=-1, minutes=1)
    assert planned(clockwork) == [("06:10", "ran"), ("07:00", "skipped"), ("07:10", "ran")]
    clockwork.passes(minutes=9)
    clockwork.passes(minutes=10)
    assert planned(clockwork)[3:] == [("06:20", "ran"), ("06:30", "ran")]
    assert clockwork.topics().count("schedule.ran") == 4


def test_what_was_skipped_by_a_clock_that_was_ahead_runs_when_it_really_comes(clockwork: Clockwork) -> None:
    clockwork.add()
    clockwork.passes(hours=1)
    clockwork.passes(hours=1, minutes=5)
    clockwork.passes(hours=-1)
    clockwork.passes(minutes=55)
    clockwork.passes(minutes=1)
    assert planned(clockwork) == [("07:00", "ran"), ("08:00", "skipped"), ("08:00", "ran")]
    assert clockwork.snapshots() == ["hourly-20261128T070000Z", "hourly-20261128T080000Z"]


def test_what_was_run_by_a_clock_that_was_ahead_is_not_run_again_when_it_really_comes(clockwork: Clockwork) -> None:
    clockwork.add()
    clockwork.passes(hours=1)
    clockwork.passes(hours=1)
    clockwork.passes(minutes=-55)
    clockwork.passes(minutes=55)
    clockwork.passes(hours=1)
    assert planned(clockwork) == [("07:00", "ran"), ("08:00", "ran"), ("09:00", "ran")]
    operations = clockwork.product.service.operations("web", None, 20)
    assert [each["verb"] for each in operations[1:]] == ["snapshot-create"] * 3


def test_what_passed_while_revisor_was_down_before_the_clock_was_right_is_missed_as_configured(
    clockwork: Clockwork,
) -> None:
    clockwork.add(missed="run-once")
    clockwork.passes(hours=1)
    clockwork.passes(hours=10)
    clockwork.passes(hours=-10)
    clockwork.passes(hours=1, minutes=30)
    assert planned(clockwork) == [("07:00", "ran"), ("16:00", "skipped"), ("17:00", "ran"), ("08:00", "ran")]


def test_a_schedule_that_was_added_while_the_clock_was_ahead_begins_when_it_is_right(clockwork: Clockwork) -> None:
    right = clockwork.now
    clockwork.now = right + timedelta(days=365)
    clockwork.add()
    clockwork.now = right
    clockwork.passes(minutes=30)
    assert planned(clockwork) == []
    clockwork.passes(minutes=30)
    clockwork.passes(minutes=1)
    assert planned(clockwork) == [("07:00", "ran")]


def test_a_snapshot_of_a_time_yet_to_come_lets_no_other_go_and_is_judged_when_it_has_come(clockwork: Clockwork) -> None:
    clockwork.add(keep="1h")
    clockwork.passes(hours=5)
    clockwork.passes(hours=-4)
    clockwork.passes(hours=1)
    assert clockwork.snapshots() == ["hourly-20261128T080000Z", "hourly-20261128T110000Z"]
    clockwork.passes(hours=3)
    assert clockwork.snapshots() == ["hourly-20261128T110000Z"]
