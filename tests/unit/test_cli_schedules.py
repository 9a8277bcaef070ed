"""Schedules and holds at both doors: what is asked, and what is told."""

import json
import re
import time

import pytest

from tests.unit.command_line import CommandLine
from tests.unit.fake_schedules import LAST_TIMES, NIGHTLY
from tests.unit.test_http_fake_service import snapshot


def test_a_schedule_is_added_with_all_that_was_said(line: CommandLine) -> None:
    words = ("--cron", "0 2 * * *", "--keep", "7d", "--timezone", "Europe/Berlin", "--missed", "run-once")
    done = line.run("schedule", "add", "nightly", "web", *words, "--reason", "audit")
    assert (done.code, done.err) == (0, "")
    assert line.service.asked == [
        ("add", "nightly", "0 2 * * *", {"domain": "web"}, "Europe/Berlin", "7d", "run-once"),
    ]
    assert line.service.contexts[0].reason == "audit"
    assert done.out.startswith("Schedule 'nightly' added, next 2026-11-29 ")


@pytest.mark.parametrize(("words", "whose"), [(("--all",), {"all": True}), (("--name", "web*"), {"pattern": "web*"})])
def test_a_schedule_is_of_all_or_of_those_that_fit(
    line: CommandLine, words: tuple[str, ...], whose: dict[str, object]
) -> None:
    assert line.run("schedule", "add", "nightly", "--cron", "0 2 * * *", *words).code == 0
    assert line.service.asked == [("add", "nightly", "0 2 * * *", whose, "UTC", None, "skip")]


def test_a_schedule_without_its_cron_asks_nothing(line: CommandLine) -> None:
    done = line.run("schedule", "add", "nightly", "web")
    assert (done.code, line.service.asked) == (2, [])
    assert done.last == "error: command 'add' requires --cron option [8]"


def test_a_schedule_is_of_a_domain_as_it_is_named_anywhere(line: CommandLine) -> None:
    line.run("schedule", "add", "nightly", "alpha/web", "--cron", "0 2 * * *")
    assert line.service.asked[0][3] == {"domain": "web", "host": "alpha"}
    refused = line.run("schedule", "add", "nightly", "a/b/c", "--cron", "0 2 * * *")
    assert "would be accepted: UUID, NAME or HOST/NAME" in refused.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            (),
            (
                "command 'add' requires <domain> option, --all or --name: 'web' is the name of the schedule, as in"
                " schedule add NAME DOMAIN --cron 'M H D M W'"
            ),
        ),
        (("mail", "--all"), "Options --domain and --all are mutually exclusive"),
        (("mail", "--name", "m*"), "Options --domain and --name are mutually exclusive"),
        (("--all", "--name", "m*"), "Options --all and --name are mutually exclusive"),
    ],
)
def test_a_schedule_of_none_or_of_several_is_refused_in_the_words_of_the_command_line(
    line: CommandLine, words: tuple[str, ...], said: str
) -> None:
    done = line.run("schedule", "add", "web", *words, "--cron", "0 2 * * *")
    assert (done.code, done.last, line.service.asked) == (2, f"error: {said} [8]", [])


def test_schedules_are_a_table_and_a_document(line: CommandLine) -> None:
    heads, _, row = line.run("schedule", "list").out.splitlines()[:3]
    assert re.split(" {2,}", heads.strip()) == ["Name", "Domains", "Cron", "Keep", "State", "Next", "Last run"]
    cells = re.split(" {2,}", row.strip())
    assert cells[:5] == ["nightly", "web*", "0 2 * * *", "7d,4w", "enabled"]
    assert cells[6] == "1 asked for, 1 failed, 1 refused"
    assert json.loads(line.run("schedule", "list", "--output", "json").out)["items"] == [NIGHTLY]


def test_a_schedule_that_is_overdue_says_since_when(line: CommandLine) -> None:
    line.service.schedules.known = [{**NIGHTLY, "overdue_since": "2026-11-29T02:00:00Z"}]
    assert re.split(" {2,}", line.run("schedule", "list").out.splitlines()[2].strip())[4] == "overdue"
    told = dict(re.findall(r"(?m)^(\w[\w ]*): +(.*)$", line.run("schedule", "info", "nightly").out))
    assert told["State"] == "overdue"
    assert told["Overdue since"].startswith("2026-11-29 ")


def test_a_schedule_that_cannot_be_kept_says_why(line: CommandLine) -> None:
    line.service.schedules.known = [{**NIGHTLY, "problem": "no time zone 'Mars/Olympus'", "next_at": None}]
    assert re.split(" {2,}", line.run("schedule", "list").out.splitlines()[2].strip())[4] == "not kept"
    assert re.search("(?m)^Problem: +no time zone 'Mars/Olympus'$", line.run("schedule", "info", "nightly").out)


def test_what_a_run_asked_for_and_has_not_ended_is_told(line: CommandLine) -> None:
    line.service.schedules.known = [{**NIGHTLY, "last_run_open": 1, "last_run_failed": 0}]
    assert "1 asked for (1 not ended), 0 failed, 1 refused" in line.run("schedule", "list").out


def test_what_fits_nothing_now_is_said_when_it_is_added_and_shown(line: CommandLine) -> None:
    line.service.schedules.known = [{**NIGHTLY, "domains_now": 0}]
    added = line.run("schedule", "add", "nightly", "--name", "zz-*", "--cron", "0 2 * * *")
    assert added.out.rstrip().endswith("; of no domain now")
    assert re.search(r"(?m)^Domains: +web\* \(0 now\)$", line.run("schedule", "info", "nightly").out)


def test_one_that_rests_already_says_so_and_since_when(line: CommandLine) -> None:
    said = {"at": "2026-11-28T10:00:00Z", "actor": "uid:0(root)", "reason": "OPS-1", "ticket": None}
    line.service.schedules.known = [{**NIGHTLY, "changed": False, "disabled": said}]
    done = line.run("schedule", "disable", "nightly")
    assert done.out.strip() == (
        "Schedule 'nightly' was disabled already by uid:0(root) since 2026-11-28 10:00:00 +0000: OPS-1"
    )


def test_what_was_refused_is_told_one_by_one(line: CommandLine) -> None:
    lines = line.run("schedule", "info", "nightly").out.splitlines()
    assert [text for text in lines if text.startswith("Refused")] == [
        "Refused:        web2: no [55]",
        "Refused:        nightly-1: still needed [55]",
    ]


def test_the_last_times_are_told_the_newest_first(line: CommandLine) -> None:
    lines = line.run("schedule", "info", "nightly").out.splitlines()
    times = [text.split(":", 1)[1].split(maxsplit=3)[3] for text in lines if text.startswith("Time:")]
    assert times == [
        "ran, 1 asked for, 1 refused",
        "skipped",
        "skipped, with 3 before it since 2026-11-22 02:00:00 +0000",
        "skipped, with all before it since 1996-11-20 02:00:00 +0000",
        "skipped",
    ]
    document = json.loads(line.run("schedule", "info", "nightly", "--output", "json").out)
    assert document["items"] == [{**NIGHTLY, "last_times": LAST_TIMES, "disabled": None}]


@pytest.mark.parametrize(
    ("reason", "ticket", "why"),
    [("new disks", "CHG-17", ": new disks, CHG-17"), ("new disks", None, ": new disks"), (None, None, "")],
)
def test_of_one_that_is_disabled_it_is_told_since_when_by_whom_and_why(
    line: CommandLine, reason: str | None, ticket: str | None, why: str
) -> None:
    said = {"at": "2026-11-28T10:00:00Z", "actor": "uid:0(root)", "reason": reason, "ticket": ticket}
    line.service.schedules.known = [{**NIGHTLY, "enabled": False, "disabled": said}]
    lines = line.run("schedule", "info", "nightly").out.splitlines()
    assert lines[2:4] == [
        "State:          disabled",
        f"Disabled:       by uid:0(root) since 2026-11-28 10:00:00 +0000{why}",
    ]


def test_an_unknown_schedule_is_refused_with_those_there_are(line: CommandLine) -> None:
    done = line.run("schedule", "info", "hourly")
    assert (done.code, done.last) == (1, "error: invalid argument: no schedule with name 'hourly' [8]")
    assert "would be accepted: nightly" in done.err


@pytest.mark.parametrize(
    ("verb", "asked", "said"),
    [
        ("enable", ("enable", "nightly", True), "enabled"),
        ("disable", ("enable", "nightly", False), "disabled"),
        ("remove", ("remove", "nightly"), "removed"),
    ],
)
def test_a_schedule_is_changed_by_its_name(line: CommandLine, verb: str, asked: tuple[object, ...], said: str) -> None:
    assert line.run("schedule", verb, "nightly").out == f"Schedule 'nightly' {said}\n\n"
    assert line.service.asked == [asked]
    assert json.loads(line.run("schedule", verb, "nightly", "--output", "json").out)["items"]


@pytest.mark.parametrize(
    ("domains", "said"),
    [
        (1, ". What it took stays, 1 snapshot: snapshot-list vm0 (1)"),
        (2, ". What it took stays, 3 snapshots: snapshot-list vm0 (1), snapshot-list vm1 (2)"),
        (7, "snapshot-list vm4 (5) and 2 more domains"),
    ],
)
def test_a_removal_says_what_stays(line: CommandLine, monkeypatch: pytest.MonkeyPatch, domains: int, said: str) -> None:
    left = [{"domain": f"vm{number}", "snapshots": number + 1} for number in range(domains)]
    monkeypatch.setattr(line.service.schedules, "left", left)
    assert line.run("schedule", "remove", "nightly").out.rstrip().endswith(said)


def test_a_snapshot_is_held_and_released_and_shown_so(line: CommandLine) -> None:
    line.service.known_snapshots = [snapshot("a/b")]
    held = line.run("snapshot-hold", "web", "a/b", "--ticket", "T-1", "--reason", "audit 7")
    assert (held.code, line.service.asked[0]) == (0, ("hold", "web", None, "a/b", None))
    assert line.service.contexts[0].ticket == "T-1"
    assert re.match(r"Domain snapshot a/b is held by \S+ until it is released \(audit 7, ticket T-1\)\n", held.out)
    assert re.search(r"Held:           by .*\(audit 7, ticket T-1\)\n", line.run("snapshot-info", "web", "a/b").out)
    assert line.run("snapshot-release", "alpha/web", "a/b").out == "Domain snapshot a/b released\n\n"
    assert "Held" not in line.run("snapshot-info", "web", "a/b").out


def test_those_that_are_held_are_listed_with_by_whom_and_why(line: CommandLine) -> None:
    why = {"held_by": "alice", "held_until": None, "held_reason": "audit 7", "held_ticket": None}
    line.service.known_snapshots = [snapshot("s1"), snapshot("s2", held=True, **why)]
    heads, _, row = line.run("snapshot-list", "web", "--held").out.splitlines()[:3]
    assert re.split(" {2,}", heads.strip()) == ["Name", "Creation Time", "State", "Held"]
    cells = re.split(" {2,}", row.strip())
    assert (cells[0], cells[-1]) == ("s2", "by alice until it is released (audit 7)")
    listed = json.loads(line.run("snapshot-list", "web", "--held", "--output", "json").out)
    assert [item["held_reason"] for item in listed["items"]] == ["audit 7"]
    both = line.run("snapshot-list", "web", "--held", "--deleted")
    assert both.last == "error: Options --deleted and --held are mutually exclusive [8]"


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("2026-12-31", "2027-01-01T00:00:00+01:00"),
        ("20260628", "2026-06-29T00:00:00+02:00"),
        ("2026-12-31T18:00", "2026-12-31T18:00:00+01:00"),
        ("2026-12-31T18:00:00Z", "2026-12-31T18:00:00+00:00"),
        *((text, text) for text in ("2026-12-32", "9999-12-31", "soon")),
    ],
)
def test_an_end_of_a_hold_is_meant_as_clocks_here_show_it_and_a_day_lasts_to_its_end(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, said: str, asked: str
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    line.service.known_snapshots = [snapshot("s1")]
    line.run("snapshot-hold", "web", "s1", "--until", said, "--output", "json")
    assert line.service.asked[0] == ("hold", "web", None, "s1", asked)


def test_an_empty_keep_rule_is_refused_with_what_it_would_take(line: CommandLine) -> None:
    refused = line.run("schedule", "add", "nightly", "--all", "--cron", "0 2 * * *", "--keep", "")
    assert (refused.code, line.service.asked) == (2, [])
    assert "would be accepted: rules such as 24h,7d,4w; without --keep all snapshots stay" in refused.err


def test_a_keep_rule_is_said_in_words(line: CommandLine) -> None:
    added = line.run("schedule", "add", "nightly", "--all", "--cron", "0 2 * * *", "--keep", "7d,4w")
    assert added.out.endswith("; keeps the newest of each of the last 7 days and 4 weeks\n\n")
    told = line.run("schedule", "info", "nightly").out.splitlines()
    assert "Keeps:          the newest of each of the last 7 days and 4 weeks" in told


def test_a_hold_has_an_end_when_one_was_said(line: CommandLine) -> None:
    line.service.known_snapshots = [snapshot("s1")]
    document = json.loads(
        line.run("snapshot-hold", "web", "s1", "--until", "2027-01-01T00:00:00Z", "--output", "json").out
    )
    assert document["items"][0]["held_until"] == "2027-01-01T00:00:00+00:00"
    assert line.service.asked[0] == ("hold", "web", None, "s1", "2027-01-01T00:00:00+00:00")
    released = line.run("snapshot-release", "web", "s1", "--output", "json")
    assert json.loads(released.out)["items"][0]["held"] is False


def test_the_log_of_a_schedule_is_asked_for_by_its_name(line: CommandLine) -> None:
    assert line.run("log", "--schedule", "nightly").code == 0
    assert line.service.asked == [("schedule log", "nightly", 100_000)]
