"""Connections to one libvirt: as many as there are callers at once, each for one caller at a time.

libvirt lets many calls be under way over one connection, but its client before 10.4 crashes (CVE-2024-4418) where two
of them wait on one that falls silent; and one that hangs would keep the others' answers. So a call that never returns
keeps its connection, and nobody else misses it.

A read that finds its connection dead is asked once more over a new one, for nobody can have noticed the first. A change
never is.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from domain_model.errors import HypervisorUnreachable
from drivers.libvirt import edge
from drivers.libvirt.library import library

T = TypeVar("T")

SILENCE_S = 20.0
"""How long a peer may say nothing, not even to pings, before its connection is given up."""
_HANG_UP_S = 1.0
"""How long a peer is given to hear that nobody listens any more."""
_PINGS = 3

_TOLD = (
    "LIFECYCLE",  # also of sleeping, waking, definitions, renames
    "REBOOT",
    "DEVICE_ADDED",
    "DEVICE_REMOVED",  # by the guest, perhaps long after it was asked to let go
    "METADATA_CHANGE",  # also of description and title
    "TRAY_CHANGE",
    "DISK_CHANGE",
    "BLOCK_JOB_2",  # its end changes which images a disk is made of
    "TUNABLE",
    "AGENT_LIFECYCLE",  # the running definition says whether the agent is connected
    "MEMORY_DEVICE_SIZE_CHANGE",
)
"""The events after which something recorded may be different: VIR_DOMAIN_EVENT_ID_*. None tells of autostart, of a
removed managed save, or of what changes in the persistent definition only; telemetry, such as the balloon's, is left
out."""

_log = logging.getLogger(__name__)


class Connections:
    """Those behind a URI. Nothing is connected until the first question."""

    def __init__(self, uri: str, silence_s: float = SILENCE_S) -> None:
        self.uri = uri
        self._silence_s = silence_s
        self._lock = threading.Lock()
        """Of the fields; held for no call."""
        self._idle: list[Connection] = []
        self._closed = False
        self._changed: Callable[[str], None] | None = None

    @contextmanager
    def one(self) -> Iterator["Connection"]:
        """A connection that is the caller's meanwhile. Raises HypervisorUnreachable after ``close``."""
        with self._lock:
            if self._closed:
                raise HypervisorUnreachable(f"the connection to {self.uri} was closed")
            connection = self._idle.pop() if self._idle else Connection(self.uri, self._silence_s)
        connection.listen(self._changed)
        try:
            yield connection
        finally:
            if not self._taken_back(connection):
                connection.hang_up()

    def watch(self, changed: Callable[[str], None]) -> None:
        """Call ``changed(uuid)`` after something of a domain changed, over each connection from its next question."""
        self._changed = changed

    def close(self) -> None:
        """Hang up, on a peer that hangs without a word. Afterwards every new question raises HypervisorUnreachable."""
        with self._lock:
            self._closed = True
            self._changed = None
            idle, self._idle = self._idle, []
        hanging_up = threading.Thread(target=_hang_up, args=(idle,), name="libvirt-closing", daemon=True)
        hanging_up.start()
        hanging_up.join(_HANG_UP_S)

    def _taken_back(self, connection: "Connection") -> bool:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
            return not self._closed


class Connection:
    """A connection for one caller at a time, made when first needed and made again after it died."""

    def __init__(self, uri: str, silence_s: float) -> None:
        self._uri = uri
        self._silence_s = silence_s
        self._connection: Any = None
        self._handle: Any = None
        self._changed: Callable[[str], None] | None = None
        self._subscriptions: list[int] | None = None
        """None until it was tried: some kinds of hypervisors refuse them all."""
        self._opening: Future[Any] | None = None

    def listen(self, changed: Callable[[str], None] | None) -> None:
        """Have changes told, from the next question on."""
        self._changed = changed

    def read(self, ask: Callable[[Any], T]) -> T:
        """What ``ask(virConnect)`` returns. Raises Refused, HypervisorUnreachable."""
        connection = self._living()
        try:
            with edge.reading(library(), connection):
                return ask(connection)
        except HypervisorUnreachable:
            _log.info("lost the connection to %s, connecting again", self._uri)
        connection = self._living(instead_of=connection)
        with edge.reading(library(), connection):
            return ask(connection)

    def act(self, deed: Callable[[], T]) -> T:
        """Do what changes something, through what a read returned; returns its answer.

        Raises Refused, OutcomeUnknown.
        """
        with edge.acting(library(), self._connection):
            return deed()

    def answering(self) -> Any:
        """A virConnect that just answered, so that whatever breaks next broke later. Raises as ``read``."""
        return self.read(lambda connection: (connection, connection.getLibVersion()))[0]

    def handle_of(self, uuid: str) -> Any:
        """A domain's handle, without asking again if it is that of the last time. Raises as ``read``."""
        known = self._handle is not None and edge.alive(library(), self._connection)
        if not known or self._handle.UUIDString() != uuid:
            self._handle = self.read(lambda connection: connection.lookupByUUIDString(uuid))
        return self._handle

    def hang_up(self) -> None:
        """Let go of it. It ends when the last object made over it does: closing it under them would not do."""
        connection, self._connection, self._handle = self._connection, None, None
        subscriptions, self._subscriptions = self._subscriptions, None
        for subscription in subscriptions or ():
            try:
                connection.domainEventDeregisterAny(subscription)
            except library().libvirtError as error:
                _log.debug("while hanging up on %s: %s", self._uri, error)

    def _living(self, *, instead_of: Any = None) -> Any:
        libvirt, current = library(), self._connection
        if current is None or current is instead_of or not edge.alive(libvirt, current):
            self.hang_up()
            with edge.opening(libvirt):
                current = self._open(libvirt)
            self._keep_alive(libvirt, current)
            self._connection = current
        if self._changed is not None and self._subscriptions is None:
            self._subscriptions = self._subscribed(libvirt, current)
        return current

    def _open(self, libvirt: Any) -> Any:
        """A new connection.

        libvirt would wait for ever for a peer that accepts and says nothing, so it waits elsewhere.
        """
        if self._opening is None:
            self._opening = Future()
            arguments = (self._opening, libvirt, self._uri)
            threading.Thread(target=_open_into, args=arguments, name="libvirt-opening", daemon=True).start()
        try:
            return self._opening.result(self._silence_s)
        except TimeoutError as error:
            # Whoever asks later goes on waiting for the same attempt: a dumb peer costs one thread a caller.
            raise HypervisorUnreachable(f"{self._uri} did not answer within {self._silence_s:g} s") from error
        finally:
            if self._opening.done():
                self._opening = None

    def _keep_alive(self, libvirt: Any, connection: Any) -> None:
        """Have a peer that fell silent noticed. Drivers that live in this process have no peer, and refuse."""
        # libvirt counts whole seconds, and gives up an interval after the last ping.
        interval_s = max(1, round(self._silence_s / (_PINGS + 1)))
        pings = max(1, round(self._silence_s / interval_s) - 1)
        try:
            connection.setKeepAlive(interval_s, pings)
        except libvirt.libvirtError as error:
            _log.debug("no keepalive for %s: %s", self._uri, error)

    def _subscribed(self, libvirt: Any, connection: Any) -> list[int]:
        """The numbers of what is listened for over a connection."""
        subscriptions = []
        for name in _TOLD:
            event = getattr(libvirt, f"VIR_DOMAIN_EVENT_ID_{name}", None)
            if event is None:
                continue  # libvirt-python older than the event
            try:
                subscriptions.append(connection.domainEventRegisterAny(None, event, self._heard, None))
            except libvirt.libvirtError as error:
                # ESX has none. The observer polls anyway; hints only make it quicker.
                _log.info("no %s events from %s: %s", name, self._uri, error)
        return subscriptions

    def _heard(self, _connection: Any, domain: Any, *_details: object) -> None:
        changed = self._changed
        if changed is None:
            return
        try:
            changed(domain.UUIDString())
        except Exception:  # noqa: BLE001
            # The event loop belongs to the process; nobody's mistake may stop it.
            _log.exception("the observer of %s failed on a hint", self._uri)


def _hang_up(connections: Iterable[Connection]) -> None:
    for connection in connections:
        connection.hang_up()


def _open_into(opening: Future[Any], libvirt: Any, uri: str) -> None:
    try:
        opening.set_result(libvirt.open(uri))
    except libvirt.libvirtError as error:
        opening.set_exception(error)
