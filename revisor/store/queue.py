"""What a batch of events does to the queue of operations.

One function says it for the append, which changes the queue in the same transaction, and for rebuilding the queue
from the log, so the two cannot come apart.
"""

from collections.abc import Iterable
from typing import Any

from domain_model.domain import Domain
from domain_model.operations import VERBS, VerbClass

ENDS = (
    Domain.OperationSucceeded,
    Domain.OperationFailed,
    Domain.OperationOutcomeUnknown,
    Domain.OperationCancelled,
)
"""What takes an operation out of the queue, for good."""
TOPICS = [event.TOPIC for event in (Domain.OperationRequested, Domain.OperationStarted, *ENDS)]
"""What changes the queue."""


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
            case _ if isinstance(event, ENDS):
                changes["ended"].append(event.operation)
    return changes


def queue_of(events: Iterable[tuple[int, Any]]) -> list[dict[str, Any]]:
    """The rows of the queue after these events, each given with its position, in order."""
    rows: dict[str, dict[str, Any]] = {}
    for position, event in events:
        changes = queue_changes([event])
        for asked in changes["requested"]:
            rows[asked["operation"]] = {**asked, "position": position, "started": False}
        for begun in changes["started"]:
            if begun["operation"] in rows:
                rows[begun["operation"]] |= {**begun, "started": True}
        for ended in changes["ended"]:
            rows.pop(ended, None)
    return list(rows.values())
