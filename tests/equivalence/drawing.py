"""What is asked next, drawn from what the host showed last.

Most calls are *likely*: a verb whose turn it is, with arguments that fit, so that hosts get somewhere. The others are
*any*: whatever verb, of whatever domain, with whatever arguments, because a refusal has a number too. Names come from
small pools, so that they clash.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.equivalence.calls import Call
from tests.equivalence.seen import DomainSeen, Host

T = TypeVar("T")

SNAPSHOTS = ("s1", "s2", "s3", "s4", "s5")
CHECKPOINTS = ("c1", "c2", "c3")
_LIKELY_OF_TEN = 7


@dataclass(frozen=True, slots=True)
class World:
    """What can be drawn from: what both sides showed last, and the names and UUIDs of this example."""

    seen: Host
    names: Sequence[str]
    """The one asked last comes first."""
    uuids: Sequence[str]
    kind: str
    """The domain type both hosts take."""
    files: frozenset[str] = frozenset()
    """The names of the files that calls have left."""


class Lot:
    """One number that was drawn, taken apart into choices.

    A call is two such numbers whatever its arguments are: a failure is reduced by leaving out a few draws at a time, so
    that whole calls can go. A smaller number means choices nearer to the first.
    """

    def __init__(self, number: int) -> None:
        self._left = number

    def one_of(self, choices: Sequence[T]) -> T:
        self._left, index = divmod(self._left, len(choices))
        return choices[index]


_LOTS = st.integers(0, 2**24 - 1)
"""More would not be drawn evenly."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The arguments of one call being drawn: of which domain, and whether they are to fit."""

    lot: Lot
    world: World
    name: str
    likely: bool

    @property
    def domain(self) -> DomainSeen | None:
        return self.world.seen.get(self.name)

    def one_of(self, *choices: T) -> T:
        """The first is what a failure is reduced to."""
        return self.lot.one_of(choices)

    def chance(self, of_ten: int) -> bool:
        return self.lot.one_of(range(10)) >= 10 - of_ten

    def flags(self, *usual: str, odd: Sequence[str] = ()) -> dict[str, bool]:
        """Some of the flags; odd ones, which mostly are refused, only where nothing has to fit."""
        chosen = [flag for flag in usual if self.chance(3)]
        if not self.likely:
            chosen += [flag for flag in odd if self.chance(2)]
        return dict.fromkeys(chosen, True)

    def snapshot(self) -> str:
        """A snapshot there is, if it is to fit and there is one."""
        there = sorted(self.domain.snapshots) if self.domain else []
        names: Sequence[str] = there if self.likely and there else SNAPSHOTS
        return self.one_of(*names)

    def free_snapshot(self) -> str:
        taken = self.domain.snapshots if self.domain else {}
        free = [name for name in SNAPSHOTS if name not in taken]
        names: Sequence[str] = free if self.likely and free else (*SNAPSHOTS, "a/b", ".s")
        return self.one_of(*names)


Ready = Callable[[World, str], bool]
Draw = Callable[[Ask], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Verb:
    ready: Ready
    """Whether the verb is likely to succeed on the domain of that name."""
    arguments: Draw = lambda _: {}
    weight: int = 2
    unwise: Ready = lambda _world, _name: False
    """Whether it is not to be asked of that domain at all, as what follows could not be foretold."""


def calls(world: World, verbs: Mapping[str, Verb]) -> SearchStrategy[Call]:
    """The next call."""
    return st.tuples(_LOTS, _LOTS).map(lambda lots: _call(world, verbs, Lot(lots[0]), Lot(lots[1])))


def _call(world: World, verbs: Mapping[str, Verb], which: Lot, how: Lot) -> Call:
    likely = which.one_of(range(10)) < _LIKELY_OF_TEN
    if likely:
        ready = {verb: [name for name in world.names if verbs[verb].ready(world, name)] for verb in verbs}
        verb = which.one_of([verb for verb in verbs if ready[verb] for _ in range(verbs[verb].weight)])
        name = which.one_of(ready[verb])
    else:
        verb = which.one_of(list(verbs))
        names = [*(name for name in world.names if name in world.seen), *world.names]
        name = which.one_of([name for name in names if not verbs[verb].unwise(world, name)] or ["nobody"])
    return Call(verb, name, verbs[verb].arguments(Ask(how, world, name, likely)))
