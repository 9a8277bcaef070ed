"""A rename moves a name: the old one is free, the new one taken, and the history is found by both."""

from uuid import uuid4

import pytest

from domain_model.errors import NoDomain, Refused
from drivers.abilities import Tuning
from revisor.store.context import Context
from tests.integration.hosted import Hosted, hosted

__all__ = ["hosted"]  # pytest finds fixtures by name


def test_a_renamed_domain_is_found_by_its_new_name_and_its_log_by_both(hosted: Hosted) -> None:
    hosted.define()
    hosted.product.act("snapshot-create", name="s")

    hosted.does("domrename", name="shop")

    hosted.shows("shop", state="shut off", persistent=True)
    with pytest.raises(NoDomain):
        hosted.product.service.domain("web", None)
    service = hosted.product.service
    assert [item["name"] for item in service.snapshots("shop", None)] == ["s"]
    entries = {name: [entry["topic"] for entry in service.log(name, None, 100)] for name in ("web", "shop")}
    assert entries["web"] == entries["shop"]
    assert "domain.renamed" in entries["shop"]


def test_a_rename_that_is_asked_for_again_is_the_same_operation(hosted: Hosted) -> None:
    hosted.define()
    context = Context("me", request_id=uuid4())

    first = hosted.product.act("domrename", context=context, name="shop")
    again = hosted.product.act("domrename", context=context, name="shop")

    assert (again["id"], again["state"]) == (first["id"], "succeeded")


def test_the_old_name_of_a_renamed_domain_is_free_and_the_new_one_taken(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("domrename", name="shop")

    hosted.define("web")

    hosted.shows("shop")
    hosted.shows("web")
    with pytest.raises(Refused) as refusal:
        hosted.define("shop")
    assert refusal.value.number == 9
    message = hosted.refuses(55, "domrename", name="shop")
    assert message == "Requested operation is not valid: domain with name 'shop' already exists"


def test_a_rename_behind_our_back_moves_the_name_here_too(hosted: Hosted) -> None:
    hosted.define()
    assert isinstance(hosted.driver, Tuning)
    hosted.driver.rename(hosted.product.service.domain("web", None)["uuid"], "shop")

    hosted.product.agents["alpha"].run_once(float("inf"))
    hosted.product.queries.wait_for(hosted.product.service.position(), 5)

    hosted.shows("shop", state="shut off")
    hosted.define("web")
    hosted.refuses(55, "domrename", name="shop")


def test_a_name_that_only_the_hypervisor_knows_is_refused_by_it_and_stays_free_here(hosted: Hosted) -> None:
    hosted.define()
    hosted.driver.define(
        hosted.text(inactive=True)
        .replace("<name>web</name>", "<name>shop</name>")
        .replace(
            next(d["uuid"] for d in hosted.product.service.domains(all_domains=True, host=None) if d["name"] == "web"),
            "5b3d01ff-c41c-4f37-9752-fa7eaa300623",
        )
    )

    operation = hosted.product.act("domrename", name="shop")

    assert (operation["state"], operation["error"]["code"]) == ("failed", 55)
    hosted.shows("web")
    hosted.driver.undefine("5b3d01ff-c41c-4f37-9752-fa7eaa300623")
    hosted.does("domrename", name="shop")


def test_what_forbids_a_rename_is_said_before_the_name_is_looked_at(hosted: Hosted) -> None:
    hosted.define()
    hosted.define("shop")
    hosted.does("start")

    assert "cannot rename active domain" in hosted.refuses(55, "domrename", name="shop")
    hosted.does("destroy")
    hosted.refuses(27, "domrename", name="w/eb")
    hosted.refuses(55, "domrename", name="web")
