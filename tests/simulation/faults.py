"""Faults: what befalls an agent, and at which of the points on its way.

Points are the steps of workers/steps.py, a look at the hypervisor, and before, inside and after an act and a commit.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from workers.steps import Step

STEPS = tuple(str(step) for step in Step)
ACTS = ("before act", "inside act", "after act")
COMMITS = ("before commit", "after commit")


class Kind(StrEnum):
    FAILS = "the hypervisor fails"
    LOST = "the answer is lost"
    DIES = "the agent is killed"
    AWAY = "the hypervisor is away for a while"
    HANGS = "the hypervisor does not answer this call for a while, and goes on answering others"
    STOPPED = "the agent is stopped past its lease, and goes on"
    CUT = "the connection to the database is cut"
    BEHIND = "somebody acts behind our back"
    JUMPS = "the wall clock jumps"


POINTS: dict[Kind, tuple[str, ...]] = {
    Kind.FAILS: ("before act", "inside act"),
    Kind.LOST: ACTS,
    Kind.DIES: (*STEPS, *ACTS, "look", *COMMITS),
    Kind.AWAY: ("before act", "look"),
    Kind.HANGS: ("before act", "after act", "look"),
    Kind.STOPPED: STEPS,
    Kind.CUT: COMMITS,
    Kind.BEHIND: (*STEPS, "before act"),
    Kind.JUMPS: (*STEPS, "look"),
}


@dataclass(slots=True)
class Fault:
    """``kind`` happens when ``point`` is come to for the time after ``passes`` others; ``size`` says how much of it."""

    kind: Kind
    point: str
    passes: int
    size: int

    def __str__(self) -> str:
        return f"{self.kind}, {self.point} (after {self.passes} others, size {self.size})"


def drawn(random: Random) -> Fault:
    """Any fault, rare points not too far away."""
    kind = random.choice(tuple(Kind))
    point = random.choice(POINTS[kind])
    passes = random.randrange(6 if point == "look" else 2)
    return Fault(kind, point, passes, random.randrange(1, 5))
