"""Looking at the checkpoints of a domain and at a backup that runs, where the driver knows of such things.

A part of ``looking``, for close looks: a round over all domains must not ask each of them for its checkpoints too.
"""

from collections.abc import Callable, Collection

from domain_model import checkpoint_xml, snapshot_xml
from domain_model.checkpoint_adoption import BackupSeen, CheckpointDump, CheckpointsSeen
from domain_model.domain import Domain
from domain_model.placements import Role
from drivers.abilities import Backups, Checkpoints
from drivers.port import Driver
from workers.ports import Drafts, Records


class CheckpointEye:
    """Looks at the checkpoints of one host's domains. Every method may raise HypervisorUnreachable."""

    def __init__(self, driver: Driver, records: Records, host: str, goes_on: Callable[[], None]) -> None:
        """``goes_on`` as of ``Eye``."""
        self._driver = driver
        self._records = records
        self._host = host
        self._goes_on = goes_on

    def names(self, domain: Domain) -> tuple[str, ...] | None:
        """The names of its checkpoints; None where the driver does not know."""
        driver = self._driver
        return tuple(driver.checkpoints(domain.uuid)) if isinstance(driver, Checkpoints) else None

    def look(self, domain: Domain, drafts: Drafts, wanted: Collection[str]) -> CheckpointsSeen | None:
        """The checkpoints, with dumps of the ``wanted``, of those not recorded, and of those whose parent is gone.

        None on a replica, which has none of the domain's own, and where the driver does not know.
        """
        driver = self._driver
        if not isinstance(driver, Checkpoints) or not self._owns(domain):
            return None
        names = frozenset(driver.checkpoints(domain.uuid))
        worth = names & (frozenset(wanted) | _orphans(domain, names) | _unrecorded(domain, names))
        dumps = {name: self._dump(driver, domain, name, drafts) for name in sorted(worth)}
        return CheckpointsSeen(names, dumps)

    def backup(self, domain: Domain) -> BackupSeen | None:
        """The end of the backup that was running here when last seen, if it is over. Asks nobody if none was."""
        running, driver = domain.checkpoints.backup, self._driver
        if running is None or running.host != self._host or not isinstance(driver, Backups):
            return None
        end = driver.backup_end(domain.uuid)
        return None if end is None else BackupSeen(running.id, end.outcome, end.message)

    def _owns(self, domain: Domain) -> bool:
        placement = domain.placements.get(self._host)
        return placement is None or placement.role is Role.OWNER

    def _dump(self, driver: Checkpoints, domain: Domain, name: str, drafts: Drafts) -> CheckpointDump:
        self._goes_on()
        xml = self._records.redact(domain.id, driver.checkpoint_xml(domain.uuid, name))
        said, parts = checkpoint_xml.read(xml), snapshot_xml.split(xml)
        return CheckpointDump(
            name=name,
            parent=said.parent,
            creation_time=said.creation_time or 0,
            description=said.description,
            header=drafts.add(parts.header),
            domain=None if parts.domain is None else drafts.add(parts.domain),
        )


def _unrecorded(domain: Domain, names: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in names if name not in domain.checkpoints)


def _orphans(domain: Domain, names: frozenset[str]) -> frozenset[str]:
    gone = {record.id for record in domain.checkpoints if record.name not in names}
    return frozenset(record.name for record in domain.checkpoints if record.parent in gone)
