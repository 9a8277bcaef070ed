"""One connection to one libvirt, made when first needed and made again after it died.

All threads of a driver share it: libvirt's own connection lets many calls be under way at once. A read that finds the
connection dead is asked once more over a new one, for nobody can have noticed the first. A change never is.

Any call of libvirt's may hang. So whoever connects has the turn meanwhile, and the lock is held for no call: to leave a
connection, or the turn of somebody who hangs in it, nobody has to wait.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
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


class Connection:
    """The connection behind a URI. Nothing is connected until the first question."""

    def __init__(self, uri: str, silence_s: float = SILENCE_S) -> None:
        self.uri = uri
        self._silence_s = silence_s
        self._lock = threading.Lock()
        """Of the fields. Whoever wants the turn as well takes that first."""
        self._turn = threading.Lock()
        """To connect. It is another one after the one who has it was left to itself."""
        self._connection: Any = None
        self._closed = False
        self._changed: Callable[[str], None] | None = None
        self._subscriptions: list[int] = []
        self._opening: Future[Any] | None = None

    def read(self, ask: Callable[[Any], T]) -> T:
        """What ``ask(virConnect)`` returns. Raises Refused, HypervisorUnreachable."""
        connection = self._living()
        try:
            with edge.reading(library(), connection):
                return ask(connection)
        except HypervisorUnreachable:
            _log.info("lost the connection to %s, connecting again", self.uri)
        connection = self._living(instead_of=connection)
        with edge.reading(library(), connection):
            return ask(connection)

    def act(self, deed: Callable[[], T], connection: Any) -> T:
        """Do what changes something over ``connection``; returns its answer. Raises Refused, OutcomeUnknown."""
        with edge.acting(library(), connection):
            return deed()

    def answering(self) -> Any:
        """A virConnect that just answered, so that whatever breaks next broke later. Raises as ``read``."""
        return self.read(lambda connection: (connection, connection.getLibVersion()))[0]

    def carries(self, connection: Any) -> bool:
        """Whether this is the virConnect in use, and alive as far as this end knows."""
        with self._lock:
            current = self._connection
        return connection is current and edge.alive(library(), connection)

    def watch(self, changed: Callable[[str], None]) -> None:
        """Call ``changed(uuid)`` after something about a domain changed, over this connection and later ones."""
        turn = self._turn
        with turn:
            self._changed = changed
            with self._lock:
                connection = None if self._subscriptions else self._connection
            if connection is not None:
                self._use(turn, connection, self._subscribed(connection))

    def abandon(self) -> None:
        """Leave the connection to those who wait on it; the next question makes a new one.

        Nothing is said to the peer: it answers only so many calls of one client at once, and may be stuck in as many.
        """
        with self._lock:
            self._turn = threading.Lock()
            self._connection, self._subscriptions = None, []

    def close(self) -> None:
        """Hang up, on a peer that hangs without a word. Afterwards every question raises HypervisorUnreachable."""
        with self._lock:
            self._closed = True
            self._changed = None
        hanging_up = threading.Thread(target=self._hang_up, name="libvirt-closing", daemon=True)
        hanging_up.start()
        hanging_up.join(_HANG_UP_S)

    def _living(self, *, instead_of: Any = None) -> Any:
        libvirt = library()
        turn = self._turn
        with turn:
            with self._lock:
                closed, current = self._closed, self._connection
            if closed:
                raise HypervisorUnreachable(f"the connection to {self.uri} was closed")
            if current is not None and current is not instead_of and edge.alive(libvirt, current):
                return current
            self._hang_up()
            with edge.opening(libvirt):
                connection = self._open(libvirt)
            self._keep_alive(libvirt, connection)
            self._use(turn, connection, self._subscribed(connection))
            return connection

    def _use(self, turn: threading.Lock, connection: Any, subscriptions: list[int]) -> None:
        """From now on, unless whoever made it took so long that others go on without it."""
        with self._lock:
            if turn is self._turn and not self._closed:
                self._connection, self._subscriptions = connection, subscriptions

    def _open(self, libvirt: Any) -> Any:
        """A new connection. libvirt would wait for ever for a peer that accepts and says nothing, so it waits elsewhere."""
        with self._lock:
            if self._opening is None:
                self._opening = Future()
                arguments = (self._opening, libvirt, self.uri)
                threading.Thread(target=_open_into, args=arguments, name="libvirt-opening", daemon=True).start()
            opening = self._opening
        try:
            return opening.result(self._silence_s)
        except TimeoutError as error:
            # Somebody who asks later goes on waiting for the same attempt: a dumb peer costs one thread.
            raise HypervisorUnreachable(f"{self.uri} did not answer within {self._silence_s:g} s") from error
        finally:
            with self._lock:
                if opening.done() and self._opening is opening:
                    self._opening = None

    def _keep_alive(self, libvirt: Any, connection: Any) -> None:
        """Have a peer that fell silent noticed. Drivers that live in this process have no peer, and refuse."""
        # libvirt counts whole seconds, and gives up an interval after the last ping.
        interval_s = max(1, round(self._silence_s / (_PINGS + 1)))
        pings = max(1, round(self._silence_s / interval_s) - 1)
        try:
            connection.setKeepAlive(interval_s, pings)
        except libvirt.libvirtError as error:
            _log.debug("no keepalive for %s: %s", self.uri, error)

    def _subscribed(self, connection: Any) -> list[int]:
        """The numbers of what is listened for over a connection."""
        if self._changed is None:
            return []
        libvirt, subscriptions = library(), []
        for name in _TOLD:
            event = getattr(libvirt, f"VIR_DOMAIN_EVENT_ID_{name}", None)
            if event is None:
                continue  # libvirt-python older than the event
            try:
                subscriptions.append(connection.domainEventRegisterAny(None, event, self._heard, None))
            except libvirt.libvirtError as error:
                # ESX has none. The observer polls anyway; hints only make it quicker.
                _log.info("no %s events from %s: %s", name, self.uri, error)
        return subscriptions

    def _heard(self, _connection: Any, domain: Any, *_details: object) -> None:
        changed = self._changed
        if changed is None:
            return
        try:
            changed(domain.UUIDString())
        except Exception:  # noqa: BLE001
            # The event loop belongs to the process; nobody's mistake may stop it.
            _log.exception("the observer of %s failed on a hint", self.uri)

    def _hang_up(self) -> None:
        """Let go of the connection. It ends when the last thread that uses it does: closing it under them would not do."""
        with self._lock:
            connection, self._connection = self._connection, None
            subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            try:
                connection.domainEventDeregisterAny(subscription)
            except library().libvirtError as error:
                _log.debug("while hanging up on %s: %s", self.uri, error)


def _open_into(opening: Future[Any], libvirt: Any, uri: str) -> None:
    try:
        opening.set_result(libvirt.open(uri))
    except libvirt.libvirtError as error:
        opening.set_exception(error)
