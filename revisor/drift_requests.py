"""Answers to drift under a request id: the same again does nothing twice, and nothing about what has happened since.

An acceptance is remembered as an operation's request is, with the first of what it records, so one that was cut off goes
on where it stopped. Healing is remembered by its operations, each of which has an id made from the request's.
"""

import json
from dataclasses import dataclass
from uuid import UUID, uuid5

from revisor.application import Application, another_command
from revisor.drift_rows import DriftRow
from revisor.fresh_looks import READ_MODELS_S
from revisor.queries import Queries
from revisor.store.recorder import Request

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


class DriftRequests:
    """What was done about drift under request ids before."""

    def __init__(self, application: Application, queries: Queries) -> None:
        self._application = application
        self._queries = queries

    def acceptance(self, request_id: UUID, chosen: Chosen, first: UUID) -> Request:
        """How an acceptance is remembered: with that of the ``first`` domain."""
        return Request(self._fingerprint(chosen), request_id, first)

    def accepted_at(self, request_id: UUID | None, chosen: Chosen) -> int | None:
        """Where the same was accepted first, if it was. Raises InvalidArgument (8) when that was another command."""
        known = self._application.requested(request_id)
        if known is None:
            return None
        if bytes(known["fingerprint"]) != self._fingerprint(chosen):
            raise another_command(request_id)
        self._queries.wait_for(self._application.reader.head(), READ_MODELS_S)
        return self._position(_ACCEPTED_AT, known["domain"], request_id)

    def healed_at(self, request_id: UUID | None, chosen: Chosen) -> int | None:
        """Where an operation was first asked for by the same, if one was. Raises InvalidArgument (8) as ``accepted_at``."""
        if request_id is None:
            return None
        if self._application.requested(request_id) is not None:
            raise another_command(request_id)
        self._queries.wait_for(self._application.reader.head(), READ_MODELS_S)
        where, whose = ("host = %s", chosen.host) if chosen.everything else ("domain = %s", chosen.domain)
        return self._position(_HEALED_AT + where, request_id, whose)

    def _position(self, query: str, *values: object) -> int | None:
        row = self._application.database.fetch_one(query, *values)
        return None if row is None else row["position"]

    def _fingerprint(self, chosen: Chosen) -> bytes:
        said = ["drift --accept", None if chosen.domain is None else str(chosen.domain), chosen.host]
        return self._application.vault.fingerprint(json.dumps(said).encode())


def until(rows: list[DriftRow], position: int | None) -> list[DriftRow]:
    """What of it had been observed by a position, where there is one."""
    return [row for row in rows if position is None or row.observed_position <= position]


def id_of_remedy(request_id: UUID | None, row: DriftRow, key: str) -> UUID | None:
    """The request id of the operation that heals one drift."""
    return None if request_id is None else uuid5(request_id, f"{row.domain}/{row.host}/{key}")
