"""The steps of carrying out an operation, each told when it was reached: an agent may die after any of them.

They are the fail points of the protocol. Tests go through all of them, so a step that is added is tested from then on.
"""

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """What has just been done. All but the last two are on the way of every operation."""

    CLAIMED = "claimed"
    """It was read from the log, and is not started yet."""
    CHECKED = "checked"
    """The hypervisor was looked at, and the rules allow it."""
    STARTED = "started"
    """The start is on record, and the hypervisor not touched yet."""
    ACTED = "acted"
    """The hypervisor has answered."""
    SEEN = "seen"
    """What became so was looked at, and is not on record yet."""
    ENDED = "ended"
    """The end is on record."""
    RESUMED = "resumed"
    """It was found started, by whoever comes after an answer or an agent was lost."""
    MENDED = "mended"
    """What had been left half-done was put right, and nothing is decided yet."""


Reached = Callable[[Step, str], None]
"""Is told of each step of an operation, with its verb."""


def go_on(_step: Step, _verb: str) -> None:
    """Nobody wants to know."""
