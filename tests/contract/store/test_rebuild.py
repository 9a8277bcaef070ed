"""Rebuilding beside the live tables: the same bytes, while everybody goes on, and all or nothing."""

import gc
import random
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

import pytest

from projections.catalogue import all_projections
from projections.ports import RecordedEvent, UnreadableEvent
from projections.projection import Projection
from projections.rebuild import RebuildFailed, rebuild
from revisor.queries import Queries
from revisor.store.database import Database
from revisor.store.mapper import topics
from revisor.store.reading import LogReader
from tests.integration.postgres_probe import DEADLINE_S, ROOT_OF_HOUSE, until
from tests.lab.projecting import (
    Counts,
    Stumbling,
    all_of,
    caught_up,
    counted,
    in_the_log,
    leftovers,
    live,
    loop_of,
    running,
    somebody_waits,
    states_of,
)
from tests.lab.store import Recording, sha256_of
from tests.unit.test_projection_histories import every_topic, random_events


def named(name: str) -> Projection:
    return next(projection for projection in all_projections() if projection.name == name)


def test_after_every_topic_each_projection_is_the_same_live_and_rebuilt(
    database: Database, recording: Recording
) -> None:
    history = every_topic()
    missing = set(topics()) - {event.TOPIC for event in history}
    assert not missing, f"no history is complete without {sorted(missing)}"
    head = recording.append(history, together=3)
    live(database)
    for projection in all_projections():
        before = sha256_of(database, projection)
        assert rebuild(database.pool, LogReader(database), [projection]) == head
        assert sha256_of(database, projection) == before, projection.name


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_a_random_history_each_projection_is_the_same_live_and_rebuilt(
    database: Database, recording: Recording, seed: int
) -> None:
    recording.append(random_events(seed, 700, domains=5), together=20)
    live(database)
    before = all_of(database)
    for projection in all_projections():
        rebuild(database.pool, LogReader(database), [projection])
    assert all_of(database) == before
    rebuild(database.pool, LogReader(database), all_projections())
    assert all_of(database) == before


_SHAPE = """
SELECT 'column', c.relname, a.attnum::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull::text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'views'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'views'
UNION ALL SELECT 'options', relname, array_to_string(reloptions, ','), '', '', ''
FROM pg_class WHERE relnamespace = 'views'::regnamespace
ORDER BY 1, 2, 3, 4
"""


def test_a_rebuilt_table_has_the_shape_of_a_fresh_one(database: Database, recording: Recording) -> None:
    live(database)
    fresh = database.fetch(_SHAPE)
    recording.append(every_topic())
    for _ in range(2):
        for projection in all_projections():
            rebuild(database.pool, LogReader(database), [projection])
    assert database.fetch(_SHAPE) == fresh


def test_an_empty_log_rebuilds_to_empty_tables(database: Database) -> None:
    for projection in all_projections():
        assert rebuild(database.pool, LogReader(database), [projection]) == 0
    assert Queries(database).domains() == []


def test_rebuilds_while_writers_readers_and_the_loop_go_on(database: Database, recording: Recording) -> None:
    recording.append(every_topic())
    live(database, *all_projections(), Counts())
    written = threading.Event()
    position = 0

    def write() -> None:
        nonlocal position
        for seed in range(15):
            position = recording.append(random_events(seed, 60), together=4)
        written.set()

    seen: list[int] = []

    def look() -> None:
        while not written.is_set():
            Queries(database).domains()
            Queries(database).domains(as_of=20)
            Queries(database).operations()
            seen.append(states_of(database)["counts"].position)

    threads = [threading.Thread(target=write), threading.Thread(target=look)]
    with running(loop_of(database, *all_projections(), Counts(), batch=20)):
        for thread in threads:
            thread.start()
        rebuilds = 0
        while not written.is_set():
            for some in ([Counts()], [named("snapshots")], [*all_projections(), Counts()]):
                rebuild(database.pool, LogReader(database), some)
                rebuilds += 1
        for thread in threads:
            thread.join()
        assert Queries(database).wait_for(position, 60)
    assert rebuilds >= 3
    assert seen == sorted(seen), "a reader saw a projection go back"
    assert counted(database) == in_the_log(database)
    for projection in all_projections():
        before = sha256_of(database, projection)
        rebuild(database.pool, LogReader(database), [projection])
        assert sha256_of(database, projection) == before, projection.name


def test_what_the_live_projection_took_meanwhile_is_in_the_rebuilt_one(
    database: Database, recording: Recording
) -> None:
    """Events arrive after the bulk was read, and the live projection is quicker than the rebuild."""
    recording.append(every_topic())
    live(database, Counts())

    class Overtaken(LogReader):
        overtaken = False

        def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
            events = super().read(after, limit)
            if not self.overtaken:
                self.overtaken = True
                recording.append(random_events(7, 30))
                caught_up(loop_of(database, Counts()))
            return events

    position = rebuild(database.pool, Overtaken(database), [Counts()])
    assert position == LogReader(database).head() == states_of(database)["counts"].position
    assert counted(database) == in_the_log(database)


def test_a_long_way_to_catch_up_is_gone_without_holding_the_live_projection_up(
    database: Database, recording: Recording
) -> None:
    recording.append(random_events(8, 10))
    live(database, Counts())
    behind: list[int] = []

    class FarAhead(LogReader):
        def head(self) -> int:
            head = super().head()
            if not behind:
                behind.append(head)
                recording.append(random_events(9, 1200), together=100)
            return head

    assert rebuild(database.pool, FarAhead(database), [Counts()]) >= 1200
    caught_up(loop_of(database, Counts()))
    assert counted(database) == in_the_log(database)


def test_a_rebuild_repairs_what_was_parked(database: Database, recording: Recording) -> None:
    head = recording.append(random_events(2, 25))
    live(database, Stumbling(17, "apply"))
    assert states_of(database)["counts"].parked_at == 17
    assert rebuild(database.pool, LogReader(database), [Counts()]) == head
    state = states_of(database)["counts"]
    assert (state.position, state.parked_at, state.error, state.rebuilt_position) == (head, None, None, head)
    assert counted(database) == in_the_log(database)


def test_a_rebuild_repairs_tables_that_somebody_changed_or_dropped(database: Database, recording: Recording) -> None:
    recording.append(every_topic())
    live(database)
    before = {projection.name: sha256_of(database, projection) for projection in all_projections()}
    database.execute("DELETE FROM views.domains")
    database.execute("DROP TABLE views.snapshots")
    for name in ("domains", "snapshots"):
        rebuild(database.pool, LogReader(database), [named(name)])
    assert {projection.name: sha256_of(database, projection) for projection in all_projections()} == before


@pytest.mark.parametrize("how", ["apply", "write"])
def test_a_rebuild_that_fails_leaves_everything_as_it_was(database: Database, recording: Recording, how: str) -> None:
    recording.append(random_events(2, 25))
    live(database, Counts())
    before, state = sha256_of(database, Counts()), states_of(database)["counts"]
    with pytest.raises(RebuildFailed, match="counts"):
        rebuild(database.pool, LogReader(database), [Stumbling(17, how)])
    assert sha256_of(database, Counts()) == before
    assert states_of(database)["counts"] == state
    assert leftovers(database) == []


@pytest.mark.parametrize("damaged", [False, True])
def test_garbage_is_collected_as_usual_after_a_rebuild(
    database: Database, recording: Recording, *, damaged: bool
) -> None:
    recording.append(random_events(2, 25))
    usual, rarer = gc.get_threshold(), []

    class Watched(LogReader):
        def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
            rarer.append(gc.isenabled() and gc.get_threshold() > usual)
            if damaged:
                raise UnreadableEvent(after + 1, "damaged")
            return super().read(after, limit)

    with suppress(UnreadableEvent):
        rebuild(database.pool, Watched(database), [Counts()])
    assert rarer == [True]
    assert gc.get_threshold() == usual


def test_a_rebuild_of_an_unreadable_log_leaves_everything_as_it_was(database: Database, recording: Recording) -> None:
    recording.append(random_events(2, 25))
    live(database, Counts())
    before = sha256_of(database, Counts())

    class Damaged(LogReader):
        def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
            if after >= 10:
                raise UnreadableEvent(after + 1, "damaged")
            return super().read(after, min(limit, 10))

    with pytest.raises(UnreadableEvent, match="position 11"):
        rebuild(database.pool, Damaged(database), [Counts()])
    assert sha256_of(database, Counts()) == before
    assert leftovers(database) == []


def test_a_rebuild_waits_for_another_one_before_it_begins(database: Database, recording: Recording) -> None:
    head = recording.append(random_events(3, 200), together=50)
    live(database, Counts())
    begun, release, positions, reads = threading.Event(), threading.Event(), list[int](), list[int]()

    class Held(LogReader):
        def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
            begun.set()
            assert release.wait(DEADLINE_S)
            return super().read(after, limit)

    class Counted(LogReader):
        def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
            reads.append(after)
            return super().read(after, limit)

    def start(reader: LogReader) -> threading.Thread:
        thread = threading.Thread(target=lambda: positions.append(rebuild(database.pool, reader, [Counts()])))
        thread.start()
        return thread

    try:
        threads = [start(Held(database))]
        assert begun.wait(DEADLINE_S)
        threads.append(start(Counted(database)))
        until(lambda: somebody_waits(database))
        assert reads == []
    finally:
        release.set()
    for thread in threads:
        thread.join()
    assert positions == [head] * 2
    assert counted(database) == in_the_log(database)


_REBUILD = """
import sys
from projections.rebuild import rebuild
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.lab.projecting import Counts

class Told(LogReader):
    def read(self, after, limit):
        print(after, flush=True)
        return super().read(after, 20)

database = Database(sys.argv[1])
database.open()
rebuild(database.pool, Told(database), [Counts()])
print("swapped", flush=True)
sys.stdin.read()
"""


def test_a_rebuild_killed_at_any_moment_leaves_nothing_behind(database: Database, recording: Recording) -> None:
    seed = random.randrange(1000)
    print(f"seed {seed}")
    head = recording.append(random_events(seed, 400), together=50)
    live(database, Counts())
    for lines in random.Random(seed).sample(range(1, head // 20 + 2), 3):
        process = subprocess.Popen(
            [sys.executable, "-c", _REBUILD, database.dsn],
            cwd=ROOT_OF_HOUSE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.kill()
        process.communicate()
        until(lambda: leftovers(database) == [] and counted(database) == in_the_log(database))
    rebuild(database.pool, LogReader(database), [Counts()])
    assert counted(database) == in_the_log(database)
