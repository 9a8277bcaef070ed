"""Holding an answer back until its operation ended, without holding up anybody else.

Each wait sits in a thread; these threads are apart from those of ordinary requests, so that a hundred waiting doors do
not keep ``list`` from being answered. A wait is cut into slices: a caller who hung up is noticed, and so is our end.
"""

import time
from uuid import UUID

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request

from domain_model.operations import OperationState
from revisor.http.answers import Row
from revisor.service import Service

_SLICE_S = 2.0
_WAITERS = 200


def make_limiter() -> CapacityLimiter:
    return CapacityLimiter(_WAITERS)


async def operation_when_ended(
    request: Request, service: Service, operation: UUID, wait_s: float | None, *, accepted_at: int = 0
) -> Row:
    """The operation when it has ended, or as it is after ``wait_s`` seconds or when the caller is gone.

    ``accepted_at`` is the position of an operation just accepted, which is to be found everywhere by then.
    """
    limiter: CapacityLimiter = request.app.state.waiters
    deadline = time.monotonic() + (wait_s or 0.0)
    while True:
        left = max(0.0, deadline - time.monotonic())
        found = await run_sync(
            service.wait, operation, min(left, _SLICE_S), accepted_at, limiter=limiter, abandon_on_cancel=True
        )
        if left <= _SLICE_S or OperationState(found["state"]).ended or await request.is_disconnected():
            return found
