"""Takes aggregate snapshots of streams that have grown long,
so that loading a domain costs what it is, not what it was.

Nothing depends on it: a stream without one is folded from its beginning. Several may run at once.
"""

import logging
import threading
from uuid import UUID

import psycopg
from psycopg_pool import PoolTimeout

from workers.ports import Streams

EVERY = 50
"""Events of one stream: what is folded behind an aggregate snapshot is at most about so long. An operation loads four
times: where it is asked for, to be looked at, to be started, to be ended."""
_WINDOW = 20_000
"""Positions looked through at once."""
_PAUSE_S = 5.0

_UNREACHABLE = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)

_log = logging.getLogger(__name__)


class AggregateSnapshotter:
    """Looks through what was appended since it last looked; from the beginning when it starts."""

    def __init__(self, streams: Streams, *, every: int = EVERY) -> None:
        self._streams = streams
        self._every = every
        self._seen = 0

    def run_once(self) -> int:
        """Look through everything up to the head; returns how many aggregate snapshots were taken."""
        taken, head = 0, self._streams.head()
        while self._seen < head:
            up_to = min(self._seen + _WINDOW, head)
            taken += sum(map(self._keep, self._streams.grown(self._seen, up_to, self._every)))
            self._seen = up_to
        return taken

    def _keep(self, stream: UUID) -> bool:
        """False for one that cannot be loaded: it keeps no other from its snapshot, and who needs it is told why."""
        try:
            self._streams.keep(stream)
        except _UNREACHABLE:
            raise
        except Exception as trouble:  # noqa: BLE001  whatever is wrong with it is that stream's own
            _log.warning("no aggregate snapshot of stream %s: %s", stream, trouble)
            return False
        return True

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set; what goes wrong is told and tried again."""
        while not stop.wait(_PAUSE_S):
            try:
                self.run_once()
            except Exception as trouble:  # noqa: BLE001  loading goes without it, only more slowly
                _log.warning("no aggregate snapshots for a while: %s", trouble)
