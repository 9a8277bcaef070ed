"""What nobody recorded on a host: told of until somebody adopts it, or taken in by the host's policy; and for whom."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest

from domain_model.errors import InvalidArgument, NoDomain, OperationFailed
from domain_model.flags import SnapshotCreate
from drivers.simulator import SimulatorDriver
from revisor.sightings import Sightings
from revisor.store.context import Context
from revisor.store.database import Database
from tests.integration.behind import SNAPSHOT, Behind
from tests.integration.product import ALICE, WEB, Product
from tests.integration.test_acknowledging import LOST, LOST_UUID, working
from tests.lab.awaiting import eventually
from workers.observer import POLICY

BOB = Context("uid:1001(bob)", reason="it is ours", ticket="OPS-7", request_id=uuid4())


def contexts(product: Product, uuid: str) -> list[Any]:
    """Who recorded what of a domain, and why: one a fact."""
    row = product.queries.find_placements(uuid, None)[0]
    events = product.application.reader.stream(row.domain)
    return [(each.actor, each.reason, each.ticket, each.request_id) for each in events]


def test_a_host_adopts_nothing_by_itself_until_it_is_set_to(behind: Behind) -> None:
    host = behind.product.service.host("alpha")
    assert host["adopt"] == "none"
    behind.simulator.define(LOST)
    for name in ("first", "second"):
        behind.simulator.snapshot_create(LOST_UUID, SNAPSHOT.format(name), SnapshotCreate.NONE)
    assert behind.drift() == {"lost domain": (None, "unrecorded")}
    assert behind.product.service.registry.set_adoption("alpha", "all", ALICE)["adopt"] == "all"
    assert behind.drift() == {}
    tree = {item["name"]: item["parent"] for item in behind.product.service.snapshots("lost", None)}
    assert tree == {"first": None, "second": "first"}
    assert set(contexts(behind.product, LOST_UUID)) == {("agent:alpha", POLICY.reason, None, None)}
    behind.product.service.registry.set_adoption("alpha", "none", ALICE)
    behind.simulator.define(LOST.replace("lost", "other").replace(LOST_UUID, str(uuid4())))
    assert behind.drift() == {"other domain": (None, "unrecorded")}


def test_a_host_is_added_with_its_policy_and_the_same_again_is_the_same_host(behind: Behind) -> None:
    add = behind.product.service.registry.add
    assert add("beta", "simulator:///beta", ALICE, "all")["adopt"] == "all"
    assert add("beta", "simulator:///beta", ALICE, "all")["adopt"] == "all"
    assert add("beta", "simulator:///beta", ALICE)["adopt"] == "all"
    with pytest.raises(OperationFailed, match="already exists and adopts all") as refusal:
        add("beta", "simulator:///beta", ALICE, "none")
    assert (refusal.value.field, refusal.value.value) == ("adopt", "none")
    with pytest.raises(InvalidArgument, match="does not say which domains"):
        add("gamma", "simulator:///gamma", ALICE, "some")
    assert behind.product.queries.host("gamma") is None


def test_by_no_policy_is_a_domain_taken_in_that_the_log_has_on_another_host(behind: Behind, tmp_path: Path) -> None:
    beta = SimulatorDriver(tmp_path / "beta.sqlite", "beta")
    behind.product.add_host("beta", beta)
    behind.product.service.registry.set_adoption("beta", "all", ALICE)
    beta.define(behind.simulator.domain_xml(behind.web, inactive=True))
    assert behind.drift() == {"web domain": ("on alpha", "foreign")}
    behind.product.act("undefine")
    assert behind.drift("web") == {}
    assert [row.host_name for row in behind.product.queries.domains()] == ["beta"]


def test_what_is_adopted_is_recorded_in_the_name_of_who_asked(behind: Behind) -> None:
    behind.simulator.define(LOST)
    [taken] = working(behind.product, lambda: behind.product.service.adopting.adopt("alpha", BOB))
    assert taken["adopted"]
    assert set(contexts(behind.product, LOST_UUID)) == {(BOB.actor, BOB.reason, BOB.ticket, BOB.request_id)}
    entry = behind.product.service.log("lost", None, 1)[0]
    assert (entry["origin"], entry["actor"], entry["reason"]) == ("observed", BOB.actor, BOB.reason)


def test_why_a_domain_was_left_is_forgotten_when_it_is_there_no_more(behind: Behind, tmp_path: Path) -> None:
    beta, sightings = SimulatorDriver(tmp_path / "beta.sqlite", "beta"), Sightings(behind.product.database)
    host = str(behind.product.add_host("beta", beta).host)
    beta.define(behind.simulator.domain_xml(behind.web, inactive=True))
    working(behind.product, lambda: behind.product.service.adopting.adopt("beta", ALICE))
    behind.look()
    assert list(sightings.left_alone()[host]) == ["web"]
    beta.undefine(behind.web)
    behind.look()
    assert host not in sightings.left_alone()
    assert sightings.adopting(UUID(host)) == {}


def test_who_asks_for_a_domain_that_only_was_seen_hears_how_it_is_taken_in(behind: Behind) -> None:
    behind.simulator.define(LOST)
    behind.look()
    service = behind.product.service
    way = "it is on a host, but not recorded: 'revisor adopt --host alpha --name lost' takes it in"
    for ref, host in (("lost", None), ("lost", "alpha"), (LOST_UUID, None), (LOST_UUID.upper(), None)):
        for asked in (
            lambda ref=ref, host=host: service.act(ref, host, "start", {}, ALICE),
            lambda ref=ref, host=host: service.drifts.found(ref, host),
        ):
            with pytest.raises(NoDomain) as refusal:
                asked()
            assert refusal.value.message.endswith(f"; {way}")
    with pytest.raises(NoDomain) as refusal:
        service.act("elsewhere", None, "start", {}, ALICE)
    assert refusal.value.message.endswith("no domain with matching name 'elsewhere'")


def test_a_domain_that_no_adoption_takes_in_is_not_told_to_be_adopted(behind: Behind, tmp_path: Path) -> None:
    beta = SimulatorDriver(tmp_path / "beta.sqlite", "beta")
    behind.product.add_host("beta", beta)
    xml = behind.simulator.domain_xml(behind.web, inactive=True)
    beta.define(xml.replace("<name>web</name>", "<name>twin</name>"))
    behind.look()
    with pytest.raises(NoDomain) as refusal:
        behind.product.service.act("twin", None, "start", {}, ALICE)
    assert refusal.value.message.endswith("no domain with matching name 'twin'")


def test_what_we_just_made_is_no_stranger_while_read_models_are_behind(behind: Behind) -> None:
    product = behind.product
    other = WEB.replace("<name>web</name>", "<name>other</name>").replace("web.qcow2", "other.qcow2")
    product.service.define(other, "alpha", ALICE)

    def is_made() -> bool:
        behind.see()
        return not product.database.fetch("SELECT FROM work.operation_queue")

    eventually(is_made, what="it is made")
    behind.see()
    sightings = Sightings(product.database)
    assert sightings.strangers() == []
    behind.look()
    assert sightings.strangers() == []
    behind.simulator.define(LOST)
    behind.look()
    assert [each.name for each in sightings.strangers()] == ["lost"]


class OpenTransaction:
    """A database on one connection, whose transaction somebody else ends."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, query: str, *values: object) -> None:
        self._connection.execute(query.encode(), values)


def test_who_asks_while_a_look_is_taken_down_is_not_written_over(behind: Behind) -> None:
    database, host = behind.product.database, UUID(behind.product.service.host("alpha")["id"])
    sightings = Sightings(database)
    behind.look()
    sightings.unrecorded(host, {LOST_UUID: "lost"})
    sightings.want([str(host)], adopt=[LOST_UUID])
    with ThreadPoolExecutor(1) as looking, psycopg.connect(database.dsn) as asking:
        Sightings(cast("Database", OpenTransaction(asking))).ask_to_adopt(str(host), [LOST_UUID], BOB)
        look = looking.submit(sightings.unrecorded, host, {LOST_UUID: "found"})
        waiting = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND position('work.sightings s' IN query) > 0"
        eventually(lambda: (database.fetch_one(waiting) or {"n": 0})["n"], what="the look waits for the asker")
        asking.commit()
        look.result(30)
    wanted = sightings.adopting(host)
    assert wanted is not None
    assert (wanted[LOST_UUID].actor, wanted[LOST_UUID].reason) == (BOB.actor, BOB.reason)
    assert [each.name for each in sightings.strangers(str(host))] == ["found"]
