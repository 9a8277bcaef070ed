"""When cron expressions come to their times, and which are refused with what would be taken."""

from datetime import UTC, datetime, timedelta

import pytest

from domain_model.errors import InvalidArgument
from workers.cron import Cron, Times

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("cron", "following"),
    [
        ("* * * * *", "2026-11-28T12:01"),
        ("*/15 * * * *", "2026-11-28T12:15"),
        ("0 2 * * *", "2026-11-29T02:00"),
        ("30 1 1 * *", "2026-12-01T01:30"),
        ("0 2 * * mon-fri", "2026-11-30T02:00"),
        # crontab's numbers: Sunday is 0 and 7.
        ("0 2 * * 0", "2026-11-29T02:00"),
        ("0 2 * * 7", "2026-11-29T02:00"),
        ("0 2 * * 1-5", "2026-11-30T02:00"),
        ("0 2 * * 2,4", "2026-12-01T02:00"),
        ("0 2 * * 01", "2026-11-30T02:00"),
        ("0 2 * * 1-05", "2026-11-30T02:00"),
        ("0 2 * * tue-fri/2", "2026-12-01T02:00"),
        ("0 2 * * sat-sun", "2026-11-29T02:00"),
        ("0 2 * * mon-5", "2026-11-30T02:00"),
        ("0 2 1 JAN *", "2027-01-01T02:00"),
        ("0 18 * * */2", "2026-11-28T18:00"),  # Sunday, Tuesday, Thursday, Saturday
        ("0 2 * * 3/2", "2026-12-02T02:00"),
        ("0 2 * * 6-7", "2026-11-29T02:00"),
        ("0 0 last * *", "2026-11-30T00:00"),
        ("@yearly", "2027-01-01T00:00"),
        ("@annually", "2027-01-01T00:00"),
        ("@monthly", "2026-12-01T00:00"),
        ("@weekly", "2026-11-29T00:00"),
        ("@daily", "2026-11-29T00:00"),
        ("@midnight", "2026-11-29T00:00"),
        ("@hourly", "2026-11-28T13:00"),
    ],
)
def test_a_cron_comes_to_its_next_time(cron: str, following: str) -> None:
    assert Cron(cron, "UTC").after(NOON) == datetime.fromisoformat(f"{following}+00:00")


def test_a_cron_is_meant_in_its_time_zone_also_when_clocks_change() -> None:
    nightly = Cron("30 2 * * *", "Europe/Berlin")
    assert nightly.after(NOON) == datetime(2026, 11, 29, 1, 30, tzinfo=UTC)
    summer = datetime(2026, 7, 1, tzinfo=UTC)
    assert nightly.after(summer) == datetime(2026, 7, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "evening", "times"),
    [
        ("30 2 * * *", datetime(2026, 10, 24, 20, tzinfo=UTC), ["25 02:30+0200", "25 02:30+0100", "26 02:30+0100"]),
        ("30 2 * * *", datetime(2027, 3, 27, 20, tzinfo=UTC), ["28 03:30+0200", "29 02:30+0200", "30 02:30+0200"]),
        ("*/30 2 * * *", datetime(2027, 3, 27, 20, tzinfo=UTC), ["28 03:00+0200", "29 02:00+0200", "29 02:30+0200"]),
    ],
)
def test_an_hour_that_comes_twice_has_its_times_twice_and_one_that_is_left_out_its_first_an_hour_later(
    cron: str, evening: datetime, times: list[str]
) -> None:
    berlin, found = Cron(cron, "Europe/Berlin"), [evening]
    for _ in times:
        found.append(berlin.after(found[-1]) or NOON)
    assert [moment.astimezone(berlin.zone).strftime("%d %H:%M%z") for moment in found[1:]] == times


@pytest.mark.parametrize("cron", ["* * * * *", "0 * * * *", "0 2 * * *", "0 0 1 * *", "0 0 29 2 *"])
def test_the_last_time_is_the_one_behind_which_the_next_is_still_to_come(cron: str) -> None:
    found = Cron(cron, "UTC").latest(NOON - timedelta(days=3000), NOON)
    following = Cron(cron, "UTC").after(NOON)
    assert found is not None
    assert found <= NOON
    assert Cron(cron, "UTC").after(found) == following


def test_a_time_that_was_is_not_there_again_and_one_that_is_now_has_come() -> None:
    hourly = Cron("0 * * * *", "UTC")
    assert hourly.latest(NOON, NOON + timedelta(minutes=59)) is None
    assert hourly.latest(NOON - timedelta(minutes=1), NOON) == NOON


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("* * * * * *", "has 6 fields"),
        ("@reboot", "has 1 fields"),
        ("61 * * * *", "has no minute '61'"),
        ("* 24 * * *", "has no hour '24'"),
        ("* * 32 * *", "has no day '32'"),
        ("* * * 13 *", "has no month '13'"),
        ("* * * * fry", "has no day of week 'fry'"),
        ("* * * * 6-1", "has no day of week '6-1'"),
        ("* * * * fri-mon", "has no day of week 'fri-mon'"),
        ("* * * jan-dec/2 *", "has no month 'jan-dec/2'"),
        ("* * * jan-3 *", "has no month 'jan-3'"),
        ("1x * * * *", "has no minute '1x'"),
        ("*/0 * * * *", "has no minute '*/0'"),
        ("0 0 1 * 1", "days of the month and of the week"),
        ("0 0 31 2 *", "never comes to a time"),
    ],
)
def test_a_cron_that_is_none_is_refused_by_its_field(cron: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        Cron(cron, "UTC")
    assert words in refusal.value.message
    assert (refusal.value.field, refusal.value.value) == ("cron", cron)
    assert "0 2 * * *" in str(refusal.value.accepted)
    assert "@hourly" in str(refusal.value.accepted)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "Europe"])
def test_a_time_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        Cron("* * * * *", zone)
    assert (refusal.value.field, refusal.value.value) == ("timezone", zone)


def test_times_are_told_by_the_first_and_the_last_and_counted_up_to_a_limit() -> None:
    quarters = Cron("*/15 * * * *", "UTC")
    noon, hour = NOON, timedelta(hours=1)
    first = noon + timedelta(minutes=15)
    assert quarters.times(noon, noon + hour) == Times(first, noon + hour, 4)
    assert quarters.times(noon, noon + hour, most=4) == Times(first, noon + hour, 4)
    assert quarters.times(noon, noon + hour, most=3) == Times(first, noon + hour, None)
    assert quarters.times(noon, first) == Times(first, first, 1)
    assert quarters.times(noon, first - timedelta(seconds=1)) is None
