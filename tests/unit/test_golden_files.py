"""What holds for every golden file, whoever wrote it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from domain_model import domain_xml, secrets, snapshot_xml, xml, xml_comparison
from domain_model.flags import SnapshotCreate
from domain_model.xml_comparison import Comparison, Verdict
from drivers.simulator import SimulatorDriver
from tests.unit.golden_files import (
    ALL,
    DOMAINS,
    PLANTED,
    SNAPSHOTS,
    GoldenFile,
    expected,
    expected_definition,
    expected_snapshot,
)

EXPECTED = expected()
REDEFINABLE = [file for file in SNAPSHOTS if file.is_dump]

every_file = pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
every_domain = pytest.mark.parametrize("file", DOMAINS, ids=lambda file: file.name)
every_snapshot = pytest.mark.parametrize("file", SNAPSHOTS, ids=lambda file: file.name)
every_dump_of_a_snapshot = pytest.mark.parametrize("file", REDEFINABLE, ids=lambda file: file.name)


def reference(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:24]


def by_another_reader(file: GoldenFile) -> ET.Element:
    return ET.fromstring(file.text.encode())  # noqa: S314  our own files, and a parser of another make on purpose


def test_there_are_enough_of_them_and_for_each_it_is_written_down_what_it_says() -> None:
    ours = [file for file in ALL if file.path.parent.name == "golden" and file.path.parents[1].name == "tests"]
    assert len(ours) >= 40
    assert set(EXPECTED) == {file.name for file in ours}
    assert [planted for planted in PLANTED if not any(planted in file.text for file in ALL)] == []


@pytest.mark.parametrize("name", EXPECTED)
def test_it_is_read_as_saying_what_is_written_down(name: str) -> None:
    (file,) = (file for file in ALL if file.name == name)
    if file.is_snapshot:
        assert snapshot_xml.read(file.text) == expected_snapshot(EXPECTED[name])
    else:
        assert domain_xml.read(file.text) == expected_definition(EXPECTED[name])


@every_snapshot
def test_a_snapshot_taken_apart_is_put_together_with_the_same_bytes(file: GoldenFile) -> None:
    documents = snapshot_xml.split(file.text)
    assert snapshot_xml.compose(documents) == file.text
    root = xml.parse(file.text, root="domainsnapshot")
    assert (documents.domain is None, documents.inactive_domain is None) == (
        root.find("domain") is None,
        root.find("inactiveDomain") is None,
    )
    header = xml.parse(documents.header, root="domainsnapshot")
    assert header.find("domain") is header.find("inactiveDomain") is None
    for cut, tag in ((documents.domain, "domain"), (documents.inactive_domain, "inactiveDomain")):
        assert cut is None or (cut.startswith(f"<{tag}") and cut.endswith(f"</{tag}>"))


@every_file
def test_its_secrets_are_taken_out_and_put_back_to_the_byte(file: GoldenFile) -> None:
    redacted, vault = secrets.redact(file.text, reference)
    assert [planted for planted in PLANTED if planted in redacted] == []
    assert (redacted == file.text) == (not vault)
    assert secrets.references(redacted) == set(vault)
    assert secrets.restore(redacted, vault.__getitem__) == file.text
    assert secrets.mask(redacted) == secrets.mask(file.text)
    assert [planted for planted in PLANTED if planted in secrets.mask(file.text)] == []


@every_file
def test_it_says_the_same_as_itself_and_as_itself_written_by_another_writer(file: GoldenFile) -> None:
    root = "domainsnapshot" if file.is_snapshot else "domain"
    assert xml_comparison.compare(file.text, file.text, root=root) == Comparison(Verdict.IDENTICAL)
    rewritten = ET.tostring(by_another_reader(file), encoding="unicode") + "\n<!-- anew -->"
    assert xml_comparison.compare(file.text, rewritten, root=root) == Comparison(Verdict.NORMALISED)


@every_file
def test_something_changed_in_it_is_seen(file: GoldenFile) -> None:
    root = "domainsnapshot" if file.is_snapshot else "domain"
    changed = by_another_reader(file)
    last = list(changed.iter())[-1]
    last.tag += "-changed"
    comparison = xml_comparison.compare(file.text, ET.tostring(changed, encoding="unicode"), root=root)
    assert comparison.verdict is Verdict.DIFFERENT


@every_domain
def test_a_domain_that_has_its_uuid_is_left_as_it_is(file: GoldenFile) -> None:
    uuid = domain_xml.read(file.text).uuid
    assert uuid is not None
    assert domain_xml.with_uuid(file.text, uuid) == file.text


@every_snapshot
def test_a_new_name_and_a_new_parent_change_nothing_else(file: GoldenFile) -> None:
    said = snapshot_xml.read(file.text)
    renamed = snapshot_xml.with_name(file.text, "a & b")
    hung = snapshot_xml.with_parent(renamed, "c < d")
    read = snapshot_xml.read(hung)
    assert (read.name, read.parent) == ("a & b", "c < d")
    back = snapshot_xml.with_parent(hung, said.parent)
    if said.name is not None:
        back = snapshot_xml.with_name(back, said.name)
        assert snapshot_xml.read(back) == said
        if not file.name.startswith("hand-"):
            assert back == file.text


@every_dump_of_a_snapshot
def test_a_dump_of_a_snapshot_may_be_redefined_and_leaves_nothing_to_be_filled_in(file: GoldenFile) -> None:
    assert snapshot_xml.read_for_redefine(file.text) == snapshot_xml.read(file.text)


@every_dump_of_a_snapshot
def test_a_domain_in_a_snapshot_is_moved_out_and_in_to_the_byte(file: GoldenFile) -> None:
    nested = snapshot_xml.split(file.text).domain or ""
    outside = xml.dedent(nested, 2)
    assert outside.splitlines()[1].startswith("  <name>")
    assert xml.indent(outside, 2).removeprefix("  ") == nested


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    driver = SimulatorDriver(tmp_path / "alpha", "alpha")
    yield driver
    driver.close()


@every_dump_of_a_snapshot
def test_a_dump_of_a_snapshot_redefined_on_the_simulator_is_dumped_as_it_was(
    host: SimulatorDriver, file: GoldenFile
) -> None:
    said = snapshot_xml.read(file.text)
    definition = xml.dedent(snapshot_xml.split(file.text).domain or "", 2) + "\n"
    host.define(definition)
    (seen,) = host.domains()
    if said.parent is not None:
        parent = snapshot_xml.with_name(snapshot_xml.with_parent(file.text, None), said.parent)
        host.snapshot_create(seen.uuid, parent, SnapshotCreate.REDEFINE)

    host.snapshot_create(seen.uuid, file.text, SnapshotCreate.REDEFINE)

    assert host.snapshot_xml(seen.uuid, said.name or "") == file.text
