"""A hypervisor that ends in the middle of taking a snapshot:
the images tell how far it came, and the rest is put right.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from domain_model import snapshot_xml
from domain_model.errors import OutcomeUnknown, Refused
from domain_model.flags import SnapshotCreate
from domain_model.libvirt import DomainState
from drivers.images import ImageChain, ImageFindings, OrphanTag
from drivers.port import Capabilities, DomainSighting, Driver
from tests.unit.domain_histories import ALPHA, UUID_TEXT
from tests.unit.stage import Stage, altered, definition

FILE, MORE = "/images/guest.qcow2", "/images/more.qcow2"
TAKEN_AT_S = 1_700_000_000


class Qemu:
    """A hypervisor with images that can be looked into. It ends at ``point`` of the next snapshot, once.

    As libvirtd does, it pauses the guest, has QEMU write the snapshot, lets the guest go on, and keeps metadata last.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.point = "after all"
        self.images: dict[str, list[OrphanTag]] = {FILE: []}
        """What each holds besides the snapshots that are listed."""
        self.unseen = False
        self.at_it = False
        self.reason = 3
        self.says: Exception = OutcomeUnknown("the connection is gone")
        self._left_paused = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(driver="QEMU")

    def domain(self, uuid: str) -> DomainSighting | None:
        seen = self._driver.domain(uuid)
        return replace(seen, reason=self.reason) if seen is not None and self._left_paused else seen

    def image_chains(self, uuid: str) -> Sequence[ImageChain]:
        listed = [*self._driver.snapshot_dumps(uuid)]
        return [
            ImageChain(
                f"vd{'ab'[number]}",
                file,
                () if self.unseen else (file,),
                None if self.unseen else (*listed, *(tag.tag for tag in tags)),
            )
            for number, (file, tags) in enumerate(self.images.items())
        ]

    def snapshot_presence(self, _uuid: str) -> ImageFindings:
        return ImageFindings(orphans=tuple(tag for tags in self.images.values() for tag in tags))

    def job_is_active(self, _uuid: str) -> bool:
        return self.at_it

    def resume(self, uuid: str) -> None:
        self._driver.resume(uuid)
        self._left_paused = False

    def snapshot_create(self, uuid: str, xml: str, flags: SnapshotCreate) -> None:
        name = snapshot_xml.read(xml).name or ""
        if self.point == "after all" or flags & SnapshotCreate.REDEFINE:
            self._driver.snapshot_create(uuid, xml, flags)
            for tags in self.images.values():
                tags[:] = [tag for tag in tags if tag.tag != name]
            return
        point, self.point = self.point, "after all"
        seen = self._driver.domain(uuid)
        if point in ("paused", "written") and seen is not None and seen.active:
            self._driver.suspend(uuid)
            self._left_paused = True
        if point in ("written", "resumed"):
            vm_state_bytes = 1 << 20 if seen is not None and seen.active else 0
            for file in list(self.images)[:1] if point == "written" else self.images:
                self.images[file].append(OrphanTag(file, name, TAKEN_AT_S, vm_state_bytes))
        raise self.says


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
    stage.snapshot("first")
    return qemu


def without_redefine(qemu: Qemu) -> Driver:
    """The same, which lists nothing that it did not take itself."""

    def refuse(uuid: str, xml: str, flags: SnapshotCreate) -> None:
        if flags & SnapshotCreate.REDEFINE:
            raise Refused("no", number=1)
        qemu.snapshot_create(uuid, xml, flags)

    return altered(cast("Driver", qemu), snapshot_create=refuse)


@pytest.mark.parametrize(
    ("point", "at_once"),
    [("begun", "in flight"), ("paused", "in flight"), ("written", "succeeded"), ("resumed", "succeeded")],
)
def test_wherever_libvirtd_ended_there_is_one_snapshot_in_the_end_and_the_guest_runs(
    stage: Stage, qemu: Qemu, point: str, at_once: str
) -> None:
    qemu.point = point
    asked = stage.take("second")
    assert asked.state == at_once
    assert stage.apply(asked.queued).state == "succeeded"
    seen = stage.seen()
    assert (seen.state, set(seen.snapshots), seen.current_snapshot) == (
        DomainState.RUNNING,
        {"first", "second"},
        "second",
    )
    assert qemu.images == {FILE: []}, "no image holds what is not listed"
    assert stage.topics.count("snapshot.created") == 2


def test_what_was_written_is_kept_with_what_was_asked_and_when_it_was_taken(stage: Stage, qemu: Qemu) -> None:
    qemu.point = "resumed"
    stage.take("second")
    said = snapshot_xml.read(qemu.snapshot_xml(UUID_TEXT, "second"))
    assert (said.description, said.creation_time, said.parent, said.state, said.memory) == (
        "the second one",
        TAKEN_AT_S,
        "first",
        "running",
        "internal",
    )


def test_a_guest_of_which_libvirtd_forgot_why_it_is_paused_goes_on_too(stage: Stage, qemu: Qemu) -> None:
    qemu.point, qemu.reason = "paused", 1
    asked = stage.take("second")
    assert stage.apply(asked.queued).state == "succeeded"
    assert stage.seen().state is DomainState.RUNNING


def test_a_guest_that_was_suspended_beside_it_stays_paused(stage: Stage, qemu: Qemu) -> None:
    asked = stage.ask("snapshot-create", name="second", xml=snapshot_xml.build("second"))
    qemu.point, qemu.reason = "resumed", 1
    create = qemu.snapshot_create

    def suspended_beside(*given: Any) -> None:
        assert stage.do("suspend").state == "succeeded"
        create(*given)

    stage.apply(asked, altered(cast("Driver", qemu), snapshot_create=suspended_beside))
    assert stage.apply(asked).state == "succeeded"
    assert stage.seen().state is DomainState.PAUSED


def test_a_paused_guest_stays_paused(stage: Stage, qemu: Qemu) -> None:
    assert stage.do("suspend").state == "succeeded"
    qemu.point = "resumed"
    assert stage.take("second").state == "succeeded"
    assert stage.seen().state is DomainState.PAUSED
    assert snapshot_xml.read(qemu.snapshot_xml(UUID_TEXT, "second")).state == "paused"


def test_one_of_a_guest_that_is_off_is_kept_too(stage: Stage, qemu: Qemu) -> None:
    assert stage.do("destroy").state == "succeeded"
    qemu.point = "resumed"
    assert stage.take("second").state == "succeeded"
    said = snapshot_xml.read(qemu.snapshot_xml(UUID_TEXT, "second"))
    assert (said.state, said.memory) == ("shutoff", "no")


def test_where_images_cannot_be_seen_the_outcome_is_unknown_and_nothing_is_done_again(stage: Stage, qemu: Qemu) -> None:
    qemu.unseen, qemu.point = True, "written"
    asked = stage.take("second")
    assert asked.state == "outcome_unknown"
    assert stage.apply(asked.queued).state == "outcome_unknown"
    assert set(stage.seen().snapshots) == {"first"}
    assert stage.seen().state is DomainState.RUNNING, "the guest goes on whatever became of it"


def test_what_images_out_of_sight_may_hold_is_not_deleted(stage: Stage, qemu: Qemu) -> None:
    xml = snapshot_xml.build("second")
    asked, create = stage.ask("snapshot-create", name="second", xml=xml), qemu.snapshot_create

    def vanish(*given: Any) -> None:
        qemu.unseen, qemu.point = True, "resumed"
        create(*given)

    assert stage.apply(asked, altered(cast("Driver", qemu), snapshot_create=vanish)).state == "outcome_unknown"
    assert [tag.tag for tag in qemu.images[FILE]] == ["second"]


def test_images_that_came_into_sight_later_prove_nothing(stage: Stage, qemu: Qemu) -> None:
    qemu.unseen = True
    asked = stage.ask("snapshot-create", name="second", xml=snapshot_xml.build("second"))
    qemu.point = "resumed"
    create = qemu.snapshot_create

    def appear(*given: Any) -> None:
        qemu.unseen = False
        create(*given)

    driver = altered(cast("Driver", qemu), snapshot_create=appear)
    assert stage.apply(asked, driver).state == "outcome_unknown"


def test_a_name_that_an_image_holds_already_is_refused_before_anything_is_overwritten(stage: Stage, qemu: Qemu) -> None:
    qemu.images[FILE].append(OrphanTag(FILE, "second", TAKEN_AT_S, 0))
    refused = stage.take("second")
    assert (refused.state, refused.code) == ("failed", 9)
    assert f"image '{FILE}' holds a snapshot 'second' that is not listed" in refused.event.message
    assert [tag.tag for tag in qemu.images[FILE]] == ["second"]
    assert "operation.started" not in stage.topics[-2:]


def test_what_is_in_one_of_two_images_only_is_deleted_and_taken_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    two = _with_two_disks()
    assert stage.do("define", name="guest", xml=two).state == "succeeded"
    qemu = Qemu(stage.drivers[ALPHA])
    qemu.images[MORE] = []
    stage.drivers[ALPHA] = cast("Driver", qemu)
    qemu.point = "written"
    asked = stage.take("second")
    assert (asked.state, qemu.images) == ("in flight", {FILE: [], MORE: []})
    assert stage.seen().snapshots == ()
    assert stage.apply(asked.queued).state == "succeeded"
    assert stage.seen().snapshots == ("second",)
    qemu.point, qemu.says = "written", GUEST_DIED
    assert stage.take("third").state == "failed", "nobody has asked for it twice"
    assert (stage.seen().snapshots, qemu.images) == (("second",), {FILE: [], MORE: []})


GUEST_DIED = Refused("internal error: End of file from qemu monitor", number=1)


@pytest.mark.parametrize(
    ("point", "state", "listed"),
    [("begun", "failed", {"first"}), ("resumed", "succeeded", {"first", "second"})],
)
def test_a_guest_that_died_in_the_middle_has_the_snapshot_if_it_was_written(
    stage: Stage, qemu: Qemu, point: str, state: str, listed: set[str]
) -> None:
    qemu.point, qemu.says = point, GUEST_DIED
    assert stage.take("second").state == state
    assert ({*stage.seen().snapshots}, qemu.images) == (listed, {FILE: []}), "no image holds what is not listed"
    assert stage.topics.count("snapshot.created") == len(listed)


def test_what_a_guest_that_died_left_and_cannot_be_listed_is_of_unknown_outcome(stage: Stage, qemu: Qemu) -> None:
    qemu.point, qemu.says = "resumed", GUEST_DIED
    assert stage.take("second", without_redefine(qemu)).state == "outcome_unknown"


def test_what_the_hypervisor_is_still_at_is_waited_for(stage: Stage, qemu: Qemu) -> None:
    qemu.unseen, qemu.point, qemu.at_it = True, "paused", True
    asked = stage.take("second")
    assert (asked.state, stage.seen().state) == ("in flight", DomainState.PAUSED)
    qemu.at_it = False
    qemu.snapshot_create(UUID_TEXT, snapshot_xml.build("second"), SnapshotCreate.NONE)  # it comes to its end
    assert stage.apply(asked.queued).state == "succeeded"


def test_without_metadata_it_is_told_by_the_images_alone(stage: Stage, qemu: Qemu) -> None:
    qemu.point = "resumed"
    assert stage.take("second", flags=SnapshotCreate.NO_METADATA).state == "succeeded"
    assert [tag.tag for tag in qemu.images[FILE]] == ["second"]
    qemu.point = "begun"
    assert stage.take("third", flags=SnapshotCreate.NO_METADATA).state == "in flight"


def test_what_cannot_be_put_right_is_of_unknown_outcome(stage: Stage, qemu: Qemu) -> None:
    qemu.point = "resumed"
    assert stage.take("second", without_redefine(qemu)).state == "outcome_unknown"
    assert [tag.tag for tag in qemu.images[FILE]] == ["second"]


def _with_two_disks() -> str:
    disk = (
        f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{MORE}'/>"
        "<target dev='vdb' bus='virtio'/></disk>"
    )
    return definition().replace("</disk>", f"</disk>{disk}", 1)
