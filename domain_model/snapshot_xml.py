"""What a snapshot's XML says, which XML is accepted, and how it is taken apart for keeping.

The checks, their order, numbers and words are libvirt 9.0's (virDomainSnapshotDefParse and the QEMU driver's own),
so that what Revisor accepts a hypervisor accepts, and a refusal comes before anything was touched.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lxml import etree

from domain_model import domain_xml, xml, xml_comparison
from domain_model.errors import ConfigUnsupported, MalformedXml, OperationUnsupported, Refused
from domain_model.xml_comparison import Comparison

ROOT = "domainsnapshot"
OFFLINE_STATES = ("shutoff", "disk-snapshot")
STATES = ("running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended", "disk-snapshot")

_PLACES = ("no", "internal", "external", "manual")
_DISK_TYPES = ("none", "file", "block", "dir", "network", "volume", "nvme", "vhostuser")
_SNAPSHOT_DISK_TYPES = ("file", "block", "network")
_FORMATS = frozenset(
    "none raw dir bochs cloop dmg iso vpc vdi fat vhd ploop luks cow qcow qcow2 qed vmdk".split()  # noqa: SIM905
)
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


def read_for_create(text: str) -> SnapshotDescription:
    """Read what a new snapshot is made from; a hypervisor ignores state, parent, creation time and domain in it.

    Raises MalformedXml (27), ConfigUnsupported (67) or Refused (1, 35 for the name) as libvirt does.
    """
    root = xml.parse(text, root=ROOT)
    described = _described(root)
    _check_memory(root, described)
    for disk in root.findall("disks/disk"):
        _check_disk(disk)
    check_name(described.name)
    return described


def read_for_redefine(text: str) -> SnapshotDescription:
    """Read metadata to be re-created; ``memory`` is filled in as libvirt does where it is left out.

    Raises, in libvirt's order: 27 no name, 1 no creation time, 27 no state, 67 no such state, what ``domain_xml.read``
    raises for the definitions, then as ``read_for_create`` does, 84 or 1 for a state the QEMU driver does not redefine.
    """
    root = xml.parse(text, root=ROOT)
    described = _described(root)
    if described.name is None:
        raise MalformedXml("a redefined snapshot must have a name", field="name")
    _check_history(described)
    for tag in ("domain", "inactiveDomain"):
        domain = root.find(tag)
        if domain is not None and (domain.get("type") is not None or tag == "inactiveDomain"):
            domain_xml.definition(domain)
    offline = described.state in OFFLINE_STATES
    if described.memory is None:
        described = replace(described, memory="no" if offline else "internal")
    _check_memory(root, described)
    if offline and described.memory != "no":
        raise MalformedXml(
            "memory state cannot be saved with offline or disk-only snapshot",
            field="memory/@snapshot",
            value=described.memory,
            accepted="no",
        )
    for disk in root.findall("disks/disk"):
        _check_disk(disk)
    _check_state_of_qemu(described.state)
    check_name(described.name)
    return described


def check_name(name: str | None) -> None:
    """Refuse (35) a name that could not be the name of libvirt's file for the snapshot."""
    if name is None or ("/" not in name and not name.startswith(".")):
        return
    wrong = "contain '/'" if "/" in name else "start with '.'"
    raise Refused(
        f"invalid snapshot name '{xml.shown(name)}': name can't {wrong}",
        field="name",
        value=xml.shown(name),
        accepted="a name without '/' that does not start with '.'",
        number=35,
    )


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
    xml.parse(text, root=ROOT)
    data = xml.encoded(text)
    element = f"<name>{xml.escape(name)}</name>".encode()
    for span in xml.children(data):
        if span.name == "name":
            return (data[: span.start] + element + data[span.end :]).decode()
    root = next(piece for piece in xml.markup(data) if piece.kind in (xml.Kind.START, xml.Kind.EMPTY))
    if root.kind is xml.Kind.START:
        return (data[: root.end] + b"\n  " + element + data[root.end :]).decode()
    opened = data[root.start : root.end].removesuffix(b"/>").rstrip() + b">"
    closing = f"</{root.name}>".encode()
    return (data[: root.start] + opened + b"\n  " + element + b"\n" + closing + data[root.end :]).decode()


def build(name: str | None, description: str | None = None) -> str:
    """Write the XML of a new snapshot, as ``virsh snapshot-create-as`` does.

    Raises InvalidArgument (8) for a character XML cannot hold.
    """
    lines = [f"<{ROOT}>"]
    if name is not None:
        lines.append(f"  <name>{xml.escape(name)}</name>")
    if description is not None:
        lines.append(f"  <description>{xml.escape(description)}</description>")
    return "\n".join([*lines, f"</{ROOT}>", ""])


def _foreign(data: bytes) -> str:
    """Text of theirs in a header: what looks like the beginning of a mark of ours is told apart from one."""
    return data.decode().replace(_MARK, _MARK_OF_THEIRS)


def _described(root: etree._Element) -> SnapshotDescription:
    memory = root.find("memory")
    memory_file = None if memory is None else memory.get("file")
    kept = None if memory is None else memory.get("snapshot") or ("external" if memory_file is not None else None)
    disks = tuple(_disk(disk) for disk in root.findall("disks/disk"))
    domain = root.find("domain")
    whole = domain is not None and domain.get("type") is not None
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
    source = disk.find("source")
    driver = disk.find("driver")
    path = None if source is None else source.get("file") or source.get("dev") or source.get("name")
    form = None if driver is None else driver.get("type")
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


def _check_history(described: SnapshotDescription) -> None:
    if described.creation_time is None:
        raise Refused(
            "internal error: missing creationTime from existing snapshot",
            field="creationTime",
            accepted="whole seconds since 1970",
            number=1,
        )
    if described.state is None:
        raise MalformedXml("missing state from existing snapshot", field="state", accepted=", ".join(STATES))
    if described.state not in STATES:
        raise ConfigUnsupported(
            f"Invalid state '{xml.shown(described.state)}' in domain snapshot XML",
            field="state",
            value=xml.shown(described.state),
            accepted=", ".join(STATES),
        )


def _check_state_of_qemu(state: str | None) -> None:
    if state == "pmsuspended":
        raise OperationUnsupported(
            "qemu doesn't support taking snapshots of PMSUSPENDED guests", field="state", value=state
        )
    if state == "blocked":
        raise Refused(f"internal error: Invalid domain state {state}", field="state", value=state, number=1)


def _check_memory(root: etree._Element, described: SnapshotDescription) -> None:
    memory = root.find("memory")
    if memory is None:
        return
    _check_word(memory.get("snapshot"), _PLACES, "memory", "snapshot")
    file = described.memory_file
    if described.memory == "manual":
        raise MalformedXml(
            "'manual' memory snapshot mode not supported",
            field="memory/@snapshot",
            value="manual",
            accepted="no, internal, external",
        )
    if file is not None and described.memory != "external":
        raise MalformedXml(
            f"memory filename '{xml.shown(file)}' requires external snapshot",
            field="memory/@file",
            value=xml.shown(file),
        )
    if file is None and described.memory == "external":
        raise MalformedXml("external memory snapshots require a filename", field="memory/@file")
    if file is not None and not file.startswith("/"):
        raise MalformedXml(
            f"memory snapshot file path ({xml.shown(file)}) must be absolute",
            field="memory/@file",
            value=xml.shown(file),
            accepted="a path that starts with '/'",
        )


def _check_disk(disk: etree._Element) -> None:
    if not disk.get("name"):
        raise Refused("internal error: missing name from disk snapshot element", field="disk/@name", number=1)
    _check_word(disk.get("snapshot"), _PLACES, "disk", "snapshot")
    kind = _check_word(disk.get("type"), _DISK_TYPES, "disk", "type") or "file"
    if kind not in _SNAPSHOT_DISK_TYPES:
        raise MalformedXml(
            f"unsupported disk snapshot type '{kind}'",
            field="disk/@type",
            value=kind,
            accepted=", ".join(_SNAPSHOT_DISK_TYPES),
        )
    described = _disk(disk)
    if described.driver is not None and described.driver not in _FORMATS:
        raise ConfigUnsupported(
            f"unknown disk snapshot driver '{xml.shown(described.driver)}'",
            field="disk/driver/@type",
            value=xml.shown(described.driver),
            accepted="qcow2, qed, raw",
        )
    if described.source is not None and kind != "network" and not described.source.startswith("/"):
        raise MalformedXml(
            f"disk snapshot image path '{xml.shown(described.source)}' must be absolute",
            field="disk/source",
            value=xml.shown(described.source),
            accepted="a path that starts with '/'",
        )


def _check_word(value: str | None, accepted: tuple[str, ...], element: str, attribute: str) -> str | None:
    if value is not None and value not in accepted:
        raise MalformedXml(
            f"Invalid value for attribute '{attribute}' in element '{element}': '{xml.shown(value)}'.",
            field=f"{element}/@{attribute}",
            value=xml.shown(value),
            accepted=", ".join(accepted),
        )
    return value
