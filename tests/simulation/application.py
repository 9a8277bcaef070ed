"""The application on the store in memory: the real load, decide, save and retry;
only SQL is replaced by its meaning.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from eventsourcing.application import Application as LibraryApplication
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import ApplicationRecorder, InfrastructureFactory
from eventsourcing.popo import POPOFactory
from eventsourcing.utils import Environment

from domain_model.domain import Domain
from domain_model.host import Host
from domain_model.names import domain_id
from revisor.application import Application
from revisor.records import AgentRecords
from revisor.store.database import Database, Row
from revisor.store.documents import Documents
from revisor.store.log import EventLog
from revisor.store.reading import LogReader
from revisor.store.recorder import Save
from revisor.store.repository import NEWEST
from revisor.store.vault import Vault
from tests.simulation.store import MemoryRecorder
from workers.ports import Asker, Lead, PlacedDomain, QueuedOperation

AnyAggregate = TypeVar("AnyAggregate", bound=Aggregate)
_NO_DATABASE = cast("Database", None)


def folded(events: Iterable[Any]) -> Any:
    """The aggregate that these events of one stream add up to."""
    aggregate = None
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate


class _Factory(POPOFactory):
    def __init__(self, env: Environment, recorder: MemoryRecorder) -> None:
        super().__init__(env)
        self._recorder = recorder

    def application_recorder(self) -> ApplicationRecorder:
        return self._recorder


class MemoryLog(EventLog):
    """Saves as the library does, through the recorder in memory."""

    def __init__(self, recorder: MemoryRecorder) -> None:
        self._memory = recorder
        self.saved: dict[UUID, Aggregate] = {}
        """The aggregates as those who saved them last had them."""
        LibraryApplication.__init__(self)

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        return cast("InfrastructureFactory[Any]", _Factory(env, self._memory))

    def load(self, cls: type[AnyAggregate], stream: UUID, version: int = NEWEST) -> AnyAggregate | None:
        loaded = folded(self._memory.streams.get(stream, ())[:version])
        assert loaded is None or isinstance(loaded, cls)
        return loaded

    def append(self, *aggregates: Aggregate, save: Save) -> int:
        for aggregate in aggregates:
            self.saved.pop(aggregate.id, None)  # Nobody knows what was stored until there is an answer.
        position = super().append(*aggregates, save=save)
        self.saved.update({aggregate.id: aggregate for aggregate in aggregates})
        return position


class _Documents:
    def __init__(self, recorder: MemoryRecorder) -> None:
        self._recorder = recorder

    def get_many(self, digests: Iterable[str]) -> dict[str, str]:
        return {digest: self._recorder.documents[digest] for digest in digests}


class _Reader:
    def __init__(self, recorder: MemoryRecorder) -> None:
        self._recorder = recorder

    def head(self) -> int:
        return len(self._recorder.events)


class _NothingSecret(Vault):
    """No definition of the simulation has a secret."""

    def redact(self, domain: UUID, xml: str) -> str:
        del domain
        return xml

    def restore(self, domain: UUID, xml: str) -> str:
        del domain
        return xml

    def check(self, domain: UUID) -> None:
        """There is nothing to open."""


class MemoryApplication(Application):
    """Decides and retries as the real one."""

    def __init__(self, recorder: MemoryRecorder, clock: Callable[[], datetime]) -> None:
        self.database = _NO_DATABASE
        self.vault = _NothingSecret(_NO_DATABASE, b"k" * 32)
        self.recorder = recorder
        self.log: MemoryLog = MemoryLog(recorder)
        self.reader = cast("LogReader", _Reader(recorder))
        self.documents = cast("Documents", _Documents(recorder))
        self.now = clock
        self._present: dict[UUID, tuple[int, Any]] = {}

    def present(self) -> list[Domain]:
        """All domains as they are, to be read only."""
        for stream, events in list(self.recorder.streams.items()):
            if self._present.get(stream, (0, None))[0] != len(events):
                self._present[stream] = len(events), folded(events)
        return [known for _, known in self._present.values() if isinstance(known, Domain)]

    def requested(self, request_id: UUID | None) -> Row | None:
        request = None if request_id is None else self.recorder.requests.get(request_id)
        if request is None:
            return None
        return {"fingerprint": request.fingerprint, "operation": request.operation, "domain": request.domain}


class MemoryRecords(AgentRecords):
    """What an agent sees of the application. Read models are as new as the log."""

    def __init__(self, application: MemoryApplication, hosts: Mapping[str, str]) -> None:
        self._application: MemoryApplication = application
        self._hosts = dict(hosts)

    def host_names(self) -> dict[str, str]:
        return self._hosts

    def queued(self, host: UUID) -> Sequence[QueuedOperation]:
        found, first = [], set[str]()
        for row in sorted(self._application.recorder.queue.values(), key=lambda row: int(row["position"])):
            waits = row["exclusive"] and row["domain"] in first
            if row["exclusive"]:
                first.add(row["domain"])
            if row["host"] == str(host) and not waits:
                found.append(_queued(row))
        return found

    def unknown(self, host: UUID) -> Sequence[QueuedOperation]:
        """See ``workers.ports.Records``."""
        return [
            QueuedOperation(UUID(lost.id), domain.id, host, lost.verb, True, None, "alice", UUID(lost.id))  # noqa: FBT003
            for domain in self._application.present()
            for lost in domain.unknown.values()
            if lost.host == str(host)
        ]

    def host(self, host: UUID) -> Host:
        """See ``workers.ports.Records``."""
        return Host.add(host, name=self._hosts[str(host)], uri="simulator:///host", at=self.now())

    def placed(self, host: UUID) -> Sequence[PlacedDomain]:
        return [
            PlacedDomain(domain.id, domain.uuid, domain.placements[str(host)].role)
            for domain in self._application.present()
            if str(host) in domain.placements
        ]

    def known(self, host: UUID, uuid: str, name: str, *, unique_uuids: bool) -> Domain:
        """See ``workers.ports.Records``."""
        stream = domain_id(host, uuid, unique_uuids=unique_uuids)
        known = self._application.log.load(Domain, stream)
        return known or Domain.introduce(stream, uuid=uuid, name=name, host=str(host), at=self.now())

    def progress(self, operation: UUID, done: int, total: int) -> None:
        """Nobody waits at a door."""


def _queued(row: Mapping[str, Any]) -> QueuedOperation:
    return QueuedOperation(
        id=UUID(row["operation"]),
        domain=UUID(row["domain"]),
        host=UUID(row["host"]),
        verb=row["verb"],
        started=row["started"],
        epoch=row["epoch"],
        actor="alice",
        correlation=row["correlation"],
    )


class QuietSightings:
    """Nobody waits for a look."""

    def wanted(self, host: UUID) -> bool:
        del host
        return False

    def begin(self, host: UUID) -> int:
        del host
        return 0

    def closely(self, host: UUID) -> frozenset[UUID]:
        del host
        return frozenset()

    def unrecorded(self, host: UUID, seen: Mapping[str, str]) -> None:
        del host, seen

    def adopting(self, host: UUID) -> Mapping[str, Asker]:
        del host
        return {}

    def adopted(self, host: UUID, wanted: Iterable[str] | None, left: Mapping[str, str]) -> None:
        del host, wanted, left

    def done(self, host: UUID, begun: int) -> None:
        del host, begun

    def unreachable(self, host: UUID, why: str) -> None:
        del host, why


class QuietIdentities:
    """The host's own stream is not what is looked at here."""

    def led(self, lead: Lead) -> None:
        del lead

    def identified(
        self, lead: Lead, *, driver: str, host_uuid: str, hostname: str, capabilities: dict[str, Any]
    ) -> None:
        del lead, driver, host_uuid, hostname, capabilities
