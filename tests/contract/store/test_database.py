"""The pool of connections, on a real PostgreSQL that ends some of them."""

import select
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from revisor.store.database import Database, transaction
from tests.lab.awaiting import eventually
from tests.lab.cutting_proxy import CuttingProxy
from tests.lab.databases import Server


@pytest.fixture
def superuser(postgres: Server) -> str:
    return postgres.dsn("postgres")


def _ended(superuser: str, connections: Iterable[psycopg.Connection[Any]]) -> None:
    """Have the server end them, and wait until each has been told: it may have been on its way for a while."""
    pids = [connection.info.backend_pid for connection in connections]
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [pids])
    for ended in connections:
        eventually(partial(_is_told, ended), what=f"{ended} is told")


def _is_told(connection: psycopg.Connection[Any]) -> bool:
    told = select.poll()
    told.register(connection.fileno(), select.POLLIN)
    return bool(told.poll(0))


def test_connections_the_server_ended_meanwhile_are_replaced_before_they_are_used(
    database: Database, superuser: str
) -> None:
    with database.connection() as one, database.connection() as other:
        pids = {connection.info.backend_pid for connection in (one, other)}
    _ended(superuser, (one, other))
    with database.connection() as one, database.connection() as other:
        assert pids.isdisjoint(connection.info.backend_pid for connection in (one, other))
        assert all(connection.execute("SELECT 1 AS one").fetchone() == {"one": 1} for connection in (one, other))


def test_who_waits_while_a_server_is_away_for_long_is_answered_soon_after_it_is_back(
    application_dsn: str, superuser: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "psycopg.pool")
    with CuttingProxy(application_dsn, tmp_path) as proxy:
        database = Database(proxy.dsn, connect_timeout_s=60)
        database.open()
        with database.connection() as only:
            pass
    next(tmp_path.iterdir()).unlink()
    _ended(superuser, [only])
    with closing(database), ThreadPoolExecutor(1) as waiting:
        answer = waiting.submit(database.fetch, "SELECT 1 AS one")
        eventually(lambda: "reconnection attempt" in caplog.text, what="connecting was given up")
        with CuttingProxy(application_dsn, tmp_path):
            assert answer.result(30) == [{"one": 1}]


def test_what_was_notified_on_an_idle_connection_does_not_cost_it(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("LISTEN revisor")
        pid = connection.info.backend_pid
    with psycopg.connect(database.dsn, autocommit=True) as other:
        other.execute("NOTIFY revisor")
    with database.connection() as connection:
        assert connection.info.backend_pid == pid
        connection.execute("UNLISTEN *")


def test_a_transaction_that_the_server_ended_for_waiting_is_a_lost_connection(database: Database) -> None:
    def wait_too_long() -> None:
        with database.connection() as connection, transaction(connection):
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = '1ms'")
            said = select.poll()
            said.register(connection.fileno(), select.POLLIN)
            assert said.poll(10_000), "the server says that it ends the connection"
            connection.execute("SELECT")

    with pytest.raises(psycopg.OperationalError, match="ended before the transaction was committed"):
        wait_too_long()
