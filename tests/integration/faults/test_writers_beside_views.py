"""Sixteen writers in four processes, with read models that follow them:
none skips an event, and none takes one twice.
"""

from collections import Counter
from pathlib import Path

from revisor.store.database import Database
from tests.acceptance.trees import new_dice
from tests.integration.faults.conftest import ROUNDS
from tests.integration.faults.invariants import check, check_notes
from tests.integration.faults.load import Load
from tests.integration.faults.projector import projector


def test_sixteen_writers_and_two_projectors_come_to_one_story(database: Database, tmp_path: Path) -> None:
    seed = new_dice("writers").randrange(10**6)
    with (
        projector(database, tmp_path / "one"),
        projector(database, tmp_path / "two"),
        Load(database, tmp_path, seed, processes=4) as load,
    ):
        load.go_on(300 * ROUNDS)
        load.stop()
        check_notes(database, load.notes())
        check(database)
    told = Counter(note.refused for note in load.notes())
    assert {"StreamConflict", "RequestRepeated", "Fenced", "DataError"} <= {*told}
