"""Putting elements into definitions: what is asked for changes, and no other byte does."""

import pytest

from domain_model import xml
from drivers.simulator import edits, overlays

TEXT = """<domain type='qemu'>
  <!-- <name>not this one</name> -->
  <name>guest</name>
  <memory unit='KiB'>1</memory>
  <other:thing xmlns:other='http://other'><devices/></other:thing>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/a'/>
      <target dev='vda'/>
    </disk><!-- é -->
    <rng/>
  </devices>
</domain>
"""


@pytest.mark.parametrize(
    ("name", "element", "old", "new"),
    [
        ("name", "<name>other</name>", "<name>guest</name>", "<name>other</name>"),
        ("title", "<title>t</title>", "</name>\n  <memory", "</name>\n  <title>t</title>\n  <memory"),
        ("vcpu", "<vcpu>2</vcpu>", "</memory>", "</memory>\n  <vcpu>2</vcpu>"),
        ("memory", None, "\n  <memory unit='KiB'>1</memory>", ""),
        ("title", None, "", ""),
    ],
)
def test_a_child_is_put_where_libvirt_has_it_or_taken_away(name: str, element: str | None, old: str, new: str) -> None:
    at = TEXT.index("  <name>guest")
    assert edits.with_child(TEXT, name, element) == TEXT[:at] + TEXT[at:].replace(old, new, 1)


def test_the_devices_are_those_of_the_domain_alone() -> None:
    found = edits.devices(TEXT)

    assert [device.kind for device in found] == ["disk", "rng"]
    data = xml.encoded(TEXT)
    assert data[found[1].span.start : found[1].span.end] == b"<rng/>"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("<domain><name>a</name></domain>", "<domain><name>a</name>\n  <devices>\n    <rng/>\n  </devices></domain>"),
        ("<domain><devices/></domain>", "<domain><devices>\n    <rng/>\n  </devices></domain>"),
        ("<domain><devices></devices></domain>", "<domain><devices>\n    <rng/></devices></domain>"),
        ("<domain><devices><hub/></devices></domain>", "<domain><devices><hub/>\n    <rng/></devices></domain>"),
    ],
)
def test_a_device_finds_a_place_in_every_definition(text: str, new: str) -> None:
    assert edits.with_device(text, "<rng/>") == new


@pytest.mark.parametrize(
    ("element", "value", "new"),
    [
        ("<a b='1'/>", "2", "<a b='2'/>"),
        ('<a x="b" b = "1"><c b="3"/></a>', "2", '<a x="b" b=\'2\'><c b="3"/></a>'),
        ("<a/>", "<&'", "<a b='&lt;&amp;&apos;'/>"),
        ("<a>x</a>", "2", "<a b='2'>x</a>"),
        ("<a b='1' c='2'/>", None, "<a c='2'/>"),
    ],
)
def test_an_attribute_is_set_in_the_first_tag(element: str, value: str | None, new: str) -> None:
    assert edits.with_attribute(element, "b", value) == new


def test_what_stands_around_an_element_is_left_out() -> None:
    assert edits.alone("<?xml version='1.0'?>\n<!-- a --> <b>\n</b> <!-- c -->") == "<b>\n</b>"


CHAIN = """<disk type='block' device='disk'>
  <driver name='qemu' type='qcow2'/>
  <source file='/c'/>
  <backingStore type='file'>
    <format type='qcow2'/>
    <source file='/b'/>
    <backingStore type='file'>
      <format type='raw'/>
      <source file='/a'/>
    </backingStore>
  </backingStore>
  <target dev='vda'/>
</disk>"""


def test_a_chain_is_read_from_the_top_down() -> None:
    assert overlays.chain_of(CHAIN) == ["/c", "/b", "/a"]
    assert overlays.chain_of("<disk type='network'><source protocol='nbd' name='x'/></disk>") == [""]
    assert overlays.chain_of("<disk device='cdrom'/>") == []


@pytest.mark.parametrize(("gone", "left"), [("/b", ["/c", "/a"]), ("/a", ["/c", "/b"]), ("/z", ["/c", "/b", "/a"])])
def test_a_layer_is_taken_out_of_a_chain(gone: str, left: list[str]) -> None:
    changed = overlays.without_layer(CHAIN, gone)

    assert overlays.chain_of(changed) == left
    assert (changed == CHAIN) == (gone == "/z")


def test_an_image_below_comes_to_the_top_with_its_format_and_what_it_stands_on() -> None:
    below = overlays.image_of(CHAIN).below
    assert below is not None

    changed = overlays.with_image(CHAIN, below)

    assert overlays.chain_of(changed) == ["/b", "/a"]
    assert changed.startswith(
        "<disk type='file' device='disk'>\n  <driver name='qemu' type='qcow2'/>\n  <source file='/b'/>"
    )
    assert "<backingStore type='file'>\n    <format type='raw'/>" in changed
