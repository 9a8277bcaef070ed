"""Schedules on the real log: snapshots whose time comes, retention, missed runs, and schedulers that die halfway."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from revisor import presentation as present
from revisor.schedule_records import ScheduleRecords
from revisor.status import FailedRun, StatusReader
from revisor.store.context import Context
from tests.integration.clockwork import Clockwork
from tests.integration.product import ALICE
from workers.scheduler import KnownSchedule, Scheduler, ScheduleRests, SchedulesLost


def test_a_snapshot_is_taken_when_its_time_comes_in_the_name_of_the_schedule(clockwork: Clockwork) -> None:
    clockwork.add()
    clockwork.passes(minutes=59)
    assert clockwork.snapshots() == []
    clockwork.passes(minutes=1)
    clockwork.passes(minutes=1)
    assert clockwork.snapshots() == ["hourly-20261128T070000Z"]
    operations = clockwork.product.service.operations("web", None, 10)
    assert [(each["verb"], each["actor"]) for each in operations[1:]] == [("snapshot-create", "schedule:hourly")]
    told = clockwork.told()
    assert (told["next_at"], told["last_planned_at"]) == ("2026-11-28T08:00:00Z", "2026-11-28T07:00:00Z")
    assert told["last_run"]["operations"][0]["operation"] == operations[1]["id"]
    assert clockwork.topics() == ["schedule.added", "schedule.ran", "schedule.pruned"]


@pytest.mark.parametrize(
    ("whose", "taken"),
    [({"all": True}, ["mail", "web"]), ({"pattern": "m*"}, ["mail"]), ({"domain": "web", "host": "alpha"}, ["web"])],
)
def test_a_schedule_is_of_those_it_was_said_to_be_of(
    clockwork: Clockwork, whose: dict[str, Any], taken: list[str]
) -> None:
    clockwork.add(whose=whose)
    clockwork.passes(hours=1)
    assert [name for name in ("mail", "web") if clockwork.snapshots(name)] == taken


def test_over_many_runs_the_newest_of_each_hour_and_day_stay(clockwork: Clockwork) -> None:
    clockwork.add(cron="*/30 * * * *", keep="2h,2d")
    for _ in range(60):
        clockwork.passes(minutes=30)
    assert clockwork.snapshots() == [
        "hourly-20261128T233000Z",  # the newest of the day before
        "hourly-20261129T113000Z",
        "hourly-20261129T120000Z",
    ]


def test_of_what_waited_for_its_host_only_the_newest_is_taken_and_no_older_snapshot_goes_for_it(
    clockwork: Clockwork,
) -> None:
    clockwork.add(keep="2h")
    clockwork.passes(hours=1)
    clockwork.passes(hours=1)
    before = clockwork.snapshots()
    for _ in range(3):
        clockwork.passes(hours=1, rounds=0)
        clockwork.scheduler.run_once(clockwork.now)  # and no agent is there
    clockwork.settle()
    clockwork.passes()
    assert clockwork.snapshots() == [before[1], "hourly-20261128T110000Z"]
    asked = clockwork.product.service.operations("web", None, 20)
    ends = [(each["arguments"]["name"][-8:-5], each["state"]) for each in asked if each["verb"] == "snapshot-create"]
    assert ends[2:] == [("T09", "cancelled"), ("T10", "cancelled"), ("T11", "succeeded")]


def test_what_was_begun_and_what_others_asked_for_is_not_withdrawn_for_a_later_time(clockwork: Clockwork) -> None:
    clockwork.add()
    product = clockwork.product
    others = product.service.act("web", None, "snapshot-create", {"name": "mine"}, ALICE).operation
    clockwork.passes(hours=1, rounds=0)
    clockwork.scheduler.run_once(clockwork.now)
    product.queries.wait_for(product.application.reader.head(), 10)
    [first] = clockwork.told()["last_run"]["operations"]
    assert (clockwork.told()["last_run_open"], clockwork.told()["last_run_failed"]) == (1, 0)
    product.database.execute("UPDATE work.operation_queue SET started = true WHERE operation = %s", first["operation"])
    clockwork.passes(hours=1, rounds=0)
    clockwork.scheduler.run_once(clockwork.now)
    queued = product.database.fetch("SELECT operation, domain FROM work.operation_queue ORDER BY position")
    assert [str(row["operation"]) for row in queued[:2]] == [str(others), first["operation"]]
    assert len(queued) == 3
    # A scheduler that stood still over the first time and was overtaken takes nothing from its successor.
    records = clockwork.lead()
    [schedule] = records.enabled()
    records.supersede(schedule, queued[2]["domain"], UUID(first["operation"]))
    assert product.database.fetch("SELECT operation, domain FROM work.operation_queue ORDER BY position") == queued


def test_what_somebody_else_made_stays_whatever_it_is_called(clockwork: Clockwork) -> None:
    clockwork.add(keep="1h")
    clockwork.product.act("snapshot-create", name="hourly-20261128T000000Z")
    clockwork.passes(hours=1)
    # Another one of the name that the schedule's had: made by alice, so it is hers.
    clockwork.product.act("snapshot-delete", name="hourly-20261128T070000Z")
    clockwork.product.act("snapshot-create", name="hourly-20261128T070000Z")
    clockwork.passes(hours=1)
    clockwork.passes(hours=1)
    assert clockwork.snapshots() == [
        "hourly-20261128T000000Z",
        "hourly-20261128T070000Z",
        "hourly-20261128T090000Z",
    ]


def test_who_borrows_the_id_of_a_schedule_for_a_request_does_not_make_its_snapshots(clockwork: Clockwork) -> None:
    clockwork.add(keep="1h")
    borrowed = replace(ALICE, request_id=UUID(clockwork.told()["id"]))
    clockwork.product.act("snapshot-create", context=borrowed, name="hers")
    clockwork.passes(hours=1)
    clockwork.passes(hours=1)
    assert clockwork.snapshots() == ["hers", "hourly-20261128T080000Z"]


def test_a_held_snapshot_stays_until_its_hold_is_over(clockwork: Clockwork) -> None:
    clockwork.add(keep="1h")
    clockwork.passes(hours=1)
    held, until = "hourly-20261128T070000Z", "2026-11-28T09:00:00Z"
    clockwork.product.service.holds.hold("web", None, held, until, ALICE)
    clockwork.passes(hours=1)
    assert clockwork.snapshots() == [held, "hourly-20261128T080000Z"]
    assert clockwork.told()["last_run_failed"] == 0
    assert clockwork.told()["last_pruning"]["refused"] == []
    shown = clockwork.product.service.snapshot("web", None, held)
    assert (shown["held"], shown["held_by"], shown["held_until"]) == (True, "uid:1000(alice)", until)
    clockwork.passes(hours=1)
    assert clockwork.snapshots() == ["hourly-20261128T090000Z"]


def test_one_that_cannot_be_taken_keeps_no_other_from_its_own_and_is_on_record(clockwork: Clockwork) -> None:
    clockwork.product.act("snapshot-create", name="hourly-20261128T070000Z")
    clockwork.add(whose={"all": True})
    clockwork.passes(hours=1)
    assert clockwork.snapshots("mail") == ["hourly-20261128T070000Z"]
    [refused] = clockwork.told()["last_run"]["refused"]
    assert (refused["name"], refused["code"]) == ("web", 9)
    assert refused["message"].endswith("already exists")
    attempt = clockwork.product.service.attempts(10)[-1]
    assert (attempt["actor"], attempt["verb"]) == ("schedule:hourly", "snapshot-create")
    clockwork.passes(minutes=1)
    assert clockwork.topics().count("schedule.ran") == 1, "it is not tried again every round"


@pytest.mark.parametrize(
    ("missed", "taken", "last_times"),
    [
        ("skip", [], [("skipped", 11, 7, 5)]),
        ("run-once", ["hourly-20261128T110000Z"], [("ran", 11, 11, 1), ("skipped", 10, 7, 4)]),
    ],
)
def test_of_times_that_passed_while_revisor_was_down_none_is_run_or_the_latest_and_all_are_on_record(
    clockwork: Clockwork, missed: str, taken: list[str], last_times: list[tuple[str, int, int, int]]
) -> None:
    clockwork.add(missed=missed)
    clockwork.passes(hours=5, minutes=30)
    assert clockwork.snapshots() == taken
    assert [
        (each["outcome"], int(each["planned_at"][11:13]), int(each["first_at"][11:13]), each["times"])
        for each in clockwork.told()["last_times"]
    ] == last_times
    clockwork.passes(minutes=30)
    assert clockwork.snapshots() == [*taken, "hourly-20261128T120000Z"]


class Overtaken(ScheduleRecords):
    """A scheduler's records, in which somebody acts between the choice of a snapshot
    and the request for its deletion.
    """

    def ask(self, schedule: KnownSchedule, domain: UUID, verb: str, arguments: Any, request_id: UUID) -> UUID:
        if verb == "snapshot-delete":
            self.overtaking()
        return super().ask(schedule, domain, verb, arguments, request_id)

    def overtaking(self) -> None: ...


def test_a_snapshot_that_takes_the_name_of_the_one_that_was_chosen_is_not_let_go_of(clockwork: Clockwork) -> None:
    clockwork.add(keep="1h")
    clockwork.passes(hours=1)
    clockwork.passes(hours=1, rounds=1)
    product, name = clockwork.product, "hourly-20261128T070000Z"

    def replaced() -> None:
        product.act("snapshot-delete", name=name)
        product.act("snapshot-create", name=name)

    records = Overtaken(product.application, product.queries, product.service, clockwork.lead().epoch)
    records.overtaking = replaced  # type: ignore[method-assign]
    clockwork.scheduler = Scheduler(records)
    clockwork.passes()
    assert clockwork.snapshots() == [name, "hourly-20261128T080000Z"]
    [refused] = clockwork.told()["last_pruning"]["refused"]
    assert (refused["snapshot"], refused["code"]) == (name, 72)


@pytest.mark.parametrize("removed", [False, True])
def test_a_schedule_that_came_to_rest_since_it_was_looked_at_does_not_run(
    clockwork: Clockwork,
    removed: bool,  # noqa: FBT001
) -> None:
    clockwork.add(keep="1h")
    clockwork.now = clockwork.now.replace(hour=7)
    records, schedules = clockwork.lead(), clockwork.product.service.schedules
    [schedule], id = records.enabled(), UUID(clockwork.told()["id"])
    if removed:
        schedules.remove("hourly", ALICE)
    else:
        schedules.enable("hourly", ALICE, enabled=False)
    with pytest.raises(ScheduleRests):
        records.ask(schedule, schedule.id, "snapshot-create", {"name": "late"}, UUID(int=1))
    records.ran(schedule, clockwork.now, [], [])
    records.pruned(schedule, clockwork.now, [], [])
    clockwork.settle()
    assert clockwork.snapshots() == []
    last = "schedule.removed" if removed else "schedule.disabled"
    assert [event.topic for event in clockwork.product.application.reader.stream(id)] == ["schedule.added", last]


def test_the_last_times_are_told_the_newest_first(clockwork: Clockwork) -> None:
    clockwork.add(whose={"all": True})
    clockwork.passes(hours=1)
    clockwork.passes(hours=3, minutes=30)
    clockwork.product.act("snapshot-create", name="hourly-20261128T110000Z")
    clockwork.passes(minutes=30)
    assert [tuple(each.values()) for each in clockwork.told()["last_times"]] == [
        ("2026-11-28T11:00:00Z", "ran", 1, 1, "2026-11-28T11:00:00Z", 1),
        ("2026-11-28T10:00:00Z", "skipped", 0, 0, "2026-11-28T08:00:00Z", 3),
        ("2026-11-28T07:00:00Z", "ran", 2, 0, "2026-11-28T07:00:00Z", 1),
    ]
    for _ in range(10):
        clockwork.passes(hours=1)
    told = [time["planned_at"][11:13] for time in clockwork.told()["last_times"]]
    assert told == [f"{hour:02}" for hour in range(21, 11, -1)]


def test_a_schedule_that_failed_is_told_of_until_a_run_succeeds(clockwork: Clockwork) -> None:
    reader = StatusReader(clockwork.product.database)
    clockwork.add()
    clockwork.product.act("snapshot-create", name="hourly-20261128T070000Z")
    clockwork.passes(hours=1)
    failed = FailedRun("hourly", "2026-11-28T07:00:00+00:00", 1)
    assert [*reader.read().failed_runs] == [failed]
    superseded = FailedRun("hourly", "2026-11-28T08:00:00+00:00", 1)
    for hour, told in ((8, failed), (9, superseded)):
        clockwork.now = clockwork.now.replace(hour=hour)
        clockwork.scheduler.run_once(clockwork.now)
        clockwork.product.queries.wait_for(clockwork.product.application.reader.head(), 10)
        assert [*reader.read().failed_runs] == [told], "the next run has only begun"
    clockwork.settle()
    assert [*reader.read().failed_runs] == []


def test_a_run_that_is_refused_for_a_disabled_host_is_told_by_the_schedule_and_failed_nothing(
    clockwork: Clockwork,
) -> None:
    reader, registry = StatusReader(clockwork.product.database), clockwork.product.service.registry
    clockwork.add()
    clockwork.passes(hours=1)
    registry.disable("alpha", Context("uid:1001(bob)", reason="new memory"))
    clockwork.passes(hours=1)
    assert [*reader.read().failed_runs] == []
    [refused] = clockwork.told()["last_run"]["refused"]
    assert (refused["code"], refused["host_disabled"]) == (55, True)
    assert "is disabled by uid:1001(bob)" in refused["message"]
    registry.enable("alpha", ALICE)
    clockwork.product.act("snapshot-create", name="hourly-20261128T090000Z")
    clockwork.passes(hours=1)
    failed = FailedRun("hourly", "2026-11-28T09:00:00+00:00", 1)
    assert [*reader.read().failed_runs] == [failed]
    registry.disable("alpha", Context("uid:1001(bob)", reason="new memory"))
    clockwork.passes(hours=1)
    assert [*reader.read().failed_runs] == [failed], "what failed before is not made good by maintenance"


class Dying(ScheduleRecords):
    """A scheduler's records, until it dies before the end of its run is recorded."""

    def ran(self, *_: Any, **__: Any) -> None:
        raise SchedulesLost("killed")

    def pruned(self, *_: Any, **__: Any) -> None:
        raise SchedulesLost("killed")


def dying(clockwork: Clockwork) -> Scheduler:
    product, lead = clockwork.product, clockwork.lead()
    return Scheduler(Dying(product.application, product.queries, product.service, lead.epoch))


def test_a_scheduler_that_dies_halfway_and_one_that_begins_again_take_one_snapshot(clockwork: Clockwork) -> None:
    clockwork.add(whose={"all": True}, keep="1h")
    clockwork.passes(hours=1)
    clockwork.now = clockwork.now.replace(hour=8, minute=0)
    for _ in range(2):
        with pytest.raises(SchedulesLost):
            dying(clockwork).run_once(clockwork.now)
        clockwork.settle()
    assert clockwork.topics().count("schedule.ran") == 1
    clockwork.scheduler = Scheduler(clockwork.lead())
    clockwork.passes(rounds=1)
    with pytest.raises(SchedulesLost):
        dying(clockwork).run_once(clockwork.now)  # in the middle of letting go
    clockwork.settle()
    clockwork.scheduler = Scheduler(clockwork.lead())
    clockwork.passes()
    for name in ("web", "mail"):
        assert clockwork.snapshots(name) == ["hourly-20261128T080000Z"]
        verbs = [each["verb"] for each in clockwork.product.service.operations(name, None, 20)]
        assert verbs == ["define", "snapshot-create", "snapshot-create", "snapshot-delete"]
    assert clockwork.topics().count("schedule.ran") == 2


def test_of_two_schedulers_the_one_that_leads_no_more_stops(clockwork: Clockwork) -> None:
    clockwork.add()
    leader = Scheduler(clockwork.lead())
    clockwork.now = clockwork.now.replace(hour=7, minute=0)
    with pytest.raises(SchedulesLost):
        clockwork.scheduler.run_once(clockwork.now)
    leader.run_once(clockwork.now)
    clockwork.settle()
    assert clockwork.snapshots() == ["hourly-20261128T070000Z"]
    assert len(clockwork.told()["last_run"]["operations"]) == 1


def test_what_an_external_snapshot_depends_on_stays_and_that_is_on_record(clockwork: Clockwork) -> None:
    clockwork.add(keep="1h")
    clockwork.passes(hours=1)
    clockwork.passes(hours=1, rounds=1)
    clockwork.product.act("start")
    assert clockwork.product.act("snapshot-create", name="overlay", disk_only=True)["state"] == "succeeded"
    clockwork.passes()
    assert clockwork.snapshots()[:2] == ["hourly-20261128T070000Z", "hourly-20261128T080000Z"]
    [refused] = clockwork.told()["last_pruning"]["refused"]
    assert (refused["snapshot"], refused["code"]) == ("hourly-20261128T070000Z", 55)
    assert "external snapshot 'overlay' depends on" in refused["message"]
    clockwork.passes(minutes=1)
    assert clockwork.topics().count("schedule.pruned") == 2, "once a run, not every round"


def test_an_operation_that_fails_later_is_counted(clockwork: Clockwork) -> None:
    clockwork.add()
    clockwork.now = clockwork.now.replace(hour=7)
    clockwork.product.service.act("web", None, "snapshot-create", {"name": "hourly-20261128T070000Z"}, ALICE)
    clockwork.passes()
    assert [len(clockwork.told()["last_run"][key]) for key in ("operations", "refused")] == [1, 0]
    assert clockwork.told()["last_run_failed"] == 1


def test_it_is_told_since_when_a_schedule_is_disabled_by_whom_and_why_until_it_is_enabled(clockwork: Clockwork) -> None:
    clockwork.add()
    schedules = clockwork.product.service.schedules
    for who, reason in (("alice", None), ("bob", "new disks")):
        clockwork.passes(hours=1)
        assert clockwork.told()["disabled"] is None
        by = Context(who, reason=reason, ticket="CHG-17")
        said = {"at": present.time(clockwork.now), "actor": who, "reason": reason, "ticket": "CHG-17"}
        assert schedules.enable("hourly", by, enabled=False)["disabled"] == said
        assert schedules.enable("hourly", Context("eve"), enabled=False)["disabled"] == said, "it was already"
        assert schedules.enable("hourly", ALICE, enabled=True)["disabled"] is None
