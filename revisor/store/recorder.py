"""The recorder under the eventsourcing library: one call of the SQL function ``log.append`` a save.

Only ``insert_events`` is ours; the readers are inherited. The library's own insert takes a table lock or loses order,
and a lost COMMIT acknowledgement makes it report a conflict for events it has stored. Here every save has an append id
that is kept over retries, so repeating it is harmless.

Saves that come at the same time are one transaction. Mostly all of them are taken, and they are sent without waiting
for each other's answers; only when one is refused they are tried once more, each behind a savepoint of its own.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
from eventsourcing.persistence import (
    ApplicationRecorder,
    InfrastructureFactory,
    InterfaceError,
    OperationalError,
    StoredEvent,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresFactory
from eventsourcing.utils import Environment, retry

from revisor.store.context import Context
from revisor.store.database import Database, transaction
from revisor.store.errors import Fenced, RequestRepeated, RestoreUnacknowledged, StreamConflict
from revisor.store.group_commit import GroupCommit


@dataclass(frozen=True, slots=True)
class Request:
    """What the user's request id is used for; ``fingerprint`` tells the command from another one.

    Of a command that is no operation (see ``revisor.asked_again``), ``operation`` is the request id itself, and
    ``domain`` the stream it is about.
    """

    fingerprint: bytes
    operation: UUID
    domain: UUID


@dataclass(frozen=True, slots=True)
class Fence:
    """The lease under which a worker appends."""

    lease: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Save:
    """Everything that goes into the transaction beside the events."""

    context: Context
    documents: Sequence[bytes] = ()
    request: Request | None = None
    fence: Fence | None = None
    queue: dict[str, list[Any]] = field(default_factory=dict)
    append_id: UUID = field(default_factory=uuid4)


APPEND = (
    "SELECT log.append(%s, %s, %s, %s, %s, %s, %s, %s::uuid[], %s::bigint[], %s::text[], %s::bytea[], %s::bytea[],"
    " %s, %s, %s, %s, %s, %s::jsonb) AS position"
)
_REFUSALS: dict[str, type[Exception]] = {
    "RV001": RequestRepeated,
    "RV002": Fenced,
    "RV003": RestoreUnacknowledged,
    "23505": StreamConflict,
}


STANDS_STILL_S = 10
"""How long a process may stand still in the middle of a group: it holds the log's head, for which all others wait."""

Arguments = tuple[object, ...]
"""One save as ``log.append`` takes it."""


class LogDatastore(PostgresDatastore):
    """The library's idea of a database, on our pool."""

    def __init__(self, database: Database) -> None:
        super().__init__(dbname="", host="", port="", user="", password="", schema="log")
        self.pool = database.pool  # type: ignore[assignment]  # same rows, typed by us

    def close(self) -> None:
        """The pool belongs to whoever made it."""


class LogRecorder(PostgresApplicationRecorder):
    """Appends through ``log.append``; reads as the library does."""

    def __init__(self, datastore: PostgresDatastore) -> None:
        super().__init__(datastore, events_table_name="events")
        self._group = GroupCommit(self._flush)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Store events and their company in one transaction; returns their positions.

        Raises StreamConflict, RequestRepeated, Fenced or RestoreUnacknowledged, each with nothing stored;
        OperationalError when the database cannot be reached for a while, and then the same save may be repeated.
        """
        if not stored_events:
            return []
        first = self._group.submit(arguments_of(stored_events, kwargs["save"]))
        return [*range(first, first + len(stored_events))]

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def _flush(self, group: Sequence[Arguments]) -> list[int | Exception]:
        try:
            return [*self._all_or_none(group)]
        except (InterfaceError, OperationalError):
            raise
        except Exception as error:  # noqa: BLE001  it may concern one of the group alone
            return self._one_by_one(group) if len(group) > 1 else [refusal_of(error.__cause__) or error]

    def _all_or_none(self, group: Sequence[Arguments]) -> list[int]:
        with self.datastore.get_connection() as connection:
            if len(group) == 1:
                return [_first_position(connection.execute(APPEND, group[0], prepare=True))]
            with transaction(connection, pipelined=True):
                _limit(connection)
                answers = connection.cursor()
                answers.executemany(APPEND, group, returning=True)
            return [_first_position(answer) for answer in answers.results()]

    def _one_by_one(self, group: Sequence[Arguments]) -> list[int | Exception]:
        outcomes: list[int | Exception] = []
        with self.datastore.get_connection() as connection, transaction(connection):
            _limit(connection)
            for arguments in group:
                try:
                    with connection.transaction():
                        outcomes.append(_first_position(connection.execute(APPEND, arguments, prepare=True)))
                except (psycopg.InterfaceError, psycopg.OperationalError):
                    raise
                except Exception as error:  # noqa: BLE001  its own save's, and nobody else's
                    outcomes.append(refusal_of(error) or error)
        return outcomes


def _limit(connection: psycopg.Connection[Any]) -> None:
    """Have the server end the transaction of a process that was stopped: its saves are tried again when it goes on."""
    connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{STANDS_STILL_S}s'".encode())


def refusal_of(error: BaseException | None) -> Exception | None:
    """What the database refused of one save, if that is what an error says."""
    kind = _REFUSALS.get(getattr(error, "sqlstate", None) or "")
    return None if kind is None else kind(str(error))


def _first_position(answer: psycopg.Cursor[Any]) -> int:
    [row] = answer.fetchall()
    return int(row["position"])


def arguments_of(events: Sequence[StoredEvent], save: Save) -> Arguments:
    context, request, fence = save.context, save.request, save.fence
    queue = {change: rows for change, rows in save.queue.items() if rows}
    return (
        save.append_id,
        context.actor,
        context.reason,
        context.ticket,
        context.request_id,
        context.correlation_or_new,
        context.causation,
        _array(str(event.originator_id) for event in events),
        _array(str(event.originator_version) for event in events),
        _array(event.topic for event in events),
        _array_of_bytes(event.state for event in events),
        _array_of_bytes(save.documents) if save.documents else None,
        request and request.fingerprint,
        request and request.operation,
        request and request.domain,
        fence and fence.lease,
        fence and fence.epoch,
        json.dumps(queue) if queue else None,
    )


def _array(texts: Iterable[str]) -> str:
    """An array as PostgreSQL reads it, of what needs no quotes.

    psycopg, asked to adapt lists, takes three times as long.
    """
    return "{" + ",".join(texts) + "}"


def _array_of_bytes(values: Iterable[bytes]) -> str:
    return _array(f'"\\\\x{value.hex()}"' for value in values)


class LogFactory(PostgresFactory):
    """Gives the library our recorder; tables are made by the migrations, never here."""

    def __init__(self, env: Environment, database: Database) -> None:
        InfrastructureFactory.__init__(self, env)  # the library's own would look for host, user and password in env
        self.datastore = LogDatastore(database)

    def application_recorder(self) -> ApplicationRecorder:
        return LogRecorder(self.datastore)
