"""What was asked and how it ended, verb by verb: a run that only ever collected refusals would prove little."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.equivalence.calls import Answer, Call


@dataclass(slots=True)
class Tally:
    """Of one pairing. A step succeeded when both sides did what was asked."""

    asked: Counter[str] = field(default_factory=Counter)
    succeeded: Counter[str] = field(default_factory=Counter)
    refused: dict[str, Counter[str]] = field(default_factory=dict)
    """By verb: with which numbers, Revisor's first where they differ."""
    tolerated: Counter[str] = field(default_factory=Counter)
    """How often each tolerated difference was met, by its row."""

    def count(self, call: Call, ours: Answer, theirs: Answer) -> None:
        self.asked[call.verb] += 1
        if ours.number is None and theirs.number is None:
            self.succeeded[call.verb] += 1
            return
        numbers = [str(answer.number or "done") for answer in (ours, theirs)]
        self.refused.setdefault(call.verb, Counter())["/".join(dict.fromkeys(numbers))] += 1

    @property
    def steps(self) -> int:
        return self.asked.total()

    @property
    def share(self) -> float:
        """Of the steps, how many succeeded."""
        return self.succeeded.total() / max(1, self.steps)

    def short_of(self, successes: int, verbs: Iterable[str]) -> list[str]:
        """The verbs that have not succeeded so often yet."""
        return [verb for verb in verbs if self.succeeded[verb] < successes]

    def table(self) -> list[str]:
        """The lines of a table, verbs in order."""
        lines = [f"{'verb':20}{'asked':>7}{'succeeded':>11}  refused with"]
        for verb in sorted(self.asked):
            numbers = self.refused.get(verb, Counter()).most_common()
            refusals = ", ".join(f"{number}: {times}" for number, times in numbers)
            lines.append(f"{verb:20}{self.asked[verb]:>7}{self.succeeded[verb]:>11}  {refusals}".rstrip())
        lines.append(f"{'together':20}{self.steps:>7}{self.succeeded.total():>11}  {self.share:.0%} succeeded")
        return lines + [f"tolerated {times:>6}  {row}" for row, times in sorted(self.tolerated.items())]
