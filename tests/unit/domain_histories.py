"""Domains as tests tell them: a history of events, a command or an observation, and the events that came of it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain_model.adoption import Adoption, Observation, SnapshotDump
from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from domain_model.operations import Operation

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DOMAIN = UUID("00000000-0000-4000-8000-00000000000d")
UUID_TEXT = str(DOMAIN)
ALPHA = "00000000-0000-4000-8000-00000000000a"
BETA = "00000000-0000-4000-8000-00000000000b"
GAMMA = "00000000-0000-4000-8000-00000000000c"
HOSTS = {ALPHA: "alpha", BETA: "beta", GAMMA: "gamma"}

Told = tuple[type[Domain.Event], dict[str, Any]]


def history(*told: Told) -> Domain:
    """A domain to which this happened; nothing is pending."""
    domain = Domain.introduce(DOMAIN, uuid=UUID_TEXT, name="guest", host=ALPHA, at=AT)
    for event, fields in told:
        domain.record(event, AT, **fields)
    domain.collect_events()
    return domain


def outcome(domain: Domain) -> list[str]:
    """The topics of what happened since the history."""
    return [str(getattr(event, "TOPIC", "")) for event in domain.pending_events]


def last(domain: Domain, kind: type[Domain.Event]) -> Any:
    """The newest pending event of a kind."""
    return next(event for event in reversed(domain.pending_events) if isinstance(event, kind))


def fact(event: type[Domain.Event], host: str = ALPHA, operation: str | None = None, **fields: Any) -> Told:
    origin = "observed" if operation is None else "operation"
    return event, {"host": host, "operation": operation, "origin": origin, **fields}


def defined(host: str = ALPHA, definition: str = "definition", name: str = "guest") -> Told:
    return fact(Domain.Defined, host, name=name, definition=definition)


def undefined(host: str = ALPHA) -> Told:
    return fact(Domain.Undefined, host)


def started(
    host: str = ALPHA, hypervisor_id: int = 1, state: DomainState = DomainState.RUNNING, live: str = "live"
) -> Told:
    return fact(Domain.Started, host, name="guest", state=int(state), reason=1, hypervisor_id=hypervisor_id, live=live)


def entered(event: type[Domain.Event], state: DomainState, reason: int = 1, hypervisor_id: int | None = 1) -> Told:
    live = None if hypervisor_id is None else "live"
    return fact(event, state=int(state), reason=reason, hypervisor_id=hypervisor_id, live=live)


def stopped(reason: int = 1) -> Told:
    return entered(Domain.Stopped, DomainState.SHUTOFF, reason, None)


def updated(*, autostart: bool = False, managed_save: bool = False, host: str = ALPHA) -> Told:
    return fact(Domain.Updated, host, autostart=autostart, managed_save=managed_save)


def snapshot(  # noqa: PLR0913  a snapshot has that many sides
    name: str,
    parent: str | None = None,
    *,
    host: str = ALPHA,
    state: str = "shutoff",
    location: str = "internal",
    domain: str | None = "snapshot-domain",
    current: bool = True,
    header: str | None = None,
    event: type[Domain.Event] = Domain.SnapshotCreated,
) -> Told:
    """A snapshot with the id ``id-NAME``, below the one named ``parent``."""
    return fact(
        event,
        host,
        snapshot=f"id-{name}",
        name=name,
        parent=None if parent is None else f"id-{parent}",
        state=state,
        creation_time=1000,
        description=None,
        location=location,
        current=current,
        header=header or f"header-{name}",
        domain=domain,
        inactive_domain=None,
    )


def requested(operation: str, verb: str, host: str = ALPHA, **arguments: Any) -> Told:
    return Domain.OperationRequested, {"operation": operation, "verb": verb, "host": host, "arguments": arguments}


def begun(operation: str, host: str = ALPHA, evidence: dict[str, Any] | None = None, epoch: int = 1) -> Told:
    return Domain.OperationStarted, {
        "operation": operation,
        "host": host,
        "worker": "worker",
        "epoch": epoch,
        "evidence": evidence or {"existed": True},
    }


def succeeded(operation: str, host: str = ALPHA) -> Told:
    return Domain.OperationSucceeded, {"operation": operation, "host": host, "result": {}}


def failed(operation: str, host: str = ALPHA) -> Told:
    return Domain.OperationFailed, {"operation": operation, "host": host, "code": 1, "message": "no", "result": {}}


def unknown(operation: str, host: str = ALPHA) -> Told:
    lost = {"operation": operation, "host": host, "message": "lost", "evidence_lasts": True}
    return Domain.OperationOutcomeUnknown, lost


def cancelled(operation: str, host: str = ALPHA) -> Told:
    return Domain.OperationCancelled, {"operation": operation, "host": host}


def settled(operation: str, host: str = ALPHA) -> Told:
    said = {"operation": operation, "host": host, "outcome": "succeeded", "evidence": "its uptime"}
    return Domain.OperationSettled, said


def verified(domain: Domain, host: str = BETA) -> Domain:
    """The domain after its replica on ``host`` was found to agree with what is recorded by now."""
    event, fields = fact(Domain.ReplicaVerified, host, content=domain.content, identical=0, total=0)
    domain.record(event, AT, **fields)
    domain.collect_events()
    return domain


OFF = Observation(
    name="guest",
    state=DomainState.SHUTOFF,
    reason=0,
    hypervisor_id=None,
    persistent=True,
    autostart=False,
    managed_save=False,
    definition="definition",
    live=None,
    snapshots=frozenset(),
    current=None,
)
"""What is seen of a domain with the history ``defined()``."""

ON = Observation(
    name="guest",
    state=DomainState.RUNNING,
    reason=1,
    hypervisor_id=1,
    persistent=True,
    autostart=False,
    managed_save=False,
    definition="definition",
    live="live",
    snapshots=frozenset(),
    current=None,
)
"""What is seen of a domain with the history ``defined(), started()``."""


def dump(name: str, parent: str | None = None, header: str | None = None) -> SnapshotDump:
    """What is seen of a snapshot that ``snapshot(name, parent)`` recorded."""
    return SnapshotDump(
        name=name,
        parent=parent,
        state="shutoff",
        creation_time=1000,
        description=None,
        location="internal",
        header=header or f"header-{name}",
        domain="snapshot-domain",
        inactive_domain=None,
    )


def dumps(*dumped: SnapshotDump) -> dict[str, SnapshotDump]:
    return {entry.name: entry for entry in dumped}


def operation(verb: str, **arguments: Any) -> Operation:
    return Operation("op", verb, ALPHA, arguments, started=True)


def adopt(domain: Domain, seen: Observation | None, cause: Operation | None = None, host: str = ALPHA) -> list[str]:
    """The topics of what was adopted; adopting the same again must record nothing."""
    Adoption(domain, host, AT, cause).adopt(seen)
    adopted = outcome(domain)
    Adoption(domain, host, AT, cause).adopt(seen)
    assert outcome(domain) == adopted, "adopting the same observation twice recorded something"
    return adopted


def tree(domain: Domain) -> dict[str, str | None]:
    return {record.name: domain.forest.parent_name(record) for record in domain.forest}
