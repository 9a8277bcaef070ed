"""Checkpoints and backups through the real log and read models, with an agent driven by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain_model.errors import InvalidArgument, InvalidFlags, MalformedXml, NoBackup, NoCheckpoint, Refused, XmlInvalid
from domain_model.flags import CheckpointCreate, CheckpointDelete
from drivers.port import Driver
from drivers.simulator import SimulatorDriver
from revisor.sightings import Sightings
from revisor.store.context import Context
from revisor.store.database import Database
from tests.integration.product import ALICE, WEB, Product
from tests.unit.stage import altered

PASSWORD = "s3cret-of-the-console"
WITH_PASSWORD = WEB.replace("</devices>", f"<graphics type='vnc' port='-1' passwd='{PASSWORD}'/></devices>")


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    """A running domain ``web`` on alpha."""
    product = Product(database, tmp_path)
    product.add_host("alpha")
    product.define(xml=WITH_PASSWORD)
    product.act("start")
    yield product
    product.close()


def simulator(product: Product) -> SimulatorDriver:
    return SimulatorDriver(product._folder / "alpha.sqlite", "alpha")


def uuid(product: Product) -> str:
    [domain] = product.service.domains(all_domains=True, host=None)
    return str(domain["uuid"])


def xml(name: str, description: str = "") -> str:
    return f"<domaincheckpoint><name>{name}</name><description>{description}</description></domaincheckpoint>"


def make(product: Product, *names: str) -> None:
    for name in names:
        assert product.act("checkpoint-create", xml=xml(name))["state"] == "succeeded"


def items(product: Product) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in product.service.checkpoints.all_of("web", None)}


def look_again(product: Product) -> None:
    """Let a fresh agent look closely at everything."""
    host = product.queries.host("alpha")
    assert host is not None
    relead(product, simulator(product)).agents["alpha"].run_once(float("inf"))
    product.queries.wait_for(product.application.reader.head(), 5)


def relead(product: Product, driver: Driver) -> Product:
    product.agents["alpha"].close()
    product.lead("alpha", driver)
    return product


def test_checkpoints_are_listed_with_their_place_in_the_tree(product: Product) -> None:
    make(product, "a", "b")
    product.act("checkpoint-create")

    found = items(product)
    [unnamed] = found.keys() - {"a", "b"}
    assert unnamed.isdecimal(), "it bears the second it was made in"
    assert [
        (found[name]["parent"], found[name]["children"], found[name]["current"]) for name in ("a", "b", unnamed)
    ] == [
        (None, ["b"], False),
        ("a", [unnamed], False),
        ("b", [], True),
    ]


def test_the_log_tells_in_a_few_words_what_became_of_them(product: Product) -> None:
    make(product, "a", "b")
    product.act("checkpoint-delete", name="a", context=Context("uid:7(bob)", reason="tidy"))
    product.act(
        "backup-begin", checkpoint_xml=xml("k"), xml="<domainbackup><incremental>b</incremental></domainbackup>"
    )
    look_again(product)

    told = [(e["topic"], e["summary"]) for e in product.service.log("web", None, 1000) if "." in e["topic"]]
    about = [(topic, words) for topic, words in told if topic.startswith(("checkpoint.", "backup."))]
    assert about == [
        ("checkpoint.created", "a"),
        ("checkpoint.created", "b"),
        ("checkpoint.deleted", "a"),
        ("backup.begun", "since b"),
        ("checkpoint.created", "k"),
        ("backup.ended", "completed"),
    ]
    [deleted] = [e for e in product.service.log("web", None, 1000) if e["topic"] == "checkpoint.deleted"]
    assert (deleted["actor"], deleted["reason"]) == ("uid:7(bob)", "tidy")


def test_a_dump_hides_secrets_and_showing_them_goes_on_record(product: Product) -> None:
    make(product, "a")
    dumped = product.service.checkpoints.xml

    shown = dumped("web", None, "a", ALICE, security_info=False, no_domain=False)
    bare = dumped("web", None, "a", ALICE, security_info=False, no_domain=True)
    whole = dumped("web", None, "a", ALICE, security_info=True, no_domain=False)

    assert whole == simulator(product).checkpoint_xml(uuid(product), "a")
    assert PASSWORD in whole
    assert PASSWORD not in shown
    assert "<domain" not in bare.replace("<domaincheckpoint", "")
    granted = product.application.reader.about_people("access.granted", 10)
    assert [(event.event.verb, event.event.target) for event in granted] == [("checkpoint-dumpxml", "web/a")]


def test_metadata_is_recreated_from_a_dump_with_its_secrets(product: Product) -> None:
    make(product, "a", "b")
    whole = product.service.checkpoints.xml("web", None, "b", ALICE, security_info=True, no_domain=False)
    product.act("checkpoint-delete", name="b", metadata=True)

    operation = product.act("checkpoint-create", xml=whole, redefine=True)

    assert (operation["verb"], operation["state"]) == ("checkpoint-redefine", "succeeded")
    assert simulator(product).checkpoint_xml(uuid(product), "b") == whole
    assert items(product)["b"]["parent"] == "a"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"xml": xml("a/b")}, XmlInvalid),
        ({"xml": "<domainsnapshot/>"}, MalformedXml),
        ({"redefine": True}, InvalidArgument),
        ({"redefine": True, "xml": xml("a")}, Refused),
        ({"redefine": True, "quiesce": True}, InvalidFlags),
        ({"redefine_validate": True}, InvalidFlags),
        ({"xml": xml("x" * 252)}, Refused),
    ],
)
def test_what_is_refused_reaches_no_hypervisor(
    product: Product, arguments: dict[str, Any], kind: type[Refused]
) -> None:
    with pytest.raises(kind):
        product.service.act("web", None, "checkpoint-create", arguments, ALICE)

    [attempt] = product.service.attempts(10)
    assert attempt["verb"] == "checkpoint-create"


def test_metadata_of_another_domain_is_refused_with_8(product: Product) -> None:
    make(product, "a")
    whole = product.service.checkpoints.xml("web", None, "a", ALICE, security_info=True, no_domain=False)

    other = whole.replace(uuid(product), str(uuid4()))

    with pytest.raises(InvalidArgument, match="definition for checkpoint a must use uuid"):
        product.service.act("web", None, "checkpoint-create", {"redefine": True, "xml": other}, ALICE)


def test_the_same_request_id_is_the_same_checkpoint_even_without_a_name(product: Product) -> None:
    context = Context("me", request_id=uuid4())

    first = product.act("checkpoint-create", context=context)
    again = product.act("checkpoint-create", context=context)

    assert first["id"] == again["id"]
    assert len(items(product)) == 1


def test_what_others_did_is_adopted_on_a_close_look(product: Product) -> None:
    make(product, "a", "b")
    simulator(product).checkpoint_create(uuid(product), xml("c"), CheckpointCreate(0))
    simulator(product).checkpoint_delete(uuid(product), "a", CheckpointDelete(0))

    look_again(product)

    assert {name: item["parent"] for name, item in items(product).items()} == {"b": None, "c": "b"}


def test_a_fresh_answer_has_what_others_did_a_moment_ago(product: Product) -> None:
    make(product, "a")
    agent = product.agents["alpha"]
    agent.run_once(float("inf"))
    simulator(product).checkpoint_create(uuid(product), xml("b"), CheckpointCreate(0))

    asking = Thread(target=product.service.observe_closely, args=("web", None))
    asking.start()
    while asking.is_alive():
        agent.run_once(0.0)

    assert items(product).keys() == {"a", "b"}


def test_a_close_look_is_told_once_to_whoever_looks(product: Product) -> None:
    sightings, host = Sightings(product.database), product.queries.host("alpha")
    assert host is not None
    one, other = uuid4(), uuid4()

    for domains in ([one], [], [other]):
        sightings.want([host.id], closely=domains)

    assert [sightings.closely(UUID(host.id)) for _ in range(2)] == [{one, other}, frozenset()]


def test_a_backup_that_runs_shows_its_xml_and_one_that_is_over_how_it_ended(product: Product) -> None:
    with pytest.raises(NoBackup):
        product.service.checkpoints.backup("web", None)
    shown = "<domainbackup mode='push'>\n</domainbackup>\n"
    driver = altered(simulator(product), backup_end=lambda _: None, backup_xml=lambda _: shown)
    relead(product, driver).act("backup-begin", checkpoint_xml=xml("k"))

    running = product.service.checkpoints.backup("web", None)
    assert (running["state"], running["checkpoint"], running["ended_at"]) == ("running", "k", None)
    assert product.service.checkpoints.backup_xml("web", None) == shown

    look_again(product)
    over = product.service.checkpoints.backup("web", None)
    assert (over["state"], over["operation"], over["ended_at"] is None) == ("completed", running["operation"], False)
    with pytest.raises(NoBackup):
        product.service.checkpoints.backup_xml("web", None)


def test_undefining_needs_the_flag_and_takes_them_along(product: Product) -> None:
    make(product, "a")
    product.act("destroy")

    with pytest.raises(Refused, match="cannot delete inactive domain with 1 checkpoints"):
        product.service.act("web", None, "undefine", {}, ALICE)
    assert product.act("undefine", checkpoints_metadata=True)["state"] == "succeeded"
    assert product.define(xml=WITH_PASSWORD)["state"] == "succeeded"

    assert items(product) == {}


def test_one_that_is_not_there_is_error_103(product: Product) -> None:
    asks: tuple[Callable[[], object], ...] = (
        lambda: product.service.checkpoints.one("web", None, "x"),
        lambda: product.service.checkpoints.xml("web", None, "x", ALICE, security_info=False, no_domain=False),
        lambda: product.service.act("web", None, "checkpoint-delete", {"name": "x"}, ALICE),
    )
    for ask in asks:
        with pytest.raises(NoCheckpoint):
            ask()
