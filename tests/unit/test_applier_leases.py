"""A worker that stood still for longer than its lease does not touch the hypervisor: its successor may have done so."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.domain_histories import ALPHA
from tests.unit.stage import Died, Stage, dying, untouchable
from workers.applier import Applier
from workers.ports import LeadLost
from workers.steps import Step


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_worker_whose_lease_ran_out_while_it_stood_still_does_not_act(stage: Stage) -> None:
    stage.define()
    starting = stage.ask("start")
    held = [True]
    lead = replace(stage.lead(ALPHA), still_held=lambda: held[0])
    driver = untouchable(stage.drivers[ALPHA], "start")

    def stops(step: Step, _verb: str) -> None:
        held[0] = step is not Step.STARTED

    with pytest.raises(LeadLost, match="could not be renewed in time"):
        Applier(driver, stage.records, lead, stops).apply(starting)
    assert stage.apply(starting).state == "succeeded"


def test_a_worker_whose_lease_ran_out_does_not_mend_what_another_left(stage: Stage) -> None:
    stage.define()
    stage.start()
    destroying = stage.ask("destroy")
    with pytest.raises(Died):
        stage.apply(destroying, dying(stage.drivers[ALPHA], "destroy", before=True))
    lead = replace(stage.lead(ALPHA), still_held=lambda: False)
    with pytest.raises(LeadLost):
        Applier(untouchable(stage.drivers[ALPHA], "destroy"), stage.records, lead).apply(destroying)
