"""What a test of the whole service has, unless it wants another beginning."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from revisor.store.database import Database
from tests.integration.product import Product


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    """Revisor with one simulated host, ``alpha``, on which ``web`` is defined."""
    made = Product(database, tmp_path)
    made.add_host("alpha")
    made.define()
    yield made
    made.close()
