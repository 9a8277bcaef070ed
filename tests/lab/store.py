"""The store on a real PostgreSQL, for every test that wants one: one server a session, an empty database a test.

Loaded by ``pytest_plugins``. ``--databases`` or ``REVISOR_TEST_DATABASES`` chooses the servers: the store's contract is
tried on each of them, all other tests run on the first. Left to itself a run takes the first that this machine has; one
that was asked for by name and is not there fails.
"""

import argparse
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from psycopg import sql

from migrations.runner import migrate
from projections.projection import Projection
from revisor.embedded_postgres.cluster import APPLICATION
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.log import EventLog
from revisor.store.mapper import EventMapper
from revisor.store.recorder import LogDatastore, LogRecorder, Save
from tests.lab.databases import NAMES, Server, first_that_answers, missing, running
from tests.lab.fixtures import require

ASKED_BY = "REVISOR_TEST_DATABASES"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let people choose the servers."""
    parser.addoption(
        "--databases",
        type=server_names,
        default=os.environ.get(ASKED_BY),
        metavar="NAMES",
        help=f"PostgreSQL servers to try the store on, of {','.join(NAMES)} (default: ${ASKED_BY}, or the first that"
        " this machine has)",
    )


def server_names(text: str) -> list[str] | None:
    """The names in ``text``, which are separated by commas; None when there is none.

    Raises ArgumentTypeError for a name that no server has.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"{name!r} in {text!r} is no server's name; there are {','.join(NAMES)}")
    return names or None


def pytest_report_header(config: pytest.Config) -> str:
    """Say which servers the tests of the store run on, and why on these."""
    asked = config.getoption("--databases")
    why = "asked for" if asked else f"the first of {', '.join(NAMES)} that is here"
    return f"databases: {', '.join(chosen_databases(config))} ({why})"


def chosen_databases(config: pytest.Config) -> list[str]:
    """The names of the servers of this run."""
    return config.getoption("--databases") or [first_that_answers()]


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server of this session, or the one the test is parametrised with."""
    name = getattr(request, "param", None) or chosen_databases(request.config)[0]
    require(missing(name), asked_for=f"the database {name}" if request.config.getoption("--databases") else None)
    with running(name) as server:
        yield server


@pytest.fixture
def empty_dsn(postgres: Server) -> str:
    """The owner's way to a database in which nothing is."""
    postgres.empty()
    return postgres.dsn("revisor_owner")


@pytest.fixture
def owner_dsn(empty_dsn: str) -> str:
    """The owner's way to a migrated database in which nothing is recorded."""
    migrate(empty_dsn, application_role=APPLICATION)
    return empty_dsn


@pytest.fixture
def application_dsn(postgres: Server, owner_dsn: str) -> str:
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
    """SHA-256 of all rows of a projection, and of what they were before, as text in the order of their keys.

    The tables are locked first: COPY would take its look before it waits for a rebuild to swap them, and then see none
    of the rows of the new ones.
    """
    summary = hashlib.sha256()
    with database.connection() as connection, connection.transaction(), connection.cursor() as cursor:
        parts = [part for table in projection.tables for part in (table, table.past) if part is not None]
        for table in parts:
            cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.Identifier("views", table.name)))
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
