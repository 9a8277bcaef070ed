"""A log, documents and vault in memory: what ``workers.ports.Records`` promises,
with the real domain model behind it.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain_model import secrets
from domain_model.domain import Domain
from domain_model.errors import OperationFailed
from domain_model.host import Host
from domain_model.names import domain_id
from revisor.store.mapper import EventMapper
from tests.unit.domain_histories import AT, HOSTS
from workers.ports import Asker, Drafts, Lead, LeadLost, PlacedDomain, QueuedOperation

_DIGESTS = ("definition", "live", "header", "domain", "inactive_domain", "document")


class DraftsInMemory:
    """Texts that wait for the append that names them."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def add(self, text: str) -> str:
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.texts[digest] = text
        return digest


class RecordsInMemory:
    """Every change is decided on a domain told anew from its stored events, as with the real log.

    ``epochs`` are those of the leads by host; an older one is fenced. ``interrupt`` runs once, between the next
    decision and its append: whatever it appends comes first, and the decision is made again.
    """

    def __init__(self) -> None:
        self.streams: dict[UUID, list[Any]] = {}
        self.documents: dict[str, str] = {}
        self.vault: dict[str, str] = {}
        self.sealed: set[UUID] = set()
        """Domains whose secrets cannot be opened."""
        self.epochs: dict[UUID, int] = {}
        self.names: list[str] = []
        self.askers: list[Asker] = []
        """For whom domains were taken in."""
        self.hosts: dict[UUID, Host] = {}
        self.told: list[tuple[int, int]] = []
        self.interrupt: Callable[[], None] | None = None
        self._mapper = EventMapper()

    def now(self) -> datetime:
        return AT

    def host_names(self) -> dict[str, str]:
        return HOSTS

    def host(self, host: UUID) -> Host:
        return self.hosts.setdefault(host, Host.add(host, name=HOSTS[str(host)], uri="simulator:///any", at=AT))

    def queued(self, host: UUID) -> Sequence[QueuedOperation]:
        return [
            QueuedOperation(UUID(o.id), stream, host, o.verb, o.started, None, "alice", UUID(o.id))
            for stream in self.streams
            for o in self.domain(stream).operations.values()
            if o.host == str(host)
        ]

    def unknown(self, host: UUID) -> Sequence[QueuedOperation]:
        return [
            QueuedOperation(UUID(o.id), stream, host, o.verb, True, None, "alice", UUID(o.id))  # noqa: FBT003
            for stream in self.streams
            for o in self.domain(stream).unknown.values()
            if o.host == str(host)
        ]

    def placed(self, host: UUID) -> Sequence[PlacedDomain]:
        domains = [self.domain(stream) for stream in self.streams]
        return [
            PlacedDomain(domain.id, domain.uuid, domain.placements[str(host)].role)
            for domain in domains
            if str(host) in domain.placements
        ]

    def domain(self, domain: UUID) -> Domain:
        told = None
        for stored in self.streams[domain]:
            told = self._mapper.to_domain_event(stored).mutate(told)  # type: ignore[attr-defined]
        assert isinstance(told, Domain)
        return told

    def texts(self, digests: Iterable[str]) -> dict[str, str]:
        return {digest: self.documents[digest] for digest in digests}

    def redact(self, domain: UUID, xml: str) -> str:
        redacted, found = secrets.redact(xml, lambda value: _reference(domain, value))
        self.vault.update(found)
        return redacted

    def restore(self, domain: UUID, xml: str) -> str:
        del domain
        return secrets.restore(xml, self.vault.__getitem__)

    def check_secrets(self, domain: UUID) -> None:
        if domain in self.sealed:
            raise OperationFailed("a secret cannot be opened")

    def drafts(self) -> Drafts:
        return DraftsInMemory()

    def change(
        self,
        domain: UUID,
        decide: Callable[[Domain], None],
        *,
        lead: Lead,
        operation: QueuedOperation | None = None,
        drafts: Drafts | None = None,
        names: Iterable[str] = (),
        loaded: Domain | None = None,
    ) -> bool:
        del operation
        assert drafts is None or isinstance(drafts, DraftsInMemory)
        while True:
            aggregate, loaded = loaded or self.domain(domain), None
            version = aggregate.version
            decide(aggregate)
            interrupt, self.interrupt = self.interrupt, None
            if interrupt is not None:
                interrupt()
            elif version == len(self.streams[domain]):
                break
        if lead.epoch < self.epochs.get(lead.host, 0):
            raise LeadLost(f"{lead.lease} is led in epoch {self.epochs[lead.host]}")
        self.names += names
        return self.append(aggregate, {} if drafts is None else drafts.texts)

    def known(self, host: UUID, uuid: str, name: str, *, unique_uuids: bool) -> Domain:
        stream = domain_id(host, uuid, unique_uuids=unique_uuids)
        if stream in self.streams:
            return self.domain(stream)
        return Domain.introduce(stream, uuid=uuid, name=name, host=str(host), at=AT)

    def take_in(
        self,
        domain: Domain,
        decide: Callable[[Domain], None],
        *,
        lead: Lead,
        drafts: Drafts,
        name: str,
        asker: Asker,
    ) -> None:
        assert isinstance(drafts, DraftsInMemory)
        decide(domain)
        self.names.append(name)
        self.askers.append(asker)
        assert lead.epoch >= self.epochs.get(lead.host, 0)
        self.append(domain, drafts.texts)

    def progress(self, operation: UUID, done: int, total: int) -> None:
        del operation
        self.told.append((done, total))

    def append(self, domain: Domain, documents: dict[str, str]) -> bool:
        """Store what is pending; every document an event names must be there by then."""
        events = domain.collect_events()
        self.documents.update(documents if events else {})
        for event in events:
            named = [vars(event).get(field) for field in _DIGESTS]
            missing = [digest for digest in named if digest is not None and digest not in self.documents]
            assert not missing, f"{event} names documents that are not stored"
        self.streams.setdefault(domain.id, []).extend(self._mapper.to_stored_event(event) for event in events)
        return bool(events)

    def events(self, domain: UUID) -> list[Any]:
        return [self._mapper.to_domain_event(stored) for stored in self.streams[domain]]


def _reference(domain: UUID, value: str) -> str:
    return "secret-" + hashlib.sha256(f"{domain}/{value}".encode()).hexdigest()[:24]
