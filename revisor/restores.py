"""After the log was restored: comparing it with the world, taking in what is found, and saying so for the record.

Until that is done nothing new is begun (``log.append`` refuses it), because the log may not know of what runs.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, OperationInvalid
from domain_model.restores import Restore
from revisor.application import Application
from revisor.fresh_looks import FreshLooks
from revisor.queries import Queries
from revisor.rows import HostRow
from revisor.sightings import Sightings
from revisor.store.context import Context
from revisor.store.database import Row
from revisor.store.recorder import Save

_LOOK_S = 60.0
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
        the log has on another host are told of and left. Repeated after a failure it goes on from there. Raises
        OperationInvalid (55) when no restore waits, InvalidArgument (8) for an unknown host, and HypervisorUnreachable
        (38) for one that cannot be looked at: then the restore still waits.
        """
        pending = self._database.fetch(_PENDING)
        if not pending:
            raise OperationInvalid("no restore of the log waits to be acknowledged")
        compared = list(self._all_but(without))
        began = self._application.reader.head()
        unsettled = [self._lose(row, context) for row in self._database.fetch("SELECT * FROM work.operation_queue")]
        self._looks.take(compared, _LOOK_S)
        self._looks.take(compared, _LOOK_S, adopting=True)
        found = {
            "why": "; ".join(row["why"] for row in pending),
            "witnessed_position": max((row["witnessed_position"] or 0 for row in pending), default=0) or None,
            "position": began,
            "compared": sorted(row.name for row in compared),
            "left_out": sorted(without),
            "adopted": self._adopted(began),
            "foreign": self._foreign(compared),
            "unsettled": sorted(unsettled),
        }
        restore = Restore.acknowledged(uuid4(), at=self._application.now(), **found)
        self._application.log.append(restore, save=Save(context))
        self._database.execute(
            "UPDATE work.restores SET acknowledged_at = clock_timestamp() WHERE id = ANY(%s)",
            [row["id"] for row in pending],
        )
        self._application.nudge()
        return found

    def _all_but(self, without: Sequence[str]) -> Iterator[HostRow]:
        hosts = {row.name: row for row in self._queries.hosts()}
        for name in without:
            if name not in hosts:
                raise InvalidArgument(
                    f"no host with name '{name}'", field="without", value=name, accepted=", ".join(sorted(hosts))
                )
        return (row for name, row in hosts.items() if name not in without)

    def _lose(self, queued: Row, context: Context) -> str:
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
        return operation

    def _adopted(self, began: int) -> list[dict[str, str]]:
        """The domains that were introduced behind a position."""
        names = self._queries.host_names()
        rows = self._database.fetch(
            "SELECT e.originator_id AS domain FROM log.events e"
            " WHERE e.topic = 'domain.introduced' AND e.notification_id > %s ORDER BY e.notification_id",
            began,
        )
        return [
            {"domain": str(row["domain"]), "host": names[placement.host], "name": placement.name}
            for row in rows
            for placement in self._application.domain(row["domain"]).placements.values()
        ]

    def _foreign(self, compared: Sequence[HostRow]) -> list[dict[str, str]]:
        left = self._sightings.foreigners()
        return [{"host": row.name, "name": name} for row in compared for name in left.get(row.id, ())]
