"""Restoring what a hypervisor forgot when a domain was undefined or a transient one stopped: its whole snapshot forest.

The domain is there again, under the same UUID; its snapshots' data never went. What the log has of the metadata is
redefined parents first, read back and compared. It may be done twice, so one that was interrupted is simply run again.
"""

from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, NoDomain, OperationFailed
from domain_model.flags import SnapshotCreate
from domain_model.redefinition import Step, plan, restoration
from drivers.port import DomainSighting, Driver
from workers.dumps import is_of
from workers.ports import Records
from workers.redefining import Progress, Redefinition, dumps_for
from workers.replay_report import ReplayReport


class Restoration:
    """One restoration of one domain's lost forest, on the host of its owner."""

    def __init__(self, driver: Driver, records: Records, domain: Domain, progress: Progress) -> None:
        self._driver = driver
        self._domain = domain
        self._progress = progress
        self._steps = plan(domain.forest, restoration(domain.forest, domain.forest.lost))
        self._dumps = dumps_for(self._steps, records, domain.id)
        self._redefinition = Redefinition(driver, domain.uuid, self._dumps)
        self.touched = self._redefinition.touched

    def run(self) -> ReplayReport:
        """Redefine what was lost and read it back.

        Raises NoDomain (42) when the host has no such domain, InvalidArgument (8) when the hypervisor cannot redefine
        snapshots, OperationFailed (9) when it has another snapshot under the name of a lost one.
        """
        if not self._driver.capabilities.redefine:
            raise InvalidArgument(
                f"unsupported flags (0x1): the {self._driver.capabilities.driver} driver cannot redefine snapshots",
                field="host",
                accepted="a host whose driver keeps snapshot metadata",
            )
        sighting = self._sighting()
        for step in self._steps:
            self._refuse_another(step, sighting)
        self._redefinition.carry_out(self._steps, self._progress)
        return self._read_back()

    def _sighting(self) -> DomainSighting:
        sighting = self._driver.domain(self._domain.uuid)
        if sighting is None:
            raise NoDomain(f"no domain '{self._domain.name}' on the host", field="domain", value=self._domain.name)
        return sighting

    def _refuse_another(self, step: Step, sighting: DomainSighting) -> None:
        """A snapshot that nobody recorded yet must not be replaced by a lost one of its name."""
        if step.name in sighting.snapshots and not is_of(
            step.record, self._driver.snapshot_xml(self._domain.uuid, step.name)
        ):
            raise OperationFailed(f"domain moment {step.name} already exists", field="name", value=step.name)

    def _read_back(self) -> ReplayReport:
        report = ReplayReport()
        found = self._driver.snapshot_dumps(self._domain.uuid)
        for step in self._steps:
            if step.record is not None:
                dump = found.get(step.name)
                report.add(step.name, None if dump is None else self._dumps.compare(step.record, dump))
        current = next((step.name for step in self._steps if step.flags & SnapshotCreate.CURRENT), None)
        if current is None and self._domain.forest.current_snapshot is not None:
            current = self._domain.forest.current_snapshot.name
        report.current = {"recorded": current, "found": self._sighting().current_snapshot}
        return report
