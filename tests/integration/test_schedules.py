"""Schedules on the real log: snapshots whose time comes, retention, missed runs, and schedulers that die halfway."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain_model.errors import InvalidArgument, NoDomain, OperationFailed, Refused
from revisor.schedule_records import ScheduleRecords
from revisor.status import FailedRun, StatusReader
from revisor.store.context import Context
from revisor.store.database import Database
from tests.integration.clockwork import Clockwork
from tests.integration.product import ALICE
from workers.scheduler import KnownSchedule, Scheduler, ScheduleRests, SchedulesLost


@pytest.fixture
def clockwork(database: Database, tmp_path: Path) -> Iterator[Clockwork]:
    made = Clockwork(database, tmp_path)
    yield made
    made.product.close()


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
    """A scheduler's records, in which somebody acts between the choice of a snapshot and the request for its deletion."""

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
    for hour in (8, 9):
        clockwork.now = clockwork.now.replace(hour=hour)
        clockwork.scheduler.run_once(clockwork.now)
        assert [*reader.read().failed_runs] == [failed], "the next run has only begun"
    clockwork.settle()
    assert [*reader.read().failed_runs] == []


def test_a_run_that_is_refused_for_a_disabled_host_is_told_by_the_schedule_and_failed_nothing(
    clockwork: Clockwork,
) -> None:
    reader, maintenance = StatusReader(clockwork.product.database), clockwork.product.service.maintenance
    clockwork.add()
    clockwork.passes(hours=1)
    maintenance.disable("alpha", Context("uid:1001(bob)", reason="new memory"))
    clockwork.passes(hours=1)
    assert [*reader.read().failed_runs] == []
    [refused] = clockwork.told()["last_run"]["refused"]
    assert (refused["code"], refused["host_disabled"]) == (55, True)
    assert "is disabled by uid:1001(bob)" in refused["message"]
    maintenance.enable("alpha", ALICE)
    clockwork.product.act("snapshot-create", name="hourly-20261128T090000Z")
    clockwork.passes(hours=1)
    failed = FailedRun("hourly", "2026-11-28T09:00:00+00:00", 1)
    assert [*reader.read().failed_runs] == [failed]
    maintenance.disable("alpha", Context("uid:1001(bob)", reason="new memory"))
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


def test_a_schedule_rests_and_runs_again_from_then_on(clockwork: Clockwork) -> None:
    schedules = clockwork.product.service.schedules
    clockwork.add(missed="run-once")
    assert schedules.enable("hourly", ALICE, enabled=False)["next_at"] is None
    clockwork.passes(hours=3)
    assert schedules.enable("hourly", ALICE, enabled=True)["enabled"]
    clockwork.passes()
    assert clockwork.snapshots() == []
    clockwork.passes(hours=1)
    assert clockwork.snapshots() == ["hourly-20261128T100000Z"]


def test_a_removed_schedule_leaves_its_snapshots_and_its_name(clockwork: Clockwork) -> None:
    clockwork.add(keep="1h")
    clockwork.passes(hours=1)
    with pytest.raises(OperationFailed, match="'hourly' already exists"):
        clockwork.add()
    left = [{"domain": "web", "snapshots": 1}]
    once = replace(ALICE, request_id=UUID(int=1))
    for _ in range(2):
        assert clockwork.product.service.schedules.remove("hourly", once) == left
    with pytest.raises(InvalidArgument, match="no schedule with name 'hourly'"):
        clockwork.told()
    clockwork.add(keep="1h")
    clockwork.passes(hours=1)
    clockwork.passes(hours=1)
    assert clockwork.snapshots() == ["hourly-20261128T070000Z", "hourly-20261128T090000Z"], "the first is another's"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"cron": "61 * * * *"}, "cron"),
        ({"keep": "lots"}, "keep"),
        ({"timezone": "Mars/X"}, "timezone"),
        ({"missed": "twice"}, "missed"),
        ({"name": "-x"}, "name"),
        ({"whose": {}}, "domain"),
        ({"whose": {"all": True, "domain": "web"}}, "domain"),
        ({"whose": {"all": True, "host": "alpha"}}, "domain"),
        ({"whose": {"domain": "web", "host": "beta"}}, "host"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused_by_its_field_and_leaves_nothing(
    clockwork: Clockwork, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        clockwork.add(**given)
    assert refusal.value.field == field
    assert refusal.value.accepted
    assert clockwork.product.service.schedules.all() == []
    assert clockwork.product.service.attempts(1)[0]["verb"] == "schedule add"
    with pytest.raises(NoDomain):
        clockwork.add(whose={"domain": "nobody"})


def test_a_hold_is_on_record_and_refuses_what_would_end_the_snapshot(clockwork: Clockwork) -> None:
    product = clockwork.product
    product.act("snapshot-create", name="s1")
    product.service.holds.hold("web", None, "s1", "2026-12-24", replace(ALICE, reason="audit 7", ticket="T-1"))
    shown = product.service.snapshot("web", None, "s1")
    assert (shown["held_reason"], shown["held_ticket"]) == ("audit 7", "T-1")
    with pytest.raises(Refused, match=r"\(audit 7, ticket T-1\)"):
        product.service.holds.hold("web", None, "s1", None, replace(ALICE, actor="uid:1001(bob)"))
    for verb, arguments in (("snapshot-delete", {"name": "s1", "metadata": True}), ("undefine", {})):
        with pytest.raises(Refused, match="held by uid:1000") as refusal:
            product.service.act("web", None, verb, arguments, ALICE)
        assert refusal.value.number == 55
    with pytest.raises(Refused, match="until 2026-12-25T00:00:00Z"):
        product.service.plan("web", None, "snapshot-delete", {"name": "s1"}, ALICE)
    product.service.holds.release("web", None, "s1", ALICE)
    assert product.service.snapshot("web", None, "s1")["held"] is False
    assert product.act("snapshot-delete", name="s1")["state"] == "succeeded"
    entries = [entry for entry in product.service.log("web", None, 20) if "held" in entry["topic"]]
    assert [(entry["actor"], entry["summary"]) for entry in entries] == [
        ("uid:1000(alice)", "s1 until 2026-12-25T00:00:00+00:00")
    ]


def test_an_end_of_a_hold_that_is_no_time_is_refused(clockwork: Clockwork) -> None:
    clockwork.product.act("snapshot-create", name="s1")
    with pytest.raises(InvalidArgument, match="'soon' is no date or time") as refusal:
        clockwork.product.service.holds.hold("web", None, "s1", "soon", ALICE)
    assert refusal.value.field == "until"


def test_the_snapshots_of_before_are_told_with_the_holds_of_then(clockwork: Clockwork) -> None:
    product = clockwork.product
    product.act("snapshot-create", name="s1")
    product.service.holds.hold("web", None, "s1", None, ALICE)
    then = product.application.reader.head()
    product.service.holds.release("web", None, "s1", ALICE)
    assert product.service.snapshots("web", None, then)[0]["held"] is True


def test_the_history_of_a_schedule_is_read_by_its_name_also_when_it_was_removed(clockwork: Clockwork) -> None:
    clockwork.add(keep="7d")
    clockwork.passes(hours=1)
    product = clockwork.product
    product.service.schedules.remove("hourly", replace(ALICE, reason="too many"))
    entries = product.service.histories.schedule("hourly", 1000)
    assert [(each["topic"], each["actor"], each["origin"]) for each in entries] == [
        ("schedule.added", "uid:1000(alice)", "requested"),
        ("schedule.ran", "schedule:hourly", None),
        ("schedule.pruned", "schedule:hourly", None),
        ("schedule.removed", "uid:1000(alice)", "requested"),
    ]
    web = product.service.domain("web", None)["stream"]
    assert [each["summary"] for each in entries] == [
        f"0 * * * * (UTC) of domain {web}, keeps 7d",
        "2026-11-28T07:00:00+00:00: 1 asked for, 0 refused",
        "2026-11-28T07:00:00+00:00: 0 asked for, 0 refused",
        "",
    ]
    assert entries[-1]["reason"] == "too many"
    with pytest.raises(InvalidArgument, match="no schedule ever had the name 'daily'"):
        product.service.histories.schedule("daily", 10)
