"""Redefining in batches and undeleting, as an agent carries it out: what libvirt forgets is given back, to the byte."""

from pathlib import Path
from typing import Any

import pytest

from domain_model import snapshot_xml
from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable, Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete
from drivers.port import Driver
from tests.unit.domain_histories import ALPHA, DOMAIN, UUID_TEXT
from tests.unit.stage import Died, Stage, altered, severed


@pytest.fixture
def grown(tmp_path: Path) -> Stage:
    """A running guest with the tree a > b > (c, d), a > e, with e current."""
    stage = Stage(tmp_path)
    stage.grow()
    return stage


def refusing(driver: Driver, snapshot: str, error: BaseException, *, times: int = 1) -> Driver:
    """``driver``, which refuses to redefine one snapshot so many times."""
    left = [times]

    def create(uuid: str, xml: str, flags: SnapshotCreate) -> None:
        if snapshot_xml.read(xml).name == snapshot and left[0]:
            left[0] -= 1
            raise error
        driver.snapshot_create(uuid, xml, flags)

    return altered(driver, snapshot_create=create)


def strip(stage: Stage) -> dict[str, str]:
    """Delete the metadata of the whole tree; returns its dumps."""
    dumps = stage.dumps(ALPHA)
    assert stage.delete("a", int(SnapshotDelete.CHILDREN | SnapshotDelete.METADATA_ONLY)).state == "succeeded"
    assert stage.dumps(ALPHA) == {}
    return dumps


def ids(stage: Stage) -> dict[str, str]:
    return {record.name: record.id for record in stage.domain.forest}


def parents(stage: Stage) -> dict[str, str | None]:
    return {name: snapshot_xml.read(text).parent for name, text in stage.dumps(ALPHA).items()}


def redefined(stage: Stage) -> list[str]:
    return [e.name for e in stage.records.events(DOMAIN) if isinstance(e, Domain.SnapshotRedefined)]


def agrees(stage: Stage) -> None:
    """Check that what is recorded is what is there."""
    forest = stage.domain.forest
    assert parents(stage) == {record.name: forest.parent_name(record) for record in forest}
    current = forest.current_snapshot
    assert stage.seen().current_snapshot == (None if current is None else current.name)


def test_a_stripped_tree_given_back_in_reverse_order_is_the_tree_it_was_with_ids_and_current(grown: Stage) -> None:
    before = ids(grown)
    dumps = strip(grown)
    batch = grown.redefine(*(dumps[name] for name in "edcba"))
    assert (batch.state, batch.event.result["snapshots"]) == ("succeeded", ["a", "e", "b", "d", "c"])
    assert grown.dumps(ALPHA) == dumps
    assert grown.seen().current_snapshot == "e"
    assert ids(grown) == before
    agrees(grown)


def test_an_undeleted_snapshot_is_where_it_was_with_its_children_to_the_byte(grown: Stage) -> None:
    before, dumps = ids(grown), grown.dumps(ALPHA)
    assert grown.revert("b").state == "succeeded"
    assert grown.delete("b", int(SnapshotDelete.METADATA_ONLY)).state == "succeeded"
    assert (grown.seen().current_snapshot, parents(grown)["c"]) == ("a", "a")
    undeleted = grown.do("snapshot-undelete", name="b")
    assert (undeleted.state, undeleted.event.result["snapshots"]) == ("succeeded", ["b", "c", "d"])
    assert grown.dumps(ALPHA) == dumps
    assert grown.seen().current_snapshot == "b"
    assert ids(grown) == before
    agrees(grown)


def test_what_an_undeletion_did_is_recorded_as_redefinitions_with_what_they_replaced(grown: Stage) -> None:
    grown.delete("b", int(SnapshotDelete.METADATA_ONLY))
    moved = grown.domain.forest.named("c").header
    grown.do("snapshot-undelete", name="b")
    told = {e.name: e for e in grown.records.events(DOMAIN) if isinstance(e, Domain.SnapshotRedefined)}
    assert list(told) == ["b", "c", "d"]
    assert told["b"].replaced is None
    assert told["c"].replaced is not None
    assert told["c"].replaced["header"] == moved
    assert {event.operation for event in told.values()} == {told["b"].operation}


def test_a_redefinition_of_a_deleted_snapshot_gives_its_children_back_too(grown: Stage) -> None:
    dumps = grown.dumps(ALPHA)
    grown.delete("b", int(SnapshotDelete.METADATA_ONLY))
    assert grown.redefine(dumps["b"]).state == "succeeded"
    assert grown.dumps(ALPHA) == dumps
    agrees(grown)


def test_undeleting_what_was_not_deleted_is_refused_and_nothing_is_asked_of_the_hypervisor(grown: Stage) -> None:
    for name, number in (("x", 72), ("b", 9)):
        with pytest.raises(Refused) as refusal:
            grown.ask("snapshot-undelete", name=name)
        assert refusal.value.number == number


def test_a_snapshot_whose_data_was_deleted_cannot_be_undeleted(grown: Stage) -> None:
    assert grown.delete("e").state == "succeeded"
    with pytest.raises(Refused, match="no deleted domain snapshot with matching name 'e'"):
        grown.ask("snapshot-undelete", name="e")


def test_a_refusal_in_the_midst_names_the_snapshot_and_what_came_before_it_is_recorded(grown: Stage) -> None:
    dumps = strip(grown)
    driver = refusing(grown.drivers[ALPHA], "b", Refused("disk is full", number=1))
    batch = grown.redefine(*(dumps[name] for name in "edcba"), driver=driver)
    assert (batch.state, batch.code, batch.event.message) == ("failed", 1, "disk is full (snapshot 'b')")
    assert set(grown.dumps(ALPHA)) == {"a", "e"}
    agrees(grown)
    assert grown.redefine(*dumps.values()).state == "succeeded"
    assert grown.dumps(ALPHA) == dumps
    assert grown.seen().current_snapshot == "e"
    agrees(grown)


def test_the_refusal_of_a_single_redefinition_is_the_hypervisors_own_sentence(grown: Stage) -> None:
    driver = refusing(grown.drivers[ALPHA], "c", Refused("disk is full", number=1))
    assert grown.redefine(grown.dumps(ALPHA)["c"], driver=driver).event.message == "disk is full"


def test_a_batch_in_whose_midst_the_hypervisor_is_away_ends_there_and_can_be_done_again(grown: Stage) -> None:
    dumps = strip(grown)
    away = refusing(grown.drivers[ALPHA], "c", HypervisorUnreachable("gone"))
    batch = grown.redefine(*dumps.values(), driver=away)
    assert (batch.code, batch.event.message) == (38, "Cannot reach the hypervisor: gone (snapshot 'c')")
    agrees(grown)
    assert grown.redefine(*dumps.values()).state == "succeeded"
    assert grown.dumps(ALPHA) == dumps


def test_children_that_were_refused_their_place_get_it_when_the_redefinition_is_done_again(grown: Stage) -> None:
    dumps = grown.dumps(ALPHA)
    grown.delete("b", int(SnapshotDelete.METADATA_ONLY))
    driver = refusing(grown.drivers[ALPHA], "d", Refused("disk is full", number=1))
    assert grown.do("snapshot-undelete", driver=driver, name="b").event.message == "disk is full (snapshot 'd')"
    assert parents(grown) == {"a": None, "b": "a", "c": "b", "d": "a", "e": "a"}
    agrees(grown)
    assert grown.redefine(dumps["b"]).event.result["snapshots"] == ["b", "d"]
    assert grown.dumps(ALPHA) == dumps
    agrees(grown)


@pytest.mark.parametrize("snapshot", list("abcde"))
def test_a_batch_whose_worker_is_killed_is_finished_by_the_next_one_with_one_fact_a_snapshot(
    grown: Stage, snapshot: str
) -> None:
    before = ids(grown)
    dumps = strip(grown)
    asked = grown.ask_redefinition(*dumps.values())
    with pytest.raises(Died):
        grown.apply(asked, refusing(grown.drivers[ALPHA], snapshot, Died()))
    grown.epoch = 2
    assert grown.apply(asked).state == "succeeded"
    assert sorted(redefined(grown)) == list("abcde")
    assert (grown.dumps(ALPHA), ids(grown)) == (dumps, before)
    agrees(grown)


def test_a_lost_answer_in_the_midst_of_an_undeletion_is_settled_by_doing_it_again(grown: Stage) -> None:
    dumps = grown.dumps(ALPHA)
    grown.delete("b", int(SnapshotDelete.METADATA_ONLY))
    asked = grown.ask("snapshot-undelete", name="b")
    assert grown.apply(asked, severed(grown.drivers[ALPHA], "snapshot_create", before=False)).state == "in flight"
    assert grown.apply(asked).state == "succeeded"
    assert grown.dumps(ALPHA) == dumps
    agrees(grown)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda text: text.replace("<name>a</name>", "<name>nowhere</name>"), 8),
        (lambda text: text.replace(UUID_TEXT, "00000000-0000-4000-8000-000000000bad"), 8),
        (lambda text: text.replace("<state>running</state>", "<state>shutoff</state>"), 8),
    ],
)
def test_a_batch_with_one_that_cannot_be_is_refused_as_a_whole(grown: Stage, change: Any, number: int) -> None:
    dumps = grown.dumps(ALPHA)
    with pytest.raises(Refused) as refusal:
        grown.ask_redefinition(dumps["c"], change(dumps["b"]).replace("<memory snapshot='internal'/>", ""))
    assert refusal.value.number == number
    assert "operation.requested" not in grown.topics[-1:]


def test_snapshots_redefined_behind_our_back_are_the_ones_they_were(grown: Stage) -> None:
    before = ids(grown)
    dumps = strip(grown)
    for name in "abcde":
        grown.drivers[ALPHA].snapshot_create(UUID_TEXT, dumps[name], SnapshotCreate.REDEFINE)
    grown.observe()
    assert ids(grown) == before
    agrees(grown)


def test_what_somebody_brought_back_without_its_children_is_left_so_when_it_is_edited(grown: Stage) -> None:
    dumps = grown.dumps(ALPHA)
    grown.delete("b", int(SnapshotDelete.METADATA_ONLY))
    grown.drivers[ALPHA].snapshot_create(UUID_TEXT, dumps["b"], SnapshotCreate.REDEFINE)
    grown.observe()
    edited = dumps["b"].replace("the b one", "edited")
    assert grown.redefine(edited).event.result["snapshots"] == ["b"]
    assert parents(grown)["c"] == "a"
    agrees(grown)
