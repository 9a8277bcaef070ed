"""Whoever waits for an operation hears of its end once it can be read, and one look at the database serves them all."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from revisor.ends import Ends
from revisor.store.database import Database, Row
from revisor.wakeup import Wakeup
from tests.integration.product import ALICE, Product
from tests.lab.awaiting import eventually
from tests.lab.projecting import loop_of, running

_LONG_S = 60.0
_FOR_EVER_S = 1e6


class Watched(Database):
    """A database that knows how many ask it at once, and how many operations they ask about."""

    asking = 0
    most_at_once = 0
    asked_about: frozenset[UUID] = frozenset()

    def fetch_one(self, query: str, *params: object) -> Row | None:
        self.asking += 1
        self.most_at_once = max(self.most_at_once, self.asking)
        found = super().fetch_one(query, *params)
        self.asked_about = frozenset(params[0])  # type: ignore[call-overload]
        self.asking -= 1
        return found


@pytest.fixture
def watched(database: Database) -> Iterator[Watched]:
    pool = Watched(database.dsn)
    pool.open()
    yield pool
    pool.close()


@pytest.fixture
def ends(watched: Watched) -> Iterator[Ends]:
    wakeup = Wakeup(watched.dsn)
    wakeup.start()
    yield Ends(watched, wakeup, patience_s=_LONG_S)
    wakeup.stop()


@pytest.fixture
def people() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as pool:
        yield pool


def asked(product: Product) -> UUID:
    return product.service.act("web", None, "autostart", {}, ALICE).operation


def carried_out(product: Product) -> None:
    product.agents["alpha"].run_once(time.monotonic())


def queued(product: Product) -> int:
    alpha = product.queries.host("alpha")
    assert alpha is not None
    return product.queries.waiting_on(alpha.id)


def until(what: str, done: Callable[[], bool], act: Callable[[], None] = lambda: None) -> None:
    def probe() -> bool:
        act()
        return done()

    eventually(probe, what=what)


def test_all_that_wait_hear_of_their_ends_by_the_looks_of_one(
    product: Product, ends: Ends, watched: Watched, people: ThreadPoolExecutor
) -> None:
    operations = [asked(product) for _ in range(3)]
    waiting = [people.submit(ends.wait, operation, _LONG_S) for operation in operations * 10]
    until("somebody asks about all", lambda: watched.asked_about == set(operations))
    with running(loop_of(product.database)):
        until("all are answered", lambda: all(one.done() for one in waiting), lambda: carried_out(product))
    assert [product.queries.operation(operation).state for operation in operations] == ["succeeded"] * 3  # type: ignore[union-attr]
    assert watched.most_at_once == 1


def test_an_end_is_told_when_the_read_models_have_it(
    product: Product, ends: Ends, watched: Watched, people: ThreadPoolExecutor
) -> None:
    operation = asked(product)
    shown: list[str] = []

    def wait() -> None:
        ends.wait(operation, _LONG_S)
        row = product.queries.operation(operation)
        shown.append("nothing" if row is None else row.state)

    answer = people.submit(wait)
    until("it waits", lambda: watched.asked_about == {operation})
    until("it has ended", lambda: queued(product) == 0, lambda: carried_out(product))
    assert not answer.done()
    with running(loop_of(product.database)):
        answer.result(_LONG_S)
    assert shown == ["succeeded"]


def test_who_looked_for_all_and_waits_no_longer_hands_that_on(
    product: Product, ends: Ends, watched: Watched, people: ThreadPoolExecutor
) -> None:
    operation = asked(product)
    first: Future[None] = people.submit(ends.wait, operation, 0.5)
    until("the first looks", lambda: watched.asked_about == {operation})
    others = [people.submit(ends.wait, operation, _LONG_S) for _ in range(5)]
    first.result(_LONG_S)
    with running(loop_of(product.database)):
        until("the others are answered", lambda: all(one.done() for one in others), lambda: carried_out(product))


def test_read_models_that_stand_still_are_waited_for_so_long(product: Product, watched: Watched) -> None:
    operation = asked(product)
    until("it has ended", lambda: queued(product) == 0, lambda: carried_out(product))
    Ends(watched, Wakeup(watched.dsn), patience_s=0.1).wait(operation, timeout_s=_FOR_EVER_S)


def test_of_what_nobody_asked_for_there_is_no_end_to_wait_for(product: Product, ends: Ends) -> None:
    assert queued(product) == 0
    ends.wait(uuid4(), timeout_s=_FOR_EVER_S)


def test_who_joins_late_is_looked_for_at_once_and_not_when_it_is_time_again(
    product: Product, watched: Watched, people: ThreadPoolExecutor
) -> None:
    waits, over = asked(product), uuid4()
    no_hints = Wakeup(watched.dsn)
    ends = Ends(watched, no_hints, poll_s=_FOR_EVER_S)
    first = people.submit(ends.wait, waits, _LONG_S)
    until("the first has looked", lambda: watched.asked_about == {waits})
    ends.wait(over, timeout_s=_LONG_S / 2)
    assert watched.asked_about == {waits, over}
    until("it has ended", lambda: queued(product) == 0, lambda: carried_out(product))
    no_hints.wake()
    first.result(_LONG_S)
