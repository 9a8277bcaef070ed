"""Whether what was read back says what was recorded."""

from pathlib import Path

import pytest
from hypothesis import given

from domain_model import secrets, snapshot_xml, xml_comparison
from domain_model.xml_comparison import Comparison, Difference, Verdict
from tests.unit.xml_strategies import documents

GOLDEN = Path(__file__).parent / "golden"
FIRST = (GOLDEN / "test-snapshot-first-secure.xml").read_text()


def compared(recorded: str, found: str) -> Comparison:
    return xml_comparison.compare(f"<d>{recorded}</d>", f"<d>{found}</d>", root="d")


@given(documents("domainsnapshot"))
def test_the_same_bytes_are_identical_and_other_white_space_between_elements_is_normal(text: str) -> None:
    assert snapshot_xml.compare(text, text) == Comparison(Verdict.IDENTICAL)
    assert snapshot_xml.compare(text, text + "\n") == Comparison(Verdict.NORMALISED)


@pytest.mark.parametrize(
    ("recorded", "found"),
    [
        ("<a x='1' y='2'/>", '<a y="2" x="1"></a>'),
        ("<a/><b/>", "<b/>\n<a/>"),
        ("<a>t</a>", "<a><![CDATA[t]]></a>"),
        ("<a>t<!-- c --></a>", "<a>t</a>"),
        ("<x:a xmlns:x='urn:1'/>", "<y:a xmlns:y='urn:1'/>"),
        (
            "<disk><target dev='vda'/></disk><disk><target dev='vdb'/></disk>",
            "<disk><target dev='vdb'/></disk><disk><target dev='vda'/></disk>",
        ),
        ("<uuid>5F9C1F0E6A0D4B579C1C0D7C9B3F2A11</uuid>", "<uuid>5F9C1F0E6A0D4B579C1C0D7C9B3F2A11</uuid>"),
    ],
)
def test_another_form_of_the_same_is_normalised_and_no_difference(recorded: str, found: str) -> None:
    assert compared(recorded, found + " ") == Comparison(Verdict.NORMALISED)


def test_additions_are_listed_and_harmless() -> None:
    comparison = compared("<a><b/></a>", "<a x='1'><b>\n</b><c y='2'>t<d/></c></a><e/>")
    assert comparison.verdict is Verdict.NORMALISED
    assert comparison.differences == (
        Difference("d/a/@x", None, "1"),
        Difference("d/a/c", None, "<c y='2'>t"),
        Difference("d/e", None, "<e>"),
    )


def test_white_space_lost_beside_elements_is_listed_and_harmless() -> None:
    comparison = compared("<a>t<b/> <![CDATA[u]]> </a>", "<a>t<b/>u</a>")
    assert comparison == Comparison(Verdict.NORMALISED, (Difference("d/a/text()", "t u ", "tu"),))


def test_units_and_spellings_of_a_uuid_are_listed_and_harmless() -> None:
    comparison = compared("<memory unit='GiB'>1</memory>", "<memory unit='KiB'>1048576</memory>")
    assert comparison.verdict is Verdict.NORMALISED
    assert comparison.differences == (
        Difference("d/memory/@unit", "GiB", "KiB"),
        Difference("d/memory/text()", "1", "1048576"),
    )
    uuid = "5f9c1f0e-6a0d-4b57-9c1c-0d7c9b3f2a11"
    assert compared(f"<uuid>{uuid.upper()}</uuid>", f"<uuid>{uuid}</uuid>").verdict is Verdict.NORMALISED


def test_the_deepest_document_that_can_be_read_can_be_compared() -> None:
    deep = "<a>" * 254 + "</a>" * 254
    assert compared(deep, f"{deep} ") == Comparison(Verdict.NORMALISED)


@pytest.mark.parametrize(
    ("recorded", "found", "difference"),
    [
        ("<a/>", "", Difference("d/a", "<a>", None)),
        ("<a x='1'/>", "<a/>", Difference("d/a/@x", "1", None)),
        ("<a x='1'/>", "<a x='2'/>", Difference("d/a/@x", "1", "2")),
        ("<a>t</a>", "<a/>", Difference("d/a/text()", "t", None)),
        ("<a>t</a>", "<a>u</a>", Difference("d/a/text()", "t", "u")),
        ("<a/>", "<a>u</a>", Difference("d/a/text()", "", "u")),
        ("<a>t<b/>v</a>", "<a>t<b/>w</a>", Difference("d/a/text()", "tv", "tw")),
        ("<a/><a x='1'/>", "<a/>", Difference("d/a[2]", "<a x='1'>", None)),
        ("<memory unit='GiB'>1</memory>", "<memory unit='GiB'>2</memory>", Difference("d/memory/text()", "1", "2")),
        (
            "<host name='a'/><host name='b'/>",
            "<host name='b'/><host name='a'/>",
            Difference("d/host[1]/@name", "a", "b"),
        ),
        ("<x:a xmlns:x='urn:1'/>", "<x:a xmlns:x='urn:2'/>", Difference("d/x:a", "<x:a>", None)),
    ],
)
def test_what_is_lost_or_changed_is_different(recorded: str, found: str, difference: Difference) -> None:
    comparison = compared(recorded, found)
    assert comparison.verdict is Verdict.DIFFERENT
    assert difference in comparison.differences


def test_handwritten_xml_is_found_in_what_libvirt_made_of_it() -> None:
    source = (GOLDEN / "test-domain-source.xml").read_text()
    found = (GOLDEN / "test-domain-inactive-secure.xml").read_text()
    comparison = xml_comparison.compare(source, found, root="domain")
    assert comparison.verdict is Verdict.NORMALISED
    added = {difference.path for difference in comparison.differences if difference.recorded is None}
    assert {"domain/clock", "domain/devices/disk[1]/target/@bus", "domain/devices/video"} <= added


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<state>running</state>", "<state>paused</state>"),
        ("<name>first snapshot</name>", "<name>first  snapshot</name>"),
        ("    <disk name='hdc' snapshot='no'/>\n", ""),
        ("<rv:deepest/>", ""),
        ("text\n   <mx:c/>", "test\n   <mx:c/>"),
        ("fam", "fan"),
    ],
)
def test_one_change_anywhere_in_a_dump_is_seen(before: str, after: str) -> None:
    recorded = FIRST.replace("first\n", "fam first\n")
    assert before in recorded
    assert snapshot_xml.compare(recorded, recorded.replace(before, after)).verdict is Verdict.DIFFERENT


def test_secrets_are_compared_and_never_told() -> None:
    found = FIRST.replace("passwd='sp&gt;ice'", "passwd='planted'").replace("cookievalue", "planted")
    comparison = snapshot_xml.compare(FIRST, found)
    assert comparison.verdict is Verdict.DIFFERENT
    assert comparison.differences == (
        Difference("domainsnapshot/domain/devices/disk[2]/source/cookies/cookie/text()", "*****", "*****"),
        Difference("domainsnapshot/domain/devices/graphics[2]/@passwd", "*****", "*****"),
    )
    without = snapshot_xml.compare(FIRST, (GOLDEN / "test-snapshot-first.xml").read_text())
    assert without.verdict is Verdict.DIFFERENT
    assert "cookievalue" not in str(without)
    assert "sp>ice" not in str(without)


def test_a_secret_spelled_otherwise_is_the_same_secret_also_when_redacted() -> None:
    recorded = '<d><graphics passwd="it\'s &#x41;"/></d>'
    found = "<d><graphics passwd='it&apos;s A'/></d>"
    other = "<d><graphics passwd='it&apos;s B'/></d>"
    redacted = [
        secrets.redact(text, lambda value: str(sum(value.encode())) + str(len(value)))[0]
        for text in (recorded, found, other)
    ]
    assert xml_comparison.compare(recorded, found, root="d").verdict is Verdict.NORMALISED
    assert xml_comparison.compare(redacted[0], redacted[1], root="d").verdict is Verdict.NORMALISED
    assert xml_comparison.compare(redacted[0], redacted[2], root="d").verdict is Verdict.DIFFERENT
