"""That the log was restored, and what somebody found when they compared it with the world: a stream of one event each.

A log put back from a backup is older than the hosts it tells of. What happened in between is seen, not remembered.
"""

from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from eventsourcing.domain import Aggregate


class Restore(Aggregate):
    """A restore of the log that was acknowledged."""

    TOPIC: ClassVar[str] = "restore"

    class Event(Aggregate.Event):
        """Base; a restore has only its first event."""

    class Created(Aggregate.Created):
        """``compared`` are the names of the hosts that were looked at, ``left_out`` of those that were not.

        ``adopted`` lists {domain, host, name} of what was taken in, ``changed`` of what was seen to be otherwise than
        recorded, with the topics of {what} was seen (once not told), ``gone`` of what is there no more, ``left``
        {host, name, why} of what was not;
        ``unsettled`` are the operations that had not ended by this log.
        """

        TOPIC: ClassVar[str] = "restore.acknowledged"
        why: str
        witnessed_position: int | None
        """The newest position that was known outside the database; None when nothing was."""
        position: int
        compared: list[str]
        left_out: list[str]
        adopted: list[dict[str, Any]]
        changed: list[dict[str, Any]]
        gone: list[dict[str, Any]]
        left: list[dict[str, Any]]
        unsettled: list[str]

    @classmethod
    def acknowledged(cls, id: UUID, *, at: datetime, **found: Any) -> Self:
        """Record what was found; ``found`` are the event's fields."""
        return cls._create(cls.Created, id=id, timestamp=at, **found)
