"""The looks of a host's agent: who answers there, and what changed, one look at a time beside the operations.

Most are over at once, and their round waits for them. One that takes long, or hangs in the hypervisor's library, keeps
no operation waiting: it goes on by itself, and is given up when a single question has had no answer for too long.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import NamedTuple
from uuid import UUID

from domain_model.errors import Refused
from domain_model.host import AdoptionPolicy
from drivers.port import Driver, Watchable
from workers.background import Begin, GivenUp, in_background
from workers.observer import Observer
from workers.ports import HostIsAnother, Identities, Lead, Records, Sightings, UnreadableHost
from workers.reconciler import Reconciler

_log = logging.getLogger(__name__)

LOOK = "look"
"""The name of that work."""
_USUALLY_S = 1.0
_SPACING_S = 0.5
"""Between looks that hints ask for: each act of ours makes the hypervisor send one too."""
_RETRY_S = 1.0
_END_S = 5.0
"""Less than the supervisor waits for a process that is to end."""


class _Eyes(NamedTuple):
    """What looks, until a look is given up; ``goes_on`` is called between its steps,
    and raises GivenUp from then on.
    """

    observer: Observer
    reconciler: Reconciler
    goes_on: Callable[[], None]


class Lookout:
    """Looks at one host, under one lead."""

    def __init__(
        self,
        driver: Driver,
        records: Records,
        identities: Identities,
        sightings: Sightings,
        lead: Lead,
        *,
        every_s: float,
        deadline_s: float,
        begin: Begin = in_background,
    ) -> None:
        self._driver = driver
        self._records = records
        self._identities = identities
        self._sightings = sightings
        self._lead = lead
        self._every_s = every_s
        self._deadline_s = deadline_s
        self._begin = begin
        self._at = 0.0
        self._hinted = False
        self._began_at = -math.inf
        self._identified = False
        self._look: Future[None] | None = None
        self._given_up = threading.Event()
        self._went_on_at = 0.0
        self._eyes = self._new_eyes()

    def run_once(self, now: float, busy: frozenset[UUID]) -> None:
        """Begin a look when it is time, and take in what came of the one under way.

        Raises LeadLost, and whatever else ended a look but the hypervisor's refusal or silence.
        """
        if self._look is None and self._is_due(now):
            self._hinted, self._began_at, self._at = False, now, now + self._every_s
            self._went_on_at = time.monotonic()
            eyes = self._eyes
            self._look = self._begin(lambda: self._take_a_look(eyes, busy), LOOK)
            wait([self._look], _USUALLY_S)
        if self._look is not None:
            self._take_in(self._look, now)

    def soon(self, uuid: str | None = None) -> None:
        """Look in a moment, and closely at this domain if one is named. May be called from any thread."""
        if uuid is not None:
            self._eyes.observer.forget(uuid)
        self._hinted = True

    def acted_on(self, domain: UUID) -> None:
        """Look closely at this domain in the next look: an operation of ours on it ended."""
        self._eyes.observer.acted_on(domain)

    def close(self) -> None:
        """End the look under way before its next domain, and wait for that unless it hangs."""
        self._given_up.set()
        if self._look is not None:
            wait([self._look], _END_S)

    def _is_due(self, now: float) -> bool:
        if now >= self._at or (self._hinted and now >= self._began_at + _SPACING_S):
            return True
        return self._identified and self._sightings.wanted(self._lead.host)

    def _take_in(self, look: Future[None], now: float) -> None:
        if look.done():
            self._look = None
            error = look.exception()
            if isinstance(error, Refused | HostIsAnother):
                self._tell_unreachable(str(error), now)
            elif error is not None:
                raise error
        elif now - self._went_on_at > self._deadline_s:
            self._give_up(now)

    def _give_up(self, now: float) -> None:
        self._given_up.set()
        self._look = None
        self._eyes = self._new_eyes()
        self._tell_unreachable(f"the hypervisor did not answer a question within {self._deadline_s:g} s", now)

    def _tell_unreachable(self, why: str, now: float) -> None:
        _log.warning("host %s: %s", self._lead.host_name, why)
        self._sightings.unreachable(self._lead.host, why)
        self._at = now + _RETRY_S

    def _new_eyes(self) -> "_Eyes":
        given_up = self._given_up = threading.Event()

        def goes_on() -> None:
            if given_up.is_set():
                raise GivenUp("this look was answered too late")
            self._went_on_at = time.monotonic()

        looking = self._driver, self._records, self._lead, goes_on
        return _Eyes(Observer(*looking), Reconciler(*looking), goes_on)

    def _take_a_look(self, eyes: "_Eyes", busy: frozenset[UUID]) -> None:
        """Whoever gave this look up has said that the host does not answer: it must not say otherwise then."""
        host = self._lead.host
        if not self._identified:
            self._identify(eyes.goes_on)
        begun = self._sightings.begin(host)
        eyes.reconciler.run_once(busy)
        unrecorded = eyes.observer.run_once(busy, closely=self._sightings.closely(host))
        eyes.goes_on()
        self._sightings.unrecorded(host, unrecorded)
        self._adopt(eyes, unrecorded)
        eyes.goes_on()
        self._sightings.done(host, begun)

    def _adopt(self, eyes: "_Eyes", unrecorded: Mapping[str, str]) -> None:
        """Take in what somebody wants to be, and whatever else nobody recorded where that is the host's policy."""
        host = self._lead.host
        wanted = self._sightings.adopting(host)
        if wanted is not None and unrecorded and self._adopts_all():
            wanted = {**eyes.observer.by_policy(unrecorded), **wanted}
        if wanted is None or wanted:
            left = eyes.observer.adopt(wanted)
            eyes.goes_on()
            self._sightings.adopted(host, wanted, left)

    def _adopts_all(self) -> bool:
        """Of a host whose history cannot be read nobody knows its policy, and nothing is taken in by it."""
        try:
            return self._records.host(self._lead.host).adopt == AdoptionPolicy.ALL
        except UnreadableHost:
            return False

    def _identify(self, goes_on: Callable[[], None]) -> None:
        identity = self._driver.identity()
        capabilities = self._driver.capabilities
        goes_on()
        self._identities.identified(
            self._lead,
            driver=capabilities.driver,
            host_uuid=identity.host_uuid,
            hostname=identity.hostname,
            capabilities=_plain(capabilities),
        )
        if isinstance(self._driver, Watchable):
            self._driver.watch(self.soon)
        self._identified = True


def _plain(capabilities: object) -> dict[str, object]:
    return {name: getattr(capabilities, name) for name in capabilities.__slots__}  # type: ignore[attr-defined]
