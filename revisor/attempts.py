"""Refused attempts go on record too, but nobody can fill the log with them:
so many a minute a caller, the rest counted.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from domain_model.errors import Refused
from revisor.application import Application
from revisor.store.context import Context

_MOST = 60
_WITHIN_S = 60.0


@dataclass(slots=True)
class _Caller:
    recorded_at: deque[float] = field(default_factory=deque)
    suppressed: int = 0


class Attempts:
    """Records what was refused, for one process."""

    def __init__(self, application: Application, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._application = application
        self._monotonic = monotonic
        self._callers: dict[str, _Caller] = {}
        self._lock = threading.Lock()

    @contextmanager
    def recorded(self, verb: str, target: str, context: Context) -> Iterator[None]:
        """Record a refusal that comes out of the body, and let it go on to the caller."""
        try:
            yield
        except Refused as refusal:
            self.note(refusal, verb, target, context)
            raise

    def note(self, refusal: Refused, verb: str, target: str, context: Context) -> None:
        """Record one refusal, or only count it when this caller had too many lately."""
        suppressed = self._suppressed(context.actor)
        if suppressed is not None:
            self._application.refused(refusal, verb=verb, target=target, suppressed=suppressed, context=context)

    def _suppressed(self, actor: str) -> int | None:
        """How many of this caller's refusals were not recorded since the last; None: nor is this one."""
        now = self._monotonic()
        with self._lock:
            caller = self._callers.setdefault(actor, _Caller())
            while caller.recorded_at and now - caller.recorded_at[0] > _WITHIN_S:
                caller.recorded_at.popleft()
            if len(caller.recorded_at) >= _MOST:
                caller.suppressed += 1
                return None
            caller.recorded_at.append(now)
            suppressed, caller.suppressed = caller.suppressed, 0
            return suppressed
