"""One bounded pool of connections a process, shared by everything in it that reads or writes."""

import select
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from psycopg import Connection, InternalError, OperationalError
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

Row = DictRow

_LEAST = 1
_RECONNECT_S = 4.0
"""How long connecting is tried with growing pauses, before it begins anew with short ones."""


def _configure(connection: Connection[Any]) -> None:
    connection.autocommit = True
    # Compiling a query takes longer than any of ours runs; PostgreSQL guesses otherwise where it sums up many indexes.
    connection.execute("SET jit = off")


def _check(connection: Connection[Any]) -> None:
    """Ask the server whether it is there only when it has said something unasked, as one does that ends a connection.

    Asking each time would be a round trip more for every statement.
    """
    waits = select.poll()
    waits.register(connection.fileno(), select.POLLIN)
    if waits.poll(0):
        ConnectionPool.check_connection(connection)


def _begin_anew(pool: ConnectionPool[Any]) -> None:
    """Connect instead of the connection that was given up: whoever waits already would not be heard again.

    Pauses that went on growing for as long as the server is away would keep everybody waiting as long again.
    """
    pool.resize(0, pool.max_size)
    pool.resize(_LEAST, pool.max_size)  # Growing from none, it connects so often at once.


@contextmanager
def transaction(connection: Connection[Any], *, pipelined: bool = False) -> Iterator[None]:
    """One transaction, committed when this ends without an error; ``pipelined``: statements do not wait for answers.

    psycopg's own ends without a word, and without a commit, when the connection died inside it and the block passed
    over an error (``Transaction.__exit__`` in psycopg 3.3 does nothing on a broken connection): OperationalError here.
    So is what the server says when it ends a connection for having waited too long, which psycopg has as InternalError.
    """
    try:
        with connection.pipeline() if pipelined else nullcontext(), connection.transaction():
            yield
    except InternalError as error:
        if connection.closed:
            raise OperationalError(f"the connection was ended before the transaction was committed: {error}") from error
        raise
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        raise OperationalError("the connection was lost before the transaction was committed")


class Database:
    """A pool of autocommitting connections that return rows as dicts.

    Connections that died with the server are replaced when they are next asked for, so a restart of PostgreSQL costs
    the calls in flight and nothing else.
    """

    def __init__(self, dsn: str, *, max_connections: int = 8, connect_timeout_s: float = 30) -> None:
        self.dsn = dsn
        self.pool: ConnectionPool[Connection[Row]] = ConnectionPool(
            dsn,
            connection_class=Connection[Row],
            kwargs={"row_factory": dict_row, "application_name": "revisor"},
            min_size=_LEAST,
            max_size=max_connections,
            timeout=connect_timeout_s,
            configure=_configure,
            check=_check,
            reconnect_timeout=_RECONNECT_S,
            reconnect_failed=_begin_anew,
            open=False,
        )

    def open(self) -> None:
        """Connect; raises PoolTimeout when the server does not answer in time."""
        self.pool.open(wait=True, timeout=self.pool.timeout)

    def close(self) -> None:
        self.pool.close()

    @contextmanager
    def connection(self) -> Iterator[Connection[Row]]:
        """A connection in autocommit; a failed statement leaves nothing behind."""
        with self.pool.connection() as connection:
            yield connection

    def fetch(self, query: str, *params: object) -> list[Row]:
        """All rows of one statement."""
        with self.connection() as connection:
            return connection.execute(query.encode(), params).fetchall()

    def fetch_one(self, query: str, *params: object) -> Row | None:
        """The first row of one statement, or None."""
        with self.connection() as connection:
            return connection.execute(query.encode(), params).fetchone()

    def execute(self, query: str, *params: object) -> int:
        """Run one statement; returns how many rows it touched."""
        with self.connection() as connection:
            return connection.execute(query.encode(), params).rowcount
