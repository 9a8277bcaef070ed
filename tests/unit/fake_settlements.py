"""A hand-written stand-in for ending operations by what a person says, behind the doors."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from domain_model.operations import OperationState
from revisor.store.context import Context


class FakeSettlements:
    """Remembers what it was asked together with the rest; the operations are the ones that were asked for."""

    def __init__(self, note: Callable[..., None], known: dict[UUID, dict[str, Any]]) -> None:
        self._note = note
        self._known = known

    def cancel(self, operation: UUID, context: Context) -> dict[str, Any]:
        self._note(context, "cancel", operation)
        return self._ended(operation, state="cancelled")

    def settle(self, operation: UUID, outcome: OperationState, evidence: str, context: Context) -> dict[str, Any]:
        self._note(context, "settle", operation, outcome, evidence)
        return self._ended(operation, state=outcome.value, settled={"by": context.actor, "evidence": evidence})

    def _ended(self, operation: UUID, **end: Any) -> dict[str, Any]:
        self._known[operation] |= {**end, "ended_at": "2026-11-23T15:27:05.000000Z"}
        return dict(self._known[operation])
