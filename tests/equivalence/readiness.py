"""Of which domains a verb is likely to succeed, told by what both sides showed last."""

from collections.abc import Callable

from tests.equivalence.drawing import CHECKPOINTS, SNAPSHOTS, Ready, World
from tests.equivalence.seen import DomainSeen


def absent(world: World, name: str) -> bool:
    return name not in world.seen


def definable(world: World, name: str) -> bool:
    return absent(world, name) or world.seen[name].persistent


def of_those(test: Callable[[DomainSeen], bool]) -> Ready:
    """Of the domains there are, those that pass the test."""
    return lambda world, name: name in world.seen and test(world.seen[name])


def saved_to_file(world: World, name: str) -> bool:
    return f"save-{name}" in world.files and not (name in world.seen and world.seen[name].active)


there = of_those(lambda _: True)
persistent = of_those(lambda domain: domain.persistent)
off = of_those(lambda domain: not domain.active)
active = of_those(lambda domain: domain.active)
running = of_those(lambda domain: domain.running)


def never(_world: World, _name: str) -> bool:
    return False


def takes_points(world: World, name: str) -> bool:
    return active(world, name) and len(world.seen[name].checkpoints) < len(CHECKPOINTS)


def takes_devices(world: World, name: str) -> bool:
    return world.kind != "test" and persistent(world, name)


def waits(world: World, name: str) -> bool:
    """A real guest that waits.

    Its button stays pressed until it goes on, also in a snapshot; and a dump leaves it without its disks, at which QEMU
    7.2 ends itself when they are asked for next.
    """
    return world.kind != "test" and paused(world, name)


paused = of_those(lambda domain: domain.paused)
saveable = of_those(lambda domain: domain.active and domain.persistent)
saved = of_those(lambda domain: domain.managed_save)
renameable = of_those(lambda domain: not domain.active and not domain.managed_save)
with_room = of_those(lambda domain: len(domain.snapshots) < len(SNAPSHOTS))
with_points = of_those(lambda domain: bool(domain.checkpoints))
with_snapshots = of_those(lambda domain: bool(domain.snapshots))
