"""A host whose URI leads to another hypervisor is not believed: what is not there is not gone."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.simulator import SimulatorDriver
from revisor.store.database import Database
from tests.integration.product import ALICE, Product


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    made = Product(database, tmp_path)
    yield made
    made.close()


def test_the_domains_of_a_host_stay_recorded_when_its_uri_leads_elsewhere(product: Product, tmp_path: Path) -> None:
    product.add_host("alpha")
    product.define()
    product.agents["alpha"].close()
    product.service.registry.set_uri("alpha", "simulator:///elsewhere", ALICE)

    product.lead("alpha", SimulatorDriver(tmp_path / "elsewhere.sqlite", "elsewhere"))
    product.agents["alpha"].run_once(time.monotonic())
    product.queries.wait_for(product.application.reader.head(), 10)

    host = product.service.host("alpha")
    assert host["state"] == "unreachable"
    assert "'elsewhere' with host uuid" in host["problem"]
    assert [row["name"] for row in product.service.domains(all_domains=True, host="alpha")] == ["web"]

    product.service.registry.set_uri("alpha", "simulator:///alpha", ALICE)
    product.lead("alpha", SimulatorDriver(tmp_path / "alpha.sqlite", "alpha"))
    product.agents["alpha"].run_once(time.monotonic())
    assert product.service.host("alpha")["state"] == "connected"
