"""What a test of the whole service has, unless it wants another beginning."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.simulator import SimulatorDriver
from revisor.store.database import Database
from tests.integration.behind import Behind
from tests.integration.clockwork import Clockwork
from tests.integration.product import Product


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    """Revisor with one simulated host, ``alpha``, on which ``web`` is defined."""
    made = Product(database, tmp_path)
    made.add_host("alpha")
    made.define()
    yield made
    made.close()


@pytest.fixture
def simulator(tmp_path: Path) -> SimulatorDriver:
    return SimulatorDriver(tmp_path / "alpha.sqlite", "alpha")


@pytest.fixture
def behind(database: Database, tmp_path: Path, simulator: SimulatorDriver) -> Iterator[Behind]:
    """The same, with a hand on the host behind Revisor's back."""
    product = Product(database, tmp_path)
    product.add_host("alpha", simulator)
    product.define()
    yield Behind(product, simulator)
    product.close()


@pytest.fixture
def clockwork(database: Database, tmp_path: Path) -> Iterator[Clockwork]:
    made = Clockwork(database, tmp_path)
    yield made
    made.product.close()
