"""Withdrawing an operation: only before it is started, and as if it had never been asked for."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from domain_model.commands import cancel
from domain_model.errors import InvalidArgument, OperationInvalid
from revisor.attempts import Attempts
from revisor.rows import OperationRow
from revisor.settlements import Settlements
from revisor.store.context import Context
from tests.integration.product import ALICE, WEB, Product

BOB = Context("uid:7(bob)", reason="not today")
DB = WEB.replace("<name>web</name>", "<name>db</name>")


def topics(product: Product, name: str) -> list[str]:
    return [entry["topic"] for entry in product.service.log(name, None, 1000)]


def test_an_operation_that_waits_is_withdrawn_and_never_carried_out(product: Product) -> None:
    accepted = product.service.act("web", None, "start", {}, ALICE)
    cancelled = product.service.settlements.cancel(accepted.operation, ALICE)
    assert (cancelled["state"], cancelled["id"]) == ("cancelled", str(accepted.operation))
    assert cancelled["ended_at"] is not None
    assert product.database.fetch("SELECT FROM work.operation_queue") == []
    product.act("autostart")
    assert product.service.domain("web", None)["state"] == "shut off"
    assert "operation.started" not in topics(product, "web")[-6:-3]


def test_what_waits_behind_it_has_its_turn(product: Product) -> None:
    first = product.service.act("web", None, "start", {}, ALICE)
    second = product.service.act("web", None, "autostart", {}, ALICE)
    product.service.settlements.cancel(first.operation, ALICE)
    assert product.settle(second)["state"] == "succeeded"


def test_the_name_of_a_definition_that_was_withdrawn_is_free_again(product: Product) -> None:
    accepted = product.service.define(DB, "alpha", ALICE)
    product.service.settlements.cancel(accepted.operation, ALICE)
    again = DB.replace("<name>db</name>", f"<name>db</name><uuid>{uuid4()}</uuid>")
    assert product.define(xml=again)["state"] == "succeeded"


def test_one_that_is_over_or_not_there_is_refused_and_who_tried_is_on_record(product: Product) -> None:
    ended = product.act("start")
    with pytest.raises(OperationInvalid, match="has ended already"):
        product.service.settlements.cancel(UUID(ended["id"]), ALICE)
    with pytest.raises(InvalidArgument, match="no operation"):
        product.service.settlements.cancel(uuid4(), ALICE)
    assert [attempt["verb"] for attempt in product.service.attempts(10)] == ["operation cancel"] * 2


def test_one_that_is_being_carried_out_goes_on(product: Product) -> None:
    accepted = product.service.act("web", None, "start", {}, ALICE)
    domain = product.application.domain(accepted.domain)
    domain.operations[str(accepted.operation)].started = True
    with pytest.raises(OperationInvalid, match="was started and goes on"):
        cancel(domain, str(accepted.operation), product.application.now())


def test_one_that_was_withdrawn_before_is_withdrawn_already_and_on_record_once(product: Product) -> None:
    accepted = product.service.act("web", None, "start", {}, ALICE)
    first = product.service.settlements.cancel(accepted.operation, BOB)
    assert product.service.settlements.cancel(accepted.operation, ALICE) == first
    [said] = [entry for entry in product.service.log("web", None, 1000) if entry["topic"] == "operation.cancelled"]
    assert (said["actor"], said["reason"], said["summary"]) == ("uid:7(bob)", "not today", "start")


def test_of_two_who_withdraw_it_at_once_the_second_is_answered_as_the_first(product: Product) -> None:
    accepted, both = product.service.act("web", None, "start", {}, ALICE), Barrier(2)
    service = product.service

    def row(operation: UUID) -> OperationRow:
        seen = service._operation_row(operation)
        if seen.ended_at is None:
            both.wait(30)
        return seen

    settlements = Settlements(product.application, Attempts(product.application), row, service.operation)
    with ThreadPoolExecutor(2) as people:
        said = [people.submit(settlements.cancel, accepted.operation, who) for who in (ALICE, BOB)]
    assert [each.result()["state"] for each in said] == ["cancelled", "cancelled"]
    assert topics(product, "web").count("operation.cancelled") == 1


def test_who_waits_for_one_that_is_withdrawn_hears_of_it(product: Product) -> None:
    accepted = product.service.act("web", None, "start", {}, ALICE)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(product.service.wait, accepted.operation, 60)
        product.service.settlements.cancel(accepted.operation, BOB)
        assert waiting.result(60)["state"] == "cancelled"


def test_the_same_request_again_is_the_one_that_was_withdrawn(product: Product) -> None:
    context = Context("me", request_id=uuid4())
    accepted = product.service.act("web", None, "start", {}, context)
    product.service.settlements.cancel(accepted.operation, ALICE)
    again = product.service.act("web", None, "start", {}, context)
    assert product.service.operation(again.operation)["state"] == "cancelled"
