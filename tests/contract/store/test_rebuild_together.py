"""Rebuilding several projections at once: one reading of the log, one swap, and nobody waits for ever."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from projections import positions
from projections.catalogue import all_projections
from projections.loop import ProjectionLoop
from projections.ports import RecordedEvent
from projections.projection import Projection
from projections.rebuild import TablesInUse, rebuild
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.integration.postgres_probe import DEADLINE_S, until
from tests.lab.projecting import Counts, Stumbling, all_of, caught_up, live, loop_of, somebody_waits, states_of
from tests.lab.store import Recording
from tests.unit.test_projection_histories import every_topic, random_events


class Counted(LogReader):
    """Remembers from where it was read."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.reads: list[int] = []

    def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        self.reads.append(after)
        return super().read(after, limit)


def test_all_are_rebuilt_in_one_reading_of_the_log(database: Database, recording: Recording) -> None:
    head = recording.append(every_topic())
    live(database)
    before, reader = all_of(database), Counted(database)
    assert rebuild(database.pool, reader, all_projections()) == head
    assert reader.reads == [0]
    assert {state.rebuilt_position for state in states_of(database).values()} == {head}
    assert all_of(database) == before


def test_versions_that_end_while_the_rebuild_catches_up_are_kept(database: Database, recording: Recording) -> None:
    recording.append(every_topic())
    live(database)

    class Overtaken(LogReader):
        overtaken = False

        def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
            events = super().read(after, limit)
            if not self.overtaken:
                self.overtaken = True
                recording.append(random_events(7, 900), together=50)
                caught_up(loop_of(database))
            return events

    rebuild(database.pool, Overtaken(database), all_projections())
    caught_up(loop_of(database))
    after = all_of(database)
    rebuild(database.pool, LogReader(database), all_projections())
    assert all_of(database) == after


def test_what_an_older_release_folded_is_rebuilt_together_when_the_projector_starts(
    database: Database, recording: Recording
) -> None:
    head = recording.append(every_topic())
    live(database)
    before, reader = all_of(database), Counted(database)
    database.execute("UPDATE views.projections SET version = 0")
    database.execute("DROP TABLE views.domains_past, views.hosts_past")

    ProjectionLoop(database.pool, reader, all_projections()).prepare()
    assert reader.reads == [0]
    assert {state.rebuilt_position for state in states_of(database).values()} == {head}
    assert all_of(database) == before


@pytest.mark.parametrize("far", [True, False])
def test_new_read_models_are_rebuilt_in_bulk_before_a_log_that_is_long(
    database: Database, recording: Recording, *, far: bool
) -> None:
    head, reader = recording.append(every_topic()), Counted(database)
    loop = ProjectionLoop(database.pool, reader, all_projections(), far=head if far else head + 1)
    loop.prepare()
    assert {state.rebuilt_position for state in states_of(database).values()} == {head if far else None}
    assert reader.reads == ([0] if far else [])
    caught_up(loop)
    before = all_of(database)
    rebuild(database.pool, reader, all_projections())
    assert all_of(database) == before


@pytest.mark.parametrize("old", [True, False])
def test_of_two_projectors_that_start_at_once_one_rebuilds_and_the_other_finds_it_done(
    database: Database, recording: Recording, *, old: bool
) -> None:
    head, begun, release = recording.append(every_topic()), threading.Event(), threading.Event()
    if old:
        live(database)
        database.execute("UPDATE views.projections SET version = 0")

    class Held(LogReader):
        def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
            begun.set()
            assert release.wait(DEADLINE_S)
            return super().read(after, limit)

    second = Counted(database)
    with ThreadPoolExecutor() as projectors:
        try:
            starting = [
                projectors.submit(ProjectionLoop(database.pool, Held(database), all_projections(), far=1).prepare)
            ]
            assert begun.wait(DEADLINE_S)
            starting.append(projectors.submit(ProjectionLoop(database.pool, second, all_projections(), far=1).prepare))
            until(lambda: somebody_waits(database))
        finally:
            release.set()
        for each in starting:
            each.result()
    assert second.reads == []
    assert {state.rebuilt_position for state in states_of(database).values()} == {head}


def test_what_has_begun_is_not_rebuilt_before_a_long_log(database: Database, recording: Recording) -> None:
    recording.append(random_events(3, 5))
    live(database)
    reader, head = Counted(database), recording.append(every_topic())
    ProjectionLoop(database.pool, reader, all_projections(), far=head).prepare()
    assert reader.reads == []


def test_new_ones_that_cannot_be_rebuilt_are_parked_before_what_they_cannot_take(
    database: Database, recording: Recording
) -> None:
    head = recording.append(every_topic())
    loop = ProjectionLoop(database.pool, LogReader(database), [*all_projections(), Stumbling(5, "apply")], far=head)
    loop.prepare()
    caught_up(loop)
    states = states_of(database)
    assert (states["counts"].position, states["counts"].parked_at) == (4, 5)
    assert {state.position for name, state in states.items() if name != "counts"} == {head}


def test_one_that_cannot_be_rebuilt_does_not_keep_the_others_from_it(database: Database, recording: Recording) -> None:
    live(database, *all_projections(), Counts())
    head = recording.append(every_topic())
    database.execute("UPDATE views.projections SET version = 0")
    loop_of(database, *all_projections(), Stumbling(5, "apply")).prepare()
    states = states_of(database)
    assert (states["counts"].position, states["counts"].parked_at) == (0, 1)
    assert {states[projection.name].rebuilt_position for projection in all_projections()} == {head}


def test_readers_and_the_swap_of_all_tables_do_not_wait_for_one_another_in_a_circle(
    database: Database, recording: Recording
) -> None:
    recording.append(every_topic())
    live(database)
    rebuilt: list[int] = []
    swap = threading.Thread(
        target=lambda: rebuilt.append(rebuild(database.pool, LogReader(database), all_projections()))
    )
    with database.connection() as reader, reader.transaction():
        # As a question about domains does, which has their table first, and then wants that of checkpoints.
        reader.execute("SELECT count(*) FROM views.domains")
        swap.start()
        until(lambda: somebody_waits(database, to_swap=True))
        assert reader.execute("SELECT count(*) > 0 AS some FROM views.checkpoints").fetchone() == {"some": True}
    swap.join()
    assert rebuilt == [LogReader(database).head()]


def test_the_live_ones_go_on_while_somebody_reads_the_tables_that_are_to_go(
    database: Database, recording: Recording
) -> None:
    recording.append(every_topic())
    live(database)
    rebuilt: list[int] = []
    reader = LogReader(database)
    swap = threading.Thread(target=lambda: rebuilt.append(rebuild(database.pool, reader, all_projections())))
    with database.connection() as slow, slow.transaction():
        slow.execute("SELECT count(*) FROM views.domains")
        swap.start()
        until(lambda: somebody_waits(database, to_swap=True))
        head = recording.append(random_events(4, 900))
        caught_up(loop_of(database))
        assert {state.position for state in states_of(database).values()} == {head}
    swap.join()
    assert rebuilt == [head]


def test_tables_that_stay_in_use_are_not_waited_for_without_end(database: Database, recording: Recording) -> None:
    recording.append(every_topic())
    live(database)
    before = all_of(database)
    with database.connection() as slow, slow.transaction():
        slow.execute("SELECT count(*) FROM views.domains")
        with pytest.raises(TablesInUse, match="the tables of hosts, domains were in use for 0 s"):
            rebuild(database.pool, LogReader(database), some("domains", "hosts"), patience_s=0)
    assert all_of(database) == before
    assert {state.rebuilt_position for state in states_of(database).values()} == {None}


def test_new_ones_whose_tables_are_in_use_are_folded_in_batches(database: Database, recording: Recording) -> None:
    head = recording.append(every_topic())
    loop = ProjectionLoop(database.pool, LogReader(database), all_projections(), far=head, patience_s=0)
    with database.connection() as slow, slow.transaction():
        positions.prepare(slow, all_projections())
    with database.connection() as slow, slow.transaction():
        slow.execute("SELECT count(*) FROM views.domains")
        loop.prepare()
        caught_up(loop)
    states = states_of(database).values()
    assert {(state.position, state.rebuilt_position) for state in states} == {(head, None)}


def test_old_ones_are_rebuilt_whenever_the_readers_of_their_tables_are_done(
    database: Database, recording: Recording
) -> None:
    head = recording.append(every_topic())
    live(database)
    database.execute("UPDATE views.projections SET version = 0")
    loop = ProjectionLoop(database.pool, LogReader(database), all_projections(), patience_s=0)
    with ThreadPoolExecutor() as projector:
        with database.connection() as slow, slow.transaction():
            slow.execute("SELECT count(*) FROM views.domains")
            starting = projector.submit(loop.prepare)
            for _ in range(2):  # tries, and a pause between them
                until(lambda: somebody_waits(database, to_swap=True))
                until(lambda: not somebody_waits(database, to_swap=True))
            assert not starting.done()
        starting.result()
    assert {state.rebuilt_position for state in states_of(database).values()} == {head}


def some(*names: str) -> list[Projection]:
    return [projection for projection in all_projections() if projection.name in names]
