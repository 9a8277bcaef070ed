"""Several projectors at once, overtaken ones and killed ones: every event is taken once, whatever they do."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from projections import loop
from projections.catalogue import all_projections
from projections.loop import ProjectionLoop
from projections.ports import RecordedEvent
from projections.projection import Rows
from projections.rebuild import rebuild
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.integration.postgres_probe import ROOT_OF_HOUSE, until
from tests.lab.projecting import (
    Counts,
    caught_up,
    counted,
    in_the_log,
    loop_of,
    running,
    states_of,
)
from tests.lab.store import Recording, sha256_of
from tests.unit.test_projection_histories import every_topic, random_events


def test_a_repeated_position_is_refused(database: Database, recording: Recording) -> None:
    """Another projector folds the batch between our reading it and our folding it."""
    recording.append(random_events(5, 40))
    other = loop_of(database, Counts(), batch=25)
    other.prepare()

    class Overtaken(LogReader):
        def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
            events = super().read(after, limit)
            other.run_once()
            return events

    ours = ProjectionLoop(database.pool, Overtaken(database), [Counts()], batch=30)
    caught_up(ours)
    assert counted(database) == in_the_log(database)
    assert states_of(database)["counts"].position == 40


def test_a_projection_that_was_moved_back_meanwhile_is_not_folded_with_a_hole(
    database: Database, recording: Recording
) -> None:
    recording.append(random_events(5, 20))
    loop = loop_of(database, Counts(), batch=10)
    loop.prepare()
    loop.run_once()

    class MovedBack(LogReader):
        def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
            events = super().read(after, limit)
            if after == 10:
                database.execute("UPDATE views.projections SET position = 5")
            return events

    ProjectionLoop(database.pool, MovedBack(database), [Counts()]).run_once()
    assert states_of(database)["counts"].position == 5


def test_two_projectors_at_once_take_every_event_once(database: Database, recording: Recording) -> None:
    second = Database(database.dsn, max_connections=4)
    second.open()
    try:
        with running(loop_of(database, Counts(), batch=3)), running(loop_of(second, Counts(), batch=5)):
            for seed in range(4):
                head = recording.append(random_events(seed, 60), together=3)
            until(lambda: states_of(database)["counts"].position == head)
    finally:
        second.close()
    assert counted(database) == in_the_log(database)


def test_one_that_stands_still_in_the_middle_of_a_batch_is_overtaken_and_goes_on_later(
    database: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_STANDS_STILL_S", 1)
    head = recording.append(random_events(5, 40))
    stands, goes_on = threading.Event(), threading.Event()

    class Standing(Counts):
        def apply(self, rows: Rows, event: RecordedEvent) -> None:
            if event.position == 20 and not stands.is_set():
                stands.set()
                assert goes_on.wait(60)
            super().apply(rows, event)

    with running(loop_of(database, Standing())):
        until(stands.is_set)
        other = loop_of(database, Counts())
        caught_up(other)
        assert states_of(database)["counts"].position == head
        goes_on.set()
        again = recording.append(random_events(6, 10))
        until(lambda: states_of(database)["counts"].position == again)
    assert states_of(database)["counts"].parked_at is None
    assert counted(database) == in_the_log(database)


def test_two_projectors_may_make_the_tables_at_once(database: Database) -> None:
    barrier = threading.Barrier(4)

    def prepare() -> None:
        barrier.wait()
        loop_of(database).prepare()

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states_of(database)) == sorted(projection.name for projection in all_projections())


_PROJECTOR = """
import sys, threading
from projections.catalogue import all_projections
from projections.loop import ProjectionLoop
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.lab.projecting import Counts
database = Database(sys.argv[1])
database.open()
loop = ProjectionLoop(database.pool, LogReader(database), [*all_projections(), Counts()], batch=int(sys.argv[2]))
loop.run(threading.Event())
"""


def test_a_projector_killed_at_any_moment_loses_and_repeats_nothing(database: Database, recording: Recording) -> None:
    seed = random.randrange(1000)
    print(f"seed {seed}")
    rng = random.Random(seed)
    head = recording.append(every_topic() + random_events(seed, 1500), together=50)
    loop_of(database, *all_projections(), Counts()).prepare()
    for _ in range(4):
        goal = rng.randrange(head)
        with _projector(database.dsn, batch=rng.choice((3, 20, 100))) as process:
            until(_reached(database, goal, process))
            process.send_signal(signal.SIGKILL)
    with _projector(database.dsn, batch=200) as process:
        until(_reached(database, head, process))
    assert counted(database) == in_the_log(database)
    for projection in all_projections():
        live = sha256_of(database, projection)
        rebuild(database.pool, LogReader(database), [projection])
        assert sha256_of(database, projection) == live


def _reached(database: Database, goal: int, process: subprocess.Popen[bytes]) -> Callable[[], bool]:
    def reached() -> bool:
        assert process.poll() is None, "the projector ended by itself"
        return min(state.position for state in states_of(database).values()) >= goal

    return reached


@contextmanager
def _projector(dsn: str, batch: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", _PROJECTOR, dsn, str(batch)], cwd=ROOT_OF_HOUSE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
