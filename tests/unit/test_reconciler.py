"""Looking again at operations whose outcome is unknown: what is told by then is recorded, and nothing else is done."""

from pathlib import Path
from typing import Any, cast

import pytest

from domain_model import snapshot_xml
from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable
from domain_model.flags import SnapshotCreate, SnapshotDelete
from drivers.port import Driver
from tests.unit.domain_histories import ALPHA, DOMAIN, UUID_TEXT
from tests.unit.stage import Asked, Stage, altered, severed, silent, untouchable
from tests.unit.test_snapshot_evidence import FILE, Qemu
from workers.reconciler import Reconciler

ACTS = ("snapshot_create", "snapshot_delete", "snapshot_revert", "resume", "suspend", "start", "destroy", "define")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.define()
    stage.start()
    return stage


@pytest.fixture
def qemu(stage: Stage) -> Qemu:
    qemu = Qemu(stage.drivers[ALPHA])
    stage.drivers[ALPHA] = cast("Driver", qemu)
    return qemu


def lose(stage: Stage, qemu: Qemu, point: str, flags: SnapshotCreate = SnapshotCreate.NONE) -> Asked:
    """A snapshot whose answer gets lost at ``point``, with the images out of sight afterwards."""
    xml = snapshot_xml.build("second")
    asked = stage.ask("snapshot-create", name="second", xml=xml, flags=int(flags))
    create, qemu.point = qemu.snapshot_create, point

    def lost(*given: Any) -> None:
        qemu.unseen = True
        create(*given)

    left = stage.apply(asked, altered(cast("Driver", qemu), snapshot_create=lost))
    assert left.state == "outcome_unknown"
    return left


def reconciler(stage: Stage, driver: Driver | None = None) -> Reconciler:
    looked_at = untouchable(driver or stage.drivers[ALPHA], *ACTS)
    return Reconciler(looked_at, stage.records, stage.lead(ALPHA))


def look_again(stage: Stage, driver: Driver | None = None) -> Any:
    """The last event, after another look that may touch nothing."""
    reconciler(stage, driver).run_once(frozenset())
    return stage.records.events(DOMAIN)[-1]


def test_while_images_stay_out_of_sight_the_outcome_stays_unknown(stage: Stage, qemu: Qemu) -> None:
    lose(stage, qemu, "begun")
    before = stage.topics
    look_again(stage)
    assert stage.topics == before


def test_images_that_come_into_sight_show_that_it_had_not_happened_and_it_is_not_done_again(
    stage: Stage, qemu: Qemu
) -> None:
    lost = lose(stage, qemu, "begun")
    qemu.unseen = False
    said = look_again(stage)
    assert (type(said), said.operation, said.outcome) == (Domain.OperationSettled, str(lost.queued.id), "failed")
    assert "had not happened, and it is not done again by itself" in said.evidence
    assert set(stage.seen().snapshots) == set()
    assert stage.domain.unknown == {}


def test_images_that_come_into_sight_show_that_it_happened(stage: Stage, qemu: Qemu) -> None:
    lose(stage, qemu, "resumed", SnapshotCreate.NO_METADATA)
    qemu.unseen = False
    said = look_again(stage)
    assert (type(said), said.outcome) == (Domain.OperationSettled, "succeeded")
    assert said.evidence.endswith("the snapshot is listed, or its name, free before, is in the images")
    before = stage.topics
    look_again(stage)
    assert stage.topics == before, "it is settled once"


def test_a_snapshot_in_the_images_that_nobody_lists_is_left_to_a_person(stage: Stage, qemu: Qemu) -> None:
    lose(stage, qemu, "resumed")
    qemu.unseen = False
    look_again(stage)
    assert len(stage.domain.unknown) == 1
    assert [tag.tag for tag in qemu.images[FILE]] == ["second"]


def test_after_another_operation_nothing_that_is_there_tells_of_the_lost_one(stage: Stage, qemu: Qemu) -> None:
    lose(stage, qemu, "begun")
    qemu.unseen = False
    assert stage.do("suspend").state == "succeeded"
    before = stage.topics
    look_again(stage)
    assert stage.topics == before
    assert len(stage.domain.unknown) == 1


def test_what_others_did_meanwhile_is_recorded_and_ends_the_evidence(stage: Stage, qemu: Qemu) -> None:
    lose(stage, qemu, "begun", SnapshotCreate.NO_METADATA)
    qemu.unseen = False
    qemu._driver.snapshot_create(UUID_TEXT, snapshot_xml.build("theirs"), SnapshotCreate.NONE)
    look_again(stage)
    [seen] = [event for event in stage.records.events(DOMAIN) if isinstance(event, Domain.SnapshotCreated)]
    assert (seen.name, seen.origin) == ("theirs", "observed")
    qemu._driver.snapshot_delete(UUID_TEXT, "theirs", SnapshotDelete.NONE)
    stage.observe()
    look_again(stage)
    assert len(stage.domain.unknown) == 1, "that it looks as before proves nothing"


def test_a_snapshot_that_another_made_under_that_name_is_not_taken_for_the_lost_one(stage: Stage, qemu: Qemu) -> None:
    lose(stage, qemu, "begun")
    qemu._driver.snapshot_create(UUID_TEXT, snapshot_xml.build("second"), SnapshotCreate.NONE)
    look_again(stage)
    assert len(stage.domain.unknown) == 1
    assert stage.topics[-1] == "snapshot.created"


def test_nothing_is_looked_at_while_an_operation_is_under_way(stage: Stage, qemu: Qemu) -> None:
    lose(stage, qemu, "begun")
    qemu.unseen = False
    stage.ask("suspend")
    before = stage.topics
    look_again(stage, untouchable(stage.drivers[ALPHA], "domain"))
    assert stage.topics == before


def test_one_that_is_asked_for_while_it_is_looked_at_comes_first(stage: Stage, qemu: Qemu) -> None:
    lose(stage, qemu, "begun")
    qemu.unseen = False
    stage.records.interrupt = lambda: (stage.ask("suspend"), None)[1]
    look_again(stage)
    assert stage.topics[-1] == "operation.requested"
    assert len(stage.domain.unknown) == 1


def test_a_host_that_is_away_is_told_and_looked_at_again_later(stage: Stage, qemu: Qemu) -> None:
    lose(stage, qemu, "begun")
    qemu.unseen = False
    with pytest.raises(HypervisorUnreachable):
        look_again(stage, silent(stage.drivers[ALPHA], "domain"))
    assert look_again(stage).outcome == "failed"


def test_what_leaves_no_trace_is_never_looked_for(stage: Stage) -> None:
    assert stage.do("reboot", driver=severed(stage.drivers[ALPHA], "reboot", before=False)).state == "outcome_unknown"
    look_again(stage, untouchable(stage.drivers[ALPHA], "domain"))
    assert len(stage.domain.unknown) == 1


def test_one_on_a_busy_domain_is_left_for_another_round(stage: Stage, qemu: Qemu) -> None:
    lose(stage, qemu, "begun")
    qemu.unseen = False
    again = reconciler(stage)
    again.run_once(frozenset({DOMAIN}))
    assert len(stage.domain.unknown) == 1
    again.run_once(frozenset())
    assert stage.domain.unknown == {}
