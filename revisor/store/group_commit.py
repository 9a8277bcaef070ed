"""Group commit: saves of one process that come at the same time share a transaction, and so one flush of the disk.

Whoever comes while nobody flushes does so at once, for itself and all that wait with it. Who comes meanwhile waits, and
the first of those flushes next. So a lone caller loses nothing, and nobody works for others more than once.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 64
"""Of saves in one transaction: it holds the log's head, for which every other process waits."""


class BrokenOff(Exception):
    """Whoever flushed was interrupted in the middle of it: what became of the others' saves is not known."""


class _Waiting(Generic[Item, Result]):
    """One caller, until it has its outcome."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.called = threading.Event()
        """Set when there is an outcome, or when it is this caller's turn to flush."""
        self.outcome: list[Result | Exception] = []

    def end(self, outcome: Result | Exception) -> None:
        self.outcome.append(outcome)
        self.called.set()


class GroupCommit(Generic[Item, Result]):
    """``flush`` saves a group in one transaction; for each its result, or the refusal that concerns it alone.

    What it raises concerns all of the group, and those that came to wait while it tried.
    """

    def __init__(self, flush: Callable[[Sequence[Item]], Sequence[Result | Exception]], most: int = MOST) -> None:
        self._flush = flush
        self._most = most
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[Item, Result]] = []
        self._flushing = False

    def submit(self, item: Item) -> Result:
        """Save; returns when it is durable. Raises its refusal, or what kept the whole group from being saved."""
        mine: _Waiting[Item, Result] = _Waiting(item)
        with self._lock:
            self._waiting.append(mine)
            waits, self._flushing = self._flushing, True
        try:
            if waits:
                mine.called.wait()
            if not mine.outcome:
                self._lead()
        except BaseException:
            self._leave(mine, its_turn=not waits or mine.called.is_set())
            raise
        [outcome] = mine.outcome
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _lead(self) -> None:
        """Flush for whoever waits, the caller among them, and call the next to do so."""
        group: list[_Waiting[Item, Result]] = []
        outcomes: Sequence[Result | Exception] = ()
        failure: Exception | None = BrokenOff("the flush was interrupted")
        try:
            with self._lock:
                group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            outcomes = self._flush([waiting.item for waiting in group])
            failure = None
        except Exception as error:  # noqa: BLE001  each of the group raises it
            failure = error
        finally:
            with self._lock:
                if failure is not None:
                    group, self._waiting = [*group, *self._waiting], []
                    outcomes = [failure] * len(group)
                self._call_next()
            for waiting, outcome in zip(group, outcomes, strict=True):
                waiting.end(outcome)

    def _call_next(self) -> None:
        self._flushing = bool(self._waiting)
        if self._waiting:
            self._waiting[0].called.set()

    def _leave(self, mine: _Waiting[Item, Result], *, its_turn: bool) -> None:
        """Wait no longer, interrupted; whose turn it was, it is the next one's."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                if its_turn:
                    self._call_next()
