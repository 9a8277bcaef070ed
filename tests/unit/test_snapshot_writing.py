"""What Revisor writes into a snapshot's XML, leaving every other byte as it is, and the XML of new snapshots."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain_model import snapshot_specs, snapshot_xml, xml
from domain_model.errors import InvalidArgument, MalformedXml, Refused
from domain_model.snapshot_xml import DiskSnapshot, MemorySnapshot
from tests.unit.xml_strategies import characters, documents

GOLDEN = Path(__file__).parents[1] / "golden"
OFFLINE, RUNNING = ((GOLDEN / f"qemu-snapshot-{name}.xml").read_text() for name in ("offline", "running"))
PARENT = "  <parent>\n    <name>installed</name>\n  </parent>\n"

EVERY_DOCUMENT = documents("domainsnapshot")
TEXTS = st.text(characters | st.sampled_from("\r\n\t"), min_size=1)


def children(text: str, tag: str) -> list[xml.Span]:
    return [span for span in xml.children(text.encode()) if span.name == tag]


def changed(before: str, after: str) -> tuple[int, int]:
    """The bytes of ``before`` that are others in ``after``, up to what begins and ends them both."""
    one, other = before.encode(), after.encode()
    shorter = min(len(one), len(other))
    start = next((at for at in range(shorter) if one[at] != other[at]), shorter)
    end = next((at for at in range(shorter - start) if one[-1 - at] != other[-1 - at]), shorter - start)
    return start, len(one) - end


@given(EVERY_DOCUMENT, TEXTS)
@example("<domainsnapshot></domainsnapshot>", "a\rb")
def test_a_name_is_written_and_nothing_else_changes(text: str, name: str) -> None:
    named = snapshot_xml.with_name(text, name)
    assert snapshot_xml.read(named).name == name
    before, after = named.split(f"<name>{xml.escape_text(name)}</name>", 1)
    present = children(text, "name")
    if present:
        assert before.encode() == text.encode()[: present[0].start]
        assert after.encode() == text.encode()[present[0].end :]
    else:
        assert before.removesuffix("\n  ") + after == text


@given(text=EVERY_DOCUMENT, value=TEXTS)
@example(text="<domainsnapshot><parent/></domainsnapshot>", value="a\rb")
def test_a_parent_is_written_and_nothing_else_changes(text: str, value: str) -> None:
    written = snapshot_xml.with_parent(text, value)
    assert snapshot_xml.read(written).parent == value
    assert snapshot_xml.with_parent(written, value) == written
    start, end = changed(text, written)
    present = children(text, "parent")
    if present:
        assert any(span.start <= start <= end <= span.end for span in present) or start == end
    else:
        assert end - start <= len(b"/>"), "nothing but the tag of an empty snapshot is taken away"
    assert len(children(written, "parent")) == max(len(present), 1)


@given(text=EVERY_DOCUMENT)
def test_a_parent_is_taken_away_with_its_line_and_nothing_else_changes(text: str) -> None:
    without = snapshot_xml.with_parent(text, None)
    assert without == snapshot_xml.with_parent(text, "")
    assert snapshot_xml.read(without).parent is None
    data, kept, done = text.encode(), b"", 0
    for span in children(text, "parent"):
        gap = data[done : span.start]
        line, break_, spaces = gap.rpartition(b"\n")
        kept += line if break_ and not spaces.strip(xml.XML_SPACE) else gap
        done = span.end
    assert without.encode() == kept + data[done:]


def test_a_parent_is_taken_away_and_put_back_where_libvirt_had_it() -> None:
    assert snapshot_xml.with_parent(RUNNING, "installed") == RUNNING
    assert snapshot_xml.with_parent(RUNNING, None) == RUNNING.replace(PARENT, "")
    assert snapshot_xml.with_parent(RUNNING.replace(PARENT, ""), "installed") == RUNNING
    assert snapshot_xml.with_parent(RUNNING, "a & b") == RUNNING.replace(
        PARENT, PARENT.replace("installed", "a &amp; b")
    )
    assert snapshot_xml.with_parent(OFFLINE, None) == OFFLINE


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<domainsnapshot/>", "<domainsnapshot>\n  <parent>\n    <name>p</name>\n  </parent>\n</domainsnapshot>"),
        (
            "<domainsnapshot><name>a</name><state>running</state></domainsnapshot>",
            "<domainsnapshot><name>a</name><state>running</state><parent><name>p</name></parent></domainsnapshot>",
        ),
        (
            "<domainsnapshot>\n\n\t<state>running</state>\n\n\t<name>a</name>\n</domainsnapshot>",
            (
                "<domainsnapshot>\n\n\t<state>running</state>\n\t<parent>\n\t  <name>p</name>\n\t</parent>\n\n"
                "\t<name>a</name>\n</domainsnapshot>"
            ),
        ),
        (
            "<domainsnapshot><parent/><parent><!-- of <name>x</name> --><name at='1'>o</name> </parent></domainsnapshot>",
            "<domainsnapshot><parent/><parent><!-- of <name>x</name> --><name>p</name> </parent></domainsnapshot>",
        ),
        (
            "<domainsnapshot>\n  <parent/></domainsnapshot>",
            "<domainsnapshot>\n  <parent>\n    <name>p</name>\n  </parent></domainsnapshot>",
        ),
        (
            "<domainsnapshot><parent xmlns='urn:x'><name>theirs</name></parent><name>a</name></domainsnapshot>",
            (
                "<domainsnapshot><parent xmlns='urn:x'><name>theirs</name></parent><name>a</name>"
                "<parent><name>p</name></parent></domainsnapshot>"
            ),
        ),
    ],
)
def test_a_parent_is_written_in_the_place_and_form_that_the_text_has_for_it(text: str, written: str) -> None:
    assert snapshot_xml.with_parent(text, "p") == written
    assert snapshot_xml.read(written).parent == "p"


@pytest.mark.parametrize("empty", ["<domainsnapshot/>", "<domainsnapshot  />", "<domainsnapshot></domainsnapshot>"])
def test_a_name_is_written_into_an_empty_snapshot(empty: str) -> None:
    named = snapshot_xml.with_name(empty, "a&b")
    assert named.replace("\n", "") == "<domainsnapshot>  <name>a&amp;b</name></domainsnapshot>"


def test_what_is_no_snapshot_or_no_text_of_xml_is_not_written_into() -> None:
    with pytest.raises(InvalidArgument):
        snapshot_xml.build("a\x00b")
    for written in (snapshot_xml.with_name, snapshot_xml.with_parent):
        with pytest.raises(MalformedXml):
            written("<domain/>", "a")
        with pytest.raises(InvalidArgument):
            written("<domainsnapshot/>", "a\x00b")


def test_a_new_snapshot_is_written_as_virsh_does() -> None:
    assert snapshot_xml.build("s2", "de<sc\n x") == (
        "<domainsnapshot>\n  <name>s2</name>\n  <description>de&lt;sc\n x</description>\n</domainsnapshot>\n"
    )
    assert snapshot_xml.build(None) == "<domainsnapshot>\n</domainsnapshot>\n"


PLACES = st.sampled_from(["no", "internal", "external", "manual"])
NEW_DISKS = st.builds(
    DiskSnapshot,
    name=TEXTS,
    snapshot=PLACES,
    type=st.sampled_from([None, "file", "block"]),
    source=st.none() | TEXTS,
    driver=st.none() | TEXTS,
)


@given(TEXTS | st.none(), TEXTS | st.none(), PLACES | st.none(), TEXTS | st.none(), st.lists(NEW_DISKS, max_size=3))
def test_a_new_snapshot_reads_back_as_what_it_was_made_of(
    name: str | None, description: str | None, place: str | None, file: str | None, disks: list[DiskSnapshot]
) -> None:
    read = snapshot_xml.read(snapshot_xml.build(name, description, MemorySnapshot(place, file), disks))
    assert (read.name, read.description) == (name, description)
    assert (read.memory, read.memory_file) == (place or ("external" if file else None), file)
    assert read.disks == tuple(disks)


@pytest.mark.parametrize(
    ("spec", "memory"),
    [
        ("/a/b", MemorySnapshot(None, "/a/b")),
        ("file=/a,snapshot=external", MemorySnapshot("external", "/a")),
        ("snapshot=no", MemorySnapshot("no", None)),
        ("/a,,b=c,snapshot=external", MemorySnapshot("external", "/a,b=c")),
        ("file=", MemorySnapshot(None, "")),
    ],
)
def test_a_memspec_is_read_as_virsh_does(spec: str, memory: MemorySnapshot) -> None:
    assert snapshot_specs.memory_of(spec) == memory


@pytest.mark.parametrize(
    ("spec", "disk"),
    [
        ("vda", DiskSnapshot("vda")),
        ("vda,snapshot=external,driver=qcow2,file=/a/b", DiskSnapshot("vda", "external", None, "/a/b", "qcow2")),
        ("vda,stype=block,file=/dev/x", DiskSnapshot("vda", None, "block", "/dev/x")),
        ("vda,file=/a,,,snapshot=no", DiskSnapshot("vda", "no", None, "/a,")),
        ("/a,,b", DiskSnapshot("/a,b")),
        ("vda,file=/a=b", DiskSnapshot("vda", source="/a=b")),
    ],
)
def test_a_diskspec_is_read_as_virsh_does(spec: str, disk: DiskSnapshot) -> None:
    assert snapshot_specs.disk_of(spec) == disk


@pytest.mark.parametrize(
    ("read", "spec"),
    [
        *[
            (snapshot_specs.memory_of, spec)
            for spec in ("", "internal", "/a,/b", "file=/a,,,b", "snapshot=no,snapshot=no")
        ],
        *[
            (snapshot_specs.disk_of, spec)
            for spec in ("", ",snapshot=no", "vda,", "vda,foo=bar", "vda,file=/a,file=/b", "vda,stype=zz,file=/x")
        ],
    ],
)
def test_what_is_no_spec_is_refused_with_what_would_be_one(read: Callable[[str], object], spec: str) -> None:
    with pytest.raises(Refused) as refusal:
        read(spec)
    assert (refusal.value.number, refusal.value.field) == (
        8,
        f"{'mem' if read is snapshot_specs.memory_of else 'disk'}spec",
    )
    assert refusal.value.accepted
