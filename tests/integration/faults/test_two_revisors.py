"""Two ``revisor up`` on one database, with two homes:
one leads, the other takes over, and every command is done once.
"""

from collections.abc import Iterator

import pytest

from revisor.store.database import Database
from tests.acceptance.product import Product, new_product
from tests.integration.faults.commands import WEB, Commands, log_of
from tests.integration.faults.conftest import ROUNDS
from tests.integration.faults.invariants import check

Both = tuple[Product, Product]


@pytest.fixture
def both(revisor: Product, application_dsn: str, owner_dsn: str) -> Iterator[Both]:
    """Two Revisors that reach the same database, the same simulated hypervisor and the same master key."""
    key = {"REVISOR_MASTER_KEY_FILE": str(revisor.home / "master.key")}
    with new_product(REVISOR_DSN=application_dsn, REVISOR_OWNER_DSN=owner_dsn, **key) as second:
        second.home.mkdir(mode=0o711)
        (second.home / "simulators").symlink_to(revisor.home / "simulators")
        yield revisor, second


def test_one_of_two_leads_and_the_other_takes_over(both: Both, database: Database) -> None:
    first, second = both
    first.up("alpha")
    second.up("alpha")
    first.define(WEB, "alpha")
    commands = Commands(*both)
    with commands.all_the_time():
        commands.go_on(10)
        assert leading(both) == (first, second, 1), "nobody takes over from one who lives"
        for _ in range(ROUNDS):
            killed, other, before = leading(both)
            killed.kill_everything(include_postgres=False)
            commands.go_on(5)
            leader, _, epoch = leading(both)
            assert (leader, epoch > before) == (other, True)
            killed.up("alpha")
            commands.go_on(5)
    commands.check()
    check(database)


def leading(both: Both) -> tuple[Product, Product, int]:
    """The one whose agent leads the host, the other one, and the epoch."""
    living = next(product for product in both if product.processes())
    epoch = living.client.get("/v1/status").body["items"][0]["hosts"][0]["epoch"]
    [leader] = [
        product for product in both if f'leads host alpha in epoch {epoch}"' in log_of(product.home, "agent-alpha")
    ]
    [other] = [product for product in both if product is not leader]
    return leader, other, epoch
