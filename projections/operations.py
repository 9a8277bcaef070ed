"""The read model of operations: each accepted request, who asked, and how it ended."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain_model.domain import Domain
from domain_model.errors import OperationFailed
from domain_model.operations import OperationState
from projections.ports import RecordedEvent
from projections.projection import Need, OneRow, Rows, Table

OPERATIONS = Table(
    name="operations",
    columns={
        "id": "uuid NOT NULL",
        "request_id": "uuid",
        "verb": "text NOT NULL",
        "domain": "uuid NOT NULL",
        "host": "uuid NOT NULL",
        "arguments": "jsonb NOT NULL",
        "state": "text NOT NULL",
        "error_code": "integer",
        "error_message": "text",
        "result": "jsonb",
        "settled": "jsonb",
        "requested_at": "timestamptz NOT NULL",
        "ended_at": "timestamptz",
        "actor": "text NOT NULL",
        "correlation": "uuid NOT NULL",
        "requested_position": "bigint NOT NULL",
        "ended_position": "bigint",
    },
    key=("id",),
    indexes=(
        "(domain, requested_position)",
        "(host, requested_position)",
        "(requested_position)",
        "(state, requested_position)",
        "(host) WHERE state = 'unknown'",
    ),
)

_RELEVANT = (
    Domain.OperationRequested,
    Domain.OperationStarted,
    Domain.OperationSucceeded,
    Domain.OperationFailed,
    Domain.OperationOutcomeUnknown,
    Domain.OperationCancelled,
    Domain.OperationSettled,
)


class Operations:
    """What was asked, by whom, and what came of it."""

    name = "operations"
    version = 3
    tables = (OPERATIONS,)
    about = _RELEVANT

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        return (OneRow(OPERATIONS, (UUID(event.event.operation),)),)

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        row = rows.get(OPERATIONS, (UUID(event.event.operation),))
        if isinstance(event.event, Domain.OperationRequested):
            if row is None:
                rows.put(OPERATIONS, _requested(event))
        elif row is not None and not OperationState(row["state"]).settled:
            rows.put(OPERATIONS, {**row, **_changes(event, row["state"])})


def _requested(event: RecordedEvent) -> dict[str, Any]:
    said = event.event
    return {
        "id": UUID(said.operation),
        "request_id": event.request_id,
        "verb": said.verb,
        "domain": event.stream,
        "host": UUID(said.host),
        "arguments": said.arguments,
        "state": OperationState.QUEUED.value,
        "error_code": None,
        "error_message": None,
        "result": None,
        "settled": None,
        "requested_at": event.occurred_at,
        "ended_at": None,
        "actor": event.actor,
        "correlation": event.correlation,
        "requested_position": event.position,
        "ended_position": None,
    }


def _changes(event: RecordedEvent, state: str) -> dict[str, Any]:
    """An unknown outcome ended the operation, too; only a known one may still take its place."""
    said = event.event
    ended: dict[str, Any] = {"ended_at": event.occurred_at, "ended_position": event.position}
    match said:
        case Domain.OperationStarted():
            return {"state": OperationState.STARTED.value} if state == OperationState.QUEUED else {}
        case Domain.OperationSucceeded():
            settled = {"state": OperationState.SUCCEEDED.value, "error_code": None, "error_message": None}
            return ended | settled | {"result": said.result}
        case Domain.OperationFailed():
            failed = {"state": OperationState.FAILED.value, "error_code": said.code, "error_message": said.message}
            return ended | failed | {"result": said.result}
        case Domain.OperationOutcomeUnknown():
            return ended | {"state": OperationState.UNKNOWN.value, "error_message": said.message}
        case Domain.OperationCancelled():
            return ended | {"state": OperationState.CANCELLED.value}
        case _:
            return ended | _settled(event)


def _settled(event: RecordedEvent) -> dict[str, Any]:
    """Who says so, and why, stands beside the outcome; what the operation itself would have told nobody heard."""
    said = event.event
    failed = said.outcome == OperationState.FAILED
    return {
        "state": said.outcome,
        "error_code": OperationFailed.default_number if failed else None,
        "error_message": f"{OperationFailed.prefix}settled as failed: {said.evidence}" if failed else None,
        "settled": {"evidence": said.evidence, "by": event.actor, "reason": event.reason, "ticket": event.ticket},
    }
