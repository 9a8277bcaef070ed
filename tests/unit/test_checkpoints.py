"""A domain's checkpoints: what becomes of them, what is adopted of what a hypervisor shows, and which is current."""

from dataclasses import replace
from typing import Any

import pytest

from domain_model.adoption import Adoption
from domain_model.checkpoint_adoption import BackupSeen, CheckpointDump, CheckpointsSeen
from domain_model.checkpoints import BackupOutcome, CheckpointForest
from domain_model.domain import Domain
from domain_model.errors import NoCheckpoint
from domain_model.flags import CheckpointDelete
from domain_model.libvirt import DomainState
from domain_model.operations import Operation
from tests.unit.domain_histories import (
    ALPHA,
    AT,
    BETA,
    OFF,
    ON,
    Told,
    defined,
    fact,
    history,
    last,
    outcome,
    started,
    stopped,
    undefined,
)

TRANSIENT = replace(ON, persistent=False, definition=None)


def checkpoint(name: str, parent: str | None = None, host: str = ALPHA, *, current: bool = True) -> Told:
    """A checkpoint with the id ``id-NAME``, below the one named ``parent``."""
    return fact(
        Domain.CheckpointCreated,
        host,
        checkpoint=f"id-{name}",
        name=name,
        parent=None if parent is None else f"id-{parent}",
        creation_time=1000,
        description=None,
        current=current,
        header=f"header-{name}",
        domain="checkpoint-domain",
    )


def dump(name: str, parent: str | None = None, header: str | None = None, at: int = 1000) -> CheckpointDump:
    """What is seen of a checkpoint that ``checkpoint(name, parent)`` recorded."""
    return CheckpointDump(name, parent, at, None, header or f"header-{name}", "checkpoint-domain")


def backup(operation: str = "backup", host: str = ALPHA) -> Told:
    return fact(
        Domain.BackupBegun, host, operation, backup=operation, incremental=None, checkpoint=None, document="document"
    )


CHAIN = (defined(), started(), checkpoint("a"), checkpoint("b", "a"), checkpoint("c", "b"))


def seen(names: str, *dumps: CheckpointDump) -> CheckpointsSeen:
    return CheckpointsSeen(frozenset(names), {each.name: each for each in dumps})


def adopt(domain: Domain, found: CheckpointsSeen | None, verb: str | None = None, **arguments: Any) -> list[str]:
    """The topics of what was adopted; adopting the same again must record nothing."""
    operation = None if verb is None else Operation("op", verb, ALPHA, {"flags": 0, **arguments}, started=True)
    Adoption(domain, ALPHA, AT, operation).adopt(replace(ON, checkpoints=found))
    adopted = outcome(domain)
    Adoption(domain, ALPHA, AT, operation).adopt(replace(ON, checkpoints=found))
    assert outcome(domain) == adopted, "adopting the same observation twice recorded something"
    return adopted


def tree(domain: Domain) -> dict[str, str | None]:
    return {record.name: domain.checkpoints.parent_name(record) for record in domain.checkpoints}


def current(domain: Domain) -> str | None:
    found = domain.checkpoints.current
    return None if found is None else domain.checkpoints.by_id(found).name


# What a hypervisor shows.


def test_checkpoints_nobody_asked_for_are_adopted_parents_first() -> None:
    domain = history(defined(), started())

    found = seen("abc", dump("c", "b", at=1002), dump("a"), dump("b", "a", at=1001))
    assert adopt(domain, found) == ["checkpoint.created"] * 3

    assert tree(domain) == {"a": None, "b": "a", "c": "b"}
    assert current(domain) == "c"
    assert last(domain, Domain.CheckpointCreated).origin == "observed"


def test_an_observation_without_checkpoints_says_nothing_of_them() -> None:
    domain = history(*CHAIN)

    assert adopt(domain, None) == []
    assert len(domain.checkpoints) == 3


def test_one_that_is_gone_leaves_its_children_to_its_parent() -> None:
    domain = history(*CHAIN)

    assert adopt(domain, seen("ac", dump("c", "a", "header-c-below-a"))) == ["checkpoint.deleted"]

    event = last(domain, Domain.CheckpointDeleted)
    assert event.removed == [{"checkpoint": "id-b", "name": "b"}]
    assert event.reparented == [
        {"checkpoint": "id-c", "parent": "id-a", "parent_before": "id-b", "header": "header-c-below-a"}
    ]
    assert event.metadata_only, "nobody knows what became of its bitmaps"
    assert (tree(domain), current(domain)) == ({"a": None, "c": "a"}, "c")


@pytest.mark.parametrize(("remaining", "now_current"), [("ab", "b"), ("a", "a"), ("b", "b"), ("", None)])
def test_when_the_current_one_is_gone_the_nearest_above_is_current(remaining: str, now_current: str | None) -> None:
    domain = history(*CHAIN)

    dumps = [dump("b", None, "header-b-root")] if remaining == "b" else []
    adopt(domain, seen(remaining, *dumps))

    assert current(domain) == now_current


@pytest.mark.parametrize(("flags", "only"), [(0, False), (CheckpointDelete.METADATA_ONLY, True)])
def test_a_deletion_of_ours_says_whether_the_bitmaps_went_too(flags: int, only: bool) -> None:  # noqa: FBT001
    domain = history(*CHAIN)

    adopt(domain, seen("ab"), "checkpoint-delete", name="c", flags=int(flags))

    event = last(domain, Domain.CheckpointDeleted)
    assert (event.metadata_only, event.operation, event.origin) == (only, "op", "operation")


def test_one_of_the_same_name_as_a_deleted_one_is_another() -> None:
    domain = history(*CHAIN)
    adopt(domain, seen("ab"))
    domain.collect_events()

    adopt(domain, seen("abc", dump("c", "b")))

    assert domain.checkpoints.named("c").id != "id-c"


def test_a_new_dump_under_a_known_name_is_a_redefinition_that_tells_what_it_replaced() -> None:
    domain = history(*CHAIN)

    assert adopt(domain, seen("abc", dump("b", None, "new header")), "checkpoint-redefine", name="b") == [
        "checkpoint.redefined"
    ]

    event = last(domain, Domain.CheckpointRedefined)
    assert event.replaced == {"header": "header-b", "domain": "checkpoint-domain"}
    assert (tree(domain), current(domain)) == ({"a": None, "b": None, "c": "b"}, "c")
    assert domain.checkpoints.named("b").id == "id-b"


def test_metadata_that_was_recreated_replaced_nothing() -> None:
    domain = history(defined(), started())

    adopt(domain, seen("a", dump("a")), "checkpoint-redefine", name="a")

    assert last(domain, Domain.CheckpointRedefined).replaced is None


# libvirt-semantics 1.8: there is no CURRENT flag.


@pytest.mark.parametrize(
    ("told", "redefined", "expected"),
    [
        ((), dump("x"), "x"),
        ((checkpoint("a"),), dump("x", "a"), "x"),
        ((checkpoint("a"), checkpoint("b", "a")), dump("x", "a"), "b"),
        ((checkpoint("a"),), dump("x"), "a"),
    ],
    ids=["there was none", "below the current one", "below another one", "a second root"],
)
def test_a_redefined_one_becomes_current_below_the_current_one_or_where_none_is(
    told: tuple[Told, ...], redefined: CheckpointDump, expected: str
) -> None:
    domain = history(defined(), started(), *told)

    names = "".join(record.name for record in domain.checkpoints) + "x"
    adopt(domain, seen(names, redefined), "checkpoint-redefine", name="x")

    assert current(domain) == expected


def test_one_that_was_made_is_current_whatever_was_thought_before() -> None:
    domain = history(defined(), started(), checkpoint("a"), checkpoint("b", "a", current=False))

    adopt(domain, seen("abc", dump("c", "b")), "checkpoint-create", name="c")

    assert current(domain) == "c"


def test_one_that_was_made_with_a_backup_is_current() -> None:
    domain = history(defined(), started(), checkpoint("a"), checkpoint("b", "a", current=False))

    adopt(domain, seen("abc", dump("c", "b")), "backup-begin", checkpoint="c", name=None)

    assert current(domain) == "c"


# Where they are lost, and where they are not looked at.


@pytest.mark.parametrize(
    "told",
    [
        (*CHAIN, backup(), stopped(), undefined()),
        (started(), checkpoint("a"), backup(), stopped()),
    ],
    ids=["undefined", "a transient one stopped"],
)
def test_a_hypervisor_forgets_the_checkpoints_of_a_domain_it_has_no_more(told: tuple[Told, ...]) -> None:
    domain = history(*told)

    assert (len(domain.checkpoints), domain.checkpoints.current, domain.checkpoints.backup) == (0, None, None)


def test_a_stopped_domain_keeps_its_checkpoints() -> None:
    assert tree(history(*CHAIN, stopped())) == {"a": None, "b": "a", "c": "b"}


def test_an_undefined_domain_that_runs_keeps_its_checkpoints() -> None:
    assert len(history(*CHAIN, undefined()).checkpoints) == 3


def test_what_a_replicas_host_has_is_not_the_domains_own() -> None:
    domain = history(*CHAIN, defined(BETA), checkpoint("z", host=BETA))

    Adoption(domain, BETA, AT).adopt(replace(OFF, checkpoints=seen("", dump("y"))))

    assert outcome(domain) == []
    assert tree(domain) == {"a": None, "b": "a", "c": "b"}


def test_none_of_a_name_is_error_103() -> None:
    with pytest.raises(
        NoCheckpoint, match=r"^Domain checkpoint not found: no domain checkpoint with matching name 'x'$"
    ):
        CheckpointForest().named("x")


# Backups.


def test_a_backup_runs_until_its_end_was_seen() -> None:
    domain = history(defined(), started(), backup())
    assert domain.checkpoints.backup is not None

    found = BackupSeen("backup", BackupOutcome.CANCELLED, "Operation canceled")
    Adoption(domain, ALPHA, AT).adopt(replace(ON, backup=found))

    event = last(domain, Domain.BackupEnded)
    assert (event.outcome, event.message, event.origin) == ("cancelled", "Operation canceled", "observed")
    assert domain.checkpoints.backup is None


def test_the_end_of_another_backup_ends_none() -> None:
    domain = history(defined(), started(), backup())

    Adoption(domain, ALPHA, AT).adopt(replace(ON, backup=BackupSeen("earlier", BackupOutcome.COMPLETED)))

    assert outcome(domain) == []


def test_a_backup_goes_on_over_a_pause() -> None:
    domain = history(defined(), started(), backup())

    Adoption(domain, ALPHA, AT).adopt(replace(ON, state=DomainState.PAUSED))

    assert domain.checkpoints.backup is not None
