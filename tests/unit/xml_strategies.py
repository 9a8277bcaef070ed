"""Hypothesis strategies for XML as a stranger might write it, well-formed but in no form libvirt would choose."""

from hypothesis import strategies as st

from domain_model.xml import escape

TAGS = [
    "name",
    "description",
    "state",
    "parent",
    "devices",
    "disk",
    "graphics",
    "cookies",
    "cookie",
    "domain",
    "inactiveDomain",
    "x:graphics",
]
ATTRIBUTES = ["type", "passwd", "name", "dev", "x:passwd", "x:note"]
SECRET = "hunter2"

# Pieces of what looks like a secret, and of what does not quite.
FRAGMENTS = [
    "graphics",
    "cookies",
    "cookie",
    "passwd",
    "passwd=",
    "PASSWD = ",
    "type='vnc'",
    SECRET,
    "<?revisor",
    "<?revisor domain?>",
    "-text",
    "<graphics passwd='",
    "<cookies><cookie name='a'>",
    "</cookie>",
    "<",
    "</",
    "<x:",
    ">",
    "/>",
    "'",
    '"',
    "=",
    "&",
    " ",
    "\n  ",
    "é",
    "😀",
    "revisor-secret:abc",
]

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\r\x7f￾￿", min_codepoint=32)
words = st.text(characters | st.sampled_from("\t\n"), max_size=8)
soup = st.lists(st.sampled_from(FRAGMENTS) | words, max_size=10).map("".join)


@st.composite
def written(draw: st.DrawFn, content: st.SearchStrategy[str], *, keep: str = "") -> str:
    """Content in one of many spellings, fit for text and attributes; characters in ``keep`` may stay as they are."""
    spelled = []
    for character in draw(content):
        if character in "&<" or (character in "\"'>" and character not in keep):
            decimal, hexadecimal = f"&#{ord(character)};", f"&#x{ord(character):X};"
            spelled.append(draw(st.sampled_from([escape(character), decimal, hexadecimal])))
        elif character.isalpha() and draw(st.integers(0, 9)) == 0:
            spelled.append(f"&#{ord(character)};")
        else:
            spelled.append(character)
    return "".join(spelled)


@st.composite
def attributes(draw: st.DrawFn) -> str:
    parts = []
    for name in draw(st.lists(st.sampled_from(ATTRIBUTES), unique=True, max_size=3)):
        quote, other = draw(st.sampled_from([("'", '"'), ('"', "'")]))
        gap = draw(st.sampled_from([" ", "\n  ", "\t"]))
        equals = draw(st.sampled_from(["=", " = "]))
        parts.append(f"{gap}{name}{equals}{quote}{draw(written(soup, keep=other + '>'))}{quote}")
    return "".join(parts) + draw(st.sampled_from(["", " "]))


whitespace = st.sampled_from(["", " ", "\n", "\n  ", "\n\n    "])
text = written(soup.map(lambda value: value.replace("]]>", "")), keep="\"'")
comments = soup.map(lambda value: f"<!--{value.replace('-', '')}-->")
sections = soup.map(lambda value: f"<![CDATA[{value.replace(']]>', '')}]]>")
instructions = soup.map(lambda value: f"<?note {value.replace('?>', '').rstrip('?')}?>")
odds = whitespace | text | comments | sections | instructions


@st.composite
def element(draw: st.DrawFn, tag: str, content: st.SearchStrategy[str]) -> str:
    inside = "".join(draw(st.lists(content, max_size=5)))
    given = draw(attributes())
    if not inside and draw(st.booleans()):
        return f"<{tag}{given}/>"
    return f"<{tag}{given}>{inside}</{tag}>"


elements = st.recursive(
    st.sampled_from(TAGS).flatmap(lambda tag: element(tag, odds)),
    lambda inner: st.sampled_from(TAGS).flatmap(lambda tag: element(tag, inner | odds)),
    max_leaves=12,
)


secret_elements = st.one_of(
    written(soup, keep='"').map(lambda value: f"<graphics type='vnc'  passwd='{value}'/>"),
    text.map(lambda value: f"<cookies>\n <cookie name='a'>{value}</cookie></cookies>"),
    soup.map(lambda value: f"<!--<graphics passwd='{SECRET}' {value.replace('-', '')}-->"),
)


@st.composite
def documents(draw: st.DrawFn, root: str) -> str:
    """Whole documents with all of XML but a DTD in them."""
    before = draw(st.sampled_from(["", "<?xml version='1.0'?>\n", "<?xml version='1.0' encoding='latin1'?>"]))
    before += draw(st.sampled_from(["", "\n"]) | comments) if before else ""
    inside = "".join(draw(st.lists(elements | odds | secret_elements, max_size=6)))
    after = draw(st.sampled_from(["", "\n"]) | comments)
    return f"{before}<{root} xmlns:x='urn:example:x'{draw(attributes())}>{inside}</{root}>{after}"
