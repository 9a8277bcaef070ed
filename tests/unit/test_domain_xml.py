"""What Revisor reads from a domain's definition, and the UUID it writes into one."""

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_model import domain_xml
from domain_model.domain_xml import Disk
from domain_model.errors import InvalidArgument, Refused
from tests.unit.xml_strategies import elements, odds

GOLDEN = Path(__file__).parent / "golden"
UUID = "5f9c1f0e-6a0d-4b57-9c1c-0d7c9b3f2a11"


def with_(content: str) -> str:
    return f"<domain type='test'><name>ok</name>{content}</domain>"


def test_a_definition_is_read_from_a_dump_of_libvirt() -> None:
    read = domain_xml.read((GOLDEN / "test-domain-running-secure.xml").read_text())
    assert (read.name, read.uuid, read.type) == ("golden", UUID, "test")
    assert (read.title, read.description) == ("A & B – größer", "line one\n   line two indented\n\n  <b> last\n  ")  # noqa: RUF001
    assert (read.memory_kib, read.current_memory_kib, read.vcpus, read.current_vcpus) == (524288, 524288, 2, 1)
    assert (read.os_type, read.arch) == ("hvm", "x86_64")
    assert read.disks == (
        Disk(target="vda", source="/images/golden & it's.qcow2", format="qcow2"),
        Disk(target="vdb", type="network", source="u/v"),
        Disk(target="hdc", device="cdrom", source="/images/cd.iso", readonly=True),
    )


def test_what_is_left_out_has_libvirts_defaults_or_is_none() -> None:
    read = domain_xml.read("<domain type='test'><name>ok</name><uuid/><title/></domain>")
    assert (read.uuid, read.title, read.memory_kib, read.vcpus, read.disks) == (None, None, None, 1, ())


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ("<domain/>", 21, "missing name information"),
        ("<domain type='test'><name/></domain>", 21, "missing name information"),
        ("<domain type='test'><name></name><name>b</name></domain>", 21, "missing name information"),
        ("<domain type='test'><name>a/b</name></domain>", 27, "XML error: name a/b cannot contain '/'"),
        ("<domain type='test'><name>a\nb</name></domain>", 35, "invalid char in name: a\\nb"),
        ("<domain><name>a</name></domain>", 1, "internal error: missing domain type attribute"),
        ("<domain type=''><name>a</name></domain>", 1, "internal error: missing domain type attribute"),
        (with_("<uuid>zz</uuid>"), 1, "internal error: malformed uuid element 'zz'"),
        (with_("<uuid> </uuid>"), 1, "internal error: malformed uuid element ' '"),
        (with_("<memory>x</memory>"), 27, "XML error: Invalid value 'x' for element or attribute './memory[1]'"),
        (with_("<memory>-5</memory>"), 27, "XML error: Invalid value '-5' for element or attribute './memory[1]'"),
        (with_("<memory>5 x</memory>"), 27, "XML error: Invalid value '5 x' for element or attribute './memory[1]'"),
        (
            with_("<currentMemory>x</currentMemory>"),
            27,
            "XML error: Invalid value 'x' for element or attribute './currentMemory[1]'",
        ),
        (with_("<memory unit='foo'>1</memory>"), 8, "invalid argument: unknown suffix 'foo'"),
        (with_("<vcpu>x</vcpu>"), 27, "XML error: maximum vcpus count must be an integer"),
        (with_("<vcpu>2 </vcpu>"), 27, "XML error: maximum vcpus count must be an integer"),
        (with_("<vcpu/>"), 27, "XML error: maximum vcpus count must be an integer"),
        (
            with_("<vcpu current='x'>1</vcpu>"),
            27,
            "XML error: Invalid value for attribute 'current' in element 'vcpu': 'x'. Expected non-negative integer value",
        ),
        (
            with_("<vcpu current='3'>2</vcpu>"),
            67,
            "unsupported configuration: maximum vCPU count must not be less than current vCPU count",
        ),
        (with_("<memory>" + "9" * 5000 + "</memory>"), 27, "XML error: Invalid value '" + "9" * 80 + "…'"),
        ("<foo/>", 27, "XML error: expecting root element of 'domain', not 'foo'"),
    ],
)
def test_what_is_no_definition_is_refused_with_libvirts_words_and_number(text: str, number: int, message: str) -> None:
    with pytest.raises(Refused) as refusal:
        domain_xml.read(text)
    assert refusal.value.number == number
    assert refusal.value.message.startswith(message)
    assert refusal.value.field


# Each of these faults is refused before those that stand below it.
FAULTS = [
    ({"name": ""}, 21),
    ({"uuid": "<uuid>zz</uuid>"}, 1),
    ({"type": ""}, 1),
    ({"memory": "<memory unit='foo'>1</memory>"}, 8),
    ({"current": "<currentMemory>x</currentMemory>"}, 27),
    ({"vcpu": "<vcpu current='3'>2</vcpu>"}, 67),
    ({"name": "<name>a/b\n</name>"}, 27),
    ({"name": "<name>a\n</name>"}, 35),
]


@pytest.mark.parametrize(("first", "second"), [*combinations(range(len(FAULTS)), 2)])
def test_of_two_faults_the_one_libvirt_names_is_named(first: int, second: int) -> None:
    whole = {"type": " type='test'", "name": "<name>a</name>", "uuid": "", "memory": "", "current": "", "vcpu": ""}
    said = whole | FAULTS[second][0] | FAULTS[first][0]
    text = "<domain{type}>{vcpu}{current}{memory}{uuid}{name}</domain>".format_map(said)
    with pytest.raises(Refused) as refusal:
        domain_xml.read(text)
    assert refusal.value.number == FAULTS[first][1]


def test_a_name_may_be_cut_by_a_comment() -> None:
    assert domain_xml.read("<domain type='test'><name>a<!-- - -->b</name></domain>").name == "ab"


@pytest.mark.parametrize(
    ("written", "kib"),
    [
        ("<memory>1000</memory>", 1000),
        ("<memory unit='GB'>1</memory>", 976563),
        ("<memory unit='b'>1025</memory>", 2),
        ("<memory unit='m'>3</memory>", 3072),
        ("<memory unit='GiB'> 2</memory>", 2 * 1024 * 1024),
    ],
)
def test_memory_is_read_in_kib_rounded_up(written: str, kib: int) -> None:
    assert domain_xml.read(with_(written)).memory_kib == kib


@pytest.mark.parametrize(
    "written", [UUID, UUID.upper(), UUID.replace("-", ""), f" {UUID}\n", "5f-9c-1f0e6a0d4b579c1c0d7c9b3f2a11"]
)
def test_a_uuid_is_read_however_libvirt_would_take_it(written: str) -> None:
    text = with_(f"<uuid>{written}</uuid>")
    assert domain_xml.read(text).uuid == UUID
    assert domain_xml.with_uuid(text, UUID) is text


@pytest.mark.parametrize(
    "written", ["1111-1111f6a4830479aa97f2502e1-93a0", UUID + "-", UUID[:-1], UUID + "0", "\u0663" * 32]
)
def test_what_is_no_uuid_to_libvirt_is_none(written: str) -> None:
    assert domain_xml.normalised_uuid(written) is None


def test_a_uuid_is_written_on_a_line_of_its_own_below_the_name() -> None:
    before = "<domain type='test'>\n\t<!-- <name>no</name> -->\n\t<name>ok</name>\n\t<memory>1</memory>\n</domain>"
    after = before.replace("<name>ok</name>", f"<name>ok</name>\n\t<uuid>{UUID}</uuid>")
    assert domain_xml.with_uuid(before, UUID) == after


def test_an_empty_uuid_is_filled() -> None:
    assert domain_xml.with_uuid(with_("<uuid></uuid>"), UUID) == with_(f"<uuid>{UUID}</uuid>")


def test_another_uuid_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"the domain's uuid is 5f9c1f0e-.*, not 00000000-"):
        domain_xml.with_uuid(with_(f"<uuid>{UUID}</uuid>"), "00000000-0000-0000-0000-000000000001")


ITEMS = st.lists(elements.filter(lambda text: not text.startswith("<name")) | odds, max_size=4).map("".join)


@given(ITEMS, ITEMS)
def test_writing_a_uuid_changes_nothing_else(before: str, after: str) -> None:
    text = f"<domain type='test' xmlns:x='urn:example:x'>{before}<name>ok</name>{after}</domain>"
    written = domain_xml.with_uuid(text, UUID)
    assert domain_xml.read(written).uuid == UUID
    start, end = written.index("<name>ok</name>") + len("<name>ok</name>"), written.index(f"<uuid>{UUID}</uuid>")
    gap = written[start:end]
    assert not gap.strip()
    assert written.replace(f"{gap}<uuid>{UUID}</uuid>", "", 1) == text
