"""A log goes into a file and out of it into another database, where it is the same log and goes on."""

import json
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from benchmarks._logs import write_log
from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, Refused
from drivers.simulator import SimulatorDriver
from projections.catalogue import all_projections
from revisor.application import Accepted
from revisor.queries import Queries
from revisor.store.archive import LOG, Member, export_log, import_log
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.log import EventLog
from revisor.store.reading import LogReader
from revisor.store.recorder import LogRecorder, Save
from revisor.store.whole_log import EVENTS, LEAF
from tests.contract.store.streams import NOW, stored
from tests.contract.store.test_reading import ENVELOPE
from tests.integration.archives import Databases
from tests.integration.postgres_probe import until
from tests.integration.product import ALICE, Product
from tests.lab.databases import Server
from tests.lab.projecting import caught_up, loop_of, states_of
from tests.lab.store import Recording, sha256_of
from tests.unit import test_projection_histories as histories
from tests.unit.test_projection_histories import ALPHA, History, every_topic, named
from workers.leases import lease_of


@pytest.fixture
def databases(postgres: Server, owner_dsn: str) -> Databases:
    assert owner_dsn
    return Databases(postgres)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Where a file may be made."""
    return tmp_path / "log.revisor"


def queue_of(database: Database) -> list[dict[str, Any]]:
    return database.fetch("SELECT * FROM work.operation_queue ORDER BY position")


def views_of(database: Database) -> dict[str, str]:
    return {projection.name: sha256_of(database, projection) for projection in all_projections()}


# There and back.


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    """A Revisor with a domain that has a snapshot, an operation that was started and one that waits behind it."""
    made = Product(database, tmp_path)
    lead = made.add_host("alpha")
    made.define()
    made.act("start", context=Context("uid:1000(žofie)", "", "-", request_id=uuid4()))
    made.act("snapshot-create", xml="<domainsnapshot><name>first</name></domainsnapshot>")
    begun = made.service.act("web", None, "suspend", {}, ALICE)
    made.service.act("web", None, "snapshot-delete", {"name": "first"}, ALICE)
    [placement] = made.queries.find_placements("web")
    domain = made.application.domain(placement.domain)
    fields = {"host": str(lead.host), "worker": str(lead.worker), "epoch": lead.epoch, "evidence": {"existed": True}}
    domain.record(Domain.OperationStarted, NOW, operation=str(begun.operation), **fields)
    EventLog(database).append(domain, save=Save(ALICE))
    yield made
    made.close()


def test_a_log_is_the_same_in_another_database_to_the_byte(
    databases: Databases, product: Product, archive: Path
) -> None:
    before, head = databases.contents(), product.application.reader.head()
    exported = databases.exported(archive)
    databases.another()
    assert databases.imported(archive) == exported
    assert databases.contents() == before
    assert exported.head.position == head
    assert {name: size.rows for name, size in exported.members.items()} == {
        name: len(before[name]) for name in exported.members
    }
    assert all(before.values())


def test_queue_read_models_and_epochs_are_as_they_were(
    databases: Databases, database: Database, product: Product, archive: Path
) -> None:
    product.queries.wait_for(product.application.reader.head(), 10)
    queue, views, epoch = queue_of(database), views_of(database), product.leases["alpha"].epoch
    databases.exported(archive)
    databases.another()
    databases.imported(archive)
    assert queue_of(database) == queue
    assert [row["started"] for row in queue] == [True, False]
    loop = loop_of(database, *all_projections())
    loop.prepare()
    caught_up(loop)
    assert views_of(database) == views
    host = UUID(product.leases["alpha"].name.removeprefix("host:"))
    assert database.fetch("SELECT name, worker, epoch, beat FROM work.leases") == [
        {"name": lease_of(host), "worker": None, "epoch": epoch, "beat": 0}
    ]


@pytest.mark.usefixtures("product")
def test_an_imported_log_goes_on(databases: Databases, database: Database, archive: Path) -> None:
    """The next agent leads in a new epoch, settles what was begun, and does what waits."""
    head = databases.exported(archive).head
    databases.another()
    databases.imported(archive)
    database.execute("UPDATE work.restores SET acknowledged_at = now()")
    again = Product(database, archive.parent)
    again.queries.wait_for(head.position, 10)
    lead = again.lead("alpha", SimulatorDriver(archive.parent / "alpha.sqlite", "alpha"))
    for operation in again.queries.operations():
        again.settle(Accepted(operation.id, operation.domain, head.position))
    assert lead.epoch == 2
    assert [event.position for event in again.application.reader.read(head.position, 1)] == [head.position + 1]
    assert again.queries.snapshots(again.queries.find_placements("web")[0].domain) == []
    assert queue_of(database) == []
    assert again.act("destroy")["state"] == "succeeded"
    again.close()


def test_every_kind_of_event_survives(databases: Databases, recording: Recording, archive: Path) -> None:
    recording.append(every_topic(), together=3)
    before = databases.contents()
    databases.exported(archive)
    databases.another()
    databases.imported(archive)
    assert databases.contents() == before


@pytest.mark.parametrize("message", ["x\0y", "x\\u0000y", "\\\\u0000", "\\\0"])
def test_an_operation_whose_message_has_a_nul_is_no_obstacle(
    databases: Databases, database: Database, recording: Recording, archive: Path, message: str
) -> None:
    history = History()
    domain = history.domain("vm")
    histories.operation(history, domain, "fail", "start", Domain.OperationFailed, code=55, message=message, result={})
    history.record(
        domain,
        Domain.OperationRequested,
        operation=str(named("waits")),
        verb="start",
        host=ALPHA,
        arguments={"flags": 0},
    )
    recording.append(history.events)
    before = databases.contents()
    databases.exported(archive)
    databases.another()
    databases.imported(archive)
    assert databases.contents()["events"] == before["events"]
    assert [row["operation"] for row in queue_of(database)] == [named("waits")]


def test_a_log_in_which_nothing_is_recorded_keeps_its_id(databases: Databases, archive: Path) -> None:
    before = databases.contents()
    exported = databases.exported(archive)
    assert (exported.head.position, exported.head.leaf) == (0, None)
    databases.another()
    assert databases.contents() != before
    databases.imported(archive)
    assert databases.contents() == before


def test_an_export_while_four_write_is_whole(
    databases: Databases, database: Database, recorder: LogRecorder, tmp_path: Path
) -> None:
    enough = threading.Event()

    def write(writer: int) -> None:
        number = 0
        while not enough.is_set():
            number += 1
            save = Save(ALICE, [f"<domain>{writer} {number}</domain>".encode()])
            recorder.insert_events([stored(uuid4()), stored(uuid4())], save=save)

    reader, heads = LogReader(database), []
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, writer) for writer in range(4)]
        try:
            for number in range(3):
                until(lambda: reader.head() > 100 * (number + 1))  # noqa: B023  asked within the round
                heads.append(databases.exported(tmp_path / str(number)).head)
        finally:
            enough.set()
        for done in writing:
            done.result()
    assert heads[0].position < heads[1].position < heads[2].position < reader.head()
    for number, head in enumerate(heads):
        databases.another()
        assert databases.imported(tmp_path / str(number)).members["documents"].rows * 2 == head.position
        assert databases.exported(tmp_path / f"{number} again").head == head


def test_a_log_made_by_the_benchmarks_is_one_of_ours(databases: Databases, database: Database, archive: Path) -> None:
    made = write_log(archive, events=900, domains=60)
    databases.imported(archive)
    loop = loop_of(database, *all_projections())
    loop.prepare()
    caught_up(loop)
    assert {state.position for state in states_of(database).values()} == {made.head.position}
    queries = Queries(database)
    domains, log = queries.domains(), EventLog(database)
    loaded = [log.load(Domain, row.domain) for row in domains]
    assert len(domains) == 60
    assert sum(len(domain.forest) for domain in loaded if domain is not None) > 20
    assert [domain.name for domain in loaded if domain is not None] == [row.name for row in domains]
    assert queue_of(database) == []
    assert databases.exported(archive.with_name("again")).head == made.head


# The file.


def test_an_archive_is_its_owners_alone_and_takes_no_name_that_is_taken(databases: Databases, archive: Path) -> None:
    databases.exported(archive)
    before = archive.read_bytes()
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with pytest.raises(InvalidArgument, match="is there already") as refused:
        databases.exported(archive)
    assert (refused.value.field, refused.value.value) == ("file", str(archive))
    other = archive.with_name("other")
    other.with_name("other.partial").touch()
    with pytest.raises(InvalidArgument, match=r"other\.partial' is there already: a run that was killed left it"):
        databases.exported(other)
    assert archive.read_bytes() == before
    assert not other.exists()


def test_an_export_that_fails_leaves_nothing(application_dsn: str, archive: Path) -> None:
    broken = [*LOG, Member("broken", "SELECT 1 / position FROM log.head", "log.head (position)")]
    with psycopg.connect(application_dsn, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            export_log(connection, archive, members=broken)
        with pytest.raises(Refused, match="cannot make") as refused:
            export_log(connection, archive.parent / "no folder" / "file")
    assert refused.value.number == 38
    assert list(archive.parent.iterdir()) == []


def test_a_caller_may_add_members(databases: Databases, owner_dsn: str, archive: Path) -> None:
    members = [*LOG, Member("keys", "SELECT domain, wrapped FROM work.vault_keys", "work.vault_keys (domain, wrapped)")]
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO work.vault_keys VALUES (gen_random_uuid(), 'sealed')")
        keys = connection.execute("SELECT * FROM work.vault_keys").fetchall()
        export_log(connection, archive, members=members)
    databases.another()
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        with pytest.raises(InvalidArgument, match="'keys' as well"):
            import_log(connection, archive)
        import_log(connection, archive, members=members)
        assert connection.execute("SELECT * FROM work.vault_keys").fetchall() == keys


# The envelope.


def test_the_leaves_of_an_import_are_those_of_the_envelope(owner_dsn: str) -> None:
    vectors = json.loads(ENVELOPE.read_text().partition("```json")[2].partition("```")[0])
    context = ("actor", "reason", "ticket", "request_id", "correlation", "causation")
    with psycopg.connect(owner_dsn) as connection:
        for said in vectors:
            append = uuid4()
            connection.execute(
                "INSERT INTO log.appends VALUES (%s, 1, 1, %s, %s, %s, %s, %s, %s)",
                (append, *(said[name] for name in context)),
            )
            connection.execute(
                "INSERT INTO log.events VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '')",
                (
                    *(said["stream"], said["version"], said["topic"], bytes.fromhex(said["state"]), said["position"]),
                    *(append, said["recorded_at"], bytes.fromhex(said["salt"])),
                ),
            )
        query = f"SELECT encode({LEAF}, 'hex') FROM ({EVENTS}) AS rows ORDER BY notification_id"  # noqa: S608  ours
        leaves = connection.execute(query.encode(), {"log": vectors[0]["log"]}).fetchall()
    assert leaves == [(said["leaf"],) for said in vectors]
