"""Workers that are told to end: what is under way is finished under their lease, or left to the next one in time."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from drivers.simulator import SimulatorDriver
from revisor.application import Accepted
from revisor.store.database import Database, Row
from tests.integration.postgres_probe import ROOT_OF_HOUSE
from tests.integration.product import ALICE, Product
from tests.lab.awaiting import eventually

WORKER = [sys.executable, "-m", "revisor", "worker", "--host", "alpha"]
TIMES = {"REVISOR_LEASE_S": "1", "REVISOR_GRACE_S": "0.5"}
END_S = 10
"""How long a worker may take to end."""


@pytest.fixture
def driver(tmp_path: Path) -> SimulatorDriver:
    """The hypervisor where a process of Revisor has it."""
    return SimulatorDriver(tmp_path / "simulators" / "alpha.sqlite", "alpha")


@pytest.fixture
def product(database: Database, tmp_path: Path, driver: SimulatorDriver) -> Product:
    """A host that nobody leads, with a guest that is off."""
    (tmp_path / "master.key").write_bytes(b"k" * 32)
    made = Product(database, tmp_path)
    made.add_host("alpha", driver)
    made.define()
    made.leases["alpha"].release()
    made.agents.popitem()[1].close()
    return made


@contextmanager
def worker(database: Database, home: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """One that nobody supervises, from ``with`` to its end."""
    environment = {**os.environ, **TIMES, "REVISOR_DSN": database.dsn, "REVISOR_HOME": str(home)}
    with subprocess.Popen(WORKER, cwd=ROOT_OF_HOUSE, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def held_up(home: Path) -> Iterator[None]:
    """The hypervisor lets nobody act meanwhile; it can be looked at."""
    with closing(sqlite3.connect(home / "simulators" / "alpha.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def begun(product: Product) -> Accepted:
    """Something that a worker has under way from now on."""
    accepted = product.service.act("web", None, "start", {}, ALICE)
    started = "SELECT started FROM work.operation_queue WHERE operation = %s AND started"
    eventually(lambda: product.database.fetch_one(started, accepted.operation), what="it is under way")
    return accepted


def lease(database: Database) -> Row:
    row = database.fetch_one("SELECT worker, epoch, beat FROM work.leases")
    assert row is not None
    return row


def test_what_is_under_way_is_finished_under_a_lease_that_is_renewed_to_the_end(
    product: Product, database: Database, tmp_path: Path
) -> None:
    with worker(database, tmp_path) as told:
        with held_up(tmp_path):
            accepted = begun(product)
            led = lease(database)
            told.terminate()
            eventually(lambda: lease(database)["beat"] >= led["beat"] + 3, what="it is renewed")
        assert told.wait(END_S) == 0
    assert product.service.wait(accepted.operation, 0)["state"] == "succeeded"
    assert (lease(database)["worker"], lease(database)["epoch"]) == (None, led["epoch"])


def test_what_takes_too_long_is_left_to_the_next_who_need_not_wait(
    product: Product, database: Database, tmp_path: Path, driver: SimulatorDriver
) -> None:
    with held_up(tmp_path):
        with worker(database, tmp_path) as told:
            accepted = begun(product)
            told.terminate()
            assert told.wait(END_S) == 0
        assert lease(database)["worker"] is None
        assert product.service.wait(accepted.operation, 0)["state"] == "started"
    product.lead("alpha", driver)
    assert product.settle(accepted)["state"] == "succeeded"
    topics = [event.topic for event in product.application.reader.stream(accepted.domain)]
    assert topics.count("domain.started") == topics[5:].count("operation.started") == 1
    product.close()
