"""Claims: a save is at least 1.3 times as fast as the library's alone, and 4 times with sixteen threads; a stream of
10,000 events is loaded 2.5 times as fast as by the library, and a domain with 2,000 living snapshots within 20 ms; an
import has at least 0.4 of the rate of a raw COPY; and hosts, domains and snapshots catch up at 8,000 events a second.

    python -m benchmarks.event_store [--short] [--rounds N]

All on one PostgreSQL with its default durability. First four ways of saving the same events take turns: Revisor's
recorder; the library's own recorder; a bare INSERT with psycopg; and a psycopg loop that calls the same function as
Revisor's, one save a transaction. Each with 1, 4 and 16 threads, and 1 and 10 events a save. Then aggregates are loaded
(``benchmarks._loading``), the import of a log takes turns with a raw binary COPY of the same rows
(``benchmarks._importing``), and read models catch up with what was imported (``benchmarks._projecting``).
"""

import argparse
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from benchmarks import _importing, _loading, _projecting
from benchmarks._claims import profile, verdict
from benchmarks._figures import machine, median, table
from migrations.runner import migrate
from revisor.embedded_postgres.cluster import APPLICATION
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.recorder import APPEND, LogDatastore, LogRecorder, Save, arguments_of
from tests.integration.postgres_probe import closed_folder

THREADS = (1, 4, 16)
EVENTS = (1, 10)
AIMS = {("library", 1): 1.3, ("same function", 1): 0.6, ("library", 16): 4.0}
"""Of one event a save: against whom, with how many threads, and how many times as fast."""

_PROFILED = 500
_STATE = b'{"description":"the guest as it was before the upgrade","timestamp":"2026-01-02T03:04:05+00:00","version":1}'
_CONTEXT = Context("uid:1000(alice)", reason="because")
_BARE = (
    "CREATE TABLE IF NOT EXISTS bare (stream uuid, version bigint, topic text, state bytea,"
    " position bigserial UNIQUE, PRIMARY KEY (stream, version))"
)
_INSERT = "INSERT INTO bare (stream, version, topic, state) VALUES (%s, %s, %s, %s)"

Saver = Callable[[Sequence[StoredEvent]], object]


def main() -> int:
    arguments = _arguments()
    with closed_folder() as folder, EmbeddedPostgres(folder / "h") as server:
        migrate(server.dsn("revisor_owner"), application_role=APPLICATION)
        print(f"median of {arguments.rounds} rounds by turns; {machine()}; PostgreSQL as installed\n", flush=True)
        _saving(server, arguments.rounds, arguments.seconds)
        print()
        print("\n".join(_loading.loading(server, arguments.rounds)), flush=True)
        _importing.print_report(server, folder, events=arguments.imported, rounds=arguments.rounds)
        _projecting.print_report(server, rounds=arguments.rounds)
    return 0


def _saving(server: EmbeddedPostgres, rounds: int, seconds: float) -> None:
    with ExitStack() as stack:
        savers = {
            "revisor": stack.enter_context(_revisor(server)),
            "library": stack.enter_context(_library(server)),
            "bare INSERT": stack.enter_context(_bare(server)),
            "same function": stack.enter_context(_same_function(server)),
        }
        rates = _measured(savers, rounds, seconds)
        print("events a second\n")
        print(table(["threads, events a save", *savers], _rows(rates, savers)))
        print("\nrevisor's rate as a multiple of the others'\n")
        print(table(["threads, events a save", *list(savers)[1:]], _ratios(rates, savers)))
        print()
        for (other, threads), aim in AIMS.items():
            ratio = rates["revisor", threads, 1] / rates[other, threads, 1]
            print(
                f"{threads} threads, one event a save: {ratio:.2f} of {other}; the aim is {aim}: {verdict(ratio >= aim)}"
            )
            if ratio < aim:
                what = f"{_PROFILED} saves of each of {threads} threads"
                print(profile(what, lambda: _save(savers["revisor"], _PROFILED), threads), "\n")


def _save(saver: Saver, times: int) -> None:
    for _ in range(times):
        saver([StoredEvent(uuid4(), 1, "host.removed", _STATE)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.event_store", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--short", action="store_true", help="few and short rounds, for a quick look")
    parser.add_argument("--rounds", type=int, help="how often each is measured; the median counts (5)")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.short else 5)
    arguments.seconds = 0.3 if arguments.short else 1.0
    arguments.imported = 20_000 if arguments.short else 200_000
    return arguments


@contextmanager
def _revisor(server: EmbeddedPostgres) -> Iterator[Saver]:
    with _pool(server.dsn("revisor")) as database:
        recorder = LogRecorder(LogDatastore(database))
        yield lambda events: recorder.insert_events(events, save=Save(_CONTEXT))


@contextmanager
def _library(server: EmbeddedPostgres) -> Iterator[Saver]:
    said = conninfo_to_dict(server.dsn("revisor_owner"))
    datastore = PostgresDatastore(
        dbname=str(said["dbname"]),
        host=str(said["host"]),
        port=str(said.get("port", 5432)),
        user=str(said["user"]),
        password="",
        pool_size=max(THREADS),
    )
    recorder = PostgresApplicationRecorder(datastore, events_table_name="library_events")
    recorder.create_table()
    try:
        yield recorder.insert_events
    finally:
        datastore.close()


@contextmanager
def _bare(server: EmbeddedPostgres) -> Iterator[Saver]:
    with _pool(server.dsn("revisor_owner")) as database:
        database.execute(_BARE)

        def save(events: Sequence[StoredEvent]) -> None:
            rows = [(e.originator_id, e.originator_version, e.topic, e.state) for e in events]
            with database.connection() as connection, connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(_INSERT, rows)

        yield save


@contextmanager
def _same_function(server: EmbeddedPostgres) -> Iterator[Saver]:
    with _pool(server.dsn("revisor")) as database:

        def save(events: Sequence[StoredEvent]) -> None:
            with database.connection() as connection:
                connection.execute(APPEND, arguments_of(events, Save(_CONTEXT)), prepare=True).fetchall()

        yield save


@contextmanager
def _pool(dsn: str) -> Iterator[Database]:
    database = Database(dsn, max_connections=max(THREADS))
    database.open()
    try:
        yield database
    finally:
        database.close()


Rates = Mapping[tuple[str, int, int], float]


def _measured(savers: Mapping[str, Saver], rounds: int, seconds: float) -> Rates:
    found: dict[tuple[str, int, int], list[float]] = {}
    for round_ in range(rounds + 1):
        for threads in THREADS:
            for events in EVENTS:
                for name, saver in savers.items():
                    rate = _rate(saver, threads, events, seconds)
                    if round_:  # the first warms connections and caches
                        found.setdefault((name, threads, events), []).append(rate)
    return {key: median(rates) for key, rates in found.items()}


def _rate(saver: Saver, threads: int, events: int, seconds: float) -> float:
    """Events a second while ``threads`` save as fast as they can."""
    over = threading.Event()

    def save_on(_: int) -> int:
        saved = 0
        while not over.is_set():
            stream = uuid4()
            saver([StoredEvent(stream, version, "host.removed", _STATE) for version in range(1, events + 1)])
            saved += events
        return saved

    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        counts = [pool.submit(save_on, number) for number in range(threads)]
        over.wait(seconds)
        over.set()
        total = sum(count.result() for count in counts)
        return total / (time.perf_counter() - began)


def _rows(rates: Rates, savers: Mapping[str, Saver]) -> list[list[str]]:
    return [
        [f"{threads}, {events}", *(f"{rates[name, threads, events]:.0f}" for name in savers)]
        for threads in THREADS
        for events in EVENTS
    ]


def _ratios(rates: Rates, savers: Mapping[str, Saver]) -> list[list[str]]:
    ours, *others = savers
    return [
        [
            f"{threads}, {events}",
            *(f"{rates[ours, threads, events] / rates[other, threads, events]:.2f}" for other in others),
        ]
        for threads in THREADS
        for events in EVENTS
    ]


if __name__ == "__main__":
    raise SystemExit(main())
