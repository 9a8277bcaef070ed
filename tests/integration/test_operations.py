"""From a request to its recorded outcome: the real log and read models, a simulated host, an agent driven by hand."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from domain_model.errors import (
    HypervisorUnreachable,
    InvalidArgument,
    NoDomain,
    OperationFailed,
    OperationInvalid,
    Refused,
)
from domain_model.flags import SnapshotDelete
from drivers.simulator import SimulatorDriver
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.queue import queue_changes
from revisor.store.recorder import LogRecorder, Save
from tests.integration.product import ALICE, WEB, Product
from tests.lab.awaiting import eventually
from workers.agent import HostAgent
from workers.ports import LeadLost


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    product = Product(database, tmp_path)
    product.add_host("alpha")
    yield product
    product.close()


def topics(product: Product) -> list[str]:
    return [entry["topic"] for entry in product.service.log("web", None, 1000)]


def idle(agent: HostAgent, now: float) -> bool:
    """Whether what was begun has ended. Nothing is begun again at the same moment."""
    agent.run_once(now)
    return not agent.busy


def test_an_operation_is_requested_started_and_ended_around_its_facts(product: Product) -> None:
    product.define()
    assert topics(product) == [
        "domain.introduced",
        "operation.requested",
        "operation.started",
        "domain.defined",
        "operation.succeeded",
    ]


def test_the_log_names_who_asked_also_for_what_came_of_it(product: Product) -> None:
    product.define()
    product.act("start", context=Context("uid:7(bob)", reason="monday", ticket="T-1"))
    started = [entry for entry in product.service.log("web", None, 1000) if entry["topic"] == "domain.started"]
    assert [(e["actor"], e["reason"], e["ticket"], e["recorded_by"]) for e in started] == [
        ("uid:7(bob)", "monday", "T-1", "agent:alpha")
    ]


def test_the_same_request_id_is_the_same_operation(product: Product) -> None:
    product.define()
    context = Context("me", request_id=uuid4())
    first = product.act("start", context=context)
    again = product.act("start", context=context)
    assert (again["id"], again["state"]) == (first["id"], "succeeded")
    assert topics(product).count("domain.started") == 1


def test_a_request_id_under_which_something_else_was_asked_is_refused(product: Product) -> None:
    product.define()
    context = Context("me", request_id=uuid4())
    product.act("start", context=context)
    with pytest.raises(InvalidArgument, match="used for another command"):
        product.service.act("web", None, "destroy", {}, context)


def test_a_refused_request_id_may_be_used_again(product: Product) -> None:
    product.define()
    context = Context("me", request_id=uuid4())
    with pytest.raises(OperationInvalid):
        product.service.act("web", None, "destroy", {}, context)
    assert product.act("start", context=context)["state"] == "succeeded"


def test_refusals_are_on_record_and_limited_per_caller(product: Product) -> None:
    for _ in range(70):
        with pytest.raises(NoDomain):
            product.service.act("ghost", None, "start", {}, ALICE)
    attempts = product.service.attempts(1000)
    assert (len(attempts), attempts[0]["code"], attempts[0]["target"]) == (60, 42, "ghost")


def test_a_name_is_free_again_once_its_domain_is_undefined(product: Product) -> None:
    product.define()
    with pytest.raises(OperationFailed, match="already exists with uuid"):
        product.define()
    product.act("undefine")
    assert product.define()["state"] == "succeeded"


def test_a_name_is_free_again_when_defining_failed(product: Product) -> None:
    taken = SimulatorDriver(product._folder / "alpha.sqlite", "alpha")
    other = str(uuid4())
    taken.define(WEB.replace("</name>", f"</name><uuid>{other}</uuid>", 1))
    assert product.define()["error"]["code"] == 9
    taken.undefine(other)
    assert product.define()["state"] == "succeeded"


def test_what_happens_behind_our_back_is_adopted_as_observed(product: Product) -> None:
    product.define()
    [domain] = product.service.domains(all_domains=True, host=None)
    SimulatorDriver(product._folder / "alpha.sqlite", "alpha").start(domain["uuid"])
    agent = product.agents["alpha"]
    agent.run_once(float("inf"))
    product.queries.wait_for(product.service.position(), 5)
    [entry] = [e for e in product.service.log("web", None, 100) if e["topic"] == "domain.started"]
    assert (entry["origin"], entry["operation"]) == ("observed", None)


def test_that_only_a_newer_release_can_read_a_domain_is_told_once_an_operation_however_often_it_is_tried(
    product: Product, recorder: LogRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    product.define()
    accepted = [product.service.act("web", None, verb, {}, ALICE) for verb in ("start", "destroy")]
    web = accepted[0].domain
    newer = StoredEvent(web, len(topics(product)) + 1, "domain.teleported", b"{}")
    recorder.insert_events([newer], save=Save(ALICE))
    caplog.set_level("INFO")
    for now in (100.0, 200.0, 300.0):
        product.agents["alpha"].run_once(now)
        assert product.agents["alpha"].busy == {web}
        eventually(partial(idle, product.agents["alpha"], now), what="both were tried")
    for sentence in ("carries out", "operation stays open: "):
        told = [record.__dict__["operation"] for record in caplog.records if sentence in record.getMessage()]
        assert sorted(told) == sorted(str(each.operation) for each in accepted)


def test_a_leader_that_was_replaced_can_record_nothing_more(product: Product, tmp_path: Path) -> None:
    product.define()
    old = product.agents["alpha"]
    product.leases["alpha"].release()
    product.lead("alpha", SimulatorDriver(tmp_path / "alpha.sqlite", "alpha"))
    accepted = product.service.act("web", None, "start", {}, ALICE)
    old.run_once(0.0)
    old.close()
    with pytest.raises(LeadLost):
        old.run_once(1.0)
    assert product.settle(accepted)["state"] == "succeeded"
    assert topics(product).count("operation.started") == 2


def test_the_queue_is_what_the_log_says(product: Product) -> None:
    product.define()
    asked: list[tuple[str, dict[str, Any]]] = [("start", {}), ("suspend", {}), ("snapshot-create", {"name": "s1"})]
    for verb, arguments in asked:
        product.service.act("web", None, verb, arguments, ALICE)
    rows: dict[str, tuple[object, ...]] = {}
    for event in product.application.reader.read(0, 10_000):
        changes = queue_changes([event.event])
        for row in changes["requested"]:
            rows[row["operation"]] = (row["domain"], row["host"], row["verb"], row["exclusive"], event.position, False)
        for row in changes["started"]:
            rows[row["operation"]] = (*rows[row["operation"]][:-1], True)
        for operation in changes["ended"]:
            del rows[operation]
    queued = product.database.fetch("SELECT * FROM work.operation_queue")
    assert len(rows) == 3
    assert rows == {
        str(row["operation"]): (
            str(row["domain"]),
            str(row["host"]),
            row["verb"],
            row["exclusive"],
            row["position"],
            row["started"],
        )
        for row in queued
    }


def test_a_replica_follows_the_tree_and_running_it_again_adds_no_fact(product: Product) -> None:
    product.add_host("beta")
    product.define()
    for name in ("a", "b", "c"):
        product.act("snapshot-create", name=name)
    report = product.act("replay", to="beta")["result"]
    assert (report["identical"], report["total"], report["current"]) == (3, 3, {"recorded": "c", "found": "c"})
    product.act("snapshot-delete", name="b")
    product.act("snapshot-revert", name="a")
    report = product.act("replay", to="beta")["result"]
    assert [entry["name"] for entry in report["snapshots"]] == ["a", "c"]
    assert (report["identical"], report["current"]) == (2, {"recorded": "a", "found": "a"})
    before = topics(product)
    product.act("replay", to="beta")
    added = topics(product)[len(before) :]
    assert added == ["operation.requested", "operation.started", "operation.succeeded"]


def test_ownership_moves_only_to_a_replica_that_agrees(product: Product) -> None:
    product.add_host("beta")
    product.define()
    product.act("snapshot-create", name="a")
    with pytest.raises(OperationInvalid, match="no replica"):
        product.service.act("web", None, "handover", {"to": "beta"}, ALICE)
    product.act("replay", to="beta")
    product.act("snapshot-create", name="b")
    with pytest.raises(OperationInvalid, match="not up to date"):
        product.service.act("web", None, "handover", {"to": "beta"}, ALICE)
    product.act("replay", to="beta")
    assert product.act("handover", to="beta")["state"] == "succeeded"
    with pytest.raises(Refused) as refused:
        product.service.act("web", "alpha", "start", {}, ALICE)
    assert refused.value.number == 55
    assert product.act("start")["host"] == "beta"


def test_a_replica_that_lost_a_snapshot_behind_our_back_may_not_become_the_owner(product: Product) -> None:
    beta = SimulatorDriver(product._folder / "beta.sqlite", "beta")
    product.add_host("beta", beta)
    product.define()
    for name in ("a", "b"):
        product.act("snapshot-create", name=name)
    product.act("replay", to="beta")
    [sighting] = beta.domains()
    beta.snapshot_delete(sighting.uuid, "a", SnapshotDelete.METADATA_ONLY)
    product.agents["beta"].run_once(float("inf"))
    with pytest.raises(OperationInvalid, match="not up to date"):
        product.service.act("web", None, "handover", {"to": "beta"}, ALICE)
    assert product.act("replay", to="beta")["result"]["identical"] == 2
    assert product.act("handover", to="beta")["state"] == "succeeded"


def test_a_fresh_look_that_nobody_takes_is_an_error_and_no_old_answer(product: Product) -> None:
    with pytest.raises(HypervisorUnreachable, match="nobody looked at it"):
        product.service.observe("alpha", timeout_s=0.05)


def test_a_domain_is_found_by_its_uuid_in_any_spelling(product: Product) -> None:
    product.define()
    [domain] = product.service.domains(all_domains=True, host=None)
    assert product.service.domain(domain["uuid"].upper(), None)["name"] == "web"


def test_an_operation_is_told_of_though_the_read_models_stand_still(product: Product, database: Database) -> None:
    product.add_host("alpha")
    product.define()
    database.execute("UPDATE views.projections SET parked_at = position + 1 WHERE name = 'operations'")
    operation = product.act("start")
    assert (operation["verb"], operation["state"]) == ("start", "succeeded")
