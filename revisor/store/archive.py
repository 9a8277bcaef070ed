"""The whole log as one file, and back: for moving a log to another database, and for keeping it apart from one.

Rows go as PostgreSQL itself writes them (binary COPY), some hundred times as fast as appending them again. An import is
therefore the one way into the log beside ``log.append``, and it takes nothing on trust: it is open to the owner alone
and into an empty log only, and what came is checked to be a whole log before anybody sees it.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, errors

from domain_model.errors import OperationInvalid
from domain_model.times import moment_in_words
from revisor.store.archive_file import ArchiveReader, ArchiveWriter, Head, Manifest, damaged, new_archive, open_archive
from revisor.store.mapper import UnknownEvent
from revisor.store.whole_log import NotWhole, check_whole
from revisor.store.work import rebuild_work

_BLOCK_BYTES = 1 << 18

Progress = Callable[[str, int], None]
"""Called with what is being done and how many bytes of it are done."""


@dataclass(frozen=True, slots=True)
class Member:
    """One part of an archive: its name, the query that gives its rows, and the table and columns they go into.

    Columns are named, so that a table may get more of them and the archives of before can still be read.
    """

    name: str
    query: str
    target: str


LOG = (
    Member(
        "events",
        "SELECT originator_id, originator_version, topic, state, notification_id, append_id, recorded_at, salt, leaf"
        " FROM log.events ORDER BY notification_id",
        "log.events (originator_id, originator_version, topic, state, notification_id, append_id, recorded_at, salt, leaf)",
    ),
    Member(
        "appends",
        "SELECT append_id, first_position, last_position, actor, reason, ticket, request_id, correlation, causation"
        " FROM log.appends ORDER BY first_position",
        "log.appends (append_id, first_position, last_position, actor, reason, ticket, request_id, correlation, causation)",
    ),
    Member("documents", "SELECT digest, body FROM log.documents", "log.documents (digest, body)"),
    Member(
        "requests",
        "SELECT request_id, fingerprint, operation, domain FROM log.requests",
        "log.requests (request_id, fingerprint, operation, domain)",
    ),
)
"""What a log consists of."""


def _silent(_step: str, _bytes: int) -> None:
    pass


def _nothing(_: Connection[tuple[Any, ...]]) -> None:
    pass


def export_log(
    connection: Connection[tuple[Any, ...]], path: Path, *, members: Sequence[Member] = LOG, seen: Progress = _silent
) -> Manifest:
    """Write the log as it is at one moment to a new file, while others go on appending; returns its manifest.

    ``connection`` may be the application's. Raises InvalidArgument (8) for a path that is taken, Refused (38) where
    nothing can be written; no file is left behind then, nor after any other error.
    """
    with new_archive(path) as archive, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL client_encoding = 'UTF8'")
        head = _head(connection)
        rows = {member.name: _copy_out(connection, archive, member, seen) for member in members}
        return archive.finish(head, connection.info.server_version // 10000, rows)


def import_log(
    connection: Connection[tuple[Any, ...]],
    path: Path,
    *,
    members: Sequence[Member] = LOG,
    seen: Progress = _silent,
    what: str = "imported from",
    prepare: Callable[[Connection[tuple[Any, ...]]], object] = _nothing,
) -> Manifest:
    """Make an empty log the one in a file, as the owner; returns its manifest.

    Afterwards the log has the id, the positions and the leaves of the one that was exported, goes on behind its newest
    position, and the queue of operations and the epochs of hosts are as they were. Read models catch up by themselves.
    Nobody knows how old the file is: nothing new is begun until somebody has compared the log with the hosts
    (``revisor.restores``); ``what`` was done is told with it, and nothing of what waited to be acknowledged before.
    ``prepare`` is called, in the same transaction, when the log was found empty and nobody else can append.
    Raises OperationInvalid (55) when something is recorded already, and InvalidArgument (8) for a file that does not
    hold a whole log, saying what is wrong with it. Nothing is changed then, nor after any other error.
    """
    with open_archive(path) as archive, connection.transaction():
        archive.check_members(member.name for member in members)
        _hold_empty_head(connection)
        prepare(connection)
        connection.execute("SET LOCAL client_encoding = 'UTF8'")
        for member in members:
            with _blamed_on(path, f"member '{member.name}'"):
                _copy_in(connection, archive, member, seen)
        seen("checking", 0)
        with _blamed_on(path, "its rows"):
            check_whole(connection, archive.manifest.head)
            _set_head(connection, archive.manifest.head)
            rebuild_work(connection)
            _tell(connection, f"the log was {what} '{path}'", archive.manifest.head)
        return archive.manifest


def _head(connection: Connection[tuple[Any, ...]]) -> Head:
    row = connection.execute(
        "SELECT h.log, h.position, e.recorded_at, e.leaf"
        " FROM log.head h LEFT JOIN log.events e ON e.notification_id = h.position"
    ).fetchone()
    assert row is not None
    return Head(*row)


def _copy_out(connection: Connection[tuple[Any, ...]], archive: ArchiveWriter, member: Member, seen: Progress) -> int:
    statement = f"COPY ({member.query}) TO STDOUT (FORMAT binary)"
    with archive.member(member.name) as stream, connection.cursor() as cursor:
        with cursor.copy(statement.encode()) as copy:
            for block in _told(_joined(copy), member, seen):
                stream.write(block)
        return cursor.rowcount


def _joined(rows: psycopg.Copy) -> Iterator[bytes]:
    """Rows joined to larger pieces: the server hands them over one by one, and compressing so is slow."""
    some, size = [], 0
    for row in rows:
        some.append(row)
        size += len(row)
        if size >= _BLOCK_BYTES:
            yield b"".join(some)
            some, size = [], 0
    yield b"".join(some)


def _told(blocks: Iterable[bytes], member: Member, seen: Progress) -> Iterator[bytes]:
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        seen(member.name, done)


def _hold_empty_head(connection: Connection[tuple[Any, ...]]) -> None:
    """Keep everybody else from appending until the transaction ends."""
    row = connection.execute("SELECT position FROM log.head FOR UPDATE").fetchone()
    assert row is not None
    if row[0] != 0:
        raise OperationInvalid(
            f"a log goes into an empty one only, and in this one {row[0]} positions are recorded",
            field="log",
            value=str(row[0]),
            accepted="a database in which Revisor has recorded nothing",
        )


def _copy_in(connection: Connection[tuple[Any, ...]], archive: ArchiveReader, member: Member, seen: Progress) -> None:
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {member.target} FROM STDIN (FORMAT binary)".encode()) as copy:
            for block in _told(archive.blocks(member.name), member, seen):
                copy.write(block)
        said = archive.manifest.members[member.name].rows
        if cursor.rowcount != said:
            raise damaged(
                archive.path, f"member '{member.name}' has {cursor.rowcount} rows, and {said} by the manifest"
            )


def _set_head(connection: Connection[tuple[Any, ...]], head: Head) -> None:
    connection.execute(
        "UPDATE log.head SET log = %s, position = %s, recorded_at = coalesce(%s, '-infinity'::timestamptz)",
        (head.log, head.position, head.recorded_at),
    )


def _tell(connection: Connection[tuple[Any, ...]], done: str, head: Head) -> None:
    recorded = "" if head.recorded_at is None else f", recorded {moment_in_words(head.recorded_at)}"
    why = f"{done} and ends at position {head.position}{recorded}"
    # What was noticed of the empty log counts no more. Nobody can notice more of it while the table is locked.
    connection.execute("LOCK TABLE work.restores IN SHARE ROW EXCLUSIVE MODE")
    connection.execute("DELETE FROM work.restores WHERE acknowledged_at IS NULL")
    connection.execute("INSERT INTO work.restores (why, position) VALUES (%s, %s)", (why, head.position))


@contextlib.contextmanager
def _blamed_on(path: Path, part: str) -> Iterator[None]:
    """Say of the file what the database found wrong with its rows; never what is in them."""
    try:
        yield
    except (NotWhole, UnknownEvent) as error:
        raise damaged(path, str(error)) from error
    except (psycopg.DataError, psycopg.IntegrityError, errors.ProtocolViolation) as error:
        where = re.match("COPY .*", error.diag.context or "")  # another context quotes what was read
        raise damaged(
            path, f"{part}: {error.diag.message_primary or error}{f', {where[0]}' if where else ''}"
        ) from error
