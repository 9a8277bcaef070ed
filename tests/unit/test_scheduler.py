"""The scheduler's decide step under a given clock, and its rounds over schedules of which one may be ill."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from domain_model.errors import OperationInvalid
from domain_model.retention import Taken
from workers.cron import Times, cron_of
from workers.scheduler import (
    Due,
    KnownSchedule,
    Scheduler,
    ScheduleRests,
    Subject,
    decide,
    snapshot_name,
)

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = KnownSchedule(
    id=UUID(int=1),
    name="hourly",
    selector={"all": True},
    cron="0 * * * *",
    timezone="UTC",
    keep=None,
    missed="skip",
    since=NOON - timedelta(hours=1),
    unpruned=None,
)
WEB, MAIL = Subject(UUID(int=2), "web"), Subject(UUID(int=3), "mail")


class FakeSchedules:
    """Remembers what was asked and recorded; ``ill`` are domains that are refused, or the schedule that breaks."""

    def __init__(self, *known: KnownSchedule, ill: Sequence[object] = ()) -> None:
        self.known = known
        self.ill = ill
        self.asked: list[tuple[str, UUID, UUID]] = []
        self.recorded: list[tuple[str, str, datetime, int | None, int]] = []
        self.snapshots: list[Taken] = []
        self.rests_after: Sequence[UUID] = ()
        self.superseded: list[tuple[UUID, UUID]] = []

    def now(self) -> datetime:
        return NOON

    def enabled(self) -> Sequence[KnownSchedule]:
        return self.known

    def subjects(self, schedule: KnownSchedule) -> Sequence[Subject]:
        if schedule.name in self.ill:
            raise LookupError(schedule.name)
        return [] if "domain" in schedule.selector else [WEB, MAIL]

    def taken(self, _schedule: KnownSchedule, _domain: UUID) -> Sequence[Taken]:
        return self.snapshots

    def carries(self, _domain: UUID, snapshot: str) -> str | None:
        return "overlay" if snapshot in self.ill else None

    def ask(
        self, schedule: KnownSchedule, domain: UUID, verb: str, arguments: dict[str, Any], request_id: UUID
    ) -> UUID:
        if domain in self.ill:
            raise OperationInvalid("it is ill")
        if domain in self.rests_after:
            raise ScheduleRests(schedule.name)
        meant = f" ({arguments['id']})" if "id" in arguments else ""
        self.asked.append((f"{schedule.name}: {verb} {arguments['name']}{meant}", domain, request_id))
        return uuid5(request_id, "operation")

    def supersede(self, _schedule: KnownSchedule, domain: UUID, operation: UUID) -> None:
        self.superseded.append((domain, operation))

    def ran(self, schedule: KnownSchedule, planned: datetime, operations: list[Any], refused: list[Any]) -> None:
        self.recorded.append(("ran", schedule.name, planned, len(operations), len(refused)))

    def skipped(self, schedule: KnownSchedule, times: Times) -> None:
        self.recorded.append(("skipped", schedule.name, times.last, times.count, 0))

    def pruned(self, schedule: KnownSchedule, planned: datetime, operations: list[Any], refused: list[Any]) -> None:
        self.recorded.append(("pruned", schedule.name, planned, len(operations), len(refused)))


@pytest.mark.parametrize(
    ("since_h", "late_s", "missed", "due"),
    [
        (0, 0, "skip", Due()),
        (1, -1, "skip", Due()),
        (1, 0, "skip", Due(run=NOON)),
        (1, 60, "skip", Due(run=NOON)),
        (1, 61, "skip", Due(Times(NOON, NOON, 1))),
        (1, 61, "run-once", Due(run=NOON)),
        (5, 61, "skip", Due(Times(NOON - 4 * HOUR, NOON, 5))),
        (5, 0, "skip", Due(Times(NOON - 4 * HOUR, NOON - HOUR, 4), NOON)),
        (5, 61, "run-once", Due(Times(NOON - 4 * HOUR, NOON - HOUR, 4), NOON)),
        (20_000, 1800, "run-once", Due(Times(NOON - 19_999 * HOUR, NOON - HOUR, None), NOON)),
    ],
)
def test_what_times_ask_for(since_h: int, late_s: int, missed: str, due: Due) -> None:
    schedule = replace(HOURLY, since=NOON - timedelta(hours=since_h), missed=missed)
    assert decide(schedule, cron_of("0 * * * *", "UTC"), NOON + timedelta(seconds=late_s)) == due


def test_a_run_asks_for_one_snapshot_a_domain_under_a_request_id_that_is_the_same_every_time() -> None:
    schedules = FakeSchedules(HOURLY)
    for late_s in (0, 3):
        Scheduler(schedules).run_once(NOON + timedelta(seconds=late_s))
    assert len(schedules.asked) == 4
    assert schedules.asked[:2] == schedules.asked[2:]
    (first, second) = schedules.asked[:2]
    assert first[:2] == ("hourly: snapshot-create hourly-20261128T120000Z", WEB.id)
    assert first[2] != second[2]
    assert schedules.recorded[0] == ("ran", "hourly", NOON, 2, 0)
    # What an earlier time asked for gives way only to what was accepted.
    assert schedules.superseded == [(domain, uuid5(request, "operation")) for _, domain, request in schedules.asked]


def test_what_passed_before_the_time_that_is_run_is_recorded_first() -> None:
    schedules = FakeSchedules(replace(HOURLY, since=NOON - 5 * HOUR))
    Scheduler(schedules).run_once(NOON)
    assert schedules.recorded == [("skipped", "hourly", NOON - HOUR, 4, 0), ("ran", "hourly", NOON, 2, 0)]


def test_a_domain_that_is_refused_keeps_no_other_from_its_snapshot() -> None:
    schedules = FakeSchedules(HOURLY, ill=[WEB.id])
    Scheduler(schedules).run_once(NOON)
    assert [asked[1] for asked in schedules.asked] == [MAIL.id]
    assert schedules.recorded == [("ran", "hourly", NOON, 1, 1)]


def test_a_schedule_that_came_to_rest_asks_for_nothing_more_and_that_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    schedules = FakeSchedules(HOURLY)
    schedules.rests_after = [MAIL.id]
    assert Scheduler(schedules).run_once(NOON) == []
    assert [asked[1] for asked in schedules.asked] == [WEB.id]
    assert schedules.recorded == [("ran", "hourly", NOON, 1, 0)], "what it asked for before is on record"
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_schedule_that_came_to_rest_before_it_asked_for_anything_did_not_run() -> None:
    schedules = FakeSchedules(HOURLY, ill=[WEB.id])
    schedules.rests_after = [MAIL.id]
    assert Scheduler(schedules).run_once(NOON) == []
    assert schedules.recorded == []


def test_a_schedule_whose_domain_is_gone_is_on_record_as_refused() -> None:
    schedules = FakeSchedules(replace(HOURLY, selector={"domain": str(WEB.id)}))
    Scheduler(schedules).run_once(NOON)
    assert schedules.recorded == [("ran", "hourly", NOON, 0, 1)]


def test_a_schedule_that_breaks_keeps_no_other_from_its_time() -> None:
    schedules = FakeSchedules(replace(HOURLY, name="broken"), replace(HOURLY, cron="none"), HOURLY, ill=["broken"])
    assert Scheduler(schedules).run_once(NOON) == [HOURLY]
    assert schedules.recorded == [("ran", "hourly", NOON, 2, 0)]


def test_what_the_rule_lets_go_of_is_asked_for_once_a_run_and_refusals_are_recorded() -> None:
    schedules = FakeSchedules(
        replace(HOURLY, keep="1h", since=NOON, unpruned=NOON, domains=(WEB.id,)), ill=["below an overlay"]
    )
    schedules.snapshots = [
        Taken(id, f"name of {id}", NOON - timedelta(hours=ago))
        for id, ago in (("new", 0), ("old", 1), ("below an overlay", 2))
    ]
    Scheduler(schedules).run_once(NOON)
    assert [asked[0] for asked in schedules.asked] == ["hourly: snapshot-delete name of old (old)"]
    assert schedules.recorded == [("pruned", "hourly", NOON, 1, 1)]


def test_without_a_rule_everything_stays_and_the_run_is_done_with() -> None:
    schedules = FakeSchedules(replace(HOURLY, since=NOON, unpruned=NOON, domains=(WEB.id,)))
    Scheduler(schedules).run_once(NOON)
    assert (schedules.asked, schedules.recorded) == ([], [("pruned", "hourly", NOON, 0, 0)])


def test_a_snapshot_is_named_after_its_planned_time_in_utc() -> None:
    there = datetime.fromisoformat("2026-11-28T13:00:00+01:00")
    assert snapshot_name("hourly", there) == "hourly-20261128T120000Z"
