"""The host agent: leads one host, carries out its operations, and observes it.

Applier and observer run in one process, so that what the agent did itself is not mistaken for somebody else's act.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

from domain_model.errors import Refused
from domain_model.host import MOST_OPERATIONS, Host
from domain_model.operations import VERBS, VerbClass
from drivers.port import Driver, Watchable
from workers.applier import Applier
from workers.leases import Lease, LeaseLost
from workers.observer import Observer
from workers.ports import (
    HostIsAnother,
    Identities,
    Lead,
    LeadLost,
    QueuedOperation,
    Records,
    Sightings,
    UnreadableDomain,
)
from workers.reconciler import Reconciler
from workers.steps import Reached, go_on

_log = logging.getLogger(__name__)

_FOR_CONTROL = 2
"""Places kept for control verbs: long operations up to the host's limit must not keep a ``destroy`` waiting."""
_OBSERVE_EVERY_S = 5.0
_RETRY_S = 1.0

Wake = Callable[[float], None]
"""Waits for a hint that something was appended, at most so many seconds."""


class HostAgent:
    """Everything that happens on one host while this worker leads it."""

    def __init__(
        self,
        driver: Driver,
        records: Records,
        identities: Identities,
        sightings: Sightings,
        lead: Lead,
        *,
        observe_every_s: float = _OBSERVE_EVERY_S,
        reached: Reached = go_on,
    ) -> None:
        self._driver = driver
        self._records = records
        self._identities = identities
        self._sightings = sightings
        self._lead = lead
        self._applier = Applier(driver, records, lead, reached)
        self._observer = Observer(driver, records, lead)
        self._reconciler = Reconciler(driver, records, lead)
        self._observe_every_s = observe_every_s
        self._observe_at = 0.0
        self._identified = False
        self._running: dict[UUID, tuple[QueuedOperation, Future[None]]] = {}
        self._retry_at: dict[UUID, float] = {}
        self._unreadable: set[UUID] = set()
        self._pool = ThreadPoolExecutor(MOST_OPERATIONS + _FOR_CONTROL, thread_name_prefix="applier")

    def run(self, stop: threading.Event, wake: Wake) -> None:
        """Lead the host until ``stop``; finishes what is under way. Raises LeadLost when somebody else leads."""
        try:
            while not stop.is_set():
                self._run_safely()
                wake(0.2)
        finally:
            self.close()

    def close(self) -> None:
        """Begin nothing more; returns when what was begun has come to its end."""
        self._pool.shutdown(wait=True)

    def _run_safely(self) -> None:
        """A round that fails, as when the database is away for a moment, is tried again; the lease limits how long."""
        try:
            self.run_once(time.monotonic())
        except LeadLost:
            raise
        except Exception:  # noqa: BLE001  (whatever it was, this host needs its agent; the traceback is in the log)
            _log.exception("host %s: this round failed and is tried again", self._lead.host_name)
            time.sleep(_RETRY_S)

    def run_once(self, now: float) -> None:
        """One round: take in what ended, start what may start, look around when it is time."""
        self._reap(now)
        if not self._identified:
            self._identify(now)
        self._begin([queued for queued in self._records.queued(self._lead.host) if self._is_due(queued, now)])
        if self._identified and (now >= self._observe_at or self._sightings.wanted(self._lead.host)):
            self._observe(now)

    @property
    def busy(self) -> frozenset[UUID]:
        """The domains with an operation under way here."""
        return frozenset(queued.domain for queued, _ in self._running.values())

    def _apply(self, queued: QueuedOperation) -> None:
        if queued.id not in self._unreadable:
            ids = {"operation": str(queued.id), "correlation": str(queued.correlation)}
            _log.info("host %s: carries out %s for %s", self._lead.host_name, queued.verb, queued.actor, extra=ids)
        self._applier.apply(queued)

    def _begin(self, due: Sequence[QueuedOperation]) -> None:
        """Begin those for which there is room. What the host's maintainers said is read from the log itself, so that it
        holds from the moment it was said.
        """
        host = self._records.host(self._lead.host) if due else None
        for queued in due:
            if host is not None and self._may_run(queued, host):
                self._running[queued.id] = queued, self._pool.submit(self._apply, queued)

    def _is_due(self, queued: QueuedOperation, now: float) -> bool:
        return queued.id not in self._running and self._retry_at.get(queued.id, 0.0) <= now

    def _may_run(self, queued: QueuedOperation, host: Host) -> bool:
        if host.disabled is not None and not queued.started:
            return False
        if VERBS[queued.verb] is VerbClass.CONTROL:
            return len(self._running) < host.operations + _FOR_CONTROL
        return len(self._running) < host.operations and queued.domain not in self.busy

    def _reap(self, now: float) -> None:
        for queued, future in list(self._running.values()):
            if future.done():
                del self._running[queued.id]
                self._retry_at[queued.id] = now + _RETRY_S
                self._report(queued, future.exception())
        self._retry_at = {key: at for key, at in self._retry_at.items() if at > now}

    def _report(self, queued: QueuedOperation, error: BaseException | None) -> None:
        if isinstance(error, LeadLost):
            raise error
        if isinstance(error, UnreadableDomain):
            self._tell_unreadable(queued, error)
        elif error is not None:
            _log.error("operation stays open: %s", error, exc_info=error, extra={"operation": str(queued.id)})

    def _tell_unreadable(self, queued: QueuedOperation, newer: UnreadableDomain) -> None:
        """Once, however often it is tried before a newer release takes over."""
        if queued.id not in self._unreadable:
            _log.error("operation stays open: %s", newer, extra={"operation": str(queued.id)})
        self._unreadable.add(queued.id)

    def _identify(self, now: float) -> None:
        if now < self._observe_at:
            return
        try:
            identity = self._driver.identity()
            capabilities = self._driver.capabilities
            self._identities.identified(
                self._lead,
                driver=capabilities.driver,
                host_uuid=identity.host_uuid,
                hostname=identity.hostname,
                capabilities=_plain(capabilities),
            )
            if isinstance(self._driver, Watchable):
                self._driver.watch(self._hint)
        except (Refused, HostIsAnother) as problem:
            _log.warning("host %s: %s", self._lead.host_name, problem)
            self._sightings.unreachable(self._lead.host, str(problem))
            self._observe_at = now + _RETRY_S
        else:
            self._identified = True

    def _hint(self, uuid: str) -> None:
        self._observer.forget(uuid)
        self._observe_at = 0.0

    def _observe(self, now: float) -> None:
        self._observe_at = now + self._observe_every_s
        try:
            begun = self._sightings.begin(self._lead.host)
            host, busy = self._lead.host, self.busy
            self._reconciler.run_once(busy)
            unrecorded = self._observer.run_once(busy, closely=self._sightings.closely(host))
            wanted = self._sightings.adopting(host)
            if wanted is None or wanted:
                self._sightings.adopted(host, wanted, self._observer.adopt(wanted))
            self._sightings.unrecorded(host, unrecorded)
            self._sightings.done(host, begun)
        except Refused as silence:
            _log.warning("host %s: %s", self._lead.host_name, silence)
            self._sightings.unreachable(self._lead.host, str(silence))
            self._observe_at = now + _RETRY_S


def watch_lease(lease: Lease, stop: threading.Event, lost: Callable[[str], None]) -> None:
    """Call ``lost`` once when the lease was not renewed for its length, even if renewing itself hangs."""
    while not stop.wait(lease.times.renew_s):
        if lease.expired():
            lost(f"lease {lease.name} could not be renewed in time")
            return


def keep_renewing(lease: Lease, stop: threading.Event, lost: Callable[[str], None]) -> None:
    """Beat until ``stop``; calls ``lost`` once when the lease is somebody else's. ``watch_lease`` sees what hangs."""
    while not stop.wait(lease.times.renew_s):
        try:
            lease.renew()
        except LeaseLost as loss:
            lost(str(loss))
            return
        except Exception as trouble:  # noqa: BLE001  (away or slow, the database may come back within the lease)
            _log.warning("lease %s could not be renewed: %s", lease.name, trouble)


def _plain(capabilities: object) -> dict[str, object]:
    return {name: getattr(capabilities, name) for name in capabilities.__slots__}  # type: ignore[attr-defined]
