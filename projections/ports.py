"""What projections need from the outside: recorded events, in order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID


class RecordedEvent(NamedTuple):
    """One event with its place in the log and the context of its append.

    A named tuple, as a rebuild makes one for each event there is.
    """

    position: int
    stream: UUID
    version: int
    topic: str
    event: Any
    """The decoded domain event."""
    recorded_at: datetime
    actor: str
    reason: str | None
    ticket: str | None
    request_id: UUID | None
    correlation: UUID
    causation: UUID | None

    @property
    def occurred_at(self) -> datetime:
        return self.event.timestamp  # type: ignore[no-any-return]


class UnreadableEvent(Exception):
    """The event at ``position`` cannot be decoded: a newer release wrote it, or its row is damaged."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(f"the event at position {position} cannot be read: {message}")
        self.position = position


class EventReader(Protocol):
    """The log, as a projection reads it."""

    def head(self) -> int:
        """The newest position; 0 for an empty log."""
        ...

    def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        """At most ``limit`` events behind position ``after``, in order, without a hole.

        Raises UnreadableEvent if the first of them cannot be decoded; an unreadable one further on ends the answer.
        """
        ...
