"""A time that came and went without a word on record is told, whatever the scheduler does instead."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from domain_model.schedule import Schedule
from revisor.health import problems_of
from revisor.overdue import OverdueSchedule
from revisor.silence import Watch
from revisor.status import StatusReader
from revisor.store.database import Database
from tests.integration.clockwork import Clockwork
from tests.integration.product import ALICE, WEB, Product
from tests.lab.awaiting import eventually


@pytest.fixture
def product(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Product:
    """With one schedule that was added an hour ago; a second late is too late, as the server has not run for long."""
    monkeypatch.setattr("revisor.overdue.OVERDUE_S", 1)
    product = Product(database, tmp_path)
    product.service.schedules.add("often", ALICE, cron="*/5 * * * *", whose={"all": True})
    database.execute("UPDATE views.schedules SET since = clock_timestamp() - interval '1 hour'")
    return product


class LongWatch(Watch):
    def lasts_s(self) -> float:
        return 1e9


def seen(product: Product) -> tuple[OverdueSchedule, ...]:
    return StatusReader(product.database, watch=LongWatch()).read().overdue


def test_a_time_that_came_long_ago_is_overdue_until_something_is_on_record_of_it(product: Product) -> None:
    (overdue,) = eventually(lambda: seen(product) or None, what="a schedule overdue")
    assert (overdue.schedule, overdue.why) == ("often", None)
    assert 3300 <= overdue.late_s <= 3600
    (told,) = product.service.schedules.all()
    assert datetime.fromisoformat(told["overdue_since"]) == overdue.planned_at

    def run(known: Schedule) -> None:
        known.ran(datetime.now(UTC), [], [], datetime.now(UTC))

    product.application.change(Schedule, UUID(told["id"]), run, ALICE)
    assert seen(product) == (), "the read model does not have it yet, and does not contradict it either"
    product.queries.wait_for(product.application.reader.head(), 10)
    assert (seen(product), product.service.schedules.all()[0]["overdue_since"]) == ((), None)


def test_a_schedule_that_rests_is_not_overdue(product: Product) -> None:
    eventually(lambda: seen(product) or None, what="a schedule overdue")
    product.service.schedules.enable("often", ALICE, enabled=False)
    assert seen(product) == ()


def test_a_time_zone_that_is_not_known_any_more_is_said_wherever_the_schedule_is_told_of(product: Product) -> None:
    product.database.execute("UPDATE views.schedules SET timezone = 'Mars/Olympus'")
    why = "invalid argument: no time zone 'Mars/Olympus'"
    assert [(each.planned_at, each.why) for each in seen(product)] == [(None, why)]
    said = problems_of(StatusReader(product.database).read())
    assert f"schedule often cannot be kept: {why}" in said
    (told,) = product.service.schedules.all()
    assert (told["problem"], told["next_at"], told["overdue_since"]) == (why, None, None)


def test_a_schedule_nobody_keeps_says_so_long_before_it_is_overdue(product: Product) -> None:
    schedules = product.service.schedules
    assert schedules.all()[0]["problem"] is None, "whoever asks was there for a moment only"
    schedules._watch = LongWatch()
    # Of a server that runs for longer than a scheduler needs to take over.
    product.database.execute(
        "INSERT INTO work.leases (name, epoch, beat, believed_s) VALUES ('scheduler', 1, 0, 0.001)"
    )
    assert schedules.all()[0]["problem"] == "nobody runs the schedules"
    product.service.schedules.enable("often", ALICE, enabled=False)
    assert schedules.all()[0]["problem"] is None


def test_a_schedule_whose_domain_is_gone_says_so_and_not_of_another_of_its_name(clockwork: Clockwork) -> None:
    clockwork.add()
    assert (clockwork.told()["problem"], clockwork.told()["domains_now"]) == (None, 1)
    clockwork.product.act("undefine")
    assert (clockwork.told()["problem"], clockwork.told()["domains_now"]) == ("its domain is on no host", 0)
    clockwork.product.define(xml=WEB.replace("web.q", "other.q"))
    assert clockwork.told()["problem"] == "its domain is on no host"


def test_the_list_names_the_time_that_is_overdue_and_not_only_the_one_behind_it(clockwork: Clockwork) -> None:
    clockwork.add()
    clockwork.passes(hours=1)
    assert clockwork.told()["overdue_since"] is None
    clockwork.passes(hours=1.5, rounds=0)
    clockwork.product.queries.wait_for(clockwork.product.application.reader.head(), 10)
    told = clockwork.told()
    assert (told["overdue_since"], told["next_at"]) == ("2026-11-28T08:00:00Z", "2026-11-28T09:00:00Z")
    clockwork.passes()
    assert clockwork.told()["overdue_since"] is None
