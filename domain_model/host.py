"""A host: one hypervisor Revisor leads, its URI, and what answered there."""

import re
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain_model.errors import InvalidArgument

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


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

    def remove(self, at: datetime) -> None:
        """Forget the host. What happened there stays in the log."""
        if not self.removed:
            self.trigger_event(self.Removed, timestamp=at)
