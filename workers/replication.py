"""Replay: a domain and its whole snapshot tree made again on another host, and proven equal by reading it back.

libvirt's 2011 flags REDEFINE and CURRENT made this possible by hand; here it is a fold over events carried out. Every
step may be done twice: what is already there and agrees is left alone, so an interrupted replay is simply run again.
"""

from collections.abc import Iterable

from domain_model import domain_xml, xml_comparison
from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, NoDomain, OperationInvalid, OperationUnsupported
from domain_model.flags import SnapshotCreate, SnapshotDelete
from domain_model.redefinition import Step
from domain_model.snapshots import SnapshotRecord, SnapshotStateClass
from domain_model.xml_comparison import Comparison
from drivers.abilities import Checkpoints, Tuning
from drivers.port import DomainSighting, Driver
from workers.dumps import Dumps, is_of
from workers.ports import Records
from workers.redefining import Progress, Redefinition
from workers.replay_report import AGREES, MISSING, ReplayReport, result_of


class Replication:
    """One replay of one domain to the host behind ``driver``."""

    def __init__(self, driver: Driver, records: Records, domain: Domain, host: str, progress: Progress) -> None:
        owner = domain.owner
        definition = None if owner is None else owner.definition or owner.live
        if definition is None:
            raise NoDomain(f"domain '{domain.name}' is on no host", field="domain", value=domain.name)
        self._driver = driver
        self._records = records
        self._domain = domain
        self._replica = domain.replica_on(host)
        self._progress = progress
        self._ordered = domain.forest.parents_first()
        self._current = domain.forest.current
        self._dumps = Dumps(records, domain.id, self._ordered, more=[definition])
        self._definition = definition
        self.removed: list[str] = []
        """Ids of snapshots whose metadata was removed from the target, because they are recorded no more."""

    def run(self, *, existed_before: bool) -> ReplayReport:
        """Bring the target in line and read it back.

        Raises OperationInvalid (55) when the target runs the domain, or has one under its UUID that is not our
        replica; InvalidArgument (8) when the hypervisor cannot redefine snapshots; OperationUnsupported (84) when the
        target has checkpoints of it.
        """
        if not self._driver.capabilities.redefine:
            raise InvalidArgument(
                f"unsupported flags (0x1): the {self._driver.capabilities.driver} driver cannot redefine snapshots",
                field="to",
                accepted="a host whose driver keeps snapshot metadata",
            )
        sighting = self._driver.domain(self._domain.uuid)
        self._refuse_foreign(sighting, existed_before=existed_before)
        self._refuse_checkpoints(sighting)
        self.define(sighting)
        self.redefine(self.stale(sighting))
        return self.read_back()

    def define(self, sighting: DomainSighting | None) -> None:
        """Define the domain on the target unless its definition there agrees already."""
        if sighting is not None and sighting.persistent and self._compare_definition().verdict in AGREES:
            return
        if sighting is not None:
            self._rename(sighting)
        self._driver.define(self._dumps.document(self._definition))

    def _rename(self, sighting: DomainSighting) -> None:
        """A hypervisor takes no definition with another name under the same UUID."""
        name = domain_xml.read(self._dumps.texts[self._definition]).name
        if sighting.name != name and isinstance(self._driver, Tuning):
            self._driver.rename(self._domain.uuid, name)

    def stale(self, sighting: DomainSighting | None) -> list[SnapshotRecord]:
        """The snapshots to redefine, parents first, after removing metadata that is in the way."""
        found = self._found(sighting)
        in_the_way = [name for name, dump in found.items() if not is_of(self._domain.forest.get(name), dump)]
        if in_the_way:
            self._delete_metadata(in_the_way)
            # What hung below them hangs elsewhere now.
            sighting = self._driver.domain(self._domain.uuid)
            found = self._found(sighting)
        if self._current is None and sighting is not None and sighting.current_snapshot is not None:
            # A redefine makes one the current one, but nothing makes it none of them: begin anew.
            self._delete_metadata(found)
            found = {}
        self.removed = self._recorded_no_more()
        wanted = [
            record
            for record in self._ordered
            if record.name not in found or self._dumps.compare(record, found[record.name]).verdict not in AGREES
        ]
        current = self._domain.forest.current_snapshot
        if current is not None and current not in wanted:
            shown = self._driver.domain(self._domain.uuid)
            if shown is None or shown.current_snapshot != current.name:
                wanted.append(current)
        return wanted

    def redefine(self, wanted: list[SnapshotRecord]) -> None:
        """Redefine these snapshots in this order; the recorded current one becomes current."""
        steps = [self._step(record) for record in wanted]
        Redefinition(self._driver, self._domain.uuid, self._dumps).carry_out(steps, self._progress)

    def _step(self, record: SnapshotRecord) -> Step:
        flags = SnapshotCreate.REDEFINE
        if record.id == self._current:
            flags |= SnapshotCreate.CURRENT
        if record.state_class is SnapshotStateClass.DISK_ONLY:
            flags |= SnapshotCreate.DISK_ONLY
        return Step(record.name, self._domain.forest.parent_name(record), flags, None, record)

    def read_back(self) -> ReplayReport:
        """Read the definition and every snapshot from the target and compare."""
        report = ReplayReport()
        sighting = self._driver.domain(self._domain.uuid)
        found = self._found(sighting)
        if sighting is None:
            report.definition = MISSING
        else:
            report.definition = result_of(self._compare_definition())
        for record in self._ordered:
            dump = found.get(record.name)
            report.add(record.name, None if dump is None else self._dumps.compare(record, dump))
        current = self._domain.forest.current_snapshot
        report.current = {
            "recorded": None if current is None else current.name,
            "found": None if sighting is None else sighting.current_snapshot,
        }
        return report

    def _refuse_foreign(self, sighting: DomainSighting | None, *, existed_before: bool) -> None:
        if sighting is None:
            return
        if sighting.active:
            raise OperationInvalid(
                f"domain '{sighting.name}' is running on the target host", field="to", accepted="an inactive replica"
            )
        if existed_before and self._replica is None:
            raise OperationInvalid(
                f"the target host already has a domain with uuid {sighting.uuid} that is no replica of ours",
                field="to",
                value=sighting.name,
                accepted="a host without that uuid",
            )

    def _refuse_checkpoints(self, sighting: DomainSighting | None) -> None:
        """It owned the domain once. Beside them libvirt redefines no snapshots (libvirt-semantics 1.2)."""
        if sighting is None or not isinstance(self._driver, Checkpoints):
            return
        names = self._driver.checkpoints(self._domain.uuid)
        if names:
            raise OperationUnsupported(
                f"domain '{sighting.name}' still has {len(names)} checkpoints on the target host",
                field="to",
                value=", ".join(names),
                accepted="undefine --checkpoints-metadata --snapshots-metadata there, and replay again",
            )

    def _delete_metadata(self, names: Iterable[str]) -> None:
        only = self._driver.capabilities.delete_metadata_only
        flags = SnapshotDelete.METADATA_ONLY if only else SnapshotDelete.NONE
        for name in names:
            self._driver.snapshot_delete(self._domain.uuid, name, flags)

    def _recorded_no_more(self) -> list[str]:
        replicated = () if self._replica is None else self._replica.replicated
        return [snapshot for snapshot in replicated if self._domain.forest.find(snapshot) is None]

    def _found(self, sighting: DomainSighting | None) -> dict[str, str]:
        """The snapshots' XML on the target, with its secrets: to be compared or redacted, never kept."""
        return {} if sighting is None else self._driver.snapshot_dumps(self._domain.uuid)

    def _compare_definition(self) -> Comparison:
        found = self._records.redact(self._domain.id, self._driver.domain_xml(self._domain.uuid, inactive=True))
        return xml_comparison.compare(self._dumps.texts[self._definition], found, root="domain")
