"""Wakes whoever waits for something to be appended. A hint only: every waiter polls as well."""

import logging
import threading

import psycopg

from projections.loop import CHANNEL

_log = logging.getLogger(__name__)


class Wakeup:
    """One LISTEN connection a process, in a thread of its own; connects again when it is lost."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._condition = threading.Condition()
        self._count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="wakeup", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._stop.set()
        self.wake()
        self._thread.join()

    def wake(self) -> None:
        """Wake everybody now."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def count(self) -> int:
        """How often there was something; hand it to ``wait`` so that nothing between is missed."""
        with self._condition:
            return self._count

    def wait(self, timeout_s: float, since: int | None = None) -> None:
        """Return after the next hint (since ``since``), or after ``timeout_s``."""
        with self._condition:
            seen = self._count if since is None else since
            self._condition.wait_for(lambda: self._count != seen, timeout_s)

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True, application_name="revisor wakeup") as connection:
                    connection.execute(f"LISTEN {CHANNEL}".encode())
                    while not self._stop.is_set():
                        for _ in connection.notifies(timeout=0.5, stop_after=1):
                            self.wake()
            except psycopg.Error as trouble:
                _log.debug("no hints for a while: %s", trouble)
                self._stop.wait(0.5)
