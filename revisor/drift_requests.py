"""Answers to drift under a request id: the same again does nothing twice, and nothing about what has happened since.

An acceptance claims its request id with the first of what it records, so one that was cut off goes on where it stopped.
Healing claims it when it has asked for its operations, each of which has an id made from it and tells where it began.
"""

from dataclasses import dataclass
from uuid import UUID, uuid5

from revisor.application import Application
from revisor.asked_again import Once
from revisor.drift_rows import DriftRow
from revisor.fresh_looks import READ_MODELS_S
from revisor.queries import Queries
from revisor.store.context import Context

_ACCEPTED_AT = """
SELECT min(e.notification_id) AS position FROM log.events e JOIN log.appends a USING (append_id)
WHERE e.originator_id = %s AND e.topic = 'drift.accepted' AND a.request_id = %s
"""
_HEALED_AT = "SELECT min(requested_position) AS position FROM views.operations WHERE correlation = %s AND "


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whose drift is meant: one domain's, wherever it is or on one host, or that of all domains on a host."""

    domain: UUID | None
    host: str | None

    @property
    def everything(self) -> bool:
        return self.domain is None

    @property
    def stream(self) -> UUID:
        """The stream an answer is about when it finds nothing there."""
        return self.domain or UUID(self.host)


class DriftRequests:
    """What was done about drift under request ids before."""

    def __init__(self, application: Application, queries: Queries) -> None:
        self._application = application
        self._queries = queries

    def answer(self, verb: str, chosen: Chosen, context: Context) -> Once:
        """The command that drift is answered by."""
        whose = None if chosen.domain is None else str(chosen.domain)
        return Once(self._application, context, verb, domain=whose, host=chosen.host)

    def accepted_at(self, answer: Once, context: Context) -> int | None:
        """Where the same was accepted first, if it was; 0 when nothing was there. Raises as ``Once.before``."""
        known = answer.before()
        if known is None:
            return None
        return self._position(_ACCEPTED_AT, known["domain"], context.request_id) or 0

    def healed_at(self, answer: Once, chosen: Chosen, context: Context) -> int | None:
        """Where an operation was first asked for by the same; 0 when nothing was there. Raises as ``Once.before``."""
        if context.request_id is None:
            return None
        nothing = None if answer.before() is None else 0
        where, whose = ("host = %s", chosen.host) if chosen.everything else ("domain = %s", chosen.domain)
        return self._position(_HEALED_AT + where, context.request_id, whose) or nothing

    def _position(self, query: str, *values: object) -> int | None:
        self._queries.wait_for(self._application.reader.head(), READ_MODELS_S)
        row = self._application.database.fetch_one(query, *values)
        return None if row is None else row["position"]


def until(rows: list[DriftRow], position: int | None) -> list[DriftRow]:
    """What of it had been observed by a position, where there is one."""
    return [row for row in rows if position is None or row.observed_position <= position]


def id_of_remedy(request_id: UUID | None, row: DriftRow, key: str) -> UUID | None:
    """The request id of the operation that heals one drift."""
    return None if request_id is None else uuid5(request_id, f"{row.domain}/{row.host}/{key}")
