"""Whether an XML text read back from a hypervisor says what was recorded.

A hypervisor may give back the very bytes, or the same said with defaults filled in, other units and another order, or
something else. Replaying a snapshot tree is believed only after looking, snapshot by snapshot, which of these it is.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from domain_model import domain_xml, secrets, xml
from domain_model.errors import Refused


class Verdict(StrEnum):
    IDENTICAL = "identical"
    """Not one byte differs."""
    NORMALISED = "normalised"
    """Every recorded element, attribute and text is there; only form, order or additions differ."""
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where they differ.

    ``recorded`` is None for an addition, ``found`` for a loss; secrets read ``*****``.
    """

    path: str
    recorded: str | None
    found: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    verdict: Verdict
    differences: tuple[Difference, ...] = ()


def compare(recorded: str, found: str, *, root: str) -> Comparison:
    """Compare two texts of documents called ``root``. Raises MalformedXml (27) if either is none."""
    if recorded == found:
        return Comparison(Verdict.IDENTICAL)
    walk = _Walk()
    walk.elements(xml.parse(recorded, root=root), xml.parse(found, root=root), root)
    verdict = Verdict.DIFFERENT if walk.lost else Verdict.NORMALISED
    return Comparison(verdict, tuple(walk.differences))


class _Walk:
    """Walks two trees side by side and notes the differences."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self.lost = False
        """Whether anything recorded is missing or says something else."""

    def elements(self, recorded: etree._Element, found: etree._Element, path: str) -> None:
        size = _same_size(recorded, found)
        self._attributes(recorded, found, path, except_unit=size)
        self._text(recorded, found, path, harmless=size or _same_uuid(recorded, found))
        if len(recorded) == len(found) == 0:
            return
        by_tag = _by_tag(found)
        for tag, siblings in _by_tag(recorded).items():
            self._siblings(siblings, by_tag.pop(tag, []), path)
        for tag, siblings in by_tag.items():
            for number, element in enumerate(siblings, 1):
                self._note(f"{path}/{_step(tag, element, number, len(siblings))}", None, _summary(element))

    def _note(self, path: str, recorded: str | None, found: str | None, *, harmless: bool = False) -> None:
        self.differences.append(Difference(path, recorded, found))
        self.lost = self.lost or (recorded is not None and not harmless)

    def _attributes(self, recorded: etree._Element, found: etree._Element, path: str, *, except_unit: bool) -> None:
        if recorded.items() == found.items():
            return
        tag = _local(recorded)
        for name in dict.fromkeys([*recorded.attrib, *found.attrib]):
            mine, theirs = recorded.get(name), found.get(name)
            if mine == theirs:
                continue
            hidden = secrets.is_secret_attribute(tag, etree.QName(name).localname)
            if hidden and mine is not None and theirs is not None and secrets.same(mine, theirs):
                continue
            place = f"{path}/@{_word(str(name), recorded if mine is not None else found)}"
            harmless = except_unit and name == "unit"
            self._note(place, _covered(mine, hidden), _covered(theirs, hidden), harmless=harmless)

    def _text(self, recorded: etree._Element, found: etree._Element, path: str, *, harmless: bool) -> None:
        mine, theirs = _texts(recorded), _texts(found)
        if mine == theirs:
            return
        parent = recorded.getparent()
        hidden = parent is not None and secrets.is_secret_text(_local(recorded), _local(parent))
        if hidden and secrets.same("".join(mine), "".join(theirs)):
            return
        self._note(
            f"{path}/text()",
            # Text where there was none is a change too: an emptied description was recorded as empty.
            _covered("".join(mine), hidden),
            _covered("".join(theirs), hidden) if theirs else None,
            # Between elements libxml2 drops white space where it thinks it may.
            harmless=harmless or (len(recorded) > 0 and _stripped(mine) == _stripped(theirs)),
        )

    def _siblings(self, recorded: list[etree._Element], found: list[etree._Element], path: str) -> None:
        """Compare the elements of one tag below one parent: those with the same identity, the rest in their order."""
        tag = recorded[0].tag
        if len(recorded) == len(found) == 1:
            self.elements(recorded[0], found[0], f"{path}/{_step(tag, recorded[0], 1, 1)}")
            return
        partners = _pair(recorded, found)
        for number, element in enumerate(recorded, 1):
            place = f"{path}/{_step(tag, element, number, len(recorded))}"
            partner = partners[number - 1]
            if partner is None:
                self._note(place, _summary(element), None)
            else:
                self.elements(element, partner, place)
        met = {id(partner) for partner in partners if partner is not None}
        for number, element in enumerate(found, 1):
            if id(element) not in met:
                self._note(f"{path}/{_step(tag, element, number, len(found))}", None, _summary(element))


def _by_tag(element: etree._Element) -> dict[object, list[etree._Element]]:
    groups: dict[object, list[etree._Element]] = {}
    for child in element:
        groups.setdefault(child.tag, []).append(child)
    return groups


def _pair(recorded: list[etree._Element], found: list[etree._Element]) -> list[etree._Element | None]:
    """Give each recorded element its partner: by identity first, what is left in the order it stands."""
    waiting: defaultdict[str, deque[etree._Element]] = defaultdict(deque)
    for element in found:
        if (key := _identity(element)) is not None:
            waiting[key].append(element)
    partners: list[etree._Element | None] = []
    for element in recorded:
        key = _identity(element)
        partners.append(waiting[key].popleft() if key is not None and waiting[key] else None)
    met = {id(partner) for partner in partners if partner is not None}
    rest = iter([element for element in found if id(element) not in met])
    return [next(rest, None) if partner is None else partner for partner in partners]


def _below(element: etree._Element, path: str, name: str) -> str | None:
    child = element.find(path)
    return None if child is None else child.get(name)


# What tells elements of one tag apart where libvirt may bring them into another order or add some.
_IDENTITIES: dict[str, Callable[[etree._Element], str | None]] = {
    "disk": lambda disk: disk.get("name") or _below(disk, "target", "dev"),
    "interface": lambda interface: _below(interface, "mac", "address"),
    "controller": lambda controller: f"{controller.get('type')} {controller.get('index', '0')}",
    "filesystem": lambda filesystem: _below(filesystem, "target", "dir"),
    "channel": lambda channel: _below(channel, "target", "name"),
    "graphics": lambda graphics: graphics.get("type"),
    "input": lambda device: device.get("type"),
    "timer": lambda timer: timer.get("name"),
    "feature": lambda feature: feature.get("name"),
    "seclabel": lambda label: label.get("model"),
}


def _identity(element: etree._Element) -> str | None:
    rule = _IDENTITIES.get(str(element.tag))
    return None if rule is None else rule(element)


def _same_size(recorded: etree._Element, found: etree._Element) -> bool:
    """Whether both are one amount of memory, in whatever units."""
    if recorded.tag not in ("memory", "currentMemory", "maxMemory") or not (recorded.text or "").strip():
        return False
    try:
        return domain_xml.size_kib(recorded) == domain_xml.size_kib(found)
    except Refused:
        return False


def _same_uuid(recorded: etree._Element, found: etree._Element) -> bool:
    if recorded.tag != "uuid":
        return False
    uuid = domain_xml.normalised_uuid(recorded.text or "")
    return uuid is not None and uuid == domain_xml.normalised_uuid(found.text or "")


def _texts(element: etree._Element) -> list[str]:
    """The text of an element itself, without what is only white space."""
    texts = [element.text, *[child.tail for child in element]] if len(element) else [element.text]
    return [text for text in texts if text and not text.isspace()]


def _stripped(texts: list[str]) -> list[str]:
    return [text.strip() for text in texts]


def _summary(element: etree._Element) -> str:
    """What an added or lost element holds, in short."""
    parent = element.getparent()
    hidden = parent is not None and secrets.is_secret_text(_local(element), _local(parent))
    return f"<{_word(str(element.tag), element)}{''.join(_shown_attributes(element))}>" + (
        secrets.HIDDEN if hidden else "".join(_texts(element))
    )


def _shown_attributes(element: etree._Element) -> Iterator[str]:
    for name, value in element.attrib.items():
        hidden = secrets.is_secret_attribute(_local(element), etree.QName(name).localname)
        yield f" {_word(str(name), element)}='{_covered(str(value), hidden)}'"


def _covered(value: str | None, hidden: bool) -> str | None:  # noqa: FBT001  one word for two places
    return secrets.HIDDEN if hidden and value is not None else value


def _step(tag: object, element: etree._Element, number: int, siblings: int) -> str:
    word = _word(str(tag), element)
    return word if siblings == 1 else f"{word}[{number}]"


def _word(name: str, element: etree._Element) -> str:
    """A name as people write it, with the prefix its element has for the namespace."""
    if not name.startswith("{"):
        return name
    qualified = etree.QName(name)
    prefix = next((p for p, uri in element.nsmap.items() if p and uri == qualified.namespace), None)
    return f"{prefix}:{qualified.localname}" if prefix else qualified.localname


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname
