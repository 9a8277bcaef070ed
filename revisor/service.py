"""What every door calls: one method a thing people ask for, with the same context from each of them.

Requests become operations (or refusals, which are recorded); questions are answered from the read models. Answers are
plain values with the keys of the command line's contract.
"""

from typing import Any
from uuid import UUID

from domain_model.errors import (
    InvalidArgument,
    NoDomain,
    NoSnapshot,
    Refused,
)
from domain_model.flags import Define, Start
from domain_model.secrets import mask
from domain_model.verbs import chosen
from revisor import presentation as present
from revisor.adopting import Adopting
from revisor.application import Accepted, Application
from revisor.attempts import Attempts
from revisor.checkpoint_answers import CheckpointAnswers
from revisor.drift import Drifts, Verbs
from revisor.ends import Ends
from revisor.fresh_looks import READ_MODELS_S, FreshLooks
from revisor.histories import Histories
from revisor.holds import Holds
from revisor.host_registry import HostRegistry
from revisor.outcomes import Outcomes
from revisor.plans import VERBS as PLANNED
from revisor.plans import Plans
from revisor.queries import Queries
from revisor.read_models import ReadModels
from revisor.references import References
from revisor.requests import Requests
from revisor.restores import Restores
from revisor.rows import ALL_OPERATIONS, OperationFilter, OperationRow, Page, PlacementRow
from revisor.schedules import Schedules
from revisor.settlements import Settlements
from revisor.sightings import Known, LastLook, Sightings
from revisor.store.context import Context
from revisor.submissions import Target
from revisor.uris import unique_uuids
from revisor.wakeup import Wakeup


class Service:
    """Revisor, as a door sees it."""

    def __init__(
        self,
        application: Application,
        queries: Queries,
        wakeup: Wakeup,
    ) -> None:
        self._application = application
        self._queries = queries
        self._sightings = Sightings(application.database)
        self._outcomes = Outcomes(queries, application.reader, application.name_of)
        self._ends = Ends(application.database, wakeup)
        self._refer = References(application, queries)
        self._requests = Requests(application, lambda name: UUID(self._refer.host(name, field="to").id))
        self.checkpoints = CheckpointAnswers(application, queries, self._refer, self._shown)
        self._plans = Plans(application, queries, self._requests)
        self._attempts = Attempts(application)
        self._looks = FreshLooks(application, queries, wakeup)
        self.restores = Restores(application, queries, self._looks)
        self.read_models = ReadModels(application, queries)
        self.settlements = Settlements(application, self._attempts, self._operation_row, self.operation)
        self.drifts = Drifts(application, queries, self._refer, self._attempts, Verbs(self.act, self.define))
        self.adopting = Adopting(application, queries, self._refer, self._attempts, self._looks)
        self.registry = HostRegistry(application, queries, self._refer, self._attempts, self.host)
        self.histories = Histories(application, queries)
        self.holds = Holds(application, queries, self._refer, self._attempts)
        self.schedules = Schedules(application, queries, self._refer, self._attempts)

    # Hosts.

    def hosts(self) -> list[dict[str, Any]]:
        looks = self._sightings.last_looks()
        return [present.host(row, looks.get(row.id, LastLook())) for row in self._queries.hosts()]

    def host(self, name: str) -> dict[str, Any]:
        row = self._refer.host(name)
        return present.host(row, self._sightings.last_looks().get(row.id, LastLook()))

    # Requests that become operations.

    def define(self, xml: str, host: str, context: Context, flags: Define = Define.NONE) -> Accepted:
        """Define a domain. Raises Refused."""
        return self._made(xml, host, flags, context)

    def create(self, xml: str, host: str, flags: Start, context: Context) -> Accepted:
        """Create a domain: it runs, without a definition if it had none. Raises Refused."""
        return self._made(xml, host, flags, context)

    def _made(self, xml: str, host: str, flags: Start | Define, context: Context) -> Accepted:
        with self._attempts.recorded("create" if isinstance(flags, Start) else "define", host, context):
            row = self._refer.host(host)
            submission = self._requests.definition(
                xml,
                UUID(row.id),
                flags,
                existing=lambda uuid: self._domain_on(uuid, row.id),
                unique_uuids=unique_uuids(row.uri),
            )
            return self._application.submit(submission, self._queries.host_names(), context)

    def restore(self, host: str, arguments: dict[str, Any], context: Context) -> Accepted:
        """Let the domain go on that was saved into a file on a host. Raises Refused, 42 if none of ours was."""
        with self._attempts.recorded("restore", host, context):
            row = self._refer.host(host)
            path = chosen("restore", arguments)["file"]
            saved = self._queries.saved_in(path, row.id)
            if saved is None:
                raise NoDomain(f"no domain was saved in '{path}' on host '{host}'", field="file", value=path)
            domain = self._application.domain(saved[0])
            target = Target(saved[0], domain.uuid, saved[1] or domain.name, UUID(row.id), host_named=True)
            submission = self._requests.restore(target, arguments)
            return self._application.submit(submission, self._queries.host_names(), context)

    def act(
        self, domain_ref: str, host: str | None, verb: str, arguments: dict[str, Any], context: Context
    ) -> Accepted:
        """Ask for a verb on a domain. Raises Refused."""
        with self._attempts.recorded(verb, present.reference(domain_ref, host), context):
            target = self._refer.target(domain_ref, host, context, replica=verb == "undefine" or host is not None)
            if verb in PLANNED and self._application.domain_asked(context.request_id) is None:
                self._plans.check(target, verb, arguments)
            submission = self._requests.of_domain(target, verb, arguments)
            return self._application.submit(submission, self._queries.host_names(), context)

    def plan(
        self, domain_ref: str, host: str | None, verb: str, arguments: dict[str, Any], context: Context
    ) -> dict[str, Any]:
        """What a verb would touch, and whether it could be undone. Nothing is done. Raises Refused as ``act`` would."""
        with self._attempts.recorded(f"{verb} --plan", present.reference(domain_ref, host), context):
            target = self._refer.target(domain_ref, host, context, replica=verb == "undefine" or host is not None)
            return self._plans.plan(target, verb, arguments)

    def wait(self, operation: UUID, timeout_s: float, accepted_at: int = 0) -> dict[str, Any]:
        """The operation, once it has ended and can be read everywhere, or as it is when the time is over.

        With the position at which it was accepted, also what has not ended can be read when the caller hears of it.
        """
        if timeout_s > 0:
            self._ends.wait(operation, timeout_s)
        return self.operation(operation, accepted_at)

    # Questions.

    def domains(
        self,
        *,
        all_domains: bool,
        host: str | None,
        titles: bool = False,
        as_of: int | None = None,
        page: Page | None = None,
    ) -> list[dict[str, Any]]:
        """The domains there are, or were at a position that ``read_models.position_of`` gave; or a page of them."""
        here = None if host is None else self._refer.host(host, as_of=as_of).id
        rows = self._queries.domains(all=all_domains, host=here, as_of=as_of, page=page)
        if not titles:
            return [present.domain(row) for row in rows]
        texts = self._application.documents.get_many(digest for row in rows if (digest := row.shown()) is not None)
        return [present.domain_with_title(row, texts.get(row.shown() or "")) for row in rows]

    def domain(self, ref: str, host: str | None) -> dict[str, Any]:
        row = self._refer.placement(ref, host)
        return present.domain_in_detail(row, self._definition_text(row, inactive=False))

    def domain_xml(self, ref: str, host: str | None, context: Context, *, inactive: bool, security_info: bool) -> str:
        """The definition as last observed; with its secrets only after the access is on record."""
        row = self._refer.placement(ref, host)
        text = self._definition_text(row, inactive=inactive)
        return self._shown(text, row.domain, "dumpxml", row.name, context, security_info=security_info)

    def snapshots(self, ref: str, host: str | None, as_of: int | None = None) -> list[dict[str, Any]]:
        """A domain's own tree, as on its owner, or what it was at a position that ``read_models.position_of`` gave."""
        row = self._refer.owner(ref, host, as_of)
        return present.snapshots(self._queries.snapshots(row.domain, as_of), row.host_name, self._application.now())

    def deleted_snapshots(self, ref: str, host: str | None) -> list[dict[str, Any]]:
        """What ``snapshot-undelete`` can bring back, the last deleted last."""
        row = self._refer.placement(ref, host)
        return present.deleted_snapshots(self._application.domain(row.domain).forest)

    def snapshot(self, ref: str, host: str | None, name: str) -> dict[str, Any]:
        """One of ``snapshots``, with the domain's name. Raises NoSnapshot (72)."""
        row = self._refer.placement(ref, host)
        for item in self.snapshots(ref, host):
            if item["name"] == name:
                return {**item, "domain": row.name}
        raise NoSnapshot(f"no domain snapshot with matching name '{name}'", field="snapshot", value=name)

    def current_snapshot(self, ref: str, host: str | None) -> dict[str, Any]:
        for item in self.snapshots(ref, host):
            if item["current"]:
                return item
        raise NoSnapshot("the domain does not have a current snapshot", field="snapshot")

    def snapshot_xml(self, ref: str, host: str | None, name: str, context: Context, *, security_info: bool) -> str:
        row = self._refer.placement(ref, host)
        record = self._application.domain(row.domain).forest.named(name)
        text = self._requests.dump(record)
        target = f"{row.name}/{name}"
        return self._shown(text, row.domain, "snapshot-dumpxml", target, context, security_info=security_info)

    def log(self, ref: str, host: str | None, limit: int) -> list[dict[str, Any]]:
        """The newest events of a domain, oldest first; also of one that is no more, by its last name."""
        events = self._application.reader.stream(self._refer.last_bearer(ref, host))
        return present.log(events, self._queries.host_names())[-limit:]

    def refused(self, refusal: Refused, *, verb: str, target: str, context: Context) -> None:
        """Record what a door itself had to refuse, such as a request that makes no sense."""
        self._attempts.note(refusal, verb, target, context)

    def attempts(self, limit: int) -> list[dict[str, Any]]:
        return [present.attempt(event) for event in self._application.reader.about_people("attempt.refused", limit)]

    def operations(
        self, ref: str | None, host: str | None, limit: int, those: OperationFilter = ALL_OPERATIONS
    ) -> list[dict[str, Any]]:
        """The newest operations, of one domain or of all, oldest first."""
        domain = None if ref is None else self._refer.last_bearer(ref, host)
        hosts, found = self._queries.host_names(), self._queries.operations(domain, those=those, limit=limit)
        return [present.operation(row, hosts) for row in found]

    def operation(self, operation: UUID, accepted_at: int = 0) -> dict[str, Any]:
        """An operation. What an ended one did can be read everywhere by then, unless the read models stand still."""
        row = self._operation_row(operation)
        to_be_seen = row.ended_position or accepted_at
        if self._queries.position() < to_be_seen:
            self._queries.wait_for(to_be_seen, READ_MODELS_S)
            row = self._operation_row(operation)
        return present.operation(row, self._queries.host_names())

    def position(self) -> int:
        """How far the log is known here: everything up to it can be read."""
        return self._queries.position()

    def known(self, host: str | None = None) -> Known:
        """How far what can be read of a host goes; without one of all, by the host whose last look is longest ago."""
        return self._sightings.known(None if host is None else UUID(self._refer.host(host).id))

    def observe(self, host: str | None, timeout_s: float = 10.0) -> None:
        """Have hosts looked at afresh; returns when they were.

        Raises HypervisorUnreachable (38) naming a host that could not be looked at, or not in time.
        """
        self._looks.take(self._queries.hosts() if host is None else [self._refer.host(host)], timeout_s)

    def observe_closely(self, ref: str, host: str | None, timeout_s: float = 10.0) -> None:
        """As ``observe``, of the host where a domain is;
        and of it also what the host's list of domains does not show.
        """
        try:
            row = self._refer.placement(ref, host)
        except NoDomain:
            # Perhaps it was given this name behind our back.
            self.observe(host, timeout_s)
            row = self._refer.placement(ref, host)
        self._looks.take([self._refer.host(row.host_name)], timeout_s, closely=[row.domain])

    def observe_all_closely(self, host: str | None, timeout_s: float = 30.0) -> None:
        """As ``observe_closely``, of every domain there."""
        hosts = self._queries.hosts() if host is None else [self._refer.host(host)]
        there = self._queries.domains(host=None if host is None else hosts[0].id)
        self._looks.take(hosts, timeout_s, closely=[row.domain for row in there])

    # How.

    def _domain_on(self, uuid: str, host: str) -> UUID | None:
        found = self._queries.find_placements(uuid, host, living=False)
        return found[0].domain if found else None

    def _definition_text(self, row: PlacementRow, *, inactive: bool) -> str:
        digest = row.shown(inactive=inactive)
        if digest is None:
            raise NoDomain(f"domain '{row.name}' is not defined yet", field="domain", value=row.name)
        return self._application.documents.get(digest)

    def _shown(self, text: str, domain: UUID, verb: str, target: str, context: Context, *, security_info: bool) -> str:
        if not security_info:
            return mask(text)
        self._application.granted(verb=verb, target=target, context=context)
        return self._application.vault.restore(domain, text)

    def _operation_row(self, operation: UUID) -> OperationRow:
        row = self._outcomes.latest(operation)
        if row is None:
            raise InvalidArgument(f"no operation {operation}", field="operation", value=str(operation))
        return row
