"""A host: one hypervisor Revisor leads, its URI, what answered there, and how much may be asked of it."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain_model.errors import HostDisabled, InvalidArgument
from domain_model.times import moment_in_words

OPERATIONS = 4
"""How many operations a host carries out at once unless it was given another limit."""
MOST_OPERATIONS = 64

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class AdoptionPolicy(StrEnum):
    """What becomes of domains on a host that nobody recorded."""

    ALL = "all"
    """They are taken in as they are found."""
    NONE = "none"
    """They are told of, until somebody adopts them."""


class Host(Aggregate):
    """A hypervisor under a name of ours. Its URI may change; the hypervisor's own host UUID is what it is."""

    TOPIC: ClassVar[str] = "host"

    class Event(Aggregate.Event):
        """Base of all events of a host."""

    class Created(Aggregate.Created):
        TOPIC: ClassVar[str] = "host.added"
        name: str
        uri: str

    class UriChanged(Event):
        TOPIC: ClassVar[str] = "host.uri_changed"
        uri: str

        def apply(self, host: "Host") -> None:
            host.uri = self.uri

    class Identified(Event):
        """The hypervisor answered and said what it is. ``capabilities`` are the driver's, by name."""

        TOPIC: ClassVar[str] = "host.identified"
        driver: str
        host_uuid: str
        hostname: str
        capabilities: dict[str, Any]

        def apply(self, host: "Host") -> None:
            host.driver = self.driver
            host.host_uuid = self.host_uuid
            host.hostname = self.hostname
            host.capabilities = self.capabilities

    class Led(Event):
        """A worker leads this host from here on; what an earlier epoch still tries to record is refused."""

        TOPIC: ClassVar[str] = "host.led"
        worker: str
        epoch: int

        def apply(self, host: "Host") -> None:
            host.epoch = self.epoch

    class Disabled(Event):
        """Nothing new is to be begun there; what was started comes to its end."""

        TOPIC: ClassVar[str] = "host.disabled"
        actor: str
        reason: str

        @property
        def said(self) -> dict[str, str]:
            """Since when, by whom and why, as it is told; the time in RFC 3339."""
            at = self.timestamp.astimezone(UTC).isoformat().replace("+00:00", "Z")
            return {"at": at, "actor": self.actor, "reason": self.reason}

        def apply(self, host: "Host") -> None:
            host.disabled = self.said

    class Enabled(Event):
        TOPIC: ClassVar[str] = "host.enabled"

        def apply(self, host: "Host") -> None:
            host.disabled = None

    class Limited(Event):
        """So many operations at once, besides control verbs."""

        TOPIC: ClassVar[str] = "host.limited"
        operations: int

        def apply(self, host: "Host") -> None:
            host.operations = self.operations

    class AdoptionSet(Event):
        """What becomes of domains found there that nobody recorded, one of ``AdoptionPolicy``."""

        TOPIC: ClassVar[str] = "host.adoption_set"
        adopt: str

        def apply(self, host: "Host") -> None:
            host.adopt = self.adopt

    class Removed(Event):
        TOPIC: ClassVar[str] = "host.removed"

        def apply(self, host: "Host") -> None:
            host.removed = True

    def __init__(self, name: str, uri: str) -> None:
        self.name = name
        self.uri = uri
        self.driver: str | None = None
        self.host_uuid: str | None = None
        self.hostname: str | None = None
        self.capabilities: dict[str, Any] = {}
        self.epoch = 0
        self.disabled: dict[str, str] | None = None
        """Since when it is (``at``), by whom (``actor``) and why (``reason``)."""
        self.operations = OPERATIONS
        self.adopt = str(AdoptionPolicy.NONE)
        self.removed = False

    @classmethod
    def add(cls, id: UUID, *, name: str, uri: str, at: datetime) -> Self:
        """Begin the stream of a host; raises InvalidArgument (8) for a name that could not be part of HOST/NAME."""
        if not _NAME.fullmatch(name):
            raise InvalidArgument(
                f"host name '{name}' in field 'name' is not usable",
                field="name",
                value=name,
                accepted="letters, digits, '.', '_' and '-', not beginning with '.' or '-'",
            )
        return cls._create(cls.Created, id=id, timestamp=at, name=name, uri=uri)

    def set_uri(self, uri: str, at: datetime) -> None:
        """Reach the hypervisor under another URI; the same URI again changes nothing."""
        if uri != self.uri:
            self.trigger_event(self.UriChanged, timestamp=at, uri=uri)

    def identify(
        self, *, driver: str, host_uuid: str, hostname: str, capabilities: dict[str, Any], at: datetime
    ) -> None:
        """Note what answered; the same answer again changes nothing."""
        known = (self.driver, self.host_uuid, self.hostname, self.capabilities)
        if known != (driver, host_uuid, hostname, capabilities):
            self.trigger_event(
                self.Identified,
                timestamp=at,
                driver=driver,
                host_uuid=host_uuid,
                hostname=hostname,
                capabilities=capabilities,
            )

    def lead(self, *, worker: str, epoch: int, at: datetime) -> None:
        """Note the change of leader."""
        self.trigger_event(self.Led, timestamp=at, worker=worker, epoch=epoch)

    def disable(self, *, actor: str, reason: str | None, at: datetime) -> None:
        """Accept and begin nothing new there.

        By somebody else or for another reason, it is disabled by them and for that from then on; the same again changes
        nothing.

        Raises InvalidArgument (8) without a reason.
        """
        if reason is None or not reason.strip():
            raise InvalidArgument(
                f"host '{self.name}' is not disabled without a reason: field 'reason' is empty",
                field="reason",
                value=reason,
                accepted="why nothing is to be begun there, for who is refused because of it",
            )
        known = self.disabled
        if known is None or (known["actor"], known["reason"]) != (actor, reason):
            self.trigger_event(self.Disabled, timestamp=at, actor=actor, reason=reason)

    def enable(self, at: datetime) -> None:
        """Go on; what waits is begun. A host that is not disabled stays as it is."""
        if self.disabled is not None:
            self.trigger_event(self.Enabled, timestamp=at)

    def check_enabled(self) -> None:
        """Raises HostDisabled (55) saying who disabled it, when and why."""
        if self.disabled is not None:
            raise HostDisabled(
                disabled_in_words(self.name, self.disabled),
                field="host",
                value=self.name,
                accepted=f"an enabled host; 'revisor host enable {self.name}' makes it one",
            )

    def limit(self, operations: int, at: datetime) -> None:
        """Carry out so many operations at once, besides control verbs. Raises InvalidArgument (8)."""
        if not 1 <= operations <= MOST_OPERATIONS:
            raise InvalidArgument(
                f"{operations} in field 'operations' is no number of operations at once",
                field="operations",
                value=str(operations),
                accepted=f"1 to {MOST_OPERATIONS}",
            )
        if operations != self.operations:
            self.trigger_event(self.Limited, timestamp=at, operations=operations)

    def set_adoption(self, adopt: str, at: datetime) -> None:
        """Take in what nobody recorded from now on (``all``), or only tell of it (``none``).

        Raises InvalidArgument (8).
        """
        if adopt not in tuple(AdoptionPolicy):
            raise InvalidArgument(
                f"'{adopt}' in field 'adopt' does not say which domains are taken in",
                field="adopt",
                value=adopt,
                accepted=" or ".join(AdoptionPolicy),
            )
        if adopt != self.adopt:
            self.trigger_event(self.AdoptionSet, timestamp=at, adopt=str(adopt))

    def remove(self, at: datetime) -> None:
        """Forget the host. What happened there stays in the log."""
        if not self.removed:
            self.trigger_event(self.Removed, timestamp=at)


def disabled_in_words(name: str, disabled: dict[str, str]) -> str:
    """That a host is disabled, by whom, since when and why."""
    since = moment_in_words(disabled["at"])
    return f"host '{name}' is disabled by {disabled['actor']} since {since}: {disabled['reason']}"
