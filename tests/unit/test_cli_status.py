"""``revisor status`` at a door with a stand-in behind it: what a person sees, and what a script is told."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from revisor.cli.main import main
from revisor.client import AnswerLost, Client
from tests.unit.command_line import CommandLine
from tests.unit.fake_registry import DISABLED
from tests.unit.test_health import KEPT, LED, WELL, status

PARKED = replace(WELL, name="domains", position=800, behind=12, lag_s=5400.0, parked_at=801, error="ValueError: no")
LOST = replace(LED, name="beta", worker=None, observed_at=None, unobserved_s=3.0, queued=0, started=0)
SILENT = replace(LED, name="gamma", unobserved_s=45.0, beat_age_s=40.0, silent=True)


def test_a_person_sees_it_all_at_one_glance(line: CommandLine) -> None:
    known = status(PARKED, replace(WELL, position=811, behind=1, lag_s=0.4), LED, LOST, SILENT)
    line.service.status_reader.known = replace(known, scheduler=KEPT)
    done = line.run("status")
    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == """\
Status:         degraded
Problem:        projection domains is parked at 801: ValueError: no
Problem:        nobody leads host beta
Problem:        nobody leads host gamma: its agent has been silent for 40 s
Log:            position 812, 0.0 MiB
Last event:     2026-11-23 12:00:00 +0000
Schedules:      3 enabled, lease epoch 2
Database:       PostgreSQL 18.6
Connections:    1 of 20 used, 2 idle, 0 waited for

 Projection   Position   Behind   Lag      State
----------------------------------------------------------
 domains      800        12       90 min   parked at 801
 snapshots    811        1        0 s      behind

 Host    Lease                      Last look   Queued   Started   Longest wait
---------------------------------------------------------------------------------
 alpha   epoch 3                    2 s ago     4        1         60 min
 beta    nobody's                   never       0        0         -
 gamma   epoch 3, silent for 40 s   45 s ago    4        1         60 min

"""
    )


def test_a_host_under_maintenance_is_told_and_is_no_problem(line: CommandLine) -> None:
    line.service.status_reader.known = status(WELL, replace(LED, disabled=DISABLED))
    done = line.run("status", "--check")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:2] == [
        "Status:         ok",
        "Disabled:       host alpha by uid:0(root) since 2026-11-28 10:00:00 +0000: new memory",
    ]


def test_it_ends_with_0_whatever_the_answer_and_with_1_for_a_script_that_checks(line: CommandLine) -> None:
    line.service.status_reader.known = status(WELL, LED)
    assert [line.run("status").code, line.run("status", "--check").code] == [0, 0]
    line.service.status_reader.known = status(PARKED, LED, LOST)
    assert line.run("status").code == 0
    done = line.run("status", "--check")
    assert done.code == 1
    assert done.out.startswith("Status:         degraded\n")
    assert done.err == (
        "error: operation failed: Revisor is degraded: projection domains is parked at 801: ValueError: no;"
        " nobody leads host beta [9]\n"
    )


def test_a_program_reads_the_usual_document(line: CommandLine) -> None:
    line.service.status_reader.known = status(WELL, LED, LOST)
    done = line.run("status", "--check", "--output", "json")
    document = json.loads(done.out)
    assert (document["kind"], document["position"], document["observed_at"]) == ("status", 812, "2026-11-23T12:00:00Z")
    assert [each["status"] for each in document["items"]] == ["degraded"]
    assert done.code == 1
    assert json.loads(done.err.splitlines()[0])["error"]["code"] == 9


@pytest.mark.parametrize("words", [("status",), ("status", "--check")])
def test_a_database_that_does_not_answer_is_said_as_everywhere(line: CommandLine, words: tuple[str, ...]) -> None:
    line.service.status_reader.trouble = psycopg.OperationalError("connection refused")
    done = line.run(*words)
    assert (done.code, done.out, done.err) == (1, "", "error: Cannot reach the database: connection refused [38]\n")


@pytest.fixture
def deaf_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of a Revisor whose API was stopped: its socket takes what is asked, and nobody answers."""
    with TemporaryDirectory() as home, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{home}/revisor.sock")
        listening.listen()
        monkeypatch.setenv("REVISOR_HOME", home)
        yield Path(home)


def test_who_asks_a_revisor_that_stands_still_how_it_is_is_not_kept_waiting(
    deaf_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("revisor.client._AT_ONCE_S", 0.01)
    said = "Revisor took the question and did not answer within 0.01 s"
    assert main(["status", "--check"]) == 3
    assert capsys.readouterr() == ("", f"error: {said} [38]\n")
    with pytest.raises(AnswerLost, match=said):
        Client(deaf_home / "revisor.sock").get("/v1/health")


def test_other_reads_may_take_longer(deaf_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("revisor.client._AT_ONCE_S", 0.01)
    monkeypatch.setattr("revisor.client._ANSWER_S", 0.02)
    with pytest.raises(AnswerLost, match=r"did not answer within 0\.02 s"):
        Client(deaf_home / "revisor.sock").get("/v1/domains")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (7199.0, "120 min"), (7200.0, "2 h"), (172_800.0, "2 d")],
)
def test_a_time_is_shown_in_the_largest_unit_of_which_there_are_two(
    line: CommandLine, seconds: float, shown: str
) -> None:
    line.service.status_reader.known = status(replace(LED, unobserved_s=seconds))
    assert f" epoch 3   {shown} ago " in line.run("status").out
