"""The simplest things that can be appended, for tests of the store."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from domain_model.host import Host

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def stored(stream: UUID, version: int = 1) -> StoredEvent:
    return StoredEvent(stream, version, "host.removed", b'{"timestamp":"2026-01-02T03:04:05+00:00"}')


def a_host(name: str = "alpha") -> Host:
    return Host.add(uuid4(), name=name, uri="simulator:///a", at=NOW)
