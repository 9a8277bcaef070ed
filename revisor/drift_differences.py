"""In what a drifted text differs: the recorded definition, or snapshot, against the observed one.

Whoever answers a drift chooses by it.
"""

from collections.abc import Sequence
from difflib import unified_diff

from domain_model import drift
from domain_model.placements import Role
from domain_model.secrets import mask
from domain_model.snapshot_xml import compose_named
from revisor.drift_rows import DriftRow
from revisor.queries import Queries
from revisor.store.documents import Documents

_Digests = tuple[str, str | None, str | None]
"""Header, domain and inactive domain, as snapshots are kept; a definition is a text of one part."""


class DriftDifferences:
    """Compares what documents the log has of both sides."""

    def __init__(self, documents: Documents, queries: Queries) -> None:
        self._documents = documents
        self._queries = queries

    def of(self, rows: Sequence[DriftRow]) -> list[str | None]:
        """A unified diff for each row, without secrets: empty where nothing else differs, None without two texts."""
        return [None if sides is None else self._diff(*sides) for sides in map(self._sides, rows)]

    def _sides(self, row: DriftRow) -> tuple[_Digests, _Digests] | None:
        recorded, observed = row.drift.recorded, row.drift.observed
        if row.drift.aspect == drift.DEFINITION and recorded and observed:
            return (recorded, None, None), (observed, None, None)
        if row.drift.aspect == drift.SNAPSHOT and recorded and observed == drift.CHANGED and row.role == Role.OWNER:
            found = self._snapshot(row)
            return None if found is None else (tuple(recorded), found)
        return None

    def _snapshot(self, row: DriftRow) -> _Digests | None:
        known = (each for each in self._queries.snapshots(row.domain) if each.id == row.drift.snapshot)
        return next(((each.header, each.domain_document, each.inactive_document) for each in known), None)

    def _diff(self, recorded: _Digests, observed: _Digests) -> str:
        texts = self._documents.get_many(digest for digest in (*recorded, *observed) if digest is not None)
        # Split at line feeds alone: lines that differ in how they end do differ.
        before, after = (mask(compose_named(side, texts)).split("\n") for side in (recorded, observed))
        return "\n".join(unified_diff(before, after, "recorded", "observed", lineterm=""))
