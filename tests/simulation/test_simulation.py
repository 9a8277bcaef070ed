"""Ten thousand schedules of the worker protocol, each drawn from one seed; and the bugs that they must find.

``REVISOR_SEED=n`` runs the schedule of one seed alone, ``REVISOR_SCHEDULES=n`` another number of them.
"""

import multiprocessing
import os
import re
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation import schedule
from tests.simulation.planted import BUGS
from tests.simulation.schedule import Tally
from tests.simulation.world import Protocol, World

_PROCESSES = 2
LAWS = dict(
    zip(
        BUGS,
        ("has an effect", "has an effect", "its effect 0 times", "has an effect|its effect 2", "epoch", "observed was"),
        strict=True,
    )
)
"""Which law each of the planted bugs breaks."""
_AT_A_TIME = 250
_FOUND_WITHIN = 2_000


def _seeds() -> range:
    one = os.environ.get("REVISOR_SEED")
    if one is not None:
        return range(int(one), int(one) + 1)
    return range(int(os.environ.get("REVISOR_SCHEDULES", "10000")))


def _run(seeds: range) -> list[Tally]:
    """Run in processes of their own, up to the first broken law in each part."""
    parts = [seeds[start : start + _AT_A_TIME] for start in range(0, len(seeds), _AT_A_TIME)]
    with ProcessPoolExecutor(_PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(schedule.run_all, parts))


@pytest.mark.timeout(1800)
def test_no_schedule_of_faults_breaks_a_law(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    tallies = _run(_seeds())
    took_s = time.monotonic() - began
    schedules, befell = sum(tally.schedules for tally in tallies), sum(tally.befell for tally in tallies)
    with capsys.disabled():
        print(f"\n{schedules} schedules, {schedules / took_s:.0f} a second; {befell} faults befell an agent")
    assert [tally.broken for tally in tallies if tally.broken is not None] == []


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_that_is_planted_is_found(bug: str, capsys: pytest.CaptureFixture[str]) -> None:
    tally = schedule.run_all(range(_FOUND_WITHIN), BUGS[bug])
    assert tally.broken is not None, f"{bug}: not found in {tally.schedules} schedules"
    # Found by the law it breaks, and not because it no longer fits the code it is planted in.
    assert re.search(LAWS[bug], tally.broken.splitlines()[0])
    with capsys.disabled():
        print(f"\n{bug}: {tally.broken.splitlines()[0]}")


def test_a_seed_tells_the_same_story_each_time() -> None:
    assert _story(7) == _story(7) != _story(8)


def _story(seed: int) -> list[str]:
    world = World(seed, Protocol())
    schedule.play(world)
    schedule.settle(world)
    world.close()
    return world.steps
