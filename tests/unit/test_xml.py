"""Reading XML safely, and cutting its text without touching the rest."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain_model import xml
from domain_model.errors import InvalidArgument, MalformedXml
from domain_model.xml import Kind
from tests.unit.xml_strategies import documents

GOLDEN = Path(__file__).parent / "golden"

EVERY_DOCUMENT = documents("domain")


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.xml").read_text()


def nested(snapshot: str, tag: str = "domain") -> str:
    """The domain in a snapshot's dump with the spaces before it and the line break after it."""
    return snapshot[snapshot.index(f"  <{tag} type=") : snapshot.index(f"</{tag}>\n") + len(f"</{tag}>\n")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1: document empty"),
        ("<domain>", "line 1, column 9"),
        ("<domain><name>x</nam></domain>", "line 1, column 22: tag name mismatch"),
        ("<domain a='1' a='2'/>", "attribute redefined"),
        ("<domain><x:y/></domain>", "undefined namespace"),
        ("<domain>&hunter2;</domain>", "undeclared entity"),
        ("<domain>\x00</domain>", "invalid char"),
        ("<domain>\n<hunter2</domain>", "line 2, column 9"),
        ("<domain/><hunter2/>", "document end"),
        ("<domain>\ud800</domain>", "the document is not UTF-8: character 9 is none"),
        ("<domain>" + "<a>" * 300 + "</a>" * 300 + "</domain>", "line 1, column"),
        ("<domain><![CDATA[hunter2</domain>", "line 1, column"),
        ("<domain><!-- hunter2</domain>", "line 1, column"),
        ("<domain><?hunter2</domain>", "line 1, column"),
        ("<domain a='hunter2></domain>", "line 1, column"),
        ("<hunter/>", "expecting root element of 'domain', not 'hunter'"),
        ("<domain xmlns='urn:hunter2'/>", "expecting root element of 'domain', not 'domain' of a namespace"),
    ],
)
def test_what_is_no_such_document_is_refused_by_place_and_kind_and_never_quoted(text: str, said: str) -> None:
    with pytest.raises(MalformedXml) as refusal:
        xml.parse(text, root="domain")
    assert refusal.value.number == 27
    assert refusal.value.message.startswith("XML error: ")
    assert said in refusal.value.message
    assert "hunter2" not in refusal.value.message
    assert "hunter2" not in refusal_of(lambda text: xml.indent(text, 2), text)


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE domain><domain/>",
        "<?xml version='1.0'?><!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain/>",
        "<!DOCTYPE domain [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain>&e;</domain>",
        "<!DOCTYPE domain [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]><domain title='&b;'/>",
    ],
)
@pytest.mark.parametrize("read", [lambda text: xml.parse(text, root="domain"), lambda text: xml.indent(text, 2)])
def test_a_dtd_is_refused_before_it_can_do_anything(text: str, read: Callable[[str], object]) -> None:
    with pytest.raises(MalformedXml, match="DTD"):
        read(text)


def test_the_word_doctype_in_a_comment_is_no_dtd() -> None:
    assert xml.parse("<domain><!-- <!DOCTYPE domain> --></domain>", root="domain").tag == "domain"


def test_more_than_16_mib_are_refused_and_16_mib_are_not() -> None:
    frame = len("<domain></domain>")
    fits = "<domain>" + "\n" * (xml.MAX_BYTES - frame) + "</domain>"
    assert xml.encoded(fits)
    with pytest.raises(MalformedXml, match="larger than 16777216 bytes"):
        xml.parse(fits + "\n", root="domain")


def test_a_declared_encoding_does_not_matter_since_text_is_text_already() -> None:
    assert xml.parse("<?xml version='1.0' encoding='latin1'?><domain>ü</domain>", root="domain").text == "ü"


def refusal_of(reading: Callable[[str], object], text: str) -> str:
    try:
        reading(text)
    except MalformedXml as refusal:
        return refusal.message
    return ""


@given(EVERY_DOCUMENT, st.data())
def test_whatever_is_wrong_with_a_document_its_content_is_not_told(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    more = data.draw(st.sampled_from(["", "<", "&", "&hunter2;", "</hunter2>", "hunter2='", "\x01", "<a hunter2"]))
    for reading in (lambda broken: xml.parse(broken, root="domain"), lambda broken: xml.indent(broken, 2)):
        assert "hunter2" not in refusal_of(reading, text[:cut] + more + text[cut:])


@given(EVERY_DOCUMENT)
def test_markup_is_found_at_its_bytes(text: str) -> None:
    data = text.encode()
    patterns = {
        Kind.START: rb"<[^!?/][^>]*.*(?<!/)>",
        Kind.EMPTY: rb"<[^!?/].*/>",
        Kind.END: rb"</[^>]*>",
        Kind.COMMENT: rb"<!--.*-->",
        Kind.CDATA: rb"<!\[CDATA\[.*\]\]>",
        Kind.INSTRUCTION: rb"<\?.*\?>",
    }
    done = 0
    for piece in xml.markup(data):
        assert b"<" not in data[done : piece.start] or data[done : piece.start].startswith(b"<?xml ")
        assert re.fullmatch(patterns[piece.kind], data[piece.start : piece.end], re.DOTALL)
        done = piece.end
    assert b"<" not in data[done:]


@given(EVERY_DOCUMENT)
def test_the_children_found_by_their_bytes_are_those_lxml_finds(text: str) -> None:
    data = text.encode()
    tags = [child.tag.replace("{urn:example:x}", "x:") for child in xml.parse(text, root="domain")]
    spans = xml.children(data)
    assert [span.name for span in spans] == tags
    for span in spans:
        alone = b"<domain xmlns:x='urn:example:x'>" + data[span.start : span.end] + b"</domain>"
        assert len(xml.parse(alone.decode(), root="domain")) == 1
        assert b"<" + span.name.encode() in data[span.start : span.inner_start]


@given(EVERY_DOCUMENT, st.integers(0, 8))
def test_dedent_undoes_indent(text: str, spaces: int) -> None:
    assert xml.dedent(xml.indent(text, spaces), spaces) == text


@pytest.mark.parametrize("name", ["test-snapshot-first-secure", "test-snapshot-first"])
def test_a_domain_is_nested_in_a_snapshot_exactly_as_libvirt_does_it(name: str) -> None:
    domain = golden("test-domain-running" + name.removeprefix("test-snapshot-first")).replace(" id='2'", "")
    assert xml.indent(domain, 2) == nested(golden(name))
    assert xml.dedent(nested(golden(name)), 2) == domain


def test_an_inactive_domain_is_nested_under_its_own_name() -> None:
    snapshot = golden("test-snapshot-redefined-secure")
    inactive = nested(snapshot, "inactiveDomain")
    domain = xml.with_root_name(xml.dedent(inactive, 2), "domain")
    assert domain.startswith("<domain type='test'>")
    assert domain.endswith("</domain>\n")
    assert xml.indent(xml.with_root_name(domain, "inactiveDomain"), 2) == inactive


@pytest.mark.parametrize(
    "path", sorted(GOLDEN.parents[1].glob("golden/qemu-snapshot-*.xml")), ids=lambda path: path.stem
)
def test_a_domain_of_qemu_is_nested_so_too(path: Path) -> None:
    inside = nested(path.read_text())
    domain = xml.dedent(inside, 2)
    assert domain.startswith("<domain ")
    assert "\n  <devices>\n    <emulator>" in domain
    assert xml.indent(domain, 2) == inside


def test_only_lines_that_begin_with_markup_move() -> None:
    text = "<a>\n  <b>one\ntwo</b>\n  <c>\n  </c>\n  <!-- three\nfour -->\n  <d x='five\nsix'/>\n</a>\n"
    assert xml.indent(text, 3) == (
        "   <a>\n     <b>one\ntwo</b>\n     <c>\n  </c>\n     <!-- three\nfour -->\n     <d x='five\nsix'/>\n   </a>\n"
    )


@pytest.mark.parametrize(("before", "after"), [("<a/>", "<bb/>"), ("<a>\n<a/></a>\n", "<bb>\n<a/></bb>\n")])
def test_the_root_is_renamed_and_nothing_else(before: str, after: str) -> None:
    assert xml.with_root_name(before, "bb") == after


def test_values_are_escaped_as_libvirt_does() -> None:
    assert xml.escape("a&b<c>\"d'é\n") == "a&amp;b&lt;c&gt;&quot;d&apos;é\n"


ANY_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\r\n\t")
)


@given(ANY_TEXT, ANY_TEXT)
@example("\r\n\t", "\r\n\t")
def test_what_is_escaped_to_be_read_back_is_read_back_as_it_was(content: str, attribute: str) -> None:
    read = xml.parse(f"<a b='{xml.escape_attribute(attribute)}'>{xml.escape_text(content)}</a>", root="a")
    assert (read.text or "", read.get("b")) == (content, attribute)


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\ud800", "\uffff"])
def test_characters_xml_cannot_hold_are_refused_by_number(character: str) -> None:
    with pytest.raises(InvalidArgument, match=f"U\\+{ord(character):04X} cannot be written"):
        xml.escape(f"a{character}")


def test_shown_values_are_short_and_on_one_line() -> None:
    assert xml.shown("a\nb\x1b[0m") == "a\\nb\\x1b[0m"
    assert xml.shown("x" * 500) == "x" * 80 + "…"
