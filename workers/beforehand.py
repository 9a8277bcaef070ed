"""What is on a host when an operation begins is not that operation's doing.

Its end takes what is seen then for what came of it. So whatever somebody did since the last look is recorded before it
starts, as observed: drift, as after any other look. Looked at closely is only a domain that is otherwise than on
record.
"""

import logging
from typing import Any

from domain_model.adoption import Adoption
from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable, NoDomain, Refused
from domain_model.placements import Placement, Role
from drivers.port import DomainSighting, Driver
from workers.looking import Eye
from workers.ports import Lead, Records

_LOOKS = 5
"""Others may go on recording something, such as requests, while it is looked at."""

_log = logging.getLogger(__name__)


class Beforehand:
    """Brings what is on record of domains up to what is there, before operations on them begin."""

    def __init__(self, driver: Driver, records: Records, lead: Lead) -> None:
        self._driver = driver
        self._records = records
        self._lead = lead
        self._eye = Eye(driver, records, str(lead.host))

    def brought_up(self, domain: Domain, sighting: DomainSighting | None) -> Domain:
        """The domain, with whatever was seen to be otherwise on record.

        While another operation is under way on it, that one's end tells. Raises HypervisorUnreachable and LeadLost.
        """
        placement = domain.placements.get(str(self._lead.host))
        if placement is None or _under_way(domain):
            return domain
        try:
            if not self._differs(domain, placement, sighting):
                return domain
            return self._adopted(domain, placement)
        except HypervisorUnreachable:
            raise
        except Refused as refusal:
            _log.info("domain %s changed while it was looked at: %s", domain.uuid, refusal)
            return domain

    def _adopted(self, domain: Domain, placement: Placement) -> Domain:
        for _ in range(_LOOKS):
            known, domain = domain, self._look_closely(domain, placement)
            if domain is not known:
                break
            domain = self._records.domain(domain.id)
        return domain

    def _look_closely(self, domain: Domain, placement: Placement) -> Domain:
        """Record what is otherwise; the same domain where something was recorded meanwhile, such as a request."""
        host, drafts = str(self._lead.host), self._records.drafts()
        seen, settled = self._eye.look(domain, drafts), False

        def adopt(now: Domain) -> None:
            nonlocal settled
            settled = now.version == domain.version
            if settled and not _under_way(now):
                Adoption(now, host, self._records.now()).adopt(seen)

        names = {placement.name} | ({seen.name} if seen is not None else set())
        if self._records.change(domain.id, adopt, lead=self._lead, drafts=drafts, names=sorted(names)):
            _log.info("adopted what changed on domain %s before the next operation", placement.name)
        return self._records.domain(domain.id) if settled else domain

    def _differs(self, domain: Domain, placement: Placement, sighting: DomainSighting | None) -> bool:
        if sighting is None or _shown(sighting) != _recorded(placement):
            return True
        if placement.role is Role.OWNER and _tree_shown(sighting) != _tree_recorded(domain):
            return True
        return sighting.persistent and self._definition(domain) != placement.definition

    def _definition(self, domain: Domain) -> str:
        try:
            xml = self._driver.domain_xml(domain.uuid, inactive=True)
        except NoDomain:
            return ""  # it went since it was sighted
        return self._records.drafts().add(self._records.redact(domain.id, xml))


def _under_way(domain: Domain) -> bool:
    return any(operation.started for operation in domain.operations.values())


def _shown(sighting: DomainSighting) -> tuple[Any, ...]:
    state = (sighting.state, sighting.hypervisor_id) if sighting.active else ()
    return sighting.name, state, sighting.persistent, sighting.autostart, sighting.managed_save


def _recorded(placement: Placement) -> tuple[Any, ...]:
    state = (placement.state, placement.hypervisor_id) if placement.active else ()
    return placement.name, state, placement.persistent, placement.autostart, placement.managed_save


def _tree_shown(sighting: DomainSighting) -> tuple[frozenset[str], str | None]:
    return frozenset(sighting.snapshots), sighting.current_snapshot


def _tree_recorded(domain: Domain) -> tuple[frozenset[str], str | None]:
    current = domain.forest.current_snapshot
    return frozenset(record.name for record in domain.forest), None if current is None else current.name
