"""What the doors read: the right rows, in virsh's order, named as people name them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from projections.catalogue import all_projections
from revisor.queries import Queries
from revisor.rows import OperationFilter, Page
from revisor.store.database import Database
from tests.lab.projecting import caught_up, loop_of
from tests.lab.store import Recording
from tests.unit.test_projection_histories import (
    ALPHA,
    BETA,
    GAMMA,
    History,
    digest,
    every_topic,
    hosts,
    named,
    snapshot,
    state,
)

Tell = Callable[[History], Queries]


@pytest.fixture
def tell(database: Database, recording: Recording) -> Tell:
    """Record a history and fold it."""

    def told(history: History) -> Queries:
        loop = loop_of(database)
        loop.prepare()
        recording.append(history.events)
        caught_up(loop)
        return Queries(database)

    return told


def fleet() -> History:
    """Three hosts of which gamma was removed; web runs on alpha, db is off on beta, idle runs nowhere yet."""
    history = History()
    hosts(history)
    web, db = history.domain("web"), history.domain("db", BETA)
    history.fact(web, Domain.Defined, name="web", definition=digest("web"))
    history.fact(web, Domain.Started, name="web", **state(DomainState.RUNNING, 1, id=12, live=digest("live")))
    history.fact(db, Domain.Defined, BETA, name="db", definition=digest("db"))
    history.domain("idle", BETA)
    return history


def test_placements_are_listed_active_ones_first_then_by_name(tell: Tell) -> None:
    history = fleet()
    early = history.domain("early")
    history.fact(early, Domain.Started, name="early", **state(DomainState.PAUSED, 1, id=3))
    for name in ("b", "B", "a"):
        history.fact(history.domain(name), Domain.Defined, name=name, definition=digest(name))
    queries = tell(history)
    assert [row.name for row in queries.domains()] == ["early", "web", "B", "a", "b", "db"]
    assert [row.name for row in queries.domains(all=False)] == ["early", "web"]
    assert [row.name for row in queries.domains(host=BETA)] == ["db"]
    web = queries.domains(all=False)[1]
    assert (web.host, web.host_name, web.role, web.active, web.persistent) == (ALPHA, "alpha", "owner", True, True)
    assert (web.definition, web.live, web.state) == (digest("web"), digest("live"), DomainState.RUNNING)


def pages(queries: Queries, limit: int, **wanted: Any) -> list[list[tuple[str, str]]]:
    """All pages there are, each behind the last placement of the one before, as name and host."""
    found, page = list[list[tuple[str, str]]](), queries.domains(page=Page(limit), **wanted)
    while page:
        found.append([(row.name, row.host_name) for row in page])
        last = page[-1]
        page = queries.domains(page=Page(limit, (last.name, last.host_name, last.uuid)), **wanted)
        assert len(found) < 99, "the pages come to an end"
    return found


def test_pages_of_any_size_come_to_the_whole_fleet_by_name_and_host(tell: Tell) -> None:
    history = fleet()
    for name in ("b", "B", "a"):
        history.fact(history.domain(name), Domain.Defined, name=name, definition=digest(name))
    replica = history.domains["web"]
    history.fact(replica, Domain.Defined, BETA, name="web", definition=digest("web"))
    queries = tell(history)
    whole = [("B", "alpha"), ("a", "alpha"), ("b", "alpha"), ("db", "beta"), ("web", "alpha"), ("web", "beta")]
    for limit in range(1, len(whole) + 1):
        assert pages(queries, limit) == [whole[first : first + limit] for first in range(0, len(whole), limit)]
    assert pages(queries, 2, host=BETA) == [[("db", "beta"), ("web", "beta")]]
    assert pages(queries, 9, all=False) == [[("web", "alpha")]]
    assert pages(queries, 9, as_of=len(history.events)) == [whole]


def test_a_page_that_ends_between_two_of_one_name_on_one_host_loses_neither(tell: Tell) -> None:
    history = fleet()
    for asked_for in ("twin", "other"):
        history.fact(history.domain(asked_for), Domain.Defined, name="twin", definition=digest("twin"))
    twin = ("twin", "alpha")
    assert pages(tell(history), 2) == [[("db", "beta"), twin], [twin, ("web", "alpha")]]


def test_a_domain_is_found_by_name_by_uuid_and_on_a_host(tell: Tell) -> None:
    history = fleet()
    db = history.domains["db"]
    history.fact(db, Domain.Defined, ALPHA, name="db", definition=digest("db"))
    queries = tell(history)
    assert [(row.host_name, row.role) for row in queries.find_placements("db")] == [
        ("beta", "owner"),
        ("alpha", "replica"),
    ]
    for uuid in (str(db.id), str(db.id).upper(), db.id.hex):
        assert [row.name for row in queries.find_placements(uuid)] == ["db", "db"]
    assert [row.role for row in queries.find_placements("db", ALPHA)] == ["replica"]
    assert [row.role for row in queries.find_placements(str(db.id), BETA)] == ["owner"]
    assert [row.role for row in queries.placements(db.id)] == ["owner", "replica"]
    assert queries.find_placements("nobody") == queries.find_placements(str(uuid4())) == []
    assert queries.find_placements("idle") == []


def test_a_domain_named_like_a_uuid_is_found_when_no_domain_has_that_uuid(tell: Tell) -> None:
    history = fleet()
    odd = str(named("a name"))
    history.fact(history.domain("odd"), Domain.Defined, name=odd, definition=digest("odd"))
    queries = tell(history)
    assert [row.name for row in queries.find_placements(odd)] == [odd]


def test_who_bore_a_name_last_is_found_when_nobody_bears_it(tell: Tell) -> None:
    history = fleet()
    first, second = history.domain("first"), history.domain("second")
    for domain in (first, second):
        history.fact(domain, Domain.Defined, name="shared", definition=digest("x"))
        history.fact(domain, Domain.Undefined)
    history.fact(second, Domain.Defined, name="renamed", definition=digest("x"))
    queries = tell(history)
    assert queries.find_placements("shared") == []
    shared, renamed = queries.last_bearer("shared"), queries.last_bearer("renamed")
    assert shared is not None
    assert shared.domain == second.id, "it bore it last, whatever its name is now"
    assert renamed is not None
    assert renamed.domain == second.id
    asked_for = queries.last_bearer("idle")
    assert asked_for is not None
    assert (asked_for.role, asked_for.present) == (None, False)
    assert queries.last_bearer("nobody") is None


def test_who_bears_a_name_comes_before_who_bore_it_later(tell: Tell) -> None:
    history = fleet()
    stays, goes = history.domain("stays"), history.domain("goes", BETA)
    history.fact(stays, Domain.Defined, name="shared", definition=digest("x"))
    history.fact(goes, Domain.Defined, BETA, name="shared", definition=digest("x"))
    history.fact(goes, Domain.Undefined, BETA)
    bearer = tell(history).last_bearer("shared")
    assert bearer is not None
    assert bearer.domain == stays.id


def test_what_is_on_a_removed_host_is_not_there_any_more(tell: Tell) -> None:
    history = fleet()
    left = history.domain("left", GAMMA)
    history.fact(left, Domain.Defined, GAMMA, name="left", definition=digest("x"))
    queries = tell(history)
    assert queries.find_placements("left") == queries.domains(host=GAMMA) == []
    assert [row.host_name for row in queries.find_placements("left", living=False)] == ["gamma"]


def test_hosts_are_listed_by_name_without_those_removed(tell: Tell) -> None:
    queries = tell(fleet())
    assert [host.name for host in queries.hosts()] == ["alpha", "beta"]
    alpha = queries.host("alpha")
    assert alpha is not None
    assert (alpha.id, alpha.driver, alpha.epoch, alpha.worker) == (
        ALPHA,
        "simulator",
        1,
        str(named("worker of alpha")),
    )
    assert alpha.capabilities["unique_uuids"] is True
    assert queries.host("gamma") is None
    assert queries.host_names() == {ALPHA: "alpha", BETA: "beta", GAMMA: "gamma"}


def test_a_tree_is_listed_by_name_with_parents_and_the_current_one(tell: Tell) -> None:
    history = fleet()
    web = history.domains["web"]
    for name, parent in (("b", None), ("a", "b"), ("C", "b"), ("d", "a")):
        history.fact(web, Domain.SnapshotCreated, **snapshot(name, parent, current=name == "C"))
    queries = tell(history)
    rows = queries.snapshots(web.id)
    assert [(row.name, row.parent_name, row.children, row.current) for row in rows] == [
        ("C", "b", 0, True),
        ("a", "b", 1, False),
        ("b", None, 2, False),
        ("d", "a", 0, False),
    ]
    assert queries.snapshot(web.id, "a") == rows[1]
    assert queries.current_snapshot(web.id) == rows[0]
    assert rows[1].parent == str(named("b"))
    assert queries.snapshot(web.id, "nothing") is None
    assert queries.current_snapshot(history.domains["db"].id) is None


def test_operations_tell_names_and_progress(tell: Tell, database: Database) -> None:
    history = fleet()
    ids = [str(named(f"operation {number}")) for number in range(3)]
    for operation, name in zip(ids, ("web", "db", "web"), strict=True):
        host = ALPHA if name == "web" else BETA
        history.record(
            history.domains[name],
            Domain.OperationRequested,
            operation=operation,
            verb="start",
            host=host,
            arguments={"n": 1},
        )
    history.record(history.domains["web"], Domain.OperationCancelled, operation=ids[2], host=ALPHA)
    queries = tell(history)
    database.execute(
        "INSERT INTO work.operation_queue VALUES (%s, %s, %s, 'start', true, 1, true, NULL, NULL, %s)",
        *(ids[1], history.domains["db"].id, BETA, Jsonb({"done": 1, "total": 3})),
    )
    rows = queries.operations()
    assert [str(row.id) for row in rows] == ids
    assert [(row.domain_name, row.host_name, row.progress) for row in rows] == [
        ("web", "alpha", None),
        ("db", "beta", {"done": 1, "total": 3}),
        ("web", "alpha", None),
    ]
    assert [str(row.id) for row in queries.operations(limit=1)] == ids[2:]
    assert [str(row.id) for row in queries.operations(history.domains["web"].id)] == [ids[0], ids[2]]
    assert [str(row.id) for row in queries.operations(host=BETA)] == [ids[1]]
    for states, those in ((["failed"], []), (["queued", "unknown"], ids[:2]), (["queued", "cancelled"], ids)):
        assert [str(row.id) for row in queries.operations(those=OperationFilter(tuple(states)))] == those
    for id in ids:
        assert [str(row.id) for row in queries.operations(those=OperationFilter(id_prefix=id[:8]))] == [id]
    assert queries.operation(UUID(ids[0])) == rows[0]
    assert queries.operation(uuid4()) is None


def test_positions_tell_how_far_each_projection_is(database: Database, recording: Recording) -> None:
    loop = loop_of(database)
    loop.prepare()
    head = recording.append(every_topic())
    queries = Queries(database)
    assert queries.position() == 0
    assert not queries.wait_for(head, 0)
    assert queries.wait_for(0, 0)
    caught_up(loop)
    assert queries.position() == head
    assert queries.wait_for(head, 0)
    assert {state.name: state.position for state in queries.positions()} == dict.fromkeys(
        (each.name for each in all_projections()), head
    )
