"""The database that comes along: PostgreSQL from a wheel, run by us, so that `revisor up` needs nothing installed.

Why a runner of our own: the wheel's opens the modes of parent folders as root, trusts every local user, and may put its
socket where everybody can reach it. Here everything lies below `$REVISOR_HOME` and nothing outside it changes:

    postgres/data        the cluster, owned by the account the server runs under
    postgres/access      who may connect (pg_hba.conf, pg_ident.conf): ours, read by the server, written anew each start
    postgres/server-...  the server's programs, only where the wheel is out of that account's reach
    pg                   the socket, in a folder closed to everybody else; a short name, as a socket's path is limited
    logs/postgres.log    what the server says; no statements and no details, which could hold what users sent

Only the operating system's user that runs Revisor can connect, by peer authentication, as any of three roles. Nothing
listens on the network. The runner is patient: after any mixture of SIGKILLs the next `start` waits for what is left of
the old server, takes over a postmaster that still runs, and waits for crash recovery however long it takes.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from domain_model.errors import OperationFailed
from revisor.embedded_postgres import cluster, processes
from revisor.embedded_postgres.account import operating_user, server_account
from revisor.embedded_postgres.binaries import programs

Role = Literal["revisor_owner", "revisor", "postgres"]

_LOG_LIMIT_BYTES = 10 * 1024 * 1024
_ORPHANS_ASKED_AFTER_S, _ORPHANS_KILLED_AFTER_S = 5.0, 30.0
_FAST_SHUTDOWN_S, _IMMEDIATE_SHUTDOWN_S = 120.0, 30.0
_HOPELESS = ("authentication failed", "no pg_hba.conf entry", "pg_hba.conf rejects", "does not exist")
# What PostgreSQL says, untranslated as its locale is C, when it finds backends of a killed postmaster.
_STILL_IN_USE = "pre-existing shared memory block"

_log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """The PostgreSQL server of one `$REVISOR_HOME`. Making one checks ``home`` and changes nothing.

    Raises InvalidArgument (8) when ``home`` is too long for a socket below it, or has characters in its name that
    PostgreSQL reads as separators.
    """

    def __init__(self, home: Path, *, patience_s: float = 1800.0) -> None:
        self._layout = cluster.Layout.below(home)
        self._patience_s = patience_s
        self._process: subprocess.Popen[str] | None = None

    def made(self) -> bool:
        """Whether there is a cluster, which the first `start` makes."""
        return self._layout.data.exists()

    def start(self) -> None:
        """Bring the server up and wait until it accepts connections; afterwards the database and the roles exist.

        The postmaster becomes a child of this process, in a session of its own. One that still runs, left by a Revisor
        that was killed, is taken over instead. Safe to repeat, also after the server died. After an error the server
        may be running still (in crash recovery, say): call `stop`, or `start` to go on waiting.

        Raises OperationFailed (9): the cluster is of another major version or another account's, the server account
        cannot be made or cannot get at ``home``, the server ended itself, or was not ready within ``patience_s``.
        """
        patience = _Patience(self._patience_s)
        with self._alone(patience) as lock:
            # One that runs already may end while we wait for it: it was being stopped or killed. Then one is launched.
            if not (self._postmaster() and self._accepts(patience)):
                self._launch_until_it_stays(patience, lock)
            elif self._process is None:
                _log.info("took over the PostgreSQL server that still ran in %s", self._layout.home)
            self._provide()

    def stop(self) -> None:
        """Shut the server down fast (sessions are ended, everything is written), whoever started it, and wait for its
        end. Nothing happens when it does not run.

        Raises OperationFailed (9) when it is still there in spite of an immediate shutdown.
        """
        for number, limit_s in ((signal.SIGINT, _FAST_SHUTDOWN_S), (signal.SIGQUIT, _IMMEDIATE_SHUTDOWN_S)):
            if self._ended(number, limit_s):
                return
            _log.warning("PostgreSQL did not end within %.0f s of %s", limit_s, number.name)
        raise OperationFailed(f"the PostgreSQL server of {self._layout.home} does not end")

    def running(self) -> bool:
        """Whether the server's postmaster lives, whoever started it; it may not accept connections yet."""
        return self._postmaster() is not None

    def dsn(self, role: Role) -> str:
        """How to connect to Revisor's database as ``role``, as a libpq connection string (a path, no secret in it):
        `revisor` for the application, `revisor_owner` for migrations, `postgres` for repairs.
        """
        return self._conninfo(role, cluster.DATABASE)

    def rotate_log(self, limit_bytes: int = _LOG_LIMIT_BYTES) -> None:
        """Move what the server's log holds to `postgres.log.1` if it is longer than ``limit_bytes``; the server goes on
        appending to the same file. `start` does this when it launches one; whoever supervises the server does it now
        and then. A line written in the same instant may be lost.
        """
        log = self._layout.log
        if log.exists() and log.stat().st_size > limit_bytes:
            older = log.with_name(f"{log.name}.1")
            older.unlink(missing_ok=True)
            older.touch(mode=0o600)
            shutil.copyfile(log, older)
            os.truncate(log, 0)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextlib.contextmanager
    def _alone(self, patience: "_Patience") -> Iterator[int]:
        """Starts in one ``home`` come one after the other, also when the first was killed while its initdb (which holds
        the lock too) goes on; yields the lock's descriptor.
        """
        self._layout.make_outermost()
        descriptor = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    patience.pause(lambda: "it is just being started by another process")
            yield descriptor
        finally:
            os.close(descriptor)

    def _postmaster(self) -> int | None:
        # Our own child counts from its first moment, before it has written its pid; poll() also reaps a dead one.
        if self._process is not None:
            if self._process.poll() is None:
                return self._process.pid
            self._process = None
        return processes.postmaster(self._layout.data)

    def _launch_until_it_stays(self, patience: "_Patience", lock: int) -> None:
        self._clear_the_ground(patience)
        self._launch(lock)
        while not self._accepts(patience):
            words = self._layout.last_words(5)
            if _STILL_IN_USE not in words:
                raise OperationFailed(f"PostgreSQL ended while it was starting: {words} ({self._layout.log})")
            patience.pause(lambda: "processes of a killed server, which we may not look at, are still there")
            self._launch(lock)

    def _launch(self, lock: int) -> None:
        """Start a postmaster, after making the cluster if there is none; changes nothing in one that does not fit."""
        layout, user, account = self._layout, operating_user(), server_account()
        layout.make(account)
        account = account.reaching(layout.postgres, layout.sockets)
        where = programs(account, layout.postgres)
        major = cluster.major_version(layout, account, where)
        self.rotate_log()
        output = os.open(layout.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if not layout.data.exists():
                _log.info("making a PostgreSQL %s cluster in %s", major, layout.data)
                cluster.make_cluster(layout, account, where, output=output, lock=lock)
            cluster.check_cluster(layout, account, major)
            cluster.write_access(layout, account, user)
            self._process = account.spawn([where / "postgres", *cluster.arguments(layout)], output=output)
        finally:
            os.close(output)

    def _accepts(self, patience: "_Patience") -> bool:
        """Wait until the server accepts connections; False when it ended instead."""
        while (pid := self._postmaster()) is not None:
            if processes.ready(self._layout.data, pid) and self._answers():
                return True
            patience.pause(lambda: f"it is starting or recovering ({self._layout.last_words(1)})")
        return False

    def _answers(self) -> bool:
        """Whether a connection succeeds. A server that calls itself ready may be restarting after a crashed backend."""
        try:
            psycopg.connect(self._conninfo(cluster.SUPERUSER, "postgres"), connect_timeout=10).close()
        except psycopg.OperationalError as error:
            if any(words in str(error) for words in _HOPELESS):
                raise OperationFailed(f"the PostgreSQL server of {self._layout.home} refuses us: {error}") from error
            return False
        return True

    def _clear_the_ground(self, patience: "_Patience") -> None:
        """With no postmaster alive: wait until its backends are gone, and drop lock files that would mislead the next.

        A backend busy computing does not notice its postmaster's death, and PostgreSQL rightly refuses to start beside
        it. Ending it loses nothing that was promised: a commit it has reported is in the write-ahead log.
        """
        data, started = self._layout.data, time.monotonic()
        while left := processes.alive(data):
            waited = time.monotonic() - started
            for pid in left if waited > _ORPHANS_ASKED_AFTER_S else []:
                processes.send(pid, signal.SIGKILL if waited > _ORPHANS_KILLED_AFTER_S else signal.SIGTERM, data)
            patience.pause(lambda: f"processes of a killed server are still there: {processes.alive(data)}")
        for file in self._layout.lock_files:
            # Where a stranger of the same account has that pid by now, PostgreSQL would respect the file for ever.
            if processes.pid_taken(file):
                file.unlink()

    def _ended(self, number: signal.Signals, limit_s: float) -> bool:
        deadline = time.monotonic() + limit_s
        if (pid := self._postmaster()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while self._postmaster() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _provide(self) -> None:
        """Make the roles and the database where they are missing."""
        database, owner, application = map(sql.Identifier, (cluster.DATABASE, cluster.OWNER, cluster.APPLICATION))
        with psycopg.connect(self._conninfo(cluster.SUPERUSER, "postgres"), autocommit=True) as connection:
            roles = [name for (name,) in connection.execute("SELECT rolname FROM pg_roles")]
            for role in {cluster.OWNER, cluster.APPLICATION} - set(roles):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER").format(sql.Identifier(role)))
            databases = [name for (name,) in connection.execute("SELECT datname FROM pg_database")]
            if cluster.DATABASE not in databases:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, application))

    def _conninfo(self, role: str, database: str) -> str:
        return make_conninfo("", host=str(self._layout.sockets), port=cluster.PORT, dbname=database, user=role)


class _Patience:
    """Waits in small steps, says every ten seconds what for, and gives up in the end."""

    def __init__(self, limit_s: float) -> None:
        self._started = time.monotonic()
        self._limit_s = limit_s
        self._next_word_s = 10.0

    def pause(self, why: Callable[[], str]) -> None:
        """Wait a moment. Raises OperationFailed (9) when the patience is at its end."""
        waited = time.monotonic() - self._started
        if waited > self._limit_s:
            raise OperationFailed(f"PostgreSQL is not ready after {waited:.0f} s: {why()}")
        if waited > self._next_word_s:
            _log.info("waiting for PostgreSQL for %.0f s now: %s", waited, why())
            self._next_word_s = waited + 10.0
        time.sleep(min(0.5, max(0.02, waited / 20)))
