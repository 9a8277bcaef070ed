"""A domain that was made again under its UUID gets back the snapshot forest that the hypervisor forgot, and can revert.

The founding change's second use case: a transient domain stops, libvirt erases its snapshot metadata, and it is made
again.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain_model import snapshot_xml
from domain_model.domain import Domain
from domain_model.errors import Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete, Undefine
from drivers.port import Driver
from tests.unit.domain_histories import ALPHA, BETA, DOMAIN, UUID_TEXT
from tests.unit.stage import Asked, Died, Stage, altered, definition, severed, without
from workers.steps import Step


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def create(stage: Stage) -> None:
    assert stage.do("create", name="guest", xml=definition()).state == "succeeded"


def restore(stage: Stage, driver: Driver | None = None) -> Asked:
    return stage.do("replay", driver=driver, name="guest", restore=True)


@pytest.fixture
def remade(stage: Stage) -> Stage:
    """A transient guest with the tree a > b > c, a > d and d current, which stopped and was made again."""
    create(stage)
    stage.snapshot("a", "b", "c")
    assert stage.revert("a").state == "succeeded"
    stage.snapshot("d")
    stage.before = stage.dumps(ALPHA)  # type: ignore[attr-defined]
    assert stage.do("destroy").state == "succeeded"
    assert stage.drivers[ALPHA].domain(UUID_TEXT) is None
    create(stage)
    assert stage.dumps(ALPHA) == {}
    return stage


def before(stage: Stage) -> dict[str, str]:
    return stage.before  # type: ignore[attr-defined,no-any-return]


def interrupted(driver: Driver, after: int, error: BaseException) -> Driver:
    left = [after]

    def create(uuid: str, xml: str, flags: SnapshotCreate) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise error
        driver.snapshot_create(uuid, xml, flags)

    return altered(driver, snapshot_create=create)


def test_a_stopped_transient_domain_has_no_snapshots_until_they_are_restored(remade: Stage) -> None:
    assert len(remade.domain.forest) == 0
    replay = restore(remade)
    assert replay.state == "succeeded"
    result = replay.event.result
    assert (result["identical"], result["total"]) == (4, 4)
    assert result["current"] == {"recorded": "d", "found": "d"}
    assert [entry["name"] for entry in result["snapshots"]] == ["a", "b", "d", "c"]
    assert remade.dumps(ALPHA) == before(remade)
    assert remade.seen().current_snapshot == "d"


def test_the_restored_snapshots_are_the_ones_they_were(remade: Stage) -> None:
    first = {e.name: e.snapshot for e in remade.records.events(DOMAIN) if isinstance(e, Domain.SnapshotCreated)}
    restore(remade)
    assert {record.name: record.id for record in remade.domain.forest} == first
    assert remade.domain.forest.lost == []
    assert remade.topics[-6:-1] == [*["snapshot.redefined"] * 4, "snapshot.verified"]
    assert remade.records.told[-1] == (4, 4)


def test_a_restored_snapshot_can_be_reverted_to(remade: Stage) -> None:
    restore(remade)
    assert remade.revert("b").state == "succeeded"
    assert remade.seen().current_snapshot == "b"
    assert remade.domain.forest.current_snapshot == remade.domain.forest.named("b")


def test_so_has_a_domain_that_was_undefined_with_its_metadata_and_defined_again(stage: Stage) -> None:
    stage.define()
    stage.snapshot("a", "b")
    dumps = stage.dumps(ALPHA)
    assert stage.do("undefine", flags=int(Undefine.SNAPSHOTS_METADATA)).state == "succeeded"
    stage.define()
    assert restore(stage).state == "succeeded"
    assert (stage.dumps(ALPHA), stage.seen().current_snapshot) == (dumps, "b")


def test_one_that_stopped_and_was_made_again_behind_our_back_too(stage: Stage) -> None:
    create(stage)
    stage.snapshot("a", "b")
    dumps = stage.dumps(ALPHA)
    alpha = stage.drivers[ALPHA]
    text = alpha.domain_xml(UUID_TEXT, inactive=False)
    alpha.destroy(UUID_TEXT)
    alpha.create(text)
    stage.observe()
    assert restore(stage).state == "succeeded"
    assert stage.dumps(ALPHA) == dumps


def test_snapshots_taken_since_stay_and_the_newest_stays_current(remade: Stage) -> None:
    remade.snapshot("new")
    assert restore(remade).state == "succeeded"
    assert {name: text for name, text in remade.dumps(ALPHA).items() if name != "new"} == before(remade)
    assert remade.seen().current_snapshot == "new"


def test_a_lost_snapshot_whose_name_was_used_again_is_not_restored_and_its_children_hang_above(remade: Stage) -> None:
    remade.snapshot("b")
    assert restore(remade).state == "succeeded"
    parents = {name: snapshot_xml.read(text).parent for name, text in remade.dumps(ALPHA).items()}
    assert parents == {"a": None, "b": None, "c": "a", "d": "a"}
    assert remade.domain.forest.named("c").parent == remade.domain.forest.named("a").id


def test_a_single_lost_snapshot_can_be_undeleted(remade: Stage) -> None:
    assert remade.do("snapshot-undelete", name="b").state == "succeeded"
    assert {name: snapshot_xml.read(text).parent for name, text in remade.dumps(ALPHA).items()} == {"b": None}
    assert restore(remade).state == "succeeded"
    assert remade.dumps(ALPHA) == before(remade)


def test_metadata_that_somebody_deleted_before_is_no_part_of_what_was_lost(stage: Stage) -> None:
    create(stage)
    stage.snapshot("a", "b", "c")
    assert stage.delete("b", int(SnapshotDelete.METADATA_ONLY)).state == "succeeded"
    assert stage.do("destroy").state == "succeeded"
    create(stage)
    restore(stage)
    assert set(stage.dumps(ALPHA)) == {"a", "c"}
    assert stage.do("snapshot-undelete", name="b").event.result["snapshots"] == ["b", "c"]


@pytest.mark.parametrize("after", range(4))
def test_a_restoration_whose_worker_is_killed_is_finished_by_the_next_one(remade: Stage, after: int) -> None:
    asked = remade.ask("replay", name="guest", restore=True)
    with pytest.raises(Died):
        remade.apply(asked, interrupted(remade.drivers[ALPHA], after, Died()))
    remade.epoch = 2
    assert remade.apply(asked).state == "succeeded"
    assert remade.dumps(ALPHA) == before(remade)
    assert [topic for topic in remade.topics if topic == "snapshot.redefined"] == ["snapshot.redefined"] * 4


def test_a_lost_answer_is_settled_by_going_on(remade: Stage) -> None:
    asked = remade.ask("replay", name="guest", restore=True)
    driver = severed(remade.drivers[ALPHA], "snapshot_create", before=False)
    assert remade.apply(asked, driver).state == "in flight"
    assert remade.apply(asked).state == "succeeded"
    assert remade.dumps(ALPHA) == before(remade)


def test_a_refusal_in_the_midst_names_the_snapshot_and_a_second_one_restores_the_rest(remade: Stage) -> None:
    driver = interrupted(remade.drivers[ALPHA], 2, Refused("disk is full", number=1))
    replay = restore(remade, driver)
    assert (replay.state, replay.event.message) == ("failed", "disk is full (snapshot 'd')")
    assert {record.name for record in remade.domain.forest} == {"a", "b"}
    again = restore(remade)
    assert (again.state, again.event.result["total"]) == ("succeeded", 2)
    assert remade.dumps(ALPHA) == before(remade)
    assert remade.seen().current_snapshot == "d"


def test_a_host_that_keeps_something_else_fails_with_9_and_a_report(remade: Stage) -> None:
    alpha = remade.drivers[ALPHA]

    def deaf(uuid: str) -> dict[str, str]:
        return {name: xml.replace("the c one", "something else") for name, xml in alpha.snapshot_dumps(uuid).items()}

    replay = restore(remade, altered(alpha, snapshot_dumps=deaf))
    assert (replay.state, replay.code) == ("failed", 9)
    assert replay.event.message == (
        "operation failed: what was restored on host 'alpha' differs: 3 of 4 snapshots agree"
    )


def foreign(stage: Stage) -> None:
    """Somebody takes a snapshot under the name of a lost one."""
    stage.drivers[ALPHA].snapshot_create(UUID_TEXT, snapshot_xml.build("c"), SnapshotCreate.NONE)


def gone(stage: Stage) -> None:
    stage.drivers[ALPHA].destroy(UUID_TEXT)


@pytest.mark.parametrize(("what", "number"), [(foreign, 9), (gone, 42)])
def test_what_changed_since_it_began_is_refused_and_nothing_is_redefined(
    remade: Stage, what: Callable[[Stage], None], number: int
) -> None:
    asked = remade.ask("replay", name="guest", restore=True)

    def reached(step: Step, _verb: str) -> None:
        if step is Step.STARTED:
            what(remade)

    replay = remade.apply(asked, reached=reached)
    assert (replay.state, replay.code) == ("failed", number)
    assert "snapshot.redefined" not in remade.topics


def test_a_snapshot_somebody_took_under_the_name_of_a_lost_one_is_recorded_and_kept_and_the_rest_comes_back(
    remade: Stage,
) -> None:
    asked = remade.ask("replay", name="guest", restore=True)
    foreign(remade)
    theirs = remade.dumps(ALPHA)["c"]
    replay = remade.apply(asked)
    assert (replay.state, replay.event.result["total"]) == ("succeeded", 3)
    assert remade.dumps(ALPHA)["c"] == theirs
    assert {record.name for record in remade.domain.forest} == {"a", "b", "c", "d"}


def test_a_hypervisor_that_cannot_redefine_is_refused_with_8(remade: Stage) -> None:
    replay = restore(remade, without("redefine", remade.drivers[ALPHA]))
    assert (replay.state, replay.code) == ("failed", 8)


def refusal(stage: Stage, host: str = ALPHA) -> Any:
    with pytest.raises(Refused) as refused:
        stage.ask("replay", host, name="guest", restore=True)
    return refused.value.number, refused.value.message


def test_a_domain_that_lost_nothing_has_nothing_to_restore(stage: Stage) -> None:
    assert refusal(stage)[0] == 42
    stage.define()
    stage.snapshot("a")
    assert refusal(stage) == (
        55,
        "Requested operation is not valid: domain 'guest' has not lost its snapshots: there is nothing to restore",
    )
    assert stage.replay().state == "succeeded"
    assert refusal(stage, BETA)[0] == 55
