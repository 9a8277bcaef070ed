"""A part of ``benchmarks.event_store``: importing a log, beside the same rows through a raw binary COPY.

The raw COPY goes into tables of the same columns and indexes, from files as they come out of the archive, in one
transaction; it checks nothing. Both take turns on one PostgreSQL, each into empty tables behind a checkpoint.
"""

import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from benchmarks._claims import enough, seconds_of, verdict
from benchmarks._figures import median, table
from benchmarks._logs import write_log
from migrations.runner import migrate
from revisor.embedded_postgres.cluster import APPLICATION
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.store.archive import LOG, Progress, import_log
from revisor.store.archive_file import open_archive

AIM = 0.4
"""Of the rate of a raw COPY: an import checks every leaf and makes the queue anew."""

_BLOCK_BYTES = 1 << 18
_EVENTS_A_DOMAIN = 40


def print_report(server: EmbeddedPostgres, folder: Path, *, events: int, rounds: int) -> None:
    """Measure, and say what it came to. Afterwards the log of ``server`` is the one that was imported."""
    archive = folder / "log.revisor"
    begun = time.perf_counter()
    manifest = write_log(archive, events=events, domains=events // _EVENTS_A_DOMAIN)
    made_s = time.perf_counter() - begun
    _extract(archive, folder)
    ways: dict[str, Callable[[], None]] = {
        "raw COPY": lambda: _raw(server, folder),
        "import": lambda: _import(server, archive),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    while not enough(seconds["import"], rounds):
        for name, way in ways.items():
            _empty(server)
            seconds[name].append(seconds_of(way))
    position, sizes = manifest.head.position, manifest.members
    rates = {name: position / median(times) for name, times in seconds.items()}
    rounds = len(seconds["import"])
    print(f"\nimport of {position} events, median of {rounds} rounds by turns; the archive was made in {made_s:.1f} s")
    print(", ".join(f"{size.rows} {name} of {size.bytes / 1e6:.1f} MB" for name, size in sizes.items()) + "\n")
    rows = [
        [name, f"{median(times):.2f}", f"{min(times):.2f}", f"{max(times):.2f}", f"{rates[name]:.0f}"]
        for name, times in seconds.items()
    ]
    print(table(["", "median s", "best s", "worst s", "events a second"], rows))
    ratio = rates["import"] / rates["raw COPY"]
    print(f"\nimport: {ratio:.2f} of a raw COPY; the aim is {AIM}: {verdict(ratio >= AIM)}")
    if ratio < AIM:
        _empty(server)
        print(f"where the time of an import goes: {_steps(server, archive)}")


def _steps(server: EmbeddedPostgres, archive: Path) -> str:
    """The seconds of each step of one more import."""
    begun: dict[str, float] = {}

    def seen(step: str, _: int) -> None:
        begun.setdefault(step, time.perf_counter())

    _import(server, archive, seen)
    ends = [*list(begun.values())[1:], time.perf_counter()]
    return ", ".join(f"{step} {end - start:.2f} s" for (step, start), end in zip(begun.items(), ends, strict=True))


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


def _import(server: EmbeddedPostgres, archive: Path, seen: Progress = lambda _step, _bytes: None) -> None:
    with psycopg.connect(server.dsn("revisor_owner"), autocommit=True) as connection:
        import_log(connection, archive, seen=seen)


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
