"""PostgreSQL's clock is moved by an hour, both ways: the log's time never goes back, and nobody loses a lease by it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from revisor.store.database import Database
from tests.acceptance.product import Product
from tests.integration.faults.commands import WEB, Commands
from tests.integration.faults.conftest import ROUNDS, Durable
from tests.integration.faults.invariants import check
from tests.integration.faults.moved_clock import MovedClock
from tests.integration.postgres_probe import scalar
from tests.lab.databases import Server
from tests.lab.fixtures import require
from tests.lab.requirements import missing_for_moved_clock


@pytest.fixture
def clock(durable: Durable) -> Iterator[MovedClock]:
    """The clock of the server of this package."""
    require(missing_for_moved_clock())
    made = MovedClock(durable.server, durable.home)
    yield made
    made.stop()


def test_time_in_the_log_goes_on_whatever_the_clock_of_the_database_says(
    clock: MovedClock, database: Database, postgres: Server, revisor: Product
) -> None:
    revisor.up("alpha")
    revisor.define(WEB, "alpha")
    commands = Commands(revisor)
    commands.one()
    epoch = leader(revisor)
    recorded = [newest(database)]
    for _ in range(ROUNDS):
        for hours in (1, -1, 0):
            clock.move(hours=hours)
            assert abs(said_by(postgres) - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=10)
            for _ in range(3):
                commands.one()
            recorded.append(newest(database))
    assert all(before <= after for before, after in pairwise(recorded))
    assert recorded[1] - recorded[0] > timedelta(minutes=50)
    assert leader(revisor) == epoch, "nobody took over"
    commands.check()
    check(database)


def leader(revisor: Product) -> tuple[str, int]:
    host = revisor.client.get("/v1/status").body["items"][0]["hosts"][0]
    return host["worker"], host["epoch"]


def newest(database: Database) -> datetime:
    """When the newest event was recorded, as the log has it."""
    [row] = database.fetch("SELECT recorded_at FROM log.head")
    recorded: datetime = row["recorded_at"]
    return recorded


def said_by(postgres: Server) -> datetime:
    now = scalar(postgres.dsn("postgres"), "SELECT clock_timestamp()")
    assert isinstance(now, datetime)
    return now
