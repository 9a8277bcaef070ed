"""What an append promises to whoever decides and saves, of the store in PostgreSQL and of the one in memory alike.

The simulation of the worker protocol stands on the second one, so it must be no kinder than the first. The other tests
of this folder speak of what the one in memory has none of: rows, salts and leaves, roles and privileges, migrations,
projections, pools and group commits, many connections at once, and the wall clock of a server.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent

from domain_model.domain import Domain
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.errors import Fenced, RequestRepeated, StreamConflict
from revisor.store.log import EventLog
from revisor.store.recorder import Fence, LogRecorder, Request, Save
from tests.contract.store.streams import NOW, stored
from tests.simulation.application import MemoryLog
from tests.simulation.store import LeaseTable, MemoryRecorder
from tests.unit.test_projection_histories import ALPHA
from workers.leases import Lease, LeaseTimes

ALICE = Context("uid:1000(alice)", reason="because", correlation=uuid4())
LEASE = "host:a"


class Store(Protocol):
    """A store, and what tests want to know of it."""

    @property
    def recorder(self) -> LogRecorder | MemoryRecorder: ...

    @property
    def log(self) -> EventLog: ...

    def lease(self) -> Lease: ...

    def head(self) -> int: ...

    def requests(self) -> set[UUID]: ...

    def queue(self) -> list[tuple[str, bool, int | None]]: ...


class InPostgres:
    def __init__(self, database: Database, recorder: LogRecorder, log: EventLog) -> None:
        self._database = database
        self.recorder = recorder
        self.log = log

    def lease(self) -> Lease:
        return Lease(self._database.pool, LEASE, uuid4(), LeaseTimes())

    def head(self) -> int:
        row = self._database.fetch_one("SELECT position FROM log.head")
        assert row is not None
        return int(row["position"])

    def requests(self) -> set[UUID]:
        return {row["request_id"] for row in self._database.fetch("SELECT request_id FROM log.requests")}

    def queue(self) -> list[tuple[str, bool, int | None]]:
        rows = self._database.fetch("SELECT operation, started, epoch FROM work.operation_queue ORDER BY position")
        return [(str(row["operation"]), row["started"], row["epoch"]) for row in rows]


class InMemory:
    def __init__(self) -> None:
        self.leases = LeaseTable()
        self.recorder = MemoryRecorder(self.leases)
        self.log: EventLog = MemoryLog(self.recorder)

    def lease(self) -> Lease:
        return Lease(self.leases.pool, LEASE, uuid4(), LeaseTimes())

    def head(self) -> int:
        return len(self.recorder.events)

    def requests(self) -> set[UUID]:
        return set(self.recorder.requests)

    def queue(self) -> list[tuple[str, bool, int | None]]:
        return [(row["operation"], row["started"], row["epoch"]) for row in self.recorder.queue.values()]


@pytest.fixture
def in_postgres(database: Database, recorder: LogRecorder, log: EventLog) -> InPostgres:
    return InPostgres(database, recorder, log)


@pytest.fixture
def in_memory() -> InMemory:
    return InMemory()


@pytest.fixture(params=["in_postgres", "in_memory"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


def append(store: Store, events: Sequence[StoredEvent], save: Save) -> list[int]:
    return list(store.recorder.insert_events(events, save=save))


def test_positions_are_counted_from_one_without_a_hole_also_behind_failures(store: Store) -> None:
    taken = uuid4()
    assert append(store, [stored(uuid4()), stored(taken), stored(uuid4())], Save(ALICE)) == [1, 2, 3]
    with pytest.raises(StreamConflict):
        append(store, [stored(uuid4()), stored(taken)], Save(ALICE))
    assert append(store, [stored(taken, 2)], Save(ALICE)) == [4]
    assert append(store, [], Save(ALICE)) == []
    assert store.head() == 4


def test_a_repeated_append_returns_what_it_stored_first_and_stores_nothing(store: Store) -> None:
    save = Save(replace(ALICE, request_id=uuid4()), request=Request(b"fingerprint", uuid4(), uuid4()))
    events = [stored(uuid4()), stored(uuid4())]
    first = append(store, events, save)
    append(store, [stored(uuid4())], Save(ALICE))
    assert append(store, events, save) == first == [1, 2]
    assert store.head() == 3


def test_a_request_id_is_taken_once_and_not_by_what_was_refused(store: Store) -> None:
    context, taken = replace(ALICE, request_id=uuid4()), uuid4()
    append(store, [stored(taken)], Save(ALICE))
    with pytest.raises(StreamConflict):
        append(store, [stored(taken)], Save(context, request=Request(b"fingerprint", uuid4(), uuid4())))
    assert store.requests() == set()
    append(store, [stored(uuid4())], Save(context, request=Request(b"fingerprint", uuid4(), uuid4())))
    for fingerprint in (b"fingerprint", b"another"):
        with pytest.raises(RequestRepeated):
            append(store, [stored(uuid4())], Save(context, request=Request(fingerprint, uuid4(), uuid4())))
    assert (store.head(), store.requests()) == (2, {context.request_id})


def test_a_request_id_without_a_claim_is_context_and_takes_nothing(store: Store) -> None:
    context = replace(ALICE, request_id=uuid4())
    for _ in range(2):
        append(store, [stored(uuid4())], Save(context))
    assert store.requests() == set()


def test_only_the_epoch_that_leads_may_append(store: Store) -> None:
    first, second = store.lease(), store.lease()
    assert first.try_acquire() == 1
    append(store, [stored(uuid4())], Save(ALICE, fence=Fence(LEASE, 1)))
    first.release()
    with pytest.raises(Fenced):
        append(store, [stored(uuid4())], Save(ALICE, fence=Fence(LEASE, 1)))
    assert second.try_acquire() == 2
    append(store, [stored(uuid4())], Save(ALICE, fence=Fence(LEASE, 2)))
    for stale in (Fence(LEASE, 1), Fence(LEASE, 3), Fence("host:b", 2)):
        with pytest.raises(Fenced):
            append(store, [stored(uuid4())], Save(ALICE, fence=stale))
    assert store.head() == 2


def test_what_a_fenced_worker_stored_before_is_still_told_to_it(store: Store) -> None:
    lease = store.lease()
    assert lease.try_acquire() == 1
    save, events = Save(ALICE, fence=Fence(LEASE, 1)), [stored(uuid4())]
    assert append(store, events, save) == [1]
    lease.release()
    assert append(store, events, save) == [1]


def test_the_queue_follows_the_events(store: Store) -> None:
    domain = Domain.introduce(uuid4(), uuid=str(uuid4()), name="vm", host=ALPHA, at=NOW)
    first, second, worker = str(uuid4()), str(uuid4()), str(uuid4())
    for operation, verb in ((first, "start"), (second, "destroy")):
        domain.record(Domain.OperationRequested, NOW, operation=operation, verb=verb, host=ALPHA, arguments={})
    store.log.append(domain, save=Save(ALICE))
    assert store.queue() == [(first, False, None), (second, False, None)]
    domain.record(Domain.OperationStarted, NOW, operation=first, host=ALPHA, worker=worker, epoch=7, evidence={})
    domain.record(Domain.OperationSucceeded, NOW, operation=second, host=ALPHA, result={})
    store.log.append(domain, save=Save(ALICE))
    assert store.queue() == [(first, True, 7)]
    domain.record(Domain.OperationOutcomeUnknown, NOW, operation=first, host=ALPHA, message="lost")
    store.log.append(domain, save=Save(ALICE))
    assert store.queue() == []


def test_what_is_loaded_is_what_was_saved(store: Store) -> None:
    domain = Domain.introduce(uuid4(), uuid=str(uuid4()), name="vm", host=ALPHA, at=NOW)
    store.log.append(domain, save=Save(ALICE))
    loaded = store.log.load(Domain, domain.id)
    assert loaded is not None
    assert vars(loaded) == vars(domain)
    assert store.log.load(Domain, uuid4()) is None


def test_a_save_of_which_the_acknowledgement_is_lost_is_stored_once() -> None:
    """Of the store in memory; the one in PostgreSQL has it through a proxy, in tests/integration/faults."""
    lost = ["after commit"]

    def cut(point: str) -> None:
        if lost == [point]:
            lost.clear()
            raise OperationalError("cut")

    recorder = MemoryRecorder(LeaseTable(), cut)
    assert list(recorder.insert_events([stored(uuid4())], save=Save(ALICE))) == [1]
    assert (lost, len(recorder.events)) == ([], 1)
