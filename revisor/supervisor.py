"""``revisor up``: the database and every process of Revisor, started in order and kept running.

The supervisor holds a lock on ``$REVISOR_HOME``, so that two never run there at once. What dies is started again, with
growing pauses; a host that is added gets its agent at once. SIGTERM and Ctrl-C end the agents first, the database last.
At first nothing is started before the log was compared with what is remembered of it: it may have been put back.
"""

import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain_model.errors import OperationFailed, OperationInvalid
from migrations.runner import migrate
from projections import positions
from projections.catalogue import all_projections
from revisor.composition import dsn_of, master_key_of, owner_dsn_of
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.settings import Settings
from revisor.store.database import Database
from revisor.witness import Witness

_log = logging.getLogger(__name__)

_ROUND_S = 0.5
_STOP_S = 10.0
_LONGEST_PAUSE_S = 30.0
_DATABASE_PAUSE_S = 5.0
_ANSWER_S = 10.0
"""How long a round waits for a connection to a database that is away, and a signal for the round."""
_STEADY_S = 20.0
"""A process that ran so long had not been failing at start."""


@dataclass(slots=True)
class _Child:
    """One process of ours and how often it died lately."""

    name: str
    arguments: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    deaths: int = 0

    def launch(self) -> None:
        # A session of its own: Ctrl-C in the terminal reaches the supervisor, which ends its children in order. The
        # child watches its stdin, which closes when the supervisor dies in whatever way: nobody is left behind.
        command = [sys.executable, "-m", "revisor", *self.arguments, "--supervised"]
        self.started_at = time.monotonic()
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        except OSError as trouble:  # no memory, or no more processes: the others go on, and one day there will be
            self.put_off(f"cannot be started: {trouble}")

    def put_off(self, why: str) -> None:
        """Start it again after a pause, a longer one each time that it did not last."""
        now = time.monotonic()
        self.deaths = 0 if now - self.started_at > _STEADY_S else self.deaths + 1
        pause = min(_LONGEST_PAUSE_S, 0.5 * 2 ** min(self.deaths, 10) - 0.5)
        self.start_at = now + pause
        self.process = None
        _log.warning("%s %s; it is started again in %.1f s", self.name, why, pause)


class Supervisor:
    """Runs Revisor for one home."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._postgres = None if settings.dsn else EmbeddedPostgres(settings.home)
        self._others: list[_Child] = []
        self._agents: dict[str, _Child] = {}
        self._trouble = ""
        self._stop = threading.Event()

    def run(self) -> None:
        """Start everything and stay until a signal.

        Raises OperationInvalid (55) when it runs here already, or the master key does not open the vault.
        """
        with alone(self._settings), self._database_server(), heeding(self._stop_at):
            migrate(owner_dsn_of(self._settings), application_role=role_of(dsn_of(self._settings)))
            database = Database(dsn_of(self._settings), max_connections=2, connect_timeout_s=_ANSWER_S)
            database.open()
            try:
                master_key_of(self._settings, database)
                with database.connection() as connection:
                    positions.prepare(connection, all_projections())
                witness = Witness(database, self._settings.witness)
                while not self._stop.is_set():
                    self._round(database, witness)
                    self._stop.wait(_ROUND_S)
            finally:
                database.close()
                self._end_children()

    def stop(self) -> None:
        """End everything; ``run`` returns when it has."""
        self._stop.set()

    def _round(self, database: Database, witness: Witness) -> None:
        self._keep_children()
        if self._postgres is not None and not self._kept(self._postgres):
            self._stop.wait(_DATABASE_PAUSE_S)
            return
        doing = "the log is compared with what is remembered of it"
        try:
            witness.look()
            doing = "hosts are looked up"
            self._others = self._others or self._all_but_agents()
            self._follow_hosts(database)
        except (psycopg.Error, OSError) as trouble:
            self._tell(doing, str(trouble))
        else:
            self._trouble = ""
        self._keep_children()  # those that this round brought

    def _all_but_agents(self) -> list[_Child]:
        alerter = [] if self._settings.alerts is None else [_Child("alerter", ["alerter"])]
        always = [_Child("projector", ["projector"]), _Child("api", ["serve"]), _Child("scheduler", ["scheduler"])]
        return [*always, *alerter]

    def _keep_children(self) -> None:
        for child in [*self._others, *self._agents.values()]:
            if child.process is not None and (code := child.process.poll()) is not None:
                child.put_off(f"ended with {code}")
            if child.process is None and time.monotonic() >= child.start_at:
                child.launch()

    def _tell(self, doing: str, trouble: str) -> None:
        """Once, however many rounds it lasts."""
        if trouble != self._trouble:
            meanwhile = "what runs goes on" if self._others else "nothing is started before"
            _log.warning("%s again in a moment, %s: %s", doing, meanwhile, trouble)
        self._trouble = trouble

    def _kept(self, server: EmbeddedPostgres) -> bool:
        """Whether the server runs; one that cannot start now, as on a full disk, is started again until it can."""
        try:
            if not server.running():
                _log.error("the database server ended and is started again")
                self._start(server)
            server.rotate_log()
        except KeyboardInterrupt:
            self.stop()
            return False
        except (OperationFailed, OSError, psycopg.Error) as trouble:
            _log.error("the database server is tried again in %.0f s: %s", _DATABASE_PAUSE_S, trouble)
            return False
        return True

    def _start(self, server: EmbeddedPostgres) -> None:
        """Raises KeyboardInterrupt at a signal: a start waits for crash recovery, however long that takes."""
        with heeding(signal.default_int_handler):
            if self._stop.is_set():
                raise KeyboardInterrupt
            server.start()

    def _follow_hosts(self, database: Database) -> None:
        """One agent a host and URI: a name may be used again, and a hypervisor be reached in another way."""
        wanted = {
            f"{row['id']} {row['uri']}": row["name"]
            for row in database.fetch("SELECT id, name, uri FROM views.hosts WHERE removed_at IS NULL")
        }
        for key in [key for key in self._agents if key not in wanted]:
            self._end([self._agents.pop(key)])
        for key, name in wanted.items():
            if key not in self._agents:
                self._agents[key] = _Child(f"agent-{name}", ["worker", "--host", name])

    def _end_children(self) -> None:
        self._end([*self._agents.values(), *self._others])

    def _end(self, children: list[_Child]) -> None:
        running = [child.process for child in children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _STOP_S
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.warning("process %s did not end in time and is killed", process.pid)
                process.kill()
                process.wait()

    def _database_server(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._postgres is None else serving(self._postgres)

    def _stop_at(self, *_: object) -> None:
        self.stop()


@contextlib.contextmanager
def heeding(handler: Callable[..., Any], numbers: Iterable[int] = (signal.SIGTERM, signal.SIGINT)) -> Iterator[None]:
    """Signals, SIGTERM and Ctrl-C unless others are named, do this meanwhile."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Nobody else runs Revisor, or works on its database, in this home meanwhile. Raises OperationInvalid (55)."""
    settings.home.mkdir(mode=0o711, parents=True, exist_ok=True)
    with settings.supervisor_file.open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperationInvalid(f"Revisor is already running in {settings.home}", field="REVISOR_HOME") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextlib.contextmanager
def serving(postgres: EmbeddedPostgres) -> Iterator[None]:
    """The embedded server runs meanwhile."""
    try:
        # A start may take long (crash recovery): SIGTERM ends it as Ctrl-C does, and no server is left behind.
        with heeding(signal.default_int_handler):
            postgres.start()
            yield
    finally:
        postgres.stop()


def running_pid(settings: Settings) -> int | None:
    """The process that runs ``revisor up`` for this home, or None."""
    try:
        with settings.supervisor_file.open(encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read())
    except (FileNotFoundError, ValueError):
        return None
    return None


def role_of(dsn: str) -> str:
    """The role that connects."""
    return str(conninfo_to_dict(dsn).get("user") or "revisor")
