"""The projector is killed at any moment, catching up and rebuilding: nothing is folded twice, and nothing is half there."""

from pathlib import Path

from projections.catalogue import all_projections
from revisor.store.database import Database
from tests.acceptance.trees import new_dice
from tests.integration.faults.conftest import ROUNDS
from tests.integration.faults.invariants import check_views
from tests.integration.faults.projector import killed_projector, projector
from tests.lab.awaiting import eventually
from tests.lab.projecting import all_of, caught_up, leftovers, loop_of, states_of
from tests.lab.store import Recording
from tests.unit.test_projection_histories import random_events

_EVENTS = 6000
_KILLS = 4
_LOCKS = 100
"""About as many as a rebuild of all views holds at last."""


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
    head = recording.append(random_events(dice.randrange(10**6), _EVENTS, domains=40), together=500)
    loop = loop_of(database)
    loop.prepare()
    caught_up(loop)
    before = all_of(database)
    rebuilt = 0
    for kill in range(_KILLS * ROUNDS):
        database.execute("UPDATE views.projections SET version = 0")  # as an older release left them
        with killed_projector(database.dsn, tmp_path):
            eventually(lambda: locks_of_a_rebuild(database) > 0, what="a rebuild began", every_s=0.001)
            assert all_of(database) == before
            wait_until_rebuilt(database, dice.randrange(_LOCKS) if kill else 1)
        eventually(lambda: locks_of_a_rebuild(database) == 0, what="PostgreSQL noticed")
        assert (all_of(database), leftovers(database)) == (before, [])
        rebuilt += sum(state.version > 0 for state in states_of(database).values())
    print(f"{rebuilt // len(before)} of {_KILLS * ROUNDS} rebuilds came to their end")
    assert rebuilt < len(before) * _KILLS * ROUNDS
    with projector(database, tmp_path):
        eventually(lambda: all(state.version > 0 for state in states_of(database).values()), what="all are rebuilt")
    assert all_of(database) == before
    assert {state.position for state in states_of(database).values()} == {head}


def wait_until_folded(database: Database, name: str, target: int) -> None:
    eventually(lambda: states_of(database)[name].position >= target, what=f"{name} is at {target}", every_s=0.001)


def wait_until_rebuilt(database: Database, locks: int) -> None:
    """Wait until a rebuild has come so far that it holds so many locks, which it takes for all it makes, or is done."""

    def far() -> bool:
        held = locks_of_a_rebuild(database)
        return held == 0 or held >= locks

    eventually(far, what=f"it holds {locks} locks", every_s=0.001)


def locks_of_a_rebuild(database: Database) -> int:
    row = database.fetch_one(
        "SELECT count(*) AS held FROM pg_locks WHERE pid IN ("
        " SELECT pid FROM pg_locks WHERE relation = 'views.rebuilds'::regclass AND mode = 'RowShareLock')"
    )
    return 0 if row is None else int(row["held"])
