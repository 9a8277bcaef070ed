"""The snapshot forest keeps libvirt's rules for parents, children and the current snapshot
(libvirt-semantics 1.3, 1.5).

A state machine holds it up against the plainest model of those rules: names, parents' names and one current name.
"""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain_model.errors import InvalidArgument, NoSnapshot
from domain_model.moments import Deletion
from domain_model.snapshots import SnapshotForest, SnapshotRecord, SnapshotStateClass


def record(name: str, parent: str | None = None, *, state: str = "shutoff") -> SnapshotRecord:
    """A snapshot with the id ``id-NAME`` below the one named ``parent``."""
    return SnapshotRecord(
        id=f"id-{name}",
        name=name,
        parent=None if parent is None else f"id-{parent}",
        state=state,
        creation_time=1000,
        description=None,
        location="internal",
        header=f"header-{name}",
        domain="domain",
        inactive_domain=None,
    )


def forest(*records: SnapshotRecord, current: str | None = None) -> SnapshotForest:
    made = SnapshotForest()
    for entry in records:
        made.put(entry)
    made.make_current(None if current is None else f"id-{current}")
    return made


def parents(of: SnapshotForest) -> dict[str, str | None]:
    return {entry.name: of.parent_name(entry) for entry in of}


def current(of: SnapshotForest) -> str | None:
    return None if of.current_snapshot is None else of.current_snapshot.name


def apply(deletion: Deletion, to: SnapshotForest, *, bury: bool = False) -> None:
    """What ``snapshot.deleted`` does with what was decided."""
    moved = {snapshot: (parent, f"header below {parent}") for snapshot, parent in deletion.reparented.items()}
    to.delete(deletion.removed, moved, deletion.current, bury=bury)


CHAIN = (record("a"), record("b", "a"), record("c", "b"), record("d", "b"))


def test_deleting_one_gives_its_children_and_the_current_mark_to_its_parent() -> None:
    tree = forest(*CHAIN, current="b")
    apply(tree.deletion_of("b"), tree)
    assert parents(tree) == {"a": None, "c": "a", "d": "a"}
    assert current(tree) == "a"


def test_deleting_a_root_makes_its_children_roots_and_leaves_no_current_one() -> None:
    tree = forest(*CHAIN, current="a")
    apply(tree.deletion_of("a"), tree)
    assert parents(tree) == {"b": None, "c": "b", "d": "b"}
    assert current(tree) is None


def test_deleting_children_only_keeps_the_node_and_makes_it_current_if_one_of_them_was() -> None:
    tree = forest(*CHAIN, current="d")
    apply(tree.deletion_of("b", children_only=True), tree)
    assert parents(tree) == {"a": None, "b": "a"}
    assert current(tree) == "b"


def test_deleting_with_children_makes_the_nodes_parent_current_if_one_of_them_was() -> None:
    tree = forest(*CHAIN, current="d")
    apply(tree.deletion_of("b", children=True), tree)
    assert parents(tree) == {"a": None}
    assert current(tree) == "a"


def test_deleting_elsewhere_leaves_the_current_one_alone() -> None:
    tree = forest(*CHAIN, current="a")
    apply(tree.deletion_of("b", children=True), tree)
    assert current(tree) == "a"


def test_what_is_left_below_several_gone_hangs_below_their_nearest_survivor() -> None:
    tree = forest(*CHAIN, current="b")
    deletion = tree.removal_of(["id-b", "id-a"])
    assert deletion.reparented == {"id-c": None, "id-d": None}
    assert deletion.current is None


def test_deleting_an_unknown_snapshot_is_refused_with_72() -> None:
    with pytest.raises(NoSnapshot) as refusal:
        forest(*CHAIN).deletion_of("x")
    assert (refusal.value.number, refusal.value.value) == (72, "x")
    assert refusal.value.message == "Domain snapshot not found: no domain snapshot with matching name 'x'"


@pytest.mark.parametrize(
    ("name", "parent", "sentence"),
    [
        ("b", "b", "invalid argument: cannot set moment b as its own parent"),
        ("b", "x", "invalid argument: parent x for moment b not found"),
        ("b", "c", "invalid argument: parent c would create cycle to b"),
        ("a", "c", "invalid argument: parent c would create cycle to a"),
    ],
)
def test_a_parent_that_cannot_be_is_refused_with_8_and_libvirts_words(name: str, parent: str, sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        forest(*CHAIN).check_parent(name, parent)
    assert (refusal.value.number, refusal.value.message, refusal.value.value) == (8, sentence, parent)


@pytest.mark.parametrize(("name", "parent"), [("b", None), ("c", "d"), ("new", "c"), ("new", None)])
def test_any_other_parent_may_be(name: str, parent: str | None) -> None:
    forest(*CHAIN).check_parent(name, parent)


def test_a_redefined_snapshot_keeps_its_children() -> None:
    tree = forest(*CHAIN)
    tree.put(replace(record("b"), description="now a root"))
    assert parents(tree) == {"a": None, "b": None, "c": "b", "d": "b"}


def test_parents_come_before_their_children_generation_by_generation() -> None:
    tree = forest(record("d", "b"), record("c", "b"), record("b", "a"), record("e"), record("a"))
    assert [entry.name for entry in tree.parents_first()] == ["e", "a", "b", "d", "c"]


def test_descendants_are_all_below_and_not_the_node() -> None:
    tree = forest(*CHAIN)
    assert {entry.name for entry in tree.descendants_of("id-a")} == {"b", "c", "d"}


def test_a_current_snapshot_that_is_not_there_is_none() -> None:
    assert forest(*CHAIN, current="x").current is None


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("running", SnapshotStateClass.ONLINE),
        ("paused", SnapshotStateClass.ONLINE),
        ("shutoff", SnapshotStateClass.OFFLINE),
        ("crashed", SnapshotStateClass.OFFLINE),
        ("shutdown", SnapshotStateClass.OFFLINE),
        ("pmsuspended", SnapshotStateClass.OFFLINE),
        ("disk-snapshot", SnapshotStateClass.DISK_ONLY),
    ],
)
def test_only_running_and_paused_are_online_as_libvirt_counts_them(state: str, kind: SnapshotStateClass) -> None:
    assert record("a", state=state).state_class is kind


NAMES = st.sampled_from("abcdefgh")
MAYBE = st.none() | NAMES


class ForestAgainstLibvirtsRules(RuleBasedStateMachine):
    """Every step is done to both; whatever can be asked must then be answered alike."""

    @initialize()
    def empty(self) -> None:
        self.forest = SnapshotForest()
        self.parents: dict[str, str | None] = {}
        self.current: str | None = None

    def ancestors(self, name: str | None) -> list[str]:
        found = []
        while name is not None:
            found.append(name)
            name = self.parents[name]
        return found

    def below(self, name: str) -> set[str]:
        return {other for other in self.parents if name in self.ancestors(other)} - {name}

    @rule(name=NAMES, parent=MAYBE, becomes_current=st.booleans())
    def redefine(self, name: str, parent: str | None, *, becomes_current: bool) -> None:
        accepted = parent is None or (parent in self.parents and name not in self.ancestors(parent))
        if not accepted:
            with pytest.raises(InvalidArgument):
                self.forest.check_parent(name, parent)
            return
        self.forest.check_parent(name, parent)
        self.forest.put(record(name, parent))
        self.parents[name] = parent
        if becomes_current:
            self.forest.make_current(f"id-{name}")
            self.current = name

    @rule(name=NAMES)
    def create(self, name: str) -> None:
        if name not in self.parents:
            self.forest.put(record(name, self.current))
            self.forest.make_current(f"id-{name}")
            self.parents[name] = self.current
            self.current = name

    @rule(name=NAMES, children=st.booleans(), children_only=st.booleans())
    def delete(self, name: str, *, children: bool, children_only: bool) -> None:
        if name not in self.parents:
            with pytest.raises(NoSnapshot):
                self.forest.deletion_of(name)
            return
        apply(self.forest.deletion_of(name, children=children, children_only=children_only), self.forest)
        parent, below = self.parents[name], self.below(name)
        if children_only:
            self.forget(below, heir=name)
        elif children:
            self.forget({*below, name}, heir=parent)
        else:
            for child in [child for child, of in self.parents.items() if of == name]:
                self.parents[child] = parent
            self.forget({name}, heir=parent)

    def forget(self, gone: set[str], heir: str | None) -> None:
        for name in gone:
            del self.parents[name]
        if self.current in gone:
            self.current = heir

    @invariant()
    def same_parents_and_current(self) -> None:
        assert parents(self.forest) == self.parents
        assert current(self.forest) == self.current
        assert all(name in self.forest for name in self.parents)

    @invariant()
    def same_descendants(self) -> None:
        for name in self.parents:
            assert {entry.name for entry in self.forest.descendants_of(f"id-{name}")} == self.below(name)

    @invariant()
    def parents_first_has_all_and_no_child_before_its_parent(self) -> None:
        ordered = [entry.name for entry in self.forest.parents_first()]
        assert sorted(ordered) == sorted(self.parents)
        assert all(parent is None or parent in ordered[: ordered.index(name)] for name, parent in self.parents.items())


TestForestAgainstLibvirtsRules = ForestAgainstLibvirtsRules.TestCase
TestForestAgainstLibvirtsRules.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
