"""A part of ``benchmarks.event_store``: importing a log, beside the same rows through a raw binary COPY.

The raw COPY goes into tables of the same columns and indexes, from files as they come out of the archive, in one
transaction; it checks nothing. Both take turns on one PostgreSQL, each into empty tables behind a checkpoint.
"""

import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from benchmarks._figures import median, table
from benchmarks._logs import write_log
from migrations.runner import migrate
from revisor.embedded_postgres.cluster import APPLICATION
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.store.archive import LOG, import_log
from revisor.store.archive_file import open_archive
from tests.integration.postgres_probe import closed_folder

AIM = 0.4
"""Of the rate of a raw COPY: an import checks every leaf and makes the queue anew."""

_BLOCK_BYTES = 1 << 18
_EVENTS_A_DOMAIN = 40


def print_report(*, events: int, rounds: int) -> None:
    """Measure, and say what it came to."""
    with closed_folder() as folder, EmbeddedPostgres(folder / "h") as server:
        archive = folder / "log.revisor"
        begun = time.perf_counter()
        manifest = write_log(archive, events=events, domains=events // _EVENTS_A_DOMAIN)
        made_s = time.perf_counter() - begun
        _extract(archive, folder)
        ways: dict[str, Callable[[], None]] = {
            "import": lambda: _import(server, archive),
            "raw COPY": lambda: _raw(server, folder),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                _empty(server)
                begun = time.perf_counter()
                way()
                seconds[name].append(time.perf_counter() - begun)
    position, sizes = manifest.head.position, manifest.members
    rates = {name: position / median(times) for name, times in seconds.items()}
    print(f"\nimport of {position} events, median of {rounds} rounds by turns; the archive was made in {made_s:.1f} s")
    print(", ".join(f"{size.rows} {name} of {size.bytes / 1e6:.1f} MB" for name, size in sizes.items()) + "\n")
    rows = [
        [name, f"{median(times):.2f}", f"{min(times):.2f}", f"{max(times):.2f}", f"{rates[name]:.0f}"]
        for name, times in seconds.items()
    ]
    print(table(["", "median s", "best s", "worst s", "events a second"], rows))
    ratio = rates["import"] / rates["raw COPY"]
    print(f"\nimport: {ratio:.2f} of a raw COPY; the aim is {AIM}: {'met' if ratio >= AIM else 'missed'}")


def _extract(archive: Path, folder: Path) -> None:
    with open_archive(archive) as reader:
        for member in LOG:
            with (folder / member.name).open("wb") as file:
                file.writelines(reader.blocks(member.name))


def _empty(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.dsn("revisor_owner")) as connection:
        connection.execute("DROP SCHEMA IF EXISTS views, work, log, raw CASCADE")
    migrate(server.dsn("revisor_owner"), application_role=APPLICATION)
    with psycopg.connect(server.dsn("revisor_owner")) as connection:
        connection.execute("CREATE SCHEMA raw")
        for member in LOG:
            connection.execute(f"CREATE TABLE raw.{member.name} (LIKE log.{member.name} INCLUDING ALL)".encode())
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _import(server: EmbeddedPostgres, archive: Path) -> None:
    with psycopg.connect(server.dsn("revisor_owner"), autocommit=True) as connection:
        import_log(connection, archive)


def _raw(server: EmbeddedPostgres, folder: Path) -> None:
    with psycopg.connect(server.dsn("revisor_owner")) as connection:
        for member in LOG:
            statement = f"COPY {member.target.replace('log.', 'raw.')} FROM STDIN (FORMAT binary)"
            with (
                (folder / member.name).open("rb") as file,
                connection.cursor() as cursor,
                cursor.copy(statement.encode()) as copy,
            ):
                while block := file.read(_BLOCK_BYTES):
                    copy.write(block)
