"""Operations that were recorded and that their read model does not show yet, as when the projector stands still.

Who asked for one must not hear that it does not exist: it may have been carried out. So it is folded here, from the events
the read model has not seen, by the same fold.
"""

from uuid import UUID

from projections.folding import apply, concerning
from projections.operations import OPERATIONS, Operations
from projections.ports import EventReader
from projections.projection import Rows
from revisor.rows import OperationRow

_BATCH = 1000


def unread_operation(reader: EventReader, seen: int, operation: UUID) -> OperationRow | None:
    """An operation that was asked for behind position ``seen``, as of now; None when there is none."""
    rows, projection = Rows(everything=True), Operations()
    while events := reader.read(seen, _BATCH):
        for event in concerning(projection, events):
            apply(projection, rows, event)
        seen = events[-1].position
    row = rows.get(OPERATIONS, (operation,))
    if row is None:
        return None
    unknown = {"domain_name": None, "host_name": None, "progress": None}
    return OperationRow(**{**row, "host": str(row["host"]), **unknown})
