"""Who bears a name: one small stream a name, so that two requests at the same moment cannot both have it.

The id of the stream is derived from where the name holds and the name itself; saving a claim beside the event that
needs it makes the claim and the event one transaction.
"""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

_NAMES = UUID("6d1f3ad4-5b8e-5c7a-9d2e-0a4b6c8e1f37")
HOSTS = "hosts"
"""The scope in which names of hosts are unique; names of domains are unique on their host's id."""


def domain_id(host: UUID, uuid: str, *, unique_uuids: bool) -> UUID:
    """The stream of a domain: the hypervisor's UUID of it or, where others may have the same,
    one made of host and UUID.
    """
    return UUID(uuid) if unique_uuids else uuid5(host, uuid)


class Name(Aggregate):
    """A name and the id of what bears it at present, if anything does."""

    TOPIC: ClassVar[str] = "name"

    class Event(Aggregate.Event):
        """Base of all events of a name."""

    class Created(Aggregate.Created):
        TOPIC: ClassVar[str] = "name.claimed"
        scope: str
        name: str
        bearer: str

    class ClaimedAgain(Event):
        TOPIC: ClassVar[str] = "name.claimed_again"
        bearer: str

        def apply(self, name: "Name") -> None:
            name.bearer = self.bearer

    class Released(Event):
        TOPIC: ClassVar[str] = "name.released"

        def apply(self, name: "Name") -> None:
            name.bearer = None

    def __init__(self, scope: str, name: str, bearer: str) -> None:
        self.scope = scope
        self.name = name
        self.bearer: str | None = bearer

    @staticmethod
    def id_of(scope: str, name: str) -> UUID:
        """The stream of a name within a scope: ``HOSTS``, or the id of a host for its domains."""
        return uuid5(_NAMES, f"{scope}/{name}")

    @classmethod
    def claim_first(cls, scope: str, name: str, bearer: str, at: datetime) -> Self:
        """Begin the stream of a name that nobody ever bore."""
        return cls._create(cls.Created, id=cls.id_of(scope, name), timestamp=at, scope=scope, name=name, bearer=bearer)

    def claim(self, bearer: str, at: datetime) -> None:
        """Give the name to ``bearer``, whoever bore it before: what was observed overrides a claim."""
        if self.bearer != bearer:
            self.trigger_event(self.ClaimedAgain, timestamp=at, bearer=bearer)

    def release(self, bearer: str, at: datetime) -> None:
        """Free the name if ``bearer`` still bears it."""
        if self.bearer == bearer:
            self.trigger_event(self.Released, timestamp=at)
