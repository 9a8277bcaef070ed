"""Takes aggregate snapshots of streams that have grown long, so that loading a domain costs what it is, not what it was.

Nothing depends on it: a stream without one is folded from its beginning. Several may run at once.
"""

import logging
import threading

from workers.ports import Streams

EVERY = 200
"""Events of one stream: what is folded behind an aggregate snapshot is at most about so long."""
_WINDOW = 20_000
"""Positions looked through at once."""
_PAUSE_S = 5.0

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
            for stream in self._streams.grown(self._seen, up_to, self._every):
                self._streams.keep(stream)
                taken += 1
            self._seen = up_to
        return taken

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set; what goes wrong is told and tried again."""
        while not stop.wait(_PAUSE_S):
            try:
                self.run_once()
            except Exception as trouble:  # noqa: BLE001  loading goes without it, only more slowly
                _log.warning("no aggregate snapshots for a while: %s", trouble)
