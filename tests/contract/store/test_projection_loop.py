"""The loop on a real database: batches, parking, several at once, and what killing one leaves behind."""

import logging
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection, Cursor
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from domain_model.domain import Domain
from projections.catalogue import all_projections
from projections.domains import DOMAINS
from projections.loop import CHANNEL, ProjectionLoop
from projections.rebuild import rebuild
from revisor.queries import Queries
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.integration.postgres_probe import until
from tests.lab.databases import Server
from tests.lab.projecting import Counts, Stumbling, caught_up, counted, in_the_log, loop_of, running, states_of
from tests.lab.store import Recording, sha256_of
from tests.unit.test_projection_histories import ALPHA, History, every_topic, random_events

LISTEN = f"LISTEN {CHANNEL}".encode()


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_batches_of_any_size_come_to_the_same_rows(database: Database, recording: Recording, batch: int) -> None:
    head = recording.append(every_topic())
    loop = loop_of(database, *all_projections(), Counts(), batch=batch)
    loop.prepare()
    caught_up(loop)
    assert {state.position for state in states_of(database).values()} == {head}
    assert counted(database) == in_the_log(database)
    live = {projection.name: sha256_of(database, projection) for projection in all_projections()}
    for projection in all_projections():
        rebuild(database.pool, LogReader(database), [projection])
    assert live == {projection.name: sha256_of(database, projection) for projection in all_projections()}


def test_an_empty_log_leaves_every_projection_at_the_beginning(database: Database) -> None:
    loop = loop_of(database)
    loop.prepare()
    loop.prepare()
    assert loop.run_once() == 0
    assert {state.position for state in states_of(database).values()} == {0}


def test_what_is_appended_while_the_loop_runs_is_soon_there_to_read(database: Database, recording: Recording) -> None:
    loop_of(database).prepare()
    queries = Queries(database)
    with running(loop_of(database)):
        for seed in range(5):
            assert queries.wait_for(recording.append(random_events(seed, 30)), 60)
    assert queries.domains() or queries.find_placements("vm", living=False)


class Deaf(Connection[DictRow]):
    """A connection to which no notification comes, as through a pooler that lends a session for one transaction."""

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Cursor[DictRow]:
        return super().execute(b"SELECT" if query == LISTEN else query, *arguments, **options)


def test_polling_alone_keeps_up_where_no_notification_comes(database: Database, recording: Recording) -> None:
    loop_of(database, Counts()).prepare()
    kwargs = {"row_factory": dict_row, "autocommit": True}

    def reached(position: int) -> bool:
        return states_of(database)["counts"].position == position

    pool = ConnectionPool[Connection[DictRow]](database.dsn, connection_class=Deaf, kwargs=kwargs, open=False)
    with pool, running(ProjectionLoop(pool, LogReader(database), [Counts()], poll_s=0.05)):
        for seed in range(3):
            head = recording.append(random_events(seed, 30))
            until(partial(reached, head))
    assert counted(database) == in_the_log(database)


def test_waiting_for_a_position_nobody_reaches_ends_with_the_time(database: Database, recording: Recording) -> None:
    loop_of(database).prepare()
    assert not Queries(database).wait_for(recording.append(random_events(1, 5)), 0.01)


@pytest.mark.parametrize("how", ["needs", "apply", "write"])
@pytest.mark.parametrize("batch", [1, 10])
def test_an_event_that_cannot_be_folded_parks_only_that_projection(
    database: Database, recording: Recording, caplog: pytest.LogCaptureFixture, how: str, batch: int
) -> None:
    head = recording.append(random_events(2, 25))
    loop = loop_of(database, *all_projections(), Stumbling(17, how), batch=batch)
    loop.prepare()
    with caplog.at_level(logging.ERROR):
        caught_up(loop)
        caught_up(loop)
    states = states_of(database)
    assert {states[projection.name].position for projection in all_projections()} == {head}
    parked = states["counts"]
    assert (parked.position, parked.parked_at) == (16, 17)
    assert parked.error is not None
    assert "second line" not in parked.error
    assert sum(counted(database).values()) == 16
    alarms = [record.getMessage() for record in caplog.records if "parked" in record.getMessage()]
    assert len(alarms) == 1
    assert "counts is parked before position 17" in alarms[0]
    assert Queries(database).wait_for(head, 0), "a parked projection is not waited for"


def test_a_parked_projection_tries_again_when_the_projector_is_started_again(
    database: Database, recording: Recording
) -> None:
    recording.append(random_events(2, 25))
    loop = loop_of(database, Stumbling(17, "apply"))
    loop.prepare()
    caught_up(loop)
    assert states_of(database)["counts"].parked_at == 17
    repaired = loop_of(database, Counts())
    repaired.prepare()
    caught_up(repaired)
    state = states_of(database)["counts"]
    assert (state.position, state.parked_at, state.error) == (25, None, None)
    assert counted(database) == in_the_log(database)


def test_an_event_this_release_cannot_read_parks_them_all_before_it(
    database: Database, recording: Recording, owner_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    recording.append(random_events(3, 12))
    _append_unknown(owner_dsn)
    recording.append(random_events(4, 5))
    loop = loop_of(database)
    loop.prepare()
    with caplog.at_level(logging.ERROR):
        caught_up(loop)
    for state in states_of(database).values():
        assert (state.position, state.parked_at) == (12, 13)
        assert state.error is not None
        assert "position 13 cannot be read" in state.error
        assert "domain.teleported" in state.error
    parked = [record for record in caplog.records if "parked before position 13" in record.getMessage()]
    assert len(parked) == len(all_projections())


def _append_unknown(owner_dsn: str) -> None:
    """What a newer release may have written."""
    stream, append = uuid4(), uuid4()
    with psycopg.connect(owner_dsn) as connection:
        connection.execute(
            "SELECT log.append(%s, 'me', NULL, NULL, NULL, %s, NULL, %s::uuid[], %s::bigint[], %s::text[], %s::bytea[],"
            " NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
            [append, append, [stream], [1], ["domain.teleported"], [b"{}"]],
        )


def test_a_lost_database_is_waited_for(
    database: Database, recording: Recording, postgres: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with running(loop_of(database)):
        until(lambda: _listening(postgres))
        _end_sessions(postgres)
        until(lambda: any("interrupted" in record.getMessage() for record in caplog.records))
        head = recording.append(every_topic())
        assert Queries(database).wait_for(head, 60)


_SESSIONS = "FROM pg_stat_activity WHERE usename = 'revisor'"


def _listening(postgres: Server) -> bool:
    with psycopg.connect(postgres.dsn("postgres")) as connection:
        return connection.execute(f"SELECT {_SESSIONS} AND query LIKE 'LISTEN%'".encode()).fetchone() is not None


def _end_sessions(postgres: Server) -> None:
    with psycopg.connect(postgres.dsn("postgres")) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) {_SESSIONS}".encode())


def test_a_loop_gives_its_connection_back_without_listening(database: Database) -> None:
    with running(loop_of(database)):
        until(lambda: database.fetch("SELECT FROM pg_tables WHERE tablename = 'projections'"))
    for connection in [database.pool.getconn() for _ in range(2)]:
        assert connection.execute("SELECT * FROM pg_listening_channels()").fetchall() == []
        database.pool.putconn(connection)


def test_text_that_postgresql_cannot_store_does_not_park_anything(database: Database, recording: Recording) -> None:
    history = History()
    domain = history.domain("vm")
    operation = {"operation": str(uuid4()), "host": ALPHA}
    arguments = {"name": "a\0b", "list": ["\0"], "backslash": "\\u0000"}
    history.record(domain, Domain.OperationRequested, **operation, verb="start", arguments=arguments)
    history.record(domain, Domain.OperationFailed, **operation, code=1, message="x\0y", result={"\0": 1})
    head = recording.append(history.events)
    loop = loop_of(database)
    loop.prepare()
    caught_up(loop)
    assert Queries(database).position() == head
    (row,) = Queries(database).operations()
    assert row.error_message == "x\ufffdy"
    assert row.arguments == {"name": "a\ufffdb", "list": ["\ufffd"], "backslash": "\\u0000"}
    assert row.result == {"\ufffd": 1}


def test_the_tables_of_a_newer_release_are_left_alone(database: Database, recording: Recording) -> None:
    loop = loop_of(database)
    loop.prepare()
    recording.append(every_topic())
    database.execute("UPDATE views.projections SET version = 99 WHERE name = 'domains'")
    loop.prepare()
    caught_up(loop)
    states = states_of(database)
    assert (states["domains"].position, states["domains"].version) == (0, 99)
    assert states["hosts"].position == LogReader(database).head()


def test_a_projection_of_an_older_release_is_rebuilt_when_the_projector_starts(
    database: Database, recording: Recording
) -> None:
    loop = loop_of(database)
    loop.prepare()
    head = recording.append(every_topic())
    caught_up(loop)
    domains = next(each for each in all_projections() if each.name == "domains")
    before = sha256_of(database, domains)
    database.execute("UPDATE views.projections SET version = 0 WHERE name = 'domains'")
    database.execute("DELETE FROM views.domains")
    database.execute("ALTER TABLE views.domains DROP COLUMN live")
    loop.prepare()
    state = states_of(database)["domains"]
    assert (state.version, state.position, state.rebuilt_position) == (domains.version, head, head)
    assert sha256_of(database, domains) == before
    assert DOMAINS.stored.keys() == {column for row in database.fetch("SELECT * FROM views.domains") for column in row}


def test_one_that_cannot_be_rebuilt_is_parked_and_does_not_stop_the_others(
    database: Database, recording: Recording
) -> None:
    loop_of(database, *all_projections(), Counts()).prepare()
    head = recording.append(every_topic())
    database.execute("UPDATE views.projections SET version = 0 WHERE name = 'counts'")
    loop = loop_of(database, *all_projections(), Stumbling(5, "apply"))
    loop.prepare()
    caught_up(loop)
    states = states_of(database)
    assert states["counts"].error is not None
    assert "position 5" in states["counts"].error
    assert states["operations"].position == head
    assert Queries(database).wait_for(head, 0)
