"""What is wrong with Revisor is said in sentences, and only from when on it is wrong."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from revisor.health import BEHIND_S, Problem, found_in, problems_of, worth_telling
from revisor.overdue import OverdueSchedule
from revisor.settings import ALERT_KINDS
from revisor.status import (
    UNOBSERVED_S,
    Drifted,
    FailedRun,
    HostStatus,
    LogStatus,
    ProjectionStatus,
    SchedulerStatus,
    Status,
    Unsettled,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WELL = ProjectionStatus("snapshots", position=812, behind=0, lag_s=0.0, parked_at=None, error=None)
LED = HostStatus(
    "alpha",
    worker="ee5a5f0c-93b7-44a5-a5ae-2fa1a5bd7ad8",
    epoch=3,
    observed_at=NOON,
    unobserved_s=2.0,
    problem=None,
    queued=4,
    started=1,
    oldest_queued_s=3600.0,
    beat_age_s=2.0,
)
KEPT = SchedulerStatus("3b0c9dbe-40d1-4b3c-8a5f-6a6c3e0d7f11", epoch=2, beat_age_s=1.0, silent=False, schedules=3)


def status(*parts: ProjectionStatus | HostStatus) -> Status:
    return Status(
        LogStatus("6695eb01-f6a4-8304-79aa-97f2502e193f", 812, NOON, 8192),
        "18.6",
        tuple(part for part in parts if isinstance(part, ProjectionStatus)),
        tuple(part for part in parts if isinstance(part, HostStatus)),
    )


def test_a_revisor_that_is_well_has_no_problem_however_long_its_operations_wait() -> None:
    assert problems_of(status(WELL, LED)) == []
    assert problems_of(status()) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(WELL, behind=1204, lag_s=35.2), "projection snapshots is 1,204 events (35 s) behind"),
        (replace(WELL, behind=1, lag_s=3600.0), "projection snapshots is 1 event (3600 s) behind"),
        (
            replace(WELL, behind=9, lag_s=90.0, parked_at=813, error="ValueError: no"),
            "projection snapshots is parked at 813: ValueError: no",
        ),
        (replace(LED, unobserved_s=130.4), "host alpha was last looked at 130 s ago"),
        (replace(LED, unobserved_s=130.4, observed_at=None), "host alpha was added 130 s ago and never looked at"),
        (
            replace(LED, unobserved_s=130.4, problem="connection refused"),
            "the last look at host alpha failed: connection refused",
        ),
        (replace(LED, worker=None), "nobody leads host alpha"),
        (
            replace(LED, silent=True, beat_age_s=31.4),
            "nobody leads host alpha: its agent has been silent for 31 s",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(wrong: ProjectionStatus | HostStatus, said: str) -> None:
    assert problems_of(status(wrong)) == [said]


def test_that_all_read_models_are_behind_is_said_once() -> None:
    late = replace(WELL, behind=1204, lag_s=35.2)
    later = replace(WELL, name="domains", behind=1, lag_s=36.7)
    parked = replace(WELL, name="hosts", parked_at=813, error="ValueError: no")
    said = "projections are behind, by up to 1,204 events (37 s)"
    assert list(found_in(status(later, late))) == [Problem("projection/all/behind", f"all {said}")]
    assert list(found_in(status(later, parked, late))) == [
        Problem("projection/hosts/parked", "projection hosts is parked at 813: ValueError: no"),
        Problem("projection/all/behind", f"all {said}".replace("are", "that are not parked are")),
    ]
    # One that goes on shows that the others have causes of their own.
    well = replace(WELL, name="hosts", behind=1204, lag_s=BEHIND_S)
    assert [each.key for each in found_in(status(later, well, late))] == [
        "projection/domains/behind",
        "projection/snapshots/behind",
    ]
    assert [each.key for each in found_in(status(parked, late))] == [
        "projection/hosts/parked",
        "projection/snapshots/behind",
    ]


def test_a_scheduler_that_is_silent_is_a_problem_where_it_has_something_to_do() -> None:
    silent = replace(KEPT, silent=True, beat_age_s=31.4)
    said = "nobody runs the schedules: their scheduler has been silent for 31 s"
    assert problems_of(replace(status(), scheduler=silent)) == [said]
    never = replace(silent, worker=None, beat_age_s=None)
    assert problems_of(replace(status(), scheduler=never)) == ["nobody runs the schedules"]
    assert problems_of(replace(status(), scheduler=KEPT)) == []
    assert problems_of(replace(status(), scheduler=replace(silent, schedules=0))) == []


def test_a_schedule_that_is_overdue_is_a_problem_unless_it_goes_without_saying() -> None:
    late = replace(status(), scheduler=KEPT, overdue=(OverdueSchedule("nightly", NOON, 130.4),))
    said = "schedule nightly should have run 130 s ago, and nothing is on record of that time"
    assert problems_of(late) == [said]
    for known in (
        replace(late, scheduler=replace(KEPT, silent=True)),
        replace(late, restore="it is older"),
        replace(late, projections=(replace(WELL, parked_at=813),)),
        replace(late, projections=(replace(WELL, behind=9, lag_s=BEHIND_S + 1),)),
    ):
        assert len(problems_of(known)) == 1
        assert said not in problems_of(known)
        unkept = replace(known, overdue=(OverdueSchedule("nightly", None, 0.0, "no time zone 'Mars/X'"),))
        assert "schedule nightly cannot be kept: no time zone 'Mars/X'" in problems_of(unkept)


def test_every_kind_of_problem_can_be_told_by_alerts() -> None:
    everything = replace(
        status(replace(WELL, parked_at=813), replace(LED, worker=None)), restore="it is older", master_key="it is gone"
    )
    everything = replace(everything, unsettled=(Unsettled("1", "start", "web", "alpha", "unknown", 1),))
    everything = replace(everything, scheduler=replace(KEPT, silent=True))
    everything = replace(
        everything,
        drift=(Drifted("web", "alpha", 1),),
        failed_runs=(FailedRun("hourly", "2026-11-28T07:00:00+00:00", 2),),
    )
    kinds = {problem.key.partition("/")[0] for problem in worth_telling(everything)}
    assert kinds | {"database"} == ALERT_KINDS


def test_a_domain_that_drifted_is_named_with_its_host_as_others_may_have_its_name() -> None:
    web = Drifted("web", "alpha", 2)
    both = replace(status(), drift=(web, replace(web, host="beta")))
    assert [problem.says for problem in worth_telling(both)] == [
        "domain alpha/web is otherwise than on record: see 'revisor drift alpha/web'",
        "domain beta/web is otherwise than on record: see 'revisor drift beta/web'",
    ]


def test_what_is_a_little_late_is_no_problem_yet() -> None:
    late = replace(WELL, behind=5000, lag_s=BEHIND_S), replace(LED, unobserved_s=UNOBSERVED_S)
    assert problems_of(status(*late)) == []
    later = replace(WELL, behind=5000, lag_s=BEHIND_S + 0.1), replace(LED, unobserved_s=UNOBSERVED_S + 0.1)
    assert len(problems_of(status(*later))) == 2


def test_a_host_may_have_several_problems_and_read_models_come_first() -> None:
    lost = replace(LED, worker=None, unobserved_s=130.4, problem="no route")
    parked = replace(WELL, parked_at=813, error="ValueError: no")
    assert problems_of(status(lost, parked)) == [
        "projection snapshots is parked at 813: ValueError: no",
        "nobody leads host alpha",
        "the last look at host alpha failed: no route",
    ]


def test_that_a_host_nobody_leads_was_not_looked_at_goes_without_saying() -> None:
    assert problems_of(status(replace(LED, worker=None, unobserved_s=130.4))) == ["nobody leads host alpha"]


def test_a_master_key_that_is_not_where_it_was_is_said() -> None:
    lost = replace(status(WELL, LED), master_key="/k is not there any more")
    assert problems_of(lost) == [
        "the master key is to be put back before anything is started again: /k is not there any more"
    ]


def test_what_may_have_happened_or_not_is_named_with_what_to_do() -> None:
    lost = Unsettled("6695eb01", "reboot", "web", "alpha", "unknown", total=12)
    waits = replace(lost, id="77a6fc12", verb="save", state="started", total=1)
    assert problems_of(replace(status(LED), unsettled=(lost, waits))) == [
        (
            "save of domain web (operation 77a6fc12) was started, and host alpha does not answer: what became of it is"
            " looked at when that is back"
        ),
        (
            "nobody knows whether reboot of domain web happened (operation 6695eb01): look at it, and say so with"
            " 'revisor operation settle'"
        ),
        "11 more operations are unknown likewise: see 'revisor operations'",
    ]
