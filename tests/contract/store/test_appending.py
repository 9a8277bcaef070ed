"""Appending to a real PostgreSQL: what one append does and what it refuses, all of it or nothing.

What the store in memory promises as well is in test_promises.py.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from domain_model.domain import Domain
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.documents import Documents, Drafts, digest_of
from revisor.store.errors import RequestRepeated, StreamConflict
from revisor.store.mapper import EventMapper
from revisor.store.queue import queue_changes, queue_of
from revisor.store.reading import LogReader
from revisor.store.recorder import LogRecorder, Request, Save
from tests.contract.store.streams import stored
from tests.unit.test_projection_histories import ALPHA, History, every_topic

ALICE = Context("uid:1000(alice)", reason="because", correlation=uuid4())


def counts(database: Database) -> tuple[int, int, int, int]:
    """How many events, appends, documents and requests there are."""
    row = database.fetch_one(
        "SELECT (SELECT count(*) FROM log.events) AS a, (SELECT count(*) FROM log.appends) AS b,"
        " (SELECT count(*) FROM log.documents) AS c, (SELECT count(*) FROM log.requests) AS d"
    )
    assert row is not None
    return row["a"], row["b"], row["c"], row["d"]


# Positions.


def test_positions_are_counted_from_one_without_a_hole_also_behind_failures(
    database: Database, recorder: LogRecorder
) -> None:
    taken = uuid4()
    assert recorder.insert_events([stored(uuid4()), stored(taken), stored(uuid4())], save=Save(ALICE)) == [1, 2, 3]
    with pytest.raises(StreamConflict):
        recorder.insert_events([stored(uuid4()), stored(taken)], save=Save(ALICE))
    assert recorder.insert_events([stored(taken, 2)], save=Save(ALICE)) == [4]
    assert recorder.insert_events([], save=Save(ALICE)) == []
    assert LogReader(database).head() == 4
    assert counts(database)[:2] == (4, 2)


def test_many_writers_get_positions_in_the_order_of_their_commits(database: Database, recorder: LogRecorder) -> None:
    """A reader that tails by position while they write never meets one that was skipped before."""
    done = threading.Event()
    seen: list[int] = []

    def tail() -> None:
        reader = LogReader(database)
        while not (done.is_set() and reader.head() == len(seen)):
            seen.extend(event.position for event in reader.read(len(seen), 100))

    def write(_: int) -> list[int]:
        return list(recorder.insert_events([stored(uuid4()), stored(uuid4())], save=Save(ALICE)))

    tailing = threading.Thread(target=tail)
    tailing.start()
    try:
        with ThreadPoolExecutor(5) as pool:
            given = list(pool.map(write, range(60)))
    finally:
        done.set()
        tailing.join()
    assert sorted(position for some in given for position in some) == list(range(1, 121))
    assert all(second == first + 1 for first, second in given)
    assert seen == list(range(1, 121))


def test_the_time_of_recording_never_goes_back(database: Database, recorder: LogRecorder, owner_dsn: str) -> None:
    recorder.insert_events([stored(uuid4())], save=Save(ALICE))
    future = datetime.now(UTC) + timedelta(days=1)
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("UPDATE log.head SET recorded_at = %s", [future])
    recorder.insert_events([stored(uuid4()), stored(uuid4())], save=Save(ALICE))
    times = [event.recorded_at for event in LogReader(database).read(0, 10)]
    assert times == sorted(times)
    assert times[1] == times[2] == future


def test_whoever_listens_is_woken(database: Database, recorder: LogRecorder) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("LISTEN revisor")
        recorder.insert_events([stored(uuid4()), stored(uuid4())], save=Save(ALICE))
        assert [heard.channel for heard in connection.notifies(timeout=60, stop_after=1)] == ["revisor"]


# The three ids, and the fence.


def test_a_repeated_append_returns_what_it_stored_first_and_stores_nothing(
    database: Database, recorder: LogRecorder
) -> None:
    """As after a lost acknowledgement of the COMMIT: the same save is tried again."""
    operation, domain = uuid4(), uuid4()
    save = Save(replace(ALICE, request_id=uuid4()), [b"<domain/>"], Request(b"fingerprint", operation, domain))
    events = [stored(uuid4()), stored(uuid4())]
    first = recorder.insert_events(events, save=save)
    recorder.insert_events([stored(uuid4())], save=Save(ALICE))
    before = counts(database)
    assert recorder.insert_events(events, save=save) == first == [1, 2]
    assert counts(database) == before


def test_a_request_id_is_taken_once(database: Database, recorder: LogRecorder) -> None:
    context = replace(ALICE, request_id=uuid4())
    request = Request(b"fingerprint", uuid4(), uuid4())
    recorder.insert_events([stored(uuid4())], save=Save(context, request=request))
    before = counts(database)
    for again in (request, Request(b"another", uuid4(), uuid4())):
        with pytest.raises(RequestRepeated):
            recorder.insert_events([stored(uuid4())], save=Save(context, [b"new"], request=again))
    assert counts(database) == before
    row = database.fetch_one("SELECT * FROM log.requests")
    assert row is not None
    assert (row["request_id"], bytes(row["fingerprint"]), row["operation"]) == (
        context.request_id,
        b"fingerprint",
        request.operation,
    )


_FAILS_TWICE = """
CREATE SEQUENCE work.tries;
CREATE FUNCTION work.fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('work.tries') <= 2 THEN RAISE EXCEPTION 'for the test' USING ERRCODE = '{code}'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fails_twice BEFORE INSERT ON log.events FOR EACH ROW EXECUTE FUNCTION work.fail_twice();
"""


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_what_the_database_asks_to_be_tried_again_is_tried_again(
    database: Database, recorder: LogRecorder, owner_dsn: str, code: str
) -> None:
    """Serialization failures and deadlocks: other engines and settings than ours have them as a matter of course."""
    with psycopg.connect(owner_dsn) as connection:
        connection.execute(_FAILS_TWICE.format(code=code).encode())
    assert recorder.insert_events([stored(uuid4())], save=Save(ALICE)) == [1]
    assert counts(database)[:2] == (1, 1)
    with psycopg.connect(owner_dsn) as connection:
        assert connection.execute("SELECT last_value FROM work.tries").fetchone() == (3,)


# Documents and the queue, in the same transaction.


def test_documents_are_stored_once_and_only_with_their_events(database: Database, recorder: LogRecorder) -> None:
    drafts = Drafts()
    digest = drafts.add("<domain>ž\0</domain>")
    assert drafts.add("<domain>ž\0</domain>") == digest == digest_of("<domain>ž\0</domain>")
    taken = uuid4()
    for version in (1, 2):
        recorder.insert_events([stored(taken, version)], save=Save(ALICE, drafts.bodies))
    with pytest.raises(StreamConflict):
        recorder.insert_events([stored(taken, 1)], save=Save(ALICE, [b"<never/>"]))
    documents = Documents(database)
    assert documents.get(digest) == "<domain>ž\0</domain>"
    assert documents.get_many([digest, digest]) == {digest: "<domain>ž\0</domain>"}
    assert counts(database)[2] == 1
    with pytest.raises(KeyError, match=digest_of("<never/>")):
        documents.get_many([digest, digest_of("<never/>")])


def test_the_queue_can_be_rebuilt_from_the_log(database: Database, recorder: LogRecorder) -> None:
    """What the appends left in the queue is what the events say about it, and in the same order."""
    mapper, history = EventMapper(), every_topic()
    begun = History()
    for number in range(9):
        domain = begun.domain(f"domain {number}")
        operation = {"operation": str(uuid4()), "host": ALPHA}
        begun.record(domain, Domain.OperationRequested, **operation, verb="start", arguments={})
        if number % 3:
            worker = {"worker": str(uuid4()), "epoch": number}
            begun.record(domain, Domain.OperationStarted, **operation, **worker, evidence={})
        if number % 3 == 2:
            begun.record(domain, Domain.OperationFailed, **operation, code=1, message="no", result={})
    for event in [*history, *begun.events]:
        queue = queue_changes([event])
        recorder.insert_events([mapper.to_stored_event(event)], save=Save(ALICE, queue=queue))
    rebuilt = queue_of((event.position, event.event) for event in LogReader(database).read(0, 10_000))
    columns = ("operation", "domain", "host", "verb", "exclusive", "position", "started", "worker", "epoch")
    assert [tuple(row.get(column) for column in columns) for row in rebuilt] == [
        tuple(str(row[column]) if isinstance(row[column], UUID) else row[column] for column in columns)
        for row in database.fetch("SELECT * FROM work.operation_queue ORDER BY position")
    ]
    assert len(rebuilt) == 6


# What does not fit.


def test_an_aggregate_that_is_not_ours_to_store_fails_loudly(recorder: LogRecorder) -> None:
    """A null where none may be is an error of the program, and must not look like a conflict."""
    with pytest.raises(TypeError):
        recorder.insert_events([StoredEvent(uuid4(), 1, None, b"{}")], save=Save(ALICE))  # type: ignore[arg-type]
