"""One step on both sides, and the verdict on it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from tests.equivalence.calls import Call
from tests.equivalence.drawing import Verb, World
from tests.equivalence.guests import Guests
from tests.equivalence.seen import Difference, differences
from tests.equivalence.sides import Ours, Theirs
from tests.equivalence.tally import Tally
from tests.equivalence.tolerated import Moment, spoilt_by, tolerance_of_answers, tolerance_of_difference
from tests.lab.awaiting import NeverHappenedError

_NAMES = ("web", "db", "shop")


class Unequal(AssertionError):
    """The two sides differ in a way that no row of the table tolerates."""


@dataclass(slots=True)
class Pair:
    """Revisor's side and the direct side, and how far they have come together."""

    pairing: str
    kind: str
    """The domain type both take."""
    verbs: dict[str, Verb]
    ours: Ours
    theirs: Theirs
    our_guests: Guests
    their_guests: Guests
    seed: int
    tally: Tally = field(default_factory=Tally)
    _examples: int = 0
    _names: tuple[str, ...] = ()
    _uuids: tuple[str, ...] = ()
    _steps: list[str] = field(default_factory=list)

    @property
    def world(self) -> World:
        files = frozenset(path.name for path in self.theirs.folder.iterdir())
        return World(self.theirs.seen, self._names, self._uuids, self.kind, files)

    def begin(self) -> None:
        """Two hosts with nothing on them, and names and UUIDs that were never used,
        so that no history reaches into this one.
        """
        self._steps.clear()
        self._afresh()

    def clear(self) -> None:
        """Take everything away on both sides, behind Revisor's back; afterwards it has noticed."""
        self.theirs.clear()
        self.ours.clear()

    def step(self, call: Call) -> None:
        """Carry out a call on both sides and compare. Raises Unequal with everything that led to it."""
        before = self.theirs.seen
        for guests in (self.our_guests, self.their_guests):
            with self._patience(f"before {call}"):
                guests.before(call, before)
        self.theirs.begin(call)
        ours, theirs = self.ours.carry_out(call), self.theirs.answer()
        self.tally.count(call, ours, theirs)
        # The one asked last is the first choice of the next call: so a failure is reduced to calls of one domain.
        self._names = tuple(sorted(self._names, key=lambda name: name != call.domain))
        self._steps.append(f"{call}\n        Revisor: {ours}\n        libvirt: {theirs}")
        moment = Moment(self.pairing, call, before, ours.number, theirs.number)
        if self._same_answer(moment):
            self._compare(moment)

    def _same_answer(self, moment: Moment) -> bool:
        """Whether the sides can be compared after these answers; if not, they were taken back to the beginning."""
        if moment.ours == moment.theirs:
            return True
        tolerance = tolerance_of_answers(moment)
        if tolerance is None:
            raise self._unequal(["the answers differ"])
        if moment.ours is not None and moment.theirs is not None and not tolerance.half_done:
            self._note(tolerance.row)
            return True
        if tolerance.make_up is None:
            # One of them did it, or half of it, and the other did not: nothing that comes later could be compared.
            self._begin_afresh([tolerance.row])
            return False
        self._note(tolerance.row)
        made_up = tolerance.make_up(moment.call)
        self.theirs.begin(made_up)
        answer = self.theirs.answer()
        self._steps.append(f"    ... tolerated ({tolerance.row}); libvirt is asked for {made_up}: {answer}")
        if answer.number is not None:
            raise self._unequal([f"libvirt could not be brought in line: {answer}"])
        return True

    def _compare(self, moment: Moment) -> None:
        with self._patience(f"after {moment.call}"):
            self.their_guests.after(moment.call, moment.theirs, self.theirs.look)
        if spoilt := spoilt_by(moment, self.theirs.seen):
            self._begin_afresh([spoilt])
            return
        found = self._found()
        if found and self.our_guests.may_lag(moment.call, moment.ours):
            # The guest went on by itself after the answer: Revisor is to notice, and soon.
            found = self.our_guests.awaited(self._noticed, found)
        tolerances = {difference: tolerance_of_difference(moment, difference) for difference in found}
        if None in tolerances.values():
            raise self._unequal([str(difference) for difference, tolerance in tolerances.items() if tolerance is None])
        if tolerances:
            self._recorded_what_is()
        tolerated = [tolerance for tolerance in tolerances.values() if tolerance is not None]
        if rows := {tolerance.row for tolerance in tolerated if tolerance.verbs is not None}:
            self._begin_afresh(rows)
        else:
            self._note(*{tolerance.row for tolerance in tolerated})

    def _found(self) -> list[Difference]:
        return differences(self.ours.look(), self.theirs.seen)

    def _noticed(self) -> list[Difference]:
        self.ours.work()
        self.theirs.look()
        return self._found()

    def _recorded_what_is(self) -> None:
        """However Revisor may differ from the other host: what it recorded must be so on its own."""
        found = differences(self.ours.look(), self.ours.behind.look())
        if found:
            raise self._unequal(["on Revisor's own host:", *map(str, found)])

    def _begin_afresh(self, rows: Collection[str]) -> None:
        """After a tolerated difference that would make itself felt in what comes later."""
        self._note(*rows)
        self._steps.append(f"    ... tolerated ({', '.join(sorted(rows))}); both begin afresh")
        self._afresh()

    def _afresh(self) -> None:
        self.clear()
        self._examples += 1
        # Of this pairing alone: a host may serve several, and libvirt does not always forget a name with its domain.
        self._names = tuple(f"{name}-{self.pairing[0]}{self._examples}" for name in _NAMES)
        self._uuids = tuple(str(uuid5(NAMESPACE_URL, f"{self.seed}/{name}")) for name in self._names)
        for side, guests in ((self.ours, self.our_guests), (self.theirs, self.their_guests)):
            _empty(side.folder)
            guests.prepare(self._uuids)

    @contextmanager
    def _patience(self, when: str) -> Iterator[None]:
        """A guest that does not do what is waited for is told with all that led to it."""
        try:
            yield
        except NeverHappenedError as never:
            raise self._unequal([f"{when}: {never}"]) from never

    def _note(self, *rows: str) -> None:
        self.tally.tolerated.update(rows)

    def _unequal(self, what: list[str]) -> Unequal:
        steps = [f"{number:>4}. {step}" for number, step in enumerate(self._steps, start=1)]
        return Unequal("\n".join([f"{self.pairing}, seed {self.seed}:", *steps, *what]))


def _empty(folder: Path) -> None:
    """Remove what calls have left there, so that no example finds the files of another."""
    for path in folder.iterdir():
        path.unlink()
