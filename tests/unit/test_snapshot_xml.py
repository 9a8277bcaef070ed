"""Snapshots' XML: what is read, what is refused, and taking it apart without losing a byte."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_model import snapshot_xml, xml
from domain_model.errors import InvalidArgument, MalformedXml, Refused
from domain_model.snapshot_xml import DiskSnapshot, SnapshotDocuments
from tests.unit.xml_strategies import characters, documents

GOLDEN = Path(__file__).parent / "golden"
SNAPSHOTS = sorted(GOLDEN.glob("*-snapshot-*.xml")) + sorted(GOLDEN.parents[1].glob("golden/*-snapshot-*.xml"))
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


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_every_dump_of_a_real_hypervisor_may_be_redefined_and_is_taken_apart_and_put_together(path: Path) -> None:
    text = path.read_text()
    assert snapshot_xml.read_for_redefine(text) == snapshot_xml.read(text)
    documents = snapshot_xml.split(text)
    assert documents.domain is not None
    assert documents.domain.startswith("<domain type=")
    assert documents.domain.endswith("</domain>")
    assert "<domain " not in documents.header
    assert snapshot_xml.compose(documents) == text


def test_nothing_at_all_is_enough_for_a_new_snapshot() -> None:
    read = snapshot_xml.read_for_create("<domainsnapshot/>")
    assert (read.name, read.creation_time, read.memory, read.disks, read.location) == (None, None, None, (), "none")


def test_a_file_makes_memory_and_disks_external() -> None:
    read = snapshot_xml.read_for_create(
        "<domainsnapshot><memory file='/m'/><disks><disk name='vda'><source file='/d'/></disk></disks></domainsnapshot>"
    )
    assert (read.memory, read.memory_file, read.location) == ("external", "/m", "external")
    assert read.disks == (DiskSnapshot("vda", "external", None, "/d"),)


BAD_BOTH_WAYS = [
    ("<memory snapshot='x'/>", 27, "XML error: Invalid value for attribute 'snapshot' in element 'memory': 'x'."),
    ("<memory snapshot='manual'/>", 27, "XML error: 'manual' memory snapshot mode not supported"),
    ("<memory snapshot='external'/>", 27, "XML error: external memory snapshots require a filename"),
    ("<memory snapshot='internal' file='/x'/>", 27, "XML error: memory filename '/x' requires external snapshot"),
    ("<memory file='x'/>", 27, "XML error: memory snapshot file path (x) must be absolute"),
    ("<disks><disk/></disks>", 1, "internal error: missing name from disk snapshot element"),
    (
        "<disks><disk name='vda' snapshot='q'/></disks>",
        27,
        "XML error: Invalid value for attribute 'snapshot' in element 'disk': 'q'.",
    ),
    ("<disks><disk name='vda' type='dir'/></disks>", 27, "XML error: unsupported disk snapshot type 'dir'"),
    (
        "<disks><disk name='vda' type='zz'/></disks>",
        27,
        "XML error: Invalid value for attribute 'type' in element 'disk': 'zz'.",
    ),
    (
        "<disks><disk name='vda'><driver type='xx'/></disk></disks>",
        67,
        "unsupported configuration: unknown disk snapshot driver 'xx'",
    ),
    (
        "<disks><disk name='vda'><source file='rel'/></disk></disks>",
        27,
        "XML error: disk snapshot image path 'rel' must be absolute",
    ),
]


@pytest.mark.parametrize(("content", "number", "message"), BAD_BOTH_WAYS)
def test_memory_and_disks_are_checked_with_libvirts_words_and_number(content: str, number: int, message: str) -> None:
    for reading in (snapshot_xml.read_for_create, snapshot_xml.read_for_redefine):
        with pytest.raises(Refused) as refusal:
            reading(past(content))
        assert (refusal.value.number, refusal.value.message) == (number, message)
        assert refusal.value.field


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ("<domainsnapshot/>", 27, "XML error: a redefined snapshot must have a name"),
        (
            "<domainsnapshot><name>x</name></domainsnapshot>",
            1,
            "internal error: missing creationTime from existing snapshot",
        ),
        (
            "<domainsnapshot><name>x</name><creationTime>1 </creationTime></domainsnapshot>",
            1,
            "internal error: missing creationTime from existing snapshot",
        ),
        (past("").replace(">1<", f">{2**63}<"), 1, "internal error: missing creationTime from existing snapshot"),
        (past("").replace(">1<", f">{'9' * 5000}<"), 1, "internal error: missing creationTime from existing snapshot"),
        (past("", state=""), 27, "XML error: missing state from existing snapshot"),
        (past("", state="odd"), 67, "unsupported configuration: Invalid state 'odd' in domain snapshot XML"),
        (past("", state="nostate"), 67, "unsupported configuration: Invalid state 'nostate' in domain snapshot XML"),
        (
            past("", state="pmsuspended"),
            84,
            "Operation not supported: qemu doesn't support taking snapshots of PMSUSPENDED guests",
        ),
        (past("", state="blocked"), 1, "internal error: Invalid domain state blocked"),
        (
            past("<memory snapshot='internal'/>", state="shutoff"),
            27,
            "XML error: memory state cannot be saved with offline or disk-only snapshot",
        ),
        (past("", name="<name>a/b</name>"), 35, "invalid snapshot name 'a/b': name can't contain '/'"),
        (past("", name="<name>.a</name>"), 35, "invalid snapshot name '.a': name can't start with '.'"),
        (
            past("<domain type='test'><uuid>zz</uuid><name>a</name></domain>"),
            27,
            "XML error: malformed uuid element 'zz'",
        ),
        (past("<inactiveDomain type='test'/>"), 27, "XML error: missing name information"),
        ("<foo/>", 27, "XML error: expecting root element of 'domainsnapshot', not 'foo'"),
    ],
)
def test_metadata_that_cannot_be_redefined_is_refused_as_libvirt_does(text: str, number: int, message: str) -> None:
    with pytest.raises(Refused) as refusal:
        snapshot_xml.read_for_redefine(text)
    assert (refusal.value.number, refusal.value.message) == (number, message)
    assert refusal.value.field


@pytest.mark.parametrize(("state", "memory"), [("shutoff", "no"), ("disk-snapshot", "no"), ("paused", "internal")])
def test_memory_follows_from_the_state_where_it_is_left_out(state: str, memory: str) -> None:
    assert snapshot_xml.read_for_redefine(past("", state=state)).memory == memory


@pytest.mark.parametrize("written", ["-9223372036854775808", " 12", "+7", "9223372036854775807"])
def test_creation_times_are_signed_64_bit_numbers(written: str) -> None:
    read = snapshot_xml.read_for_redefine(past("").replace(">1<", f">{written}<"))
    assert read.creation_time == int(written)


def test_a_domain_without_a_type_is_none() -> None:
    read = snapshot_xml.read_for_redefine(past(f"<domain><uuid>{UUID}</uuid></domain>"))
    assert (read.has_domain, read.domain_uuid) == (False, None)


def test_a_bad_name_is_refused_for_a_new_snapshot_too() -> None:
    with pytest.raises(Refused, match="'a/b'") as refusal:
        snapshot_xml.read_for_create("<domainsnapshot><name>a/b</name></domainsnapshot>")
    assert (refusal.value.number, refusal.value.name, refusal.value.value) == (35, "XML_DETAIL", "a/b")


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


@given(EVERY_DOCUMENT, st.text(characters, min_size=1))
def test_a_name_is_written_and_nothing_else_changes(text: str, name: str) -> None:
    named = snapshot_xml.with_name(text, name)
    assert snapshot_xml.read(named).name == name
    before, after = named.split(f"<name>{xml.escape(name)}</name>", 1)
    data = text.encode()
    present = [span for span in xml.children(data) if span.name == "name"]
    if present:
        assert before.encode() == data[: present[0].start]
        assert after.encode() == data[present[0].end :]
    else:
        assert before.removesuffix("\n  ") + after == text


@pytest.mark.parametrize("empty", ["<domainsnapshot/>", "<domainsnapshot  />", "<domainsnapshot></domainsnapshot>"])
def test_a_name_is_written_into_an_empty_snapshot(empty: str) -> None:
    named = snapshot_xml.with_name(empty, "a&b")
    assert named.replace("\n", "") == "<domainsnapshot>  <name>a&amp;b</name></domainsnapshot>"


def test_a_new_snapshot_is_written_as_virsh_does() -> None:
    assert snapshot_xml.build("s2", "de<sc\n x") == (
        "<domainsnapshot>\n  <name>s2</name>\n  <description>de&lt;sc\n x</description>\n</domainsnapshot>\n"
    )
    assert snapshot_xml.build(None) == "<domainsnapshot>\n</domainsnapshot>\n"


@given(st.text(characters, min_size=1), st.text(characters | st.sampled_from("\n\t"), min_size=1))
def test_what_is_written_is_what_is_read(name: str, description: str) -> None:
    read = snapshot_xml.read(snapshot_xml.build(name, description))
    assert (read.name, read.description) == (name, description)


def test_a_name_xml_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        snapshot_xml.build("a\x00b")
    with pytest.raises(MalformedXml):
        snapshot_xml.with_name("<domain/>", "a")
