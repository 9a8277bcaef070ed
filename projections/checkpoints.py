"""The read model of checkpoints: each domain's own, as its owner has them, and the backup that runs or ran last.

``checkpoints`` has a row a checkpoint; ``checkpoint_forests`` a row a domain with the current checkpoint, the backup,
and where the domain stands, for a fact about a replica changes none of the domain's own.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain_model.checkpoints import BackupOutcome, CheckpointFact
from domain_model.domain import Domain
from domain_model.facts import StateFact
from domain_model.placements import Role
from projections.ports import RecordedEvent
from projections.projection import Need, OneRow, RowGroup, Rows, Table
from projections.standing import Standing, Standings, follow, is_replica

CHECKPOINTS = Table(
    name="checkpoints",
    columns={
        "domain": "uuid NOT NULL",
        "id": "uuid NOT NULL",
        "name": "text NOT NULL",
        "parent": "uuid",
        "creation_time": "bigint NOT NULL",
        "description": "text",
        "header": "text NOT NULL",
        "domain_document": "text",
        "position": "bigint NOT NULL",
    },
    key=("domain", "id"),
    indexes=("(domain, name)", "(domain, parent)"),
    group="domain",
    temporal=True,
)
CHECKPOINT_FORESTS = Table(
    name="checkpoint_forests",
    columns={"domain": "uuid NOT NULL", "current": "uuid", "backup": "jsonb", "standings": "jsonb NOT NULL"},
    key=("domain",),
    fillfactor=50,
    temporal=True,
)

_ABOUT_CHECKPOINTS = (CheckpointFact, Domain.CheckpointDeleted)
_ABOUT_BACKUPS = (Domain.BackupBegun, Domain.BackupEnded)
_RELEVANT = (*_ABOUT_CHECKPOINTS, *_ABOUT_BACKUPS, StateFact, Domain.Defined, Domain.Undefined, Domain.HandedOver)
_MAY_END = (Domain.Undefined, Domain.Stopped)


class Checkpoints:
    """Which checkpoints a domain has, how they hang together, and whether a backup of it runs."""

    name = "checkpoints"
    version = 2
    tables = (CHECKPOINTS, CHECKPOINT_FORESTS)
    about = _RELEVANT

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        forest = OneRow(CHECKPOINT_FORESTS, (event.stream,))
        if isinstance(event.event, _MAY_END):
            return (forest, RowGroup(CHECKPOINTS, event.stream))
        return (forest, *(OneRow(CHECKPOINTS, (event.stream, UUID(named))) for named in _named(event.event)))

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        forest = _Forest(rows, event)
        said = event.event
        match said:
            case CheckpointFact():
                if not is_replica(forest.standings, said):
                    forest.put(said)
            case Domain.CheckpointDeleted():
                if not is_replica(forest.standings, said):
                    forest.delete(said)
            case Domain.BackupBegun():
                forest.begin(said)
            case Domain.BackupEnded():
                forest.end(said.backup, said.outcome, said.message)
        owner = forest.standings.get(said.host)
        follow(forest.standings, said)
        if owner is not None and owner.role == Role.OWNER and said.host not in forest.standings:
            forest.lose()
        forest.keep()


class _Forest:
    """The rows of one domain while one event is folded into them."""

    def __init__(self, rows: Rows, event: RecordedEvent) -> None:
        self._rows = rows
        self._event = event
        self._domain = event.stream
        self._before = rows.get(CHECKPOINT_FORESTS, (event.stream,))
        row = self._before or {"current": None, "backup": None, "standings": {}}
        self._current: UUID | None = row["current"]
        self._backup: dict[str, Any] | None = row["backup"]
        self.standings: Standings = {host: Standing(**standing) for host, standing in row["standings"].items()}

    def put(self, fact: CheckpointFact) -> None:
        checkpoint: dict[str, Any] = {
            "domain": self._domain,
            "id": UUID(fact.checkpoint),
            "name": fact.name,
            "parent": None if fact.parent is None else UUID(fact.parent),
            "creation_time": fact.creation_time,
            "description": fact.description,
            "header": fact.header,
            "domain_document": fact.domain,
            "position": self._event.position,
        }
        self._rows.put(CHECKPOINTS, checkpoint)
        if fact.current:
            self._current = checkpoint["id"]

    def delete(self, fact: Any) -> None:
        for entry in fact.removed:
            self._rows.delete(CHECKPOINTS, (self._domain, UUID(entry["checkpoint"])))
        for entry in fact.reparented:
            row = self._rows.get(CHECKPOINTS, (self._domain, UUID(entry["checkpoint"])))
            if row is not None:
                parent = None if entry["parent"] is None else UUID(entry["parent"])
                moved = {"parent": parent, "header": entry["header"], "position": self._event.position}
                self._rows.put(CHECKPOINTS, {**row, **moved})
        wanted = None if fact.current is None else UUID(fact.current)
        there = wanted is not None and self._rows.get(CHECKPOINTS, (self._domain, wanted)) is not None
        self._current = wanted if there else None

    def begin(self, fact: Any) -> None:
        self._backup = {
            "id": fact.backup,
            "host": fact.host,
            "incremental": fact.incremental,
            "checkpoint": fact.checkpoint,
            "document": fact.document,
            "begun_at": self._event.occurred_at.isoformat(),
            "ended_at": None,
            "outcome": None,
            "message": None,
        }

    def end(self, backup: str, outcome: str, message: str | None) -> None:
        """That of another backup than the last one comes too late to matter."""
        if self._backup is not None and self._backup["id"] == backup and self._backup["ended_at"] is None:
            ended_at = self._event.occurred_at.isoformat()
            self._backup = {**self._backup, "ended_at": ended_at, "outcome": outcome, "message": message}

    def lose(self) -> None:
        """The hypervisor has the domain no more, and with it neither checkpoints nor a job."""
        for row in self._rows.group(CHECKPOINTS, self._domain):
            self._rows.delete(CHECKPOINTS, CHECKPOINTS.key_of(row))
        self._current = None
        if self._backup is not None:
            self.end(self._backup["id"], BackupOutcome.UNKNOWN.value, None)

    def keep(self) -> None:
        """Put the domain's row if it is another one now."""
        standings = {host: standing.as_json() for host, standing in self.standings.items()}
        row = {"domain": self._domain, "current": self._current, "backup": self._backup, "standings": standings}
        if row != self._before:
            self._rows.put(CHECKPOINT_FORESTS, row)


def _named(said: Any) -> list[str]:
    """The ids of the checkpoints an event speaks of and whose rows it may change or must know."""
    if isinstance(said, CheckpointFact):
        return [said.checkpoint]
    if not isinstance(said, Domain.CheckpointDeleted):
        return []
    moved = [entry["checkpoint"] for entry in (*said.removed, *said.reparented)]
    return moved if said.current is None else [*moved, said.current]
