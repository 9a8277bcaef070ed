"""The observer: notices what changed on a host without our asking, and records it as observed facts."""

import logging
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from uuid import UUID

from domain_model.adoption import Adoption
from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable, NoDomain, Refused
from domain_model.placements import Role
from drivers.port import DomainSighting, Driver, Watchable
from workers.looking import Eye, unwatched
from workers.ports import Asker, Lead, PlacedDomain, Records, UnreadableDomain

_log = logging.getLogger(__name__)

ELSEWHERE = (
    "by the log it is on another host, so no verb works on it here; remove it with this host's own tools"
    " ('virsh undefine'), and 'revisor replay' can make a replica of it here again"
)
UNDER_WAY = "an operation on it is under way, and may be making it: try again when that has ended"
POLICY = Asker(reason="this host is set to adopt all")
_ALL_CLOSELY_EVERY = 12
"""With a round every five seconds, everything is looked at closely once a minute."""


class Observer:
    """Looks at the recorded domains of one host; what looks as it did at the last look is not read closely again."""

    def __init__(self, driver: Driver, records: Records, lead: Lead, goes_on: Callable[[], None] = unwatched) -> None:
        """``goes_on`` is told before each domain, and each dump, that it has not come to a stop."""
        self._goes_on = goes_on
        self._driver = driver
        self._records = records
        self._lead = lead
        self._eye = Eye(driver, records, str(lead.host), goes_on)
        self._seen: dict[UUID, tuple[DomainSighting | None, str, str]] = {}
        """What each domain looked like, in which role, when what was recorded last agreed with it;
        and its definition.
        """
        self._left: set[str] = set()
        """The UUIDs of domains that were to be taken in and, as far as anybody could tell, cannot be for long."""
        self._rounds = 0

    def forget(self, uuid: str) -> None:
        """Look closely at this domain next time: something is said to have changed. May be called from any thread."""
        for domain, (sighting, *_) in list(self._seen.items()):
            if sighting is None or sighting.uuid == uuid:
                self._seen.pop(domain, None)

    def acted_on(self, domain: UUID) -> None:
        """Look closely at this domain next time: an operation of ours ended, and it may look as it did before that."""
        self._seen.pop(domain, None)

    def run_once(self, busy: frozenset[UUID], *, closely: frozenset[UUID] = frozenset()) -> dict[str, str]:
        """Look at every domain recorded on the host but the busy ones, whose sightings belong to their operation.

        Returns the domains that are there and not recorded, names by UUID. Those in ``closely`` are looked at closely
        even if they look as before, and now and then all of them: a definition may change while the sighting stays the
        same, and hints get lost. Raises HypervisorUnreachable when the hypervisor does not answer, LeadLost when
        another worker leads, OperationFailed (9) when a domain's secrets cannot be opened: its definitions cannot be
        compared then.
        """
        self._rounds += 1
        if self._rounds % _ALL_CLOSELY_EVERY == 0:
            self._seen.clear()
            self._left.clear()
        for domain in closely:
            self._seen.pop(domain, None)
        sightings = {sighting.uuid: sighting for sighting in self._driver.domains()}
        recorded = self._records.placed(self._lead.host)
        for placed in recorded:
            self._goes_on()
            shown = sightings.get(placed.uuid), placed.role, self._definition_of(sightings.get(placed.uuid))
            if placed.id in busy or self._seen.get(placed.id) == shown:
                continue
            self._records.check_secrets(placed.id)
            # Remembered before the look: a hint that comes during it makes the next round look again.
            self._seen[placed.id] = shown
            settled = False
            try:
                settled = self._settled(placed)
            finally:
                if not settled:  # also where it could not be recorded, as when the database is away
                    self._seen.pop(placed.id, None)
        known = {placed.uuid for placed in recorded}
        return {uuid: sighting.name for uuid, sighting in sightings.items() if uuid not in known}

    def _definition_of(self, sighting: DomainSighting | None) -> str:
        """A digest of it, where nobody tells when a definition changed: the sighting is the same before and after."""
        if sighting is None or not sighting.persistent or isinstance(self._driver, Watchable):
            return ""
        try:
            return sha256(self._driver.domain_xml(sighting.uuid, inactive=True).encode()).hexdigest()
        except NoDomain:
            return ""

    def by_policy(self, unrecorded: Iterable[str]) -> dict[str, Asker]:
        """Which of these to ``adopt`` on a host that adopts all: not those again in every round that were just left."""
        return {uuid: POLICY for uuid in unrecorded if uuid not in self._left}

    def adopt(self, wanted: Mapping[str, Asker] | None = None) -> dict[str, str]:
        """Take in every domain on the host that nobody recorded, or those with these UUIDs, each for who wants that.

        Returns what was left, by name, each with why. One that the log has elsewhere may be a replica started by
        somebody, or a handover the log does not know of: a person has to say. Raises HypervisorUnreachable and
        LeadLost.
        """
        host, left = self._lead.host, {}
        recorded = {placed.uuid for placed in self._records.placed(host)}
        unique_uuids = self._driver.capabilities.unique_uuids
        for sighting in self._driver.domains():
            if sighting.uuid in recorded or (wanted is not None and sighting.uuid not in wanted):
                continue
            self._goes_on()
            asker = Asker() if wanted is None else wanted[sighting.uuid]
            try:
                domain = self._records.known(host, sighting.uuid, sighting.name, unique_uuids=unique_uuids)
                why = self._take_in(domain, sighting.name, asker)
            except HypervisorUnreachable:
                raise
            except UnreadableDomain as newer:
                why = str(newer)
            except Refused as refusal:
                why = refusal.message
            if why == UNDER_WAY and asker == POLICY:
                continue  # what we just make ourselves is not told of as left
            if why is not None:
                left[sighting.name] = why
                self._left |= {sighting.uuid} if why != UNDER_WAY else set()
        return left

    def _take_in(self, domain: Domain, name: str, asker: Asker) -> str | None:
        """Returns why it was left, None if it was not."""
        host, drafts = str(self._lead.host), self._records.drafts()
        left = _why_left(domain, host)
        if left is not None:
            return left
        seen = self._eye.look(domain, drafts)
        self._goes_on()
        if seen is None:
            return None  # it went while it was looked at

        def adopt(now: Domain) -> None:
            # Another host may have been first with the same one, and an operation of ours may have made it.
            nonlocal left
            left = _why_left(now, host) or (None if now.version == domain.version else UNDER_WAY)
            if left is None:
                Adoption(now, host, self._records.now()).adopt(seen)

        self._records.take_in(domain, adopt, lead=self._lead, drafts=drafts, name=name, asker=asker)
        if left is None:
            _log.info("took in domain %s, which nobody had recorded", name)
        return left

    def _settled(self, placed: PlacedDomain) -> bool:
        try:
            return self._look_closely(placed)
        except HypervisorUnreachable:
            raise
        except UnreadableDomain as newer:
            _log.error("domain %s is not observed by this release, the others are: %s", placed.uuid, newer)
            return True
        except Refused as refusal:
            _log.info("domain %s changed while it was looked at: %s", placed.uuid, refusal)
            return False

    def _look_closely(self, placed: PlacedDomain) -> bool:
        """Whether what is there now is what is recorded; not while an operation, which it may belong to, is open."""
        host = str(self._lead.host)
        drafts = self._records.drafts()
        domain = self._records.domain(placed.id)
        before = domain.placements.get(host)
        if domain.operations or before is None:
            return False
        seen = self._eye.look(domain, drafts)
        self._goes_on()

        settled = True

        def adopt(now: Domain) -> None:
            # An operation that began meanwhile owns what was seen, and before one that ended it may have been seen: the
            # next look will tell.
            nonlocal settled
            settled = now.version == domain.version and not now.operations
            if settled:
                Adoption(now, host, self._records.now()).adopt(seen)

        names = {before.name} | ({seen.name} if seen is not None else set())
        if self._records.change(placed.id, adopt, lead=self._lead, drafts=drafts, names=sorted(names)):
            role = before.role if before.role is Role.REPLICA else Role.OWNER
            _log.info("adopted what changed on domain %s (%s)", before.name, role)
        return settled


def _why_left(domain: Domain, host: str) -> str | None:
    """Why a domain that is on the host is not to be taken in, if it is not."""
    if domain.operations:
        return UNDER_WAY
    return ELSEWHERE if domain.placements and host not in domain.placements else None
