"""The state machine: Hypothesis draws a call, both sides carry it out, and the pair judges.

A run is many examples, each a sequence of calls on hosts that begin empty. When one fails Hypothesis reduces it to the
shortest sequence that still does. The same seed draws the same run.
"""

from collections.abc import Iterable

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from hypothesis.strategies import DataObject

from tests.equivalence.drawing import calls
from tests.equivalence.pairs import Pair

_EXAMPLES_A_ROUND = 9
"""From the tenth on Hypothesis draws by rearranging parts of examples it had: nearly the same again, on slow hosts."""
_LONGEST = 4


def run(pair: Pair, *, steps: int, steps_an_example: int, wanted: Iterable[str] = (), successes: int = 0) -> None:
    """Carry out at least ``steps``, and more until every wanted verb succeeded so often, at most four times as many.

    Raises Unequal when the sides differ.
    """
    round_ = 0
    while pair.tally.steps < steps or (pair.tally.steps < _LONGEST * steps and pair.tally.short_of(successes, wanted)):
        # A seed beside it gives another run, and none that overlaps.
        machine = seed(pair.seed * 1_000_000 + round_)(_machine(pair))
        run_state_machine_as_test(machine, settings=_settings(steps_an_example))
        round_ += 1


def _machine(pair: Pair) -> type[RuleBasedStateMachine]:
    class Sequence(RuleBasedStateMachine):
        asleep = False

        @initialize(sleep=st.integers(0, 999))
        def begin(self, sleep: int) -> None:
            # Hypothesis begins each round with its simplest example, which would be the first verb over and over.
            self.asleep = sleep == 0
            if not self.asleep:
                pair.begin()

        @rule(data=st.data())
        def call(self, data: DataObject) -> None:
            if not self.asleep:
                pair.step(data.draw(calls(pair.world, pair.verbs)))

    return Sequence


def _settings(steps: int) -> settings:
    return settings(
        max_examples=_EXAMPLES_A_ROUND,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        # Hypervisors are slow, and that is no fault of the sequence.
        suppress_health_check=list(HealthCheck),
    )
