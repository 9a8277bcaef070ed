"""Section 1.8: checkpoints and backups."""

from collections.abc import Callable
from typing import Any

from tests.integration.product import ALICE
from tests.integration.semantics.lifecycle_rows import gone
from tests.integration.semantics.row import DEFINED, RUNNING, Row, Step, act, redefine, revert, snapshot, state, tree
from tests.integration.semantics.world import Answer, World


def made(name: str, **flags: bool) -> Step:
    return act("checkpoint-create", xml=f"<domaincheckpoint><name>{name}</name></domaincheckpoint>", **flags)


def written(inside: str, **flags: bool) -> Step:
    """Metadata as somebody wrote it."""
    return act("checkpoint-create", xml=f"<domaincheckpoint>{inside}</domaincheckpoint>", redefine=True, **flags)


def redefined(name: str, *changes: tuple[str, str], **flags: bool) -> Step:
    """Metadata as it was dumped, with pieces of it replaced."""

    def do(world: World) -> Answer:
        answers = world.product.service.checkpoints
        text = answers.xml(world.name, world.host, name, ALICE, security_info=True, no_domain=False)
        for before, after in (*changes, ("OWN-UUID", world.uuid)):
            text = text.replace(before.replace("OWN-UUID", world.uuid), after)
        return world.act("checkpoint-create", xml=text, redefine=True, **flags)

    return do


def deleted(name: str, **flags: bool) -> Step:
    return act("checkpoint-delete", name=name, **flags)


def pushed(since: str = "", checkpoint: str | None = None) -> Step:
    """A backup into a new file."""

    def begin(world: World) -> Answer:
        target = f"<target file='{world.folder}/{world.name}-backup.qcow2'/>"
        disk = f"<disk name='vda' backup='yes' type='file'>{target}<driver type='qcow2'/></disk>"
        more = {} if checkpoint is None else {"checkpoint_xml": _document(checkpoint)}
        return world.act("backup-begin", xml=f"<domainbackup>{since}<disks>{disk}</disks></domainbackup>", **more)

    return begin


def _document(name: str) -> str:
    return f"<domaincheckpoint><name>{name}</name></domaincheckpoint>"


def parents(**wanted: str | None) -> Callable[[World], bool]:
    return lambda world: _parents(world) == wanted


def next_below(name: str) -> Callable[[World], bool]:
    """The checkpoint made next hangs below this one: it was the current one."""

    def so(world: World) -> bool:
        assert made("next")(world).number is None
        return _parents(world)["next"] == name

    return so


def _has_both(world: World) -> bool:
    return world.parents == {"s1": None, "s2": "s1"} and _parents(world) == {"a": None}


def _named_after_the_second(world: World) -> bool:
    (only,) = _all(world)
    return str(only["name"]).isdecimal() and abs(int(only["name"]) - int(only["creation_time"])) <= 5


def _same_chain(world: World) -> bool:
    current = [item["name"] for item in _all(world) if item["current"]]
    return _parents(world) == {"a": None, "b": "a", "c": "b"} and current == ["c"]


def _parents(world: World) -> dict[str, str | None]:
    return {item["name"]: item["parent"] for item in _all(world)}


def _all(world: World) -> list[dict[str, Any]]:
    return world.product.service.checkpoints.all_of(world.name, world.host)


def _stamped(name: str, parent: str = "") -> str:
    below = f"<parent><name>{parent}</name></parent>" if parent else ""
    return f"<name>{name}</name>{below}<creationTime>1</creationTime>"


CHAIN = (*RUNNING, made("a"), made("b"), made("c"))
OFF = (*CHAIN, act("destroy"))
_A_BELOW_C = ("<creationTime>", "<parent><name>c</name></parent><creationTime>")
_ANOTHER = ("OWN-UUID", "11111111-2222-4333-8444-555555555555")

BOTH = (*RUNNING, snapshot("s1"), made("a"))

CHECKPOINTS = [
    Row("1.2-checkpoint-active", "while it runs QEMU can do both", snapshot("s2"), None, BOTH, _has_both),
    Row("1.2-checkpoint-off", "a domain that is off with checkpoints", snapshot("s2"), 84, (*BOTH, act("destroy"))),
    Row("1.3-checkpoint-off", "said before anything about the document", redefine("s1"), 84, (*BOTH, act("destroy"))),
    Row("1.7-checkpoints", "would be orphaned", act("undefine"), 55, OFF),
    Row("1.7-checkpoints-metadata", "goes along", act("undefine", checkpoints_metadata=True), None, OFF, gone),
    Row(
        "1.7-checkpoints-and-snapshots",
        "libvirt forgets the snapshots before it refuses",
        act("undefine", snapshots_metadata=True),
        55,
        (*BOTH, act("destroy")),
        tree(s1=None),
    ),
    Row("1.8-redefine-quiesce", "exclusive", made("x", redefine=True, quiesce=True), 8, RUNNING),
    Row("1.8-validate-without-redefine", "required", made("x", redefine_validate=True), 8, RUNNING),
    Row("1.8-quiesce", "QEMU's driver does not", made("x", quiesce=True), 8, RUNNING),
    Row("1.8-inactive", "nobody could keep the bitmaps", made("x"), 84, DEFINED),
    Row("1.8-name-exists", "taken already", made("b"), 9, CHAIN),
    Row("1.8-name-absent", "named after the second", act("checkpoint-create"), None, RUNNING, _named_after_the_second),
    Row("1.8-slash", "the schema forbids it", made("a/b"), 92, RUNNING),
    Row("1.8-dot", "the schema forbids it", made(".a"), 92, RUNNING),
    Row("1.8-parent-is-current", "a child of it", made("d"), None, CHAIN, parents(a=None, b="a", c="b", d="c")),
    Row("1.8-redefine-name", "missing", written("<creationTime>1</creationTime>"), 27, RUNNING),
    Row("1.8-redefine-time", "missing", written("<name>x</name>"), 1, RUNNING),
    Row("1.8-redefine-itself", "its own parent", written(_stamped("b", "b")), 8, CHAIN),
    Row("1.8-redefine-unknown-parent", "is not there", written(_stamped("x", "y")), 8, CHAIN),
    Row("1.8-redefine-cycle", "an ancestor below it", redefined("a", _A_BELOW_C), 8, CHAIN),
    Row("1.8-redefine-uuid", "another domain's", redefined("a", _ANOTHER), 8, CHAIN),
    Row("1.8-redefine-off", "touches no disk", redefined("b"), None, OFF, parents(a=None, b="a", c="b")),
    Row("1.8-redefine-bare", "without a domain", written(_stamped("x")), None, RUNNING, parents(x=None)),
    Row("1.8-redefine-current", "moves below the current", written(_stamped("x", "c")), None, CHAIN, next_below("x")),
    Row("1.8-redefine-elsewhere", "current stays", written(_stamped("x", "a")), None, CHAIN, next_below("c")),
    Row("1.8-redefine-root", "current stays", written(_stamped("x")), None, CHAIN, next_below("c")),
    Row("1.8-redefine-first", "becomes current", written(_stamped("x")), None, RUNNING, next_below("x")),
    Row("1.8-validate", "the bitmap is there", redefined("c", redefine_validate=True), None, CHAIN, _same_chain),
    Row("1.8-validate-broken", "no such bitmap", redefined("c", *((f"{q}c{p}", f"{q}z{p}") for q, p in ("><", "''")), redefine_validate=True), 109, CHAIN),
    Row("1.8-validate-off", "nobody can look", redefined("c", redefine_validate=True), 55, OFF),
    Row("1.8-delete", "children to the parent", deleted("b"), None, CHAIN, parents(a=None, c="a")),
    Row("1.8-delete-children", "all below too", deleted("b", children=True), None, CHAIN, next_below("a")),
    Row("1.8-delete-children-only", "it stays", deleted("b", children_only=True), None, CHAIN, next_below("b")),
    Row("1.8-delete-both", "exclusive", deleted("b", children=True, children_only=True), 8, CHAIN),
    Row("1.8-delete-off", "nobody could merge bitmaps", deleted("c"), 84, OFF),
    Row("1.8-delete-metadata-off", "no disk", deleted("c", metadata=True), None, OFF, parents(a=None, b="a")),
    Row("1.8-unknown", "is not there", deleted("x"), 103, CHAIN),
    Row("1.8-revert", "the guest would be lost", revert("s1"), 77, BOTH, state("running")),
    Row("1.8-backup", "begun with a checkpoint", pushed(checkpoint="k"), None, RUNNING, parents(k=None)),
    Row("1.8-backup-off", "nobody could copy", pushed(), 84, DEFINED),
    Row("1.8-backup-unknown", "is not there", pushed("<incremental>x</incremental>"), 103, RUNNING),
    Row("1.8-backup-checkpoint-exists", "taken already", pushed(checkpoint="b"), 9, CHAIN),
]  # fmt: skip
