"""Turns events into bytes and back: plain sorted JSON, so that an auditor can read a row without this program.

Topics are pinned and allow-listed. The library would import whatever module a row names; here an unknown topic, or an
event of a shape newer than this code, is refused loudly.
"""

import json
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from eventsourcing.domain import CanMutateAggregate, DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from domain_model.attempts import Access, Attempt
from domain_model.domain import Domain
from domain_model.host import Host
from domain_model.names import Name
from domain_model.restores import Restore
from domain_model.schedule import Schedule
from revisor.store.upcasting import upcast

AGGREGATES = (Domain, Host, Name, Attempt, Access, Restore, Schedule)


_VERSION = "class_version"
"""The library's word for the version of an event's shape."""


class UnknownEvent(Exception):
    """The log holds an event this release does not know, or not in that shape: a newer release wrote it."""


class UnreadableEvents(UnknownEvent):
    """Events of shapes this release knows cannot be folded: one is damaged, or this release has a mistake in it."""


UNREADABLE = (UnknownEvent, ValueError, LookupError, TypeError, AttributeError)
"""What decoding an event may raise, or using one that is damaged."""


@cache
def topics() -> dict[str, type[CanMutateAggregate[UUID]]]:
    """Every event class by the name it has on the wire."""
    found: dict[str, type[CanMutateAggregate[UUID]]] = {}
    for aggregate in AGGREGATES:
        for event in vars(aggregate).values():
            if isinstance(event, type) and issubclass(event, CanMutateAggregate) and hasattr(event, "TOPIC"):
                found[event.TOPIC] = event
    return found


def class_version(cls: type) -> int:
    """The version of the shape in which events of a class are written now."""
    return int(getattr(cls, _VERSION, 1))


class EventMapper(Mapper[UUID]):
    """Events as JSON objects; ``timestamp`` (when it happened) as RFC 3339."""

    def __init__(self) -> None:
        super().__init__(transcoder=JSONTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        state = dict(vars(domain_event))
        stream = state.pop("originator_id")
        version = state.pop("originator_version")
        state["timestamp"] = state["timestamp"].isoformat()
        if class_version(type(domain_event)) > 1:
            state[_VERSION] = class_version(type(domain_event))
        return StoredEvent(
            originator_id=stream,
            originator_version=version,
            topic=type(domain_event).TOPIC,  # type: ignore[attr-defined]  # every event of ours has one
            state=json.dumps(state, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        return decode(
            stored_event.topic, stored_event.originator_id, stored_event.originator_version, stored_event.state
        )


def decode(topic: str, stream: Any, version: int, state: bytes) -> DomainEventProtocol[UUID]:
    """The event a row holds; raises UnknownEvent for a topic or a shape this release does not know."""
    cls = topics().get(topic)
    if cls is None:
        raise UnknownEvent(f"stream {stream} version {version}: unknown topic {topic!r}")
    fields: dict[str, Any] = json.loads(state.decode())
    written, known = fields.pop(_VERSION, 1), class_version(cls)
    if written > known:
        raise UnknownEvent(f"stream {stream} version {version}: {topic} is of version {written}, newer than {known}")
    if written < known:
        fields = upcast(topic, fields, written)
    fields["timestamp"] = datetime.fromisoformat(fields["timestamp"])
    fields["originator_id"] = stream
    fields["originator_version"] = version
    event: DomainEventProtocol[UUID] = object.__new__(cls)
    object.__setattr__(event, "__dict__", fields)
    return event
