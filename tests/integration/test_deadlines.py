"""A hypervisor that answers everything but one call:
the call is given up, and what becomes of it is told or unknown.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from revisor.application import Accepted
from revisor.store.database import Database
from tests.integration.held import HungDriver
from tests.integration.product import ALICE, Product
from tests.lab.agreement import check_agreement
from tests.lab.awaiting import eventually
from workers.verbs import VERBS
from workers.verbs.deadlines import DEADLINE_S, UNLIMITED, deadline_of

MAIL = "<domain type='qemu'><name>mail</name><memory unit='MiB'>8</memory><os><type>hvm</type></os></domain>"


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[HungDriver]:
    driver = HungDriver(tmp_path / "alpha.sqlite", "alpha")
    yield driver
    driver.let_go()


@pytest.fixture
def product(database: Database, tmp_path: Path, hung: HungDriver) -> Iterator[Product]:
    """A host with two guests that run."""
    product = Product(database, tmp_path)
    product.add_host("alpha", hung)
    product.define()
    product.define(xml=MAIL)
    for name in ("web", "mail"):
        assert product.settle(ask(product, "start", name))["state"] == "succeeded"
    yield product
    hung.let_go()
    product.close()


def ask(product: Product, verb: str, name: str = "web") -> Accepted:
    return product.service.act(name, None, verb, {}, ALICE)


def shown(product: Product, accepted: Accepted) -> dict[str, Any]:
    return product.service.wait(accepted.operation, 0)


def hang(product: Product, hung: HungDriver, verb: str, *calls: str) -> Accepted:
    """Ask for a verb and let the agent come to where it hangs."""
    hung.hanging.update(calls)
    accepted = ask(product, verb)
    product.agents["alpha"].run_once(time.monotonic())
    eventually(lambda: calls[0] in hung.hung, what=f"{calls[0]} hangs")
    return accepted


def after(product: Product, deadlines: int) -> None:
    """A round so many deadlines later."""
    product.agents["alpha"].run_once(time.monotonic() + deadlines * (DEADLINE_S + 1))


def ended(product: Product, accepted: Accepted) -> dict[str, Any]:
    eventually(lambda: shown(product, accepted)["ended_at"], what="it ended")
    return shown(product, accepted)


def agrees(product: Product, hung: HungDriver, accepted: Accepted) -> None:
    """Check that recorded is what is there, after the agent has looked once more."""
    row = product.queries.host("alpha")
    assert row is not None
    domain = str(product.service.domain("web", None)["uuid"])

    def same() -> bool:
        product.agents["alpha"].lookout.soon(domain)
        after(product, 2)
        recorded = product.application.domain(accepted.domain)
        seen = hung.domain(domain)
        return seen is not None and recorded.placements[row.id].state == seen.state

    eventually(same, what="it was observed")
    check_agreement(product.application.domain(accepted.domain), row.id, hung.domain(domain))


def test_a_call_that_never_answers_is_given_up_and_its_outcome_is_unknown(product: Product, hung: HungDriver) -> None:
    suspend = hang(product, hung, "suspend", "suspend")
    after(product, 0)
    assert shown(product, suspend)["state"] == "started"
    after(product, 1)
    assert ended(product, suspend)["state"] == "unknown"
    assert why(product, suspend) == "no answer within 120 s, and what is there does not tell whether it happens yet"
    assert product.settle(ask(product, "destroy"))["state"] == "succeeded"
    agrees(product, hung, suspend)


def test_other_guests_of_the_host_do_not_wait_for_it(product: Product, hung: HungDriver) -> None:
    suspend = hang(product, hung, "suspend", "suspend")
    assert product.settle(ask(product, "reboot", "mail"))["state"] == "succeeded"
    assert shown(product, suspend)["state"] == "started"


def test_what_was_done_though_no_answer_came_succeeded(product: Product, hung: HungDriver) -> None:
    hung.late = False
    suspend = hang(product, hung, "suspend", "suspend")
    after(product, 1)
    assert ended(product, suspend)["state"] == "succeeded"
    assert facts(product, suspend).count("domain.suspended") == 1
    agrees(product, hung, suspend)


def test_an_answer_that_comes_after_all_ends_nothing_twice_and_what_it_did_is_observed(
    product: Product, hung: HungDriver
) -> None:
    suspend = hang(product, hung, "suspend", "suspend")
    after(product, 1)
    assert ended(product, suspend)["state"] == "unknown"
    hung.let_go()
    agrees(product, hung, suspend)
    assert [topic for topic in facts(product, suspend) if topic.startswith("operation.")][-3:] == [
        "operation.requested",
        "operation.started",
        "operation.outcome_unknown",
    ]
    assert facts(product, suspend).count("domain.suspended") == 1


def test_where_not_even_a_look_is_answered_the_outcome_is_unknown_and_nothing_is_taken_for_seen(
    product: Product, hung: HungDriver
) -> None:
    suspend = hang(product, hung, "suspend", "suspend")
    hung.hanging.add("domain")
    after(product, 1)
    eventually(lambda: "domain" in hung.hung, what="the look hangs")
    before = facts(product, suspend)
    after(product, 2)
    assert ended(product, suspend)["state"] == "unknown"
    assert why(product, suspend) == "no answer within 120 s, nor to a look at the domain"
    assert facts(product, suspend) == [*before, "operation.outcome_unknown"]


def test_what_hung_before_it_was_started_failed_and_touches_nothing_later(product: Product, hung: HungDriver) -> None:
    suspend = hang(product, hung, "suspend", "domain")
    after(product, 1)
    outcome = ended(product, suspend)
    assert (outcome["state"], outcome["error"]["code"]) == ("failed", 38)
    hung.let_go()
    eventually(lambda: not appliers(), what="the thread that hung has ended")
    assert "operation.started" not in facts(product, suspend)[-2:]
    assert product.service.domain("web", None)["state"] == "running"


def test_a_look_that_never_ends_keeps_no_operation_waiting_and_the_host_is_said_not_to_answer(
    product: Product, hung: HungDriver
) -> None:
    agent = product.agents["alpha"]
    hung.hanging.add("domains")
    agent.lookout.soon()
    agent.run_once(time.monotonic() + 1)
    assert hung.hung == ["domains"]
    assert product.settle(ask(product, "reboot"))["state"] == "succeeded"
    after(product, 1)
    host = product.service.host("alpha")
    assert (host["state"], host["problem"]) == (
        "unreachable",
        "the hypervisor did not answer a question within 120 s",
    )
    hung.let_go()
    agent.lookout.soon()
    after(product, 2)
    assert product.service.host("alpha")["state"] == "connected"


def test_what_moves_memory_or_trees_has_no_deadline() -> None:
    assert VERBS.keys() >= UNLIMITED
    assert [deadline_of(verb) for verb in ("snapshot-create", "save", "dump", "replay")] == [None] * 4
    assert deadline_of("suspend", 7.0) == 7.0


def appliers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.split()[0] in VERBS]


def facts(product: Product, accepted: Accepted) -> list[str]:
    return [event.topic for event in product.application.reader.stream(accepted.domain)]


def why(product: Product, accepted: Accepted) -> str:
    """What is on record of the unknown outcome."""
    (message,) = [
        event.event.message
        for event in product.application.reader.stream(accepted.domain)
        if event.topic == "operation.outcome_unknown"
    ]
    return str(message)
