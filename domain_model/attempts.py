"""What was refused, and who was shown a secret: streams of a single event each.

They are evidence about people, not state of a machine, so they belong to no domain's stream; their context (actor,
reason, ticket) is that of the append.
"""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from eventsourcing.domain import Aggregate


class Attempt(Aggregate):
    """A request that was refused. It never holds XML."""

    TOPIC: ClassVar[str] = "attempt"

    class Event(Aggregate.Event):
        """Base; an attempt has only its first event."""

    class Created(Aggregate.Created):
        """``suppressed`` counts this caller's refusals since the last recorded one that were not recorded."""

        TOPIC: ClassVar[str] = "attempt.refused"
        verb: str
        target: str
        code: int
        message: str
        suppressed: int

    @classmethod
    def refused(
        cls, id: UUID, *, verb: str, target: str, code: int, message: str, suppressed: int, at: datetime
    ) -> Self:
        return cls._create(
            cls.Created,
            id=id,
            timestamp=at,
            verb=verb,
            target=target,
            code=code,
            message=message,
            suppressed=suppressed,
        )


class Access(Aggregate):
    """A privileged read that was granted: somebody was shown what is otherwise hidden."""

    TOPIC: ClassVar[str] = "access"

    class Event(Aggregate.Event):
        """Base; an access has only its first event."""

    class Created(Aggregate.Created):
        TOPIC: ClassVar[str] = "access.granted"
        verb: str
        target: str

    @classmethod
    def granted(cls, id: UUID, *, verb: str, target: str, at: datetime) -> Self:
        return cls._create(cls.Created, id=id, timestamp=at, verb=verb, target=target)
