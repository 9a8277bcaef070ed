"""A server that waits for the disk, as people's do, for all faults that kill it; and how long this run is to be."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from revisor.embedded_postgres.server import EmbeddedPostgres
from tests.acceptance.product import Product, new_product
from tests.integration.postgres_probe import closed_folder
from tests.lab.databases import Server

ROUNDS = int(os.environ.get("REVISOR_FAULT_ROUNDS", "1"))
"""How often each fault is made: once wherever tests run, more often by ``make soak``."""
_LIMIT_S = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longer runs may take longer."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(_LIMIT_S * ROUNDS))


@dataclass(frozen=True)
class Durable:
    """A server with PostgreSQL's own durability, and its home."""

    server: EmbeddedPostgres
    home: Path


@pytest.fixture(scope="package")
def durable() -> Iterator[Durable]:
    with closed_folder() as folder:
        folder.chmod(0o755)
        with EmbeddedPostgres(folder / "h") as server:
            yield Durable(server, folder / "h")


@pytest.fixture(scope="package")
def postgres(durable: Durable) -> Server:
    return Server(durable.server.dsn)


@pytest.fixture
def empty_dsn(durable: Durable, postgres: Server) -> str:
    """As elsewhere, on a server that the test before may have left dead."""
    durable.server.start()
    postgres.empty()
    return postgres.dsn("revisor_owner")


@pytest.fixture
def revisor(application_dsn: str, owner_dsn: str) -> Iterator[Product]:
    """A Revisor on the database of this test, not started yet."""
    with new_product(REVISOR_DSN=application_dsn, REVISOR_OWNER_DSN=owner_dsn) as made:
        yield made
