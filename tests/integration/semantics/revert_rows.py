"""Sections 1.4 and 1.5: reverting and deleting."""

from tests.integration.semantics.lifecycle_rows import named_anew
from tests.integration.semantics.row import DEFINED, RUNNING, START, Row, act, delete, revert, snapshot, state, tree
from tests.integration.semantics.world import Answer, World

S1 = snapshot("s1")
OFF = (*DEFINED, S1)
ON = (*RUNNING, S1)
HELD = (*RUNNING, act("suspend"), S1)
OUT = snapshot("s1", disk_only=True)
SUSPEND, DESTROY = act("suspend"), act("destroy")
TREE = (*DEFINED, snapshot("a"), snapshot("b"), snapshot("c"), revert("a"), snapshot("d"))


def _renamed_and_reverted(world: World) -> Answer:
    new = f"{world.name}-new"
    answer = world.act("domrename", name=new)
    assert answer.number is None, answer
    world.name = new
    return world.act("snapshot-revert", name="s1")


REVERT = [
    Row("1.4-running-paused", "exclusive", revert("s1", running=True, paused=True), 8, OFF),
    Row("1.4-unknown-name", "is not there", revert("x"), 72, DEFINED),
    Row(
        "1.4-base-of-external",
        "libvirt puts it back under the snapshot that lives in it",
        revert("s1"),
        55,
        (*OFF, snapshot("s2", disk_only=True)),
    ),
    Row(
        "1.4-transient-offline",
        "it would be gone",
        revert("s1"),
        55,
        (*OFF, START, act("undefine")),
    ),
    Row(
        "1.4-transient-offline-running",
        "unless it runs afterwards",
        revert("s1", running=True),
        None,
        (*OFF, START, act("undefine")),
        state("running"),
    ),
    Row("1.4-external", "not supported yet", revert("s1"), 67, (*RUNNING, OUT)),
    Row("1.4-managed-save", "may corrupt", revert("s1"), 77, (*OFF, START, act("managedsave"))),
    Row(
        "1.4-managed-save-force",
        "at one's own risk: what was saved stays",
        revert("s1", force=True),
        None,
        (*OFF, snapshot("s2"), START, act("managedsave")),
        lambda world: world.current == "s1" and world.domain["managed_save"],
    ),
    Row(
        "1.4-managed-save-memory",
        "has memory of its own",
        revert("s1"),
        None,
        (*ON, act("managedsave")),
        state("running"),
    ),
    Row("1.4-off-to-off", "keeps the state", revert("s1"), None, OFF, state("shut off")),
    Row("1.4-off-to-running", "starts it", revert("s1"), None, (*ON, DESTROY), state("running", "from snapshot")),
    Row(
        "1.4-off-to-paused", "starts it paused", revert("s1"), None, (*HELD, DESTROY), state("paused", "from snapshot")
    ),
    Row("1.4-running-to-off", "stops it", revert("s1"), None, (*OFF, START), state("shut off", "from snapshot")),
    Row("1.4-running-to-running", "begins again", revert("s1"), None, ON, state("running", "from snapshot")),
    Row(
        "1.4-running-to-paused",
        "begins again, paused",
        revert("s1"),
        None,
        (*HELD, act("resume")),
        state("paused", "from snapshot"),
    ),
    Row(
        "1.4-running-flag",
        "overrides what it was",
        revert("s1", running=True),
        None,
        HELD,
        state("running", "from snapshot"),
    ),
    Row(
        "1.4-paused-flag",
        "overrides what it was",
        revert("s1", paused=True),
        None,
        ON,
        state("paused", "from snapshot"),
    ),
    Row("1.4-off-with-running", "boots it", revert("s1", running=True), None, OFF, state("running")),
    Row("1.4-off-with-paused", "boots it paused", revert("s1", paused=True), None, OFF, state("paused")),
    Row(
        "1.4-becomes-current",
        "the one reverted to",
        revert("a"),
        None,
        (*DEFINED, snapshot("a"), snapshot("b")),
        lambda world: world.current == "a",
    ),
    Row(
        "1.4-name-kept",
        "a renamed domain keeps its name",
        _renamed_and_reverted,
        None,
        (*OFF, snapshot("s2")),
        lambda world: named_anew(world) and world.current == "s1",
    ),
]


DELETE = [
    Row("1.5-children-and-only", "exclusive", delete("a", children=True, children_only=True), 8, TREE),
    Row("1.5-unknown-name", "is not there", delete("x"), 72, DEFINED),
    Row("1.5-plain", "children go to its parent", delete("b"), None, TREE, tree(a=None, c="a", d="a")),
    Row("1.5-root", "children become roots", delete("a"), None, TREE, tree(b=None, c="b", d=None)),
    Row("1.5-current", "its parent is current", delete("d"), None, TREE, lambda world: world.current == "a"),
    Row("1.5-current-root", "none is current", delete("s1"), None, OFF, lambda world: world.current is None),
    Row(
        "1.5-children",
        "it and all below; its parent is current if one of them was",
        delete("b", children=True),
        None,
        (*TREE, revert("c")),
        lambda world: world.parents == {"a": None, "d": "a"} and world.current == "a",
    ),
    Row(
        "1.5-children-only",
        "all below; it is current if one of them was",
        delete("b", children_only=True),
        None,
        (*TREE, revert("c")),
        lambda world: world.parents == {"a": None, "b": "a", "d": "a"} and world.current == "b",
    ),
    Row("1.5-metadata", "the same tree", delete("b", metadata=True), None, TREE, tree(a=None, c="a", d="a")),
    Row(
        "1.5-children-external",
        "one below is external",
        delete("a", children=True),
        67,
        (*RUNNING, snapshot("a"), snapshot("b", disk_only=True)),
    ),
    Row(
        "1.5-children-only-external",
        "one below is external",
        delete("a", children_only=True),
        67,
        (*RUNNING, snapshot("a"), snapshot("b", disk_only=True)),
    ),
    Row(
        "1.5-external-children",
        "it is external and has children",
        delete("s1", children=True),
        67,
        (*RUNNING, OUT, snapshot("s2", disk_only=True)),
    ),
    Row(
        "1.5-base-of-external",
        "it would be merged into the image that another snapshot lives in",
        delete("s1"),
        55,
        (*DEFINED, OUT, *DEFINED, snapshot("s2", disk_only=True)),
    ),
    Row("1.5-external", "is merged", delete("s1"), None, (*RUNNING, OUT), tree()),
    Row(
        "1.5-external-off",
        "is merged while the domain is started for it",
        delete("s1"),
        None,
        (*RUNNING, OUT, DESTROY),
        lambda world: world.parents == {} and world.domain["state"] == "shut off",
    ),
]
