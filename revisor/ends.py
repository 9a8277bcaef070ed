"""Whoever waits for operations hears of their ends: one look at the database serves all that wait in a process.

Each looking for itself, a hundred that wait would ask a hundred times whenever anything is recorded. So one of them
looks for all, for as long as it waits itself; then the next does.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from revisor.store.database import Database
from revisor.wakeup import Wakeup

_POLL_S = 0.2
_SOON_S, _LATER_S = 0.003, 0.05
"""Between looks at read models that have an end still to fold: at first, and at most."""
_PATIENCE_S = 1.0
"""How long read models are waited for here: whoever has to wait longer waits for itself."""

# What ended leaves the queue in the transaction that records its end.
_LOOK = """
SELECT ARRAY(SELECT asked FROM unnest(%s::uuid[]) AS asked
             WHERE NOT EXISTS (SELECT FROM work.operation_queue WHERE operation = asked)) AS ended,
       (SELECT position FROM log.head) AS head,
       (SELECT coalesce(min(position), 0) FROM views.projections WHERE parked_at IS NULL) AS seen
"""


@dataclass(eq=False)
class _Waiting:
    """One caller. ``called``: its operation is over, or it is its turn to look for all."""

    operation: UUID
    called: threading.Event = field(default_factory=threading.Event)
    over: bool = False
    leads: bool = False
    ended_by: int | None = None
    """A position by which it had ended: the read models are to reach it."""
    patient_until: float = 0.0


class Ends:
    """The ends of operations, as they come."""

    def __init__(
        self, database: Database, wakeup: Wakeup, *, patience_s: float = _PATIENCE_S, poll_s: float = _POLL_S
    ) -> None:
        self._database = database
        self._patience_s = patience_s
        self._poll_s = poll_s
        self._wakeup = wakeup
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []

    def wait(self, operation: UUID, timeout_s: float) -> None:
        """Return when the operation has ended and can be read everywhere,
        unless the read models stand still; or in time.
        """
        deadline = time.monotonic() + timeout_s
        mine = _Waiting(operation)
        with self._lock:
            mine.leads = not self._waiting
            self._waiting.append(mine)
        if not mine.leads:
            self._wakeup.wake()  # whoever looks for all: it may be over already, and then no hint comes of it
        try:
            while not mine.over and (left := deadline - time.monotonic()) > 0:
                if mine.leads:
                    self._lead(mine, deadline)
                else:
                    mine.called.wait(left)
        finally:
            self._leave(mine)

    def _lead(self, mine: _Waiting, deadline: float) -> None:
        """Look for all that wait, until one's own is over."""
        pause_s = _SOON_S
        while not mine.over and (left := deadline - time.monotonic()) > 0:
            hint = self._wakeup.count()
            if self._look():
                self._wakeup.wait(min(pause_s, left), since=hint)
                pause_s = min(pause_s * 1.5, _LATER_S)
            elif not mine.over:
                self._wakeup.wait(min(self._poll_s, left), since=hint)
                pause_s = _SOON_S

    def _look(self) -> bool:
        """Call those whose operations are over; returns whether read models have an end still to fold."""
        with self._lock:
            waiting = list(self._waiting)
        row = self._database.fetch_one(_LOOK, list({each.operation for each in waiting}))
        assert row is not None
        ended = set(row["ended"])
        return self._called([each for each in waiting if each.operation in ended], row["head"], row["seen"])

    def _called(self, ended: Iterable[_Waiting], head: int, seen: int) -> bool:
        behind, now = False, time.monotonic()
        for each in ended:
            if each.ended_by is None:
                each.ended_by, each.patient_until = head, now + self._patience_s
            if each.ended_by <= seen or now >= each.patient_until:
                each.over = True
                each.called.set()
            else:
                behind = True
        return behind

    def _leave(self, mine: _Waiting) -> None:
        """Wait no longer. Who looked for all hands that on."""
        with self._lock:
            self._waiting.remove(mine)
            if mine.leads and self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].called.set()
