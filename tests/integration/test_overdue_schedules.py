"""A time that came and went without a word on record is told, whatever the scheduler does instead."""

from pathlib import Path

import pytest

from revisor.health import problems_of
from revisor.overdue import OVERDUE_S, OverdueSchedule
from revisor.silence import Watch
from revisor.status import StatusReader
from revisor.store.database import Database
from tests.integration.clockwork import Clockwork
from tests.integration.product import ALICE, Product


class Watched(Watch):
    def __init__(self, lasts_s: float) -> None:
        super().__init__()
        self._lasts_s = lasts_s

    def lasts_s(self) -> float:
        return self._lasts_s


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Product:
    product = Product(database, tmp_path)
    product.service.schedules.add("often", ALICE, cron="*/5 * * * *", whose={"all": True})
    return product


def seen(product: Product, watched_s: float = OVERDUE_S + 1) -> tuple[OverdueSchedule, ...]:
    return StatusReader(product.database, watch=Watched(watched_s)).read().overdue


def test_a_time_that_came_long_ago_is_overdue_until_something_is_on_record_of_it(product: Product) -> None:
    database = product.database
    assert seen(product) == ()
    database.execute("UPDATE views.schedules SET since = clock_timestamp() - interval '1 hour'")
    (overdue,) = seen(product)
    assert (overdue.schedule, overdue.why) == ("often", None)
    assert 3300 <= overdue.late_s <= 3600
    database.execute("UPDATE views.schedules SET planned = clock_timestamp()")
    assert seen(product) == ()


def test_nothing_is_overdue_before_anybody_could_have_run_it(product: Product) -> None:
    product.database.execute("UPDATE views.schedules SET since = clock_timestamp() - interval '1 hour'")
    assert seen(product, OVERDUE_S - 1) == ()


def test_a_schedule_that_rests_is_not_overdue(product: Product) -> None:
    product.database.execute("UPDATE views.schedules SET since = clock_timestamp() - interval '1 hour'")
    product.service.schedules.enable("often", ALICE, enabled=False)
    assert seen(product) == ()


def test_a_time_zone_that_is_not_known_any_more_is_said_at_once(product: Product) -> None:
    product.database.execute("UPDATE views.schedules SET timezone = 'Mars/Olympus'")
    (overdue,) = seen(product, 0.0)
    assert (overdue.planned_at, overdue.why) == (None, "invalid argument: no time zone 'Mars/Olympus'")
    (said,) = [each for each in problems_of(StatusReader(product.database).read()) if "often" in each]
    assert said == "schedule often cannot be kept: invalid argument: no time zone 'Mars/Olympus'"


def test_the_list_names_the_time_that_is_overdue_and_not_only_the_one_behind_it(clockwork: Clockwork) -> None:
    clockwork.add()
    clockwork.passes(hours=1)
    assert clockwork.told()["overdue_since"] is None
    clockwork.passes(hours=1.5, rounds=0)
    told = clockwork.told()
    assert (told["overdue_since"], told["next_at"]) == ("2026-11-28T08:00:00Z", "2026-11-28T09:00:00Z")
    clockwork.passes()
    assert clockwork.told()["overdue_since"] is None
