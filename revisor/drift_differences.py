"""In what a drifted text differs: the recorded definition, or snapshot, against the observed one.

Whoever answers a drift chooses by it.
"""

from collections.abc import Mapping, Sequence
from difflib import unified_diff
from uuid import UUID

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
        observed = {row.domain: self._observed(row.domain) for row in rows if row.drift.aspect == drift.SNAPSHOT}
        both = [self._sides(row, observed.get(row.domain, {})) for row in rows]
        return [None if sides is None else self._diff(*sides) for sides in both]

    def _sides(self, row: DriftRow, snapshots: Mapping[str, _Digests]) -> tuple[_Digests, _Digests] | None:
        recorded, observed = row.drift.recorded, row.drift.observed
        if row.drift.aspect == drift.DEFINITION and recorded and observed:
            return (recorded, None, None), (observed, None, None)
        if row.drift.aspect == drift.SNAPSHOT and recorded and observed == drift.CHANGED and row.role == Role.OWNER:
            found = snapshots.get(str(row.drift.snapshot))
            return None if found is None else (tuple(recorded), found)
        return None

    def _observed(self, domain: UUID) -> dict[str, _Digests]:
        """The documents of a domain's snapshots as they were seen last, by id."""
        known = self._queries.snapshots(domain)
        return {each.id: (each.header, each.domain_document, each.inactive_document) for each in known}

    def _diff(self, recorded: _Digests, observed: _Digests) -> str:
        texts = self._documents.get_many(digest for digest in (*recorded, *observed) if digest is not None)
        # Split at line feeds alone: lines that differ in how they end do differ.
        before, after = (mask(compose_named(side, texts)).split("\n") for side in (recorded, observed))
        return "\n".join(unified_diff(before, after, "recorded", "observed", lineterm=""))
