"""Answers to drift that are given again under their request id, and drift that came just before an operation."""

from uuid import uuid4

import pytest

from domain_model.errors import InvalidArgument
from domain_model.flags import SnapshotCreate, SnapshotDelete, Undefine
from revisor.store.context import Context
from tests.integration.behind import SNAPSHOT, Behind
from tests.integration.product import ALICE, WEB

OTHER = WEB.replace("<name>web</name>", "<name>other</name>").replace("web.qcow2", "other.qcow2")


def again() -> Context:
    return Context(ALICE.actor, request_id=uuid4())


def accepted(behind: Behind) -> int:
    return sum(event.topic == "drift.accepted" for event in behind.product.application.reader.read(0, 1000))


def test_accepting_again_under_the_same_request_id_accepts_nothing_that_came_since(behind: Behind) -> None:
    context = again()
    behind.simulator.start(behind.web)
    behind.look()
    assert [item["aspect"] for item in behind.accept(context)] == ["state"]
    assert behind.accept(context) == []
    behind.simulator.destroy(behind.web)
    behind.look()
    assert behind.accept(context) == []
    assert behind.drift() == {"web state": ("running", "shut off")}
    assert accepted(behind) == 1
    assert behind.accept(again()) != []


def test_an_answer_that_found_nothing_does_nothing_about_what_comes_later(behind: Behind) -> None:
    behind.look()
    accepting, healing = again(), again()
    assert behind.accept(accepting) == []
    assert behind.heal(context=healing) == []
    behind.simulator.start(behind.web)
    behind.look()
    assert behind.accept(accepting) == []
    assert behind.heal(context=healing, destroy=True) == []
    assert behind.drift() == {"web state": ("shut off", "running")}
    with pytest.raises(InvalidArgument, match="used for another command"):
        behind.accept(healing)


def test_another_command_under_the_request_id_of_a_healing_is_refused(behind: Behind) -> None:
    behind.product.act("start")
    behind.simulator.destroy(behind.web)
    behind.look()
    context = again()
    behind.heal(context=context)
    with pytest.raises(InvalidArgument, match="used for another command"):
        behind.product.service.act("web", None, "destroy", {}, context)


def test_an_acceptance_that_was_cut_off_goes_on_with_what_was_there_by_then(behind: Behind) -> None:
    behind.product.define(xml=OTHER)
    for seen in behind.simulator.domains():
        behind.simulator.start(seen.uuid)
    behind.look()
    context, drifts = again(), behind.product.service.drifts
    change = behind.product.application.change
    asked = []

    def cut_off(*given: object, **more: object) -> int:
        asked.append(given)
        if len(asked) > 1:
            raise ConnectionError("the database is away")
        return change(*given, **more)  # type: ignore[arg-type]

    behind.product.application.change = cut_off  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        drifts.accept(context, host="alpha", everything=True)
    behind.product.application.change = change  # type: ignore[method-assign]
    [rest] = drifts.accept(context, host="alpha", everything=True)
    assert rest["domain"] == "web"
    assert (behind.drift(), accepted(behind)) == ({}, 2)


def test_another_command_under_the_request_id_of_an_acceptance_is_refused(behind: Behind) -> None:
    behind.product.define(xml=OTHER)
    for seen in behind.simulator.domains():
        behind.simulator.start(seen.uuid)
    behind.look()
    context = again()
    behind.accept(context)
    service = behind.product.service
    for another in (
        lambda: service.drifts.accept(context, domain="other"),
        lambda: service.drifts.heal(context, domain="other"),
        lambda: service.act("web", None, "destroy", {}, context),
    ):
        with pytest.raises(InvalidArgument, match="used for another command"):
            another()
    assert set(behind.drift()) == {"other state"}


def test_healing_again_under_the_same_request_id_asks_for_nothing_that_came_since(behind: Behind) -> None:
    behind.product.act("start")
    behind.simulator.destroy(behind.web)
    behind.look()
    context = again()
    first = behind.product.service.drifts.heal(context, domain="web")
    assert behind.heal(context=context)[0]["operation"] == first[0]["operation"]
    behind.simulator.set_autostart(behind.web, autostart=True)
    behind.simulator.suspend(behind.web)
    assert set(behind.drift()) == {"web state", "web autostart"}
    assert behind.heal(context=context) == []
    assert set(behind.drift()) == {"web state", "web autostart"}


def test_what_waits_is_asked_for_under_the_same_request_id_when_it_may(behind: Behind) -> None:
    behind.product.act("snapshot-create", name="first")
    behind.product.act("autostart")
    behind.product.act("start")
    web = behind.web
    behind.simulator.destroy(web)
    behind.simulator.undefine(web, Undefine.SNAPSHOTS_METADATA)
    behind.look()
    items = behind.heal(context=again())
    assert [item["verb"] for item in items] == ["define", "replay", "autostart", "start"]
    assert behind.drift() == {}


def test_drift_just_before_an_operation_of_ours_is_told_all_the_same(behind: Behind) -> None:
    behind.product.act("snapshot-create", name="first")
    behind.simulator.snapshot_create(behind.web, SNAPSHOT.format("theirs"), SnapshotCreate.NONE)
    behind.simulator.snapshot_delete(behind.web, "first", SnapshotDelete.METADATA_ONLY)
    behind.product.act("start")
    drift = behind.drift()
    assert {"web snapshot theirs", "web snapshot first"} <= set(drift)
    assert "web state" not in drift


def test_a_definition_changed_just_before_an_operation_of_ours_is_told_all_the_same(behind: Behind) -> None:
    text = behind.simulator.domain_xml(behind.web, inactive=True)
    behind.simulator.define(text.replace("64</memory>", "32</memory>"))
    behind.product.act("start")
    assert set(behind.drift()) == {"web definition"}


def test_an_operation_that_finds_no_domain_records_that_it_is_gone(behind: Behind) -> None:
    behind.simulator.undefine(behind.web)
    assert behind.product.act("start")["error"]["code"] == 42
    behind.product.queries.wait_for(behind.product.application.reader.head(), 10)
    assert [item["aspect"] for item in behind.product.service.drifts.found("web")] == ["definition"]
