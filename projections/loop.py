"""The loop that keeps the read models up with the log: supervised, in batches, positions committed with the rows.

Polling is the contract; a notification only makes it quicker. Several loops may run against one database: the locked
position row lets one at a time write a projection, and what was folded already is refused. Nothing is lost by killing
one at any moment. The commits are not waited for on disk: what a crash takes back is folded again.
"""

import logging
import math
import threading
from collections.abc import Callable, Sequence

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from projections import positions
from projections.folding import fold
from projections.ports import EventReader, RecordedEvent, UnreadableEvent
from projections.positions import ProjectionState
from projections.projection import Projection
from projections.rebuild import AWAY, RebuildFailed, TablesInUse, rebuild

CHANNEL = "revisor"
_BATCH = 500
_FAR = 20_000
"""From so many events on, what has seen none of them is rebuilt: some times as quick as batch after batch."""
_STANDS_STILL_S = 30
"""How long a projector may stand still in the middle of a batch: it holds the rows for which another one waits."""
_OF_A_BATCH = """
SELECT set_config('synchronous_commit', 'off', true), set_config('idle_in_transaction_session_timeout', %s, true)
"""

_log = logging.getLogger(__name__)


class _Stopped(Exception):
    """There is to be an end, in the middle of a rebuild."""


class ProjectionLoop:
    """Feeds all projections from one reading of the log.

    ``run`` for ever, or ``run_once`` at will after ``prepare``.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection[DictRow]],
        reader: EventReader,
        projections: Sequence[Projection],
        *,
        batch: int = _BATCH,
        far: int = _FAR,
        poll_s: float = 0.2,
        longest_pause_s: float = 5.0,
        patience_s: float = 60.0,
    ) -> None:
        self._pool = pool
        self._reader = reader
        self._projections = {projection.name: projection for projection in projections}
        self._batch = batch
        self._far = far
        self._poll_s = poll_s
        self._longest_pause_s = longest_pause_s
        self._patience_s = patience_s
        self._failures = 0
        self._stop = threading.Event()
        self._rebuilding: frozenset[str] = frozenset()

    def prepare(self) -> None:
        """Make missing tables, let parked projections try again, and rebuild what an older release made otherwise.

        They are rebuilt together. One that cannot be is parked as it is. New ones before a long log, as after an
        import, are rebuilt too; if they cannot be, they go on in batches, up to what they cannot take.
        """
        with self._pool.connection() as connection:
            positions.prepare(connection, self._projections.values())
            positions.unpark(connection, list(self._projections))
            known = {state.name: state for state in positions.states(connection)}
        mine = [(known[name], each) for name, each in self._projections.items()]
        self._rebuild_old([each for state, each in mine if _is_old(each, state)])
        if self._reader.head() >= self._far:
            self._rebuild_new([each for state, each in mine if _is_new(each, state)])

    def run_once(self) -> int:
        """Fold one batch into every projection that has not seen it; returns how many events were read.

        A projection that cannot take an event is parked before it. Raises what the database raises when it is away.
        """
        waiting = self._waiting()
        if not waiting:
            return 0
        after = min(state.position for state in waiting)
        try:
            events = self._reader.read(after, self._batch)
        except UnreadableEvent as error:
            for state in waiting:
                if state.position == error.position - 1:
                    self._park(state.name, error.position, error)
            return 0
        if events:
            self._feed_all([state.name for state in waiting], events)
        return len(events)

    def run(self, stop: threading.Event) -> None:
        """Keep the read models up until ``stop`` is set; a database that is away is waited for."""
        prepared, self._stop = False, stop
        while not stop.is_set():
            try:
                if not prepared:
                    self.prepare()
                    prepared = True
                self._follow(stop)
            except _Stopped:
                return
            except Exception as error:  # noqa: BLE001 - supervised: whatever it was, it is told and tried again
                self._failures += 1
                known = isinstance(error, AWAY)
                _log.warning("the projector was interrupted: %s", error, exc_info=None if known else error)
                stop.wait(min(self._longest_pause_s, 0.1 * 2 ** min(self._failures, 10)))

    def _rebuild_old(self, old: Sequence[Projection]) -> None:
        while old:
            names = [projection.name for projection in old]
            _log.info("rebuilding %s: this release folds them in another way", ", ".join(names))
            failed = self._rebuild(old)
            old = [projection for projection in old if failed and projection.name not in failed]

    def _rebuild_new(self, new: Sequence[Projection]) -> None:
        if new:
            names = ", ".join(projection.name for projection in new)
            _log.info("rebuilding %s: the log was there before", names)
            try:
                self._rebuild_unless_stopped(new, self._patience_s, _is_new)
            except (RebuildFailed, TablesInUse, UnreadableEvent) as error:
                _log.warning("going on in batches: %s", error)

    def _rebuild(self, projections: Sequence[Projection]) -> list[str]:
        """All of them or none; returns the names of those that could not be, and are parked.

        Whoever reads the old tables is waited for however long it takes: there is nothing else to do for them.
        """
        try:
            self._rebuild_unless_stopped(projections, math.inf, _is_old)
        except (RebuildFailed, UnreadableEvent) as error:
            failed = [projection.name for projection in projections]
            if isinstance(error, RebuildFailed):
                failed = [error.projection]
            _log.exception("parked as they are: %s", ", ".join(failed))
            with self._pool.connection() as connection:
                positions.park_where_they_are(connection, failed, str(error))
            return failed
        return []

    def _rebuild_unless_stopped(
        self,
        projections: Sequence[Projection],
        patience_s: float,
        wanted: Callable[[Projection, ProjectionState], bool],
    ) -> None:
        """The other projections follow the log meanwhile."""
        self._rebuilding = frozenset(projection.name for projection in projections)

        def meanwhile(pause_s: float) -> None:
            self.run_once()
            if self._stop.wait(pause_s):
                raise _Stopped

        try:
            rebuild(self._pool, self._reader, projections, patience_s=patience_s, meanwhile=meanwhile, wanted=wanted)
        finally:
            self._rebuilding = frozenset()

    def _follow(self, stop: threading.Event) -> None:
        """Until something breaks. The listening connection is one of the pool's, given back without its listening."""
        with self._pool.connection() as connection:
            connection.execute(f"LISTEN {CHANNEL}".encode())
            try:
                while not stop.is_set():
                    handled = self.run_once()
                    self._failures = 0
                    # What came meanwhile has told so on this connection.
                    if handled < self._batch:
                        for _ in connection.notifies(timeout=self._poll_s, stop_after=1):
                            pass
            finally:
                if not connection.broken:
                    connection.execute("UNLISTEN *")

    def _waiting(self) -> list[ProjectionState]:
        """The projections that may go on, leaving those to a rebuild, and to a newer release, that are its own."""
        with self._pool.connection() as connection:
            return [
                state
                for state in positions.states(connection)
                if state.parked_at is None
                and state.name in self._projections.keys() - self._rebuilding
                and state.version == self._projections[state.name].version
            ]

    def _feed_all(self, names: Sequence[str], events: Sequence[RecordedEvent]) -> None:
        """A batch into all of them at once; if that fails, into each by itself, to find the one that cannot take it."""
        try:
            self._advance(names, events)
        except AWAY:
            raise
        except Exception:  # noqa: BLE001 - met again below by the projection that is to be parked
            for name in names:
                self._feed(name, events)

    def _feed(self, name: str, events: Sequence[RecordedEvent]) -> None:
        """A batch as a whole; if that fails, event by event, to fold those before the one that cannot be folded."""
        try:
            self._advance([name], events)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - any error of a fold parks this projection and no other
            if len(events) == 1:
                self._park(name, events[0].position, error)
                return
            for event in events:
                if not self._feed_one(name, event):
                    return

    def _feed_one(self, name: str, event: RecordedEvent) -> bool:
        """One event of a batch that failed; False when the projection got no further."""
        with self._pool.connection() as connection:
            state = next(state for state in positions.states(connection) if state.name == name)
        if state.position >= event.position:
            return True
        if state.position != event.position - 1 or state.parked_at is not None:
            return False
        self._feed(name, [event])
        return True

    def _advance(self, names: Sequence[str], events: Sequence[RecordedEvent]) -> None:
        """One transaction: rows and positions.

        Where another loop was faster, or tables were rebuilt, nothing is done.
        """
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(_OF_A_BATCH, (f"{_STANDS_STILL_S}s",))
            moved = []
            for state in positions.lock(connection, list(names)):
                projection = self._projections[state.name]
                fresh = [event for event in events if event.position > state.position]
                if state.parked_at is not None or state.version != projection.version or not fresh:
                    continue
                if fresh[0].position == state.position + 1:
                    fold(connection, projection, fresh)
                    moved.append(state.name)
            positions.advance(connection, moved, events[-1].position)

    def _park(self, name: str, at: int, error: Exception) -> None:
        with self._pool.connection() as connection:
            parked = positions.park(connection, name, at, describe(error))
        if parked:
            _log.error(
                "projection %s is parked before position %s: %s (the others go on; mend the cause, then resume or rebuild it)",
                name,
                at,
                describe(error),
                exc_info=error,
            )


def _is_old(projection: Projection, state: ProjectionState) -> bool:
    return state.version < projection.version


def _is_new(projection: Projection, state: ProjectionState) -> bool:
    return state.version == projection.version and state.position == 0


def describe(error: Exception) -> str:
    """What a person reads about it: the kind of error and its first line, without the row PostgreSQL may quote."""
    lines = str(error).splitlines() or [""]
    return str(error) if isinstance(error, UnreadableEvent) else f"{type(error).__name__}: {lines[0]}"
