"""What became of an operation, also when the read models are behind: parked, slow, or on a disk that is full.

Whoever asked for one must not hear that it does not exist, or still runs: it may have been carried out. So what the
read model has not seen is folded here, by the same fold.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from domain_model.operations import OperationState
from projections.folding import apply
from projections.operations import OPERATIONS, Operations
from projections.projection import Rows
from revisor.queries import Queries
from revisor.rows import OperationRow
from revisor.store.reading import LogReader


class Outcomes:
    """Operations as the log has them."""

    def __init__(self, queries: Queries, reader: LogReader, name_of: Callable[[UUID], str | None]) -> None:
        """``name_of`` tells a domain's name by the log, for where the read model of domains has none."""
        self._queries = queries
        self._reader = reader
        self._name_of = name_of

    def latest(self, operation: UUID) -> OperationRow | None:
        """One operation as it is now, or None if there is none.

        The host's name may be that of before where a read model is behind.
        """
        seen = self._queries.operation(operation)
        if seen is not None and OperationState(seen.state).settled:
            return seen
        # The position first: what is folded between the two is then taken twice, which changes nothing.
        folded = next((each.position for each in self._queries.positions() if each.name == Operations.name), 0)
        seen = self._queries.operation(operation)
        rows, projection = Rows(everything=True), Operations()
        if seen is not None:
            rows.put(OPERATIONS, {column: getattr(seen, column) for column in OPERATIONS.columns})
        for event in self._reader.operation(operation, folded):
            apply(projection, rows, event)
        row = rows.get(OPERATIONS, (operation,))
        if row is None:
            return None
        shown: dict[str, Any] = (
            {"domain_name": None, "progress": None, "held_up": None} if seen is None else seen._asdict()
        )
        host = str(row["host"])
        shown["domain_name"] = shown["domain_name"] or self._name_of(row["domain"])
        return OperationRow(**{**shown, **row, "host": host, "host_name": self._queries.host_names().get(host)})
