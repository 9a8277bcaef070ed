"""How Revisor is, read from a real database: what is behind, what waits, who leads."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from projections import positions, tables
from projections.catalogue import all_projections
from projections.hosts import HOSTS
from projections.loop import ProjectionLoop
from revisor.sightings import Sightings
from revisor.silence import Watch
from revisor.status import HostStatus, PoolStatus, ProjectionStatus, SchedulerStatus, StatusReader
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.integration.held import HeldDriver
from tests.integration.product import ALICE, Product
from tests.lab.awaiting import eventually
from tests.lab.store import Recording
from tests.unit.test_projection_histories import random_events
from workers.leases import SCHEDULER, Lease, LeaseTimes

WEB = "web"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[HeldDriver]:
    driver = HeldDriver(tmp_path / "alpha.sqlite")
    yield driver
    driver.let_go.set()


@pytest.fixture
def product(database: Database, tmp_path: Path, held: HeldDriver) -> Iterator[Product]:
    product = Product(database, tmp_path)
    product.add_host("alpha", held)
    yield product
    held.let_go.set()
    product.close()


@pytest.fixture
def reader(database: Database) -> StatusReader:
    return StatusReader(database)


def projections_of(reader: StatusReader) -> dict[str, ProjectionStatus]:
    return {each.name: each for each in reader.read().projections}


def host_of(reader: StatusReader) -> HostStatus:
    (host,) = reader.read().hosts
    return host


def folded(database: Database, but: str | None = None) -> None:
    """Let all projections but one catch up."""
    with database.connection() as connection:
        positions.prepare(connection, all_projections())
    going = [projection for projection in all_projections() if projection.name != but]
    loop = ProjectionLoop(database.pool, LogReader(database), going)
    while loop.run_once():
        pass


def recorded_an_hour_later_from_now_on(owner_dsn: str) -> None:
    """As after a clock that went wrong was set right: the log's times never go back."""
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        owner.execute("UPDATE log.head SET recorded_at = clock_timestamp() + interval '1 hour'")


def age_s(database: Database, position: int) -> float:
    """How old an event is now, by the database's clock."""
    row = database.fetch_one(
        "SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8 AS age"
        " FROM log.events WHERE notification_id = %s",
        position,
    )
    assert row is not None
    return float(row["age"])


def test_an_empty_log_has_no_last_event_and_nothing_behind_it(database: Database, reader: StatusReader) -> None:
    folded(database)
    status = reader.read()
    assert (status.log.position, status.log.recorded_at, status.seen, status.observed_at) == (0, None, 0, None)
    assert {(each.behind, each.lag_s, each.parked_at) for each in status.projections} == {(0, 0.0, None)}
    assert {each.name for each in status.projections} == {each.name for each in all_projections()}
    assert status.hosts == ()
    assert status.log.size_bytes > 0
    assert status.postgres.split(".")[0].isdigit()


def test_a_database_in_which_no_projector_ever_ran_is_no_revisor_yet(reader: StatusReader) -> None:
    with pytest.raises(psycopg.Error, match=r'relation "views\.domains" does not exist'):
        reader.read()


def test_the_log_is_named_with_its_last_event(database: Database, recording: Recording, reader: StatusReader) -> None:
    folded(database)
    empty = reader.read().log
    head = recording.append(random_events(1, 300))
    log = reader.read().log
    last = database.fetch("SELECT log::text, recorded_at FROM log.head")[0]
    assert (log.id, log.position, log.recorded_at) == (last["log"], head, last["recorded_at"])
    assert log.size_bytes > empty.size_bytes


def test_a_projection_held_back_is_behind_by_its_oldest_event_and_the_others_are_not(
    database: Database, recording: Recording, owner_dsn: str, reader: StatusReader
) -> None:
    seen = recording.append(random_events(1, 12))
    folded(database)
    oldest, *others = random_events(2, 7)
    recording.append([oldest])
    recorded_an_hour_later_from_now_on(owner_dsn)
    head = recording.append(others)
    folded(database, but="domains")

    at_least = age_s(database, seen + 1)
    status = reader.read()
    at_most = age_s(database, seen + 1)

    found = {each.name: each for each in status.projections}
    behind = found.pop("domains")
    assert (behind.position, behind.behind) == (seen, head - seen)
    assert at_least <= behind.lag_s <= at_most
    assert {(each.position, each.behind, each.lag_s) for each in found.values()} == {(head, 0, 0.0)}
    assert status.seen == seen
    folded(database)
    assert projections_of(reader)["domains"].lag_s == 0.0


def test_the_doors_know_how_old_is_what_waits_longest_to_be_read(database: Database, recording: Recording) -> None:
    seen = recording.append(random_events(1, 12))
    folded(database)
    assert Sightings(database).known(None).behind_s == 0.0
    recording.append(random_events(2, 7))
    folded(database, but="domains")
    at_least = age_s(database, seen + 1)
    known = Sightings(database).known(None)
    assert at_least <= known.behind_s <= age_s(database, seen + 1)
    assert known.position == seen


def test_a_locked_projection_does_not_keep_anybody_from_looking(
    database: Database, recording: Recording, reader: StatusReader
) -> None:
    recording.append(random_events(1, 3))
    folded(database)
    head = recording.append(random_events(2, 5))
    with database.connection() as connection, connection.transaction():
        positions.lock(connection, ["domains"])
        assert projections_of(reader)["domains"].behind == head - 3


def test_a_parked_projection_says_where_and_why_and_is_not_waited_for(
    database: Database, recording: Recording, reader: StatusReader
) -> None:
    recording.append(random_events(1, 4))
    folded(database)
    with database.connection() as connection:
        positions.park(connection, "domains", 5, "ValueError: does not fold")
    head = recording.append(random_events(2, 6))
    folded(database)
    parked = projections_of(reader)["domains"]
    assert (parked.position, parked.parked_at, parked.error) == (4, 5, "ValueError: does not fold")
    assert parked.behind == head - 4
    assert reader.read().seen == head


def test_a_clock_that_was_set_back_makes_no_age_negative(
    database: Database, recording: Recording, owner_dsn: str, reader: StatusReader
) -> None:
    folded(database)
    recorded_an_hour_later_from_now_on(owner_dsn)
    recording.append(random_events(1, 3))
    assert projections_of(reader)["domains"].lag_s == 0.0


def test_a_host_is_shown_with_who_leads_it_and_how_long_ago_it_was_looked_at(
    product: Product, reader: StatusReader
) -> None:
    never = host_of(reader)
    assert (never.name, never.observed_at, never.problem) == ("alpha", None, None)
    assert never.unobserved_s > 0
    product.define()

    seen = host_of(reader)
    lease = product.leases["alpha"]
    assert (seen.worker, seen.epoch) == (str(lease.worker), lease.epoch)
    assert seen.observed_at is not None
    assert reader.read().observed_at == seen.observed_at
    lease.release()
    assert (host_of(reader).worker, host_of(reader).epoch) == (None, seen.epoch)


class LongWatch(Watch):
    """Of a process that could have noticed everything there ever was."""

    def lasts_s(self) -> float:
        return 1e9


def last_beat(database: Database, ago: str, believed_s: float) -> None:
    database.execute(
        "UPDATE work.leases SET beaten_at = clock_timestamp() - %s::interval, believed_s = %s", ago, believed_s
    )


def test_a_holder_is_silent_once_another_should_have_taken_over_and_not_when_it_beats_again(product: Product) -> None:
    reader, lease = StatusReader(product.database, watch=LongWatch()), product.leases["alpha"]
    last_beat(product.database, "3 seconds", believed_s=3600)
    assert (host_of(reader).silent, 3 <= (host_of(reader).beat_age_s or 0) < 60) == (False, True)
    last_beat(product.database, "3 hours", believed_s=0.001)
    assert (host_of(reader).silent, (host_of(reader).beat_age_s or 0) >= 3 * 3600) == (True, True)
    product.database.execute("UPDATE work.leases SET believed_s = 25")
    lease.renew()
    assert (host_of(reader).silent, (host_of(reader).beat_age_s or 0) < 20) == (False, True)


def test_silence_of_before_the_database_or_who_asks_was_started_does_not_count(product: Product) -> None:
    started = "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS ago"
    row = product.database.fetch_one(started)
    assert row is not None
    ago = float(row["ago"])
    last_beat(product.database, "30 days", believed_s=ago + 3600)
    assert not host_of(StatusReader(product.database, watch=LongWatch())).silent
    last_beat(product.database, "30 days", believed_s=ago / 2)
    assert host_of(StatusReader(product.database, watch=LongWatch())).silent

    class Young(Watch):
        def lasts_s(self) -> float:
            return ago / 4

    assert not host_of(StatusReader(product.database, watch=Young())).silent


def test_a_holder_of_an_older_release_that_writes_no_times_is_not_taken_to_be_silent(product: Product) -> None:
    product.database.execute("UPDATE work.leases SET beaten_at = NULL, believed_s = NULL")
    host = host_of(StatusReader(product.database, watch=LongWatch()))
    assert (host.silent, host.beat_age_s) == (False, None)


def test_a_host_nobody_looks_at_any_more_is_not_said_to_be_connected(product: Product) -> None:
    product.define()
    assert [host["state"] for host in product.service.hosts()] == ["connected"]
    last_beat(product.database, "3 hours", believed_s=0.001)
    assert [host["state"] for host in product.service.hosts()] == ["unattended"]
    product.database.execute("UPDATE work.leases SET believed_s = 25")
    product.leases["alpha"].renew()
    assert [host["state"] for host in product.service.hosts()] == ["connected"]


def test_who_keeps_the_schedules_is_told_with_how_many_there_are(product: Product) -> None:
    reader = StatusReader(product.database, watch=LongWatch())
    database = product.database
    # Of an embedded server that runs for longer than agents need to take over.
    database.execute("INSERT INTO work.leases (name, epoch, beat, believed_s) VALUES ('scheduler', 1, 0, 0.001)")
    for name in ("hourly", "nightly"):
        product.service.schedules.add(name, ALICE, cron="0 2 * * *", whose={"all": True})
    product.service.schedules.enable("nightly", ALICE, enabled=False)
    assert reader.read().scheduler == SchedulerStatus(None, 1, None, silent=True, schedules=1)
    lease = Lease(database.pool, SCHEDULER, uuid4(), LeaseTimes())
    assert lease.try_acquire() == 2
    kept = reader.read().scheduler
    assert (kept.worker, kept.epoch, kept.silent) == (str(lease.worker), 2, False)


def test_a_host_that_does_not_answer_says_why(product: Product, reader: StatusReader) -> None:
    host = product.queries.host("alpha")
    assert host is not None
    Sightings(product.database).unreachable(UUID(host.id), "connection refused")
    assert host_of(reader).problem == "connection refused"


def test_operations_are_counted_as_queued_until_they_are_started(
    product: Product, held: HeldDriver, reader: StatusReader
) -> None:
    product.define()
    assert (host_of(reader).queued, host_of(reader).started, host_of(reader).oldest_queued_s) == (0, 0, 0.0)

    first = product.service.act(WEB, None, "start", {}, ALICE)
    second = product.service.act(WEB, None, "reboot", {}, ALICE)
    at_least = age_s(product.database, first.position)
    waiting = host_of(reader)
    assert (waiting.queued, waiting.started) == (2, 0)
    assert at_least <= waiting.oldest_queued_s <= age_s(product.database, first.position)

    def one_started() -> bool:
        product.agents["alpha"].run_once(0.0)
        return host_of(reader).started == 1

    eventually(one_started, what="the first operation is started")
    at_least = age_s(product.database, second.position)
    behind = host_of(reader)
    assert (behind.queued, behind.started) == (1, 1)
    assert at_least <= behind.oldest_queued_s <= age_s(product.database, second.position)

    held.let_go.set()
    product.settle(second)
    assert (host_of(reader).queued, host_of(reader).started) == (0, 0)


def test_a_removed_host_is_not_shown(product: Product, reader: StatusReader) -> None:
    product.service.registry.remove("alpha", ALICE)
    assert reader.read().hosts == ()


def test_the_pool_counts_who_has_a_connection(application_dsn: str) -> None:
    database = Database(application_dsn, max_connections=1)
    database.open()
    folded(database)
    reader = StatusReader(database)
    assert reader.pool() == PoolStatus(most=1, used=0, idle=1, waiting=0)
    with database.connection():
        assert reader.pool() == PoolStatus(most=1, used=1, idle=0, waiting=0)
        waiting = threading.Thread(target=database.fetch, args=("SELECT 1",))
        waiting.start()
        eventually(lambda: reader.pool().waiting == 1, what="somebody waits for the only connection")
        assert reader.read().log.position == 0, "a look waits for nobody's connection"
    waiting.join()
    database.close()


def test_a_look_leaves_no_connection_behind(database: Database, reader: StatusReader) -> None:
    folded(database)
    reader.read()

    looking = "SELECT pid FROM pg_stat_activity WHERE application_name = 'revisor status'"
    eventually(lambda: not database.fetch(looking), what="the connection of the look is closed")


@contextmanager
def hosts_being_replaced(database: Database) -> Iterator[None]:
    """The table of hosts is as a rebuild has it right before its end, from ``with`` on; afterwards it has ended."""
    with database.connection() as connection, connection.transaction():
        tables.create(connection, HOSTS, tables.REBUILT)
        connection.execute("INSERT INTO views.hosts__rebuild SELECT * FROM views.hosts")
        tables.index(connection, HOSTS, tables.REBUILT)
        tables.lock_out(connection, [HOSTS])
        tables.take_place(connection, HOSTS)
        yield


@pytest.mark.usefixtures("product")
def test_a_look_that_begins_while_a_rebuild_ends_shows_the_hosts(database: Database) -> None:
    with ThreadPoolExecutor(1) as thread:
        with hosts_being_replaced(database):
            looking = thread.submit(StatusReader(database, look_s=60).read)
            waits = (
                "SELECT FROM pg_locks l JOIN pg_stat_activity USING (pid) WHERE NOT granted AND application_name = %s"
            )
            eventually(lambda: database.fetch_one(waits, "revisor status") is not None, what="the look waits")
        assert [host.name for host in looking.result().hosts] == ["alpha"]


@pytest.mark.usefixtures("product")
def test_a_look_waits_no_longer_than_it_may_for_a_table_of_hosts_that_is_locked(database: Database) -> None:
    with hosts_being_replaced(database), pytest.raises(errors.LockNotAvailable, match="its read models are locked"):
        StatusReader(database).read()
