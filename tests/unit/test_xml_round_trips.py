"""Whatever a domain or a snapshot is and however its XML says it:
it is read as that, and survives all that is done to it.
"""

import hashlib
from dataclasses import replace

from hypothesis import given

from domain_model import domain_xml, secrets, snapshot_xml, xml_comparison
from domain_model.domain_xml import DomainDefinition
from domain_model.snapshot_xml import MemorySnapshot, SnapshotDescription
from domain_model.xml_comparison import Verdict
from tests.unit.xml_values import TEXTS, definitions, snapshots

Domain = tuple[DomainDefinition, str]
Snapshot = tuple[SnapshotDescription, str]


def reference(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:24]


@given(definitions())
def test_a_definition_is_read_however_it_is_written(domain: Domain) -> None:
    value, text = domain
    assert domain_xml.read(text) == value


@given(snapshots())
def test_a_snapshot_is_read_however_it_is_written(snapshot: Snapshot) -> None:
    value, text = snapshot
    assert snapshot_xml.read(text) == value


@given(snapshots())
def test_a_snapshot_is_taken_apart_and_put_together_with_the_same_bytes(snapshot: Snapshot) -> None:
    value, text = snapshot
    documents = snapshot_xml.split(text)
    assert (documents.domain is not None, documents.inactive_domain is not None) == (
        value.has_domain,
        value.has_inactive_domain,
    )
    assert snapshot_xml.compose(documents) == text


@given(snapshots())
def test_taking_secrets_out_changes_nothing_that_is_read_and_putting_them_back_gives_the_bytes(
    snapshot: Snapshot,
) -> None:
    _, text = snapshot
    redacted, vault = secrets.redact(text, reference)
    assert secrets.restore(redacted, vault.__getitem__) == text
    assert snapshot_xml.read(redacted).name is not None or snapshot_xml.read(text).name is None


@given(snapshots(), TEXTS, TEXTS)
def test_a_new_name_and_a_new_parent_change_what_is_read_in_that_alone(
    snapshot: Snapshot, name: str, parent: str
) -> None:
    value, text = snapshot
    written = snapshot_xml.with_parent(snapshot_xml.with_name(text, name), parent)
    read = snapshot_xml.read(written)
    assert (read.name, read.parent) == (name, parent)
    assert snapshot_xml.read(snapshot_xml.with_parent(written, None)).parent is None
    assert snapshot_xml.split(written).domain == snapshot_xml.split(text).domain
    assert [getattr(read, field) for field in UNTOUCHED] == [getattr(value, field) for field in UNTOUCHED]


UNTOUCHED = [field for field in SnapshotDescription.__dataclass_fields__ if field not in ("name", "parent")]


@given(snapshots())
def test_what_is_asked_of_a_new_snapshot_is_what_was_read_from_one(snapshot: Snapshot) -> None:
    value, _ = snapshot
    files = [replace(disk, type=None) for disk in value.disks if disk.type != "network"]
    memory = MemorySnapshot(value.memory, value.memory_file)
    read = snapshot_xml.read(snapshot_xml.build(value.name, value.description, memory, files))
    assert (read.name, read.description, read.memory, read.memory_file) == (
        value.name,
        value.description,
        value.memory,
        value.memory_file,
    )
    assert read.disks == tuple(files)


@given(definitions(), definitions())
def test_a_definition_is_like_itself_and_like_no_other(one: Domain, other: Domain) -> None:
    same = xml_comparison.compare(one[1], one[1] + "<!-- read back -->", root="domain")
    assert (same.verdict, same.differences) == (Verdict.NORMALISED, ())
    if one[0] != other[0]:
        assert xml_comparison.compare(one[1], other[1], root="domain").differences
