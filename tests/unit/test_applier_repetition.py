"""What is done again because its answer was lost: that a second attempt was refused says nothing of the first."""

from pathlib import Path

import pytest

from domain_model.errors import HypervisorUnreachable, OperationFailed
from tests.unit.domain_histories import ALPHA
from tests.unit.stage import Died, Severed, Stage, definition, dies_at, severed
from workers.steps import Step


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_what_took_effect_is_not_failed_because_a_second_attempt_was_refused(stage: Stage) -> None:
    defining = stage.ask("define", name="guest", xml=definition())
    assert stage.apply(defining, severed(stage.drivers[ALPHA], "define", before=False)).state == "in flight"
    failing: object = Severed(stage.drivers[ALPHA], "define", before=True, error=OperationFailed)
    assert stage.apply(defining, failing).state == "outcome_unknown"  # type: ignore[arg-type]
    assert stage.domain.placements[ALPHA].persistent


def test_a_second_attempt_that_reaches_nobody_is_made_later(stage: Stage) -> None:
    defining = stage.ask("define", name="guest", xml=definition())
    stage.apply(defining, severed(stage.drivers[ALPHA], "define", before=False))
    silent: object = Severed(stage.drivers[ALPHA], "define", before=True, error=HypervisorUnreachable)
    assert stage.apply(defining, silent).state == "in flight"  # type: ignore[arg-type]
    assert stage.apply(defining).state == "succeeded"


def test_a_handover_touches_no_hypervisor_so_one_that_is_refused_the_second_time_failed(stage: Stage) -> None:
    stage.define()
    assert stage.replay().state == "succeeded"
    handing_over = stage.ask("handover", to="00000000-0000-4000-8000-00000000000b")
    with pytest.raises(Died):
        stage.apply(handing_over, reached=dies_at(Step.STARTED))
    stage.drivers[ALPHA].start(str(stage.domain.uuid))
    assert stage.apply(handing_over).state == "failed"
