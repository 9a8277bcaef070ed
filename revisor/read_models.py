"""The read models themselves, as a door sees them: how far they are, rebuilding them, and reading them as of before."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from domain_model.errors import InvalidArgument, OperationFailed, OperationInvalid
from projections import positions
from projections.catalogue import all_projections
from projections.ports import UnreadableEvent
from projections.positions import ProjectionState
from projections.rebuild import RebuildFailed, TablesInUse, rebuild
from revisor import presentation as present
from revisor.application import Application
from revisor.queries import Queries

_REACHED_S = 10.0
_SECOND = timedelta(microseconds=999_999)


class ReadModels:
    """Tells about read models, and lets a person repair them."""

    def __init__(self, application: Application, queries: Queries) -> None:
        self._pool = application.database.pool
        self._reader = application.reader
        self._now = application.now
        self._queries = queries

    def all(self) -> list[dict[str, Any]]:
        """Each, and how far it is behind the log."""
        head = self._reader.head()
        return [self._shown(state, head) for state in self._queries.positions()]

    def one(self, name: str) -> dict[str, Any]:
        """One of ``all``. Raises InvalidArgument (8) for an unknown one."""
        return self._shown(self._known(name), self._reader.head())

    def rebuild(self, name: str | None = None) -> None:
        """Rebuild one beside itself, or all of them in one reading of the log; returns when swapped.

        Raises InvalidArgument (8) for an unknown one, OperationFailed (9) with nothing changed when it cannot be done.
        """
        wanted = None if name is None else self._known(name).name
        chosen = [projection for projection in all_projections() if wanted in (None, projection.name)]
        try:
            rebuild(self._pool, self._reader, chosen)
        except (RebuildFailed, TablesInUse, UnreadableEvent) as error:
            raise OperationFailed(str(error)) from error

    def resume(self, name: str) -> None:
        """Let a parked one try again from where it stopped; the projector goes on with it, or parks it again.

        Raises InvalidArgument (8) for an unknown one, OperationInvalid (55) for one that is not parked.
        """
        self._known(name)
        with self._pool.connection() as connection:
            if not positions.unpark(connection, [name]):
                raise OperationInvalid(f"projection '{name}' is not parked", field="name", value=name)

    def position_of(self, as_of: str) -> int:
        """The position that a position or a time means, once what was there can be read.

        A time means the last event recorded then or before, one in whole seconds all of its second; one without an
        offset is UTC. Raises InvalidArgument (8) for what is neither, or not there yet; OperationFailed (9) when the
        read models do not get there.
        """
        head = self._reader.head()
        position = self._position(as_of, head)
        self._queries.wait_for(position, _REACHED_S)
        for state in self._queries.without(position):
            why = "is made anew" if state.position >= position else f"is at position {state.position}"
            raise OperationFailed(
                f"projection '{state.name}' {why}{' and parked' if state.parked_at else ''}: what was at position"
                f" {position} cannot be told yet",
                field="as_of",
                value=as_of,
            )
        return position

    def _position(self, as_of: str, head: int) -> int:
        if as_of.isascii() and as_of.isdecimal():
            position = int(as_of)
            if position > head:
                raise _refused(as_of, f"position {position} is beyond the head of the log, {head}", head)
            return position
        moment = _moment(as_of)
        if moment is None:
            raise _refused(as_of, f"'{as_of}' is neither a position nor a time", head)
        if moment > self._now():
            raise _refused(as_of, f"'{as_of}' is in the future", head)
        # Times are shown in whole seconds, and who copies one means what was recorded in it as well.
        return self._reader.position_at(moment if moment.microsecond else moment + _SECOND)

    def _known(self, name: str) -> ProjectionState:
        there = self._queries.positions()
        for state in there:
            if state.name == name:
                return state
        raise InvalidArgument(
            f"no projection with name '{name}'", field="name", value=name, accepted=_names(there) or None
        )

    def _shown(self, state: ProjectionState, head: int) -> dict[str, Any]:
        behind = state.position < head
        unseen_since = self._reader.recorded_at(state.position + 1) if behind else None
        topic = None if state.parked_at is None else self._reader.topic(state.parked_at)
        return present.projection(state, head, unseen_since, topic, self._now())


def _names(states: Sequence[ProjectionState]) -> str:
    return ", ".join(state.name for state in states)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _refused(as_of: str, why: str, head: int) -> InvalidArgument:
    accepted = f"a position from 0 to {head}, or a time that is not in the future, such as 2026-11-28T02:00:00Z"
    return InvalidArgument(why, field="as_of", value=as_of, accepted=accepted)
