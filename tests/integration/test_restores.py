"""A log that was put back to what it was: noticed from outside, and nothing begun on it until it is acknowledged."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from domain_model.errors import OperationInvalid
from revisor.status import StatusReader
from revisor.store.database import Database
from revisor.store.errors import RestoreUnacknowledged
from revisor.store.recorder import LogRecorder, Save
from revisor.witness import Witness
from tests.contract.store.streams import stored
from tests.integration.product import ALICE, Product


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    made = Product(database, tmp_path)
    yield made
    made.close()


@pytest.fixture
def witness(database: Database, tmp_path: Path) -> Witness:
    return Witness(database, tmp_path / "witness.json")


def restores(database: Database) -> list[dict[str, Any]]:
    return database.fetch("SELECT why, witnessed_position, acknowledged_at FROM work.restores")


def restored(database: Database) -> None:
    database.execute(
        "INSERT INTO work.restores (why, position) SELECT 'restored from /backups/monday', position FROM log.head"
    )


# Noticing.


def put_back(owner_dsn: str, position: int) -> None:
    """Take away what is behind a position, as a restore of an older backup does."""
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("ALTER TABLE log.events DISABLE TRIGGER append_only")
        connection.execute("DELETE FROM log.events WHERE notification_id > %s", [position])
        connection.execute("ALTER TABLE log.events ENABLE TRIGGER append_only")
        connection.execute("UPDATE log.head SET position = %s", [position])


def append(recorder: LogRecorder, count: int) -> None:
    for _ in range(count):
        recorder.insert_events([stored(uuid4())], save=Save(ALICE))


def test_a_log_that_goes_on_is_nothing_to_tell(database: Database, recorder: LogRecorder, witness: Witness) -> None:
    for _ in range(3):
        witness.look()
        append(recorder, 2)
    witness.look()
    assert restores(database) == []


def test_the_file_has_the_newest_position_and_its_leaf(
    database: Database, recorder: LogRecorder, witness: Witness, tmp_path: Path
) -> None:
    append(recorder, 3)
    witness.look()
    remembered = json.loads((tmp_path / "witness.json").read_text())
    row = database.fetch_one(
        "SELECT log::text, encode(leaf, 'hex') AS leaf FROM log.head, log.events ORDER BY notification_id DESC"
    )
    assert row is not None
    assert remembered == {"log": row["log"], "position": 3, "leaf": row["leaf"]}


@pytest.mark.parametrize("again", [0, 1, 2, 7])
def test_a_log_that_was_put_back_is_noticed_however_much_was_appended_since(
    database: Database, recorder: LogRecorder, tmp_path: Path, owner_dsn: str, again: int
) -> None:
    append(recorder, 5)
    Witness(database, tmp_path / "witness.json").look()
    before = (tmp_path / "witness.json").read_text()
    put_back(owner_dsn, 3)
    append(recorder, again)
    for _ in range(2):
        Witness(database, tmp_path / "witness.json").look()
    [found] = restores(database)
    assert found["witnessed_position"] == 5
    assert found["why"] == (
        f"the log ends at position {3 + again}, and it was at 5 once"
        if again < 2
        else "the event at position 5 is another one than was there once"
    )
    assert (tmp_path / "witness.json").read_text() == before, "it stays as it is until somebody acknowledges"


def test_another_log_is_noticed_where_there_was_anything_to_lose(
    database: Database, recorder: LogRecorder, witness: Witness, owner_dsn: str
) -> None:
    witness.look()
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("UPDATE log.head SET log = gen_random_uuid()")
    witness.look()
    assert restores(database) == []
    append(recorder, 1)
    witness.look()
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("UPDATE log.head SET log = gen_random_uuid()")
    witness.look()
    [found] = restores(database)
    assert "and the one that was here is log" in found["why"]


def test_once_acknowledged_the_log_is_remembered_as_it_is(
    database: Database, recorder: LogRecorder, witness: Witness, tmp_path: Path, owner_dsn: str
) -> None:
    append(recorder, 5)
    witness.look()
    put_back(owner_dsn, 3)
    witness.look()
    database.execute("UPDATE work.restores SET acknowledged_at = now()")
    witness.look()
    assert json.loads((tmp_path / "witness.json").read_text())["position"] == 3
    append(recorder, 1)
    witness.look()
    assert len(restores(database)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        '{"log": "x", "position": 1, "leaf": null}',
        '{"log": 1}',
        f'{{"log": "{UUID(int=7)}", "position": "one", "leaf": null}}',
        f'{{"log": "{UUID(int=7)}", "position": 1e999, "leaf": null}}',
        pytest.param("[" * 100_000, id="nested"),
        "\xff",
    ],
)
def test_a_damaged_file_is_written_anew(
    database: Database, recorder: LogRecorder, witness: Witness, tmp_path: Path, damage: str
) -> None:
    append(recorder, 1)
    (tmp_path / "witness.json").write_text(damage, encoding="latin-1")
    witness.look()
    assert json.loads((tmp_path / "witness.json").read_text())["position"] == 1
    assert restores(database) == []


def test_a_file_that_cannot_be_written_is_told_of_once_and_what_is_remembered_goes_on_being_compared(
    database: Database,
    recorder: LogRecorder,
    witness: Witness,
    tmp_path: Path,
    owner_dsn: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    beside = tmp_path / "witness.json.new"
    beside.mkdir()
    for _ in range(3):
        append(recorder, 1)
        witness.look()
    assert len([message for message in caplog.messages if "cannot be written" in message]) == 1
    put_back(owner_dsn, 2)
    witness.look()
    assert [found["witnessed_position"] for found in restores(database)] == [3]
    database.execute("UPDATE work.restores SET acknowledged_at = now()")
    beside.rmdir()
    witness.look()
    assert json.loads((tmp_path / "witness.json").read_text())["position"] == 2


def test_a_file_that_cannot_be_read_is_not_taken_for_one_that_is_missing(witness: Witness, tmp_path: Path) -> None:
    (tmp_path / "witness.json").mkdir()
    with pytest.raises(IsADirectoryError):
        witness.look()


def test_a_missing_file_is_warned_of_only_where_there_was_anything_to_remember(
    database: Database, recorder: LogRecorder, witness: Witness, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    witness.look()
    assert caplog.messages == []
    append(recorder, 1)
    Witness(database, tmp_path / "lost.json").look()
    assert ["is not there" in message for message in caplog.messages] == [True]


# Until it is acknowledged.


def test_nothing_new_is_begun_and_people_are_told_why(product: Product, database: Database) -> None:
    product.add_host("alpha")
    assert product.define()["state"] == "succeeded"
    restored(database)
    with pytest.raises(OperationInvalid, match="revisor acknowledge-restore") as refusal:
        product.service.act("web", None, "start", {}, ALICE)
    assert refusal.value.number == 55
    assert StatusReader(database).read().restore == "restored from /backups/monday"
    assert [row["name"] for row in product.service.domains(all_domains=True, host=None)] == ["web"], "reading goes on"


def test_what_waited_in_the_log_is_not_begun_either(product: Product, database: Database) -> None:
    product.add_host("alpha")
    product.define()
    accepted = product.service.act("web", None, "start", {}, ALICE)
    restored(database)
    for _ in range(3):
        product.agents["alpha"].run_once(0.0)
    assert product.service.wait(accepted.operation, 0)["state"] == "queued"


@pytest.mark.parametrize("change", ["requested", "started"])
def test_no_request_and_no_start_of_an_operation_is_appended(
    product: Product, database: Database, recorder: LogRecorder, change: str
) -> None:
    restored(database)
    with pytest.raises(RestoreUnacknowledged):
        recorder.insert_events([stored(uuid4())], save=Save(ALICE, queue={change: [{"operation": str(uuid4())}]}))
    assert product.application.reader.head() == 0
