"""A checkpoint's XML: what is read of it, what is refused with which number, and what is written."""

import pytest

from domain_model import checkpoint_xml, snapshot_xml
from domain_model.checkpoint_xml import CheckpointDescription
from domain_model.errors import InvalidArgument, MalformedXml, Refused, XmlInvalid

UUID = "11111111-2222-4333-8444-555555555555"
DUMP = f"""<domaincheckpoint>
  <name>b</name>
  <description>before &lt;b&gt;</description>
  <parent>
    <name>a</name>
  </parent>
  <creationTime>1795487197</creationTime>
  <disks>
    <disk name='vda' checkpoint='bitmap' bitmap='b'/>
  </disks>
  <domain type='qemu'>
    <name>guest</name>
    <uuid>{UUID}</uuid>
    <memory unit='KiB'>16384</memory>
    <os>
      <type>hvm</type>
    </os>
  </domain>
</domaincheckpoint>
"""


def test_a_dump_is_read() -> None:
    assert checkpoint_xml.read(DUMP) == CheckpointDescription("b", "before <b>", 1795487197, "a", UUID)


def test_a_domain_without_a_type_is_none() -> None:
    assert checkpoint_xml.read(DUMP.replace(" type='qemu'", "")).domain_uuid is None


def test_a_dump_comes_back_from_its_documents_to_the_byte() -> None:
    parts = snapshot_xml.split(DUMP)

    assert parts.domain is not None
    assert "guest" not in parts.header
    assert snapshot_xml.compose(parts) == DUMP


def test_without_its_domain_a_dump_is_what_libvirt_prints_with_no_domain() -> None:
    before, _, rest = DUMP.partition("\n  <domain ")
    after = rest.partition("</domain>")[2]

    assert checkpoint_xml.without_domain(DUMP) == before + after
    assert checkpoint_xml.without_domain(before + after) == before + after


@pytest.mark.parametrize("name", ["a/b", ".a", "a b", "ä", "a\nb", ""])
@pytest.mark.parametrize("where", ["<name>{}</name>", "<name>x</name><parent><name>{}</name></parent>"])
def test_a_name_that_libvirts_schema_forbids_is_refused_with_92(name: str, where: str) -> None:
    text = f"<domaincheckpoint>{where.format(name)}<creationTime>1</creationTime></domaincheckpoint>"

    for read in (checkpoint_xml.read_for_create, checkpoint_xml.read_for_redefine):
        with pytest.raises(XmlInvalid) as refused:
            read(text)
        assert refused.value.number == 92


@pytest.mark.parametrize("name", ["a", "-", "_.", "2026-01-01_nightly.1", "A9"])
def test_a_name_that_libvirts_schema_allows_is_read(name: str) -> None:
    text = f"<domaincheckpoint><name>{name}</name></domaincheckpoint>"

    assert checkpoint_xml.read_for_create(text).name == name


@pytest.mark.parametrize("time", ["", "-1", "soon", "1.5", "٣"])
def test_a_creation_time_that_is_no_number_is_refused_with_92(time: str) -> None:
    with pytest.raises(XmlInvalid):
        checkpoint_xml.read_for_create(f"<domaincheckpoint><creationTime>{time}</creationTime></domaincheckpoint>")


@pytest.mark.parametrize(
    ("text", "number", "words"),
    [
        ("<domainsnapshot/>", 27, "XML error: expecting root element of 'domaincheckpoint', not 'domainsnapshot'"),
        ("<domaincheckpoint>", 27, "XML error: the document is not well-formed"),
        ("<domaincheckpoint/>", 27, "XML error: a redefined checkpoint must have a name"),
        (
            "<domaincheckpoint><name>a</name></domaincheckpoint>",
            1,
            "internal error: missing creationTime from existing checkpoint",
        ),
    ],
)
def test_metadata_that_cannot_be_recreated_is_refused(text: str, number: int, words: str) -> None:
    with pytest.raises(Refused) as refused:
        checkpoint_xml.read_for_redefine(text)

    assert refused.value.number == number
    assert refused.value.message.startswith(words)


def test_metadata_without_a_definition_can_be_recreated_as_in_libvirt() -> None:
    text = "<domaincheckpoint><name>a</name><creationTime>1</creationTime></domaincheckpoint>"

    assert checkpoint_xml.read_for_redefine(text) == CheckpointDescription("a", creation_time=1)
    assert checkpoint_xml.read_for_redefine(DUMP).name == "b"


@pytest.mark.parametrize(
    "text",
    [
        "<domaincheckpoint/>",
        "<domaincheckpoint  >\n</domaincheckpoint>",
        "<!-- a -->\n<domaincheckpoint><description>d</description></domaincheckpoint>\n",
        "<domaincheckpoint><name>another</name></domaincheckpoint>",
        DUMP,
    ],
)
def test_giving_a_name_changes_nothing_else(text: str) -> None:
    named = checkpoint_xml.with_name(text, "given")

    before, after = checkpoint_xml.read(text), checkpoint_xml.read(named)
    assert after == CheckpointDescription(
        "given", before.description, before.creation_time, before.parent, before.domain_uuid
    )
    assert checkpoint_xml.with_name(named, "given") == named


def test_a_new_checkpoint_is_written_as_virsh_writes_it() -> None:
    text = "<domaincheckpoint>\n  <name>a</name>\n  <description>a &amp; b</description>\n</domaincheckpoint>\n"

    assert checkpoint_xml.build("a", "a & b") == text
    with pytest.raises(InvalidArgument):
        checkpoint_xml.build("a", "\0")


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("<domainbackup/>", None),
        ("<domainbackup mode='pull'><incremental>a</incremental></domainbackup>", "a"),
        ("<domainbackup><disks><disk name='vda' incremental='a'/></disks></domainbackup>", None),
    ],
)
def test_a_backup_says_since_when_it_copies(text: str, since: str | None) -> None:
    assert checkpoint_xml.incremental_of(text) == since


def test_what_is_no_backup_is_refused_with_27() -> None:
    with pytest.raises(MalformedXml, match="expecting root element of 'domainbackup'"):
        checkpoint_xml.incremental_of("<domaincheckpoint/>")
