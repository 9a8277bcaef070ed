"""Replay: a domain and its whole snapshot tree made again on another host, and proven equal by reading it back.

libvirt's 2011 flags REDEFINE and CURRENT made this possible by hand; here it is a fold over events carried out. Every
step may be done twice: what is already there and agrees is left alone, so an interrupted replay is simply run again.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from domain_model import snapshot_xml, xml_comparison
from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, NoDomain, OperationInvalid
from domain_model.flags import SnapshotCreate, SnapshotDelete
from domain_model.snapshots import SnapshotRecord, SnapshotStateClass
from domain_model.xml_comparison import Comparison, Verdict
from drivers.port import DomainSighting, Driver
from workers.ports import Records

_AGREES = ("identical", "normalised")
_TELL_EVERY_S = 0.2

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class ReplayReport:
    """What was found on the target, compared with what was recorded."""

    snapshots: list[dict[str, Any]] = field(default_factory=list)
    """{name, result: identical|normalised|different|missing, differences: [{path, recorded, found}]}"""
    definition: dict[str, Any] = field(default_factory=dict)
    current: dict[str, str | None] = field(default_factory=dict)

    @property
    def identical(self) -> int:
        return sum(1 for entry in self.snapshots if entry["result"] == "identical")

    @property
    def total(self) -> int:
        return len(self.snapshots)

    @property
    def agrees(self) -> bool:
        """Whether everything recorded was found; additions a hypervisor makes to hand-written XML are no fault."""
        results = [entry["result"] for entry in [*self.snapshots, self.definition]]
        return all(result in _AGREES for result in results) and self.current["recorded"] == self.current["found"]

    def as_json(self) -> dict[str, Any]:
        return {
            "snapshots": self.snapshots,
            "definition": self.definition,
            "current": self.current,
            "identical": self.identical,
            "total": self.total,
        }


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
        self._tell = _Teller(progress)
        self._ordered = domain.forest.parents_first()
        self._current = domain.forest.current
        digests = {digest for record in self._ordered for digest in record.documents if digest is not None}
        texts = records.texts({definition, *digests})
        self._definition = texts[definition]
        self._documents = texts
        self._restored: dict[str, str] = {}
        """Documents with their secrets. Snapshots share most of them, so each is restored once and not with each text."""
        self.removed: list[str] = []
        """Ids of snapshots whose metadata was removed from the target, because they are recorded no more."""

    def run(self, *, existed_before: bool) -> ReplayReport:
        """Bring the target in line and read it back.

        Raises OperationInvalid (55) when the target runs the domain, or has one under its UUID that is not our
        replica; InvalidArgument (8) when the hypervisor cannot redefine snapshots.
        """
        if not self._driver.capabilities.redefine:
            raise InvalidArgument(
                f"unsupported flags (0x1): the {self._driver.capabilities.driver} driver cannot redefine snapshots",
                field="to",
                accepted="a host whose driver keeps snapshot metadata",
            )
        sighting = self._driver.domain(self._domain.uuid)
        self._refuse_foreign(sighting, existed_before=existed_before)
        self.define(sighting)
        self.redefine(self.stale(sighting))
        return self.read_back()

    def define(self, sighting: DomainSighting | None) -> None:
        """Define the domain on the target unless its definition there agrees already."""
        if sighting is not None and sighting.persistent and self._compare_definition().verdict in _AGREES:
            return
        self._driver.define(self._records.restore(self._domain.id, self._definition))

    def stale(self, sighting: DomainSighting | None) -> list[SnapshotRecord]:
        """The snapshots to redefine, parents first, after removing metadata that is in the way."""
        found = self._dumps(sighting)
        in_the_way = [name for name, dump in found.items() if not _is_of(self._domain.forest.get(name), dump)]
        if in_the_way:
            self._delete_metadata(in_the_way)
            # What hung below them hangs elsewhere now.
            sighting = self._driver.domain(self._domain.uuid)
            found = self._dumps(sighting)
        if self._current is None and sighting is not None and sighting.current_snapshot is not None:
            # A redefine makes one the current one, but nothing makes it none of them: begin anew.
            self._delete_metadata(found)
            found = {}
        self.removed = self._recorded_no_more()
        wanted = [
            record
            for record in self._ordered
            if record.name not in found or self._compare(record, found[record.name]).verdict not in _AGREES
        ]
        current = self._domain.forest.current_snapshot
        if current is not None and current not in wanted:
            shown = self._driver.domain(self._domain.uuid)
            if shown is None or shown.current_snapshot != current.name:
                wanted.append(current)
        return wanted

    def redefine(self, wanted: list[SnapshotRecord]) -> None:
        """Redefine these snapshots in this order; the recorded current one becomes current."""
        for done, record in enumerate(wanted):
            flags = SnapshotCreate.REDEFINE
            if record.id == self._current:
                flags |= SnapshotCreate.CURRENT
            if record.state_class is SnapshotStateClass.DISK_ONLY:
                flags |= SnapshotCreate.DISK_ONLY
            self._driver.snapshot_create(self._domain.uuid, self._given(record), flags)
            self._tell(done + 1, len(wanted))

    def read_back(self) -> ReplayReport:
        """Read the definition and every snapshot from the target and compare."""
        report = ReplayReport()
        sighting = self._driver.domain(self._domain.uuid)
        found = self._dumps(sighting)
        if sighting is None:
            report.definition = {"result": "missing", "differences": []}
        else:
            report.definition = _result(self._compare_definition())
        for record in self._ordered:
            if record.name in found:
                result = _result(self._compare(record, found[record.name]))
            else:
                result = {"result": "missing", "differences": []}
            report.snapshots.append({"name": record.name, **result})
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

    def _delete_metadata(self, names: Iterable[str]) -> None:
        only = self._driver.capabilities.delete_metadata_only
        flags = SnapshotDelete.METADATA_ONLY if only else SnapshotDelete.NONE
        for name in names:
            self._driver.snapshot_delete(self._domain.uuid, name, flags)

    def _recorded_no_more(self) -> list[str]:
        replicated = () if self._replica is None else self._replica.replicated
        return [snapshot for snapshot in replicated if self._domain.forest.find(snapshot) is None]

    def _dumps(self, sighting: DomainSighting | None) -> dict[str, str]:
        """The snapshots' XML on the target, with its secrets: to be compared or redacted, never kept."""
        return {} if sighting is None else self._driver.snapshot_dumps(self._domain.uuid)

    def _given(self, record: SnapshotRecord) -> str:
        """A recorded snapshot's XML as a hypervisor is given it, with its secrets."""
        for digest in record.documents:
            if digest is not None and digest not in self._restored:
                self._restored[digest] = self._records.restore(self._domain.id, self._documents[digest])
        return snapshot_xml.compose_named(record.documents, self._restored)

    def _compare(self, record: SnapshotRecord, found: str) -> Comparison:
        """Compare what was recorded with what was found; only when their bytes differ, secrets have to come out first."""
        if found == self._given(record):
            return Comparison(Verdict.IDENTICAL)
        return snapshot_xml.compare(
            snapshot_xml.compose_named(record.documents, self._documents), self._redacted(found)
        )

    def _compare_definition(self) -> Comparison:
        found = self._redacted(self._driver.domain_xml(self._domain.uuid, inactive=True))
        return xml_comparison.compare(self._definition, found, root="domain")

    def _redacted(self, xml: str) -> str:
        return self._records.redact(self._domain.id, xml)


class _Teller:
    """Passes progress on, but not a thousand times a second."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told_at = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            self._progress(done, total)


def _is_of(record: SnapshotRecord | None, xml: str) -> bool:
    """Whether a dump is of this snapshot, and not of another one under its name that no redefine could turn into it."""
    if record is None:
        return False
    said = snapshot_xml.read(xml)
    same_kind = SnapshotStateClass.of(said.state or "") is record.state_class
    return same_kind and (said.creation_time or 0) == record.creation_time


def _result(comparison: Comparison) -> dict[str, Any]:
    return {
        "result": comparison.verdict,
        "differences": [{"path": d.path, "recorded": d.recorded, "found": d.found} for d in comparison.differences],
    }
