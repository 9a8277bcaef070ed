"""A part of ``benchmarks.event_store``: read models that catch up with the log by the projector's own loop.

In batches of 500, each with its commit, from the first position to the head: through all read models, and through
hosts, domains and snapshots alone. What came behind an import is rebuilt in bulk instead (``benchmarks.fleet``).
"""

from collections.abc import Sequence
from contextlib import closing
from functools import partial

from benchmarks._claims import enough, profile, seconds_of, verdict
from benchmarks._figures import median, table
from projections import positions
from projections.catalogue import all_projections
from projections.loop import ProjectionLoop
from projections.projection import Projection
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.store.database import Database
from revisor.store.reading import LogReader

AIM = 8_000
"""Events a second, of the three."""

_BATCH = 500
_PROFILED_BATCHES = 40
_THREE = ("hosts", "domains", "snapshots")


def print_report(server: EmbeddedPostgres, *, rounds: int) -> None:
    """Measure on the log of ``server``, and say what it came to."""
    with closing(Database(server.dsn("revisor"))) as database:
        database.open()
        head = LogReader(database).head()
        everything = all_projections()
        three = [projection for projection in everything if projection.name in _THREE]
        ways: dict[str, Sequence[Projection]] = {"all": everything, ", ".join(_THREE): three}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        while not all(enough(times, rounds) for times in seconds.values()):
            for name, projections in ways.items():
                loop = _at_the_beginning(database, projections)
                seconds[name].append(seconds_of(partial(_catch_up, loop)))
        print(f"\ncatch-up of {head} events in batches of {_BATCH}, median of the rounds by turns\n")
        rows = [
            [
                name,
                *(f"{each:.2f}" for each in (median(times), min(times), max(times))),
                str(len(times)),
                f"{head / median(times):.0f}",
            ]
            for name, times in seconds.items()
        ]
        print(table(["", "median s", "best s", "worst s", "rounds", "events a second"], rows))
        rate = head / median(seconds[", ".join(_THREE)])
        print(f"\ncatch-up of the three: {rate:.0f} events a second; the aim is {AIM}: {verdict(rate >= AIM)}")
        if rate < AIM:
            loop = _at_the_beginning(database, three)
            print(profile("the three", lambda: [loop.run_once() for _ in range(_PROFILED_BATCHES)]))


def _at_the_beginning(database: Database, projections: Sequence[Projection]) -> ProjectionLoop:
    """A loop whose tables are empty, and the only ones that there are to be kept up."""
    with database.connection() as connection:
        positions.prepare(connection, projections)
        connection.execute("DELETE FROM views.projections")
        positions.prepare(connection, projections)
    return ProjectionLoop(database.pool, LogReader(database), projections, batch=_BATCH)


def _catch_up(loop: ProjectionLoop) -> None:
    while loop.run_once():
        pass
