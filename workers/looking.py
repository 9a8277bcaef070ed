"""Looking at a hypervisor: what it shows of a domain, as an observation whose texts are documents without secrets."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from domain_model import snapshot_xml
from domain_model.adoption import Observation, SnapshotDump
from domain_model.domain import Domain
from domain_model.errors import NoDomain
from domain_model.placements import Role
from domain_model.rules import Situation
from drivers.port import DomainSighting, Driver
from workers.checkpoint_eye import CheckpointEye
from workers.image_eye import ImageEye
from workers.ports import Drafts, Records


def unwatched() -> None:
    """Nobody wants to know."""


class Eye:
    """Looks at the domains of one host. Every method may raise HypervisorUnreachable."""

    def __init__(self, driver: Driver, records: Records, host: str, goes_on: Callable[[], None] = unwatched) -> None:
        """``goes_on`` is told before each dump that it has not come to a stop: a tree may have thousands."""
        self._driver = driver
        self._records = records
        self._host = host
        self._goes_on = goes_on
        self._checkpoints = CheckpointEye(driver, records, host, goes_on)
        self._images = ImageEye(driver, host)

    def sighting(self, domain: Domain) -> DomainSighting | None:
        """All that rules and evidence have to do with, or None when the hypervisor has no such domain."""
        sighting = self._driver.domain(domain.uuid)
        try:
            return None if sighting is None else replace(sighting, checkpoints=self._checkpoints.names(domain))
        except NoDomain:
            return None  # it went between the two questions

    def look(self, domain: Domain, drafts: Drafts, *, dump: Iterable[str] = ()) -> Observation | None:
        """The domain now, or None when the hypervisor has none such.

        Dumps the snapshots and checkpoints in ``dump``, those not recorded yet, and the children of those that are
        gone.
        """
        sighting = self._driver.domain(domain.uuid)
        try:
            return None if sighting is None else self._observation(domain, drafts, sighting, frozenset(dump))
        except NoDomain:
            return None  # it went while it was looked at

    def _observation(
        self, domain: Domain, drafts: Drafts, sighting: DomainSighting, wanted: frozenset[str]
    ) -> Observation:
        dumps = {
            name: self._dump(domain, name, drafts)
            for name in sorted(self._worth_dumping(domain, sighting, set(wanted)))
            if name in sighting.snapshots
        }
        presence, images = self._images.look(domain)
        return Observation(
            name=sighting.name,
            state=sighting.state,
            reason=sighting.reason,
            hypervisor_id=sighting.hypervisor_id,
            persistent=sighting.persistent,
            autostart=sighting.autostart,
            managed_save=sighting.managed_save,
            definition=self._xml(domain, drafts, inactive=True) if sighting.persistent else None,
            live=self._xml(domain, drafts, inactive=False) if sighting.active else None,
            snapshots=frozenset(sighting.snapshots),
            current=sighting.current_snapshot,
            dumps=dumps,
            checkpoints=self._checkpoints.look(domain, drafts, wanted),
            backup=self._checkpoints.backup(domain),
            presence=presence,
            images=images,
        )

    def _worth_dumping(self, domain: Domain, sighting: DomainSighting, wanted: set[str]) -> set[str]:
        placement = domain.placements.get(self._host)
        if placement is not None and placement.role is not Role.OWNER:
            return set()
        forest, seen = domain.forest, set(sighting.snapshots)
        gone = {record.id for record in forest if record.name not in seen}
        orphans = {record.name for record in forest if record.parent in gone}
        return wanted | orphans | {name for name in seen if name not in forest}

    def _xml(self, domain: Domain, drafts: Drafts, *, inactive: bool) -> str:
        xml = self._driver.domain_xml(domain.uuid, inactive=inactive)
        return drafts.add(self._records.redact(domain.id, xml))

    def _dump(self, domain: Domain, name: str, drafts: Drafts) -> SnapshotDump:
        self._goes_on()
        xml = self._records.redact(domain.id, self._driver.snapshot_xml(domain.uuid, name))
        said, parts = snapshot_xml.read(xml), snapshot_xml.split(xml)
        return SnapshotDump(
            name=name,
            parent=said.parent,
            state=said.state or "nostate",
            creation_time=said.creation_time or 0,
            description=said.description,
            location=said.location,
            header=drafts.add(parts.header),
            domain=None if parts.domain is None else drafts.add(parts.domain),
            inactive_domain=None if parts.inactive_domain is None else drafts.add(parts.inactive_domain),
        )


def situation_of(sighting: DomainSighting, domain: Domain) -> Situation:
    """The situation as just observed, for checking the rules again."""
    return Situation(
        name=sighting.name,
        state=sighting.state,
        active=sighting.active,
        persistent=sighting.persistent,
        managed_save=sighting.managed_save,
        snapshots=frozenset(sighting.snapshots),
        forest=domain.forest,
        checkpoints=frozenset(sighting.checkpoints or ()),
        checkpoint_forest=domain.checkpoints,
        uuid=domain.uuid,
    )


def evidence_of(sighting: DomainSighting | None, domain: Domain) -> dict[str, Any]:
    """What is worth knowing, if the answer gets lost, about how it was before.

    Snapshots are told by how they differ from what is recorded at this moment: the names of a large tree in every
    operation would make the log of a domain grow with the square of its snapshots.
    """
    if sighting is None:
        return {"existed": False}
    seen, recorded = set(sighting.snapshots), {record.name for record in domain.forest}
    return {
        "existed": True,
        "state": int(sighting.state),
        "reason": sighting.reason,
        "hypervisor_id": sighting.hypervisor_id,
        "persistent": sighting.persistent,
        "snapshots_unrecorded": sorted(seen - recorded),
        "snapshots_missing": sorted(recorded - seen),
        "current_snapshot": sighting.current_snapshot,
    }
