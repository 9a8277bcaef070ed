"""The product for the acceptance tests."""

from collections.abc import Iterator

import pytest

from tests.acceptance.product import Product, new_product


@pytest.fixture
def product() -> Iterator[Product]:
    """A Revisor of this test's own, not started yet."""
    with new_product() as made:
        yield made
