"""What a keep rule lets go of: read, tried by hand, and held against what must hold of any rule."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_model.errors import InvalidArgument
from domain_model.retention import KeepRule, Taken

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday


def taken(*hours_ago: float, held: bool = False) -> list[Taken]:
    return [Taken(f"{ago}h", f"s-{ago}", NOON - timedelta(hours=ago), held) for ago in hours_ago]


def ids(those: list[Taken]) -> list[str]:
    return [each.id for each in those]


@pytest.mark.parametrize(
    ("rule", "ago", "surplus"),
    [
        ("2h", (0, 1, 2, 3), ["3h", "2h"]),
        ("2h", (0, 100, 200), ["200h"]),  # hours without a snapshot do not count
        ("2d", (0, 1, 24, 25, 48), ["48h", "25h", "1h"]),
        ("1h,2d", (0, 1, 24, 25, 48), ["48h", "25h", "1h"]),
        ("2w", (0, 24, 24 * 7, 24 * 14), ["336h", "24h"]),
        ("1m,1y", (0, 24 * 30), ["720h"]),
        ("24h,7d,4w", (0,), []),
    ],
)
def test_the_newest_of_each_period_stays(rule: str, ago: tuple[float, ...], surplus: list[str]) -> None:
    assert ids(KeepRule.read(rule).surplus(taken(*ago))) == surplus


def test_a_held_snapshot_stays_and_keeps_no_other_one() -> None:
    assert ids(KeepRule.read("1h").surplus([*taken(0, 1), *taken(2, held=True)])) == ["1h"]


def test_one_whose_data_is_gone_stands_for_no_period() -> None:
    newest, gone, whole = taken(0), taken(1), taken(1.5)
    gone = [Taken(each.id, each.name, each.at, missing=True) for each in gone]
    assert ids(KeepRule.read("2h").surplus([*newest, *gone, *whole])) == ["1h"]


def test_the_hour_that_comes_twice_is_two_hours_and_a_day_is_one_of_the_time_zone() -> None:
    berlin, late = ZoneInfo("Europe/Berlin"), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    twice = [Taken(str(n), str(n), (late + timedelta(hours=n)).astimezone(berlin)) for n in (0, 1)]
    assert KeepRule.read("2h").surplus(twice) == []
    midnight = [Taken(str(n), str(n), datetime(2026, 11, 25, 22 + n, 30, tzinfo=UTC)) for n in (0, 1)]
    local = [Taken(each.id, each.name, each.at.astimezone(berlin)) for each in midnight]
    assert (ids(KeepRule.read("2d").surplus(midnight)), KeepRule.read("2d").surplus(local)) == (["0"], [])


@pytest.mark.parametrize("rule", ["", "0h", "24", "h", "1x", "1h,2h", "-1d", "1h 2d", "1h,,2d", "100000h"])
def test_a_rule_that_makes_no_sense_is_refused_with_what_would(rule: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        KeepRule.read(rule)
    assert (refusal.value.field, refusal.value.value) == ("keep", rule)
    assert "24h,7d,4w" in str(refusal.value.accepted)


COUNTS = st.dictionaries(st.sampled_from("hdwmy"), st.integers(1, 5), min_size=1)
THOSE = st.lists(st.tuples(st.integers(0, 24 * 800), st.booleans()), unique_by=lambda each: each[0], max_size=40)


@given(COUNTS, THOSE)
def test_what_goes_is_never_the_newest_nor_held_and_goes_at_once(
    counts: dict[str, int], drawn: list[tuple[int, bool]]
) -> None:
    rule = KeepRule(counts)
    those = [each for ago, held in drawn for each in taken(ago, held=held)]
    surplus = rule.surplus(those)
    assert not any(each.held for each in surplus)
    assert not those or max(those, key=lambda each: each.at) not in surplus
    left = [each for each in those if each not in surplus]
    assert rule.surplus(left) == []


@given(COUNTS, THOSE)
def test_the_order_in_which_snapshots_are_told_makes_no_difference(
    counts: dict[str, int], drawn: list[tuple[int, bool]]
) -> None:
    those = [each for ago, held in drawn for each in taken(ago, held=held)]
    assert KeepRule(counts).surplus(those) == KeepRule(counts).surplus(those[::-1])


@pytest.mark.parametrize(
    ("rule", "meaning"),
    [
        ("3m", "the newest of each of the last 3 months"),
        ("24h,7d", "the newest of each of the last 24 hours and 7 days"),
        ("1h,2w,10y", "the newest of each of the last 1 hour, 2 weeks and 10 years"),
    ],
)
def test_a_rule_is_said_in_words(rule: str, meaning: str) -> None:
    assert str(KeepRule.read(rule)) == meaning
