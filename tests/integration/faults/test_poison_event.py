"""One projection meets an event it cannot fold, under load: it stops there and says so, alone, until it is mended."""

import logging
from pathlib import Path

import pytest

from projections import positions
from projections.catalogue import all_projections
from revisor.queries import Queries
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.acceptance.trees import new_dice
from tests.integration.faults.conftest import ROUNDS
from tests.integration.faults.invariants import check, check_notes
from tests.integration.faults.load import Load
from tests.lab.awaiting import eventually
from tests.lab.projecting import Counts, Stumbling, loop_of, running, states_of
from tests.lab.store import sha256_of


def test_a_projection_that_cannot_go_on_stops_alone_and_catches_up_when_mended(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dice = new_dice("poison")
    loop_of(database, *all_projections(), Counts()).prepare()
    with Load(database, tmp_path, dice.randrange(10**6)) as load:
        for _ in range(ROUNDS):
            at = LogReader(database).head() + dice.randrange(1, 200)
            poisoned = Stumbling(at, dice.choice(("needs", "apply", "write")))
            with caplog.at_level(logging.ERROR), running(loop_of(database, *all_projections(), poisoned)):
                eventually(lambda: states_of(database)["counts"].parked_at, what="it is parked")
                load.go_on()
                assert Queries(database).wait_for(LogReader(database).head(), 60), "the others went on"
                parked = states_of(database)["counts"]
                before = sha256_of(database, Counts())
                load.go_on()
                assert sha256_of(database, Counts()) == before
            assert (parked.position, parked.parked_at) == (at - 1, at)
            assert [f"counts is parked before position {at}:" in said for said in caplog.messages] == [True]
            caplog.clear()
            with database.connection() as connection:
                positions.unpark(connection, ["counts"])
            with running(loop_of(database, *all_projections(), Counts())):
                load.go_on()
        load.stop()
        with running(loop_of(database, *all_projections(), Counts())):
            check_notes(database, load.notes())
            check(database, Counts())
