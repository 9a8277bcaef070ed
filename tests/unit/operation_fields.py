"""The fields of events about operations, whichever of them makes sense after the others: for random histories."""

from collections.abc import Callable, Sequence
from typing import Any

from domain_model.domain import Domain


def any_of_operation(kind: type[Domain.Event], pick: Callable[[Sequence[Any]], Any]) -> dict[str, Any]:
    """An event about an operation, but for which one."""
    said: dict[Any, dict[str, Any]] = {
        Domain.OperationRequested: {"verb": "start", "arguments": {"flags": pick((0, 1))}},
        Domain.OperationStarted: {"worker": "7f3b8b0e-7c39-4b51-9a43-0c4f1f1d9d52", "epoch": 1, "evidence": {}},
        Domain.OperationSucceeded: {"result": {"n": pick((1, 2))}},
        Domain.OperationFailed: {"code": 55, "message": "no", "result": {}},
        Domain.OperationOutcomeUnknown: {"message": "lost", "evidence_lasts": pick((True, False))},
        Domain.OperationCancelled: {},
        Domain.OperationSettled: {"outcome": pick(("succeeded", "failed")), "evidence": "its uptime"},
    }
    return said[kind]
