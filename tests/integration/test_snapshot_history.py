"""What the log remembers of snapshots, through the service:
batches, undeleting, restoring, and whether data is there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from domain_model import domain_xml
from domain_model.errors import Refused
from domain_model.flags import SnapshotCreate, Start
from drivers.images import ImageFindings, SnapshotPresence
from drivers.libvirt import LibvirtDriver
from drivers.simulator import SimulatorDriver
from revisor.store.context import Context
from revisor.store.database import Database
from tests.integration.product import ALICE, WEB, Product
from tests.lab.daemon import TestDaemon
from tests.unit.stage import altered

UUID = "11111111-2222-4333-8444-555555555555"
NAMED = domain_xml.with_uuid(WEB, UUID)


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    product = Product(database, tmp_path)
    product.add_host("alpha")
    yield product
    product.close()


def create(product: Product, xml: str = NAMED) -> dict[str, Any]:
    ended = product.settle(product.service.create(xml, "alpha", Start(0), ALICE))
    assert ended["state"] == "succeeded", ended
    return ended


def grow(product: Product) -> dict[str, str]:
    """The tree a > b > c with c current; returns its dumps."""
    for name in "abc":
        assert product.act("snapshot-create", name=name, description=f"the {name} one")["state"] == "succeeded"
    return dumps(product)


def dumps(product: Product) -> dict[str, str]:
    names = [entry["name"] for entry in product.service.snapshots("web", None)]
    return {name: product.service.snapshot_xml("web", None, name, ALICE, security_info=False) for name in names}


def tree(product: Product) -> dict[str, str | None]:
    return {entry["name"]: entry["parent"] for entry in product.service.snapshots("web", None)}


def current(product: Product) -> str | None:
    return next((entry["name"] for entry in product.service.snapshots("web", None) if entry["current"]), None)


def refused(product: Product, verb: str, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as refusal:
        product.service.act("web", None, verb, arguments, ALICE)
    return refusal.value.number, refusal.value.message


def test_a_whole_tree_is_redefined_from_files_in_any_order(product: Product) -> None:
    product.define()
    told = grow(product)
    product.act("snapshot-delete", name="a", children=True, metadata=True)
    assert tree(product) == {}
    batch = product.act("snapshot-create", redefine=True, xmls=[told["c"], told["a"], told["b"]])
    assert (batch["verb"], batch["state"]) == ("snapshot-redefine", "succeeded")
    assert batch["result"] == {"snapshots": ["a", "b", "c"]}
    assert (dumps(product), current(product)) == (told, "c")


def test_the_same_files_in_another_order_under_one_request_id_are_the_same_operation(product: Product) -> None:
    product.define()
    told = grow(product)
    once = Context("uid:1000(alice)", request_id=uuid4())
    first = product.act("snapshot-create", context=once, redefine=True, xmls=[told["a"], told["b"]])
    again = product.act("snapshot-create", context=once, redefine=True, xmls=[told["b"], told["a"]])
    assert first["id"] == again["id"]


def test_a_batch_that_is_not_closed_is_refused_as_a_whole_and_on_record(product: Product) -> None:
    product.define()
    told = grow(product)
    product.act("snapshot-delete", name="a", children=True, metadata=True)
    number, message = refused(product, "snapshot-create", redefine=True, xmls=[told["c"], told["a"]])
    assert (number, message) == (8, "invalid argument: parent b for moment c not found")
    assert product.service.attempts(1)[0]["code"] == 8
    assert tree(product) == {}


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ({"redefine": True}, 8),
        ({"redefine": True, "current": True, "xmls": ["a", "b"]}, 8),
        ({"xmls": ["a"]}, 8),
        ({"redefine": True, "xmls": ["a", "nonsense"]}, 27),
        ({"redefine": True, "xmls": ["a", "a"]}, 8),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(product: Product, arguments: dict[str, Any], number: int) -> None:
    product.define()
    told = grow(product)
    texts = {"xmls": [told.get(text, text) for text in arguments["xmls"]]} if "xmls" in arguments else {}
    assert refused(product, "snapshot-create", **{**arguments, **texts})[0] == number


def test_of_many_documents_the_one_that_is_none_is_named(product: Product) -> None:
    product.define()
    told = grow(product)
    with pytest.raises(Refused) as refusal:
        product.act("snapshot-create", redefine=True, xml=told["b"], xmls=[told["a"], "<domainsnapshot/>"])
    assert refusal.value.field == "xmls[1]/name"


def test_an_empty_document_is_no_document_and_not_none_at_all(product: Product) -> None:
    product.define()
    assert refused(product, "snapshot-create", xml="")[0] == 27
    assert tree(product) == {}


@pytest.mark.parametrize("field", ["name", "description"])
def test_what_the_xml_says_is_not_said_beside_it(product: Product, field: str) -> None:
    product.define()
    said: dict[str, Any] = {"xml": "<domainsnapshot/>", field: "s"}
    with pytest.raises(Refused, match=f"the XML says its {field}") as refusal:
        product.act("snapshot-create", **said)
    assert (refusal.value.number, refusal.value.field) == (8, field)


def test_an_undeleted_snapshot_is_back_with_children_current_mark_and_id(product: Product) -> None:
    product.define()
    told = grow(product)
    ids = {entry["name"]: entry["id"] for entry in product.service.snapshots("web", None)}
    product.act("snapshot-current", name="b")
    product.act("snapshot-delete", name="b", metadata=True)
    assert (tree(product), current(product)) == ({"a": None, "c": "a"}, "a")
    undeleted = product.act("snapshot-undelete", name="b")
    assert (undeleted["state"], undeleted["result"]) == ("succeeded", {"snapshots": ["b", "c"]})
    assert (dumps(product), current(product)) == (told, "b")
    assert {entry["name"]: entry["id"] for entry in product.service.snapshots("web", None)} == ids


def test_undeleting_says_what_could_be_undeleted(product: Product) -> None:
    product.define()
    grow(product)
    product.act("snapshot-delete", name="b", metadata=True)
    with pytest.raises(Refused) as refusal:
        product.service.act("web", None, "snapshot-undelete", {"name": "x"}, ALICE)
    assert (refusal.value.number, refusal.value.accepted) == (72, "b")
    assert refused(product, "snapshot-undelete", name="c")[0] == 9


def test_the_log_tells_what_a_redefinition_replaced(product: Product) -> None:
    product.define()
    told = grow(product)
    edited = told["b"].replace("the b one", "another description")
    product.act("snapshot-create", redefine=True, xml=edited)
    event = next(e for e in product.service.log("web", None, 100)[::-1] if e["topic"] == "snapshot.redefined")
    assert event["data"]["description"] == "another description"
    assert "the b one" in product.application.documents.get(event["data"]["replaced"]["header"])


def test_a_transient_domain_made_again_gets_its_tree_back_and_can_be_reverted(product: Product) -> None:
    create(product)
    told = grow(product)
    product.act("destroy")
    create(product)
    assert tree(product) == {}
    replay = product.act("replay")
    assert replay["state"] == "succeeded"
    assert (replay["result"]["identical"], replay["result"]["total"]) == (3, 3)
    assert replay["result"]["current"] == {"recorded": "c", "found": "c"}
    assert (dumps(product), current(product)) == (told, "c")
    assert product.act("snapshot-revert", name="a")["state"] == "succeeded"
    assert current(product) == "a"


def test_the_same_name_with_another_uuid_is_another_domain(product: Product) -> None:
    create(product)
    told = grow(product)
    product.act("destroy")
    create(product, domain_xml.with_uuid(WEB, str(uuid4())))
    assert refused(product, "replay")[0] == 55
    number, message = refused(product, "snapshot-create", redefine=True, xmls=list(told.values()))
    assert number == 8
    assert "must use uuid" in message


def test_a_domain_that_is_not_there_has_nothing_to_restore(product: Product) -> None:
    create(product)
    grow(product)
    product.act("destroy")
    assert refused(product, "replay")[0] == 42


def test_a_snapshot_whose_data_is_gone_is_shown_as_missing(database: Database, tmp_path: Path) -> None:
    product = Product(database, tmp_path)
    simulator = SimulatorDriver(tmp_path / "alpha.sqlite", "alpha")
    found = {
        "a": SnapshotPresence(present=True),
        "b": SnapshotPresence(present=False, why="no snapshot 'b' in x.qcow2"),
    }
    looking = altered(simulator, snapshot_presence=lambda _: ImageFindings(found), image_chains=lambda _: [])
    product.add_host("alpha", looking)
    product.define()
    grow(product)
    shown = {e["name"]: (e["presence"], e["why"]) for e in product.service.snapshots("web", None)}
    assert shown == {"a": ("present", None), "b": ("missing", "no snapshot 'b' in x.qcow2"), "c": ("unverified", None)}
    entry = next(e for e in product.service.log("web", None, 100)[::-1] if e["topic"] == "snapshot.verified")
    assert entry["summary"] == "1 missing"
    product.close()


def test_snapshots_redefined_on_the_hypervisor_itself_are_the_ones_they_were(
    database: Database, tmp_path: Path
) -> None:
    product = Product(database, tmp_path)
    simulator = SimulatorDriver(tmp_path / "alpha.sqlite", "alpha")
    product.add_host("alpha", simulator)
    product.define()
    told = grow(product)
    ids = {entry["name"]: entry["id"] for entry in product.service.snapshots("web", None)}
    product.act("snapshot-delete", name="a", children=True, metadata=True)
    uuid = product.service.domain("web", None)["uuid"]
    for name in "abc":
        simulator.snapshot_create(uuid, told[name], SnapshotCreate.REDEFINE)
    product.act("start")
    assert {entry["name"]: entry["id"] for entry in product.service.snapshots("web", None)} == ids
    product.close()


@pytest.fixture
def beside_libvirt(database: Database, test_daemon: TestDaemon) -> Iterator[Product]:
    """A domain named web on libvirt's own test driver, behind its daemon."""
    product = Product(database, Path())
    driver = LibvirtDriver(test_daemon.uri)
    product.add_host("alpha", driver)
    definition = domain_xml.with_uuid(WEB.replace("type='qemu'", "type='test'", 1), str(uuid4()))
    assert product.define(xml=definition)["state"] == "succeeded"
    yield product
    product.act("undefine", snapshots_metadata=True)
    product.close()
    driver.close()


@pytest.mark.hypervisor
def test_on_libvirts_test_driver_a_redefined_snapshot_has_its_children_and_the_current_mark_again(
    beside_libvirt: Product,
) -> None:
    product = beside_libvirt
    told = grow(product)
    product.act("snapshot-current", name="b")
    product.act("snapshot-delete", name="b", metadata=True)
    assert (tree(product), current(product)) == ({"a": None, "c": "a"}, "a")
    assert product.act("snapshot-create", redefine=True, xml=told["b"])["result"]["snapshots"] == ["b", "c"]
    assert (tree(product), current(product)) == ({"a": None, "b": "a", "c": "b"}, "b")
    assert dumps(product) == told


@pytest.mark.hypervisor
def test_on_libvirts_test_driver_a_tree_lost_by_undefining_is_restored_and_reverted_to(
    beside_libvirt: Product,
) -> None:
    product = beside_libvirt
    told = grow(product)
    definition = product.service.domain_xml("web", None, ALICE, inactive=True, security_info=False)
    product.act("undefine", snapshots_metadata=True)
    product.define(xml=definition)
    replay = product.act("replay")
    assert (replay["state"], replay["result"]["identical"]) == ("succeeded", 3)
    assert (dumps(product), current(product)) == (told, "c")
    assert product.act("snapshot-revert", name="b")["state"] == "succeeded"
