"""The fleet, a domain and a tree as of any position: what was read then is read again, whatever happened since."""

from typing import Any
from uuid import UUID

import pytest
from psycopg.rows import tuple_row

from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from projections import past, tables
from projections.catalogue import all_projections
from projections.domains import DOMAINS
from projections.rebuild import rebuild
from revisor.queries import Queries
from revisor.rows import PlacementRow
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.contract.store.test_projection_queries import fleet
from tests.lab.projecting import caught_up, loop_of
from tests.lab.store import Recording
from tests.unit.test_projection_histories import ALPHA, BETA, every_topic, random_events, state


def everything(queries: Queries, domains: list[UUID], as_of: int | None = None) -> list[Any]:
    """All that can be asked of a position."""
    found = queries.domains(as_of=as_of)
    active_here = queries.domains(all=False, host=ALPHA, as_of=as_of)
    by_name = [found_by(queries, row.name, as_of) for row in found]
    trees = [queries.snapshots(domain, as_of) for domain in domains]
    # A random history has several of one name, which come in whatever order.
    answers: list[list[Any]] = [[*queries.hosts(as_of)], [*found], [*active_here], *by_name, *trees]
    return [sorted(rows, key=repr) for rows in answers]


def found_by(queries: Queries, name: str, as_of: int | None) -> list[PlacementRow]:
    return queries.find_placements(name) if as_of is None else queries.placements_at(name, as_of)


@pytest.mark.parametrize("made", ["live", "rebuilt"])
def test_what_was_read_at_a_position_is_read_as_of_it_for_ever(
    database: Database, recording: Recording, made: str
) -> None:
    history = [*every_topic(), *random_events(11, 60, domains=2)]
    domains = sorted({event.originator_id for event in history})
    loop, queries, seen = loop_of(database), Queries(database), dict[int, list[Any]]()
    loop.prepare()
    for event in history:
        position = recording.append([event])
        caught_up(loop)
        seen[position] = everything(queries, domains)
    if made == "rebuilt":
        rebuild(database.pool, LogReader(database), all_projections())
    for position, then in seen.items():
        assert everything(queries, domains, position) == then, position


def test_at_the_beginning_there_is_nothing(database: Database, recording: Recording) -> None:
    loop_of(database).prepare()
    recording.append(every_topic())
    caught_up(loop_of(database))
    assert everything(Queries(database), [], 0) == [[], [], []]


def test_a_domain_is_found_by_the_name_it_had(database: Database, recording: Recording) -> None:
    history = fleet()
    web = history.domains["web"]
    before = len(history.events)
    history.fact(web, Domain.Stopped, **state(DomainState.SHUTOFF, 1))
    history.fact(web, Domain.Renamed, name="www", name_before="web")
    renamed = len(history.events)
    history.fact(web, Domain.Undefined)
    loop, queries = loop_of(database), Queries(database)
    loop.prepare()
    recording.append(history.events)
    caught_up(loop)
    assert queries.find_placements("web") == queries.find_placements("www") == []
    (then,) = queries.placements_at("web", before)
    assert (then.name, then.active, then.host_name) == ("web", True, "alpha")
    assert queries.placements_at("www", before) == []
    (later,) = queries.placements_at("www", renamed)
    assert later.name == "www"
    assert queries.placements_at("web", renamed) == queries.placements_at("www", renamed + 1) == []
    assert queries.placements_at(str(web.id), before) == [then]
    assert queries.placements_at(web.id.hex, before, BETA) == []


def test_a_host_that_was_removed_is_known_as_of_before(database: Database, recording: Recording) -> None:
    history = fleet()
    loop, queries = loop_of(database), Queries(database)
    loop.prepare()
    recording.append(history.events)
    caught_up(loop)
    removed = 1 + [event.TOPIC for event in history.events].index("host.removed")
    assert queries.host("gamma") is None
    assert queries.host("gamma", removed) is None
    assert queries.host("gamma", removed - 1) is not None


_MANY = """
INSERT INTO views.{name} SELECT made.* FROM generate_series(1, 50000) AS n CROSS JOIN LATERAL jsonb_populate_record(
    (SELECT p FROM views.{name} AS p LIMIT 1), jsonb_build_object(
        'domain', md5((n %% 500)::text), 'valid_from', n, 'valid_to', n + 400 + n %% 300,
        'span', 9 + (n %% 300 >= 112)::int
    )) AS made ON CONFLICT DO NOTHING
"""


@pytest.fixture
def long_past(database: Database, recording: Recording) -> Queries:
    """Tables with tens of thousands of versions that ended, as PostgreSQL's planner likes to have them."""
    loop = loop_of(database)
    loop.prepare()
    recording.append(every_topic())
    caught_up(loop)
    for projection in all_projections():
        for table in projection.tables:
            if table.past is not None and "domain" in table.key:
                database.execute(_MANY.format(name=table.past.name))
            with database.connection() as connection:
                tables.analyse(connection, table, tables.LIVE)
    return Queries(database)


class Explaining(Queries):
    """Collects how PostgreSQL would answer, instead of what."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.plans: list[str] = []

    def _rows(self, kind: type[Any], query: str, *params: object) -> list[Any]:  # noqa: ARG002 - nothing is answered
        with self._database.connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            plan = cursor.execute(f"EXPLAIN {query}".encode(), params).fetchall()
        self.plans.append("\n".join(line for (line,) in plan))
        return []


def test_nothing_reads_through_all_versions_that_ended(long_past: Queries, database: Database) -> None:
    assert long_past.domains(as_of=20_000) is not None
    explaining = Explaining(database)
    explaining.domains(as_of=20_000)
    explaining.placements_at("web", 20_000)
    explaining.placements_at(str(UUID(int=5)), 20_000)
    explaining.snapshots(UUID(int=5), as_of=20_000)
    assert len(explaining.plans) == 5
    for plan in explaining.plans:
        for name in ("domains_past", "snapshots_past", "forests_past", "checkpoints_past"):
            assert f"Seq Scan on {name}" not in plan, plan
        assert "_past_" in plan, "an index of a past is used"


def test_the_question_about_now_does_not_know_of_the_past(long_past: Queries, database: Database) -> None:
    assert long_past.domains()
    explaining = Explaining(database)
    explaining.domains()
    explaining.find_placements("web")
    explaining.snapshots(UUID(int=5))
    assert not any("_past" in plan for plan in explaining.plans)


def test_both_ways_into_the_past_find_the_same_rows(long_past: Queries, database: Database) -> None:
    assert long_past.hosts()
    for position in (1, 399, 20_000, 49_999, 50_500, 60_000):
        whole, each = (
            database.fetch(f"SELECT * FROM {way(DOMAINS, position)} AS way ORDER BY domain, host, position")  # noqa: S608
            for way in (past.whole_table_at, past.rows_at)
        )
        assert whole == each, position
