"""No notification is ever delivered: polling alone keeps projector, agents and doors going."""

from pathlib import Path

from revisor.store.database import Database
from tests.acceptance.product import new_product
from tests.integration.faults.commands import WEB, Commands
from tests.integration.faults.conftest import ROUNDS
from tests.integration.faults.deaf_proxy import DeafProxy
from tests.integration.faults.invariants import check


def test_a_revisor_that_hears_nothing_does_everything(database: Database, owner_dsn: str, tmp_path: Path) -> None:
    with (
        DeafProxy(database.dsn, tmp_path) as proxy,
        new_product(REVISOR_DSN=proxy.dsn, REVISOR_OWNER_DSN=owner_dsn) as revisor,
    ):
        revisor.up("alpha")
        revisor.define(WEB, "alpha")
        commands = Commands(revisor)
        for _ in range(10 * ROUNDS):
            commands.one()
        commands.check()
        check(database)
        print(f"{proxy.dropped} notifications were not delivered")
        assert proxy.dropped > 10
