"""What the images say of the snapshots is looked up with every close look,
and never keeps anything else from being seen.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain_model.errors import HypervisorUnreachable, Refused
from domain_model.flags import SnapshotDelete
from domain_model.libvirt import DomainState
from domain_model.placements import Images
from domain_model.presence import UNVERIFIED, Presence, Verification
from drivers.images import ImageChain, ImageFindings, SnapshotPresence
from drivers.port import Driver
from tests.unit.domain_histories import ALPHA, BETA, UUID_TEXT
from tests.unit.stage import Stage, altered, untouchable

CHAIN = ImageChain("vda", "/images/guest.qcow2", ("/images/guest.qcow2", "/images/base.qcow2"), ("a",))
FOUND = ImageFindings(
    {"a": SnapshotPresence(present=True), "b": SnapshotPresence(present=False, why="no snapshot 'b' in guest.qcow2")},
    {"c": "not to be told"},
)
GONE = Verification(Presence.MISSING, "no snapshot 'b' in guest.qcow2")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A domain with the snapshots a, b and c, which nobody could verify yet."""
    stage = Stage(tmp_path)
    stage.define()
    for name in "abc":
        assert stage.take(name, blind(stage.drivers[ALPHA])).state == "succeeded"
    return stage


def raising(error: BaseException) -> Callable[[str], Any]:
    def look(_uuid: str) -> Any:
        raise error

    return look


def with_images(driver: Driver, presence: Callable[[str], Any] = lambda _: FOUND) -> Driver:
    return altered(driver, snapshot_presence=presence, image_chains=lambda _: [CHAIN])


def blind(driver: Driver) -> Driver:
    return altered(driver, snapshot_presence=lambda _: ImageFindings())


def presence(stage: Stage) -> list[Verification]:
    return [stage.domain.forest.presence_of(record.id) for record in stage.domain.forest]


def test_what_the_images_say_is_recorded_and_what_they_do_not_say_stays_unverified(stage: Stage) -> None:
    assert presence(stage) == [UNVERIFIED] * 3
    stage.observe(driver=with_images(stage.drivers[ALPHA]))
    assert presence(stage) == [Verification(Presence.PRESENT), GONE, UNVERIFIED]
    assert stage.domain.placements[ALPHA].images == Images({"vda": list(CHAIN.files)})


def test_an_operation_looks_too(stage: Stage) -> None:
    assert stage.do("start", driver=with_images(stage.drivers[ALPHA])).state == "succeeded"
    assert presence(stage)[1] == GONE


def test_a_domain_is_not_reverted_to_what_is_missing_and_nothing_is_touched_for_it(stage: Stage) -> None:
    driver = with_images(untouchable(stage.drivers[ALPHA], "snapshot_revert"))
    refused = stage.revert("b", driver)
    assert (refused.state, refused.code) == ("failed", 55)
    assert "no snapshot 'b' in guest.qcow2" in refused.event.message
    assert presence(stage)[1] == GONE


def test_metadata_that_came_back_without_its_data_is_missing_and_a_running_guest_is_not_stopped_for_it(
    stage: Stage,
) -> None:
    stage.start()
    run = stage.seen().hypervisor_id
    stage.drivers[ALPHA].snapshot_delete(UUID_TEXT, "b", SnapshotDelete.NONE)
    stage.observe()
    assert stage.do("snapshot-undelete", name="b").state == "succeeded"
    forest = stage.domain.forest
    assert forest.presence_of(forest.named("b").id).presence is Presence.MISSING
    refused = stage.revert("b")
    assert (refused.state, refused.code) == ("failed", 55)
    assert (stage.seen().state, stage.seen().hypervisor_id) == (DomainState.RUNNING, run)


@pytest.mark.parametrize("name", ["a", "c"])
def test_what_is_there_or_cannot_be_told_is_reverted_to(stage: Stage, name: str) -> None:
    assert stage.revert(name, with_images(stage.drivers[ALPHA])).state == "succeeded"


def test_what_was_missing_and_came_back_is_reverted_to(stage: Stage) -> None:
    stage.observe(driver=with_images(stage.drivers[ALPHA]))
    found = ImageFindings({"b": SnapshotPresence(present=True)})
    assert stage.revert("b", with_images(stage.drivers[ALPHA], lambda _: found)).state == "succeeded"


def test_images_that_cannot_be_looked_at_keep_nothing_else_from_being_seen(stage: Stage) -> None:
    stage.observe(driver=with_images(stage.drivers[ALPHA]))
    refused = Refused("no such image", number=1)
    driver = altered(stage.drivers[ALPHA], snapshot_presence=raising(refused), image_chains=raising(refused))
    assert stage.do("start", driver=driver).state == "succeeded"
    assert presence(stage)[1] == GONE
    assert stage.domain.placements[ALPHA].images == Images({"vda": list(CHAIN.files)})


def test_a_hypervisor_that_is_away_is_away(stage: Stage) -> None:
    driver = with_images(stage.drivers[ALPHA], raising(HypervisorUnreachable("gone")))
    with pytest.raises(HypervisorUnreachable):
        stage.observe(driver=driver)


def test_the_images_of_a_replica_say_nothing_of_the_owners_snapshots(stage: Stage) -> None:
    stage.replay()
    stage.observe(BETA, with_images(stage.drivers[BETA], raising(AssertionError("asked"))))
    assert presence(stage) == [UNVERIFIED] * 3
    assert stage.domain.placements[BETA].images == Images({"vda": list(CHAIN.files)})
