"""An operation that is withdrawn in the moment in which an agent takes it up: it is never begun, and ends once."""

from pathlib import Path

import pytest

from domain_model.commands import cancel
from domain_model.errors import OperationInvalid
from tests.unit.domain_histories import ALPHA, AT
from tests.unit.stage import Stage, untouchable
from workers.ports import QueuedOperation
from workers.steps import Reached, Step


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.define()
    return stage


def withdrawn_at(step: Step, stage: Stage, asked: QueuedOperation) -> Reached:
    def reached(at: Step, _verb: str) -> None:
        if at is step:
            domain = stage.domain
            cancel(domain, str(asked.id), AT)
            stage.records.append(domain, {})

    return reached


@pytest.mark.parametrize("step", [Step.CLAIMED, Step.CHECKED])
def test_one_that_is_withdrawn_before_its_start_is_on_record_is_not_begun(stage: Stage, step: Step) -> None:
    asked = stage.ask("start")
    stage.apply(asked, untouchable(stage.drivers[ALPHA], "start"), withdrawn_at(step, stage, asked))
    assert stage.topics[-2:] == ["operation.requested", "operation.cancelled"]


def test_one_that_is_withdrawn_while_it_is_refused_has_not_failed_as_well(stage: Stage) -> None:
    asked = stage.ask("start")
    before = len(stage.topics)
    stage.drivers[ALPHA].undefine(stage.domain.uuid)
    stage.apply(asked, None, withdrawn_at(Step.CLAIMED, stage, asked))
    ends = [topic for topic in stage.topics[before:] if topic.startswith("operation.")]
    assert ends == ["operation.cancelled"]


@pytest.mark.parametrize("step", [Step.STARTED, Step.ACTED])
def test_one_whose_start_is_on_record_can_be_withdrawn_no_more(stage: Stage, step: Step) -> None:
    asked = stage.ask("start")
    with pytest.raises(OperationInvalid, match="was started and goes on"):
        stage.apply(asked, None, withdrawn_at(step, stage, asked))
    assert stage.apply(asked).state == "succeeded"
