"""Part of the event store's claims: loading an aggregate, against the library's own repository and in milliseconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.application import Application
from psycopg.conninfo import conninfo_to_dict

from benchmarks._claims import profile, seconds_of, verdict
from benchmarks._figures import median, table
from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.log import EventLog
from revisor.store.recorder import Save
from revisor.store.repository import Repository

EVENTS = 10_000
SNAPSHOTS = 2_000
AIM_GET, AIM_SNAPSHOTS_MS = 2.5, 20.0
"""How many times as fast as the library; and a domain with so many living snapshots."""

_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_HOST = str(uuid4())
_FACT: dict[str, Any] = {"host": _HOST, "operation": None, "origin": "observed"}


def loading(server: EmbeddedPostgres, rounds: int) -> list[str]:
    """Lines that say how long loading takes, and whether the aims are met."""
    database = Database(server.dsn("revisor"))
    database.open()
    try:
        log = EventLog(database)
        domain = _long_lived()
        events = list(domain.pending_events)
        log.append(domain, save=Save(Context("benchmark")))
        with _library(server) as library:
            for start in range(0, EVENTS, 100):  # with thousands at once, the library waits for ever
                library.save(*events[start : start + 100])
            rates = _by_turns(
                {
                    "revisor": lambda: log.load(Domain, domain.id),
                    "library": lambda: library.repository.get(domain.id),
                },
                rounds,
            )
        ratio = rates["library"] / rates["revisor"]
        snapshotted = _with_snapshots()
        log.append(snapshotted, save=Save(Context("benchmark")))
        folded = _by_turns({"folded": lambda: log.load(Domain, snapshotted.id)}, rounds)["folded"]
        Repository(database).keep(snapshotted.id)
        kept = _by_turns({"kept": lambda: log.load(Domain, snapshotted.id)}, rounds)["kept"] * 1000
        return [
            table(
                ["loaded", "ms"],
                [
                    [f"{EVENTS} events, revisor", f"{rates['revisor'] * 1000:.1f}"],
                    [f"{EVENTS} events, library", f"{rates['library'] * 1000:.1f}"],
                    [f"{SNAPSHOTS} living snapshots, from their events", f"{folded * 1000:.1f}"],
                    [f"{SNAPSHOTS} living snapshots, from an aggregate snapshot", f"{kept:.1f}"],
                ],
            ),
            "",
            f"get of {EVENTS} events: {ratio:.2f} of library; the aim is {AIM_GET}: {verdict(ratio >= AIM_GET)}",
            *([] if ratio >= AIM_GET else [profile("a get", lambda: log.load(Domain, domain.id))]),
            f"{SNAPSHOTS} living snapshots: {kept:.1f} ms; the aim is {AIM_SNAPSHOTS_MS:.0f}: {verdict(kept < AIM_SNAPSHOTS_MS)}",
            *(
                []
                if kept < AIM_SNAPSHOTS_MS
                else [profile(f"loading {SNAPSHOTS} living snapshots", lambda: log.load(Domain, snapshotted.id))]
            ),
        ]
    finally:
        database.close()


def _by_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            found[name].append(seconds_of(way))
    return {name: median(seconds[1:]) for name, seconds in found.items()}


def _long_lived() -> Domain:
    """A domain that was started and stopped over and over."""
    domain = _defined()
    running = {"state": int(DomainState.RUNNING), "reason": 1, "hypervisor_id": 7, "live": "0" * 64}
    stopped = {"state": int(DomainState.SHUTOFF), "reason": 1, "hypervisor_id": None, "live": None}
    while domain.version < EVENTS:
        domain.record(Domain.Started, _NOW, name="web", **running, **_FACT)
        domain.record(Domain.Stopped, _NOW, **stopped, **_FACT)
    return domain


def _with_snapshots() -> Domain:
    domain = _defined()
    parent = None
    for number in range(SNAPSHOTS):
        snapshot = str(uuid4())
        domain.record(
            Domain.SnapshotCreated,
            _NOW,
            snapshot=snapshot,
            name=f"nightly-{number}",
            parent=parent,
            state="running",
            creation_time=1767322000 + number,
            description="before the upgrade",
            location="internal",
            current=True,
            header=f"{number:064x}",
            domain="d" * 64,
            inactive_domain=None,
            **_FACT,
        )
        parent = snapshot
    return domain


def _defined() -> Domain:
    id = uuid4()
    domain = Domain.introduce(id, uuid=str(id), name="web", host=_HOST, at=_NOW)
    domain.record(Domain.Defined, _NOW, name="web", definition="d" * 64, **_FACT)
    return domain


@contextmanager
def _library(server: EmbeddedPostgres) -> Iterator[Application[UUID]]:
    said = conninfo_to_dict(server.dsn("revisor_owner"))
    application: Application[UUID] = Application(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(said["dbname"]),
            "POSTGRES_HOST": str(said["host"]),
            "POSTGRES_PORT": str(said.get("port", 5432)),
            "POSTGRES_USER": str(said["user"]),
            "POSTGRES_PASSWORD": "",
        }
    )
    try:
        yield application
    finally:
        application.close()
