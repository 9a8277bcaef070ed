"""What people say of schedules and of holds, on the real log: adding, resting, removing;
holding, and what that refuses.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain_model.errors import InvalidArgument, NoDomain, OperationFailed, Refused
from tests.integration.clockwork import Clockwork
from tests.integration.product import ALICE


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


def test_a_schedule_that_rests_already_still_says_who_disabled_it(clockwork: Clockwork) -> None:
    schedules = clockwork.product.service.schedules
    clockwork.add()
    first, other = replace(ALICE, reason="OPS-1"), replace(ALICE, reason="other")
    assert [schedules.enable("hourly", each, enabled=False)["changed"] for each in (first, other)] == [True, False]
    assert clockwork.told()["disabled"]["reason"] == "OPS-1"
    assert [schedules.enable("hourly", first, enabled=True)["changed"] for _ in range(2)] == [True, False]


def test_a_schedule_of_nothing_yet_says_how_many_domains_it_is_of(clockwork: Clockwork) -> None:
    for name, pattern, many in (("w", "w*", 1), ("z", "z*", 0)):
        clockwork.add(name=name, whose={"pattern": pattern})
        assert clockwork.told(name)["domains_now"] == many


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
    with pytest.raises(Refused, match=r"until 2026-12-25 00:00:00 \+0000"):
        product.service.plan("web", None, "snapshot-delete", {"name": "s1"}, ALICE)
    product.service.holds.release("web", None, "s1", ALICE)
    assert product.service.snapshot("web", None, "s1")["held"] is False
    assert product.act("snapshot-delete", name="s1")["state"] == "succeeded"
    entries = [entry for entry in product.service.log("web", None, 20) if "held" in entry["topic"]]
    assert [(entry["actor"], entry["summary"]) for entry in entries] == [
        ("uid:1000(alice)", "s1 until 2026-12-25 00:00:00 +0000")
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
    assert [each["summary"] for each in entries] == [
        "0 * * * * (UTC) of domain web, keeps 7d",
        "2026-11-28 07:00:00 +0000: 1 asked for, 0 refused",
        "2026-11-28 07:00:00 +0000: 0 asked for, 0 refused",
        "",
    ]
    assert entries[-1]["reason"] == "too many"
    with pytest.raises(InvalidArgument, match="no schedule ever had the name 'daily'"):
        product.service.histories.schedule("daily", 10)
