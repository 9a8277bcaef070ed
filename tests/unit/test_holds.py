"""A snapshot that is held is not deleted, whoever asks and however, until its hold has come to its end."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain_model import holds
from domain_model.commands import request
from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, NoSnapshot, OperationInvalid
from domain_model.flags import SnapshotDelete, Undefine
from domain_model.operations import Command
from tests.unit.domain_histories import ALPHA, AT, BETA, DOMAIN, HOSTS, defined, history, outcome, snapshot
from tests.unit.stage import Stage

DAY = timedelta(days=1)


def held(name: str = "b", until: timedelta | None = None, **given: Any) -> Domain:
    """A chain of three snapshots, one of which alice holds."""
    domain = history(defined(), defined(BETA), snapshot("a"), snapshot("b", "a"), snapshot("c", "b"))
    end = None if until is None else AT + until
    holds.hold(domain, name, by="alice", until=end, at=AT, **given)
    domain.collect_events()
    return domain


def ask(domain: Domain, verb: str, *, host: str = ALPHA, after: timedelta = timedelta(), **arguments: Any) -> None:
    request(domain, Command("op", verb, host, {"flags": 0, **arguments}), HOSTS, AT + after)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("b", SnapshotDelete(0)),
        ("b", SnapshotDelete.METADATA_ONLY),
        ("b", SnapshotDelete.CHILDREN),
        ("a", SnapshotDelete.CHILDREN),
        ("a", SnapshotDelete.CHILDREN_ONLY),
        ("a", SnapshotDelete.CHILDREN | SnapshotDelete.METADATA_ONLY),
    ],
)
def test_a_held_snapshot_is_not_deleted_and_the_refusal_says_who_holds_it(name: str, flags: SnapshotDelete) -> None:
    domain = held(until=DAY)
    with pytest.raises(OperationInvalid) as refusal:
        ask(domain, "snapshot-delete", name=name, flags=int(flags))
    assert refusal.value.message.endswith(
        "snapshot 'b' of domain 'guest' is held by alice until 2026-01-03 03:04:05 +0000"
    )
    assert (refusal.value.number, refusal.value.field, refusal.value.value) == (55, "snapshot", "b")
    assert refusal.value.accepted == "snapshot-release guest b first"
    assert outcome(domain) == []


@pytest.mark.parametrize("name", ["a", "c"])
def test_the_others_are_deleted_as_ever(name: str) -> None:
    domain = held()
    ask(domain, "snapshot-delete", name=name)
    assert outcome(domain) == ["operation.requested"]


def test_children_only_leaves_the_held_one_itself() -> None:
    domain = held()
    ask(domain, "snapshot-delete", name="b", flags=int(SnapshotDelete.CHILDREN_ONLY))
    assert outcome(domain) == ["operation.requested"]


def test_its_domain_is_not_undefined_but_a_replica_of_it_is() -> None:
    domain = history(defined(), snapshot("a"))
    holds.hold(domain, "a", by="alice", until=None, at=AT)
    domain.collect_events()
    with pytest.raises(OperationInvalid, match="held by alice until it is released"):
        ask(domain, "undefine", flags=int(Undefine.SNAPSHOTS_METADATA))
    replicated = held()
    ask(replicated, "undefine", host=BETA)
    assert outcome(replicated) == ["operation.requested"]


@pytest.mark.parametrize(("after", "free"), [(DAY - timedelta(seconds=1), False), (DAY, True)])
def test_a_hold_ends_at_its_date(after: timedelta, free: bool) -> None:  # noqa: FBT001
    domain = held(until=DAY)
    if not free:
        with pytest.raises(OperationInvalid):
            ask(domain, "snapshot-delete", name="b", after=after)
        return
    ask(domain, "snapshot-delete", name="b", after=after)
    assert outcome(domain) == ["operation.requested"]


def test_whoever_releases_it_ends_the_hold() -> None:
    domain = held()
    holds.release(domain, "b", AT)
    ask(domain, "snapshot-delete", name="b")
    assert outcome(domain) == ["snapshot.released", "operation.requested"]


def test_the_same_hold_again_changes_nothing() -> None:
    domain = held(until=DAY, reason="audit 7", ticket="T-1")
    holds.hold(domain, "b", by="alice", until=AT + DAY, at=AT, reason="audit 7", ticket="T-1")
    assert outcome(domain) == []


@pytest.mark.parametrize(("until", "reason"), [(2 * DAY, "audit 7"), (None, "audit 7"), (DAY, "audit 8")])
def test_who_holds_it_may_hold_it_longer_or_for_another_reason(until: timedelta | None, reason: str | None) -> None:
    domain = held(until=DAY, reason="audit 7")
    end = None if until is None else AT + until
    holds.hold(domain, "b", by="alice", until=end, at=AT, reason=reason)
    assert outcome(domain) == ["snapshot.held"]
    assert domain.holds["id-b"] == holds.Hold("alice", None if end is None else end.isoformat(), reason)


def test_held_longer_without_a_reason_it_is_held_for_the_same() -> None:
    domain = held(until=DAY, reason="audit 7", ticket="T-1")
    holds.hold(domain, "b", by="alice", until=None, at=AT)
    assert domain.holds["id-b"] == holds.Hold("alice", None, "audit 7", "T-1")


@pytest.mark.parametrize(
    ("lasting", "by", "until"),
    [
        (2 * DAY, "alice", DAY),
        (None, "alice", DAY),
        (DAY, "bob", DAY),
        (DAY, "bob", 2 * DAY),
        (DAY, "bob", None),
        (None, "bob", None),
    ],
)
def test_a_hold_is_neither_shortened_nor_replaced_by_somebody_elses(
    lasting: timedelta | None, by: str, until: timedelta | None
) -> None:
    domain = held(until=lasting)
    with pytest.raises(OperationInvalid, match="'b' of domain 'guest' is held by alice until") as refusal:
        holds.hold(domain, "b", by=by, until=None if until is None else AT + until, at=AT)
    accepted = "a later end, or snapshot-release guest b first" if by == "alice" else "snapshot-release guest b first"
    assert (refusal.value.number, refusal.value.accepted) == (55, accepted)
    assert outcome(domain) == []


def test_a_hold_that_is_over_is_in_nobodys_way() -> None:
    domain = held(until=2 * DAY)
    holds.hold(domain, "b", by="bob", until=AT + 3 * DAY, at=AT + 2 * DAY)
    assert outcome(domain) == ["snapshot.held"]


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ({}, ""),
        ({"reason": "audit 7"}, " (audit 7)"),
        ({"ticket": "T-1"}, " (ticket T-1)"),
        ({"reason": "audit 7", "ticket": "T-1"}, " (audit 7, ticket T-1)"),
    ],
)
def test_the_refusal_says_why_it_is_held(why: dict[str, Any], told: str) -> None:
    with pytest.raises(OperationInvalid) as refusal:
        ask(held(**why), "snapshot-delete", name="b")
    assert refusal.value.message.endswith(f"is held by alice until it is released{told}")


def test_what_makes_no_sense_is_refused() -> None:
    domain = held()
    with pytest.raises(NoSnapshot):
        holds.hold(domain, "x", by="alice", until=None, at=AT)
    with pytest.raises(NoSnapshot):
        holds.release(domain, "x", AT)
    with pytest.raises(OperationInvalid, match="snapshot 'a' is not held"):
        holds.release(domain, "a", AT)
    with pytest.raises(InvalidArgument, match="would be over already") as refusal:
        holds.hold(domain, "a", by="alice", until=AT, at=AT)
    assert (refusal.value.field, refusal.value.accepted) == ("until", "a time after 2026-01-02T03:04:05Z")
    assert outcome(domain) == []


def test_a_hold_stays_with_a_snapshot_that_is_lost_and_restored() -> None:
    domain = held()
    domain.forest.lose()
    event, fields = snapshot("b", event=Domain.SnapshotRedefined)
    domain.record(event, AT, **fields)
    with pytest.raises(OperationInvalid, match="held by alice"):
        ask(domain, "snapshot-delete", name="b")


def test_a_snapshot_that_is_held_before_its_deletion_begins_is_not_deleted(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.define()
    stage.snapshot("a")
    queued = stage.ask("snapshot-delete", name="a")
    stage.records.change(
        DOMAIN, lambda domain: holds.hold(domain, "a", by="alice", until=None, at=AT), lead=stage.lead(ALPHA)
    )
    asked = stage.apply(queued)
    assert (asked.state, asked.code) == ("failed", 55)
    assert "a" in stage.domain.forest
