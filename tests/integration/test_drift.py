"""Drift in the whole product: told of, healed by operations, or accepted; and domains that nobody recorded."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, NoDomain
from domain_model.flags import SnapshotCreate, SnapshotDelete, Undefine
from domain_model.forest_adoption import snapshot_fields
from drivers.simulator import SimulatorDriver
from projections.drift import Drift
from projections.loop import ProjectionLoop
from revisor.store.context import Context
from revisor.store.documents import Drafts
from tests.integration.behind import SNAPSHOT, Behind
from tests.integration.product import ALICE, WEB
from tests.integration.test_acknowledging import LOST, LOST_UUID, working
from workers.observer import ELSEWHERE


def test_what_we_did_ourselves_is_no_drift(behind: Behind) -> None:
    behind.product.act("start")
    behind.product.act("snapshot-create", name="first")
    behind.product.act("destroy")
    assert behind.drift() == {}


def test_what_happened_past_revisor_is_told_with_both_positions(behind: Behind) -> None:
    behind.product.act("snapshot-create", name="first")
    left = behind.product.queries.snapshots(behind.product.queries.domains()[0].domain)[0].position
    behind.simulator.start(behind.web)
    behind.simulator.set_autostart(behind.web, autostart=True)
    behind.simulator.snapshot_delete(behind.web, "first", SnapshotDelete.NONE)
    assert behind.drift() == {
        "web state": ("shut off", "running"),
        "web autostart": (False, True),
        "web snapshot first": ("there", "gone"),
        "web current snapshot": ("first", None),
    }
    for item in behind.product.service.drifts.found("web"):
        assert item["recorded_position"] <= left < item["observed_position"], item
        assert item["recorded_at"] < item["observed_at"]


def test_snapshots_are_called_by_name_also_while_their_read_model_is_behind(behind: Behind) -> None:
    behind.product.act("snapshot-create", name="first")
    behind.simulator.snapshot_create(behind.web, SNAPSHOT.format("theirs"), SnapshotCreate.NONE)
    behind.see()
    alone = ProjectionLoop(behind.product.database.pool, behind.product.application.reader, [Drift()])
    while alone.run_once():
        pass
    [current] = [item for item in behind.product.service.drifts.found("web") if item["aspect"] == "current snapshot"]
    assert (current["recorded"], current["observed"]) == ("first", "theirs")


def test_a_domain_undefined_behind_our_back_is_told_of_by_its_name_and_healed_whole(behind: Behind) -> None:
    behind.product.act("snapshot-create", name="first")
    behind.product.act("snapshot-create", name="second")
    behind.product.act("autostart")
    behind.product.act("start")
    behind.simulator.destroy(behind.web)
    behind.simulator.undefine(behind.web, Undefine.SNAPSHOTS_METADATA)
    assert set(behind.drift("web")) == {"web definition", "web state", "web autostart", "web current snapshot"}
    items = behind.heal()
    assert [(item["verb"], item["state"]) for item in items] == [
        ("define", "succeeded"),
        ("replay", "succeeded"),
        ("autostart", "succeeded"),
        ("start", "succeeded"),
    ]
    assert behind.drift() == {}
    assert {item["name"]: item["parent"] for item in behind.product.service.snapshots("web", None)} == {
        "first": None,
        "second": "first",
    }


def test_who_asks_for_what_went_past_revisor_hears_what_tells_of_it(behind: Behind) -> None:
    uuid, service = behind.web, behind.product.service
    behind.look()  # it was defined since the last one, which may have seen it before it was on record
    behind.simulator.undefine(uuid, Undefine.NONE)
    early = behind.product.act("start")
    assert (early["state"], early["error"]["code"]) == ("failed", 42)
    assert service.drifts.found(early["stream"])
    for ref, host, name in (("web", None, "web"), ("web", "alpha", "alpha/web"), (uuid, None, uuid)):
        with pytest.raises(NoDomain) as refusal:
            service.act(ref, host, "start", {}, ALICE)
        assert refusal.value.message.endswith(f"; 'revisor drift {name}' tells what happened past Revisor")
    behind.accept(domain="web")
    with pytest.raises(NoDomain) as refusal:
        service.domain("web", None)
    assert refusal.value.message.endswith("no domain with matching name 'web'")


def test_of_a_name_that_we_took_away_ourselves_nothing_is_told_past_revisor(behind: Behind) -> None:
    behind.look()
    uuid = behind.web
    behind.product.act("domrename", name="shop")
    behind.simulator.set_autostart(uuid, autostart=True)
    assert set(behind.drift("shop")) == {"shop autostart"}
    with pytest.raises(NoDomain) as refusal:
        behind.product.service.domain("web", None)
    assert refusal.value.message.endswith("no domain with matching name 'web'")


@pytest.mark.parametrize(
    ("ours", "theirs", "verbs"),
    [
        (["start"], lambda driver, web: driver.destroy(web), ["start"]),
        (["start"], lambda driver, web: driver.suspend(web), ["resume"]),
        (["start", "suspend"], lambda driver, web: driver.resume(web), ["suspend"]),
        (["start", "suspend"], lambda driver, web: driver.destroy(web), ["start"]),
        ([], lambda driver, web: driver.start(web), ["destroy"]),
        ([], lambda driver, web: driver.set_autostart(web, autostart=True), ["autostart"]),
        ([], lambda driver, web: driver.define(_altered(driver, web)), ["define"]),
        ([], lambda driver, web: driver.rename(web, "other"), ["domrename", "define"]),
    ],
)
def test_ours_wins_by_ordinary_operations_in_the_callers_name(
    behind: Behind, ours: list[str], theirs: Callable[[SimulatorDriver, str], None], verbs: list[str]
) -> None:
    for verb in ours:
        behind.product.act(verb)
    web = behind.web
    theirs(behind.simulator, web)
    assert behind.drift()
    plan = behind.product.service.drifts.heal(ALICE, domain=web, plan=True, destroy=True)
    assert [item["verb"] for item in plan] == verbs
    assert [item["operation"] for item in plan] == [None] * len(plan)
    behind.heal(domain=web, destroy=True)
    assert behind.drift() == {}
    asked = [row for row in behind.product.queries.operations() if row.verb in verbs]
    assert {row.actor for row in asked} == {ALICE.actor}


def _altered(driver: SimulatorDriver, uuid: str) -> str:
    return driver.domain_xml(uuid, inactive=True).replace("64</memory>", "32</memory>")


def differences(behind: Behind) -> dict[str, list[str]]:
    """By aspect the lines that differ, of what is told of web."""
    behind.look()
    return {
        item["aspect"]: [line for line in item["diff"].splitlines()[2:] if not line.startswith(("@@", " "))]
        for item in behind.product.service.drifts.found("web")
        if item["diff"] is not None
    }


def with_password(driver: SimulatorDriver, uuid: str, password: str) -> str:
    graphics = f"<graphics type='vnc' port='-1' passwd='{password}'/>"
    return driver.domain_xml(uuid, inactive=True).replace("</devices>", f"{graphics}\n</devices>")


def test_of_one_domain_it_is_told_in_what_another_definition_differs_without_secrets(behind: Behind) -> None:
    web, before = behind.web, behind.simulator.domain_xml(behind.web, inactive=True)
    behind.simulator.define(with_password(behind.simulator, web, "hunter2"))
    lines = differences(behind)["definition"]
    assert any(line.startswith("+") and "type='vnc'" in line for line in lines), lines
    assert "hunter2" not in "".join(lines)
    assert [item["diff"] for item in behind.product.service.drifts.found()] == [None], "not of a whole fleet"
    behind.simulator.undefine(web)
    behind.simulator.define(before)
    assert differences(behind) == {}


def test_definitions_that_differ_in_secrets_alone_are_told_of_as_such(behind: Behind) -> None:
    text = WEB.replace("<name>web", "<name>other").replace("web.qcow2", "other.qcow2")
    behind.product.define(xml=text.replace("</devices>", "<graphics type='vnc' port='-1' passwd='hunter2'/></devices>"))
    other = next(seen.uuid for seen in behind.simulator.domains() if seen.name == "other")
    shown = behind.simulator.domain_xml(other, inactive=True)
    assert "hunter2" in shown
    behind.simulator.define(shown.replace("hunter2", "swordfish"))
    behind.look()
    [item] = behind.product.service.drifts.found("other")
    assert (item["aspect"], item["diff"]) == ("definition", "")


def redefine_on_record(behind: Behind, before: str, after: str) -> None:
    """A snapshot is observed otherwise: a look dumps one that it knows only when something else makes it."""
    application, web, drafts = behind.product.application, behind.product.queries.domains()[0], Drafts()
    [row] = behind.product.queries.snapshots(web.domain)
    header = drafts.add(application.documents.get(row.header).replace(before, after))

    def decide(domain: Domain) -> None:
        known = domain.forest.named(row.name)
        changed = replace(known, header=header)
        replaced = dict(zip(("header", "domain", "inactive_domain"), known.documents, strict=True))
        fields = {**snapshot_fields(changed), "current": True, "replaced": replaced}
        observed = {"host": web.host, "operation": None, "origin": "observed"}
        domain.record(Domain.SnapshotRedefined, application.now(), **observed, **fields)

    application.change(Domain, web.domain, decide, ALICE, drafts=drafts)


def test_of_one_domain_it_is_told_in_what_a_snapshot_differs(behind: Behind) -> None:
    behind.product.act("snapshot-create", name="first", description="before the move")
    redefine_on_record(behind, "before the move", "nobody knows")
    [lost, found] = differences(behind)["snapshot"]
    assert (lost[0], found[0]) == ("-", "+")
    assert "before the move" in lost
    assert "nobody knows" in found


def test_what_cannot_be_healed_is_said_one_by_one_and_the_rest_is(behind: Behind) -> None:
    behind.product.act("snapshot-create", name="first")
    behind.simulator.snapshot_create(behind.web, SNAPSHOT.format("theirs"), SnapshotCreate.NONE)
    behind.simulator.snapshot_delete(behind.web, "first", SnapshotDelete.METADATA_ONLY)
    behind.look()
    said = {(item["aspect"], item["snapshot"]): (item["verb"], item["why"]) for item in behind.heal()}
    assert said["snapshot", "first"] == ("snapshot-undelete", None)
    verb, why = said["snapshot", "theirs"]
    assert verb is None
    assert "holds data" in why
    assert "web snapshot theirs" in behind.drift()
    assert {item["name"] for item in behind.product.service.snapshots("web", None)} == {"first", "theirs"}


def test_of_a_snapshot_whose_data_went_too_only_metadata_comes_back_and_it_is_told_before_and_after(
    behind: Behind,
) -> None:
    behind.product.act("start")
    behind.product.act("snapshot-create", name="first")
    behind.simulator.snapshot_delete(behind.web, "first", SnapshotDelete.NONE)
    behind.look()
    (planned,) = [each for each in behind.heal(plan=True) if each["aspect"] == "snapshot"]
    assert "only metadata" in planned["note"]
    assert {item["state"] for item in behind.heal()} == {"succeeded"}
    (first,) = behind.product.service.snapshots("web", None)
    assert first["presence"] == "missing"
    assert "holds no snapshot 'first'" in first["why"]


def test_asking_again_under_the_same_request_id_is_the_same_operation(behind: Behind) -> None:
    behind.simulator.start(behind.web)
    behind.look()
    context = Context(ALICE.actor, request_id=uuid4())
    first, second = (behind.product.service.drifts.heal(context, domain="web", destroy=True) for _ in range(2))
    assert first[0]["operation"] == second[0]["operation"] is not None


def test_theirs_wins_by_an_acceptance_that_says_who_and_why(behind: Behind) -> None:
    behind.simulator.start(behind.web)
    behind.look()
    bob = Context("uid:1001(bob)", reason="the night shift did it", ticket="OPS-7")
    [accepted] = behind.accept(bob)
    assert (accepted["aspect"], accepted["observed"]) == ("state", "running")
    assert behind.drift() == {}
    event = next(e for e in behind.product.application.reader.read(0, 1000) if e.topic == "drift.accepted")
    assert (event.actor, event.reason, event.ticket) == (bob.actor, bob.reason, bob.ticket)
    assert event.event.aspects == ["state"]
    assert event.event.position == accepted["observed_position"]
    entry = behind.product.service.log("web", None, 1)[0]
    assert (entry["topic"], entry["summary"], entry["actor"]) == ("drift.accepted", "state", bob.actor)
    assert entry["origin"] == "requested"
    json.dumps(entry["data"])
    behind.simulator.destroy(behind.web)
    assert behind.drift() == {"web state": ("running", "shut off")}


def test_everything_on_a_host_is_never_meant_by_an_omission(behind: Behind) -> None:
    for answer in (behind.product.service.drifts.heal, behind.product.service.drifts.accept):
        for said in (
            {},
            {"host": "alpha"},
            {"everything": True},
            {"domain": "web", "host": "alpha", "everything": True},
        ):
            with pytest.raises(InvalidArgument, match="whose drift"):
                answer(ALICE, **said)


def test_all_domains_of_a_host_are_accepted_together(behind: Behind) -> None:
    other = WEB.replace("<name>web</name>", "<name>other</name>").replace("web.qcow2", "other.qcow2")
    behind.product.define(xml=other)
    for seen in behind.simulator.domains():
        behind.simulator.start(seen.uuid)
    assert set(behind.drift()) == {"web state", "other state"}
    assert len(behind.accept(domain=None, host="alpha", everything=True)) == 2
    assert behind.drift() == {}


def test_a_domain_that_nobody_recorded_is_told_of_and_not_in_the_log(behind: Behind) -> None:
    behind.look()
    head = behind.product.application.reader.head()
    behind.simulator.define(LOST)
    assert behind.drift() == {"lost domain": (None, "unrecorded")}
    assert behind.product.application.reader.head() == head
    [first] = behind.product.service.drifts.found()
    assert "adopt --host alpha" in first["advice"]
    behind.look()
    assert behind.product.service.drifts.found() == [first], "since when it is there is kept"
    assert behind.product.service.drifts.found("web") == []
    behind.simulator.undefine(LOST_UUID)
    assert behind.drift() == {}


def test_a_domain_the_log_has_on_another_host_is_foreign_and_is_never_adopted(behind: Behind, tmp_path: Path) -> None:
    beta = SimulatorDriver(tmp_path / "beta.sqlite", "beta")
    behind.product.add_host("beta", beta)
    beta.define(behind.simulator.domain_xml(behind.web, inactive=True))
    assert behind.drift() == {"web domain": ("on alpha", "foreign")}
    [item] = behind.product.service.drifts.found(host="beta")
    assert (item["role"], item["advice"]) == ("foreign", ELSEWHERE)
    [left] = working(behind.product, lambda: behind.product.service.adopting.adopt("beta", ALICE))
    assert (left["adopted"], left["why"]) == (False, ELSEWHERE)
    assert behind.drift() == {"web domain": ("on alpha", "foreign")}


def test_adopting_takes_in_those_whose_name_matches_with_their_trees_and_leaves_no_drift(behind: Behind) -> None:
    other = LOST.replace("<name>lost</name>", "<name>other</name>").replace(LOST_UUID, str(uuid4()))
    for xml in (LOST, other.replace("lost", "other")):
        behind.simulator.define(xml)
    for name in ("first", "second"):
        behind.simulator.snapshot_create(LOST_UUID, SNAPSHOT.format(name), SnapshotCreate.NONE)
    behind.simulator.start(LOST_UUID)
    [taken] = working(behind.product, lambda: behind.product.service.adopting.adopt("alpha", ALICE, name="l?st"))
    assert (taken["domain"], taken["adopted"], taken["why"]) == ("lost", True, None)
    tree = {item["name"]: item["parent"] for item in behind.product.service.snapshots("lost", None)}
    assert tree == {"first": None, "second": "first"}
    assert behind.drift() == {"other domain": (None, "unrecorded")}
    [rest] = working(behind.product, lambda: behind.product.service.adopting.adopt("alpha", ALICE))
    assert rest["domain"] == "other"
    assert working(behind.product, lambda: behind.product.service.adopting.adopt("alpha", ALICE)) == []
    assert behind.drift() == {}
