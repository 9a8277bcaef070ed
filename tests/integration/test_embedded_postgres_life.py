"""The embedded PostgreSQL's life for real: child, shutdown, and the way back from any mixture of SIGKILLs."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from domain_model.errors import OperationFailed
from revisor.embedded_postgres import processes
from revisor.embedded_postgres.server import EmbeddedPostgres
from tests.integration.postgres_probe import (
    AS_ROOT,
    another_revisor,
    closed_folder,
    data_of,
    end_everything,
    first_line,
    killed,
    needs_root,
    postmaster,
    scalar,
    until,
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home to be, below a folder that everyone may pass."""
    with closed_folder() as folder:
        folder.chmod(0o755)
        yield folder / "h"


@pytest.fixture(params=[0o755, 0o700], ids=["open", "closed"])
def any_home(home: Path, request: pytest.FixtureRequest) -> Path:
    """A home to be, below a folder that everyone or nobody else may pass."""
    home.parent.chmod(request.param)
    return home


# -- its life ----------------------------------------------------------------------------------------------------------


def test_the_postmaster_is_our_child_in_a_session_of_its_own_and_stop_ends_it(home: Path) -> None:
    running = EmbeddedPostgres(home)
    assert not running.running()
    running.start()
    pid = postmaster(home)
    parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
    assert (int(parent), os.getsid(pid)) == (os.getpid(), pid)
    running.start()
    assert postmaster(home) == pid
    running.stop()
    running.stop()
    assert not running.running()
    until(lambda: not processes.alive(data_of(home)))


def test_two_starts_at_once_make_one_server(home: Path) -> None:
    both = [another_revisor(home) for _ in range(2)]
    assert [first_line(process) for process in both] == ["started", "started"]
    for process in both:
        killed(process)
    EmbeddedPostgres(home).stop()


def test_a_killed_initdb_leaves_nothing_in_the_way(home: Path) -> None:
    (home / "postgres" / "data-unfinished" / "base").mkdir(parents=True)
    home.chmod(0o755)
    with EmbeddedPostgres(home) as running:
        assert scalar(running.dsn("revisor"), "SELECT 1") == 1


def test_a_server_not_ready_in_time_is_named_and_can_be_waited_for_again(home: Path) -> None:
    impatient = EmbeddedPostgres(home, patience_s=0)
    with pytest.raises(OperationFailed, match="not ready after"):
        impatient.start()
    with EmbeddedPostgres(home) as running:
        assert scalar(running.dsn("revisor"), "SELECT 1") == 1
    assert not impatient.running()


def test_the_servers_log_is_kept_short_while_it_runs(home: Path) -> None:
    log = home / "logs" / "postgres.log"
    with EmbeddedPostgres(home) as running:
        assert "ready to accept connections" in log.read_text()
        running.rotate_log(limit_bytes=0)
        assert "ready to accept connections" in log.with_name("postgres.log.1").read_text()
        assert log.read_text() == ""
    assert log.read_text().startswith("2")
    assert "database system is shut down" in log.read_text()


def test_what_users_sent_does_not_get_into_the_servers_log(home: Path) -> None:
    with (
        EmbeddedPostgres(home) as running,
        psycopg.connect(running.dsn("revisor_owner"), autocommit=True) as connection,
    ):
        connection.execute("CREATE TEMPORARY TABLE kept (word text PRIMARY KEY)")
        connection.execute("INSERT INTO kept VALUES ('hunter2')")
        with pytest.raises(psycopg.errors.UniqueViolation, match="hunter2"):
            connection.execute("INSERT INTO kept VALUES ('hunter2')")
        words = (home / "logs" / "postgres.log").read_text()
    assert "duplicate key" in words
    assert "hunter2" not in words


# -- SIGKILL -----------------------------------------------------------------------------------------------------------


def computing_for_ever(running: EmbeddedPostgres) -> tuple[psycopg.Connection[tuple[object, ...]], int]:
    """A client and its backend's pid, which computes without ever waiting:
    nothing tells it of its postmaster's death.
    """
    busy = psycopg.connect(running.dsn("revisor"), autocommit=True)
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1e12::bigint)")
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'revisor' AND state = 'active'"
    until(lambda: scalar(running.dsn("postgres"), query) == 1)
    return busy, busy.info.backend_pid


def test_a_server_left_by_a_killed_revisor_is_taken_over_and_can_be_stopped(any_home: Path) -> None:
    killed_revisor = another_revisor(any_home)
    assert first_line(killed_revisor) == "started"
    left = postmaster(any_home)
    killed(killed_revisor)
    with EmbeddedPostgres(any_home) as running:
        assert postmaster(any_home) == left
        assert scalar(running.dsn("revisor"), "SELECT 1") == 1
    until(lambda: not processes.alive(data_of(any_home)))


def test_after_sigkill_of_postmaster_and_backends_everything_acknowledged_is_there(any_home: Path) -> None:
    running = EmbeddedPostgres(any_home)
    running.start()
    with psycopg.connect(running.dsn("revisor_owner")) as connection:
        connection.execute("CREATE TABLE written (number bigint PRIMARY KEY)")
    acknowledged: list[int] = []

    def write() -> None:
        try:
            with psycopg.connect(running.dsn("revisor_owner"), autocommit=True) as connection:
                for number in range(10**9):
                    connection.execute("INSERT INTO written VALUES (%s)", [number])
                    acknowledged.append(number)
        except psycopg.OperationalError:
            pass

    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: len(acknowledged) > 200)
    for pid in processes.alive(data_of(any_home)):
        processes.send(pid, signal.SIGKILL, data_of(any_home))
    writer.join()
    running.start()
    with psycopg.connect(running.dsn("revisor_owner")) as connection:
        found = {number for (number,) in connection.execute("SELECT number FROM written")}
    running.stop()
    assert set(acknowledged) <= found
    assert found <= {*acknowledged, len(acknowledged)}


def test_a_backend_that_outlives_its_postmaster_is_waited_for(any_home: Path) -> None:
    running = EmbeddedPostgres(any_home)
    running.start()
    busy, orphan = computing_for_ever(running)
    os.kill(postmaster(any_home), signal.SIGKILL)
    until(lambda: not running.running())
    assert processes.serves(orphan, data_of(any_home))
    running.start()
    assert not processes.serves(orphan, data_of(any_home))
    assert scalar(running.dsn("revisor"), "SELECT 1") == 1
    busy.close()
    running.stop()


def test_a_pid_that_belongs_to_a_stranger_by_now_is_not_mistaken_for_the_server(home: Path) -> None:
    running = EmbeddedPostgres(home)
    running.start()
    end_everything(home)
    assert not running.running()
    account = data_of(home).stat()
    stranger = subprocess.Popen(["sleep", "600"], cwd="/", user=account.st_uid if AS_ROOT else None)
    for file in (data_of(home) / "postmaster.pid", home / "pg" / ".s.PGSQL.5432.lock"):
        _, rest = file.read_text().split("\n", 1)
        file.write_text(f"{stranger.pid}\n{rest}")
    assert not EmbeddedPostgres(home).running()
    with EmbeddedPostgres(home) as again:
        assert scalar(again.dsn("revisor"), "SELECT 1") == 1
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


@needs_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)")
def test_a_containers_root_who_may_not_look_at_the_server_gets_it_back_all_the_same(home: Path) -> None:
    as_in_a_container = ("setpriv", "--bounding-set=-sys_ptrace,-sys_admin")
    first = another_revisor(home, *as_in_a_container)
    assert first_line(first) == "started"
    left = postmaster(home)
    killed(first)
    second = another_revisor(home, *as_in_a_container)
    assert (first_line(second), postmaster(home)) == ("started", left)
    killed(second)
    busy, orphan = computing_for_ever(EmbeddedPostgres(home))
    os.kill(left, signal.SIGKILL)
    third = another_revisor(home, *as_in_a_container)
    until(lambda: "pre-existing shared memory block" in (home / "logs" / "postgres.log").read_text())
    os.kill(orphan, signal.SIGKILL)
    assert first_line(third) == "started"
    assert postmaster(home) != left
    killed(third)
    busy.close()
