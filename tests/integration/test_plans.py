"""Plans are drawn up from the record and do nothing; what would destroy a base image is refused, asked or planned."""

from typing import Any

import pytest

from domain_model.adoption import Adoption
from domain_model.domain import Domain
from domain_model.errors import NoSnapshot, OperationInvalid, Refused
from drivers.simulator import SimulatorDriver
from tests.integration.product import ALICE, WEB, Product

BASE = "/images/web.qcow2"


def plan(product: Product, verb: str, **arguments: Any) -> dict[str, Any]:
    return product.service.plan("web", None, verb, arguments, ALICE)


def see_images(
    product: Product, name: str, files: list[str], *, names: dict[str, str] | None = None, why: str | None = None
) -> None:
    """Record what an agent saw of a domain's image chain."""
    row = product.queries.find_placements(name)[0]

    def seen(domain: Domain) -> None:
        adoption = Adoption(domain, row.host, product.application.now())
        adoption.record(
            Domain.ImagesSeen, files={"vda": files}, names=names or {}, cut={} if why is None else {"vda": why}
        )

    position = product.application.change(Domain, row.domain, seen, ALICE)
    product.queries.wait_for(position, 10)


def with_a_clone(product: Product) -> None:
    clone = WEB.replace("<name>web</name>", "<name>clone</name>").replace(BASE, "/images/clone.qcow2")
    assert product.define(xml=clone)["state"] == "succeeded"
    see_images(product, "web", [BASE])
    see_images(product, "clone", ["/images/clone.qcow2", BASE])


def test_a_plan_tells_and_does_nothing(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    product.act("snapshot-create", name="s2")
    before = product.application.reader.head()
    planned = plan(product, "snapshot-delete", name="s1")
    assert product.application.reader.head() == before
    assert planned["snapshots"] == [{"name": "s1", "fate": "is deleted"}, {"name": "s2", "fate": "becomes a root"}]
    assert planned["files"] == [{"name": BASE, "fate": "the snapshot s1 in it is removed"}]
    assert (planned["verb"], planned["domain"], planned["reversible"]) == ("snapshot-delete", "web", False)


def test_what_cannot_be_looked_into_is_said_to_be_unknown(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    assert plan(product, "snapshot-delete", name="s1")["unknown"]
    assert plan(product, "snapshot-delete", name="s1", metadata=True)["unknown"] == [], "no file is touched"
    see_images(product, "web", [BASE])
    assert plan(product, "snapshot-delete", name="s1")["unknown"] == []


def test_a_plan_is_refused_as_the_verb_would_be_and_the_refusal_recorded(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    with pytest.raises(OperationInvalid, match="cannot delete inactive domain with 1 snapshots"):
        plan(product, "undefine")
    with pytest.raises(NoSnapshot):
        plan(product, "snapshot-revert", name="x")
    assert [entry["verb"] for entry in product.service.attempts(10)] == ["undefine --plan", "snapshot-revert --plan"]


def test_a_revert_to_what_is_missing_is_refused_before_anything_is_touched_asked_or_planned(
    product: Product, simulator: SimulatorDriver
) -> None:
    product.act("start")
    product.act("snapshot-create", name="s1")
    (web,) = simulator.domains()
    assert plan(product, "snapshot-revert", name="s1")["snapshots"]
    simulator.erase(BASE, "s1")
    asked = product.act("snapshot-revert", name="s1")
    assert (asked["state"], asked["error"]["code"]) == ("failed", 55)
    with pytest.raises(OperationInvalid, match=f"'s1' is missing: {BASE} holds no snapshot 's1'"):
        plan(product, "snapshot-revert", name="s1")
    assert [(seen.state, seen.hypervisor_id) for seen in simulator.domains()] == [(web.state, web.hypervisor_id)]


def test_a_plan_on_a_replica_is_refused_as_the_verb_is(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    product.add_host("beta")
    assert product.settle(product.service.act("web", None, "replay", {"to": "beta"}, ALICE))["state"] == "succeeded"
    with pytest.raises(OperationInvalid, match="is a replica"):
        product.service.plan("web", "beta", "snapshot-delete", {"name": "s1"}, ALICE)


def test_a_verb_without_a_plan_names_those_that_have_one(product: Product) -> None:
    with pytest.raises(Refused) as refusal:
        plan(product, "start")
    assert (refusal.value.number, refusal.value.accepted) == (8, "snapshot-delete, snapshot-revert, undefine")


def test_reverting_a_base_under_a_living_clone_is_refused_asked_or_planned(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    with_a_clone(product)
    for ask in (plan, lambda product, verb, **more: product.act(verb, **more)):
        with pytest.raises(OperationInvalid) as refusal:
            ask(product, "snapshot-revert", name="s1")
        assert f"{BASE} is needed by clone" in refusal.value.message
        assert refusal.value.value == BASE


def test_a_clone_that_is_gone_stands_in_nobodys_way(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    with_a_clone(product)
    product.settle(product.service.act("clone", None, "undefine", {}, ALICE))
    assert product.act("snapshot-revert", name="s1")["state"] == "succeeded"


def test_a_clone_is_found_by_whichever_name_its_base_is_called(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    with_a_clone(product)
    see_images(product, "web", ["/real/web.qcow2"], names={BASE: "/real/web.qcow2"})
    see_images(product, "clone", ["/images/clone.qcow2", "/real/web.qcow2"])
    with pytest.raises(OperationInvalid, match=f"{BASE} is needed by clone"):
        product.act("snapshot-revert", name="s1")


def test_chains_that_could_not_be_followed_to_their_end_are_told_of(product: Product) -> None:
    product.act("snapshot-create", name="s1")
    with_a_clone(product)
    see_images(product, "web", [BASE], why="/images/below.qcow2 cannot be read: Permission denied")
    see_images(product, "clone", ["/images/clone.qcow2"], why="/nfs/base.qcow2 cannot be read: Stale file handle")
    assert plan(product, "snapshot-delete", name="s1")["unknown"] == [
        "what disk vda stands on is not all known: /images/below.qcow2 cannot be read: Permission denied",
        "what else domain 'clone' stands on is not known: /nfs/base.qcow2 cannot be read: Stale file handle",
    ]
