"""The product for the acceptance tests."""

from collections.abc import Iterator

import pytest

from tests.acceptance.counting import HOST, LedHost
from tests.acceptance.product import Product, new_product
from tests.lab.guest import build_counter_image
from tests.lab.hosts import LibvirtHost


@pytest.fixture
def product() -> Iterator[Product]:
    """A Revisor of this test's own, not started yet."""
    with new_product() as made:
        yield made


@pytest.fixture(scope="package")
def led(system_host: LibvirtHost) -> Iterator[LedHost]:
    """A real host and the Revisor that leads it, for all tests that bring guests of their own."""
    storage = system_host.root / "storage"
    storage.mkdir(exist_ok=True)
    with new_product() as made:
        made.up(**{HOST: system_host.uri})
        yield LedHost(made, system_host, build_counter_image(storage / "counter.qcow2"))
