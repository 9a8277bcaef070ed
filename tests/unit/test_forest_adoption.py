"""What is seen of a domain's snapshots becomes facts: what came, what went and how, and whether its data is there."""

from dataclasses import replace
from typing import Any

import pytest

from domain_model.domain import Domain
from domain_model.operations import Operation
from domain_model.presence import UNVERIFIED, Presence, Verification
from tests.unit.domain_histories import (
    ALPHA,
    AT,
    BETA,
    OFF,
    adopt,
    defined,
    dump,
    dumps,
    history,
    last,
    operation,
    outcome,
    snapshot,
    tree,
)


def test_new_snapshots_are_recorded_parents_first_and_the_current_one_as_such() -> None:
    domain = history(defined())
    dumped = dumps(dump("c", "b"), dump("b", "a"), dump("a"))
    seen = replace(OFF, snapshots=frozenset("abc"), current="b", dumps=dumped)
    assert adopt(domain, seen) == ["snapshot.created"] * 3
    assert tree(domain) == {"a": None, "b": "a", "c": "b"}
    assert [event.name for event in domain.pending_events if isinstance(event, Domain.SnapshotCreated)] == list("abc")
    assert domain.forest.current_snapshot == domain.forest.named("b")


def test_each_new_snapshot_gets_an_id_of_its_own_even_under_a_name_used_before() -> None:
    domain = history(defined())
    adopt(domain, replace(OFF, snapshots=frozenset("a"), current="a", dumps=dumps(dump("a"))))
    before = domain.forest.named("a").id
    adopt(domain, OFF)
    later = replace(dump("a"), creation_time=1001)
    adopt(domain, replace(OFF, snapshots=frozenset("a"), current="a", dumps=dumps(later)))
    assert domain.forest.named("a").id != before
    assert outcome(domain) == ["snapshot.created", "snapshot.deleted", "snapshot.created"]


def test_a_snapshot_that_somebody_redefines_after_its_metadata_went_is_the_one_it_was() -> None:
    domain = history(defined(), snapshot("a"))
    adopt(domain, OFF)
    assert "a" not in domain.forest
    adopt(domain, replace(OFF, snapshots=frozenset("a"), dumps=dumps(dump("a"))))
    assert outcome(domain) == ["snapshot.deleted", "snapshot.redefined"]
    assert domain.forest.named("a").id == "id-a"


def test_a_snapshot_taken_in_the_second_of_one_that_was_deleted_is_another_one() -> None:
    domain = history(defined(), snapshot("a"))
    adopt(domain, OFF)
    seen = replace(OFF, snapshots=frozenset("a"), current="a", dumps=dumps(dump("a")))
    adopt(domain, seen, operation("snapshot-create", name="a", flags=0))
    assert outcome(domain) == ["snapshot.deleted", "snapshot.created"]
    assert domain.forest.named("a").id != "id-a"


def test_what_an_operation_deleted_with_its_data_is_gone_and_what_went_beside_it_is_only_forgotten() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"), snapshot("x", "a", current=False))
    seen = replace(OFF, snapshots=frozenset("a"), current="a")
    assert adopt(domain, seen, operation("snapshot-delete", name="b", flags=0)) == ["snapshot.deleted"] * 2
    told = [event for event in domain.pending_events if isinstance(event, Domain.SnapshotDeleted)]
    assert [(event.removed[0]["name"], event.data_kept) for event in told] == [("b", False), ("x", True)]
    assert [buried.record.name for buried in domain.forest.grave] == ["x"]


def test_what_a_redefinition_replaces_is_told() -> None:
    domain = history(defined(), snapshot("a"))
    changed = replace(dump("a", None, "header-a2"), inactive_domain="pending")
    seen = replace(OFF, snapshots=frozenset("a"), current="a", dumps=dumps(changed))
    adopt(domain, seen, operation("snapshot-redefine", snapshots=[], flags=1))
    replaced = {"header": "header-a", "domain": "snapshot-domain", "inactive_domain": None}
    assert last(domain, Domain.SnapshotRedefined).replaced == replaced


def test_metadata_that_replaces_nothing_tells_so() -> None:
    domain = history(defined())
    seen = replace(OFF, snapshots=frozenset("a"), dumps=dumps(dump("a")))
    adopt(domain, seen, operation("snapshot-redefine", snapshots=[], flags=1))
    assert last(domain, Domain.SnapshotRedefined).replaced is None


def test_another_current_snapshot_is_recorded() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    assert adopt(domain, replace(OFF, snapshots=frozenset("ab"), current="a")) == ["snapshot.made_current"]
    assert domain.forest.current == "id-a"


def test_that_no_snapshot_is_current_is_recorded() -> None:
    domain = history(defined(), snapshot("a"))
    assert adopt(domain, replace(OFF, snapshots=frozenset("a"))) == ["snapshot.made_current"]
    assert domain.forest.current is None


def test_a_current_snapshot_that_is_not_recorded_and_was_not_dumped_waits_for_the_next_look() -> None:
    domain = history(defined())
    assert adopt(domain, replace(OFF, snapshots=frozenset("a"), current="a")) == []


def test_a_deleted_snapshot_leaves_its_children_to_its_parent_with_the_dumps_that_say_so() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"), snapshot("c", "b", current=False))
    dumped = dumps(dump("c", "a", "header-c2"))
    seen = replace(OFF, snapshots=frozenset("ac"), current="a", dumps=dumped)
    assert adopt(domain, seen) == ["snapshot.deleted"]
    event = last(domain, Domain.SnapshotDeleted)
    assert event.removed == [{"snapshot": "id-b", "name": "b"}]
    assert event.reparented == [{"snapshot": "id-c", "parent": "id-a", "parent_before": "id-b", "header": "header-c2"}]
    assert (event.current_before, event.current, event.metadata_only) == ("id-b", "id-a", False)
    assert tree(domain) == {"a": None, "c": "a"}
    assert domain.forest.named("c").header == "header-c2"


def test_a_deletion_of_several_is_one_fact_parents_first() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"), snapshot("c", "b"))
    adopt(domain, OFF)
    assert [entry["name"] for entry in last(domain, Domain.SnapshotDeleted).removed] == list("abc")
    assert len(domain.forest) == 0


@pytest.mark.parametrize(("flags", "metadata_only"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_deletion_says_whether_only_metadata_went(flags: int, *, metadata_only: bool) -> None:
    domain = history(defined(), snapshot("a"))
    adopt(domain, OFF, operation("snapshot-delete", name="a", flags=flags))
    assert last(domain, Domain.SnapshotDeleted).metadata_only is metadata_only


def test_flags_of_another_verb_are_not_taken_for_those_of_a_deletion() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    seen = replace(OFF, snapshots=frozenset("a"), current="a", dumps=dumps(dump("a", None, "redefined")))
    adopt(domain, seen, operation("snapshot-redefine", snapshots=[], flags=3))
    assert last(domain, Domain.SnapshotDeleted).metadata_only is False


def test_a_deletion_and_a_new_snapshot_below_what_is_left_are_both_recorded() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    seen = replace(OFF, snapshots=frozenset("ac"), current="c", dumps=dumps(dump("c", "a")))
    assert adopt(domain, seen) == ["snapshot.deleted", "snapshot.created"]
    assert tree(domain) == {"a": None, "c": "a"}


def test_a_snapshot_redefined_is_the_same_snapshot_with_its_children() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"), snapshot("c", "b"))
    seen = replace(OFF, snapshots=frozenset("abc"), current="c", dumps=dumps(dump("b", None, "header-b2")))
    assert adopt(domain, seen, operation("snapshot-redefine", snapshots=[], flags=1)) == ["snapshot.redefined"]
    assert tree(domain) == {"a": None, "b": None, "c": "b"}
    assert (domain.forest.named("b").id, domain.forest.named("b").header) == ("id-b", "header-b2")
    assert domain.forest.current == "id-c"


def test_a_redefinition_with_current_makes_it_current_in_the_same_fact() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    seen = replace(OFF, snapshots=frozenset("ab"), current="a", dumps=dumps(dump("a", None, "header-a2")))
    assert adopt(domain, seen, operation("snapshot-redefine", snapshots=[], flags=3)) == ["snapshot.redefined"]
    assert domain.forest.current == "id-a"


def test_making_current_by_an_unchanged_redefinition_is_recorded_as_that() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    seen = replace(OFF, snapshots=frozenset("ab"), current="a", dumps=dumps(dump("a")))
    cause = operation("snapshot-redefine", snapshots=[], flags=3)
    assert adopt(domain, seen, cause) == ["snapshot.made_current"]


def test_metadata_that_is_redefined_anew_is_recorded_as_redefined() -> None:
    domain = history(defined())
    seen = replace(OFF, snapshots=frozenset("a"), dumps=dumps(dump("a")))
    assert adopt(domain, seen, operation("snapshot-redefine", snapshots=[], flags=1)) == ["snapshot.redefined"]


# Whether the data of snapshots is there, and which files there are.

PRESENT, GONE = Verification(Presence.PRESENT), Verification(Presence.MISSING, "no snapshot 'b' in /images/guest.qcow2")
KEPT = (defined(), snapshot("a"), snapshot("b", "a"))


def looked(domain: Domain, told: dict[str, Verification], cause: Operation | None = None, **seen: Any) -> list[str]:
    shown = replace(OFF, snapshots=frozenset("ab"), current="b", presence=told)
    return adopt(domain, replace(shown, **seen), cause)


def test_what_a_look_at_the_images_found_is_recorded_once_and_only_where_it_is_news() -> None:
    domain = history(*KEPT)
    assert looked(domain, {"a": PRESENT, "b": GONE}) == ["snapshot.verified"]
    event = last(domain, Domain.SnapshotsVerified)
    assert (event.present, event.unverified) == (["id-a"], [])
    assert event.missing == [{"snapshot": "id-b", "why": "no snapshot 'b' in /images/guest.qcow2"}]
    looked(domain, {"a": PRESENT, "b": PRESENT})
    assert (last(domain, Domain.SnapshotsVerified).present, domain.forest.presence_of("id-b")) == (["id-b"], PRESENT)


def test_of_images_that_cannot_be_read_now_the_last_word_stands() -> None:
    domain = history(*KEPT)
    looked(domain, {"a": PRESENT, "b": GONE})
    assert looked(domain, {}) == ["snapshot.verified"]
    assert domain.forest.presence_of("id-b") == GONE


def test_a_snapshot_redefined_while_its_images_cannot_be_read_is_verified_no_more() -> None:
    domain = history(*KEPT)
    looked(domain, {"a": PRESENT, "b": PRESENT})
    adopted = looked(domain, {}, dumps=dumps(dump("b", "a", "header-b2")))
    assert adopted == ["snapshot.verified", "snapshot.redefined", "snapshot.verified"]
    assert last(domain, Domain.SnapshotsVerified).unverified == ["id-b"]
    assert domain.forest.presence_of("id-b") == UNVERIFIED
    assert domain.forest.presence_of("id-a") == PRESENT


def test_a_snapshot_that_comes_back_is_unverified_whatever_was_known_of_it() -> None:
    domain = history(*KEPT)
    looked(domain, {"a": PRESENT, "b": GONE})
    adopt(domain, replace(OFF, snapshots=frozenset("a"), current="a"))
    looked(domain, {}, dumps=dumps(dump("b", "a")))
    assert outcome(domain) == ["snapshot.verified", "snapshot.deleted", "snapshot.redefined"]
    assert domain.forest.named("b").id == "id-b"
    assert domain.forest.presence_of("id-b") == UNVERIFIED


def test_a_new_owner_has_images_nobody_looked_at() -> None:
    domain = history(*KEPT, defined(BETA))
    looked(domain, {"a": PRESENT, "b": GONE})
    domain.record(Domain.HandedOver, AT, operation="op", host=BETA, previous=ALPHA)
    assert [domain.forest.presence_of(record.id) for record in domain.forest] == [UNVERIFIED] * 2
