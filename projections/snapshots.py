"""The read model of snapshot forests: each domain's own tree, as its owner has it.

``snapshots`` has a row a snapshot; ``forests`` has a row a domain with the current snapshot and where the domain
stands, for a fact about a replica does not change the domain's tree. So one event touches the rows of the snapshots it
names, however large the tree is; only what ends a domain, or gives it to another host, is about a whole one.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain_model.domain import Domain
from domain_model.facts import SnapshotFact, StateFact
from domain_model.placements import Role
from domain_model.presence import Presence
from projections.ports import RecordedEvent
from projections.projection import Need, OneRow, RowGroup, Rows, Table
from projections.standing import Standing, Standings, follow, is_replica

SNAPSHOTS = Table(
    name="snapshots",
    columns={
        "domain": "uuid NOT NULL",
        "id": "uuid NOT NULL",
        "name": "text NOT NULL",
        "parent": "uuid",
        "state": "text NOT NULL",
        "creation_time": "bigint NOT NULL",
        "description": "text",
        "location": "text NOT NULL",
        "header": "text NOT NULL",
        "domain_document": "text",
        "inactive_document": "text",
        "presence": "text NOT NULL",
        "why": "text",
        "position": "bigint NOT NULL",
    },
    key=("domain", "id"),
    indexes=("(domain, name)", "(domain, parent)"),
    group="domain",
    temporal=True,
)
FORESTS = Table(
    name="forests",
    columns={"domain": "uuid NOT NULL", "current": "uuid", "standings": "jsonb NOT NULL"},
    key=("domain",),
    fillfactor=50,
    temporal=True,
)

_ABOUT_TREES = (Domain.Stopped, Domain.Undefined, Domain.HandedOver)
_RELEVANT = (
    *(SnapshotFact, Domain.SnapshotReverted, Domain.SnapshotMadeCurrent, Domain.SnapshotDeleted),
    *(Domain.SnapshotsVerified, StateFact, Domain.Defined, *_ABOUT_TREES),
)
_UNVERIFIED = {"presence": Presence.UNVERIFIED.value, "why": None}


class Snapshots:
    """Which snapshots a domain has, how they hang together, which one is current, and whether their data is there."""

    name = "snapshots"
    version = 3
    tables = (SNAPSHOTS, FORESTS)
    about = _RELEVANT

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        forest = OneRow(FORESTS, (event.stream,))
        if isinstance(event.event, _ABOUT_TREES):
            return (forest, RowGroup(SNAPSHOTS, event.stream))
        return (forest, *(OneRow(SNAPSHOTS, (event.stream, UUID(snapshot))) for snapshot in _named(event.event)))

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        forest = _Forest(rows, event)
        said = event.event
        if isinstance(said, Domain.HandedOver):
            if {said.host, said.previous} <= set(forest.standings):
                forest.unverify()
        elif isinstance(said, Domain.SnapshotReverted) or not is_replica(forest.standings, said):
            forest.fold(said)
        owner = forest.standings.get(said.host)
        follow(forest.standings, said)
        if owner is not None and owner.role == Role.OWNER and said.host not in forest.standings:
            forest.clear()
        forest.keep()


class _Forest:
    """The rows of one domain while one event is folded into them."""

    def __init__(self, rows: Rows, event: RecordedEvent) -> None:
        self._rows = rows
        self._domain = event.stream
        self._position = event.position
        self._before = rows.get(FORESTS, (event.stream,))
        row = self._before or {"current": None, "standings": {}}
        self._current: UUID | None = row["current"]
        self.standings: Standings = {host: Standing(**standing) for host, standing in row["standings"].items()}

    def fold(self, said: Any) -> None:
        """What a fact about the domain's own tree says."""
        match said:
            case SnapshotFact():
                self.put(said)
            case Domain.SnapshotDeleted():
                self.delete(said)
            case Domain.SnapshotMadeCurrent() | Domain.SnapshotReverted():
                self.make_current(said.snapshot)
            case Domain.SnapshotsVerified():
                self.verify(said)

    def put(self, fact: SnapshotFact) -> None:
        snapshot: dict[str, Any] = {
            "domain": self._domain,
            "id": UUID(fact.snapshot),
            "name": fact.name,
            "parent": None if fact.parent is None else UUID(fact.parent),
            "state": fact.state,
            "creation_time": fact.creation_time,
            "description": fact.description,
            "location": fact.location,
            "header": fact.header,
            "domain_document": fact.domain,
            "inactive_document": fact.inactive_domain,
            **self._known_of(UUID(fact.snapshot)),
            "position": self._position,
        }
        self._rows.put(SNAPSHOTS, snapshot)
        if fact.current:
            self._current = snapshot["id"]

    def delete(self, fact: Any) -> None:
        for entry in fact.removed:
            self._rows.delete(SNAPSHOTS, (self._domain, UUID(entry["snapshot"])))
        for entry in fact.reparented:
            row = self._rows.get(SNAPSHOTS, (self._domain, UUID(entry["snapshot"])))
            if row is not None:
                parent = None if entry["parent"] is None else UUID(entry["parent"])
                moved = {"parent": parent, "header": entry["header"], "position": self._position}
                self._rows.put(SNAPSHOTS, {**row, **moved})
        self.make_current(fact.current)

    def verify(self, fact: Domain.SnapshotsVerified) -> None:
        for snapshot, found in fact.found:
            row = self._rows.get(SNAPSHOTS, (self._domain, UUID(snapshot)))
            if row is not None:
                now = {"presence": found.presence.value, "why": found.why or None, "position": self._position}
                self._rows.put(SNAPSHOTS, {**row, **now})

    def unverify(self) -> None:
        """The domain is on another host now, with other images."""
        for row in self._rows.group(SNAPSHOTS, self._domain):
            if row["presence"] != Presence.UNVERIFIED:
                self._rows.put(SNAPSHOTS, {**row, **_UNVERIFIED, "position": self._position})

    def _known_of(self, snapshot: UUID) -> dict[str, Any]:
        """What is known of the data of a snapshot, which a redefinition does not change."""
        row = self._rows.get(SNAPSHOTS, (self._domain, snapshot))
        return _UNVERIFIED if row is None else {key: row[key] for key in _UNVERIFIED}

    def make_current(self, snapshot: str | None) -> None:
        """A snapshot that is not there is current nowhere."""
        wanted = None if snapshot is None else UUID(snapshot)
        there = wanted is not None and self._rows.get(SNAPSHOTS, (self._domain, wanted)) is not None
        self._current = wanted if there else None

    def clear(self) -> None:
        for row in self._rows.group(SNAPSHOTS, self._domain):
            self._rows.delete(SNAPSHOTS, SNAPSHOTS.key_of(row))
        self._current = None

    def keep(self) -> None:
        """Put the domain's row if it is another one now."""
        standings = {host: standing.as_json() for host, standing in self.standings.items()}
        row = {"domain": self._domain, "current": self._current, "standings": standings}
        if row != self._before:
            self._rows.put(FORESTS, row)


def _named(said: Any) -> list[str]:
    """The ids of the snapshots an event speaks of and whose rows it may change or must know."""
    match said:
        case Domain.SnapshotDeleted():
            moved = [entry["snapshot"] for entry in (*said.removed, *said.reparented)]
            return moved if said.current is None else [*moved, said.current]
        case Domain.SnapshotsVerified():
            return [snapshot for snapshot, _ in said.found]
        case SnapshotFact() | Domain.SnapshotReverted() | Domain.SnapshotMadeCurrent():
            return [] if said.snapshot is None else [said.snapshot]
        case _:
            return []
