"""The network ends right after a commit, again and again: each save is stored once, and its writer is told so."""

from pathlib import Path

from revisor.store.database import Database
from tests.acceptance.trees import new_dice
from tests.integration.faults.conftest import ROUNDS
from tests.integration.faults.invariants import check, check_notes
from tests.integration.faults.load import Load
from tests.integration.faults.projector import projector
from tests.lab.awaiting import eventually
from tests.lab.cutting_proxy import CuttingProxy

_ALONE, _IN_A_GROUP = b"SELECT 1\x00", b"COMMIT\x00"


def test_a_commit_nobody_heard_of_is_neither_lost_nor_repeated(database: Database, tmp_path: Path) -> None:
    dice = new_dice("commits")
    with (
        CuttingProxy(database.dsn, tmp_path) as proxy,
        projector(database, tmp_path),
        Load(database, tmp_path, dice.randrange(10**6), dsn=proxy.dsn) as load,
    ):
        for _ in range(12 * ROUNDS):
            load.go_on(dice.randrange(5, 40))
            proxy.cut_at = dice.choice((_ALONE, _IN_A_GROUP))
            eventually(lambda: proxy.cut_at is None, what="it was cut")
        load.go_on()
        load.stop()
        check_notes(database, load.notes())
        check(database)
