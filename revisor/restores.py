"""After the log was restored: comparing it with the world, taking in what is found, and saying so for the record.

Until that is done nothing new is begun (``log.append`` refuses it), because the log may not know of what runs.
"""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, OperationInvalid
from domain_model.facts import Fact
from domain_model.restores import Restore
from projections.ports import RecordedEvent
from revisor import presentation as present
from revisor.application import Application
from revisor.fresh_looks import FreshLooks
from revisor.queries import Queries
from revisor.rows import HostRow
from revisor.sightings import Sightings
from revisor.store.context import Context
from revisor.store.database import Row
from revisor.store.recorder import Save

_LOOK_S = 60.0
_NEEDED = ("hosts", "domains")
_LOST = "the log was restored before its end was known"

_PENDING = "SELECT * FROM work.restores WHERE acknowledged_at IS NULL ORDER BY found_at"


class Restores:
    """The restore that waits to be acknowledged, if one does."""

    def __init__(self, application: Application, queries: Queries, looks: FreshLooks) -> None:
        self._application = application
        self._database = application.database
        self._queries = queries
        self._looks = looks
        self._sightings = Sightings(application.database)

    def acknowledge(self, context: Context, *, without: Sequence[str] = ()) -> dict[str, Any]:
        """Compare all hosts but those ``without`` with the log, and let new things be begun again.

        Afterwards the outcome of every operation that had not ended is recorded as unknown, what is on the hosts is
        recorded as it is, domains nobody recorded are taken in, and ``restore.acknowledged`` says all of it. Domains
        the log has on another host are told of and left. After a failure the restore still waits, and trying again goes
        on from there. Raises OperationInvalid (55) when no restore waits, or the read models are not up to the log;
        InvalidArgument (8) for an unknown host; HypervisorUnreachable (38) for one that cannot be looked at.
        """
        pending = self._database.fetch(_PENDING)
        if not pending:
            raise OperationInvalid("no restore of the log waits to be acknowledged")
        self._have_read_models()
        compared = self._all_but(without)
        for row in self._database.fetch("SELECT operation, domain, host FROM work.operation_queue"):
            self._lose(row, context)
        try:
            self._looks.take(compared, _LOOK_S)
            self._have_read_models()
            self._looks.take(compared, _LOOK_S, adopting=True)
        finally:
            self._sightings.adopt_no_more()
        found = self._found(pending, compared, without)
        restore = Restore.acknowledged(uuid4(), at=self._application.now(), **found)
        self._application.log.append(restore, save=Save(context))
        self._database.execute(
            "UPDATE work.restores SET acknowledged_at = clock_timestamp() WHERE id = ANY(%s)",
            [row["id"] for row in pending],
        )
        self._application.nudge()
        return found

    def acknowledged(self) -> list[dict[str, Any]]:
        """Those that were acknowledged, oldest first, and what was found."""
        return [present.restore(event) for event in self._application.reader.restores()]

    def _have_read_models(self) -> None:
        """They say which hosts and domains there are: after an import they are made from nothing."""
        head = self._application.reader.head()
        self._queries.wait_for(head, _LOOK_S)
        for state in self._queries.without(head):
            if state.name not in _NEEDED:
                continue
            raise OperationInvalid(
                f"projection '{state.name}' is at position {state.position} of {head}: try again when it is there"
            )

    def _found(self, pending: Sequence[Row], compared: Sequence[HostRow], without: Sequence[str]) -> dict[str, Any]:
        """What there is to say of it, also of what an earlier try did and what agents saw meanwhile."""
        position = min(row["position"] for row in pending)
        left, events = self._sightings.left_alone(), self._since(position)
        lost = [e.event for e in events if isinstance(e.event, Domain.OperationOutcomeUnknown)]
        return {
            "why": "; ".join(row["why"] for row in pending),
            "witnessed_position": max((row["witnessed_position"] or 0 for row in pending), default=0) or None,
            "position": position,
            "compared": sorted(row.name for row in compared),
            "left_out": sorted(without),
            **self._seen(events),
            "left": [
                {"host": row.name, "name": name, "why": why}
                for row in compared
                for name, why in sorted(left.get(row.id, {}).items())
            ],
            "unsettled": sorted(said.operation for said in lost if said.message == _LOST),
        }

    def _seen(self, events: Sequence[RecordedEvent]) -> dict[str, list[dict[str, str]]]:
        """The domains that were taken in, those that were seen to be otherwise than recorded, and those that are gone."""
        names = self._queries.host_names()
        new = {event.stream for event in events if isinstance(event.event, Domain.Created)}
        seen: dict[str, list[dict[str, str]]] = {"adopted": [], "changed": [], "gone": []}
        facts = {(e.stream, e.event.host) for e in events if isinstance(e.event, Fact) and e.event.origin == "observed"}
        for stream, host in sorted(facts, key=str):
            domain = self._application.domain(stream)
            there = domain.placements.get(host)
            kind = "gone" if there is None else "adopted" if stream in new else "changed"
            name = domain.name if there is None else there.name
            seen[kind].append({"domain": str(stream), "host": names[host], "name": name})
        return seen

    def _since(self, position: int) -> Sequence[RecordedEvent]:
        return self._application.reader.read(position, self._application.reader.head() - position)

    def _all_but(self, without: Sequence[str]) -> list[HostRow]:
        hosts = {row.name: row for row in self._queries.hosts()}
        for name in without:
            if name not in hosts:
                raise InvalidArgument(
                    f"no host with name '{name}'", field="without", value=name, accepted=", ".join(sorted(hosts))
                )
        return [row for name, row in hosts.items() if name not in without]

    def _lose(self, queued: Row, context: Context) -> None:
        """Record that nobody knows what became of an operation; it may have ended in what the log lost."""
        operation = str(queued["operation"])

        def give_up(domain: Domain) -> None:
            if operation in domain.operations:
                domain.record(
                    Domain.OperationOutcomeUnknown,
                    self._application.now(),
                    operation=operation,
                    host=str(queued["host"]),
                    message=_LOST,
                )

        self._application.change(Domain, queued["domain"], give_up, context)
