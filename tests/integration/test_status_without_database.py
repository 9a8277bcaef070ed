"""The database is killed, stopped and started again under the HTTP door, which goes on saying how Revisor is."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from migrations.runner import migrate
from projections.catalogue import all_projections
from revisor.client import Client, Refusal
from revisor.embedded_postgres import processes
from revisor.embedded_postgres.cluster import APPLICATION
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.status import StatusReader
from revisor.store.database import Database
from tests.integration.postgres_probe import closed_folder, data_of
from tests.integration.product import Product
from tests.lab.awaiting import eventually
from tests.unit.test_http_fake_service import served

PROJECTIONS = {projection.name for projection in all_projections()}


@dataclass(frozen=True)
class Site:
    """A door, and the server behind it."""

    client: Client
    server: EmbeddedPostgres
    home: Path

    def signal(self, number: signal.Signals) -> None:
        for pid in processes.alive(data_of(self.home)):
            processes.send(pid, number, data_of(self.home))

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        eventually(lambda: not processes.alive(data_of(self.home)), what="the server is gone")

    def health(self) -> str:
        """The one word; a bad one is an error to those who only look whether there is one."""
        try:
            word: str = self.client.get("/v1/health").body["status"]
        except Refusal as refusal:
            return refusal.message.partition(":")[0]
        return word

    def metrics(self) -> dict[str, float]:
        """All samples without those of hosts, by name and label."""
        families = text_string_to_metric_families(self.client.get("/metrics").text)
        return {" ".join([s.name, *s.labels.values()]): s.value for family in families for s in family.samples}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closed_folder() as folder, EmbeddedPostgres(folder / "h") as server:
        migrate(server.dsn("revisor_owner"), application_role=APPLICATION)
        database = Database(server.dsn("revisor"))
        database.open()
        product = Product(database, tmp_path)
        with served(product.service, StatusReader(database)) as client:
            yield Site(client, server, folder / "h")
        product.close()
        database.close()


def test_a_killed_database_is_told_at_once_and_a_started_one_again(site: Site) -> None:
    assert site.health() == "ok"
    assert site.metrics()["revisor_database_up"] == 1

    site.kill()
    assert site.health() == "Cannot reach the database"
    found = site.metrics()
    assert found["revisor_database_up"] == 0
    assert [name for name in found if "projection" in name or "log" in name or "host" in name] == []

    site.server.start()
    assert site.health() == "ok"
    found = site.metrics()
    assert found["revisor_database_up"] == 1
    assert {name.split()[1] for name in found if name.startswith("revisor_projection_lag_seconds")} == PROJECTIONS


def test_a_database_that_hangs_is_down_and_well_again_when_it_goes_on(site: Site) -> None:
    assert site.health() == "ok"
    site.signal(signal.SIGSTOP)
    assert site.health() == "Cannot reach the database"
    assert site.metrics()["revisor_database_up"] == 0

    site.signal(signal.SIGCONT)
    eventually(lambda: site.health() == "ok", what="the look that hung is over")
    assert site.metrics()["revisor_database_up"] == 1
