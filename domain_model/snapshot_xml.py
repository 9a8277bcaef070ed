"""What a snapshot's XML says, how it is taken apart for keeping, and the little Revisor writes into it.

Which XML is accepted stands in ``snapshot_checks``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lxml import etree

from domain_model import domain_xml, snapshot_checks, xml, xml_comparison, xml_edits
from domain_model.xml_comparison import Comparison

ROOT = "domainsnapshot"
OFFLINE_STATES = ("shutoff", "disk-snapshot")

_LONG_LONG = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,40})", re.ASCII)
_MARK = "<?revisor"
_MARK_OF_THEIRS = "<?revisor-text"
_CUT = {"domain": "<?revisor domain?>", "inactiveDomain": "<?revisor inactiveDomain?>"}


@dataclass(frozen=True, slots=True)
class DiskSnapshot:
    """What a snapshot has of one disk."""

    name: str
    snapshot: str | None = None
    """no, internal, external or manual; None where the text leaves it to the hypervisor."""
    type: str | None = None
    source: str | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True)
class MemorySnapshot:
    """What a snapshot is to have of the memory; None leaves it to the hypervisor."""

    snapshot: str | None = None
    """no, internal or external."""
    file: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotDescription:
    """The part of a snapshot's XML that Revisor reads."""

    name: str | None = None
    description: str | None = None
    state: str | None = None
    creation_time: int | None = None
    """Seconds since 1970, signed 64 bit."""
    parent: str | None = None
    memory: str | None = None
    """no, internal or external; None where the text leaves it to the hypervisor."""
    memory_file: str | None = None
    disks: tuple[DiskSnapshot, ...] = ()
    has_domain: bool = False
    """Whether it holds a definition. A ``<domain>`` without a type is none, as to libvirt."""
    has_inactive_domain: bool = False
    domain_uuid: str | None = None
    location: str = "none"
    """external if anything is outside the disk images, else internal if anything is in them, else none."""


@dataclass(frozen=True, slots=True)
class SnapshotDocuments:
    """A snapshot's XML taken apart. A thousand snapshots of one domain mostly share the two definitions.

    ``header`` is the text with marks where the definitions were cut out; these are exactly the bytes of their
    elements, indented as they were. What looks like a mark of ours in somebody's text is changed in the header until
    ``compose``, and a definition may lean on namespaces declared in the header: to be read, compose them first.
    """

    header: str
    domain: str | None = None
    inactive_domain: str | None = None


def read(text: str) -> SnapshotDescription:
    """Read what there is, with no more checks than that it is a ``domainsnapshot`` (MalformedXml, 27)."""
    return _described(xml.parse(text, root=ROOT))


def read_for_create(text: str, *, offline: bool = False, kept: bool = True) -> SnapshotDescription:
    """Read what a new snapshot is made from; a hypervisor ignores state, parent, creation time and domain in it.

    ``offline`` is one of a domain that is off or of disks only, which has no memory; one whose metadata is not ``kept``
    (NO_METADATA) may have any name. Raises MalformedXml (27), ConfigUnsupported (67) or Refused (1, 35 for the name) as
    libvirt does.
    """
    root = xml.parse(text, root=ROOT)
    described = _described(root)
    snapshot_checks.check_memory(root.find("memory"), offline=offline)
    for disk in root.findall("disks/disk"):
        snapshot_checks.check_disk(disk)
    if kept:
        snapshot_checks.check_name(described.name)
    return described


def read_for_redefine(text: str) -> SnapshotDescription:
    """Read metadata to be re-created; ``memory`` is filled in as libvirt does where it is left out.

    Raises, in libvirt's order: 27 no name, 1 no creation time, 27 no state, 67 no such state, what ``domain_xml.read``
    raises for the definitions, what ``read_for_create`` does, 84 or 1 for a state the QEMU driver does not redefine.
    """
    root = xml.parse(text, root=ROOT)
    described = _described(root)
    snapshot_checks.check_history(name=described.name, creation_time=described.creation_time, state=described.state)
    for tag, there in (("domain", described.has_domain), ("inactiveDomain", described.has_inactive_domain)):
        domain = root.find(tag)
        if domain is not None and there:
            domain_xml.definition(domain)
    offline = described.state in OFFLINE_STATES
    snapshot_checks.check_memory(root.find("memory"), offline=offline)
    for disk in root.findall("disks/disk"):
        snapshot_checks.check_disk(disk)
    snapshot_checks.check_name(described.name)
    snapshot_checks.check_state_of_qemu(described.state)
    if described.memory is None:
        return replace(described, memory="no" if offline else "internal")
    return described


def split(text: str) -> SnapshotDocuments:
    """Take a snapshot's XML apart; ``compose`` gives back the same bytes. Raises MalformedXml (27) if it is none."""
    data = xml.encoded(text)
    cuts: dict[str, xml.Span] = {}
    for span in xml.children(data):
        if span.name in _CUT:
            cuts.setdefault(span.name, span)
    pieces = []
    done = 0
    for span in sorted(cuts.values(), key=lambda span: span.start):
        pieces += [_foreign(data[done : span.start]), _CUT[span.name]]
        done = span.end
    pieces.append(_foreign(data[done:]))
    documents = {name: data[span.start : span.end].decode() for name, span in cuts.items()}
    return SnapshotDocuments("".join(pieces), documents.get("domain"), documents.get("inactiveDomain"))


def compose(documents: SnapshotDocuments) -> str:
    """Put together what ``split`` took apart."""
    marked = {_CUT["domain"]: documents.domain, _CUT["inactiveDomain"]: documents.inactive_domain}
    pieces = re.split("(" + "|".join(map(re.escape, marked)) + ")", documents.header)
    # A mark without its document stays, so that what is missing is seen and no other text is made up.
    return "".join(
        piece.replace(_MARK_OF_THEIRS, _MARK) if marked.get(piece) is None else marked[piece] or "" for piece in pieces
    )


def compose_named(digests: tuple[str, str | None, str | None], texts: Mapping[str, str]) -> str:
    """``compose`` for documents that are known by digest: header, domain, inactive domain."""
    header, domain, inactive = digests
    return compose(
        SnapshotDocuments(
            texts[header],
            None if domain is None else texts[domain],
            None if inactive is None else texts[inactive],
        )
    )


def compare(recorded: str, found: str) -> Comparison:
    """Compare a snapshot's XML as recorded with the one found. Raises MalformedXml (27) if either is none."""
    return xml_comparison.compare(recorded, found, root=ROOT)


def with_name(text: str, name: str) -> str:
    """Give the snapshot this name, in the place of the one it has or before everything else; nothing else changes.

    Raises MalformedXml (27) if the text is no snapshot, InvalidArgument (8) for a name XML cannot hold.
    """
    return xml_edits.with_name(text, name, root=ROOT)


def with_parent(text: str, parent: str | None) -> str:
    """Hang the snapshot below the one of this name, or with None below nothing; nothing else changes.

    A parent it had none before is written where libvirt writes it. Raises as ``with_name`` does.
    """
    if not parent:
        return xml_edits.without_child(text, "parent", root=ROOT)
    name = f"<name>{xml.escape_text(parent)}</name>"
    root, data = xml.parse(text, root=ROOT), xml.encoded(text)
    for element, span in xml_edits.children(data, root, "parent"):
        for _, inner in xml_edits.children(data[span.start : span.end], element, "name"):
            return xml_edits.spliced(data, span.start + inner.start, span.start + inner.end, name)

    def nested(line: str) -> str:
        return f"<parent>{line}  {name}{line}</parent>" if line else f"<parent>{name}</parent>"

    return xml_edits.with_child(text, "parent", nested, root=ROOT, below=("state", "description", "name"))


def build(
    name: str | None,
    description: str | None = None,
    memory: MemorySnapshot | None = None,
    disks: Iterable[DiskSnapshot] = (),
) -> str:
    """Write the XML of a new snapshot, as ``virsh snapshot-create-as`` does; its disks are files and block devices.

    Raises InvalidArgument (8) for a character XML cannot hold.
    """
    lines = [f"<{ROOT}>"]
    if name is not None:
        lines.append(f"  <name>{xml.escape_text(name)}</name>")
    if description is not None:
        lines.append(f"  <description>{xml.escape_text(description)}</description>")
    if memory is not None:
        lines.append(f"  <memory{_attributes(snapshot=memory.snapshot, file=memory.file)}/>")
    asked = [line for disk in disks for line in _lines(disk)]
    if asked:
        lines += ["  <disks>", *asked, "  </disks>"]
    return "\n".join([*lines, f"</{ROOT}>", ""])


def rebuild(
    asked: str,
    *,
    state: str,
    creation_time_s: int,
    parent: str | None,
    memory: bool,
    disks: Iterable[DiskSnapshot],
    domain: str,
    inactive_domain: str | None,
) -> str:
    """Write metadata to be redefined, of a snapshot that was taken as ``asked`` and whose metadata was never kept.

    ``domain`` and ``inactive_domain`` are whole definitions. Raises as ``build``.
    """
    said = read(asked)
    text = build(said.name, said.description, MemorySnapshot("internal" if memory else "no"), disks)
    lines = [f"  <state>{state}</state>", f"  <creationTime>{creation_time_s}</creationTime>"]
    if parent is not None:
        lines.append(f"  <parent><name>{xml.escape_text(parent)}</name></parent>")
    lines.append(domain.strip())
    if inactive_domain is not None:
        lines.append(xml.with_root_name(inactive_domain, "inactiveDomain").strip())
    return "\n".join([text.removesuffix(f"</{ROOT}>\n") + lines[0], *lines[1:], f"</{ROOT}>", ""])


def _lines(disk: DiskSnapshot) -> list[str]:
    start = f"    <disk{_attributes(name=disk.name, snapshot=disk.snapshot, type=disk.type)}"
    inside = []
    if disk.driver is not None:
        inside.append(f"      <driver{_attributes(type=disk.driver)}/>")
    if disk.source is not None:
        inside.append(f"      <source{_attributes(**{'dev' if disk.type == 'block' else 'file': disk.source})}/>")
    return [f"{start}>", *inside, "    </disk>"] if inside else [f"{start}/>"]


def _attributes(**values: str | None) -> str:
    return "".join(f" {name}='{xml.escape_attribute(value)}'" for name, value in values.items() if value is not None)


def _foreign(data: bytes) -> str:
    """Text of theirs in a header: what looks like the beginning of a mark of ours is told apart from one."""
    return data.decode().replace(_MARK, _MARK_OF_THEIRS)


def _described(root: etree._Element) -> SnapshotDescription:
    memory = root.find("memory")
    memory_file = None if memory is None else memory.get("file")
    kept = None if memory is None else memory.get("snapshot") or ("external" if memory_file is not None else None)
    disks = tuple(_disk(disk) for disk in root.findall("disks/disk"))
    domain = root.find("domain")
    whole = domain is not None and bool(domain.get("type"))
    uuid = xml.content(root.find("domain/uuid")) if whole else None
    places = {kept, *(disk.snapshot for disk in disks)}
    return SnapshotDescription(
        name=xml.content(root.find("name")),
        description=xml.content(root.find("description")),
        state=xml.content(root.find("state")),
        creation_time=_time(xml.content(root.find("creationTime"))),
        parent=xml.content(root.find("parent/name")),
        memory=kept,
        memory_file=memory_file,
        disks=disks,
        has_domain=whole,
        has_inactive_domain=root.find("inactiveDomain") is not None,
        domain_uuid=None if uuid is None else domain_xml.normalised_uuid(uuid),
        location=next((place for place in ("external", "internal") if place in places), "none"),
    )


def _disk(disk: etree._Element) -> DiskSnapshot:
    path, form = snapshot_checks.source_of(disk), snapshot_checks.disk_format(disk)
    return DiskSnapshot(
        name=disk.get("name", ""),
        snapshot=disk.get("snapshot") or ("external" if path or form else None),
        type=disk.get("type"),
        source=path,
        driver=form,
    )


def _time(text: str | None) -> int | None:
    match = _LONG_LONG.fullmatch(text or "")
    number = None if match is None else int(match.group(1))
    return number if number is not None and -(2**63) <= number < 2**63 else None
