"""Saves of several threads in one transaction: each has its own outcome, and the log has each once, without a hole."""

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.errors import Fenced, RequestRepeated, StreamConflict
from revisor.store.reading import LogReader
from revisor.store.recorder import Fence, LogDatastore, LogRecorder, Request, Save
from tests.contract.store.streams import stored
from tests.lab.awaiting import eventually
from tests.lab.cutting_proxy import CuttingProxy

ALICE = Context("uid:1000(alice)", correlation=uuid4())
Saving = Callable[[], Sequence[int]]


@contextmanager
def held_head(owner_dsn: str) -> Iterator[None]:
    """Nobody can append meanwhile."""
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("SELECT FROM log.head FOR UPDATE")
        yield


def together(recorder: LogRecorder, owner_dsn: str, *savings: Saving) -> list[Future[Sequence[int]]]:
    """Have one save begin, and all of these while it waits for the head of the log: so they are one group."""
    futures: list[Future[Sequence[int]]] = []
    group = recorder._group
    with ThreadPoolExecutor(len(savings) + 1) as pool, held_head(owner_dsn):
        pool.submit(recorder.insert_events, [stored(uuid4())], save=Save(ALICE))
        eventually(lambda: group._flushing and not group._waiting, what="the first is under way")
        for saving in savings:
            futures.append(pool.submit(saving))
            eventually(lambda: len(group._waiting) == len(futures), what="it waits")
    return futures


def saving(recorder: LogRecorder, stream: UUID | None = None, save: Save | None = None) -> Saving:
    return lambda: recorder.insert_events([stored(stream or uuid4())], save=save or Save(ALICE))


def transactions(database: Database) -> int:
    row = database.fetch_one("SELECT count(DISTINCT xmin::text) AS n FROM log.events")
    assert row is not None
    return int(row["n"])


def test_saves_that_come_together_are_one_transaction(
    database: Database, recorder: LogRecorder, owner_dsn: str
) -> None:
    futures = together(recorder, owner_dsn, *(saving(recorder) for _ in range(5)))
    assert [future.result() for future in futures] == [[2], [3], [4], [5], [6]]
    assert transactions(database) == 2


def test_in_a_group_only_those_are_refused_whom_it_concerns(
    database: Database, recorder: LogRecorder, owner_dsn: str
) -> None:
    stream, operation = uuid4(), uuid4()
    request = Save(Context("me", request_id=uuid4()), request=Request(b"f", operation, uuid4()))
    again = Save(request.context, request=Request(b"f", uuid4(), uuid4()))
    first, second, third, fourth, fifth, sixth = together(
        recorder,
        owner_dsn,
        saving(recorder, stream),
        saving(recorder, stream),
        saving(recorder, save=request),
        saving(recorder, save=again),
        saving(recorder, save=Save(ALICE, fence=Fence("nobody's", 1))),
        saving(recorder),
    )
    assert [future.result() for future in (first, third, sixth)] == [[2], [3], [4]]
    assert isinstance(second.exception(), StreamConflict)
    assert isinstance(fourth.exception(), RequestRepeated)
    assert isinstance(fifth.exception(), Fenced)
    assert LogReader(database).head() == 4


def test_what_cannot_be_stored_fails_for_itself_alone(recorder: LogRecorder, owner_dsn: str) -> None:
    first, nul, half, last = together(
        recorder,
        owner_dsn,
        saving(recorder),
        saving(recorder, save=Save(Context("me", reason="a\0b"))),
        saving(recorder, save=Save(Context("me", reason="\ud800"))),
        saving(recorder),
    )
    assert [future.result() for future in (first, last)] == [[2], [3]]
    assert isinstance(nul.exception(), psycopg.DataError)
    assert isinstance(half.exception(), UnicodeEncodeError)


def test_a_save_in_a_group_may_be_repeated(recorder: LogRecorder, owner_dsn: str) -> None:
    save, events = Save(ALICE), [stored(uuid4())]
    first = recorder.insert_events(events, save=save)
    futures = together(recorder, owner_dsn, lambda: recorder.insert_events(events, save=save), saving(recorder))
    assert [future.result() for future in futures] == [first, [3]]


def test_saves_survive_the_death_of_their_connections_and_none_is_stored_twice(
    database: Database, recorder: LogRecorder, application_dsn: str
) -> None:
    stopped = threading.Event()

    def kill() -> int:
        """Cut everybody off, five times; a pool waits longer each time before it connects again."""
        killed = 0
        with psycopg.connect(application_dsn, autocommit=True) as connection:
            for _ in range(5):
                stopped.wait(0.1)
                row = connection.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database() AND usename = current_user"
                ).fetchone()
                assert row is not None
                killed += row[0]
        return killed

    def save_on() -> list[int]:
        """Until everybody was cut off, and once more."""
        given: list[int] = []
        while not killing.done() or not given:
            given += saving(recorder)()
        return given

    with ThreadPoolExecutor(9) as pool:
        killing = pool.submit(kill)
        savers = [pool.submit(save_on) for _ in range(8)]
        given = [position for saver in savers for position in saver.result(60)]
    assert killing.result() > 0
    assert sorted(given) == list(range(1, len(given) + 1))
    assert LogReader(database).head() == len(given)


@contextmanager
def through_a_proxy(dsn: str) -> Iterator[tuple[CuttingProxy, LogRecorder]]:
    with tempfile.TemporaryDirectory(prefix="rv-") as folder, CuttingProxy(dsn, Path(folder)) as proxy:
        database = Database(proxy.dsn)
        database.open()
        try:
            yield proxy, LogRecorder(LogDatastore(database))
        finally:
            database.close()


def test_a_save_whose_commit_was_not_heard_of_is_stored_once_and_succeeds(
    database: Database, application_dsn: str
) -> None:
    with through_a_proxy(application_dsn) as (proxy, recorder):
        proxy.cut_at = b"SELECT 1\x00"
        assert list(saving(recorder)()) == [1]
        assert proxy.cut_at is None, "it was cut"
        assert list(saving(recorder)()) == [2]
    assert LogReader(database).head() == 2


def test_a_group_whose_commit_was_not_heard_of_is_stored_once_and_succeeds(
    database: Database, application_dsn: str, owner_dsn: str
) -> None:
    with through_a_proxy(application_dsn) as (proxy, recorder):
        proxy.cut_at = b"COMMIT\x00"
        futures = together(recorder, owner_dsn, *(saving(recorder) for _ in range(4)))
        assert [list(future.result()) for future in futures] == [[2], [3], [4], [5]]
        assert proxy.cut_at is None, "it was cut"
    assert LogReader(database).head() == 5


def test_a_group_is_not_stored_when_the_server_goes_while_a_refusal_is_rolled_back(
    database: Database, application_dsn: str, owner_dsn: str
) -> None:
    """psycopg ends a transaction on a dead connection without a word, once an error was caught inside it."""
    stream = uuid4()
    with through_a_proxy(application_dsn) as (proxy, recorder):
        proxy.cut_before = b"ROLLBACK TO"
        first, second = together(recorder, owner_dsn, saving(recorder, stream), saving(recorder, stream))
        assert isinstance(second.exception(), StreamConflict)
        assert proxy.cut_before is None, "it was cut"
        assert first.result() == [2]
    assert LogReader(database).head() == 2


def test_a_process_that_stands_still_in_the_middle_of_a_group_keeps_nobody_from_appending(
    database: Database, recorder: LogRecorder, owner_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("revisor.store.recorder.STANDS_STILL_S", 1)
    stands, goes_on, stream = threading.Event(), threading.Event(), uuid4()

    def stand_once(answer: psycopg.Cursor[Any]) -> int:
        if answer.connection.info.transaction_status is TransactionStatus.INTRANS and not stands.is_set():
            stands.set()
            assert goes_on.wait(60)
        [row] = answer.fetchall()
        return int(row["position"])

    monkeypatch.setattr("revisor.store.recorder._first_position", stand_once)
    with ThreadPoolExecutor(1) as pool:
        group = pool.submit(together, recorder, owner_dsn, saving(recorder, stream), saving(recorder, stream))
        assert stands.wait(60)
        assert list(saving(LogRecorder(LogDatastore(database)))()) == [2]
        goes_on.set()
        first, second = group.result()
    assert list(first.result()) == [3]
    assert isinstance(second.exception(), StreamConflict)


@pytest.mark.parametrize("threads", [1, 4, 16])
def test_positions_have_no_hole_whoever_writes_beside_whom(
    database: Database, recorder: LogRecorder, threads: int
) -> None:
    with ThreadPoolExecutor(threads) as pool:
        given = list(pool.map(lambda _: saving(recorder)(), range(threads * 10)))
    assert sorted(position for positions in given for position in positions) == list(range(1, threads * 10 + 1))
    assert transactions(database) <= threads * 10
