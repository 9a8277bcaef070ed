"""What is wrong with a file is said, and nothing of it comes into the log: each damage, one by one."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from domain_model.errors import InvalidArgument, OperationInvalid, Refused
from revisor.store.archive import import_log
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.recorder import LogDatastore, LogRecorder, Request, Save
from tests.contract.store.streams import stored
from tests.integration.archives import (
    Databases,
    changed_bytes,
    changed_manifest,
    changed_rows,
    flipped,
    without,
)
from tests.lab.databases import Server
from tests.unit.pgcopy import Rows

Damage = Callable[[Path], object]

STREAM, VERSION, TOPIC, STATE, POSITION, APPEND, RECORDED_AT, SALT, LEAF = range(9)
FIRST, LAST, ACTOR = 1, 2, 3


@pytest.fixture(scope="module")
def sound(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of six events in three appends, two documents and a request."""
    path = tmp_path_factory.mktemp("archive") / "sound"
    databases = Databases(postgres)
    databases.another()
    database = Database(postgres.dsn("revisor"))
    database.open()
    recorder = LogRecorder(LogDatastore(database))
    for number in range(3):
        request = Request(b"fingerprint", uuid4(), uuid4()) if number == 1 else None
        context = Context("uid:1000(alice)", "because", request_id=uuid4())
        save = Save(context, [b"<domain/>" * 9, b"<domainsnapshot/>" * 9], request)
        recorder.insert_events([stored(uuid4()), stored(uuid4())], save=save)
    database.close()
    databases.exported(path)
    return path


@pytest.fixture
def archive(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copy(sound, tmp_path / "log.revisor"))


@pytest.fixture
def databases(postgres: Server, owner_dsn: str) -> Iterator[Databases]:
    """Nothing is recorded, and nothing is afterwards."""
    databases = Databases(postgres)
    before = databases.contents()
    yield databases
    assert databases.contents() == before
    with psycopg.connect(owner_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM work.operation_queue").fetchone() == (0,)


def refused(databases: Databases, archive: Path, sentence: str) -> None:
    with pytest.raises(InvalidArgument, match=sentence) as refusal:
        databases.imported(archive)
    assert (refusal.value.field, refusal.value.value) == ("file", str(archive))
    assert refusal.value.accepted is not None


def test_a_file_that_is_whole_is_taken(postgres: Server, owner_dsn: str, archive: Path) -> None:
    """Or the tests below would say nothing."""
    assert owner_dsn
    assert Databases(postgres).imported(archive).head.position == 6


# The file.


def cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-30])


def replaced(archive: Path) -> None:
    archive.write_bytes(b"SQLite format 3")


def hit_inside(archive: Path) -> None:
    archive.write_bytes(flipped(archive.read_bytes(), 300))


FILES: list[tuple[Damage, str]] = [
    (cut, "it is cut short"),
    (replaced, "it is no archive"),
    (hit_inside, "member 'events' is damaged"),
    (lambda archive: without(archive, "documents.pgcopy"), "member 'documents' is not there"),
    (lambda archive: without(archive, "manifest.json"), "member 'manifest.json' is not there"),
]
MANIFESTS: list[tuple[Callable[[Any], object], str]] = [
    (lambda said: said.update(number=2), "it is of format 2, and this release knows 1: use a newer Revisor"),
    (lambda said: said.update(format="tape"), "it is of another format: tape 1"),
    (lambda said: said.pop("leaf"), "its manifest.json is not one: KeyError: 'leaf'"),
    (lambda said: said.update(position="many"), "its manifest.json is not one: ValueError"),
    (lambda said: said["members"].pop("appends"), "member 'appends' is not there"),
    (lambda said: said["members"]["events"].update(rows=5), "member 'events' has 6 rows, and 5 by the manifest"),
    (lambda said: said["members"]["events"].update(bytes=5), "member 'events' has [0-9]+ bytes, not those"),
    (lambda said: said.update(position=7), "a hole at position 7"),
    (lambda said: said.update(position=5), "position 6 does not fit behind its head, 5"),
    (lambda said: said.update(leaf="00" * 32), "position 6 is not the one that the manifest names"),
    (lambda said: said.update(recorded_at="2026-01-02T03:04:05+00:00"), "position 6 is not the one"),
    (lambda said: said.update(log=str(uuid4())), "a wrong leaf at position 1"),
]


@pytest.mark.parametrize(("damage", "sentence"), FILES, ids=[sentence for _, sentence in FILES])
def test_a_damaged_file_is_refused(databases: Databases, archive: Path, damage: Damage, sentence: str) -> None:
    damage(archive)
    refused(databases, archive, sentence)


@pytest.mark.parametrize(("change", "sentence"), MANIFESTS, ids=[sentence for _, sentence in MANIFESTS])
def test_a_manifest_that_says_something_else_is_refused(
    databases: Databases, archive: Path, change: Callable[[Any], object], sentence: str
) -> None:
    changed_manifest(archive, change)
    refused(databases, archive, sentence)


def test_a_file_that_is_not_there_is_said_so(databases: Databases, archive: Path) -> None:
    with pytest.raises(Refused, match=r"cannot open '.*no file': No such file or directory") as refusal:
        databases.imported(archive.with_name("no file"))
    assert refusal.value.number == 38
    with pytest.raises(Refused, match="Is a directory"):
        databases.imported(archive.parent)


# The rows, in a file that is well in itself.


def changed(column: int, row: int = 3) -> Callable[[Rows], None]:
    """A bit of a value is another one."""

    def change(rows: Rows) -> None:
        rows[row][column] = flipped(rows[row][column])

    return change


def one_more(column: int, by: int) -> Callable[[Rows], None]:
    """The last number of a column is another one."""

    def change(rows: Rows) -> None:
        rows[-1][column] = (int.from_bytes(rows[-1][column] or b"") + by).to_bytes(8)

    return change


def without_row(row: int) -> Callable[[Rows], object]:
    return lambda rows: rows.pop(row)


def swapped(rows: Rows) -> None:
    """Two events have one another's places."""
    rows[1][POSITION], rows[2][POSITION] = rows[2][POSITION], rows[1][POSITION]


ROWS: list[tuple[str, Callable[[Rows], object], str]] = [
    *(
        ("events", changed(column), "a wrong leaf at position 4")
        for column in (STREAM, VERSION, TOPIC, STATE, RECORDED_AT, SALT, LEAF)
    ),
    ("events", changed(STATE, 0), "a wrong leaf at position 1"),
    ("events", swapped, "position 2 is in no append that covers it"),
    ("events", changed(APPEND), "position 4 is in no append that covers it"),
    ("events", without_row(2), "a hole at position 3"),
    ("events", without_row(-1), "a hole at position 6"),
    ("events", one_more(POSITION, 1), "a hole at position 6"),
    ("events", lambda rows: rows.append(rows[0]), "member 'events': duplicate key .*COPY events, line 7"),
    ("appends", changed(ACTOR, 1), "a wrong leaf at position 3"),
    ("appends", without_row(1), "position 3 is in no append that covers it"),
    ("appends", one_more(LAST, -1), "position 6 is in no append that covers it"),
    ("appends", one_more(LAST, 1), "its appends are about 7 positions, and there are 6"),
    ("documents", changed(1, 1), "document [0-9a-f]{64} is not what its digest says"),
    ("documents", changed(0, 1), "document [0-9a-f]{64} is not what its digest says"),
]


@pytest.mark.parametrize(("member", "change", "sentence"), ROWS)
def test_rows_that_are_no_whole_log_are_refused(
    databases: Databases, archive: Path, member: str, change: Callable[[Rows], object], sentence: str
) -> None:
    changed_rows(archive, member, change)
    refused(databases, archive, sentence)


@pytest.mark.parametrize("member", ["events", "appends", "documents", "requests"])
@pytest.mark.parametrize(
    "change",
    [lambda data: data[:-9], lambda data: data[40:], lambda data: data[:0], lambda data: data[:-2] + b"\0\x2a\xff\xff"],
    ids=["cut", "beheaded", "empty", "with a row of another width"],
)
def test_bytes_that_are_no_rows_are_refused_by_the_name_of_their_member(
    databases: Databases, archive: Path, member: str, change: Callable[[bytes], bytes]
) -> None:
    changed_bytes(archive, member, change)
    refused(databases, archive, f"is not the file of a whole log: member '{member}'")


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"verb": "teleport"}, "an operation that has not ended cannot be read: KeyError: 'teleport'$"),
        ({"class_version": 3}, "an operation that has not ended cannot be read: .* is of version 3, newer than 2$"),
        (None, "its rows: invalid input syntax for type json$"),
    ],
)
def test_an_operation_that_waits_and_cannot_be_read_is_refused(
    postgres: Server, recorder: LogRecorder, tmp_path: Path, state: dict[str, Any] | None, sentence: str
) -> None:
    databases, archive = Databases(postgres), tmp_path / "archive"
    fields = {"operation": str(uuid4()), "verb": "start", "host": str(uuid4()), "arguments": {}}
    text = "a secret" if state is None else json.dumps({**fields, "timestamp": "2026-01-02T03:04:05+00:00", **state})
    event = StoredEvent(uuid4(), 1, "operation.requested", text.encode())
    recorder.insert_events([event], save=Save(Context("uid:1000(alice)")))
    databases.exported(archive)
    databases.another()
    refused(databases, archive, sentence)
    assert databases.contents()["events"] == []


# The log.


def test_a_log_in_which_something_is_recorded_takes_no_other(
    postgres: Server, recorder: LogRecorder, archive: Path
) -> None:
    recorder.insert_events([stored(uuid4())], save=Save(Context("uid:1000(alice)")))
    databases = Databases(postgres)
    before = databases.contents()
    with pytest.raises(OperationInvalid, match="into an empty one only, and in this one 1 positions") as refusal:
        databases.imported(archive)
    assert (refusal.value.number, refusal.value.field) == (55, "log")
    assert databases.contents() == before


@pytest.mark.usefixtures("databases")
def test_the_application_may_not_import(application_dsn: str, archive: Path) -> None:
    with (
        psycopg.connect(application_dsn, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        import_log(connection, archive)
