"""Replay makes a replica that reads back as recorded, whatever was on the target before, and touches nothing twice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from domain_model import snapshot_xml
from domain_model.domain import Domain
from domain_model.errors import Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete, Undefine
from domain_model.placements import Role
from drivers.port import DomainSighting
from tests.unit.domain_histories import ALPHA, AT, BETA, DOMAIN, GAMMA, UUID_TEXT, stopped, undefined
from tests.unit.stage import PASSWORD, Stage, agree, altered, definition, untouchable, without

CHANGES = ("define", "create", "undefine", "start", "destroy", "snapshot_create", "snapshot_revert", "snapshot_delete")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def grown(stage: Stage) -> Stage:
    """A running guest with the tree a > b > (c, d), a > e, with e current."""
    stage.grow()
    return stage


def facts_of_replay(stage: Stage) -> list[str]:
    """What the last operation recorded between its start and its end."""
    topics = stage.topics
    start = len(topics) - topics[::-1].index("operation.started")
    return [topic for topic in topics[start:] if not topic.startswith("operation.")]


def redefine(stage: Stage, host: str, name: str, change: Callable[[str], str], flags: int = 1) -> None:
    """Redefine a snapshot behind Revisor's back."""
    text = change(stage.drivers[host].snapshot_xml(UUID_TEXT, name))
    stage.drivers[host].snapshot_create(UUID_TEXT, text, SnapshotCreate(flags))


def test_a_replay_makes_a_replica_that_reads_back_identical(grown: Stage) -> None:
    replay = grown.replay()
    assert replay.state == "succeeded"
    result = replay.event.result
    assert (result["identical"], result["total"]) == (5, 5)
    assert result["definition"] == {"result": "identical", "differences": []}
    assert result["current"] == {"recorded": "e", "found": "e"}
    assert {entry["result"] for entry in result["snapshots"]} == {"identical"}
    assert facts_of_replay(grown) == ["domain.defined", *["snapshot.redefined"] * 5, "replica.verified"]
    assert grown.domain.placements[BETA].role is Role.REPLICA
    agree(grown)


def test_the_facts_of_a_replay_name_the_target_and_come_parents_first(grown: Stage) -> None:
    grown.replay()
    redefined = [event for event in grown.records.events(DOMAIN) if isinstance(event, Domain.SnapshotRedefined)]
    assert {event.host for event in redefined} == {BETA}
    seen: set[str | None] = {None}
    for event in redefined:
        assert event.parent in seen
        seen.add(event.snapshot)


def test_secrets_reach_the_target_and_no_document(grown: Stage) -> None:
    grown.replay()
    assert PASSWORD in grown.drivers[BETA].domain_xml(UUID_TEXT, inactive=True)
    assert all(PASSWORD in dump for dump in grown.dumps(BETA).values())
    assert not [text for text in grown.records.documents.values() if PASSWORD in text]


def test_a_replay_tells_how_far_it_is(grown: Stage) -> None:
    grown.replay()
    assert grown.records.told[-1] == (5, 5)


def test_running_it_again_touches_nothing_and_records_no_fact(grown: Stage) -> None:
    grown.replay()
    again = grown.replay(driver=untouchable(grown.drivers[BETA], *CHANGES))
    assert again.state == "succeeded"
    assert facts_of_replay(grown) == []
    agree(grown)


def test_a_new_snapshot_is_replayed_alone(grown: Stage) -> None:
    grown.replay()
    grown.snapshot("f")
    assert grown.replay().state == "succeeded"
    assert facts_of_replay(grown) == ["snapshot.redefined", "replica.verified"]
    agree(grown)


def test_another_current_snapshot_is_all_that_is_replayed(grown: Stage) -> None:
    grown.replay()
    redefine(grown, ALPHA, "c", str, flags=3)
    grown.observe()
    assert grown.replay().state == "succeeded"
    assert facts_of_replay(grown) == ["snapshot.made_current", "replica.verified"]
    agree(grown)


def test_a_snapshot_redefined_at_the_source_is_replayed(grown: Stage) -> None:
    grown.replay()
    text = grown.drivers[ALPHA].snapshot_xml(UUID_TEXT, "b").replace("the b one", "better")
    assert grown.redefine(text).event.result == {"snapshot": "b", "snapshots": ["b"]}
    assert grown.replay().state == "succeeded"
    assert facts_of_replay(grown) == ["snapshot.redefined", "replica.verified"]
    agree(grown)


@pytest.mark.parametrize(
    ("name", "flags", "gone"),
    [
        ("b", 0, {"b"}),
        ("b", SnapshotDelete.CHILDREN, {"b", "c", "d"}),
        ("b", SnapshotDelete.CHILDREN_ONLY, {"c", "d"}),
        ("e", 0, {"e"}),
        ("a", 0, {"a"}),
    ],
)
def test_snapshots_deleted_at_the_source_are_taken_off_the_replica(
    grown: Stage, name: str, flags: int, gone: set[str]
) -> None:
    grown.replay()
    assert grown.delete(name, int(flags)).state == "succeeded"
    assert grown.replay().state == "succeeded"
    assert set(grown.dumps(BETA)) == set("abcde") - gone
    assert facts_of_replay(grown)[0] == "snapshot.deleted"
    agree(grown)


def test_what_is_taken_off_one_replica_is_recorded_once_and_for_that_one(grown: Stage) -> None:
    grown.replay(BETA)
    grown.replay(GAMMA)
    grown.delete("c")
    assert grown.replay(BETA).state == "succeeded"
    deleted = [event for event in grown.records.events(DOMAIN) if isinstance(event, Domain.SnapshotDeleted)]
    assert [(event.host, len(event.removed)) for event in deleted] == [(ALPHA, 1), (BETA, 1)]
    assert len(grown.domain.placements[GAMMA].replicated) == 5


def test_the_deletion_of_the_only_root_leaves_no_current_snapshot_on_the_replica_either(stage: Stage) -> None:
    stage.define()
    stage.snapshot("a", "b")
    assert stage.revert("a").state == "succeeded"
    stage.replay()
    stage.delete("a")
    assert stage.seen(ALPHA).current_snapshot is None
    assert stage.replay().state == "succeeded"
    agree(stage)


def test_a_replica_with_a_current_snapshot_loses_it_when_the_source_has_none(stage: Stage) -> None:
    stage.define()
    stage.snapshot("a", "b", "c")
    stage.replay()
    redefine(stage, ALPHA, "a", lambda text: snapshot_xml.with_name(text, "x"), flags=3)
    stage.drivers[ALPHA].snapshot_delete(UUID_TEXT, "x", SnapshotDelete.NONE)
    stage.observe()
    assert (stage.seen(ALPHA).current_snapshot, stage.domain.forest.current) == (None, None)
    assert stage.replay().state == "succeeded"
    agree(stage)


def test_a_snapshot_taken_anew_in_another_state_replaces_the_one_that_bore_its_name(grown: Stage) -> None:
    grown.replay()
    grown.delete("e")
    assert grown.do("destroy").state == "succeeded"
    grown.snapshot("e")
    assert grown.replay().state == "succeeded"
    agree(grown)


def test_a_snapshot_taken_anew_of_a_bigger_machine_replaces_the_one_that_bore_its_name(stage: Stage) -> None:
    stage.define()
    stage.snapshot("a", "b", "c")
    stage.replay()
    stage.delete("b")
    assert stage.do("define", name="guest", xml=definition(memory_mib=32)).state == "succeeded"
    stage.snapshot("b")
    assert stage.replay().state == "succeeded"
    agree(stage)


def test_what_hung_below_a_snapshot_in_the_way_is_put_back_in_its_place(grown: Stage) -> None:
    grown.replay()
    text = grown.drivers[BETA].snapshot_xml(UUID_TEXT, "b")
    text = text.replace("<state>running</state>", "<state>shutoff</state>").replace(
        "snapshot='internal'", "snapshot='no'", 1
    )
    grown.drivers[BETA].snapshot_delete(UUID_TEXT, "b", SnapshotDelete.METADATA_ONLY)
    grown.drivers[BETA].snapshot_create(UUID_TEXT, text, SnapshotCreate.REDEFINE)
    for child in "cd":
        redefine(grown, BETA, child, lambda dump: dump.replace("<name>a</name>", "<name>b</name>"))
    assert grown.replay().state == "succeeded"
    agree(grown)


def test_a_definition_changed_at_the_source_is_defined_on_the_target(stage: Stage) -> None:
    stage.define()
    stage.replay()
    stage.do("define", name="guest", xml=definition(memory_mib=32))
    assert stage.replay().state == "succeeded"
    assert stage.drivers[BETA].domain_xml(UUID_TEXT, inactive=True) == definition(memory_mib=32)
    agree(stage)


def test_a_replica_changed_behind_revisors_back_is_brought_in_line(grown: Stage) -> None:
    grown.replay()
    beta = grown.drivers[BETA]
    beta.define(definition().replace("<os>", "<title>mine</title>\n  <os>"))
    beta.snapshot_delete(UUID_TEXT, "b", SnapshotDelete.METADATA_ONLY)
    redefine(grown, BETA, "c", lambda text: text.replace("the c one", "a lie"))
    redefine(grown, BETA, "d", lambda text: snapshot_xml.with_name(text, "stranger"), flags=3)
    assert grown.replay().state == "succeeded"
    agree(grown)


def test_a_hypervisor_that_deletes_only_whole_snapshots_of_metadata_is_asked_so(grown: Stage) -> None:
    beta = without("delete_metadata_only", grown.drivers[BETA])
    grown.replay(driver=beta)
    grown.delete("c")
    assert grown.replay(driver=beta).state == "succeeded"
    agree(grown)


def test_a_hypervisor_that_cannot_redefine_is_refused_with_8_and_left_alone(grown: Stage) -> None:
    replay = grown.replay(driver=without("redefine", grown.drivers[BETA]))
    assert (replay.state, replay.code) == ("failed", 8)
    assert grown.drivers[BETA].domains() == []
    assert list(grown.domain.placements) == [ALPHA]


def test_a_foreign_domain_under_the_uuid_is_refused_with_55_each_time_and_never_taken_for_a_replica(
    grown: Stage,
) -> None:
    theirs = definition("theirs")
    grown.drivers[BETA].define(theirs)
    for _ in range(2):
        replay = grown.replay()
        assert (replay.state, replay.code) == ("failed", 55)
        assert list(grown.domain.placements) == [ALPHA]
    assert grown.drivers[BETA].domain_xml(UUID_TEXT, inactive=True) == theirs
    assert grown.seen(BETA).snapshots == ()


def test_a_running_replica_is_refused_with_55_and_left_alone(grown: Stage) -> None:
    grown.replay()
    grown.drivers[BETA].start(UUID_TEXT)
    grown.snapshot("f")
    replay = grown.replay()
    assert (replay.state, replay.code) == ("failed", 55)
    assert set(grown.dumps(BETA)) == set("abcde")


def test_a_domain_that_is_gone_when_the_replays_turn_comes_is_refused_with_42(grown: Stage) -> None:
    asked = grown.ask("replay", BETA, name="guest")
    alpha = grown.drivers[ALPHA]
    alpha.destroy(UUID_TEXT)
    alpha.undefine(UUID_TEXT, Undefine.SNAPSHOTS_METADATA)
    domain = grown.domain
    for event, fields in (stopped(), undefined()):
        domain.record(event, AT, **fields)
    grown.records.append(domain, {})
    replay = grown.apply(asked)
    assert (replay.state, replay.code) == ("failed", 42)
    assert grown.drivers[BETA].domains() == []


def test_a_target_that_keeps_something_else_fails_with_9_a_report_and_no_verification(grown: Stage) -> None:
    beta = grown.drivers[BETA]

    def deaf(uuid: str) -> dict[str, str]:
        return {name: xml.replace("the c one", "something else") for name, xml in beta.snapshot_dumps(uuid).items()}

    replay = grown.replay(driver=altered(beta, snapshot_dumps=deaf))
    assert (replay.state, replay.code) == ("failed", 9)
    assert replay.event.message.endswith("differs: 4 of 5 snapshots agree")
    (entry,) = [entry for entry in replay.event.result["snapshots"] if entry["result"] != "identical"]
    assert (entry["name"], entry["result"]) == ("c", "different")
    assert entry["differences"] == [
        {"path": "domainsnapshot/description/text()", "recorded": "the c one", "found": "something else"}
    ]
    assert grown.domain.placements[BETA].verified is None


def test_a_target_whose_definition_or_current_snapshot_alone_differs_is_said_to(grown: Stage) -> None:
    beta = grown.drivers[BETA]

    def other_memory(uuid: str, *, inactive: bool) -> str:
        return beta.domain_xml(uuid, inactive=inactive).replace("16384", "32768")

    def none_current(uuid: str) -> DomainSighting | None:
        seen = beta.domain(uuid)
        return None if seen is None else replace(seen, current_snapshot=None)

    replay = grown.replay(driver=altered(beta, domain_xml=other_memory))
    assert replay.event.message.endswith("differs: its definition does not agree")
    replay = grown.replay(driver=altered(beta, domain=none_current))
    assert replay.event.message.endswith("differs: another snapshot is the current one")


def test_a_target_with_checkpoints_of_its_own_is_refused_with_84_and_left_alone(grown: Stage) -> None:
    assert grown.replay().state == "succeeded"
    beta = altered(grown.drivers[BETA], checkpoints=lambda _: ["c1"])
    replay = grown.replay(driver=untouchable(beta, *CHANGES))
    assert (replay.state, replay.code) == ("failed", 84)
    assert "still has 1 checkpoints on the target host" in replay.event.message


def test_a_verified_replica_that_is_found_to_differ_is_not_verified_any_more(grown: Stage) -> None:
    grown.replay()
    beta = grown.drivers[BETA]

    def deaf(uuid: str) -> dict[str, str]:
        return {name: xml.replace("the c one", "something else") for name, xml in beta.snapshot_dumps(uuid).items()}

    assert grown.replay(driver=altered(beta, snapshot_dumps=deaf)).state == "failed"
    with pytest.raises(Refused):
        grown.ask("handover", to=BETA)


def test_a_domain_renamed_at_the_source_is_renamed_on_the_target_with_its_snapshots(grown: Stage) -> None:
    assert grown.do("destroy").state == "succeeded"
    grown.replay()
    assert grown.do("domrename", name="renamed").state == "succeeded"
    assert facts_of_replay(grown) == ["domain.renamed", "domain.defined"]
    assert grown.do("replay", BETA, name="renamed").state == "succeeded"
    assert (grown.seen(BETA).name, grown.domain.placements[BETA].name) == ("renamed", "renamed")
    agree(grown)
