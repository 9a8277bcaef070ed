"""What is seen of a hypervisor becomes facts: exactly what differs from the history, and nothing the second time."""

from dataclasses import replace

import pytest

from domain_model.adoption import Adoption, Observation, record_replica
from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from domain_model.operations import Operation
from domain_model.placements import Images, Role
from tests.unit.domain_histories import (
    ALPHA,
    AT,
    BETA,
    OFF,
    ON,
    Told,
    adopt,
    defined,
    dump,
    dumps,
    entered,
    fact,
    history,
    last,
    operation,
    outcome,
    snapshot,
    started,
    tree,
    undefined,
    updated,
)

TRANSIENT = replace(ON, persistent=False, definition=None)


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
        ((defined(),), replace(OFF, name="renamed", definition="renamed"), ["domain.renamed", "domain.defined"]),
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
        ((started(), entered(Domain.Resumed, DomainState.SHUTOFF, 7, None)), None, ["domain.stopped"]),
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


@pytest.mark.parametrize(
    ("verb", "reason"), [("destroy", 2), ("shutdown", 1), ("save", 5), ("dump", 3), ("snapshot-create", 0)]
)
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


def test_a_new_name_is_told_with_the_one_before() -> None:
    domain = history(defined())
    adopt(domain, replace(OFF, name="renamed", definition="renamed"))
    event = last(domain, Domain.Renamed)
    assert (event.name, event.name_before, domain.name) == ("renamed", "guest", "renamed")


def test_the_files_of_the_disks_are_recorded_when_they_are_others_and_kept_when_nobody_could_look() -> None:
    domain = history(defined())
    images = Images({"vda": ["/images/top.qcow2", "/images/base.qcow2"]}, {"/linked/base.qcow2": "/images/base.qcow2"})
    assert adopt(domain, replace(OFF, images=images)) == ["domain.images_seen"]
    assert adopt(domain, OFF) == ["domain.images_seen"]
    assert domain.placements[ALPHA].images == images
    assert adopt(domain, replace(OFF, images=Images())) == ["domain.images_seen"] * 2


def test_a_transient_domain_that_stops_has_lost_its_forest_and_being_made_again_does_not_bring_it_back() -> None:
    domain = history(started(), snapshot("a"), snapshot("b", "a"))
    assert adopt(domain, None) == ["domain.stopped"]
    assert (len(domain.forest), domain.forest.lost) == (0, ["id-a", "id-b"])
    assert adopt(domain, replace(TRANSIENT, hypervisor_id=2)) == ["domain.stopped", "domain.started"]
    assert domain.forest.lost == ["id-a", "id-b"]


def test_a_transient_domain_made_again_between_two_looks_stopped_in_between() -> None:
    domain = history(started(), snapshot("a"), snapshot("b", "a"))
    assert adopt(domain, replace(TRANSIENT, hypervisor_id=2)) == ["domain.stopped", "domain.started"]
    assert domain.forest.lost == ["id-a", "id-b"]
    agrees(domain, replace(TRANSIENT, hypervisor_id=2))


def test_a_transient_domain_that_somebody_reverted_has_another_process_and_all_its_snapshots() -> None:
    domain = history(started(), snapshot("a"), snapshot("b", "a"))
    seen = replace(TRANSIENT, hypervisor_id=2, snapshots=frozenset("ab"), current="a")
    assert adopt(domain, seen) == ["domain.started", "snapshot.made_current"]
    assert domain.forest.lost == []


def test_a_transient_replica_made_again_has_no_forest_to_lose() -> None:
    domain = history(defined(), snapshot("a"), started(BETA))
    assert adopt(domain, replace(TRANSIENT, hypervisor_id=2), host=BETA) == ["domain.started"]
    assert "a" in domain.forest


def test_an_undefined_domain_has_lost_its_forest_and_a_second_loss_of_nothing_forgets_nothing() -> None:
    domain = history(defined(), snapshot("a"), snapshot("b", "a"))
    adopt(domain, None)
    adopt(domain, OFF)
    adopt(domain, None)
    assert outcome(domain) == ["domain.undefined", "domain.defined", "domain.undefined"]
    assert domain.forest.lost == ["id-a", "id-b"]


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
