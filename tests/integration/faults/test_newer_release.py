"""The log holds what a newer release wrote: this one acts on nothing it cannot read, says so, and does the rest."""

import json
from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest

from domain_model.domain import Domain
from domain_model.host import Host
from drivers.simulator import SimulatorDriver
from revisor.queries import Queries
from revisor.store.database import Database
from revisor.store.mapper import class_version
from tests.acceptance.faults import stopped
from tests.acceptance.product import Product
from tests.integration.faults.commands import WEB, Commands, log_of
from tests.integration.faults.invariants import check_log
from tests.lab.awaiting import eventually
from tests.lab.projecting import states_of

DB = WEB.replace("<name>web</name>", "<name>db</name>")
MAIL = WEB.replace("<name>web</name>", "<name>mail</name>")


def newer_shape() -> tuple[str, bytes]:
    """An event this release knows, in a shape it does not know."""
    state = {"class_version": class_version(Domain.Stopped) + 1, "timestamp": "2030-01-01T00:00:00+00:00"}
    return Domain.Stopped.TOPIC, json.dumps(state).encode()


def newer_kind() -> tuple[str, bytes]:
    return "domain.teleported", b"{}"


@pytest.mark.parametrize("written", [newer_shape, newer_kind])
def test_what_a_newer_release_wrote_is_left_to_it_and_everything_else_goes_on(
    revisor: Product, database: Database, owner_dsn: str, written: Callable[[], tuple[str, bytes]]
) -> None:
    revisor.up("alpha")
    revisor.define(WEB, "alpha")
    stream = revisor.define(DB, "alpha")["stream"]
    topic, state = written()
    at = append_as_newer(owner_dsn, stream, topic, state)

    for words in (["start", "db"], ["log", "db"], ["undefine", "db"]):
        sentence = revisor.refused(1, *words)
        assert "a newer release of Revisor wrote" in sentence
        assert topic in sentence

    eventually(lambda: all(state.parked_at == at for state in states_of(database).values()), what="all are parked")
    assert f"is parked before position {at}" in log_of(revisor.home, "projector")
    assert topic in revisor.refused(9, "status", "--check")
    revisor.ok("dominfo", "db", "--fresh")
    assert "is not observed by this release" in log_of(revisor.home, "agent-alpha")
    commands = Commands(revisor)
    for _ in range(3):
        commands.one()
    commands.check_log(revisor.client)
    assert {item["name"] for item in revisor.items("list", "--all", "--fresh")} == {"web", "db"}
    check_log(database)
    assert {state.position for state in states_of(database).values()} == {at - 1}


def broken_shape() -> tuple[str, bytes]:
    """An event without what makes it one."""
    return Host.Enabled.TOPIC, b"{}"


@pytest.mark.parametrize("written", [newer_kind, broken_shape])
def test_a_host_whose_history_cannot_be_read_is_looked_at_and_nothing_is_begun_there(
    revisor: Product, database: Database, owner_dsn: str, written: Callable[[], tuple[str, bytes]]
) -> None:
    revisor.up("alpha", "beta")
    web = revisor.define(WEB, "alpha")["stream"]
    revisor.define(DB, "alpha")
    revisor.define(MAIL, "beta")
    row = Queries(database).host("alpha")
    assert row is not None
    topic, state = written()
    with stopped(agent := revisor.pid_of("worker", "--host", "alpha")):
        waits = revisor.client.act("db", "autostart", {}, wait_s=0)
        at = append_as_newer(owner_dsn, row.id, topic, state)
        revisor.kill([agent])

    SimulatorDriver(revisor.home / "simulators" / "alpha.sqlite", "alpha").start(uuid_of(revisor, "web"))
    eventually(lambda: "domain.started" in topics_of(database, web), what="what happens there is observed")
    said = log_of(revisor.home, "agent-alpha")
    for sentence in ("that it is led by another worker cannot be recorded", "no operation is begun by this release"):
        assert said.count(sentence) == 1
    assert topic in said
    assert f"is parked at {at}" in revisor.refused(9, "status", "--check")
    assert topic in revisor.refused(1, "destroy", "web")
    assert revisor.client.get(f"/v1/operations/{waits['id']}").body["state"] == "queued"
    revisor.act("mail", "start")
    check_log(database)


def uuid_of(revisor: Product, domain: str) -> str:
    return str(revisor.client.get(f"/v1/domains/{domain}").body["items"][0]["uuid"])


def topics_of(database: Database, stream: str) -> list[str]:
    return [row["topic"] for row in database.fetch("SELECT topic FROM log.events WHERE originator_id = %s", stream)]


def append_as_newer(owner_dsn: str, stream: str, topic: str, state: bytes) -> int:
    """Append one event to a stream, past this release; returns its position."""
    append = uuid4()
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        row = connection.execute(
            "SELECT log.append(%s, 'newer', NULL, NULL, NULL, %s, NULL, array[%s::uuid], array(SELECT 1 + max("
            "originator_version) FROM log.events WHERE originator_id = %s), array[%s], array[%s::bytea],"
            " NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
            [append, append, stream, stream, topic, state],
        ).fetchone()
    assert row is not None
    return int(row[0])
