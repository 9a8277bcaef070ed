"""The table of the rules: which verb libvirt refuses in which situation, with which number and words."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from domain_model.arguments import exclusive_flags, required_flag
from domain_model.errors import InvalidFlags, Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert, Undefine
from domain_model.libvirt import DomainState
from domain_model.operations import VERBS
from domain_model.redefinition import WantedSnapshot
from domain_model.rules import RULES, Situation
from domain_model.snapshots import SnapshotForest
from tests.unit.test_snapshot_forest import record


@dataclass(frozen=True)
class Case:
    """A verb in a situation; ``number`` is None where it is allowed."""

    says: str
    verb: str
    situation: Situation
    number: int | None
    words: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()


def forest() -> SnapshotForest:
    """Roots off, on, ext, bare, disk; below ``off`` the external ``below``."""
    made = SnapshotForest()
    made.put(record("off"))
    made.put(record("on", state="running"))
    made.put(replace(record("ext", state="running"), location="external"))
    made.put(replace(record("bare"), domain=None))
    made.put(replace(record("disk", state="disk-snapshot"), location="external"))
    made.put(replace(record("below", "off"), location="external"))
    made.put(record("twig", "on"))
    made.put(record("deleted", "off"))
    made.delete(["id-deleted"], {}, None, bury=True)
    return made


UUID = "00000000-0000-4000-8000-00000000000d"
OFF = Situation("guest", DomainState.SHUTOFF, False, True, False, frozenset(), forest(), uuid=UUID)  # noqa: FBT003
ON = replace(OFF, state=DomainState.RUNNING, active=True)
PAUSED = replace(ON, state=DomainState.PAUSED)
ASLEEP = replace(ON, state=DomainState.PMSUSPENDED)
CRASHED = replace(ON, state=DomainState.CRASHED)
TRANSIENT = replace(ON, persistent=False)
SAVED = replace(OFF, managed_save=True)
MARKED = replace(OFF, checkpoints=frozenset({"c"}))
MARKED_ON = replace(ON, checkpoints=frozenset({"c"}))
WITH_SNAPSHOTS = replace(OFF, snapshots=frozenset({"off", "on"}))

NOT_RUNNING = "Requested operation is not valid: domain is not running"
ALREADY_RUNNING = "Requested operation is not valid: domain is already running"
ALREADY_ACTIVE = "Requested operation is not valid: domain 'guest' is already active"
MARKED_WORDS = "Operation not supported: cannot perform block operations while checkpoint exists"
ASLEEP_WORDS = "Requested operation is not valid: domain is pmsuspended"


def named(name: str, flags: int = 0, **more: Any) -> tuple[tuple[str, Any], ...]:
    return tuple({"name": name, "flags": flags, **more}.items())


def redefined(name: str, parent: str | None, state: str, uuid: str = UUID) -> tuple[tuple[str, Any], ...]:
    wanted = WantedSnapshot(name, parent, state, 1000, "xml", domain_uuid=uuid)
    return tuple({"flags": 1, "snapshots": [wanted.as_argument()]}.items())


LIFECYCLE = [
    Case("define while running", "define", ON, None),
    Case("create while inactive", "create", OFF, None),
    Case("create while running", "create", ON, 55, ALREADY_ACTIVE),
    Case("restore while inactive", "restore", OFF, None),
    Case("restore while paused", "restore", PAUSED, 55, ALREADY_ACTIVE),
    Case("start while inactive", "start", OFF, None),
    Case("start while running", "start", ON, 55, ALREADY_RUNNING),
    Case("start while paused", "start", PAUSED, 55, ALREADY_RUNNING),
    Case("shutdown while running", "shutdown", ON, None),
    Case("shutdown while inactive", "shutdown", OFF, 55, NOT_RUNNING),
    Case("shutdown while paused: it could not hear", "shutdown", PAUSED, 55, NOT_RUNNING),
    Case("shutdown while asleep", "shutdown", ASLEEP, 55, NOT_RUNNING),
    Case("reboot while inactive", "reboot", OFF, 55, NOT_RUNNING),
    Case("reboot while paused", "reboot", PAUSED, None),
    Case("destroy while crashed", "destroy", CRASHED, None),
    Case("destroy while inactive", "destroy", OFF, 55, NOT_RUNNING),
    Case("suspend while running", "suspend", ON, None),
    Case("suspend while paused", "suspend", PAUSED, None),
    Case("suspend while asleep", "suspend", ASLEEP, 55, ASLEEP_WORDS),
    Case("suspend while inactive", "suspend", OFF, 55, NOT_RUNNING),
    Case("resume while paused", "resume", PAUSED, None),
    Case("resume while crashed", "resume", CRASHED, None),
    Case("resume while running", "resume", ON, 55, ALREADY_RUNNING),
    Case("resume while asleep", "resume", ASLEEP, 55, ASLEEP_WORDS),
    Case("resume while inactive", "resume", OFF, 55, NOT_RUNNING),
    Case("undefine while inactive", "undefine", OFF, None),
    Case("undefine while running", "undefine", ON, None),
    Case(
        "undefine a transient domain",
        "undefine",
        TRANSIENT,
        55,
        "Requested operation is not valid: cannot undefine transient domain",
    ),
    Case(
        "undefine with snapshots",
        "undefine",
        WITH_SNAPSHOTS,
        55,
        "Requested operation is not valid: cannot delete inactive domain with 2 snapshots",
    ),
    Case(
        "undefine with snapshots and their flag",
        "undefine",
        WITH_SNAPSHOTS,
        None,
        arguments=(("flags", Undefine.SNAPSHOTS_METADATA),),
    ),
    Case("undefine a running one with snapshots", "undefine", replace(WITH_SNAPSHOTS, active=True), None),
    Case(
        "undefine with a managed save",
        "undefine",
        SAVED,
        55,
        "Requested operation is not valid: Refusing to undefine while domain managed save image exists",
    ),
]

SNAPSHOTS = [
    Case("take one", "snapshot-create", ON, None, arguments=named("new")),
    Case(
        "take one under a name in use",
        "snapshot-create",
        WITH_SNAPSHOTS,
        9,
        "operation failed: domain moment off already exists",
        named("off"),
    ),
    Case(
        "take one of a transient domain and halt",
        "snapshot-create",
        TRANSIENT,
        55,
        "Requested operation is not valid: cannot halt after transient domain snapshot",
        named("new", SnapshotCreate.HALT),
    ),
    Case("take one and halt", "snapshot-create", ON, None, arguments=named("new", SnapshotCreate.HALT)),
    Case("redefine anew", "snapshot-redefine", OFF, None, arguments=redefined("new", "off", "running")),
    Case("redefine alike", "snapshot-redefine", OFF, None, arguments=redefined("on", None, "paused")),
    Case(
        "redefine below itself",
        "snapshot-redefine",
        OFF,
        8,
        "invalid argument: cannot set moment off as its own parent",
        redefined("off", "off", "shutoff"),
    ),
    Case(
        "redefine below one that is not there",
        "snapshot-redefine",
        OFF,
        8,
        "invalid argument: parent x for moment off not found",
        redefined("off", "x", "shutoff"),
    ),
    Case(
        "redefine in a circle",
        "snapshot-redefine",
        OFF,
        8,
        "invalid argument: parent below would create cycle to off",
        redefined("off", "below", "shutoff"),
    ),
    Case(
        "redefine an online one as offline",
        "snapshot-redefine",
        OFF,
        8,
        "invalid argument: cannot change between online and offline snapshot state in snapshot on",
        redefined("on", None, "shutoff"),
    ),
    Case(
        "redefine an online one as disk-only: libvirt looks at online first",
        "snapshot-redefine",
        OFF,
        8,
        "invalid argument: cannot change between online and offline snapshot state in snapshot on",
        redefined("on", None, "disk-snapshot"),
    ),
    Case(
        "redefine a disk-only one as offline",
        "snapshot-redefine",
        OFF,
        8,
        "invalid argument: cannot change between disk only and full system in snapshot disk",
        redefined("disk", None, "shutoff"),
    ),
    Case(
        "redefine with another machine's definition",
        "snapshot-redefine",
        OFF,
        8,
        f"invalid argument: definition for snapshot new must use uuid {UUID}",
        redefined("new", "off", "shutoff", uuid="another"),
    ),
    Case("take one of a running one with checkpoints", "snapshot-create", MARKED_ON, None, arguments=named("new")),
    Case("take one of one with checkpoints", "snapshot-create", MARKED, 84, MARKED_WORDS, named("new")),
    Case(
        "redefine one of one with checkpoints, whatever is wrong with it",
        "snapshot-redefine",
        MARKED,
        84,
        MARKED_WORDS,
        redefined("off", "off", "shutoff"),
    ),
    Case("undelete one of one with checkpoints", "snapshot-undelete", MARKED, 84, MARKED_WORDS, named("deleted")),
    Case("undelete", "snapshot-undelete", OFF, None, arguments=named("deleted")),
    Case(
        "undelete one that was never there",
        "snapshot-undelete",
        OFF,
        72,
        "Domain snapshot not found: no deleted domain snapshot with matching name 'x'",
        named("x"),
    ),
    Case(
        "undelete one that is there",
        "snapshot-undelete",
        OFF,
        9,
        "operation failed: domain moment off already exists",
        named("off"),
    ),
    Case("revert", "snapshot-revert", OFF, None, arguments=named("off")),
    Case(
        "revert to one that is not there",
        "snapshot-revert",
        OFF,
        72,
        "Domain snapshot not found: no domain snapshot with matching name 'x'",
        named("x"),
    ),
    Case(
        "revert a transient domain to an offline one",
        "snapshot-revert",
        TRANSIENT,
        55,
        "Requested operation is not valid: transient domain needs to request run or pause to revert to inactive"
        " snapshot",
        named("off"),
    ),
    Case(
        "revert a transient domain to an offline one and run",
        "snapshot-revert",
        TRANSIENT,
        None,
        arguments=named("off", SnapshotRevert.RUNNING),
    ),
    Case("revert a transient domain to an online one", "snapshot-revert", TRANSIENT, None, arguments=named("on")),
    Case(
        "revert to an external one",
        "snapshot-revert",
        OFF,
        67,
        "unsupported configuration: revert to external snapshot not supported yet",
        named("ext"),
    ),
    Case(
        "revert to one without a definition: force does not help",
        "snapshot-revert",
        OFF,
        77,
        "revert requires force: snapshot 'bare' lacks domain 'guest' rollback info",
        named("bare", SnapshotRevert.FORCE),
    ),
    Case(
        "revert to an offline one with a managed save",
        "snapshot-revert",
        SAVED,
        77,
        "revert requires force: snapshot without memory state, removal of existing managed saved state strongly"
        " recommended to avoid corruption",
        named("off"),
    ),
    Case("force it", "snapshot-revert", SAVED, None, arguments=named("off", SnapshotRevert.FORCE)),
    Case("revert to an online one with a managed save", "snapshot-revert", SAVED, None, arguments=named("on")),
    Case("delete", "snapshot-delete", OFF, None, arguments=named("off")),
    Case("delete an external one", "snapshot-delete", OFF, None, arguments=named("ext")),
    Case(
        "delete one that is not there",
        "snapshot-delete",
        OFF,
        72,
        "Domain snapshot not found: no domain snapshot with matching name 'x'",
        named("x"),
    ),
    Case(
        "delete with an external child",
        "snapshot-delete",
        OFF,
        67,
        "unsupported configuration: deletion of external children disk snapshots not supported",
        named("off", SnapshotDelete.CHILDREN),
    ),
    Case(
        "delete an external child alone",
        "snapshot-delete",
        OFF,
        67,
        "unsupported configuration: deletion of external children disk snapshots not supported",
        named("off", SnapshotDelete.CHILDREN_ONLY),
    ),
    Case(
        "delete an external one with children",
        "snapshot-delete",
        OFF,
        67,
        "unsupported configuration: deletion of external disk snapshots with children not supported",
        named("ext", SnapshotDelete.CHILDREN),
    ),
    Case(
        "delete an external one's children only",
        "snapshot-delete",
        OFF,
        None,
        arguments=named("ext", SnapshotDelete.CHILDREN_ONLY),
    ),
    Case(
        "delete metadata with an external child",
        "snapshot-delete",
        OFF,
        None,
        arguments=named("off", SnapshotDelete.CHILDREN | SnapshotDelete.METADATA_ONLY),
    ),
    Case(
        "delete with internal children",
        "snapshot-delete",
        OFF,
        None,
        arguments=named("on", SnapshotDelete.CHILDREN),
    ),
]


@pytest.mark.parametrize("case", [*LIFECYCLE, *SNAPSHOTS], ids=lambda case: case.says)
def test_the_rule_answers_as_libvirt_does(case: Case) -> None:
    refused(lambda: RULES[case.verb](case.situation, {"flags": 0, **dict(case.arguments)}), case.number, case.words)


def refused(act: Callable[[], object], number: int | None, words: str) -> None:
    if number is None:
        act()
        return
    with pytest.raises(Refused) as refusal:
        act()
    assert (refusal.value.number, refusal.value.message) == (number, words)


def test_every_verb_has_a_rule() -> None:
    assert RULES.keys() == VERBS.keys()


def test_flags_that_exclude_each_other_are_refused_with_8_and_no_prefix() -> None:
    both = SnapshotRevert.RUNNING | SnapshotRevert.PAUSED
    with pytest.raises(InvalidFlags) as refusal:
        exclusive_flags(both, SnapshotRevert.RUNNING, SnapshotRevert.PAUSED)
    assert refusal.value.number == 8
    assert refusal.value.message == (
        "Flags 'VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING' and 'VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED' are mutually exclusive"
    )
    exclusive_flags(SnapshotRevert.PAUSED, SnapshotRevert.RUNNING, SnapshotRevert.PAUSED)


def test_a_flag_without_the_one_it_needs_is_refused_with_8_and_no_prefix() -> None:
    with pytest.raises(InvalidFlags) as refusal:
        required_flag(SnapshotCreate.CURRENT, SnapshotCreate.REDEFINE, by=SnapshotCreate.CURRENT)
    assert refusal.value.message == (
        "Flag 'VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE' is required by flag 'VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT'"
    )
    both = SnapshotCreate.CURRENT | SnapshotCreate.REDEFINE
    required_flag(both, SnapshotCreate.REDEFINE, by=SnapshotCreate.CURRENT)
