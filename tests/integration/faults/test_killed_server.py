"""PostgreSQL dies under load in every way it can:
what was acknowledged before is there, and all go on by themselves.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from revisor.embedded_postgres import processes
from revisor.store.database import Database
from tests.acceptance.trees import new_dice
from tests.integration.faults.conftest import ROUNDS, Durable
from tests.integration.faults.invariants import check, check_notes
from tests.integration.faults.load import Load
from tests.integration.faults.projector import projector
from tests.integration.postgres_probe import data_of, postmaster, until


def everything_is_killed(home: Path) -> None:
    """As by a power cut: no process of the server gets to say a word."""
    os.kill(postmaster(home), signal.SIGSTOP)  # It would end the others in order if it saw one die.
    for pid in processes.alive(data_of(home)):
        processes.send(pid, signal.SIGKILL, data_of(home))


def postmaster_is_killed(home: Path) -> None:
    """The sessions live a little longer than their postmaster, and may still commit."""
    os.kill(postmaster(home), signal.SIGKILL)


def session_is_killed(home: Path) -> None:
    """The postmaster takes every session down and recovers, by itself."""
    sessions = [pid for pid in processes.alive(data_of(home)) if b": revisor revisor" in _title(pid)]
    os.kill(sessions[0], signal.SIGKILL)


def shut_down_immediately(home: Path) -> None:
    """``pg_ctl stop -m immediate``."""
    os.kill(postmaster(home), signal.SIGQUIT)


def _title(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize(
    "fault", [everything_is_killed, postmaster_is_killed, session_is_killed, shut_down_immediately]
)
def test_what_was_acknowledged_outlives_the_server(
    database: Database, durable: Durable, tmp_path: Path, fault: Callable[[Path], None]
) -> None:
    seed = new_dice(fault.__name__).randrange(10**6)
    with projector(database, tmp_path), Load(database, tmp_path, seed, processes=2) as load:
        for _ in range(ROUNDS):
            load.go_on()
            fault(durable.home)
            if fault is not session_is_killed:
                until(lambda: not durable.server.running())
                durable.server.start()
            load.go_on()
        load.stop()
        check_notes(database, load.notes())
        check(database)
