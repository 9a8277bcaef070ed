"""A simulated host, reached past the Revisor that leads it."""

from domain_model.flags import Undefine
from drivers.port import DomainSighting
from drivers.simulator import SimulatorDriver
from tests.equivalence.documents import root_of
from tests.equivalence.seen import DomainSeen, Host, SnapshotSeen, facts_of

_EVERYTHING = Undefine.MANAGED_SAVE | Undefine.SNAPSHOTS_METADATA | Undefine.CHECKPOINTS_METADATA


class BehindSimulator:
    """As somebody else sees the host of ``driver``; its guests' files are in ``folder``."""

    def __init__(self, driver: SimulatorDriver, folder: str) -> None:
        self._driver = driver
        self._folder = folder

    def look(self) -> Host:
        return {seen.name: self._domain(seen) for seen in self._driver.domains()}

    def clear(self) -> None:
        """Take every domain away."""
        for seen in self._driver.domains():
            if seen.active:
                self._driver.destroy(seen.uuid)
            if seen.persistent:
                self._driver.undefine(seen.uuid, _EVERYTHING)

    def _domain(self, seen: DomainSighting) -> DomainSeen:
        dumps = self._driver.snapshot_dumps(seen.uuid)
        checkpoints = {
            name: self._driver.checkpoint_xml(seen.uuid, name) for name in self._driver.checkpoints(seen.uuid)
        }
        return DomainSeen(
            uuid=seen.uuid,
            active=seen.active,
            state=int(seen.state),
            reason=seen.reason,
            persistent=seen.persistent,
            autostart=seen.autostart,
            managed_save=seen.managed_save,
            current=seen.current_snapshot,
            snapshots={name: SnapshotSeen.read(dump) for name, dump in dumps.items()},
            checkpoints={name: root_of(dump).findtext("parent/name") for name, dump in checkpoints.items()},
            definition=self._facts(seen, inactive=True) if seen.persistent else None,
            live=self._facts(seen, inactive=False) if seen.active else None,
        )

    def _facts(self, seen: DomainSighting, *, inactive: bool) -> dict[str, object]:
        return facts_of(self._driver.domain_xml(seen.uuid, inactive=inactive), self._folder)
