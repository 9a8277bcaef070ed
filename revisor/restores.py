"""After the log was restored: comparing it with the world, taking in what is found, and saying so for the record.

Until that is done nothing new is begun (``log.append`` refuses it), because the log may not know of what runs.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection
from psycopg.errors import LockNotAvailable

from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, OperationInvalid
from domain_model.facts import Fact
from domain_model.restores import Restore
from projections.ports import RecordedEvent, UnreadableEvent
from revisor import presentation as present
from revisor.application import Application
from revisor.fresh_looks import FreshLooks
from revisor.queries import Queries
from revisor.rows import HostRow
from revisor.sightings import Sightings
from revisor.store.context import Context
from revisor.store.database import Row, transaction
from revisor.store.recorder import Save

_LOOK_S = 60.0
_NEEDED = ("hosts", "domains")
_PAGE = 1_000
_LOST = "the log was restored before its end was known"

_PENDING = "SELECT * FROM work.restores WHERE acknowledged_at IS NULL ORDER BY found_at FOR UPDATE NOWAIT"
_ACKNOWLEDGED = "UPDATE work.restores SET acknowledged_at = clock_timestamp() WHERE id = ANY(%s)"

_log = logging.getLogger(__name__)


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
        on from there. Raises OperationInvalid (55) when no restore waits, somebody else acknowledges it just now, or
        the read models are not up to the log; InvalidArgument (8) for an unknown host; HypervisorUnreachable (38) for
        one that cannot be looked at; UnknownEvent when a newer release wrote a domain whose operation has not ended;
        OperationalError when the database went meanwhile. If that was at the very end, the restore may be on record as
        acknowledged and still wait: acknowledging it again records it once more.
        """
        with self._database.connection() as connection, transaction(connection):
            pending = _claim(connection)
            compared = self._compare(connection, context, without)
            found = self._found(pending, compared, without)
            # Before it goes on record: a claim that was lost meanwhile fails here, and the restore waits as before.
            connection.execute(_ACKNOWLEDGED, ([row["id"] for row in pending],))
            restore = Restore.acknowledged(uuid4(), at=self._application.now(), **found)
            self._application.log.append(restore, save=Save(context))
        self._application.nudge()
        return found

    def acknowledged(self) -> list[dict[str, Any]]:
        """Those that were acknowledged, oldest first, and what was found."""
        return [present.restore(event) for event in self._application.reader.restores()]

    def _compare(self, claim: Connection[Row], context: Context, without: Sequence[str]) -> list[HostRow]:
        """Have all hosts but some looked at, and what is there recorded; returns them."""
        self._have_read_models()
        compared = self._all_but(without)
        for row in self._database.fetch("SELECT operation, domain, host FROM work.operation_queue"):
            self._lose(row, context)
        try:
            self._looks.take(compared, _LOOK_S, closely=[row.domain for row in self._queries.domains()])
            self._have_read_models()
            self._looks.take(compared, _LOOK_S, adopting=True)
        finally:
            # Without the claim, somebody else may be at it by now and have hosts adopt for him.
            with suppress(psycopg.Error):
                claim.execute("SELECT")
                self._sightings.adopt_no_more()
        self._have_read_models()
        return compared

    def _have_read_models(self) -> None:
        """They say which hosts and domains there are: after an import they are made from nothing."""
        head = self._application.reader.head()
        self._queries.wait_for(head, _LOOK_S)
        for state in self._queries.without(head):
            if state.name not in _NEEDED:
                continue
            how = "is parked" if state.parked_at else "is"
            where = f"projection '{state.name}' {how} at position {state.position} of {head}"
            then = "see 'revisor projections list' and resume it, then" if state.parked_at else "when it is there,"
            raise OperationInvalid(f"{where}: {then} try again")

    def _found(self, pending: Sequence[Row], compared: Sequence[HostRow], without: Sequence[str]) -> dict[str, Any]:
        """What there is to say of it, also of what an earlier try did and what agents saw meanwhile."""
        position = min(row["position"] for row in pending)
        left, learned = self._sightings.left_alone(), _Learned.of(self._since(position))
        return {
            "why": "; ".join(row["why"] for row in pending),
            "witnessed_position": max((row["witnessed_position"] or 0 for row in pending), default=0) or None,
            "position": position,
            "compared": sorted(row.name for row in compared),
            "left_out": sorted(without),
            **self._seen(learned),
            "left": [
                {"host": row.name, "name": name, "why": why}
                for row in compared
                for name, why in sorted(left.get(row.id, {}).items())
            ],
            "unsettled": sorted(learned.lost),
        }

    def _seen(self, learned: "_Learned") -> dict[str, list[dict[str, Any]]]:
        """The domains that were taken in, those that were seen to be otherwise than recorded, and those that are gone.

        Of those that are otherwise it says in ``what``: the topics of what was observed.
        """
        names = self._queries.host_names()
        seen: dict[str, list[dict[str, Any]]] = {"adopted": [], "changed": [], "gone": []}
        for domain, host in sorted(learned.observed, key=str):
            placements = self._queries.placements(domain, living=False)
            there = next((row for row in placements if row.host == host), None)
            kind = "gone" if there is None or not there.present else "adopted" if domain in learned.new else "changed"
            what = {"what": sorted(learned.observed[domain, host])} if kind == "changed" else {}
            name = (there or placements[0]).name
            seen[kind].append({"domain": str(domain), "host": names[host], "name": name, **what})
        return seen

    def _since(self, position: int) -> Iterator[RecordedEvent]:
        """What was recorded behind a position. What cannot be read is passed over: somebody must be able to go on."""
        head = self._application.reader.head()
        while position < head:
            try:
                page = self._application.reader.read(position, min(_PAGE, head - position))
            except UnreadableEvent as error:
                _log.warning("not told of when the restore is acknowledged: %s", error)
                position = error.position
            else:
                yield from page
                position = page[-1].position

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


@dataclass(frozen=True, slots=True)
class _Learned:
    """What the log learned since it was restored:
    domains nobody had recorded, what was observed where, lost operations.
    """

    new: set[UUID]
    observed: dict[tuple[UUID, str], set[str]]
    lost: set[str]

    @classmethod
    def of(cls, events: Iterable[RecordedEvent]) -> Self:
        learned = cls(set(), {}, set())
        for recorded in events:
            match recorded.event:
                case Domain.Created():
                    learned.new.add(recorded.stream)
                case Domain.OperationOutcomeUnknown(operation=operation, message=message) if message == _LOST:
                    learned.lost.add(operation)
                case Fact(host=host, origin="observed"):
                    learned.observed.setdefault((recorded.stream, host), set()).add(recorded.topic)
        return learned


def _claim(connection: Connection[Row]) -> list[Row]:
    """The restores that wait. Until the transaction ends nobody else can have them."""
    # Comparing takes longer than servers may let others idle; who is cut off from one may not keep it for ever.
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = '15min'")
    try:
        pending = connection.execute(_PENDING).fetchall()
    except LockNotAvailable as error:
        raise OperationInvalid("somebody else acknowledges the restore of the log just now") from error
    if not pending:
        raise OperationInvalid("no restore of the log waits to be acknowledged")
    return pending
