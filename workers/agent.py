"""The host agent: leads one host, carries out its operations, and observes it.

Applier and observer run in one process, so that what the agent did itself is not mistaken for somebody else's act.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from uuid import UUID

from domain_model.errors import HypervisorUnreachable
from domain_model.host import Host
from domain_model.operations import VERBS, VerbClass
from drivers.port import Driver
from workers.applier import Applier
from workers.background import Begin, in_background
from workers.leases import Lease, LeaseLost
from workers.lookout import Lookout
from workers.ports import (
    Identities,
    Lead,
    LeadLost,
    QueuedOperation,
    Records,
    Sightings,
    UnreadableDomain,
    UnreadableHost,
)
from workers.steps import Reached, go_on
from workers.verbs.deadlines import DEADLINE_S, deadline_of

_log = logging.getLogger(__name__)

_FOR_CONTROL = 2
"""Places kept for control verbs: long operations up to the host's limit must not keep a ``destroy`` waiting."""
_OBSERVE_EVERY_S = 5.0
_RETRY_S = 1.0
_END_S = 6.0
"""How long what is under way is waited for at the end: less than the supervisor waits for a process that is to end."""

Wake = Callable[[float], None]
"""Waits for a hint that something was appended, at most so many seconds."""


@dataclass(slots=True)
class _Attempt:
    """An operation under way: ``future`` ends with it, or with concluding it once it was given up."""

    queued: QueuedOperation
    future: Future[None]
    given_up: threading.Event
    until: float


class HostAgent:
    """Everything that happens on one host while this worker leads it. ``begin`` has work done beside the rounds."""

    def __init__(  # noqa: PLR0913  (an agent has to do with so much)
        self,
        driver: Driver,
        records: Records,
        identities: Identities,
        sightings: Sightings,
        lead: Lead,
        *,
        observe_every_s: float = _OBSERVE_EVERY_S,
        deadline_s: float = DEADLINE_S,
        reached: Reached = go_on,
        begin: Begin = in_background,
    ) -> None:
        self._records = records
        self._lead = lead
        self._applier = Applier(driver, records, lead, reached)
        self.lookout = Lookout(
            driver,
            records,
            identities,
            sightings,
            lead,
            every_s=observe_every_s,
            deadline_s=deadline_s,
            begin=begin,
        )
        self._begin_work = begin
        self._deadline_s = deadline_s
        self._running: dict[UUID, _Attempt] = {}
        self._retry_at: dict[UUID, float] = {}
        self._abandoned: set[UUID] = set()
        """Operations of which an attempt was given up: it may happen yet, so they are not done again."""
        self._unreadable: set[UUID] = set()
        self._told_of_host = False

    def run(self, stop: threading.Event, wake: Wake) -> Sequence[QueuedOperation]:
        """Lead the host until ``stop``, and ``close``; returns what that does.

        Raises LeadLost when somebody else leads: whatever is under way must end at once, with the process.
        """
        while not stop.is_set():
            self._run_safely()
            wake(0.2)
        return self.close()

    def close(self) -> Sequence[QueuedOperation]:
        """Begin nothing more, and wait a while for what was begun; returns what is under way still.

        The lease must be renewed meanwhile. What is returned is given up, and ends with the process at the latest:
        whoever leads the host next looks what became of it.
        """
        until = time.monotonic() + _END_S
        self.lookout.close()
        begun = [attempt for attempt in self._running.values() if not attempt.given_up.is_set()]
        wait([attempt.future for attempt in begun], max(0.0, until - time.monotonic()))
        left = [attempt for attempt in begun if not attempt.future.done()]
        for attempt in left:
            attempt.given_up.set()
        return [attempt.queued for attempt in left]

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
        """One round: take in what ended or takes too long, start what may start, look around when it is time."""
        self._reap(now)
        queue = self._records.queued(self._lead.host)
        self._abandoned &= {queued.id for queued in queue}
        self._begin([queued for queued in queue if self._is_due(queued, now)], now)
        self.lookout.run_once(now, self.busy)

    @property
    def busy(self) -> frozenset[UUID]:
        """The domains with an operation under way here."""
        return frozenset(attempt.queued.domain for attempt in self._running.values())

    def _apply(self, queued: QueuedOperation, given_up: threading.Event) -> None:
        if queued.id not in self._unreadable:
            ids = {"operation": str(queued.id), "correlation": str(queued.correlation)}
            _log.info("host %s: carries out %s for %s", self._lead.host_name, queued.verb, queued.actor, extra=ids)
        if queued.id in self._abandoned:
            self._applier.conclude(queued, self._deadline_s)
        else:
            self._applier.apply(queued, given_up)

    def _begin(self, due: Sequence[QueuedOperation], now: float) -> None:
        """Begin those for which there is room. What the host's maintainers said is read from the log itself, so that it
        holds from the moment it was said.
        """
        host = self._host() if due else None
        for queued in due:
            if host is not None and self._may_run(queued, host):
                self._running[queued.id] = self._attempt(queued, now)

    def _host(self) -> Host | None:
        """None where it cannot be read what its maintainers said: then nothing is begun there, and it is looked at."""
        try:
            return self._records.host(self._lead.host)
        except UnreadableHost as newer:
            if not self._told_of_host:
                _log.error("host %s: no operation is begun by this release: %s", self._lead.host_name, newer)
            self._told_of_host = True
            return None

    def _attempt(self, queued: QueuedOperation, now: float) -> "_Attempt":
        given_up = threading.Event()
        future = self._begin_work(lambda: self._apply(queued, given_up), f"{queued.verb} {queued.id}")
        deadline_s = deadline_of(queued.verb, self._deadline_s)
        return _Attempt(queued, future, given_up, math.inf if deadline_s is None else now + deadline_s)

    def _is_due(self, queued: QueuedOperation, now: float) -> bool:
        return queued.id not in self._running and self._retry_at.get(queued.id, 0.0) <= now

    def _may_run(self, queued: QueuedOperation, host: Host) -> bool:
        if host.disabled is not None and not queued.started:
            return False
        if len(self._running) >= host.operations + _FOR_CONTROL:
            return False
        if VERBS[queued.verb] is VerbClass.CONTROL:
            return True
        exclusive = [one for one in self._running.values() if VERBS[one.queued.verb] is VerbClass.EXCLUSIVE]
        return len(exclusive) < host.operations and queued.domain not in self.busy

    def _reap(self, now: float) -> None:
        for attempt in list(self._running.values()):
            queued, future = attempt.queued, attempt.future
            if not future.done() and now > attempt.until:
                self._overdue(attempt, now)
            elif future.done():
                del self._running[queued.id]
                self._retry_at[queued.id] = now + _RETRY_S
                self.lookout.acted_on(queued.domain)
                self._report(queued, future.exception())
        self._retry_at = {key: at for key, at in self._retry_at.items() if at > now}

    def _overdue(self, attempt: "_Attempt", now: float) -> None:
        """Give up the thread, which cannot be ended, and have the operation ended without it;
        a look may take as long.
        """
        queued, waited_s = attempt.queued, self._deadline_s
        ids = {"operation": str(queued.id)}
        if attempt.given_up.is_set():
            _log.error("no answer to a look within %g s either", waited_s, extra=ids)
            self._applier.conclude_unseen(queued, waited_s)
            del self._running[queued.id]
            self.lookout.acted_on(queued.domain)
            return
        _log.error("%s had no answer within %g s, and is not waited for any more", queued.verb, waited_s, extra=ids)
        attempt.given_up.set()
        self._abandoned.add(queued.id)
        attempt.future = self._begin_work(
            lambda: self._applier.conclude(queued, waited_s), f"{queued.verb} {queued.id}"
        )
        attempt.until = now + waited_s

    def _report(self, queued: QueuedOperation, error: BaseException | None) -> None:
        if isinstance(error, LeadLost):
            raise error
        if isinstance(error, UnreadableDomain):
            self._tell_unreadable(queued, error)
        elif isinstance(error, HypervisorUnreachable):
            _log.warning("operation waits for its hypervisor: %s", error, extra={"operation": str(queued.id)})
        elif error is not None:
            _log.error("operation stays open: %s", error, exc_info=error, extra={"operation": str(queued.id)})

    def _tell_unreadable(self, queued: QueuedOperation, newer: UnreadableDomain) -> None:
        """Once, however often it is tried before a newer release takes over."""
        if queued.id not in self._unreadable:
            _log.error("operation stays open: %s", newer, extra={"operation": str(queued.id)})
        self._unreadable.add(queued.id)


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
            if not stop.is_set():  # otherwise it was ourselves who gave it up
                lost(str(loss))
            return
        except Exception as trouble:  # noqa: BLE001  (away or slow, the database may come back within the lease)
            _log.warning("lease %s could not be renewed: %s", lease.name, trouble)
