"""The simulated host's memory: one SQLite file, each act one transaction.

A hypervisor does not stop because Revisor was killed, so nothing is kept in the process, and what was done stays done
the moment its transaction is committed. Several processes may use one file at once: a second one is somebody acting
behind Revisor's back.
"""

import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

from domain_model.errors import HypervisorUnreachable, OutcomeUnknown
from drivers.simulator import schema

_WAIT_FOR_OTHERS_S = 60.0
_OUR_MISTAKE = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)


class HypervisorFile:
    """Transactions on one file, which is made with the first of them. May be used from several threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """See the host as it is at one moment. Raises HypervisorUnreachable."""
        with self._borrowed() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def acting(self) -> Iterator[sqlite3.Connection]:
        """Change the host: all of the block, or nothing if it raises.

        Raises HypervisorUnreachable when nothing was changed, OutcomeUnknown when the file failed under the commit.
        """
        with self._borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:  # SQLite has ended it already when the disk was full.
                    connection.execute("ROLLBACK")
                raise
            try:
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise OutcomeUnknown(f"{self._path.name} failed while it was written: {error}") from error

    def close(self) -> None:
        """Afterwards every transaction raises HypervisorUnreachable; those under way are finished."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        """A connection nobody else uses meanwhile; one that failed is not used again."""
        try:
            connection = self._take()
            try:
                yield connection
            except (sqlite3.DatabaseError, OutcomeUnknown):
                connection.close()
                raise
            except BaseException:
                self._give_back(connection)
                raise
            self._give_back(connection)
        except (sqlite3.DatabaseError, OSError) as error:
            if isinstance(error, _OUR_MISTAKE):
                raise
            raise HypervisorUnreachable(f"the simulated host in {self._path.name}: {error}") from error

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise HypervisorUnreachable(f"the simulated host in {self._path.name} was closed")
            if self._idle:
                return self._idle.pop()
        if not self._path.exists():
            _make(self._path)
        return self._connect()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            timeout=_WAIT_FOR_OTHERS_S,
            check_same_thread=False,
        )
        try:
            # Survives a killed process; only a power cut may lose the last acts, and never a part of one.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            schema.bring_up_to_date(connection)
        except BaseException:
            connection.close()
            raise
        connection.row_factory = sqlite3.Row
        return connection


def _make(path: Path) -> None:
    """Make the file of a new host, with a UUID of its own; whoever comes second finds the first one's.

    It is made under another name and appears whole, because two processes may be asked to make it at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        new = Path(folder, "host")
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            schema.make(connection)
            connection.execute("INSERT INTO host (only_one, uuid) VALUES (1, ?)", (str(uuid4()),))
        try:
            os.link(new, path)
        except FileExistsError:
            return
