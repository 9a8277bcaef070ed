"""What deleting metadata took, undeleting gives back: its place, its children's and the current mark, in any order.

A state machine holds the forest up against the plainest model of that: the tree as if nothing had ever been buried, of
which only the living are shown.
"""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain_model import graves
from domain_model.errors import NoSnapshot, OperationFailed
from domain_model.flags import SnapshotCreate
from domain_model.redefinition import Step, plan, restoration, undeletion
from domain_model.snapshots import SnapshotForest
from tests.unit.test_snapshot_forest import apply, current, forest, parents, record

CHAIN = (record("a"), record("b", "a"), record("c", "b"), record("d", "b"))


def delete(to: SnapshotForest, *names: str, children: bool = False, bury: bool = True) -> None:
    for name in names:
        apply(to.deletion_of(name, children=children), to, bury=bury)


def carry_out(steps: Iterable[Step], to: SnapshotForest) -> list[str]:
    """What a hypervisor that takes one step after the other shows of them, recorded. Returns names and parents."""
    done = []
    for step in steps:
        to.check_parent(step.name, step.parent)
        known = to.get(step.name) or step.record or record(step.name)
        parent = None if step.parent is None else to.named(step.parent).id
        to.put(replace(known, parent=parent), current=bool(step.flags & SnapshotCreate.CURRENT))
        done.append(step.name if step.parent is None else f"{step.name} below {step.parent}")
    return done


def undelete(to: SnapshotForest, *names: str) -> list[str]:
    done = []
    for name in names:
        done += carry_out(plan(to, undeletion(to, name)), to)
    return done


def shown(of: SnapshotForest) -> tuple[dict[str, str | None], str | None]:
    return parents(of), current(of)


def test_an_undeleted_snapshot_has_its_children_and_is_current_again() -> None:
    tree = forest(*CHAIN, current="b")
    delete(tree, "b")
    assert undelete(tree, "b") == ["b below a", "c below b", "d below b"]
    assert shown(tree) == ({"a": None, "c": "b", "d": "b", "b": "a"}, "b")
    assert tree.named("b").id == "id-b"
    assert len(tree.grave) == 0


def test_an_undeleted_root_is_one_again() -> None:
    tree = forest(*CHAIN, current="a")
    delete(tree, "a")
    assert shown(tree) == ({"b": None, "c": "b", "d": "b"}, None)
    undelete(tree, "a")
    assert shown(tree) == (parents(forest(*CHAIN)), "a")


def test_one_of_several_deleted_comes_back_below_the_nearest_that_is_there() -> None:
    tree = forest(*CHAIN, current="d")
    delete(tree, "b", children=True)
    assert undelete(tree, "d") == ["d below a"]
    assert shown(tree) == ({"a": None, "d": "a"}, "d")
    assert undelete(tree, "b") == ["b below a", "d below b"]
    assert shown(tree) == ({"a": None, "d": "b", "b": "a"}, "d")


def test_a_child_that_was_moved_since_stays_where_it_was_moved_to() -> None:
    tree = forest(*CHAIN)
    delete(tree, "b")
    tree.put(record("c", "d"))
    assert undelete(tree, "b") == ["b below a", "d below b"]
    assert parents(tree) == {"a": None, "b": "a", "c": "d", "d": "b"}


def test_a_child_whose_description_was_changed_still_hangs_where_the_deletion_left_it() -> None:
    tree = forest(*CHAIN)
    delete(tree, "b")
    tree.put(replace(record("c", "a"), description="edited"))
    assert undelete(tree, "b") == ["b below a", "c below b", "d below b"]
    assert tree.named("c").description == "edited"


def test_the_current_mark_comes_back_though_the_one_it_was_left_with_was_edited() -> None:
    tree = forest(*CHAIN, current="b")
    delete(tree, "b")
    tree.put(replace(record("a"), description="edited"), current=True)
    undelete(tree, "b")
    assert current(tree) == "b"


def test_the_current_mark_does_not_come_back_when_it_was_moved_since() -> None:
    tree = forest(*CHAIN, current="b")
    delete(tree, "b")
    tree.make_current("id-d")
    undelete(tree, "b")
    assert current(tree) == "d"


def test_nor_when_the_domain_was_reverted_to_just_the_snapshot_the_mark_was_left_with() -> None:
    tree = forest(*CHAIN, current="b")
    delete(tree, "b")
    tree.make_current("id-a")
    undelete(tree, "b")
    assert current(tree) == "a"


def test_what_came_back_without_its_children_is_another_snapshot_to_them_from_then_on() -> None:
    """As when somebody redefined it behind our back: what they left below its parent was meant to be there."""
    tree = forest(*CHAIN)
    delete(tree, "b")
    tree.put(record("b", "a"))
    delete(tree, "b")
    assert undelete(tree, "b") == ["b below a"]
    assert parents(tree) == {"a": None, "b": "a", "c": "a", "d": "a"}


def test_a_snapshot_whose_data_was_destroyed_is_not_known_any_more() -> None:
    tree = forest(*CHAIN)
    delete(tree, "b", bury=False)
    with pytest.raises(NoSnapshot) as refusal:
        undelete(tree, "b")
    assert (refusal.value.number, refusal.value.value) == (72, "b")


def test_what_belonged_below_a_destroyed_snapshot_belongs_below_its_parent() -> None:
    tree = forest(*CHAIN, current="d")
    delete(tree, "d")
    delete(tree, "b", bury=False)
    assert undelete(tree, "d") == ["d below a"]
    assert shown(tree) == ({"a": None, "c": "a", "d": "a"}, "d")


def test_what_hung_below_a_displaced_snapshot_that_is_destroyed_belongs_where_that_one_did() -> None:
    tree = forest(record("a"), record("b", "a"), record("c", "b"), record("d", "c"), current="c")
    delete(tree, "b")
    delete(tree, "c", bury=False)
    assert shown(tree) == ({"a": None, "d": "a"}, "a")
    assert undelete(tree, "b") == ["b below a", "d below b"]
    assert current(tree) == "b"


def test_what_belonged_below_a_forgotten_snapshot_belongs_where_that_one_did() -> None:
    tree = forest(record("a"), record("b", "a"), record("c", "b"), record("d", "c"), current="c")
    delete(tree, "b", "c")
    tree.put(replace(record("c"), id="another", creation_time=2000))
    assert undelete(tree, "b") == ["b below a", "d below b"]
    assert current(tree) == "b"


def test_a_name_in_use_again_is_refused_with_9() -> None:
    tree = forest(*CHAIN)
    delete(tree, "d")
    tree.put(replace(record("d"), id="another", creation_time=2000))
    with pytest.raises(OperationFailed) as refusal:
        undelete(tree, "d")
    assert (refusal.value.number, refusal.value.message) == (9, "operation failed: domain moment d already exists")


def test_what_was_buried_under_a_name_that_is_taken_anew_is_forgotten() -> None:
    tree = forest(*CHAIN, current="d")
    delete(tree, "b", "d")
    tree.put(replace(record("b", "a"), id="another", creation_time=2000))
    delete(tree, "b", bury=False)
    with pytest.raises(NoSnapshot) as refusal:
        undelete(tree, "b")
    assert refusal.value.accepted == "d"
    assert undelete(tree, "d") == ["d below a"]


def test_the_oldest_of_too_many_are_forgotten_and_the_others_keep_their_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graves, "MOST_BURIED", 2)
    tree = forest(*CHAIN, current="d")
    delete(tree, "b", "c", "d")
    assert [buried.record.name for buried in tree.grave] == ["c", "d"]
    assert undelete(tree, "c", "d") == ["c below a", "d below a"]
    assert shown(tree) == ({"a": None, "c": "a", "d": "a"}, "d")


def test_of_a_lost_forest_that_is_too_large_the_rest_hangs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graves, "MOST_BURIED", 2)
    tree = forest(record("a"), record("b", "a"), record("c", "b"), record("d", "c"), current="d")
    tree.lose()
    carry_out(plan(tree, restoration(tree, tree.lost)), tree)
    assert shown(tree) == ({"c": None, "d": "c"}, "d")


def test_a_lost_forest_comes_back_as_it_was_parents_first() -> None:
    tree = forest(*CHAIN, record("e"), current="b")
    delete(tree, "b")
    before = shown(tree)
    tree.lose()
    assert (len(tree), tree.current) == (0, None)
    steps = plan(tree, restoration(tree, tree.lost))
    assert carry_out(steps, tree) == ["a", "e", "c below a", "d below a"]
    assert shown(tree) == before
    assert tree.lost == []
    undelete(tree, "b")
    assert shown(tree) == (parents(forest(*CHAIN, record("e"))), "b")


def test_what_was_lost_at_several_times_comes_back_together_and_the_newest_mark_counts() -> None:
    tree = forest(record("a"), record("b", "a"), current="b")
    tree.lose()
    tree.lose()
    tree.put(record("x"), current=True)
    tree.lose()
    carry_out(plan(tree, restoration(tree, tree.lost)), tree)
    assert shown(tree) == ({"a": None, "b": "a", "x": None}, "x")


def test_a_lost_mark_does_not_come_back_over_a_snapshot_taken_since() -> None:
    tree = forest(record("a"), record("b", "a"), current="b")
    tree.lose()
    tree.put(record("x"), current=True)
    carry_out(plan(tree, restoration(tree, tree.lost)), tree)
    assert shown(tree) == ({"a": None, "b": "a", "x": None}, "x")


@st.composite
def grown(draw: st.DrawFn) -> SnapshotForest:
    names = draw(st.permutations("abcdefgh"))
    made = [record(name, draw(st.sampled_from([None, *names[:number]]))) for number, name in enumerate(names)]
    return forest(*made, current=draw(st.sampled_from([None, *names])))


@given(grown(), st.data())
def test_metadata_deleted_in_any_way_and_undeleted_in_any_order_gives_the_forest_back(
    tree: SnapshotForest, data: st.DataObject
) -> None:
    before = shown(tree)
    ids = {entry.name: entry.id for entry in tree}
    while len(tree) and data.draw(st.booleans(), "one more"):
        name = data.draw(st.sampled_from(sorted(parents(tree))), "delete")
        below, only = data.draw(st.sampled_from([(False, False), (True, False), (False, True)]))
        apply(tree.deletion_of(name, children=below, children_only=only), tree, bury=True)
    for name in data.draw(st.permutations([buried.record.name for buried in tree.grave]), "undelete"):
        undelete(tree, name)
    assert shown(tree) == before
    assert {entry.name: entry.id for entry in tree} == ids
    assert (len(tree.grave), tree.grave.displaced, tree.grave.current) == (0, {}, None)


NAMES = st.sampled_from("abcdefg")


class AsIfNothingHadBeenBuried(RuleBasedStateMachine):
    """The model has the whole tree, buried or not, and which of it lives."""

    @initialize()
    def empty(self) -> None:
        self.forest = SnapshotForest()
        self.ids: dict[str, str] = {}
        self.belongs: dict[str, str | None] = {}
        self.living: list[str] = []
        self.lost: set[str] = set()
        self.current: str | None = None
        self.taken = 0

    def nearest(self, name: str | None) -> str | None:
        while name is not None and name not in self.living:
            name = self.belongs[name]
        return name

    def forget(self, name: str) -> None:
        heir = self.belongs.pop(name)
        self.belongs = {child: heir if parent == name else parent for child, parent in self.belongs.items()}
        self.current = heir if self.current == name else self.current
        self.lost.discard(name)
        if name in self.living:
            self.living.remove(name)

    @rule(name=NAMES)
    def take(self, name: str) -> None:
        if name in self.living:
            return
        shown = self.nearest(self.current)
        if name in self.belongs:
            self.forget(name)
        self.taken += 1
        self.ids[name] = f"id-{name}-{self.taken}"
        parent = None if shown is None else self.ids[shown]
        new = replace(record(name), id=self.ids[name], parent=parent, creation_time=self.taken)
        self.forest.put(new, current=True)
        self.belongs[name] = shown
        self.living.append(name)
        self.current = name

    @rule(name=NAMES, data=st.data())
    def move(self, name: str, data: st.DataObject) -> None:
        if name not in self.living:
            return
        below = {other for other in self.living if name in self.ancestors(other)}
        parent = data.draw(st.sampled_from([None, *(other for other in self.living if other not in below)]))
        if parent == self.nearest(self.belongs[name]):
            return
        hung = replace(self.forest.named(name), parent=None if parent is None else self.ids[parent])
        self.forest.put(hung)
        self.belongs[name] = parent

    def ancestors(self, name: str | None) -> list[str]:
        found = []
        while name is not None:
            found.append(name)
            name = self.nearest(self.belongs[name])
        return found

    @rule(name=NAMES)
    def make_current(self, name: str) -> None:
        if name in self.living:
            self.forest.make_current(self.ids[name])
            self.current = name

    @rule(name=NAMES, children=st.booleans(), children_only=st.booleans(), bury=st.booleans())
    def delete(self, name: str, *, children: bool, children_only: bool, bury: bool) -> None:
        if name not in self.living:
            return
        below = [other for other in self.living if name in self.ancestors(other) and other != name]
        gone = below if children_only else [name, *below] if children else [name]
        apply(self.forest.deletion_of(name, children=children, children_only=children_only), self.forest, bury=bury)
        for other in gone:
            if bury:
                self.living.remove(other)
            else:
                self.forget(other)

    @rule(name=NAMES)
    def undelete(self, name: str) -> None:
        if name in self.living or name not in self.belongs:
            with pytest.raises((NoSnapshot, OperationFailed)):
                undeletion(self.forest, name)
            return
        undelete(self.forest, name)
        self.living.append(name)
        self.lost.discard(name)

    @precondition(lambda self: self.living)
    @rule()
    def lose(self) -> None:
        self.forest.lose()
        self.lost.update(self.living)
        self.living.clear()

    @precondition(lambda self: self.lost)
    @rule()
    def restore(self) -> None:
        carry_out(plan(self.forest, restoration(self.forest, self.forest.lost)), self.forest)
        self.living += sorted(self.lost)
        self.lost.clear()

    @invariant()
    def the_living_hang_and_are_current_as_if_nothing_had_been_buried(self) -> None:
        assert parents(self.forest) == {name: self.nearest(self.belongs[name]) for name in self.living}
        assert current(self.forest) == self.nearest(self.current)
        assert {entry.name: entry.id for entry in self.forest} == {name: self.ids[name] for name in self.living}

    @invariant()
    def as_many_are_buried_as_can_come_back(self) -> None:
        assert {buried.record.name for buried in self.forest.grave} == set(self.belongs) - set(self.living)
        assert {name for name in self.belongs if self.ids[name] in self.forest.lost} == self.lost


TestAsIfNothingHadBeenBuried = AsIfNothingHadBeenBuried.TestCase
TestAsIfNothingHadBeenBuried.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
