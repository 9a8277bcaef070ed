"""One worker at a time leads: taken by compare-and-set, kept by beating, lost after lease and grace of silence.

No clock of the machine is asked: each worker has a monotonic clock of its own that the test turns.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from revisor.store.database import Database
from workers.leases import Lease, LeaseLost, LeaseTimes

TIMES = LeaseTimes(lease_s=15.0, grace_s=5.0)
NAME = "host/alpha"


class Clock:
    """A monotonic clock that stands still until it is turned; two workers' clocks need not agree."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += seconds


class Worker:
    """A worker with its own clock."""

    def __init__(self, database: Database, started_at: float = 0.0) -> None:
        self.clock = Clock(started_at)
        self.id = uuid4()
        self.lease = Lease(database.pool, NAME, self.id, TIMES, self.clock)


@pytest.fixture
def first(database: Database) -> Worker:
    return Worker(database)


@pytest.fixture
def second(database: Database) -> Worker:
    return Worker(database, started_at=1_000_000.0)


@pytest.fixture
def led(first: Worker) -> Worker:
    """A worker that leads in epoch 1."""
    assert first.lease.try_acquire() == 1
    return first


def row(database: Database) -> tuple[UUID | None, int, int]:
    found = database.fetch_one("SELECT worker, epoch, beat FROM work.leases WHERE name = %s", NAME)
    assert found is not None
    return found["worker"], found["epoch"], found["beat"]


def test_the_first_to_come_leads_in_epoch_1(database: Database, led: Worker) -> None:
    assert row(database) == (led.id, 1, 0)
    assert led.lease.epoch == 1


def test_a_renewal_beats_and_keeps_the_epoch(database: Database, led: Worker) -> None:
    led.lease.renew()
    led.lease.renew()
    assert row(database) == (led.id, 1, 2)


def test_nobody_else_leads_while_the_beat_goes_on(led: Worker, second: Worker) -> None:
    for _ in range(10):
        assert second.lease.try_acquire() is None
        second.clock.turn(TIMES.lease_s)
        led.lease.renew()
    assert second.lease.epoch is None


def test_a_silent_holder_is_believed_for_lease_and_grace_and_not_a_moment_longer(
    database: Database, led: Worker, second: Worker
) -> None:
    assert second.lease.try_acquire() is None
    second.clock.turn(TIMES.lease_s + TIMES.grace_s - 0.5)
    assert second.lease.try_acquire() is None
    second.clock.turn(0.5)
    assert second.lease.try_acquire() == 2
    assert row(database)[:2] == (second.id, 2)
    with pytest.raises(LeaseLost, match="another worker took over from epoch 1"):
        led.lease.renew()


def test_a_challenger_counts_from_its_own_first_look_whatever_its_clock_says(led: Worker, second: Worker) -> None:
    led.clock.turn(3600)
    assert second.lease.try_acquire() is None


def test_a_beat_just_before_the_end_makes_the_challenger_wait_anew(led: Worker, second: Worker) -> None:
    second.lease.try_acquire()
    second.clock.turn(TIMES.lease_s + TIMES.grace_s)
    led.lease.renew()
    assert second.lease.try_acquire() is None
    second.clock.turn(TIMES.lease_s)
    assert second.lease.try_acquire() is None
    second.clock.turn(TIMES.grace_s)
    assert second.lease.try_acquire() == 2


def test_a_renewal_between_the_challengers_look_and_its_take_over_wins(
    database: Database, led: Worker, second: Worker
) -> None:
    second.lease.try_acquire()
    second.clock.turn(TIMES.lease_s + TIMES.grace_s)
    look = second.lease._one

    def renewed_meanwhile(statement: str, *params: object) -> object:
        if statement.startswith("UPDATE"):
            led.lease.renew()
        return look(statement, *params)

    second.lease._one = renewed_meanwhile  # type: ignore[method-assign]
    assert second.lease.try_acquire() is None
    assert row(database) == (led.id, 1, 1)


def test_of_many_challengers_at_one_moment_one_leads(database: Database, led: Worker) -> None:
    assert led.lease.epoch == 1
    challengers = [Worker(database) for _ in range(6)]
    for challenger in challengers:
        assert challenger.lease.try_acquire() is None
        challenger.clock.turn(TIMES.lease_s + TIMES.grace_s)
    start = Barrier(len(challengers))

    def challenge(challenger: Worker) -> int | None:
        start.wait()
        return challenger.lease.try_acquire()

    with ThreadPoolExecutor(len(challengers)) as pool:
        epochs = list(pool.map(challenge, challengers))
    assert sorted(epoch for epoch in epochs if epoch is not None) == [2]
    assert row(database)[1] == 2


def test_of_many_first_comers_at_one_moment_one_leads(database: Database) -> None:
    comers = [Worker(database) for _ in range(6)]
    start = Barrier(len(comers))

    def come(comer: Worker) -> int | None:
        start.wait()
        return comer.lease.try_acquire()

    with ThreadPoolExecutor(len(comers)) as pool:
        assert [epoch for epoch in pool.map(come, comers) if epoch is not None] == [1]


def test_a_released_lease_is_taken_at_once_in_a_new_epoch(database: Database, led: Worker, second: Worker) -> None:
    assert second.lease.try_acquire() is None
    led.lease.release()
    assert row(database) == (None, 1, 0)
    assert second.lease.try_acquire() == 2
    assert led.lease.epoch is None


def test_a_released_lease_cannot_be_renewed(led: Worker) -> None:
    led.lease.release()
    with pytest.raises(LeaseLost):
        led.lease.renew()


def test_a_lease_that_was_taken_over_cannot_be_released_by_its_old_holder(
    database: Database, led: Worker, second: Worker
) -> None:
    second.lease.try_acquire()
    second.clock.turn(TIMES.lease_s + TIMES.grace_s)
    second.lease.try_acquire()
    led.lease.release()
    assert row(database)[:2] == (second.id, 2)
    second.lease.renew()


def test_a_worker_that_comes_again_leads_in_a_new_epoch(database: Database, led: Worker) -> None:
    led.lease.release()
    assert led.lease.try_acquire() == 2
    assert row(database)[0] == led.id


def test_a_holder_gives_up_before_anybody_can_take_over(led: Worker) -> None:
    led.clock.turn(TIMES.lease_s)
    assert not led.lease.expired()
    led.clock.turn(0.5)
    assert led.lease.expired()


def test_a_renewal_counts_from_when_it_was_asked_for(led: Worker) -> None:
    ask = led.lease._one

    def slow(statement: str, *params: object) -> object:
        led.clock.turn(TIMES.lease_s)
        return ask(statement, *params)

    led.lease._one = slow  # type: ignore[method-assign]
    led.lease.renew()
    led.clock.turn(0.5)
    assert led.lease.expired()


def test_leases_of_other_names_are_others(database: Database, led: Worker) -> None:
    other = Lease(database.pool, "host/beta", led.id, TIMES, led.clock)
    assert other.try_acquire() == 1


def test_renewals_come_three_times_a_lease() -> None:
    assert TIMES.renew_s * 3 == TIMES.lease_s
