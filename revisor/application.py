"""The application: load, decide, save, and decide again when another writer was first.

Every door and every worker changes the log through here, so what must hold for a change (its context, its documents,
its request id, the names it claims) is done in one place and one transaction.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID, uuid4

from eventsourcing.domain import Aggregate

from domain_model.attempts import Access, Attempt
from domain_model.commands import HostNames, request
from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, OperationFailed, OperationInvalid, Refused
from domain_model.host import Host
from domain_model.names import Name
from domain_model.operations import NAMES_DOMAINS, Command
from projections.loop import CHANNEL
from revisor.store.context import Context
from revisor.store.database import Database, Row
from revisor.store.documents import Documents, Drafts
from revisor.store.errors import RequestRepeated, RestoreUnacknowledged, StreamConflict
from revisor.store.log import EventLog
from revisor.store.mapper import UnknownEvent
from revisor.store.reading import LogReader
from revisor.store.recorder import Fence, Request, Save
from revisor.store.vault import Vault
from revisor.submissions import Submission

_TRIES = 20

AnyAggregate = TypeVar("AnyAggregate", bound=Aggregate)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An operation that was accepted now or, under the same request id, before."""

    operation: UUID
    domain: UUID
    position: int


class Application:
    """Revisor's own: everything that may happen to the log."""

    def __init__(
        self, database: Database, vault: Vault, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.database = database
        self.vault = vault
        self.log = EventLog(database)
        self.reader = LogReader(database)
        self.documents = Documents(database)
        self.now = clock

    def domain(self, domain: UUID) -> Domain:
        """A domain that is known to exist; raises LookupError if its stream is empty."""
        return self._loaded(Domain, domain)

    def submit(self, submission: Submission, hosts: HostNames, context: Context) -> Accepted:
        """Have a command decided; afterwards its operation waits for the agent of its host.

        The same request id with the same command returns the operation it made; with another one it is refused (8).
        Raises Refused with nothing recorded but what ``refused`` records.
        """
        for _ in range(_TRIES):
            repeated = self._repeated(submission, context)
            if repeated is not None:
                return repeated
            self._check_enabled(submission.command)
            domain = self._domain_for(submission)
            request(domain, submission.command, hosts, self.now())
            names = [self._claim(submission, hosts)] if submission.claims_name else []
            try:
                position = self.log.append(
                    domain,
                    *names,
                    save=Save(
                        context,
                        documents=submission.drafts.bodies,
                        request=Request(submission.fingerprint, UUID(submission.command.operation), submission.domain),
                    ),
                )
            except (StreamConflict, RequestRepeated):
                continue
            except RestoreUnacknowledged:
                raise restored() from None
            return Accepted(UUID(submission.command.operation), submission.domain, position)
        raise _always_changing(f"domain '{submission.name}'")

    def change(  # noqa: PLR0913  (all that must hold for a change is done in one place)
        self,
        kind: type[AnyAggregate],
        stream: UUID,
        decide: Callable[[AnyAggregate], None],
        context: Context,
        *,
        fence: Fence | None = None,
        drafts: Drafts | None = None,
        names: Callable[[AnyAggregate], Sequence[Name]] = lambda _: (),
        introduce: Callable[[], AnyAggregate] | None = None,
        loaded: AnyAggregate | None = None,
        request: Request | None = None,
    ) -> int:
        """Record what ``decide`` decides on an aggregate; returns the position, 0 for nothing.

        It is first the one that was ``loaded`` before, if there is one, and a fresh one otherwise. One that is not
        there yet is the one to ``introduce``, and LookupError without.
        Both run again on what is there then when another writer was first. ``names`` gives the names that found or
        lost their bearer by it, for the same transaction. ``request`` remembers what the context's request id is used
        for. Raises Fenced; RequestRepeated; OperationFailed when others are always first; OperationInvalid (55) for a
        request while a restore waits to be acknowledged.
        """
        documents = [] if drafts is None else drafts.bodies
        for _ in range(_TRIES):
            aggregate = self._loaded(kind, stream, introduce) if loaded is None else loaded
            loaded = None
            decide(aggregate)
            if not aggregate.pending_events:
                return 0
            try:
                save = Save(context, documents=documents, request=request, fence=fence)
                return self.log.append(aggregate, *names(aggregate), save=save)
            except StreamConflict:
                continue
            except RestoreUnacknowledged:
                raise restored() from None
        raise _always_changing(f"{kind.__name__.lower()} {stream}")

    def refused(self, refusal: Refused, *, verb: str, target: str, suppressed: int, context: Context) -> None:
        """Record that somebody's request was refused."""
        attempt = Attempt.refused(
            uuid4(),
            verb=verb,
            target=target,
            code=refusal.number,
            message=refusal.message,
            suppressed=suppressed,
            at=self.now(),
        )
        self.log.append(attempt, save=Save(context))

    def granted(self, *, verb: str, target: str, context: Context) -> None:
        """Record that somebody is about to be shown a secret. Raises if it cannot be recorded: then show nothing."""
        self.log.append(Access.granted(uuid4(), verb=verb, target=target, at=self.now()), save=Save(context))

    def nudge(self) -> None:
        """Wake whoever waits for something to be appended, though nothing was."""
        self.database.execute("SELECT pg_notify(%s, '')", CHANNEL)

    def names_on(self, host: str, names: Iterable[str]) -> Callable[[Domain], Sequence[Name]]:
        """For ``change``: bring the bearers of these names on a host in line with where the domain is."""
        wanted = list(names)

        def settle(domain: Domain) -> list[Name]:
            placement = domain.placements.get(host)
            settled = []
            for text in wanted:
                name = self.log.load(Name, Name.id_of(host, text))
                if placement is not None and placement.name == text:
                    if name is None:
                        name = Name.claim_first(host, text, str(domain.id), self.now())
                    name.claim(str(domain.id), self.now())
                elif name is not None and not _asked_for(domain, host, text):
                    name.release(str(domain.id), self.now())
                if name is not None:
                    settled.append(name)
            return settled

        return settle

    def freed(self, scope: str, name: str, bearer: UUID) -> list[Name]:
        """For ``change``: the name of what is no more, free for others; nothing where nobody ever claimed it."""
        claim = self.log.load(Name, Name.id_of(scope, name))
        if claim is None:
            return []
        claim.release(str(bearer), self.now())
        return [claim]

    def _loaded(
        self, kind: type[AnyAggregate], stream: UUID, introduce: Callable[[], AnyAggregate] | None = None
    ) -> AnyAggregate:
        loaded = self.log.load(kind, stream) or (introduce and introduce())
        if loaded is None:
            raise LookupError(f"no events of {kind.__name__.lower()} {stream}")
        return loaded

    def domain_asked(self, request_id: UUID | None) -> UUID | None:
        """The domain of the operation that was asked for under a request id,
        or the stream that another command was about.

        None for an id that was not used.
        """
        row = self.requested(request_id)
        return None if row is None else row["domain"]

    def requested(self, request_id: UUID | None) -> Row | None:
        """What a request id was used for, if it was: the command's fingerprint, its operation and domain.

        What stands there of a command that is no operation, ``Request`` says.
        """
        if request_id is None:
            return None
        return self.database.fetch_one(
            "SELECT fingerprint, operation, domain FROM log.requests WHERE request_id = %s", request_id
        )

    def _repeated(self, submission: Submission, context: Context) -> Accepted | None:
        row = self.requested(context.request_id)
        if row is None:
            return None
        if bytes(row["fingerprint"]) != submission.fingerprint:
            raise another_command(context.request_id)
        return Accepted(row["operation"], row["domain"], self.reader.head())

    def name_of(self, domain: UUID) -> str | None:
        """A domain's name by the log; None for one that is not there, or of which a newer release wrote."""
        try:
            known = self.log.load(Domain, domain)
        except UnknownEvent:
            return None
        return None if known is None else known.name

    def _check_enabled(self, command: Command) -> None:
        """Raises OperationInvalid (55) for a disabled host. Its agent asks again before it begins anything."""
        for id in command.hosts:
            host = self.log.load(Host, UUID(id))
            if host is not None:
                host.check_enabled()

    def _domain_for(self, submission: Submission) -> Domain:
        if submission.uuid is None:
            return self.domain(submission.domain)
        known = self.log.load(Domain, submission.domain)
        return known or Domain.introduce(
            submission.domain, uuid=submission.uuid, name=submission.name, host=submission.command.host, at=self.now()
        )

    def _claim(self, submission: Submission, hosts: HostNames) -> Name:
        """Claim the domain's name on the host; refused while another domain bears it:
        9, or 55 when it is to be renamed.
        """
        host, bearer = submission.command.host, str(submission.domain)
        name = self.log.load(Name, Name.id_of(host, submission.name))
        if name is None:
            return Name.claim_first(host, submission.name, bearer, self.now())
        if name.bearer not in (None, bearer):
            if submission.command.verb == "domrename":
                raise OperationInvalid(
                    f"domain with name '{submission.name}' already exists", field="name", value=submission.name
                )
            other = self.domain(UUID(name.bearer))
            raise OperationFailed(
                f"domain '{submission.name}' already exists with uuid {other.uuid} on host '{hosts[host]}'",
                field="name",
                value=submission.name,
                accepted="a name that is free on that host, or the same uuid",
            )
        name.claim(bearer, self.now())
        return name


def _asked_for(domain: Domain, host: str, name: str) -> bool:
    """Whether an operation under way is about to give the domain this name there."""
    return any(
        operation.host == host and operation.arguments.get("name") == name and operation.verb in NAMES_DOMAINS
        for operation in domain.operations.values()
    )


def another_command(request_id: UUID | None) -> InvalidArgument:
    """What somebody is told who uses a request id again for something else."""
    return InvalidArgument(
        f"request id {request_id} was used for another command",
        field="request_id",
        value=str(request_id),
        accepted="the same command, or another request id",
    )


def restored() -> OperationInvalid:
    """The refusal of whatever is begun before a restore was acknowledged."""
    return OperationInvalid(
        "the log was restored and may be older than the hosts: nothing new is begun until somebody has"
        " run 'revisor acknowledge-restore'"
    )


def _always_changing(what: str) -> OperationFailed:
    return OperationFailed(f"{what} is changed by others all the time: try again later")
