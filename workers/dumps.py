"""The XML of recorded snapshots: as a hypervisor is given it, and compared with what a hypervisor shows."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from domain_model import snapshot_xml
from domain_model.snapshots import SnapshotRecord, SnapshotStateClass
from domain_model.xml_comparison import Comparison, Verdict
from workers.ports import Records


class Dumps:
    """Texts of one domain's snapshots, loaded together: they share most of their documents.

    ``moved`` are those that are to hang below another parent (a name) than their recorded text says.
    """

    def __init__(
        self,
        records: Records,
        domain: UUID,
        wanted: Iterable[SnapshotRecord],
        *,
        moved: Mapping[str, str | None] | None = None,
        more: Iterable[str] = (),
    ) -> None:
        self._records = records
        self._domain = domain
        self._moved = moved or {}
        digests = {digest for record in wanted for digest in record.documents if digest is not None}
        self.texts = records.texts(digests | set(more))
        self._restored: dict[str, str] = {}
        """Documents with their secrets: each is restored once and not with each text it is part of."""

    def document(self, digest: str) -> str:
        """A document as a hypervisor is given it, with its secrets."""
        if digest not in self._restored:
            self._restored[digest] = self._records.restore(self._domain, self.texts[digest])
        return self._restored[digest]

    def given(self, record: SnapshotRecord) -> str:
        """A recorded snapshot as a hypervisor is given it, with its secrets."""
        for digest in record.documents:
            if digest is not None:
                self.document(digest)
        return self._hung(record, snapshot_xml.compose_named(record.documents, self._restored))

    def compare(self, record: SnapshotRecord, found: str) -> Comparison:
        """Compare what was recorded with what was found;
        only when their bytes differ, secrets have to come out first.
        """
        if found == self.given(record):
            return Comparison(Verdict.IDENTICAL)
        recorded = self._hung(record, snapshot_xml.compose_named(record.documents, self.texts))
        return snapshot_xml.compare(recorded, self._records.redact(self._domain, found))

    def _hung(self, record: SnapshotRecord, text: str) -> str:
        if record.id not in self._moved or snapshot_xml.read(text).parent == self._moved[record.id]:
            return text
        return snapshot_xml.with_parent(text, self._moved[record.id])


def is_of(record: SnapshotRecord | None, xml: str) -> bool:
    """Whether a dump is of this snapshot, and not of another one under its name that no redefine could turn into it."""
    if record is None:
        return False
    said = snapshot_xml.read(xml)
    same_kind = SnapshotStateClass.of(said.state or "") is record.state_class
    return same_kind and (said.creation_time or 0) == record.creation_time
