"""Secrets leave a text whole and come back to the byte."""

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain_model import secrets, xml
from domain_model.errors import MalformedXml
from tests.unit.xml_strategies import SECRET, documents, soup, written

GOLDEN = Path(__file__).parent / "golden"
NOTHING: dict[str, str] = {}


def reference(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:24]


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.xml").read_text()


def test_every_secret_of_a_real_dump_is_taken_out_and_put_back() -> None:
    for path in sorted(GOLDEN.glob("*-secure.xml")):
        text = path.read_text()
        redacted, vault = secrets.redact(text, reference)
        assert {"sp&gt;ice", "cookievalue", "foreign", "pa&amp;&quot;A&apos;&lt;&gt;ü"} == set(vault.values())
        assert not [value for value in vault.values() if value in redacted]
        assert secrets.references(redacted) == set(vault)
        assert secrets.restore(redacted, vault.__getitem__) == text


@pytest.mark.parametrize("kind", ["domain-running", "snapshot-first"])
def test_a_mask_shows_what_libvirt_shows_without_secure(kind: str) -> None:
    secure, plain = golden(f"test-{kind}-secure"), golden(f"test-{kind}")
    shown = plain.replace('passwd="foreign"', 'passwd="*****"')
    assert secrets.mask(secure) == shown
    assert secrets.mask(secrets.redact(secure, reference)[0]) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<d><graphics type='vnc' \n\t passwd='a' port='1'/></d>", "<d><graphics type='vnc' port='1'/></d>"),
        ("<d><graphics passwd = 'a' /></d>", "<d><graphics /></d>"),
        ("<d>\n  <cookies>\n    <cookie>a</cookie>\n  </cookies>\n</d>", "<d>\n</d>"),
        (
            "<d xmlns:x='u'><x:cookies><cookie>a</cookie></x:cookies></d>",
            "<d xmlns:x='u'><x:cookies><cookie>*****</cookie></x:cookies></d>",
        ),
        ("<d><!--<graphics passwd='a'/>--></d>", "<d><!--<graphics passwd='*****'/>--></d>"),
    ],
)
def test_a_mask_takes_out_what_libvirt_leaves_out_and_covers_the_rest(text: str, shown: str) -> None:
    assert secrets.mask(text) == shown


@pytest.mark.parametrize(
    "place",
    [
        "<graphics type='vnc' passwd='{}'/>",
        '<graphics passwd = "{}" type="vnc">text</graphics>',
        "<graphics\n\tpasswd='{}'></graphics>",
        "<x:graphics passwd='{}'/>",
        "<graphics x:passwd='{}'/>",
        "<Graphics Passwd='{}'/>",
        "<metadata><x:copy><graphics passwd='{}'/></x:copy></metadata>",
        "<cookies><cookie name='a'>{}</cookie></cookies>",
        "<cookies><cookie>a<![CDATA[{}]]><!-- {} --><b c='{}'/></cookie></cookies>",
        "<cookies><!-- <graphics passwd='{}'/> --><cookie>{}</cookie><cookies><cookie>{}</cookie></cookies></cookies>",
        "<!-- <graphics type='vnc' passwd='{}'/> -->",
        "<!-- <graphics type='vnc' passwd={}> -->",
        "<!-- <graphics type='vnc' passwd='{} -->",
        "<!-- <cookies><cookie name='a'>{}</cookie><cookie name='b'>{} -->",
        "<![CDATA[<graphics type='vnc' passwd=\"{}\"/>]]>",
        "<description>&lt;graphics type='vnc' passwd='{}'/&gt;</description>",
        "<description>&#x3C;x:graphics passwd=&quot;{}&#34;/></description>",
        "<description>&lt;cookies&gt;&lt;cookie name='a'&gt;{}&lt;/cookie&gt;</description>",
        "<note text='&lt;graphics passwd=&quot;{}&quot;/>'/>",
        "<?old <graphics passwd='{}'/>?>",
    ],
)
def test_wherever_a_secret_stands_it_is_found_nowhere_in_the_redacted_text(place: str) -> None:
    text = f"<domain xmlns:x='urn:x'>\n  <name>ok</name>\n  {place.replace('{}', SECRET)}\n</domain>\n"
    redacted, vault = secrets.redact(text, reference)
    assert SECRET not in redacted
    assert SECRET in "".join(vault.values())
    assert xml.parse(redacted, root="domain") is not None
    assert secrets.restore(redacted, vault.__getitem__) == text
    assert SECRET not in secrets.mask(text)
    assert SECRET not in secrets.mask(redacted)
    assert xml.parse(secrets.mask(text), root="domain") is not None


@pytest.mark.parametrize(
    "text",
    [
        "<domain><graphics type='vnc' passwd=''/></domain>",
        "<domain><name>passwd='x'</name></domain>",
        "<domain><user passwd='x'/></domain>",
        "<domain><cookies><cookie> </cookie></cookies></domain>",
        "<domainsnapshot><cookie><cpu/></cookie></domainsnapshot>",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert secrets.redact(text, reference) == (text, {})
    assert secrets.restore(text, NOTHING.__getitem__) == text


@given(documents("domain"))
@example("<domain><!--<graphics passwd=\"a'b passwd='c' > --></domain>")
@example("<domain><!--<graphics passwd='&amp;quot;x&quot; passwd=\"\"'--></domain>")
def test_taking_secrets_out_and_putting_them_back_gives_the_same_bytes(text: str) -> None:
    redacted, vault = secrets.redact(text, reference)
    assert secrets.restore(redacted, vault.__getitem__) == text
    assert secrets.references(redacted) == set(vault)
    before, after = xml.parse(text, root="domain"), xml.parse(redacted, root="domain")
    assert [element.tag for element in before.iter()] == [element.tag for element in after.iter()] or "cookies" in text
    assert xml.parse(secrets.mask(text), root="domain") is not None


ANY_SECRET = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="￾￿"), min_size=4)


@given(documents("domain"), written(ANY_SECRET, keep='"'), written(ANY_SECRET))
def test_a_planted_secret_is_found_nowhere(text: str, password: str, cookie: str) -> None:
    if password.isspace() or cookie.isspace() or password in text or cookie in text:
        return
    planted = f"<graphics passwd='{password}'/><cookies><cookie>{cookie}</cookie></cookies></domain>"
    planted = text[: text.rindex("</domain>")] + planted + text[text.rindex("</domain>") + len("</domain>") :]
    redacted, vault = secrets.redact(planted, reference)
    outside = re.sub("revisor-secret:[0-9a-f~]+", "", redacted)
    rest = outside.replace("<graphics passwd=''/><cookies><cookie></cookie></cookies></domain>", "")
    assert {password, cookie} <= set(vault.values())
    assert password not in rest
    assert cookie not in rest
    assert secrets.restore(redacted, vault.__getitem__) == planted


@given(soup.map(lambda value: value.replace("-", "")))
def test_what_looks_like_secrets_in_a_comment_comes_back_too(value: str) -> None:
    text = f"<domain><!--<graphics passwd='{SECRET}' {value}--></domain>"
    redacted, vault = secrets.redact(text, reference)
    assert secrets.restore(redacted, vault.__getitem__) == text


def test_one_password_has_one_reference_however_it_is_spelled() -> None:
    texts = ["<d><graphics passwd='a&apos;A'/></d>", '<d><graphics passwd="a\'&#65;"/></d>']
    values = [xml.parse(secrets.redact(text, reference)[0], root="d")[0].get("passwd") or "" for text in texts]
    assert values[0] != values[1]
    for text in texts:
        redacted, vault = secrets.redact(text, reference)
        assert secrets.references(redacted) == set(vault)
        assert secrets.restore(redacted, vault.__getitem__) == text
    assert secrets.same(*values)
    assert not secrets.same(values[0], secrets.redact("<graphics passwd='b'/>", reference)[0])


def test_an_unknown_reference_is_the_callers_to_report() -> None:
    redacted, _ = secrets.redact("<graphics passwd='a'/>", reference)
    with pytest.raises(KeyError):
        secrets.restore(redacted, NOTHING.__getitem__)


@pytest.mark.parametrize("bad", ["", "a--b", "a-", "<", "a b", "a~b", "'"])
def test_a_reference_that_could_not_stand_in_xml_is_a_mistake(bad: str) -> None:
    with pytest.raises(ValueError, match="a reference is made of"):
        secrets.redact("<graphics passwd='a'/>", lambda _: bad)


def test_a_text_that_is_not_well_formed_is_refused_without_telling_it() -> None:
    with pytest.raises(MalformedXml) as refusal:
        secrets.redact(f"<graphics passwd='{SECRET}'", reference)
    assert SECRET not in refusal.value.message


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"<d>&lt;graphics {piece * 100_000}</d>"
            for piece in (
                "&lt;graphics ",
                "&lt;cookies&gt;&lt;cookie ",
                "passwd='",
                "passwd=&#34; ",
                "&lt;x:",
                "passwd = ",
            )
        ),
        f"<d><graphics passwd='a'{' ' * 1_000_000}/></d>",
        f"<d>{'<cookies><cookie>a</cookie></cookies>' * 20_000}</d>",
        f"<d>passwd{' ' * 1_000_000}</d>",
    ],
    ids=lambda text: text[:40],
)
def test_a_long_text_made_to_be_slow_is_not(text: str) -> None:
    # Quadratic behaviour would take hours here, and the test's own timeout would end it.
    redacted, vault = secrets.redact(text, reference)
    assert secrets.restore(redacted, vault.__getitem__) == text
