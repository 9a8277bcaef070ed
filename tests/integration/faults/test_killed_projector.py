"""The projector is killed at any moment, catching up and rebuilding:
nothing is folded twice, and nothing is half there.
"""

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from projections.catalogue import all_projections
from revisor.store.database import Database
from tests.acceptance.trees import new_dice
from tests.integration.faults.conftest import ROUNDS
from tests.integration.faults.invariants import check_views
from tests.integration.faults.projector import killed_projector, projector
from tests.lab.awaiting import eventually
from tests.lab.projecting import all_of, leftovers, live, loop_of, states_of
from tests.lab.store import Recording
from tests.unit.test_projection_histories import every_topic, random_events

_EVENTS = 6000
_KILLS = 4
_LATE = 0.9
"""Of the locks a rebuild takes: whoever holds so many is putting new tables in the place of old ones."""


def test_a_projector_killed_while_it_catches_up_goes_on_where_it_was(
    database: Database, recording: Recording, tmp_path: Path
) -> None:
    dice = new_dice("catching up")
    loop_of(database).prepare()
    head = recording.append(random_events(dice.randrange(10**6), _EVENTS, domains=40), together=500)
    cut_off = 0
    for target in sorted(dice.randrange(head) for _ in range(_KILLS * ROUNDS)):
        name = dice.choice([projection.name for projection in all_projections()])
        with killed_projector(database.dsn, tmp_path):
            wait_until_folded(database, name, target)
        reached = [state.position for state in states_of(database).values()]
        cut_off += min(reached) < head
        print(f"killed when {reached} were folded")
    assert cut_off > 0
    with projector(database, tmp_path):
        check_views(database, all_projections())


def test_a_projector_killed_while_it_rebuilds_leaves_the_old_tables_or_the_new_ones(
    database: Database, recording: Recording, tmp_path: Path
) -> None:
    dice = new_dice("rebuilding")
    recording.append(every_topic())
    head = recording.append(random_events(dice.randrange(10**6), _EVENTS // 4, domains=40), together=500)
    live(database)
    new = all_of(database)
    most, done = killed_at(database, tmp_path, new, math.inf)
    assert done
    kills = _KILLS * ROUNDS - 1
    for nth in range(kills):
        killed_at(database, tmp_path, new, most * dice.uniform(nth, nth + 1) / kills)
    # Putting them there takes a moment only, which a busy machine may miss.
    while killed_at(database, tmp_path, new, most * _LATE).done:
        pass
    with projector(database, tmp_path):
        eventually(lambda: all(state.version > 0 for state in states_of(database).values()), what="all are rebuilt")
    assert all_of(database) == new
    assert {state.position for state in states_of(database).values()} == {head}


class Killed(NamedTuple):
    """How many locks a rebuild held at most when it was killed, and whether it had come to its end by then."""

    held: int
    done: bool


def killed_at(database: Database, home: Path, new: dict[str, str], locks: float) -> Killed:
    """Kill a projector whose rebuild holds so many locks, or is done, while somebody reads all the time."""
    old = spoiled(database)
    assert old.items().isdisjoint(new.items())
    with read_all_the_time(database) as seen, killed_projector(database.dsn, home):
        held = wait_until_rebuilt(database, locks)
    eventually(lambda: locks_of_a_rebuild(database) == 0, what="PostgreSQL noticed")
    left = all_of(database)
    assert left in (old, new)
    assert leftovers(database) == []
    assert {state.version > 0 for state in states_of(database).values()} == {left == new}
    assert {name for name, _ in seen} == set(new)
    assert seen <= {*old.items(), *new.items()}
    print(f"killed when it held {held} locks, {'after' if left == new else 'before'} the new tables were there")
    return Killed(held, left == new)


def spoiled(database: Database) -> dict[str, str]:
    """Leave the read models as an older release that lost a row of each would; returns what readers see of them."""
    for table in (table for projection in all_projections() for table in projection.tables):
        one = "DELETE FROM views.{0} WHERE ctid = (SELECT min(ctid) FROM views.{0})"
        database.execute(one.format(table.name))
    database.execute("UPDATE views.projections SET version = 0")
    return all_of(database)


@contextmanager
def read_all_the_time(database: Database) -> Iterator[set[tuple[str, str]]]:
    """From ``with`` to its end; yields what was seen of each view."""
    stop, seen = threading.Event(), set[tuple[str, str]]()

    def read() -> None:
        while not stop.is_set():
            seen.update(all_of(database).items())

    with ThreadPoolExecutor(1) as readers:
        reading = readers.submit(read)
        try:
            yield seen
        finally:
            stop.set()
        reading.result()


def wait_until_folded(database: Database, name: str, target: int) -> None:
    eventually(lambda: states_of(database)[name].position >= target, what=f"{name} is at {target}", every_s=0.001)


def wait_until_rebuilt(database: Database, locks: float) -> int:
    """Wait until a rebuild holds so many locks, which it takes for all it makes, or is done;
    returns the most it held.
    """
    held = [0]

    def far() -> bool:
        held.append(locks_of_a_rebuild(database))
        return held[-1] >= locks or max(held) > held[-1] == 0

    eventually(far, what=f"a rebuild holds {locks} locks, or is done", every_s=0.001)
    return max(held)


def locks_of_a_rebuild(database: Database) -> int:
    row = database.fetch_one(
        "SELECT count(*) AS held FROM pg_locks WHERE pid IN ("
        " SELECT pid FROM pg_locks WHERE relation = 'views.rebuilds'::regclass AND mode = 'RowShareLock')"
    )
    return 0 if row is None else int(row["held"])
