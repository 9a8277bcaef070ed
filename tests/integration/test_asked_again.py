"""The same command under the same request id is the same operation, whatever it did to the domain meanwhile."""

from dataclasses import replace
from uuid import uuid4

import pytest

from domain_model.errors import InvalidArgument, NoDomain, OperationFailed, OperationInvalid
from domain_model.host import Host
from domain_model.names import HOSTS, Name
from tests.integration.product import ALICE, Product


def test_an_undefine_asked_again_is_the_same_operation_though_the_domain_is_gone(product: Product) -> None:
    once = replace(ALICE, request_id=uuid4())
    first = product.act("undefine", context=once)

    assert product.act("undefine", context=once)["id"] == first["id"]
    with pytest.raises(NoDomain):
        product.act("undefine", context=replace(ALICE, request_id=uuid4()))
    with pytest.raises(InvalidArgument, match="another command"):
        product.act("destroy", context=once)


def test_it_is_the_same_operation_though_another_domain_bears_the_name_now(product: Product) -> None:
    once = replace(ALICE, request_id=uuid4())
    first = product.act("undefine", context=once)
    product.define()

    assert product.act("undefine", context=once)["id"] == first["id"]
    assert [row["name"] for row in product.service.domains(all_domains=True, host=None)] == ["web"]


def test_a_start_asked_again_after_a_handover_is_the_same_operation(product: Product) -> None:
    product.add_host("beta")
    once = replace(ALICE, request_id=uuid4())
    first = product.act("start", context=once)
    product.act("destroy")
    assert product.act("replay", to="beta")["state"] == "succeeded"
    assert product.act("handover", to="beta")["state"] == "succeeded"

    assert product.act("start", context=once)["id"] == first["id"]


def test_a_removed_host_and_its_free_name_are_one_save(product: Product) -> None:
    product.act("undefine")
    product.service.registry.remove("alpha", ALICE)

    (removed,) = [e for e in product.application.reader.read(0, 1000) if isinstance(e.event, Host.Removed)]
    (released,) = product.application.reader.stream(Name.id_of(HOSTS, "alpha"))[1:]
    assert released.position == removed.position + 1
    assert released.recorded_at == removed.recorded_at
    assert product.service.registry.add("alpha", "simulator:///other", ALICE)["uri"] == "simulator:///other"


def test_a_new_uri_asked_for_again_is_not_set_again_though_another_host_has_it_by_now(product: Product) -> None:
    registry, once = product.service.registry, replace(ALICE, request_id=uuid4())
    registry.set_uri("alpha", "simulator:///moved", once)
    registry.set_uri("alpha", "simulator:///alpha", ALICE)
    registry.add("beta", "simulator:///moved", ALICE)
    assert registry.set_uri("alpha", "simulator:///moved", once)["uri"] == "simulator:///alpha"
    with pytest.raises(InvalidArgument, match="request id"):
        registry.set_uri("alpha", "simulator:///elsewhere", once)


def test_a_host_that_is_added_again_under_the_same_id_is_not_added_twice(product: Product) -> None:
    once, add = replace(ALICE, request_id=uuid4()), product.service.registry.add
    assert add("beta", "simulator:///beta", once)["added"]
    assert add("beta", "simulator:///beta", once)["added"]
    product.service.registry.remove("beta", replace(ALICE, request_id=uuid4()))
    with pytest.raises(InvalidArgument, match="no host with name 'beta'"):
        add("beta", "simulator:///beta", once)


def test_a_host_that_was_there_when_it_was_asked_for_is_not_added_later_under_the_same_id(product: Product) -> None:
    once, add = replace(ALICE, request_id=uuid4()), product.service.registry.add
    assert not add("alpha", "simulator:///alpha", once)["added"]
    assert not add("alpha", "simulator:///alpha", once)["added"]


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_an_id_of_another_command_adds_no_host(product: Product, name: str) -> None:
    once = replace(ALICE, request_id=uuid4())
    product.act("start", context=once)
    with pytest.raises(InvalidArgument, match="another command"):
        product.service.registry.add(name, f"simulator:///{name}", once)


def test_nothing_is_begun_under_an_id_while_a_restore_waits(product: Product) -> None:
    product.database.execute("INSERT INTO work.restores (why, position) SELECT 'a backup', position FROM log.head")
    once = replace(ALICE, request_id=uuid4())
    with pytest.raises(OperationInvalid, match="acknowledge-restore"):
        product.service.registry.add("beta", "simulator:///beta", once)
    with pytest.raises(OperationInvalid, match="acknowledge-restore"):
        product.service.schedules.add("nightly", once, cron="30 2 * * *", whose={"all": True})


def test_a_secret_that_was_erased_is_a_refusal(product: Product) -> None:
    domain = product.queries.find_placements("web")[0].domain
    xml = "<domain type='kvm'><name>n</name><devices><graphics type='vnc' passwd='hunter2'/></devices></domain>"
    redacted = product.application.vault.redact(domain, xml)
    assert "hunter2" not in redacted
    product.database.execute("DELETE FROM work.vault_keys WHERE domain = %s", domain)

    with pytest.raises(OperationFailed, match="it was erased, or left out of a restore"):
        product.application.vault.restore(domain, redacted)
