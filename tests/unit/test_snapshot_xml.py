"""Snapshots' XML: what is read, what is refused, and taking it apart without losing a byte."""

from pathlib import Path

import pytest
from hypothesis import given

from domain_model import snapshot_xml, xml
from domain_model.snapshot_xml import DiskSnapshot, SnapshotDocuments
from tests.unit.xml_strategies import documents

GOLDEN = Path(__file__).parent / "golden"
UUID = "5f9c1f0e-6a0d-4b57-9c1c-0d7c9b3f2a11"


def past(content: str, *, name: str = "<name>x</name>", state: str = "running") -> str:
    return f"<domainsnapshot>{name}<creationTime>1</creationTime><state>{state}</state>{content}</domainsnapshot>"


def test_a_snapshot_is_read_from_a_dump_of_libvirt() -> None:
    read = snapshot_xml.read((GOLDEN / "test-snapshot-first-secure.xml").read_text())
    assert (read.name, read.description) == ("first snapshot", "first\n  second & 'q' \"d\"\n third")
    assert (read.state, read.creation_time, read.parent) == ("running", 1795446908, None)
    assert (read.memory, read.memory_file, read.location) == ("internal", None, "internal")
    assert read.disks == (DiskSnapshot("vda", "internal"), DiskSnapshot("vdb", "internal"), DiskSnapshot("hdc", "no"))
    assert (read.has_domain, read.has_inactive_domain, read.domain_uuid) == (True, False, UUID)


def test_a_parent_and_a_second_domain_are_read() -> None:
    assert snapshot_xml.read((GOLDEN / "test-snapshot-second-secure.xml").read_text()).parent == "first snapshot"
    assert snapshot_xml.read((GOLDEN / "test-snapshot-redefined-secure.xml").read_text()).has_inactive_domain


def test_nothing_at_all_is_enough_for_a_new_snapshot() -> None:
    read = snapshot_xml.read_for_create("<domainsnapshot/>")
    assert (read.name, read.creation_time, read.memory, read.disks, read.location) == (None, None, None, (), "none")


def test_a_file_makes_memory_and_disks_external() -> None:
    read = snapshot_xml.read_for_create(
        "<domainsnapshot><memory file='/m'/><disks><disk name='vda'><source file='/d'/></disk></disks></domainsnapshot>"
    )
    assert (read.memory, read.memory_file, read.location) == ("external", "/m", "external")
    assert read.disks == (DiskSnapshot("vda", "external", None, "/d"),)


@pytest.mark.parametrize(("state", "memory"), [("shutoff", "no"), ("disk-snapshot", "no"), ("paused", "internal")])
def test_memory_follows_from_the_state_where_it_is_left_out(state: str, memory: str) -> None:
    assert snapshot_xml.read_for_redefine(past("", state=state)).memory == memory


@pytest.mark.parametrize("written", ["-9223372036854775808", " 12", "+7", "9223372036854775807"])
def test_creation_times_are_signed_64_bit_numbers(written: str) -> None:
    read = snapshot_xml.read_for_redefine(past("").replace(">1<", f">{written}<"))
    assert read.creation_time == int(written)


EVERY_DOCUMENT = documents("domainsnapshot")


@given(EVERY_DOCUMENT)
def test_what_is_taken_apart_is_put_together_with_the_same_bytes(text: str) -> None:
    parts = snapshot_xml.split(text)
    assert snapshot_xml.compose(parts) == text
    children = [child.tag for child in xml.parse(text, root="domainsnapshot")]
    assert (parts.domain is not None) == ("domain" in children)
    assert (parts.inactive_domain is not None) == ("inactiveDomain" in children)
    assert snapshot_xml.read(parts.header).name == snapshot_xml.read(text).name or "<?revisor" in text


def test_two_snapshots_of_one_domain_share_its_document() -> None:
    first, second = (
        snapshot_xml.split((GOLDEN / f"test-snapshot-{name}-secure.xml").read_text()) for name in ("first", "second")
    )
    assert first.domain == second.domain
    assert first.header != second.header


def test_a_mark_of_theirs_is_no_mark_of_ours() -> None:
    text = "<domainsnapshot><?revisor domain?><!-- <?revisor-text --><domain/><?revisor domain?></domainsnapshot>"
    parts = snapshot_xml.split(text)
    assert parts.domain == "<domain/>"
    assert snapshot_xml.compose(parts) == text


def test_of_two_domains_the_first_counts_as_it_does_to_libvirt() -> None:
    text = "<domainsnapshot><domain n='1'/><inactiveDomain n='2'/><domain n='3'/></domainsnapshot>"
    parts = snapshot_xml.split(text)
    assert (parts.domain, parts.inactive_domain) == ("<domain n='1'/>", "<inactiveDomain n='2'/>")
    assert snapshot_xml.compose(parts) == text


def test_a_mark_whose_document_is_missing_stays_to_be_seen() -> None:
    parts = snapshot_xml.split("<domainsnapshot><domain/></domainsnapshot>")
    assert (
        snapshot_xml.compose(SnapshotDocuments(parts.header)) == "<domainsnapshot><?revisor domain?></domainsnapshot>"
    )
