"""What every driver promises of deleting snapshots and of redefining them; see test_driver_contract.py."""

import re
from collections.abc import Callable

import pytest

from domain_model.errors import Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert, Undefine
from domain_model.snapshot_xml import build
from tests.contract.drivers import Subject, qemu_driver, simulator_driver, subject, test_driver

__all__ = ["qemu_driver", "simulator_driver", "subject", "test_driver"]  # pytest finds fixtures by name

# Deleting.

PLAIN, CHILDREN, CHILDREN_ONLY = SnapshotDelete.NONE, SnapshotDelete.CHILDREN, SnapshotDelete.CHILDREN_ONLY


@pytest.mark.parametrize("metadata", [SnapshotDelete.NONE, SnapshotDelete.METADATA_ONLY], ids=["", "metadata-only"])
@pytest.mark.parametrize(
    ("name", "flags", "left", "current"),
    [
        ("b", PLAIN, {"a": None, "c": "a", "d": "a", "e": "a"}, "e"),
        ("e", PLAIN, {"a": None, "b": "a", "c": "b", "d": "b"}, "a"),
        ("a", PLAIN, {"b": None, "c": "b", "d": "b", "e": None}, "e"),
        ("b", CHILDREN, {"a": None, "e": "a"}, "e"),
        ("e", CHILDREN, {"a": None, "b": "a", "c": "b", "d": "b"}, "a"),
        ("a", CHILDREN, {}, None),
        ("b", CHILDREN_ONLY, {"a": None, "b": "a", "e": "a"}, "e"),
        ("a", CHILDREN_ONLY, {"a": None}, "a"),
        ("c", CHILDREN_ONLY, {"a": None, "b": "a", "c": "b", "d": "b", "e": "a"}, "e"),
    ],
)
def test_deleting_re_parents_the_children_and_passes_on_current(
    subject: Subject,
    name: str,
    flags: SnapshotDelete,
    metadata: SnapshotDelete,
    left: dict[str, str | None],
    current: str | None,
) -> None:
    uuid = subject.defined()
    subject.grow(uuid)
    assert subject.tree(uuid) == ({"a": None, "b": "a", "c": "b", "d": "b", "e": "a"}, "e")

    subject.driver.snapshot_delete(uuid, name, flags | metadata)

    assert subject.tree(uuid) == (left, current)


def test_deleting_the_current_root_leaves_no_current_snapshot(subject: Subject) -> None:
    uuid = subject.defined()
    subject.snapshot(uuid, "a", "b")
    subject.driver.snapshot_revert(uuid, "a", SnapshotRevert.NONE)

    subject.driver.snapshot_delete(uuid, "a", SnapshotDelete.NONE)

    assert subject.tree(uuid) == ({"b": None}, None)


def test_what_cannot_be_deleted_is_refused(subject: Subject) -> None:
    driver, uuid = subject.driver, subject.defined()
    subject.snapshot(uuid, "a")

    subject.refuses(72, "an unknown snapshot", lambda: driver.snapshot_delete(uuid, "b", SnapshotDelete.NONE))
    both = CHILDREN | CHILDREN_ONLY
    subject.refuses(8, "CHILDREN with CHILDREN_ONLY", lambda: driver.snapshot_delete(uuid, "a", both))
    subject.refuses(8, "an unknown flag", lambda: driver.snapshot_delete(uuid, "a", SnapshotDelete(1 << 20)))
    assert subject.tree(uuid) == ({"a": None}, "a")


# Redefining.


def test_a_tree_redefined_from_its_dumps_reads_back_byte_identical(subject: Subject) -> None:
    driver, uuid = subject.driver, subject.defined()
    subject.grow(uuid)
    driver.start(uuid)
    driver.snapshot_create(uuid, build("f", "while it ran"), SnapshotCreate.NONE)
    driver.destroy(uuid)
    tree = subject.tree(uuid)
    dumps = {name: driver.snapshot_xml(uuid, name) for name in tree[0]}
    definition = driver.domain_xml(uuid, inactive=True)
    driver.undefine(uuid, Undefine.SNAPSHOTS_METADATA)

    driver.define(definition)
    for name in "abcdef":
        driver.snapshot_create(uuid, dumps[name], SnapshotCreate.REDEFINE)
    seen = driver.domain(uuid)
    assert seen is not None
    assert seen.current_snapshot is None
    driver.snapshot_create(uuid, dumps["e"], SnapshotCreate.REDEFINE | SnapshotCreate.CURRENT)

    assert subject.tree(uuid) == (tree[0], "e")
    assert {name: driver.snapshot_xml(uuid, name) for name in tree[0]} == dumps
    assert driver.domain_xml(uuid, inactive=True) == definition


def test_redefining_replaces_what_a_snapshot_says_and_it_keeps_its_children(subject: Subject) -> None:
    driver, uuid = subject.driver, subject.defined()
    subject.grow(uuid)
    dump = driver.snapshot_xml(uuid, "b")
    moved = dump.replace("  <parent>\n    <name>a</name>\n  </parent>\n", "").replace(
        "  <state>", "  <description>moved</description>\n  <state>", 1
    )

    driver.snapshot_create(uuid, moved, SnapshotCreate.REDEFINE)

    assert driver.snapshot_xml(uuid, "b") == moved
    assert subject.tree(uuid) == ({"a": None, "b": None, "c": "b", "d": "b", "e": "a"}, "e")


REDEFINITIONS: list[tuple[int, str, Callable[[str], str]]] = [
    (27, "no name", lambda dump: dump.replace("  <name>c</name>\n", "", 1)),
    (1, "no creation time", lambda dump: _without(dump, "creationTime")),
    (27, "no state", lambda dump: _without(dump, "state")),
    (67, "no such state", lambda dump: dump.replace("<state>shutoff<", "<state>asleep<")),
    (27, "an offline snapshot with memory", lambda dump: _with_memory(dump, "<memory snapshot='internal'/>")),
    (27, "external memory without a file", lambda dump: _with_memory(dump, "<memory snapshot='external'/>")),
    (8, "its own parent", lambda dump: _with_parent(dump, "c")),
    (8, "an unknown parent", lambda dump: _with_parent(dump, "nowhere")),
    (8, "a cycle", lambda dump: _with_parent(dump.replace("<name>c</name>", "<name>a</name>", 1), "b")),
    (8, "another state than it has", lambda dump: _with_memory(dump, "").replace(">shutoff<", ">running<", 1)),
    (67, "another machine than it has", lambda dump: dump.replace(">16384<", ">32768<")),
    (1, "a new one without a domain", lambda dump: _without(dump.replace("<name>c<", "<name>new<", 1), "domain type")),
]


@pytest.mark.parametrize(("number", "what", "change"), REDEFINITIONS, ids=[what for _, what, _ in REDEFINITIONS])
def test_redefinitions_that_contradict_are_refused_and_change_nothing(
    subject: Subject, number: int, what: str, change: Callable[[str], str]
) -> None:
    driver, uuid = subject.driver, subject.defined()
    subject.grow(uuid)
    dump, tree = driver.snapshot_xml(uuid, "c"), subject.tree(uuid)

    subject.refuses(
        number, f"redefine with {what}", lambda: driver.snapshot_create(uuid, change(dump), SnapshotCreate.REDEFINE)
    )

    assert subject.tree(uuid) == tree
    assert driver.snapshot_xml(uuid, "c") == dump


def test_a_snapshot_of_one_domain_cannot_be_redefined_on_another(subject: Subject) -> None:
    one, other = subject.defined(), subject.defined()
    subject.snapshot(one, "a")

    with pytest.raises(Refused) as refusal:
        subject.driver.snapshot_create(other, subject.driver.snapshot_xml(one, "a"), SnapshotCreate.REDEFINE)
    assert refusal.value.message == f"invalid argument: definition for snapshot a must use uuid {other}"


# How the redefinitions above are spoilt.


def _without(dump: str, element: str) -> str:
    """The dump without its element that begins with these words and stands alone on its first level."""
    tag = element.split(maxsplit=1)[0]
    return re.sub(rf"  <{element}\b.*?</{tag}>\n", "", dump, count=1, flags=re.DOTALL)


def _with_memory(dump: str, memory: str) -> str:
    return re.sub(r"(  <memory snapshot='no'/>\n)?(  <disks>|  <domain )", f"  {memory}\n\\2", dump, count=1)


def _with_parent(dump: str, parent: str) -> str:
    bare = re.sub(r"  <parent>.*?</parent>\n", "", dump, count=1, flags=re.DOTALL)
    return bare.replace("  <creationTime>", f"  <parent>\n    <name>{parent}</name>\n  </parent>\n  <creationTime>", 1)
