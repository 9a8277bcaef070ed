"""What workers see of the application: ``workers.ports`` put into practice."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain_model.commands import HostNames
from domain_model.domain import Domain
from domain_model.host import Host
from domain_model.names import domain_id
from revisor.application import Application
from revisor.host_names import NamesOfHosts
from revisor.queries import Queries
from revisor.rows import HostRow
from revisor.store.context import Context
from revisor.store.documents import Drafts as StoredDrafts
from revisor.store.errors import Fenced
from revisor.store.mapper import UnknownEvent
from revisor.store.recorder import Fence
from workers.ports import (
    Asker,
    Drafts,
    HostIsAnother,
    Lead,
    LeadLost,
    PlacedDomain,
    QueuedOperation,
    UnreadableDomain,
    UnreadableHost,
)

_log = logging.getLogger(__name__)

_QUEUED = """
SELECT q.operation, q.domain, q.host, q.verb, q.started, q.epoch, a.actor, a.correlation
FROM work.operation_queue q
JOIN log.events e ON e.notification_id = q.position JOIN log.appends a USING (append_id)
WHERE q.host = %s AND (NOT q.exclusive OR NOT EXISTS (
    SELECT FROM work.operation_queue earlier
    WHERE earlier.domain = q.domain AND earlier.exclusive AND earlier.position < q.position))
AND NOT EXISTS (SELECT FROM work.restores WHERE acknowledged_at IS NULL)
ORDER BY q.position LIMIT 100
"""
# What was on record when the log was restored may have been followed by more than the log knows of: no look tells.
_UNKNOWN = """
SELECT id, domain, verb, actor, correlation FROM views.operations
WHERE host = %s AND state = 'unknown' AND ended_position > coalesce((SELECT max(position) FROM work.restores), 0)
ORDER BY ended_position
"""


class AgentRecords:
    """The application as one host's agent uses it."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._database = application.database

    def now(self) -> datetime:
        return self._application.now()

    def host_names(self) -> HostNames:
        return NamesOfHosts(self._database)

    def host(self, host: UUID) -> Host:
        """See ``workers.ports.Records``."""
        with _readable(UnreadableHost):
            known = self._application.log.load(Host, host)
        if known is None:
            raise LookupError(f"no events of host {host}")
        return known

    def queued(self, host: UUID) -> Sequence[QueuedOperation]:
        return [
            QueuedOperation(
                id=row["operation"],
                domain=row["domain"],
                host=row["host"],
                verb=row["verb"],
                started=row["started"],
                epoch=row["epoch"],
                actor=row["actor"],
                correlation=row["correlation"],
            )
            for row in self._database.fetch(_QUEUED, host)
        ]

    def unknown(self, host: UUID) -> Sequence[QueuedOperation]:
        """See ``workers.ports.Records``."""
        return [
            QueuedOperation(
                id=row["id"],
                domain=row["domain"],
                host=host,
                verb=row["verb"],
                started=True,
                epoch=None,
                actor=row["actor"],
                correlation=row["correlation"],
            )
            for row in self._database.fetch(_UNKNOWN, host)
        ]

    def placed(self, host: UUID) -> Sequence[PlacedDomain]:
        rows = self._database.fetch("SELECT domain, uuid, role FROM views.domains WHERE host = %s AND present", host)
        return [PlacedDomain(row["domain"], str(row["uuid"]), row["role"]) for row in rows]

    def domain(self, domain: UUID) -> Domain:
        """See ``workers.ports.Records``."""
        with _readable():
            return self._application.domain(domain)

    def texts(self, digests: Iterable[str]) -> dict[str, str]:
        return self._application.documents.get_many(digests)

    def redact(self, domain: UUID, xml: str) -> str:
        return self._application.vault.redact(domain, xml)

    def restore(self, domain: UUID, xml: str) -> str:
        return self._application.vault.restore(domain, xml)

    def check_secrets(self, domain: UUID) -> None:
        """See ``workers.ports.Records``."""
        self._application.vault.check(domain)

    def drafts(self) -> Drafts:
        return StoredDrafts()

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
        """See ``workers.ports.Records``."""
        return self._change(
            domain, decide, _context(lead, operation), lead=lead, drafts=drafts, names=names, loaded=loaded
        )

    def _change(
        self,
        domain: UUID,
        decide: Callable[[Domain], None],
        context: Context,
        *,
        lead: Lead,
        drafts: Drafts | None,
        names: Iterable[str],
        introduce: Callable[[], Domain] | None = None,
        loaded: Domain | None = None,
    ) -> bool:
        assert drafts is None or isinstance(drafts, StoredDrafts)
        try:
            with _readable():
                position = self._application.change(
                    Domain,
                    domain,
                    decide,
                    context,
                    fence=Fence(lead.lease, lead.epoch),
                    drafts=drafts,
                    names=self._application.names_on(str(lead.host), names),
                    introduce=introduce,
                    loaded=loaded,
                )
        except Fenced as fenced:
            raise LeadLost(str(fenced)) from fenced
        return position > 0

    def known(self, host: UUID, uuid: str, name: str, *, unique_uuids: bool) -> Domain:
        """See ``workers.ports.Records``."""
        row = self._database.fetch_one("SELECT domain FROM views.domains WHERE uuid = %s AND host = %s", uuid, host)
        stream = row["domain"] if row is not None else domain_id(host, uuid, unique_uuids=unique_uuids)
        with _readable():
            known = self._application.log.load(Domain, stream)
        return known or Domain.introduce(stream, uuid=uuid, name=name, host=str(host), at=self.now())

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
        """See ``workers.ports.Records``."""

        def introduce() -> Domain:
            # A new one for each try: of one whose save failed the pending events are gone.
            return Domain.introduce(domain.id, uuid=domain.uuid, name=name, host=str(lead.host), at=self.now())

        asked = Context(
            asker.actor or _agent(lead), asker.reason, asker.ticket, asker.request_id, correlation=asker.correlation
        )
        self._change(domain.id, decide, asked, lead=lead, drafts=drafts, names=[name], introduce=introduce)

    def progress(self, operation: UUID, done: int, total: int) -> None:
        """See ``workers.ports.Records``."""
        self._database.execute(
            "UPDATE work.operation_queue SET progress = %s WHERE operation = %s",
            Jsonb({"done": done, "total": total}),
            operation,
        )


@contextmanager
def _readable(unreadable: type[Exception] = UnreadableDomain) -> Iterator[None]:
    """What the log holds of a domain, or of a host, may be more than this release knows."""
    try:
        yield
    except UnknownEvent as error:
        raise unreadable(str(error)) from error


class AgentIdentities:
    """What an agent tells about its host."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def led(self, lead: Lead) -> None:
        """See ``workers.ports.Identities``."""
        try:
            self._change(lead, lambda host, at: host.lead(worker=str(lead.worker), epoch=lead.epoch, at=at))
        except UnreadableHost as newer:
            _log.error("host %s: that it is led by another worker cannot be recorded: %s", lead.host_name, newer)

    def identified(
        self, lead: Lead, *, driver: str, host_uuid: str, hostname: str, capabilities: dict[str, Any]
    ) -> None:
        """See ``workers.ports.Identities``."""
        if capabilities["unique_uuids"]:
            self._refuse_twin(lead, host_uuid)

        def identify(host: Host, at: datetime) -> None:
            _refuse_another(host, host_uuid, hostname)
            host.identify(driver=driver, host_uuid=host_uuid, hostname=hostname, capabilities=capabilities, at=at)

        try:
            self._change(lead, identify)
        except UnreadableHost:
            last_known = Queries(self._application.database).host(lead.host_name)
            if last_known is not None:
                _refuse_another(last_known, host_uuid, hostname)

    def _refuse_twin(self, lead: Lead, host_uuid: str) -> None:
        twin = self._application.database.fetch_one(
            "SELECT name FROM views.hosts WHERE host_uuid = %s AND id <> %s AND removed_at IS NULL"
            " AND (capabilities ->> 'unique_uuids')::boolean",
            host_uuid,
            lead.host,
        )
        if twin is not None:
            raise HostIsAnother(f"the hypervisor with host uuid {host_uuid} is already known as host '{twin['name']}'")

    def _change(self, lead: Lead, decide: Callable[[Host, datetime], None]) -> None:
        try:
            with _readable(UnreadableHost):
                self._application.change(
                    Host,
                    lead.host,
                    lambda host: decide(host, self._application.now()),
                    _context(lead, None),
                    fence=Fence(lead.lease, lead.epoch),
                )
        except Fenced as fenced:
            raise LeadLost(str(fenced)) from fenced


def _refuse_another(host: Host | HostRow, host_uuid: str, hostname: str) -> None:
    """Not the hypervisor that answered before: what it lacks is not gone, and must not be recorded so.

    The UUID alone does not tell: where the firmware has none, libvirt makes one up whenever it starts.
    """
    if host.host_uuid not in (None, host_uuid) and host.hostname != hostname:
        raise HostIsAnother(
            f"'{hostname}' with host uuid {host_uuid} answers at {host.uri}, where host '{host.name}' was known as"
            f" '{host.hostname}' with host uuid {host.host_uuid}: set its URI right, or add this one as another host"
        )


def _context(lead: Lead, operation: QueuedOperation | None) -> Context:
    """An agent's own actor; the operation says who asked."""
    if operation is None:
        return Context(_agent(lead))
    return Context(_agent(lead), correlation=operation.correlation, causation=operation.id)


def _agent(lead: Lead) -> str:
    return f"agent:{lead.host_name}"
