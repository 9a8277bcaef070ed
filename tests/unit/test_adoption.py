"""What is seen of a hypervisor becomes facts: exactly what differs from the history, and nothing the second time."""

from dataclasses import replace
from typing import Any

import pytest

from domain_model.adoption import Adoption, Observation, record_replica
from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from domain_model.operations import Operation
from domain_model.placements import Role
from tests.unit.domain_histories import (
    ALPHA,
    AT,
    BETA,
    OFF,
    ON,
    Told,
    defined,
    dump,
    dumps,
    entered,
    fact,
    history,
    last,
    outcome,
    snapshot,
    started,
    stopped,
    undefined,
    updated,
)

TRANSIENT = replace(ON, persistent=False, definition=None)


def operation(verb: str, **arguments: Any) -> Operation:
    return Operation("op", verb, ALPHA, arguments, started=True)


def adopt(domain: Domain, seen: Observation | None, cause: Operation | None = None, host: str = ALPHA) -> list[str]:
    """The topics of what was adopted; adopting the same again must record nothing."""
    Adoption(domain, host, AT, cause).adopt(seen)
    adopted = outcome(domain)
    Adoption(domain, host, AT, cause).adopt(seen)
    assert outcome(domain) == adopted, "adopting the same observation twice recorded something"
    return adopted


def tree(domain: Domain) -> dict[str, str | None]:
    return {record.name: domain.forest.parent_name(record) for record in domain.forest}


RUNNING, PAUSED, SHUTDOWN = DomainState.RUNNING, DomainState.PAUSED, DomainState.SHUTDOWN
CRASHED, ASLEEP = DomainState.CRASHED, DomainState.PMSUSPENDED


@pytest.mark.parametrize(
    ("told", "seen", "topics"),
    [
        ((), OFF, ["domain.defined"]),
        ((), ON, ["domain.defined", "domain.started"]),
        ((), TRANSIENT, ["domain.started"]),
        ((), None, []),
        ((defined(),), OFF, []),
        ((defined(),), replace(OFF, reason=8), []),
        ((defined(),), ON, ["domain.started"]),
        ((defined(),), None, ["domain.undefined"]),
        ((defined(),), replace(OFF, definition="another"), ["domain.defined"]),
        ((defined(),), replace(OFF, name="renamed", definition="renamed"), ["domain.defined"]),
        ((defined(), started()), ON, []),
        ((defined(), started()), OFF, ["domain.stopped"]),
        ((defined(), started()), None, ["domain.stopped", "domain.undefined"]),
        ((defined(), started()), TRANSIENT, ["domain.undefined"]),
        ((defined(), started()), replace(ON, hypervisor_id=2), ["domain.started"]),
        ((defined(), started()), replace(ON, live="changed"), ["domain.live_changed"]),
        ((defined(), started()), replace(ON, definition="next boot"), ["domain.defined"]),
        ((defined(), started()), replace(ON, reason=5), ["domain.resumed"]),
        ((defined(), started()), replace(ON, state=PAUSED), ["domain.suspended"]),
        ((defined(), started()), replace(ON, state=SHUTDOWN), ["domain.shutting_down"]),
        ((defined(), started()), replace(ON, state=CRASHED), ["domain.crashed"]),
        ((defined(), started()), replace(ON, state=ASLEEP, reason=0), ["domain.pmsuspended"]),
        ((defined(), started(), entered(Domain.Suspended, PAUSED)), ON, ["domain.resumed"]),
        ((defined(), started(), entered(Domain.Suspended, PAUSED)), OFF, ["domain.stopped"]),
        ((started(),), TRANSIENT, []),
        ((started(),), None, ["domain.stopped"]),
        ((started(),), ON, ["domain.defined"]),
        ((started(),), OFF, ["domain.defined", "domain.stopped"]),
        ((defined(),), TRANSIENT, ["domain.started", "domain.undefined"]),
        ((defined(),), replace(OFF, autostart=True), ["domain.updated"]),
        ((defined(),), replace(OFF, managed_save=True), ["domain.updated"]),
        ((defined(), updated(autostart=True, managed_save=True)), OFF, ["domain.updated"]),
    ],
)
def test_what_differs_is_recorded(told: tuple[Told, ...], seen: Observation | None, topics: list[str]) -> None:
    domain = history(*told)
    assert adopt(domain, seen) == topics
    agrees(domain, seen)


def agrees(domain: Domain, seen: Observation | None) -> None:
    """Check that the domain is now recorded as it was seen."""
    placement = domain.placements.get(ALPHA)
    if seen is None:
        assert placement is None
        return
    assert placement is not None
    recorded = (placement.name, placement.persistent, placement.definition, placement.hypervisor_id, placement.live)
    assert recorded == (seen.name, seen.persistent, seen.definition, seen.hypervisor_id, seen.live)
    assert (placement.state, placement.autostart, placement.managed_save) == (
        seen.state,
        seen.autostart,
        seen.managed_save,
    )


def test_a_fact_nobody_asked_for_is_of_observed_origin() -> None:
    domain = history(defined())
    adopt(domain, ON)
    event = last(domain, Domain.Started)
    assert (event.origin, event.operation, event.host) == ("observed", None, ALPHA)


def test_a_fact_an_operation_brought_about_names_it() -> None:
    domain = history(defined())
    adopt(domain, ON, operation("start"))
    event = last(domain, Domain.Started)
    assert (event.origin, event.operation) == ("operation", "op")


@pytest.mark.parametrize(("verb", "reason"), [("destroy", 2), ("shutdown", 1), ("snapshot-create", 0)])
def test_a_transient_domain_that_is_gone_stopped_for_the_reason_its_operation_gives(verb: str, reason: int) -> None:
    domain = history(started())
    adopt(domain, None, operation(verb))
    assert last(domain, Domain.Stopped).reason == reason


def test_a_domain_started_and_undefined_between_two_looks_keeps_its_snapshots() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    seen = replace(TRANSIENT, snapshots=frozenset("ab"), current="b")
    assert adopt(domain, seen) == ["domain.started", "domain.undefined"]
    assert tree(domain) == {"a": None, "b": "a"}
    assert domain.forest.current == "id-b"


def test_a_revert_is_recorded_with_the_state_it_led_to_and_nothing_is_left_to_adopt() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    seen = replace(ON, reason=4, snapshots=frozenset("ab"), current="a")
    Adoption(domain, ALPHA, AT, operation("snapshot-revert")).reverted(domain.forest.named("a"), seen)
    assert outcome(domain) == ["snapshot.reverted"]
    assert adopt(domain, seen) == ["snapshot.reverted"]
    agrees(domain, seen)
    assert domain.forest.current == "id-a"


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
    first = replace(OFF, snapshots=frozenset("a"), current="a", dumps=dumps(dump("a")))
    adopt(domain, first)
    before = domain.forest.named("a").id
    adopt(domain, OFF)
    adopt(domain, first)
    assert domain.forest.named("a").id != before


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
    adopt(domain, seen, operation("snapshot-redefine", name="a", flags=3))
    assert last(domain, Domain.SnapshotDeleted).metadata_only is False


def test_a_deletion_and_a_new_snapshot_below_what_is_left_are_both_recorded() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    seen = replace(OFF, snapshots=frozenset("ac"), current="c", dumps=dumps(dump("c", "a")))
    assert adopt(domain, seen) == ["snapshot.deleted", "snapshot.created"]
    assert tree(domain) == {"a": None, "c": "a"}


def test_a_snapshot_redefined_is_the_same_snapshot_with_its_children() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"), snapshot("c", "b"))
    seen = replace(OFF, snapshots=frozenset("abc"), current="c", dumps=dumps(dump("b", None, "header-b2")))
    assert adopt(domain, seen, operation("snapshot-redefine", name="b", flags=1)) == ["snapshot.redefined"]
    assert tree(domain) == {"a": None, "b": None, "c": "b"}
    assert (domain.forest.named("b").id, domain.forest.named("b").header) == ("id-b", "header-b2")
    assert domain.forest.current == "id-c"


def test_a_redefinition_with_current_makes_it_current_in_the_same_fact() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    seen = replace(OFF, snapshots=frozenset("ab"), current="a", dumps=dumps(dump("a", None, "header-a2")))
    assert adopt(domain, seen, operation("snapshot-redefine", name="a", flags=3)) == ["snapshot.redefined"]
    assert domain.forest.current == "id-a"


def test_making_current_by_an_unchanged_redefinition_is_recorded_as_that() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    seen = replace(OFF, snapshots=frozenset("ab"), current="a", dumps=dumps(dump("a")))
    cause = operation("snapshot-redefine", name="a", flags=3)
    assert adopt(domain, seen, cause) == ["snapshot.made_current"]


def test_metadata_that_is_redefined_anew_is_recorded_as_redefined() -> None:
    domain = history(defined())
    seen = replace(OFF, snapshots=frozenset("a"), dumps=dumps(dump("a")))
    assert adopt(domain, seen, operation("snapshot-redefine", name="a", flags=1)) == ["snapshot.redefined"]


def test_a_transient_domain_made_again_has_lost_its_snapshots() -> None:
    domain = history(started(), snapshot("a"), stopped())
    assert "a" in domain.forest
    assert adopt(domain, replace(TRANSIENT, hypervisor_id=2)) == ["domain.started", "snapshot.deleted"]


# Replicas.

OWNER = (defined(), snapshot("a"), snapshot("b", "a"))


def test_a_definition_seen_beside_an_owner_is_a_replica_and_its_snapshots_are_not_the_forest() -> None:
    domain = history(*OWNER)
    seen = replace(OFF, snapshots=frozenset("ax"), current="x", dumps=dumps(dump("x", "a")))
    assert adopt(domain, seen, host=BETA) == ["domain.defined"]
    assert domain.placements[BETA].role is Role.REPLICA
    assert tree(domain) == {"a": None, "b": "a"}
    assert domain.forest.current == "id-b"


def test_a_replica_that_is_gone_is_no_placement_any_more() -> None:
    domain = history(*OWNER, defined(BETA))
    assert adopt(domain, None, host=BETA) == ["domain.undefined"]
    assert list(domain.placements) == [ALPHA]
    assert len(domain.forest) == 2


def test_the_start_of_a_replica_is_adopted_and_not_hidden() -> None:
    domain = history(*OWNER, defined(BETA))
    assert adopt(domain, ON, host=BETA) == ["domain.started"]
    assert domain.placements[BETA].active
    assert domain.placements[BETA].role is Role.REPLICA


REPLAY = Operation("op", "replay", BETA, {"name": "guest"}, started=True)


def replicate(domain: Domain, removed: list[str]) -> list[str]:
    record_replica(domain, domain.forest, Adoption(domain, BETA, AT, REPLAY), BETA, removed=removed, missing=set())
    return outcome(domain)


def test_a_replay_is_recorded_as_one_redefinition_a_snapshot_parents_first_and_the_second_time_as_nothing() -> None:
    domain = history(*OWNER, defined(BETA))
    assert replicate(domain, []) == ["snapshot.redefined", "snapshot.redefined"]
    assert [getattr(event, "name", "") for event in domain.pending_events] == ["a", "b"]
    assert [getattr(event, "host", "") for event in domain.pending_events] == [BETA, BETA]
    assert domain.placements[BETA].replicated_current == "id-b"
    assert replicate(domain, []) == ["snapshot.redefined", "snapshot.redefined"]
    assert tree(domain) == {"a": None, "b": "a"}


def test_a_replay_after_a_new_snapshot_records_that_one_only() -> None:
    domain = history(*OWNER, defined(BETA))
    replicate(domain, [])
    event, fields = snapshot("c", "a")
    domain.record(event, AT, **fields)
    domain.collect_events()
    assert replicate(domain, []) == ["snapshot.redefined"]
    assert domain.placements[BETA].replicated_current == "id-c"


def test_a_replay_after_a_deletion_records_what_was_taken_off_the_replica_once() -> None:
    domain = history(*OWNER, defined(BETA))
    replicate(domain, [])
    adopt(domain, replace(OFF, snapshots=frozenset("a"), current="a"))
    domain.collect_events()
    assert replicate(domain, ["id-b", "id-b"]) == ["snapshot.deleted", "snapshot.made_current"]
    event = last(domain, Domain.SnapshotDeleted)
    assert (event.host, event.removed) == (BETA, [{"snapshot": "id-b", "name": None}])
    assert set(domain.placements[BETA].replicated) == {"id-a"}


def test_a_replay_after_another_snapshot_became_current_records_just_that() -> None:
    domain = history(*OWNER, defined(BETA))
    replicate(domain, [])
    event, fields = fact(Domain.SnapshotMadeCurrent, snapshot="id-a", name="a")
    domain.record(event, AT, **fields)
    domain.collect_events()
    assert replicate(domain, []) == ["snapshot.made_current"]
    assert domain.placements[BETA].replicated_current == "id-a"


def test_undefining_an_owner_that_was_undefined_already_is_nothing() -> None:
    assert adopt(history(defined(), undefined()), None) == []
