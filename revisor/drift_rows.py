"""What the doors read about drift: the read model's rows, taken apart into one value an aspect.

As in ``queries``, nothing here changes anything or loads a stream. What snapshots are called, and since when one was as
it was left, is not in the read model of drift but in that of snapshots and its past.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from domain_model.drift import SNAPSHOT, Drift
from revisor.queries import Queries
from revisor.store.database import Database, Row

_BEHIND_S = 2.0

_DRIFT = """
SELECT d.domain, d.host::text, p.uuid, p.name, p.role, coalesce(h.name, d.host::text) AS host_name, d.recorded, d.observed,
       d.position
FROM views.drift d
JOIN views.domains p ON p.domain = d.domain AND p.host = d.host
LEFT JOIN views.hosts h ON h.id = d.host
WHERE d.observed <> '{}' AND h.removed_at IS NULL
"""
_ANY = _DRIFT + " AND d.domain = %s AND (%s::uuid IS NULL OR d.host = %s::uuid) LIMIT 1"
_ORDER = ' ORDER BY p.name COLLATE "C", h.name COLLATE "C", d.domain'
_LEFT_AT = """
SELECT p.id::text, p.valid_to, p.position, e.recorded_at
FROM views.snapshots_past p JOIN log.events e ON e.notification_id = p.position
WHERE p.domain = %s AND p.id = ANY (%s)
"""
_NAMES = """
SELECT id::text, name FROM views.snapshots WHERE domain = %s
UNION SELECT id::text, name FROM views.snapshots_past WHERE domain = %s
"""


class DriftRow(NamedTuple):
    """One aspect of one placement that is not as it was left. ``recorded_position`` is None where nobody knows it."""

    domain: UUID
    host: str
    host_name: str
    uuid: str
    name: str
    role: str | None
    drift: Drift
    recorded_position: int | None
    recorded_at: datetime | None
    observed_position: int
    observed_at: datetime


class DriftRows:
    """Reads the drift there is."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    def of(self, domain: UUID | None = None, host: str | None = None) -> list[DriftRow]:
        """All drift, of one domain, or on the host with an id; by name, host and aspect."""
        wanted = [("d.domain = %s", domain), ("d.host = %s", host)]
        chosen = [(f" AND {clause}", value) for clause, value in wanted if value is not None]
        query = _DRIFT + "".join(clause for clause, _ in chosen) + _ORDER
        placements = self._database.fetch(query, *(value for _, value in chosen))
        # Each read model is folded by itself, so that of snapshots may be a moment behind this one.
        self._queries.wait_for(max((placement["position"] for placement in placements), default=0), _BEHIND_S)
        return [row for placement in placements for row in self._taken_apart(placement)]

    def is_any(self, domain: UUID, host: str | None) -> bool:
        """Whether there is drift of a domain, wherever it is or on the host with an id."""
        return self._database.fetch_one(_ANY, domain, host, host) is not None

    def snapshot_names(self, domain: UUID) -> dict[str, str]:
        """The names of a domain's snapshots by id, those that are gone too."""
        return {row["id"]: row["name"] for row in self._database.fetch(_NAMES, domain, domain)}

    def _taken_apart(self, placement: Row) -> list[DriftRow]:
        left = self._left(placement)
        return [_row(placement, key, left) for key in sorted(placement["observed"])]

    def _left(self, placement: Row) -> dict[tuple[str, int], tuple[int, datetime]]:
        """The position and time at which snapshots were left,
        by id and the position at which they were found otherwise.
        """
        ids = [key.removeprefix(f"{SNAPSHOT} ") for key in placement["observed"] if key.startswith(f"{SNAPSHOT} ")]
        rows: Sequence[Row] = self._database.fetch(_LEFT_AT, placement["domain"], ids) if ids else []
        return {(row["id"], row["valid_to"]): (row["position"], row["recorded_at"]) for row in rows}


def _row(placement: Row, key: str, left: dict[tuple[str, int], tuple[int, datetime]]) -> DriftRow:
    seen = placement["observed"][key]
    recorded_position: int | None
    recorded_at: datetime | None
    if key in placement["recorded"]:
        ours: dict[str, Any] = placement["recorded"][key]
        drift = Drift(key, ours["value"], seen["value"])
        recorded_position, recorded_at = ours["position"], datetime.fromisoformat(ours["at"])
    else:
        snapshot = key.removeprefix(f"{SNAPSHOT} ")
        drift = Drift(SNAPSHOT, seen["recorded"], seen["value"], snapshot, seen["name"])
        recorded_position, recorded_at = left.get((snapshot, seen["position"]), (None, None))
    return DriftRow(
        domain=placement["domain"],
        host=placement["host"],
        host_name=placement["host_name"],
        uuid=placement["uuid"],
        name=placement["name"],
        role=placement["role"],
        drift=drift,
        recorded_position=recorded_position,
        recorded_at=recorded_at,
        observed_position=seen["position"],
        observed_at=datetime.fromisoformat(seen["at"]),
    )
