"""The rows that questions to the read models are answered with, as values: what a door may rely on finding in each.

They are named tuples, as 25,000 of them are made in no time. Ids of streams are UUIDs; ids that events carry
as text (hosts, snapshots) are text here too, so that they fit commands.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID


class Page(NamedTuple):
    """A part of an answer: so many rows behind one, which is named; from the first one on without it."""

    limit: int
    after: tuple[str, str, str] | None = None
    """Of domains: name, host and UUID of the last one of the page before."""


class OperationFilter(NamedTuple):
    """Which operations are meant; all of them by default."""

    states: tuple[str, ...] = ()
    """Those in one of these states; in any without one."""
    id_prefix: str | None = None
    """Those whose id begins so: hexadecimal digits without dashes."""

    @property
    def ids(self) -> tuple[UUID, UUID] | None:
        """The first and the last id that begin so."""
        prefix = self.id_prefix
        return None if prefix is None else (UUID(prefix.ljust(32, "0")), UUID(prefix.ljust(32, "f")))


ALL_OPERATIONS = OperationFilter()


class HostRow(NamedTuple):
    id: str
    name: str
    uri: str
    driver: str | None
    """None until the hypervisor answered once; so are ``host_uuid`` and ``hostname``."""
    host_uuid: str | None
    hostname: str | None
    capabilities: dict[str, Any]
    worker: str | None
    """Who leads it, or led it last."""
    epoch: int
    disabled: dict[str, str] | None
    """``at``, ``actor`` and ``reason``; None while it is enabled."""
    operations: int | None
    """How many it carries out at once; None as long as the table is an older release's."""
    adopt: str | None
    """One of ``AdoptionPolicy``; None as long as the table is an older release's."""
    added_at: datetime
    removed_at: datetime | None
    position: int


class PlacementRow(NamedTuple):
    """A domain on a host. ``definition`` and ``live`` are digests of documents."""

    domain: UUID
    uuid: str
    """The hypervisor's UUID of it."""
    name: str
    host: str
    host_name: str
    role: str | None
    """``owner`` or ``replica``; None for a domain that was asked for and never was."""
    present: bool
    """Whether the hypervisor has it; rows of what is gone stay for looking up its history."""
    persistent: bool
    hypervisor_id: int | None
    state: int
    reason: int
    autostart: bool
    managed_save: bool
    has_snapshots: bool
    has_checkpoints: bool
    definition: str | None
    live: str | None
    verified_position: int | None
    """On a replica: where it was last found to agree with the domain, whatever happened since."""
    position: int
    """The last event about this placement."""
    recorded_at: datetime

    @property
    def active(self) -> bool:
        return self.hypervisor_id is not None

    def shown(self, *, inactive: bool = False) -> str | None:
        """The digest of the definition that ``dumpxml`` shows; None of a domain that is not defined yet."""
        return self.live if self.active and not inactive else self.definition or self.live


class SnapshotRow(NamedTuple):
    """A snapshot of a domain's own tree. ``header`` and the documents are digests; ``parent`` is an id."""

    id: str
    domain: UUID
    name: str
    parent: str | None
    parent_name: str | None
    children: int
    state: str
    creation_time: int
    description: str | None
    location: str
    header: str
    domain_document: str | None
    inactive_document: str | None
    presence: str
    """Whether its data is there: present, missing or unverified."""
    why: str | None
    """Of a missing one: what is not there."""
    current: bool
    held_by: str | None
    """None when nobody holds it."""
    held_until: datetime | None
    held_reason: str | None
    held_ticket: str | None
    position: int


class CheckpointRow(NamedTuple):
    """A checkpoint of a domain. ``header`` and ``domain_document`` are digests; ``parent`` is an id."""

    id: str
    domain: UUID
    name: str
    parent: str | None
    parent_name: str | None
    creation_time: int
    description: str | None
    header: str
    domain_document: str | None
    current: bool
    """By libvirt's rules: it tells nobody which one it takes for the current one."""
    position: int


class OperationRow(NamedTuple):
    id: UUID
    request_id: UUID | None
    verb: str
    domain: UUID
    domain_name: str | None
    host: str
    host_name: str | None
    arguments: dict[str, Any]
    state: str
    error_code: int | None
    error_message: str | None
    result: dict[str, Any] | None
    requested_at: datetime
    ended_at: datetime | None
    actor: str
    correlation: UUID
    requested_position: int
    ended_position: int | None
    settled: dict[str, Any] | None
    """By whom, on which evidence, an outcome was recorded that had been unknown."""
    progress: dict[str, Any] | None
    """How far it is, while it runs and says so."""
    held_up: dict[str, Any] | None
    """What may keep it from going on, while it has not ended: see ``revisor.held_up``."""
