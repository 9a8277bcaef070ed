"""What deleting, reverting and undefining would touch, and when they would take the ground from under others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from domain_model import blast
from domain_model.blast import Endangered, Radius
from domain_model.errors import NoSnapshot, OperationInvalid
from domain_model.flags import SnapshotDelete, SnapshotRevert, Undefine
from domain_model.placements import Placement, Role
from domain_model.presence import Presence, Verification
from domain_model.snapshots import SnapshotForest, SnapshotRecord
from tests.unit.test_snapshot_forest import forest, record

BASE, OVER = "/images/base.qcow2", "/images/over.qcow2"


def internal(name: str, file: str = BASE, *, memory: bool = False) -> str:
    kept = "<memory snapshot='internal'/>" if memory else ""
    return f"""<domainsnapshot><name>{name}</name>{kept}<disks><disk name='vda' snapshot='internal'/></disks>
{definition(file)}</domainsnapshot>"""


def external(name: str, file: str, overlay: str, memory_file: str | None = None) -> str:
    kept = "" if memory_file is None else f"<memory snapshot='external' file='{memory_file}'/>"
    return f"""<domainsnapshot><name>{name}</name>{kept}<disks><disk name='vda' snapshot='external'>
<source file='{overlay}'/></disk></disks>{definition(file)}</domainsnapshot>"""


def definition(file: str, nvram: str = "") -> str:
    return f"""<domain type='qemu'><name>web</name><os><type>hvm</type>{nvram}</os><devices><disk type='file' device='disk'>
<source file='{file}'/><target dev='vda'/></disk></devices></domain>"""


def delete(
    tree: SnapshotForest,
    name: str,
    dumps: Mapping[str, str],
    flags: SnapshotDelete = SnapshotDelete.NONE,
    others: Mapping[str, Sequence[str]] | None = None,
) -> Radius:
    return blast.of_delete(tree, name, flags, lambda one: dumps[one.name], lambda _: others or {})


def fates(fates: Sequence[blast.Fate]) -> dict[str, str]:
    return {fate.name: fate.fate for fate in fates}


TREE = (record("a"), record("b", "a", state="running"), record("c", "b"))
DUMPS = {"a": internal("a"), "b": internal("b", memory=True), "c": internal("c")}


def test_deleting_tells_the_snapshot_its_file_its_children_its_memory_and_the_heir() -> None:
    radius = delete(forest(*TREE, current="b"), "b", DUMPS)
    assert fates(radius.snapshots) == {"b": "is deleted", "c": "is hung below a", "a": "becomes current"}
    assert fates(radius.files) == {BASE: "the snapshot b in it is removed"}
    assert radius.memory == ("the guest's memory in snapshot b is deleted",)
    assert not radius.reversible
    radius.check()


def test_of_a_file_that_holds_several_snapshots_each_one_that_goes_is_told() -> None:
    radius = delete(forest(*TREE), "b", DUMPS, SnapshotDelete.CHILDREN)
    assert fates(radius.files) == {BASE: "the snapshot b in it is removed; the snapshot c in it is removed"}


def test_deleting_metadata_touches_no_file_and_can_be_undone() -> None:
    radius = delete(forest(*TREE), "a", {}, SnapshotDelete.METADATA_ONLY | SnapshotDelete.CHILDREN)
    assert fates(radius.snapshots) == dict.fromkeys("abc", "its metadata is deleted")
    assert (radius.files, radius.memory, radius.reversible) == ((), (), True)


def test_a_root_that_is_deleted_leaves_roots_and_no_current_one() -> None:
    radius = delete(forest(*TREE, current="a"), "a", DUMPS)
    assert fates(radius.snapshots) == {"a": "is deleted", "b": "becomes a root"}


def test_deleting_only_the_children_makes_their_parent_current() -> None:
    radius = delete(forest(*TREE, current="c"), "a", DUMPS, SnapshotDelete.CHILDREN_ONLY)
    assert fates(radius.snapshots) == {"b": "is deleted", "c": "is deleted", "a": "becomes current"}


def out(one: SnapshotRecord) -> SnapshotRecord:
    return replace(one, location="external")


def test_deleting_an_external_one_merges_its_overlay_into_its_base() -> None:
    dumps = {"a": external("a", BASE, OVER, "/images/a.mem")}
    radius = delete(forest(out(record("a"))), "a", dumps)
    assert fates(radius.files) == {
        OVER: f"is merged into {BASE} and removed",
        BASE: f"receives what {OVER} holds",
        "/images/a.mem": "stays, though no snapshot belongs to it any more",
    }
    radius.check()


@pytest.mark.parametrize("file", [BASE, OVER])
def test_an_image_of_another_domain_on_top_of_the_base_or_the_overlay_stops_it(file: str) -> None:
    dumps = {"a": external("a", BASE, OVER)}
    radius = delete(forest(out(record("a"))), "a", dumps, others={file: ["clone"]})
    assert radius.endangered == (Endangered(file, ("clone",)),)
    with pytest.raises(OperationInvalid) as refusal:
        radius.check()
    assert refusal.value.number == 55
    assert f"{file} is needed by clone" in refusal.value.message


def test_another_snapshot_that_lives_in_the_base_stops_it_and_one_in_the_overlay_does_not() -> None:
    dumps = {"a": external("a", BASE, OVER), "b": external("b", OVER, "/images/b.qcow2")}
    tree = forest(out(record("a")), out(record("b", "a")))
    assert delete(tree, "a", dumps).endangered == ()
    dumps["b"] = external("b", BASE, "/images/b.qcow2")
    assert delete(tree, "a", dumps).endangered == (Endangered(BASE, ("snapshot b",)),)


def placement(*, active: bool = False, managed_save: bool = False) -> Placement:
    made = Placement("alpha", "web", Role.OWNER, persistent=True, managed_save=managed_save)
    made.hypervisor_id = 1 if active else None
    return made


def revert(name: str, where: Placement, others: Mapping[str, Sequence[str]] | None = None, flags: int = 0) -> Radius:
    tree = forest(*TREE)
    return blast.of_revert(
        tree, name, SnapshotRevert(flags), where, lambda one: DUMPS[one.name], lambda _: others or {}
    )


def test_reverting_loses_what_runs_and_what_was_written() -> None:
    radius = revert("b", placement(active=True))
    assert fates(radius.files) == {BASE: "is put back to snapshot b; what was written since is lost"}
    assert fates(radius.snapshots) == {"b": "becomes current"}
    assert radius.memory == ("the running guest is stopped, and its memory is lost",)
    assert not radius.reversible


def test_it_is_told_that_nobody_could_look_whether_there_is_something_to_revert_to() -> None:
    (sentence,) = revert("b", placement()).unknown
    assert "the data of snapshot b" in sentence
    tree = forest(*TREE)
    tree.verify(tree.named("b").id, Verification(Presence.PRESENT))
    dumps = {"b": DUMPS["b"]}
    radius = blast.of_revert(tree, "b", SnapshotRevert.NONE, placement(), lambda one: dumps[one.name], lambda _: {})
    assert radius.unknown == ()


def test_reverting_an_inactive_domain_to_run_says_that_it_boots_anew() -> None:
    radius = revert("a", placement(managed_save=True), flags=SnapshotRevert.RUNNING)
    assert radius.memory == (
        "the managed save image stays, and no longer fits the disks",
        "the guest boots anew: the snapshot holds no memory",
    )


def test_reverting_a_base_under_a_clone_is_refused_naming_the_file() -> None:
    radius = revert("a", placement(), {BASE: ["clone"]})
    with pytest.raises(OperationInvalid, match=f"{BASE} is needed by clone"):
        radius.check()


def test_reverting_a_base_under_an_overlay_of_its_own_is_refused_naming_the_snapshot_that_lives_in_it() -> None:
    dumps = {**DUMPS, "over": external("over", BASE, OVER)}
    tree = forest(*TREE, out(record("over", "a")))
    radius = blast.of_revert(tree, "a", SnapshotRevert.NONE, placement(), lambda one: dumps[one.name], lambda _: {})
    assert radius.endangered == (Endangered(BASE, ("snapshot over",)),)


def test_a_snapshot_that_is_not_there_is_refused_with_72() -> None:
    with pytest.raises(NoSnapshot):
        revert("x", placement())
    with pytest.raises(NoSnapshot):
        delete(forest(*TREE), "x", DUMPS)


def undefine(where: Placement, flags: int = 0, *, checkpoints: bool = False) -> Radius:
    text = definition(BASE, "<nvram>/nvram/web.fd</nvram>")
    return blast.of_undefine(forest(*TREE), Undefine(flags), where, text, checkpoints=checkpoints)


def test_undefining_keeps_the_disks_and_can_be_undone() -> None:
    radius = undefine(placement())
    assert fates(radius.files) == {BASE: "is kept", "/nvram/web.fd": "is kept"}
    assert fates(radius.snapshots) == dict.fromkeys("abc", "its metadata is deleted")
    assert radius.reversible


def test_undefining_a_running_domain_keeps_its_snapshots_while_it_runs() -> None:
    fates_of_all = fates(undefine(placement(active=True)).snapshots)
    assert fates_of_all == dict.fromkeys("abc", "its metadata is deleted when the domain stops")


def test_undefining_with_a_managed_save_or_nvram_cannot_be_undone() -> None:
    saved = undefine(placement(managed_save=True), Undefine.MANAGED_SAVE)
    assert saved.memory == ("the managed save image is deleted, and with it the guest's memory",)
    assert not saved.reversible
    assert not undefine(placement(), Undefine.TPM).reversible
    assert undefine(placement(), Undefine.CHECKPOINTS_METADATA).reversible
    assert not undefine(placement(active=True), checkpoints=True).reversible
    fresh = undefine(placement(), Undefine.NVRAM)
    assert fates(fresh.files)["/nvram/web.fd"] == "is removed"
    assert not fresh.reversible
