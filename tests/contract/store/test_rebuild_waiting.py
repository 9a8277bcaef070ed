"""A rebuild that has to wait: the other read models go on, it can be stopped,
and no time-out of the server's ends it.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import pytest

from projections import positions
from projections.catalogue import all_projections
from projections.loop import ProjectionLoop
from projections.ports import RecordedEvent
from projections.rebuild import TablesInUse, rebuild
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.lab.awaiting import eventually
from tests.lab.projecting import all_of, live, states_of
from tests.lab.store import Recording
from tests.unit.test_projection_histories import every_topic, random_events

NAMES = [projection.name for projection in all_projections()]


@contextmanager
def reading(database: Database) -> Iterator[None]:
    """Somebody reads the domains, and does not come to an end."""
    with database.connection() as slow, slow.transaction():
        slow.execute("SELECT count(*) FROM views.domains")
        yield


def test_while_old_tables_are_read_the_other_projections_follow_and_the_projector_can_be_stopped(
    database: Database, recording: Recording
) -> None:
    recording.append(every_topic())
    live(database)
    database.execute("UPDATE views.projections SET version = 0 WHERE name = 'domains'")
    stop = threading.Event()
    projector = threading.Thread(
        target=ProjectionLoop(database.pool, LogReader(database), all_projections()).run, args=(stop,)
    )
    with reading(database):
        projector.start()
        head = recording.append(random_events(3, 900))
        eventually(lambda: followed(database, head) == {*NAMES} - {"domains"}, what="the others are at the head")
        stop.set()
        projector.join(10)
        assert not projector.is_alive()
    assert states_of(database)["domains"].version == 0


def followed(database: Database, head: int) -> set[str]:
    return {state.name for state in states_of(database).values() if state.position == head}


def test_another_rebuild_is_waited_for_as_long_as_there_is_patience(database: Database, recording: Recording) -> None:
    recording.append(every_topic())
    live(database)
    before = all_of(database)
    with database.connection() as other, other.transaction():
        positions.lock_rebuilds(other, ["hosts"], 1)
        with pytest.raises(TablesInUse, match=r"of hosts, .* in use for 0 s: wait for another rebuild of them to end"):
            rebuild(database.pool, LogReader(database), all_projections(), patience_s=0)
    assert all_of(database) == before


def test_the_servers_time_outs_do_not_end_a_rebuild(database: Database, recording: Recording) -> None:
    head = recording.append(every_topic())
    live(database)

    class Slow(LogReader):
        def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
            time.sleep(0.3)  # longer than the server would wait for the next statement
            return super().read(after, limit)

    limits = "-c idle_in_transaction_session_timeout=100ms -c statement_timeout=30s"
    with closing(Database(f"{database.dsn} options='{limits}'")) as limited:
        limited.open()
        assert rebuild(limited.pool, Slow(limited), all_projections()) == head
