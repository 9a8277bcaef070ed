"""The pool of connections, on a real PostgreSQL that ends some of them."""

from pathlib import Path

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from revisor.store.database import Database
from tests.contract.store.cutting_proxy import CuttingProxy
from tests.lab.awaiting import eventually
from tests.lab.databases import Server


@pytest.fixture
def superuser(postgres: Server) -> str:
    return postgres.dsn("postgres")


def test_connections_the_server_ended_meanwhile_are_replaced_before_they_are_used(
    database: Database, superuser: str
) -> None:
    with database.connection() as one, database.connection() as other:
        pids = {connection.info.backend_pid for connection in (one, other)}
    with psycopg.connect(superuser, autocommit=True) as connection:
        ours = "FROM pg_stat_activity WHERE pid = ANY(%s)"
        connection.execute(f"SELECT pg_terminate_backend(pid) {ours}".encode(), [list(pids)])
        eventually(lambda: not connection.execute(f"SELECT {ours}".encode(), [list(pids)]).fetchall(), what="ended")
    with database.connection() as one, database.connection() as other:
        assert pids.isdisjoint(connection.info.backend_pid for connection in (one, other))
        assert all(connection.execute("SELECT 1 AS one").fetchone() == {"one": 1} for connection in (one, other))


def test_a_server_that_was_away_for_long_is_found_soon_after_it_is_back(
    application_dsn: str, superuser: str, tmp_path: Path
) -> None:
    with CuttingProxy(application_dsn, tmp_path) as proxy:
        database = Database(proxy.dsn, connect_timeout_s=4)
        database.open()
    with psycopg.connect(superuser, autocommit=True) as connection:
        sessions = b"FROM pg_stat_activity WHERE usename = 'revisor'"
        connection.execute(b"SELECT pg_terminate_backend(pid) " + sessions)
        eventually(lambda: not connection.execute(b"SELECT " + sessions).fetchall(), what="ended")
    for _ in range(2):
        with pytest.raises(PoolTimeout):
            database.fetch("SELECT 1 AS one")
    next(tmp_path.iterdir()).unlink()
    with CuttingProxy(application_dsn, tmp_path):
        assert database.fetch("SELECT 1 AS one") == [{"one": 1}]
        database.close()


def test_what_was_notified_on_an_idle_connection_does_not_cost_it(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("LISTEN revisor")
        pid = connection.info.backend_pid
    with psycopg.connect(database.dsn, autocommit=True) as other:
        other.execute("NOTIFY revisor")
    with database.connection() as connection:
        assert connection.info.backend_pid == pid
        connection.execute("UNLISTEN *")
