"""A batch of redefinitions: given in any order, checked as a whole,
and carried out so that libvirt accepts each step.
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_model.errors import InvalidArgument, Refused
from domain_model.flags import SnapshotCreate
from domain_model.redefinition import Step, WantedSnapshot, plan, wanted_by
from domain_model.snapshots import SnapshotForest
from tests.unit.test_snapshot_forest import forest, parents, record
from tests.unit.test_undeletion import carry_out, delete, shown

CHAIN = (record("a"), record("b", "a"), record("c", "b"))
UUID = "00000000-0000-4000-8000-00000000000d"


def wanted(name: str, parent: str | None = None, **said: Any) -> WantedSnapshot:
    """A snapshot of the kind and time that ``record`` has, in a document of its own."""
    return WantedSnapshot(name, parent, **{"state": "shutoff", "creation_time": 1000, "xml": f"xml-{name}", **said})


def order(steps: list[Step]) -> list[str]:
    return [step.name for step in steps]


def refused(*entries: WantedSnapshot, on: SnapshotForest | None = None, **more: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as refusal:
        plan(forest(*CHAIN) if on is None else on, entries, **more)
    return refusal.value.number, refusal.value.message


def test_a_whole_tree_given_leaves_first_is_redefined_parents_first() -> None:
    steps = plan(forest(), [wanted("d", "c"), wanted("c", "b"), wanted("x", "a"), wanted("b", "a"), wanted("a")])
    assert order(steps) == ["a", "x", "b", "c", "d"]
    assert [step.xml for step in steps[:2]] == ["xml-a", "xml-x"]
    assert {step.flags for step in steps} == {SnapshotCreate.REDEFINE}


def test_a_parent_may_be_in_the_batch_or_there_already() -> None:
    steps = plan(forest(*CHAIN), [wanted("y", "x"), wanted("x", "c")])
    assert [(step.name, step.parent) for step in steps] == [("x", "c"), ("y", "x")]


def test_parents_and_children_may_change_places_in_one_batch() -> None:
    tree = forest(*CHAIN)
    assert carry_out(plan(tree, [wanted("a", "b"), wanted("b", "c"), wanted("c")]), tree) == [
        "c",
        "b below c",
        "a below b",
    ]


def test_what_hangs_below_something_that_is_not_in_the_batch_waits_for_what_moves_above_that() -> None:
    """Between the two a cycle would be there, had x been hung below b before a had left x."""
    tree = forest(record("x"), record("a", "x"), record("b", "a"))
    assert carry_out(plan(tree, [wanted("x", "b"), wanted("a")]), tree) == ["a", "x below b"]


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([wanted("x", "x")], "cannot set moment x as its own parent"),
        ([wanted("x", "nowhere")], "parent nowhere for moment x not found"),
        ([wanted("a", "c")], "parent c would create cycle to a"),
        ([wanted("x", "y"), wanted("y", "z"), wanted("z", "x")], "parent y would create cycle to x"),
        ([wanted("y", "x"), wanted("x", "z"), wanted("z", "x")], "parent z would create cycle to x"),
        ([wanted("b", "c"), wanted("c", "a"), wanted("a", "b")], "parent c would create cycle to b"),
        ([wanted("x"), wanted("x", "a")], "snapshot x is given twice"),
        ([wanted("x", current=True), wanted("y", current=True)], "2 snapshots are to be the current one"),
        ([wanted("b", state="running")], "cannot change between online and offline snapshot state in snapshot b"),
        ([wanted("b", state="disk-snapshot")], "cannot change between disk only and full system in snapshot b"),
    ],
)
def test_what_cannot_be_is_refused_with_8_and_libvirts_words(entries: list[WantedSnapshot], sentence: str) -> None:
    assert refused(*entries) == (8, f"invalid argument: {sentence}")


def test_checks_come_in_libvirts_order() -> None:
    all_wrong = wanted("x", "x", domain_uuid="another", has_domain=False)
    no_parent = replace(all_wrong, parent="nowhere")
    not_disk_only = replace(all_wrong, parent="a")
    flags = SnapshotCreate.REDEFINE | SnapshotCreate.DISK_ONLY
    assert "its own parent" in refused(all_wrong, uuid=UUID, flags=flags)[1]
    assert "not found" in refused(no_parent, uuid=UUID, flags=flags)[1]
    assert "requires disk-snapshot state" in refused(not_disk_only, uuid=UUID, flags=flags)[1]
    assert "must use uuid" in refused(not_disk_only, uuid=UUID)[1]
    assert refused(replace(not_disk_only, domain_uuid=UUID), uuid=UUID)[0] == 1
    assert "online and offline" in refused(replace(not_disk_only, name="b", state="running"))[1]


def test_a_document_without_a_definition_may_only_replace_a_snapshot() -> None:
    assert order(plan(forest(*CHAIN), [wanted("b", "a", has_domain=False)])) == ["b"]


@pytest.mark.parametrize(
    ("flags", "current", "state", "given"),
    [
        (SnapshotCreate.REDEFINE, False, "shutoff", 1),
        (SnapshotCreate.REDEFINE | SnapshotCreate.CURRENT, False, "shutoff", 1),
        (SnapshotCreate.REDEFINE | SnapshotCreate.CURRENT, True, "shutoff", 3),
        (SnapshotCreate.REDEFINE, False, "disk-snapshot", 17),
        (SnapshotCreate.REDEFINE | SnapshotCreate.VALIDATE, True, "running", 515),
    ],
)
def test_a_step_has_the_flags_its_snapshot_needs(
    flags: SnapshotCreate, given: int, state: str, *, current: bool
) -> None:
    (step,) = plan(forest(), [wanted("x", state=state, current=current)], flags)
    assert int(step.flags) == given


def test_the_one_that_is_to_be_current_is_and_no_other() -> None:
    steps = plan(forest(), [wanted("b", "a", current=True), wanted("a"), wanted("c", "b")])
    assert [step.name for step in steps if step.flags & SnapshotCreate.CURRENT] == ["b"]


# Redefining what was deleted.


def test_redefining_a_deleted_snapshot_gives_it_its_children_and_the_current_mark_back() -> None:
    tree = forest(*CHAIN, current="b")
    delete(tree, "b")
    steps = plan(tree, [wanted("b", "a")])
    assert [(step.name, step.xml, step.record and step.record.name) for step in steps] == [
        ("b", "xml-b", None),
        ("c", None, "c"),
    ]
    assert int(steps[0].flags) == 3


def test_editing_the_snapshot_that_inherited_children_and_mark_touches_neither() -> None:
    tree = forest(*CHAIN, current="b")
    delete(tree, "b")
    assert [(step.name, int(step.flags)) for step in plan(tree, [wanted("a")])] == [("a", 1)]


def test_a_child_that_was_a_disk_snapshot_is_hung_back_as_one() -> None:
    tree = forest(record("a"), record("b", "a"), record("c", "b", state="disk-snapshot"))
    delete(tree, "b")
    assert [int(step.flags) for step in plan(tree, [wanted("b", "a")], SnapshotCreate(513))] == [513, 17]


@pytest.mark.parametrize("said", [{"creation_time": 2000}, {"state": "running"}])
def test_one_of_another_time_or_kind_under_that_name_is_another_snapshot(said: dict[str, Any]) -> None:
    tree = forest(*CHAIN, current="b")
    delete(tree, "b")
    (step,) = plan(tree, [wanted("b", "a", **said)])
    assert (step.name, int(step.flags)) == ("b", 1)


def test_what_is_said_of_a_child_in_the_batch_holds() -> None:
    tree = forest(*CHAIN)
    delete(tree, "b")
    assert [(step.name, step.parent) for step in plan(tree, [wanted("c"), wanted("b", "a")])] == [
        ("c", None),
        ("b", "a"),
    ]


def test_what_is_said_of_the_current_one_holds() -> None:
    tree = forest(*CHAIN, current="b")
    delete(tree, "b")
    steps = plan(tree, [wanted("b", "a"), wanted("x", "b", current=True)])
    assert [step.name for step in steps if step.flags & SnapshotCreate.CURRENT] == ["x"]


def test_a_child_above_which_the_deleted_one_is_put_stays_above() -> None:
    tree = forest(*CHAIN)
    delete(tree, "b")
    assert [(step.name, step.parent) for step in plan(tree, [wanted("b", "c")])] == [("b", "c")]


def test_a_batch_of_some_that_were_deleted_finds_its_way_between_those_still_gone() -> None:
    tree = forest(record("a"), record("b", "a"), record("c", "b"), record("d", "c"), record("e", "d"), current="d")
    delete(tree, "b", "c", "d")
    assert carry_out(plan(tree, [wanted("d", "b"), wanted("b", "a")]), tree) == ["b below a", "d below b", "e below d"]
    assert shown(tree) == ({"a": None, "b": "a", "d": "b", "e": "d"}, "d")


def test_carrying_out_a_batch_again_after_a_part_of_it_was_done_comes_to_the_same() -> None:
    """The hypervisor has a part of it, nothing of that is recorded:
    the same plan is made, and each step is idempotent.
    """
    tree, again = forest(*CHAIN, current="b"), forest(*CHAIN, current="b")
    for each in (tree, again):
        delete(each, "b")
    steps = plan(tree, [wanted("b", "a")])
    carry_out(steps[:1], tree)
    carry_out(steps, tree)
    carry_out(steps, again)
    assert shown(tree) == shown(again)


def test_the_arguments_of_an_operation_say_what_is_wanted_and_older_ones_are_read() -> None:
    entries = [wanted("b", "a", current=True), wanted("a")]
    assert wanted_by({"flags": 3, "snapshots": [entry.as_argument() for entry in entries]}) == entries
    old = {"name": "b", "parent": "a", "state": "shutoff", "flags": 3, "xml": "xml-b"}
    assert wanted_by(old) == [wanted("b", "a", creation_time=0, current=True)]


@st.composite
def trees(draw: st.DrawFn, names: str = "abcdefg") -> dict[str, str | None]:
    ordered = draw(st.permutations(names))[: draw(st.integers(0, len(names)))]
    return {name: draw(st.sampled_from([None, *ordered[:number]])) for number, name in enumerate(ordered)}


@given(trees(), st.lists(st.tuples(st.sampled_from("abcdefghi"), st.none() | st.sampled_from("abcdefghi"))))
def test_a_batch_is_refused_or_each_of_its_steps_is_accepted_and_the_forest_is_as_wanted(
    before: dict[str, str | None], batch: list[tuple[str, str | None]]
) -> None:
    tree = forest(*(record(name, parent) for name, parent in before.items()))
    asked = dict(batch)
    after = before | asked
    try:
        steps = plan(tree, [wanted(name, parent) for name, parent in asked.items()])
    except InvalidArgument:
        assert any(parent not in after or on_a_cycle(name, after) for name, parent in asked.items() if parent)
        return
    carry_out(steps, tree)
    assert parents(tree) == after


def on_a_cycle(name: str, of: dict[str, str | None]) -> bool:
    above = of.get(name)
    for _ in of:
        if above == name:
            return True
        above = of.get(above or "")
    return False


def test_a_tree_a_thousand_deep_is_planned() -> None:
    names = [f"s{number}" for number in range(2000)]
    batch = [wanted(name, parent) for name, parent in zip(names, [None, *names], strict=False)]
    assert order(plan(forest(), batch[::-1])) == names
