"""Claims: how long it takes to rebuild a fleet of 25,000 domains from 1,000,000 events, and to read it.

It is rebuilt within 60 s; its first page is answered within 50 ms and all of it within 1 s; as of before, the fleet is
read within 100 ms and one domain within 30 ms.

    python -m benchmarks.fleet [--short] [--rounds N]

The log is made without a database (``benchmarks._logs``) and taken in as an archive is. Then everything is asked of the
embedded PostgreSQL and of ``revisor serve`` and ``revisor projector`` in processes of their own.
"""

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from benchmarks._claims import HEADER, Claim
from benchmarks._figures import machine, table
from benchmarks._logs import write_log
from migrations.runner import migrate
from projections.catalogue import all_projections
from projections.rebuild import rebuild
from revisor import presentation as present
from revisor.client import Client, ClientError
from revisor.composition import dsn_of
from revisor.embedded_postgres.cluster import APPLICATION
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.queries import Queries
from revisor.rows import Page
from revisor.settings import Settings
from revisor.store.archive import import_log
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.integration.postgres_probe import closed_folder
from tests.lab.awaiting import eventually

_PAGE = 100
_ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    arguments = _arguments()
    print(f"{machine()}; load average {os.getloadavg()[0]:.1f}; PostgreSQL as installed\n", flush=True)
    with closed_folder() as folder, EmbeddedPostgres(folder / "h") as server:
        settings = Settings(home=folder / "h")
        _take_in(server, folder / "log.revisor", arguments.domains, arguments.events)
        rebuilding = _Rebuilding(settings)
        rebuilt = Claim("rebuild of all projections", 60.0, rebuilding, lambda: _rebuild_apart(dsn_of(settings)))
        rebuilt.measure(arguments.rounds, warm=False)
        with closing(Database(dsn_of(settings))) as database, _running(settings, "projector") as projector:
            database.open()
            eventually(lambda: _caught_up(database), what="the projector is at the head")
            with _running(settings, "serve") as serve:
                asked = _questions(settings, database, arguments.domains)
                for claim in asked:
                    claim.measure(arguments.rounds)
                memory = {"serve": _resident_mib(serve), "projector": _resident_mib(projector)}
            claims = [rebuilt, *asked]
            print(table(HEADER, [claim.row() for claim in claims]))
            print(f"\nmemory: rebuilding {rebuilding.peak_mib:.0f} MiB at most; ", end="")
            print(", ".join(f"{name} {mib:.0f} MiB" for name, mib in memory.items()), flush=True)
            for claim in claims:
                if not claim.met:
                    print(claim.profile(), flush=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="1,000 domains and one round, for a quick look")
    parser.add_argument("--rounds", type=int, help="how often each is measured; the median counts (5)")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.short else 5)
    arguments.domains, arguments.events = (1_000, 40_000) if arguments.short else (25_000, 1_000_000)
    return arguments


def _take_in(server: EmbeddedPostgres, archive: Path, domains: int, events: int) -> None:
    begun = time.perf_counter()
    write_log(archive, events=events, domains=domains)
    made = time.perf_counter()
    migrate(server.dsn("revisor_owner"), application_role=APPLICATION)
    with psycopg.connect(server.dsn("revisor_owner"), autocommit=True) as connection:
        position = import_log(connection, archive).head.position
    imported_s = time.perf_counter() - made
    archive.unlink()
    print(
        f"{domains} domains, {position} events: made in {made - begun:.1f} s, imported in {imported_s:.1f} s\n",
        flush=True,
    )


class _Rebuilding:
    """Rebuilds everything in a process of its own, which is how its memory can be told."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.peak_mib = 0.0

    def __call__(self) -> None:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            self.peak_mib = max(self.peak_mib, pool.submit(_rebuild_apart, dsn_of(self._settings)).result())


def _rebuild_apart(dsn: str) -> float:
    with closing(Database(dsn)) as database:
        database.open()
        rebuild(database.pool, LogReader(database), all_projections())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def _running(settings: Settings, *command: str) -> Iterator[int]:
    """The pid of ``revisor`` with that command, which ends behind this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REVISOR_")}
    environment = {**kept, "REVISOR_HOME": str(settings.home)}
    process = subprocess.Popen(
        [sys.executable, "-m", "revisor", *command], cwd=_ROOT, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _caught_up(database: Database) -> bool:
    return Queries(database).position() == LogReader(database).head()


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def _questions(settings: Settings, database: Database, domains: int) -> list[Claim]:
    """What is asked, each with its aim and how it is asked; all answers are looked into once."""
    client, reader, queries = Client(settings.socket), LogReader(database), Queries(database)
    eventually(lambda: _answers(client), what="revisor serve answers")
    middle = reader.head() // 2
    moment = reader.recorded_at(middle)
    name = queries.domains(as_of=middle)[domains // 2].name

    def answered(limit: int | None) -> int:
        return len(client.get("/v1/domains", all=True, limit=limit).body["items"])

    def inside(page: Page | None) -> str:
        return json.dumps([present.domain(row) for row in queries.domains(page=page)])

    def domain_then() -> list[str]:
        return [row.name for row in queries.placements_at(name, reader.position_at(moment))]

    assert (answered(_PAGE), answered(None), domain_then()) == (_PAGE, domains, [name])
    return [
        Claim(f"first page of {_PAGE} by HTTP", 0.05, lambda: answered(_PAGE), lambda: inside(Page(_PAGE))),
        Claim(f"all {domains} by HTTP", 1.0, lambda: answered(None), lambda: inside(None)),
        Claim("fleet as of the middle", 0.1, lambda: queries.domains(as_of=middle)),
        Claim("one domain as of a time", 0.03, domain_then),
    ]


def _answers(client: Client) -> bool:
    try:
        client.get("/v1/health")
    except ClientError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
