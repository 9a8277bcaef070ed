"""Each row of libvirt's rules, asked through Revisor of a simulated host and of a real QEMU host: the same numbers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.libvirt import LibvirtDriver
from drivers.simulator import SimulatorDriver
from migrations.runner import migrate
from revisor.embedded_postgres.cluster import APPLICATION
from revisor.store.database import Database
from tests.integration.product import ALICE, Product
from tests.integration.semantics.checkpoint_rows import CHECKPOINTS
from tests.integration.semantics.creation_rows import CREATION, FLAGS
from tests.integration.semantics.lifecycle_rows import TRANSITIONS, UNDEFINE
from tests.integration.semantics.redefine_rows import REDEFINE
from tests.integration.semantics.revert_rows import DELETE, REVERT
from tests.integration.semantics.row import Row
from tests.integration.semantics.world import QEMU, SIMULATOR, World
from tests.lab.databases import Server
from tests.lab.hosts import LibvirtHost

ROWS = [*FLAGS, *CREATION, *REDEFINE, *REVERT, *DELETE, *UNDEFINE, *CHECKPOINTS, *TRANSITIONS]


@pytest.fixture(scope="module")
def product(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One product for all rows: each has a domain of its own."""
    postgres.empty()
    migrate(postgres.dsn("revisor_owner"), application_role=APPLICATION)
    database = Database(postgres.dsn("revisor"))
    database.open()
    made = Product(database, tmp_path_factory.mktemp("rows"))
    yield made
    made.close()
    database.close()


@pytest.fixture(scope="module")
def simulated(product: Product, tmp_path_factory: pytest.TempPathFactory) -> str:
    product.add_host("sim", SimulatorDriver(tmp_path_factory.mktemp("sim") / "sim.sqlite", "sim"))
    return "sim"


@pytest.fixture(scope="module")
def real(product: Product, system_host: LibvirtHost) -> str:
    product.service.registry.add("real", system_host.uri, ALICE)
    product.lead("real", LibvirtDriver(system_host.uri))
    return "real"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_the_simulator_answers_as_the_row_says(row: Row, product: Product, simulated: str, tmp_path: Path) -> None:
    _try(row, World(product, simulated, SIMULATOR, tmp_path))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_qemu_answers_as_the_row_says(row: Row, product: Product, real: str, tmp_path: Path) -> None:
    _try(row, World(product, real, QEMU, tmp_path))


def _try(row: Row, world: World) -> None:
    try:
        row.tried_in(world)
    finally:
        world.clear()
