"""A worker killed at every step of every verb: one outcome, the effect there once, and recorded is what is there."""

from pathlib import Path
from typing import Any, cast

import pytest

from drivers.port import Driver
from tests.unit.domain_histories import ALPHA
from tests.unit.lost_answers import LOST, SUCCEEDED, UNKNOWN, Lost
from tests.unit.stage import Died, Stage, dies_at
from tests.unit.test_applier_lost_answers import recorded_is_there
from workers.applier import Applier
from workers.ports import QueuedOperation
from workers.steps import Step
from workers.verbs import VERBS, Task, Verdict
from workers.verbs.task import DO_AGAIN

BEHIND_A_DEATH = (Step.RESUMED, Step.MENDED)
TWICE_IS_ONCE = {verb for verb, what in VERBS.items() if what.evidence is DO_AGAIN} | {"dump", "domtime"}
"""Done twice they are as done once; of the others the effect must be there once at most."""
AND_THESE = {"delete children only", "revert a guest that is off to where it is: once more makes no difference"}


class Counting:
    """A driver that counts how often one of its verbs was carried out."""

    def __init__(self, driver: Driver, call: str) -> None:
        self._driver = driver
        self._call = call
        self.done = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._driver, name)
        if name != self._call:
            return real

        def count(*args: Any, **kwargs: Any) -> Any:
            answer = real(*args, **kwargs)
            self.done += 1
            return answer

        return count


def killed_at(stage: Stage, lost: Lost, step: Step, applier: type[Applier] = Applier) -> None:
    """Kill workers at a step, and check what the last one, who lives, makes of it."""
    lost.given(stage)
    stage.applier = applier
    counting = Counting(stage.drivers[ALPHA], lost.call)
    driver = cast("Driver", counting)
    asked = stage.ask(lost.verb, **lost.arguments(stage))
    steps = (Step.STARTED, step) if step in BEHIND_A_DEATH else (step,)
    reached = dies_at(*steps)
    for _ in steps:
        with pytest.raises(Died):
            stage.apply(asked, driver, reached)
        stage.epoch += 1
    ended = stage.apply(asked, driver, reached)
    assert ended.state in (SUCCEEDED, UNKNOWN), "it is known to have an end"
    at_most = 2 if lost.verb in TWICE_IS_ONCE or lost.says in AND_THESE else 1
    assert counting.done <= at_most, "the effect is there once"
    assert counting.done >= (ended.state == SUCCEEDED), "who is told of success finds the effect"
    recorded_is_there(stage)


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("lost", LOST, ids=lambda lost: lost.says)
def test_wherever_a_worker_is_killed_its_successor_brings_it_to_one_end(tmp_path: Path, lost: Lost, step: Step) -> None:
    killed_at(Stage(tmp_path), lost, step)


def test_what_leaves_a_trace_has_a_known_outcome_wherever_the_worker_was_killed() -> None:
    """Which verbs may end as unknown, told by what the tests of lost answers say of them."""
    assert {lost.verb for lost in LOST if UNKNOWN in (*lost.done, *lost.not_done)} == {
        *("reboot", "reset", "inject-nmi", "send-key", "domfsfreeze", "domjobabort", "domtime"),
        *("save", "dump", "snapshot-create"),
    }


TRIED = [lost for lost in LOST if lost.says in ("start", "take a snapshot", "revert a running guest", "keys")]


class NeverLooks(Applier):
    """A planted bug: what was started is done again, without a look at whether it happened."""

    def _happened(self, task: Task) -> Verdict:
        del task
        return Verdict.NOT_DONE


class RecordsFirst(Applier):
    """A planted bug: that it was done is recorded, and then it is done."""

    def _act(self, queued: QueuedOperation, task: Task, *, repeated: bool = False) -> None:
        self._record_end(queued, task, None)
        super()._act(queued, task, repeated=repeated)


class Believes(Applier):
    """A planted bug: what was started is taken for done."""

    def _happened(self, task: Task) -> Verdict:
        del task
        return Verdict.DONE


@pytest.mark.parametrize("bug", [NeverLooks, RecordsFirst, Believes])
def test_a_planted_bug_is_found(tmp_path: Path, bug: type[Applier]) -> None:
    red = set()
    for number, (lost, step) in enumerate((lost, step) for lost in TRIED for step in Step):
        try:
            killed_at(Stage(tmp_path / str(number)), lost, step, bug)
        except AssertionError:
            red.add((lost.verb, step))
    assert {verb for verb, _ in red} == {lost.verb for lost in TRIED}, sorted(red)
