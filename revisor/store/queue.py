"""What a batch of events does to the queue of operations.

One function says it for the append, which changes the queue in the same transaction, and for rebuilding the queue
from the log, so the two cannot come apart.
"""

from collections.abc import Iterable
from typing import Any

from domain_model.domain import Domain
from domain_model.operations import VERBS, VerbClass


def queue_changes(events: Iterable[Any]) -> dict[str, list[Any]]:
    """Rows requested, started and ended by these events; ``n`` is the place of the event in the append, from 1."""
    changes: dict[str, list[Any]] = {"requested": [], "started": [], "ended": []}
    for n, event in enumerate(events, start=1):
        match event:
            case Domain.OperationRequested():
                changes["requested"].append(
                    {
                        "operation": event.operation,
                        "domain": str(event.originator_id),
                        "host": event.host,
                        "verb": event.verb,
                        "exclusive": VERBS[event.verb] is VerbClass.EXCLUSIVE,
                        "n": n,
                    }
                )
            case Domain.OperationStarted():
                changes["started"].append({"operation": event.operation, "worker": event.worker, "epoch": event.epoch})
            case Domain.OperationSucceeded() | Domain.OperationFailed() | Domain.OperationOutcomeUnknown():
                changes["ended"].append(event.operation)
    return changes
