"""The read model of holds: which snapshots are held, by whom, until when and why.

A table beside the snapshots': a hold outlives the metadata of its snapshot, which may be lost and restored.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from domain_model.domain import Domain
from projections.ports import RecordedEvent
from projections.projection import Need, OneRow, Rows, Table

HOLDS = Table(
    name="holds",
    columns={
        "domain": "uuid NOT NULL",
        "snapshot": "uuid NOT NULL",
        "held_by": "text NOT NULL",
        "held_until": "timestamptz",
        "held_reason": "text",
        "held_ticket": "text",
        "position": "bigint NOT NULL",
    },
    key=("domain", "snapshot"),
    temporal=True,
)


class Holds:
    """Who holds what, and why: as it was said when it was held, which events of before have in their context only."""

    name = "holds"
    version = 2
    tables = (HOLDS,)
    about = (Domain.SnapshotHeld, Domain.SnapshotReleased)

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        return (OneRow(HOLDS, _key(event)),)

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        said = event.event
        if isinstance(said, Domain.SnapshotReleased):
            rows.delete(HOLDS, _key(event))
            return
        until = None if said.until is None else datetime.fromisoformat(said.until)
        domain, snapshot = _key(event)
        held = {"domain": domain, "snapshot": snapshot, "held_by": said.by, "held_until": until}
        why = {"held_reason": event.reason, "held_ticket": event.ticket}
        rows.put(HOLDS, {**held, **why, "position": event.position})


def _key(event: RecordedEvent) -> tuple[UUID, UUID]:
    return event.stream, UUID(event.event.snapshot)
