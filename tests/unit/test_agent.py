"""Rounds of a host agent, one after the other and without threads."""

from pathlib import Path

from domain_model.libvirt import DomainState
from tests.simulation.agents import SteppedPool
from tests.simulation.application import QuietIdentities, QuietSightings
from tests.unit.domain_histories import ALPHA, UUID_TEXT
from tests.unit.stage import Stage
from workers.agent import HostAgent


def test_what_looks_as_before_an_operation_is_looked_at_closely_after_it(tmp_path: Path) -> None:
    """An operation pauses the guest, and somebody lets it go on before anybody has looked."""
    stage, pool = Stage(tmp_path), SteppedPool()
    stage.define()
    stage.start()
    hypervisor = stage.drivers[ALPHA]
    hypervisor.suspend(UUID_TEXT)
    hypervisor.resume(UUID_TEXT)
    agent = HostAgent(
        hypervisor, stage.records, QuietIdentities(), QuietSightings(), stage.lead(ALPHA), begin=pool.begin
    )
    agent.run_once(0.0)
    suspending = stage.ask("suspend")
    agent.run_once(1.0)
    pool.run(0)
    assert stage.asked(suspending).state == "succeeded"
    hypervisor.resume(UUID_TEXT)
    agent.run_once(6.0)
    assert stage.domain.placements[ALPHA].state is DomainState.RUNNING
