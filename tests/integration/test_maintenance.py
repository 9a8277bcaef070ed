"""A host under maintenance: nothing new is accepted or begun for it, what was begun ends, and it is still looked at."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from domain_model.errors import InvalidArgument, OperationInvalid
from domain_model.times import moment_in_words
from revisor.application import Accepted
from revisor.sightings import Sightings
from revisor.status import StatusReader
from revisor.store.context import Context
from revisor.store.database import Database
from tests.integration.held import HeldDriver
from tests.integration.product import ALICE, Product
from tests.lab.awaiting import eventually

BOB = Context("uid:1001(bob)", reason="new memory")
OTHER = "<domain type='qemu'><name>other</name><memory>9</memory><os><type>hvm</type></os></domain>"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[HeldDriver]:
    driver = HeldDriver(tmp_path / "alpha.sqlite")
    yield driver
    driver.let_go.set()


@pytest.fixture
def product(database: Database, tmp_path: Path, held: HeldDriver) -> Iterator[Product]:
    product = Product(database, tmp_path)
    product.add_host("alpha", held)
    product.add_host("beta")
    assert product.define()["state"] == "succeeded"
    yield product
    held.let_go.set()
    product.close()


def work(product: Product) -> None:
    for agent in product.agents.values():
        agent.run_once(time.monotonic())


def asked(product: Product, verb: str, **arguments: Any) -> Accepted:
    return product.service.act("web", None, verb, arguments, ALICE)


def state(product: Product, accepted: Accepted) -> str:
    return str(product.service.wait(accepted.operation, 0)["state"])


def topics(product: Product, host: str) -> list[str]:
    row = product.queries.host(host)
    assert row is not None
    return [event.topic for event in product.application.reader.stream(UUID(row.id))]


def test_what_is_asked_of_a_disabled_host_is_refused_with_who_when_and_why(product: Product) -> None:
    since = moment_in_words(product.service.registry.disable("alpha", BOB)["disabled"]["at"])
    said = rf"host 'alpha' is disabled by uid:1001\(bob\) since {re.escape(since)}: new memory"
    for verb in ("start", "destroy"):
        with pytest.raises(OperationInvalid, match=said) as refusal:
            asked(product, verb)
        assert (refusal.value.number, refusal.value.field, refusal.value.value) == (55, "host", "alpha")
    with pytest.raises(OperationInvalid, match=said):
        product.service.define("<domain type='qemu'><name>new</name><memory>9</memory></domain>", "alpha", ALICE)
    assert product.service.attempts(1)[0]["code"] == 55


def test_neither_a_replica_nor_an_owner_comes_to_a_disabled_host(product: Product) -> None:
    assert product.act("replay", to="beta")["state"] == "succeeded"
    product.service.registry.disable("beta", BOB)
    for verb in ("replay", "handover"):
        with pytest.raises(OperationInvalid, match="host 'beta' is disabled"):
            asked(product, verb, to="beta")


def test_what_was_accepted_before_is_the_same_operation_when_it_is_asked_again(product: Product) -> None:
    context = Context(ALICE.actor, request_id=UUID(int=7))
    first = product.service.act("web", None, "desc", {"text": "a"}, context)
    product.service.registry.disable("alpha", BOB)
    assert product.service.act("web", None, "desc", {"text": "a"}, context).operation == first.operation


def test_what_was_started_ends_and_what_is_queued_waits_until_the_host_is_enabled(
    product: Product, held: HeldDriver
) -> None:
    started = asked(product, "start")
    work(product)
    eventually(lambda: state(product, started) == "started", what="it started")
    # A control verb could begin beside it.
    queued = asked(product, "destroy")
    product.service.registry.disable("alpha", BOB)
    held.let_go.set()
    assert product.settle(started)["state"] == "succeeded"
    for _ in range(3):
        work(product)
    assert state(product, queued) == "queued"
    product.service.registry.enable("alpha", ALICE)
    assert product.settle(queued)["state"] == "succeeded"


def test_disabling_and_enabling_twice_is_as_once(product: Product) -> None:
    registry = product.service.registry
    first = registry.disable("alpha", BOB)
    assert registry.disable("alpha", BOB) == first
    registry.enable("alpha", ALICE)
    assert registry.enable("alpha", ALICE)["disabled"] is None
    assert [topic for topic in topics(product, "alpha") if "abled" in topic] == ["host.disabled", "host.enabled"]


@pytest.mark.parametrize(
    "other", [Context("uid:1002(carol)", reason="new memory"), Context(BOB.actor, reason="new disks")], ids=str
)
def test_disabled_again_by_somebody_else_or_for_another_reason_the_newest_shows_and_both_are_on_record(
    product: Product, other: Context
) -> None:
    registry = product.service.registry
    registry.disable("alpha", replace(BOB, request_id=UUID(int=7)))
    again = registry.disable("alpha", other)
    assert (again["disabled_before"]["actor"], again["disabled_before"]["reason"]) == (BOB.actor, BOB.reason)
    assert (again["disabled"]["actor"], again["disabled"]["reason"]) == (other.actor, other.reason)
    repeated = registry.disable("alpha", replace(BOB, request_id=UUID(int=7)))
    assert repeated["disabled"] == again["disabled"], "that one was done before"
    disabled = [each for each in product.service.histories.host("alpha", 100) if each["topic"] == "host.disabled"]
    assert [(each["actor"], each["reason"]) for each in disabled] == [
        (BOB.actor, BOB.reason),
        (other.actor, other.reason),
    ]


def test_a_host_is_not_disabled_without_a_reason(product: Product) -> None:
    for reason in (None, " "):
        with pytest.raises(InvalidArgument, match="without a reason") as refusal:
            product.service.registry.disable("alpha", Context(BOB.actor, reason=reason))
        assert (refusal.value.field, refusal.value.value) == ("reason", reason)
    assert product.service.host("alpha")["disabled"] is None


def test_a_disabled_host_is_still_looked_at_and_says_so_in_its_status(product: Product, held: HeldDriver) -> None:
    product.service.registry.disable("alpha", BOB)
    held.let_go.set()
    held.start(product.service.domain("web", None)["uuid"])

    def seen() -> bool:
        Sightings(product.database).want([row.id for row in product.queries.hosts()])
        work(product)
        product.queries.wait_for(product.application.reader.head(), 5)
        return bool(product.service.domain("web", None)["state"] == "running")

    eventually(seen, what="the start behind our back is noticed")
    status = StatusReader(product.database).read()
    told = {host.name: host.disabled and host.disabled["reason"] for host in status.hosts}
    assert told == {"alpha": "new memory", "beta": None}


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_host_carries_out_as_many_operations_at_once_as_its_limit(
    product: Product, held: HeldDriver, limit: int
) -> None:
    xml = "<domain type='qemu'><name>{}</name><memory unit='MiB'>8</memory><os><type>hvm</type></os></domain>"
    names = [f"vm{number}" for number in range(6)]
    for name in names:
        assert product.define(xml=xml.format(name))["state"] == "succeeded"
    assert product.service.registry.limit("alpha", limit, ALICE)["operations"] == limit
    starts = [product.service.act(name, None, "start", {}, ALICE) for name in names]

    def begun() -> int:
        work(product)
        return sum(state(product, start) == "started" for start in starts)

    eventually(lambda: begun() == limit, what=f"{limit} are started")
    work(product)
    assert begun() == limit
    held.let_go.set()
    assert {product.settle(start)["state"] for start in starts} == {"succeeded"}


@pytest.mark.parametrize("operations", [0, -1, 65])
def test_a_limit_that_makes_no_sense_is_refused(product: Product, operations: int) -> None:
    with pytest.raises(InvalidArgument, match="no number of operations") as refusal:
        product.service.registry.limit("alpha", operations, ALICE)
    assert (refusal.value.field, refusal.value.value, refusal.value.accepted) == (
        "operations",
        str(operations),
        "1 to 64",
    )


def test_hosts_are_shown_from_a_read_model_of_an_older_release(product: Product) -> None:
    with product.database.connection() as connection:
        connection.execute("ALTER TABLE views.hosts DROP COLUMN disabled, DROP COLUMN operations")
    assert [(host["name"], host["disabled"], host["operations"]) for host in product.service.hosts()] == [
        ("alpha", None, None),
        ("beta", None, None),
    ]
    assert [host.disabled for host in StatusReader(product.database).read().hosts] == [None, None]


def held_up(product: Product, accepted: Accepted) -> str | None:
    return cast("str | None", product.service.wait(accepted.operation, 0, accepted.position)["held_up"])


def test_what_waits_says_what_is_before_it_that_the_host_is_disabled_and_nothing_once_it_has_ended(
    product: Product, held: HeldDriver
) -> None:
    started, second = asked(product, "start"), asked(product, "desc", text="a")
    work(product)
    eventually(lambda: state(product, started) == "started", what="it started")
    first = f"operation {started.operation} (start) of the same domain is first"
    assert (held_up(product, started), held_up(product, second)) == (None, first)
    since = moment_in_words(product.service.registry.disable("alpha", BOB)["disabled"]["at"])
    disabled = f"host 'alpha' is disabled by uid:1001(bob) since {since}: new memory"
    assert (held_up(product, started), held_up(product, second)) == (None, f"{disabled}; {first}")
    product.service.registry.enable("alpha", ALICE)
    held.let_go.set()
    assert [product.settle(each)["held_up"] for each in (started, second)] == [None, None]


def test_what_waits_says_that_its_host_is_busy_and_a_control_verb_is_not_held_up(product: Product) -> None:
    product.service.registry.limit("alpha", 1, ALICE)
    started, elsewhere = asked(product, "start"), product.service.define(OTHER, "alpha", ALICE)
    work(product)
    eventually(lambda: state(product, started) == "started", what="it started")
    assert held_up(product, elsewhere) == "host 'alpha' carries out 1 at once, and is busy with as many"
    assert held_up(product, asked(product, "destroy")) is None


def test_what_waits_says_that_no_agent_looks_or_that_the_log_was_restored(product: Product) -> None:
    accepted = asked(product, "start")
    assert held_up(product, accepted) is None
    product.database.execute("UPDATE work.sightings SET observed_at = '2026-11-28 10:00:00+00', problem = NULL")
    away = "no agent has looked at host 'alpha' since 2026-11-28 10:00:00 +0000"
    assert held_up(product, accepted) == away
    product.database.execute("UPDATE work.sightings SET observed_at = clock_timestamp()")
    assert held_up(product, accepted) is None
    product.database.execute("UPDATE work.leases SET beaten_at = clock_timestamp() - interval '30 s', believed_s = 25")
    assert (held_up(product, accepted) or "").startswith("no agent has looked at host 'alpha' since ")
    product.database.execute("UPDATE work.sightings SET observed_at = '2026-11-28 10:00:00+00'")
    product.database.execute("INSERT INTO work.restores (why, position) SELECT 'a backup', position FROM log.head")
    restored = "the log was restored, and nothing goes on before 'revisor acknowledge-restore'"
    assert held_up(product, accepted) == f"{restored}; {away}"


def test_the_history_of_a_host_is_read_by_its_name_also_when_it_was_removed(product: Product) -> None:
    product.service.registry.disable("beta", replace(BOB, ticket="CHG-17"))
    product.service.registry.limit("beta", 2, ALICE)
    product.service.registry.remove("beta", ALICE)
    entries = product.service.histories.host("beta", 1000)
    assert [(each["topic"], each["summary"]) for each in entries if each["origin"] == "requested"] == [
        ("host.added", "simulator:///beta"),
        ("host.disabled", ""),
        ("host.limited", "2 operations at once"),
        ("host.removed", ""),
    ]
    [identified] = [each for each in entries if each["topic"] == "host.identified"]
    assert (identified["actor"], identified["origin"]) == ("agent:beta", "observed")
    [disabled] = [each for each in entries if each["topic"] == "host.disabled"]
    assert [disabled[key] for key in ("actor", "reason", "ticket")] == ["uid:1001(bob)", "new memory", "CHG-17"]
    assert product.service.histories.host("beta", 2) == entries[-2:]


def test_a_name_tells_of_the_host_that_bears_it_and_one_that_nobody_bore_is_refused(product: Product) -> None:
    product.service.registry.remove("beta", ALICE)
    product.service.registry.add("beta", "simulator:///again", ALICE)
    assert [each["summary"] for each in product.service.histories.host("beta", 10)] == ["simulator:///again"]
    with pytest.raises(InvalidArgument, match="no host ever had the name 'gamma'") as refusal:
        product.service.histories.host("gamma", 10)
    assert (refusal.value.field, refusal.value.value, refusal.value.accepted) == ("host", "gamma", "alpha, beta")


def test_a_host_that_is_added_again_is_the_same_and_says_so_but_not_to_the_same_request(product: Product) -> None:
    asked = Context(ALICE.actor, request_id=UUID(int=7))
    first = product.service.registry.add("gamma", "simulator:///gamma", asked)
    assert first["added"]
    assert product.service.registry.add("gamma", "simulator:///gamma", asked) == first
    assert product.service.registry.add("gamma", "simulator:///gamma", ALICE) == {**first, "added": False}
