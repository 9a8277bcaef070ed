"""A real PostgreSQL for every test that wants one: one server a session, an empty database a test."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from migrations.runner import migrate
from projections.projection import Projection
from revisor.embedded_postgres.cluster import APPLICATION
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.log import EventLog
from revisor.store.mapper import EventMapper
from revisor.store.recorder import LogDatastore, LogRecorder, Save
from tests.integration.postgres_probe import closed_folder

_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DROP SCHEMA IF EXISTS views, work, log CASCADE;
"""


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The embedded server of this session. It does not wait for the disk: these databases need not outlive a crash."""
    with closed_folder() as folder, EmbeddedPostgres(folder / "h") as server:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def empty_dsn(postgres: EmbeddedPostgres) -> str:
    """The owner's way to a database in which nothing is."""
    empty(postgres)
    return postgres.dsn("revisor_owner")


def empty(server: EmbeddedPostgres) -> None:
    """Drop everything from the session's database, and end whoever is connected to it."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(_EMPTY.encode())


@pytest.fixture
def owner_dsn(empty_dsn: str) -> str:
    """The owner's way to a migrated database in which nothing is recorded."""
    migrate(empty_dsn, application_role=APPLICATION)
    return empty_dsn


@pytest.fixture
def application_dsn(postgres: EmbeddedPostgres, owner_dsn: str) -> str:
    """The application's way to a migrated database in which nothing is recorded."""
    assert owner_dsn
    return postgres.dsn("revisor")


@pytest.fixture
def database(application_dsn: str) -> Iterator[Database]:
    """The application's pool on a migrated database in which nothing is recorded."""
    pool = Database(application_dsn)
    pool.open()
    yield pool
    pool.close()


class Recording:
    """Appends events to the log, past the application, so that a history of any shape can be there.

    The queue of operations is left alone: nobody carries these out.
    """

    def __init__(self, database: Database) -> None:
        self._mapper = EventMapper()
        self._recorder = LogRecorder(LogDatastore(database))
        self.context = Context("uid:1000(alice)", reason="because", ticket="T-1", correlation=uuid4())

    def append(self, events: Sequence[Any], together: int = 10) -> int:
        """Append in order, some ``together`` a transaction; returns the last position."""
        position = 0
        for start in range(0, len(events), together):
            some = events[start : start + together]
            context = replace(self.context, request_id=uuid4())
            stored = [self._mapper.to_stored_event(event) for event in some]
            position = self._recorder.insert_events(stored, save=Save(context))[-1]
        return position


@pytest.fixture
def recording(database: Database) -> Recording:
    return Recording(database)


def sha256_of(database: Database, projection: Projection) -> str:
    """SHA-256 of all rows of a projection, as text in the order of their keys."""
    summary = hashlib.sha256()
    with database.connection() as connection, connection.cursor() as cursor:
        for table in projection.tables:
            key = sql.SQL(", ").join(map(sql.Identifier, table.key))
            query = sql.SQL("COPY (SELECT * FROM {} ORDER BY {}) TO STDOUT").format(
                sql.Identifier("views", table.name), key
            )
            with cursor.copy(query) as copy:
                for block in copy:
                    summary.update(block)
    return summary.hexdigest()


@pytest.fixture
def log(database: Database) -> EventLog:
    return EventLog(database)


@pytest.fixture
def recorder(database: Database) -> LogRecorder:
    return LogRecorder(LogDatastore(database))
