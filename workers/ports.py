"""What workers need of the application, in their own words; the composition root hands it in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain_model.commands import HostNames
from domain_model.domain import Domain
from domain_model.host import Host


@dataclass(frozen=True, slots=True)
class QueuedOperation:
    """An operation of one host that has no outcome, oldest first."""

    id: UUID
    domain: UUID
    host: UUID
    verb: str
    started: bool
    epoch: int | None
    """The epoch of the worker that started it last."""
    actor: str
    correlation: UUID


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants something to be recorded, and why; without an actor the agent itself."""

    actor: str | None = None
    reason: str | None = None
    ticket: str | None = None
    request_id: UUID | None = None
    correlation: UUID | None = None


def always() -> bool:
    """Nobody else wants to lead."""
    return True


@dataclass(frozen=True, slots=True)
class Lead:
    """Who leads a host: what it appends is refused once another epoch began."""

    lease: str
    host: UUID
    host_name: str
    worker: UUID
    epoch: int
    still_held: Callable[[], bool] = field(default=always, compare=False)
    """Whether nobody else can lead the host yet, by the worker's own clock."""


@dataclass(frozen=True, slots=True)
class PlacedDomain:
    """A domain that the read model has on a host."""

    id: UUID
    uuid: str
    role: str


class Drafts(Protocol):
    """Documents to be stored together with the events that name them."""

    def add(self, text: str) -> str:
        """Keep a text; returns its digest."""
        ...


class Streams(Protocol):
    """The streams of the log, as who takes aggregate snapshots of them sees them."""

    def head(self) -> int:
        """The newest position."""
        ...

    def grown(self, after: int, up_to: int, by: int) -> Sequence[UUID]:
        """The streams with an event between two positions that have ``by`` or more which no snapshot holds."""
        ...

    def keep(self, stream: UUID) -> None:
        """Take an aggregate snapshot of a stream as it is."""
        ...


class Records(Protocol):
    """The log, the documents and the vault, as an agent uses them."""

    def now(self) -> datetime: ...

    def host_names(self) -> HostNames:
        """Names of hosts by id."""
        ...

    def host(self, host: UUID) -> Host:
        """A host as the log has it at this moment: whether it is disabled, its limit, and what is adopted there.

        Raises UnreadableHost.
        """
        ...

    def queued(self, host: UUID) -> Sequence[QueuedOperation]:
        """The operations of a host that may be worked on: started ones, and those whose turn it is."""
        ...

    def unknown(self, host: UUID) -> Sequence[QueuedOperation]:
        """The operations of a host whose outcome is unknown; perhaps known since a moment ago."""
        ...

    def placed(self, host: UUID) -> Sequence[PlacedDomain]:
        """The domains recorded on a host."""
        ...

    def domain(self, domain: UUID) -> Domain:
        """A recorded domain. Raises UnreadableDomain."""
        ...

    def texts(self, digests: Iterable[str]) -> dict[str, str]:
        """Documents by digest, secrets taken out."""
        ...

    def redact(self, domain: UUID, xml: str) -> str: ...

    def restore(self, domain: UUID, xml: str) -> str: ...

    def check_secrets(self, domain: UUID) -> None:
        """Raises OperationFailed (9) when the domain has secrets that the vault cannot open."""
        ...

    def drafts(self) -> Drafts: ...

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
        """Load, decide, append under the lead's fence; decided again when another writer was first.

        ``loaded`` was loaded before and is decided on first: it costs a load only when another writer was. It is of no
        use any more when this raises, or when ``decide`` was called with another one.
        ``names`` are names on the lead's host that may have found or lost their bearer by this. Returns whether
        anything was appended. Raises ``LeadLost`` when another worker leads the host by now, UnreadableDomain.
        """
        ...

    def known(self, host: UUID, uuid: str, name: str, *, unique_uuids: bool) -> Domain:
        """The domain of the log with this UUID on a host, or a new one with nothing but its introduction pending.

        Raises UnreadableDomain.
        """
        ...

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
        """As ``change``, of a domain that ``known`` gave and that may not be in the log yet, because somebody asked."""
        ...

    def progress(self, operation: UUID, done: int, total: int) -> None:
        """Tell the doors how far an operation is. Never in the log."""
        ...


class Identities(Protocol):
    """What an agent tells about its host as a whole."""

    def led(self, lead: Lead) -> None:
        """Record the change of leader; of an unreadable host it is said only that it cannot be."""
        ...

    def identified(
        self, lead: Lead, *, driver: str, host_uuid: str, hostname: str, capabilities: dict[str, Any]
    ) -> None:
        """Record what answered. Raises ``HostIsAnother`` when another host of ours is that hypervisor already.

        Of an unreadable host nothing is recorded, and ``HostIsAnother`` told by what is known of it.
        """
        ...


class LeadLost(Exception):
    """Another worker leads the host: stop acting at once."""


class UnreadableDomain(Exception):
    """The domain's history holds what this release cannot read: a newer one wrote it, and must act on the domain."""


class UnreadableHost(Exception):
    """As ``UnreadableDomain``, of a host: what may be begun there is not known."""


class HostIsAnother(Exception):
    """The hypervisor behind this host's URI is known under another name, or not the one that answered before."""


class Sightings(Protocol):
    """When a host was last looked at; never in the log."""

    def wanted(self, host: UUID) -> bool:
        """Whether somebody waits for a fresh look."""
        ...

    def begin(self, host: UUID) -> int:
        """A look begins; returns a number for ``done``."""
        ...

    def closely(self, host: UUID) -> frozenset[UUID]:
        """The domains that somebody wants to be looked at closely in this look, each told once."""
        ...

    def unrecorded(self, host: UUID, seen: Mapping[str, str]) -> None:
        """These domains, names by UUID, are there and nobody recorded them."""
        ...

    def adopting(self, host: UUID) -> Mapping[str, Asker] | None:
        """The UUIDs of those that are to be taken in, and who wants that; None: all of them."""
        ...

    def adopted(self, host: UUID, wanted: Iterable[str] | None, left: Mapping[str, str]) -> None:
        """These (None: all) were taken in, but for those left, by name, each with why."""
        ...

    def done(self, host: UUID, begun: int) -> None:
        """The look is over: whatever was asked for before it began is satisfied."""
        ...

    def unreachable(self, host: UUID, why: str) -> None:
        """The hypervisor did not answer."""
        ...
