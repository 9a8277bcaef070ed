"""A replay that is broken off, refused or overtaken in its midst:
the next one completes it, and no fact comes twice.
"""

from pathlib import Path
from typing import Any

import pytest

from domain_model import snapshot_xml
from domain_model.domain import Domain
from domain_model.errors import Refused
from domain_model.flags import SnapshotCreate
from domain_model.placements import Role
from tests.unit.domain_histories import ALPHA, BETA, DOMAIN, UUID_TEXT
from tests.unit.stage import Died, Stage, agree, altered, severed


@pytest.fixture
def grown(tmp_path: Path) -> Stage:
    """A running guest with the tree a > b > (c, d), a > e, with e current."""
    stage = Stage(tmp_path)
    stage.grow()
    return stage


def interrupted(stage: Stage, host: str, after: int, error: BaseException) -> Any:
    """A driver that fails at the redefinition after so many."""
    driver, left = stage.drivers[host], [after]

    def create(uuid: str, xml: str, flags: SnapshotCreate) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise error
        driver.snapshot_create(uuid, xml, flags)

    return altered(driver, snapshot_create=create)


def redefinitions(stage: Stage) -> list[str]:
    return sorted(e.name for e in stage.records.events(DOMAIN) if isinstance(e, Domain.SnapshotRedefined))


@pytest.mark.parametrize("after", range(5))
def test_a_replay_whose_worker_is_killed_is_finished_by_the_next_one_with_one_fact_a_snapshot(
    grown: Stage, after: int
) -> None:
    asked = grown.ask("replay", BETA, name="guest")
    with pytest.raises(Died):
        grown.apply(asked, interrupted(grown, BETA, after, Died()))
    assert redefinitions(grown) == []
    grown.epoch = 2
    assert grown.apply(asked).state == "succeeded"
    assert redefinitions(grown) == list("abcde")
    agree(grown)


def test_a_lost_answer_in_the_midst_of_a_replay_is_settled_by_going_on(grown: Stage) -> None:
    asked = grown.ask("replay", BETA, name="guest")
    assert grown.apply(asked, severed(grown.drivers[BETA], "snapshot_create", before=False)).state == "in flight"
    assert grown.apply(asked).state == "succeeded"
    assert redefinitions(grown) == list("abcde")
    agree(grown)


def test_a_replay_refused_in_its_midst_leaves_a_replica_that_the_next_one_completes(grown: Stage) -> None:
    replay = grown.replay(driver=interrupted(grown, BETA, 3, Refused("disk is full", number=1)))
    assert (replay.state, replay.code) == ("failed", 1)
    placement = grown.domain.placements[BETA]
    assert (placement.role, placement.verified) == (Role.REPLICA, None)
    assert grown.replay().state == "succeeded"
    agree(grown)


def test_a_target_that_vanishes_after_the_replay_is_no_success(grown: Stage) -> None:
    beta = grown.drivers[BETA]
    looks = [0]

    def vanishing(uuid: str) -> Any:
        looks[0] += 1
        return beta.domain(uuid) if looks[0] <= 3 else None

    replay = grown.replay(driver=altered(beta, domain=vanishing))
    assert looks == [4], "it was to vanish between the comparison and the record"
    assert replay.state == "failed"
    assert BETA not in grown.domain.placements


def test_what_is_recorded_of_the_owner_while_the_replay_runs_is_left_for_the_next_one(grown: Stage) -> None:
    alpha, beta = grown.drivers[ALPHA], grown.drivers[BETA]
    left = [1]

    def create(uuid: str, xml: str, flags: SnapshotCreate) -> None:
        beta.snapshot_create(uuid, xml, flags)
        left[0] -= 1
        if left[0] == 0:
            alpha.snapshot_create(UUID_TEXT, snapshot_xml.build("late"), SnapshotCreate.NONE)
            assert grown.do("destroy").state == "succeeded"

    assert grown.replay(driver=altered(beta, snapshot_create=create)).state == "succeeded"
    assert "late" in grown.domain.forest
    assert "late" not in grown.dumps(BETA)
    with pytest.raises(Refused, match="is not up to date: run replay again"):
        grown.ask("handover", to=BETA)
    assert grown.replay().state == "succeeded"
    agree(grown)
