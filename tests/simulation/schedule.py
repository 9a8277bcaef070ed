"""A schedule: one seed's steps and faults, then time to settle, then the laws.

``REVISOR_SEED=n`` with the test replays one seed alone.
"""

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation import faults, laws
from tests.simulation.world import Protocol, World

_ROUNDS = 60
"""Of settling: several leases long."""
_QUIET_ROUNDS = 3
"""For the observer, who looks every five seconds, to see what the last operations left."""
_COLLECT_EVERY = 50
_FEWEST_STEPS = 20
_FEWEST_FAULTS = 2
_MOST_STEPS = 200
_GIVEN_UP_AFTER = 8
"""Steps that a fault at a rare point is waited for, once a schedule is long enough otherwise."""
_ARMED = 2
"""Faults that wait for somebody, at any time: more, and hardly anything would ever be done."""
REAL = Protocol()


@dataclass(frozen=True, slots=True)
class Tally:
    """What many schedules came to. ``broken`` tells of the first that broke a law, with which all ended."""

    schedules: int
    befell: int
    broken: str | None = None


class BrokenLaw(Exception):
    """What a seed came to, and how."""

    def __init__(self, seed: int, law: str, steps: list[str]) -> None:
        self.law = law
        story = "\n".join(f"{number:3} {step}" for number, step in enumerate(steps, start=1))
        super().__init__(f"seed {seed} (REVISOR_SEED={seed} runs it alone): {law}\n{story}")


def run(seed: int, protocol: Protocol = REAL) -> int:
    """Run one schedule; returns how many faults befell somebody. Raises BrokenLaw."""
    world = World(seed, protocol)
    try:
        play(world)
        settle(world)
        laws.check(world)
    except Exception as broken:
        raise BrokenLaw(seed, f"{type(broken).__name__} {broken}", world.steps) from broken
    finally:
        world.close()
    return world.befell


def run_all(seeds: range, protocol: Protocol = REAL) -> Tally:
    """Run schedules until one breaks a law. Raises nothing, and can be sent to another process and back."""
    befell = number = 0
    logging.disable(logging.CRITICAL)
    gc.disable()  # a fifth of the time otherwise; what a schedule leaves is collected every now and then
    try:
        for number, seed in enumerate(seeds, start=1):
            befell += run(seed, protocol)
            if number % _COLLECT_EVERY == 0:
                gc.collect()
    except BrokenLaw as broken:
        return Tally(number, befell, str(broken))
    finally:
        gc.enable()
        logging.disable(logging.NOTSET)
    return Tally(len(seeds), befell)


def play(world: World) -> None:
    random = world.random
    world.set_up()
    length, done = random.randint(_FEWEST_STEPS, _FEWEST_STEPS + 8), 0
    does: list[Callable[[], None]] = [world.ask, world.go_on, world.turn, world.tick, world.ask_again, world.behind]
    while done < length or (world.befell < _FEWEST_FAULTS and done < _MOST_STEPS):
        if done > length and done % _GIVEN_UP_AFTER == 0:
            world.armed.clear()
        if len(world.armed) < _ARMED:
            world.arm(faults.drawn(random))
        random.choices(does, (6, 14, 2, 2, 1, 1))[0]()
        done += 1


def settle(world: World) -> None:
    world.told("all faults end")
    world.heal()
    quiet = 0
    for _ in range(_ROUNDS):
        world.tick()
        for worker in world.workers:
            world.turn_of(worker)
            while worker.pool.jobs:
                world.work_of(worker)
        quiet = 0 if world.recorder.queue or not laws.led(world) else quiet + 1
        if quiet == _QUIET_ROUNDS:
            return
    raise AssertionError(f"stuck: {sorted(world.recorder.queue)}")
