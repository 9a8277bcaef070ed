"""Hypothesis strategies for what a domain or a snapshot is, each with an XML text that says it in one of many ways."""

from hypothesis import strategies as st

from domain_model.domain_xml import Disk, DomainDefinition
from domain_model.snapshot_xml import DiskSnapshot, SnapshotDescription
from tests.unit.xml_strategies import characters, comments, instructions

TEXTS = st.text(characters | st.sampled_from("\r\n\t<>&'\"]"), min_size=1, max_size=12)
NAMES = st.text(characters.filter(lambda character: character not in "/\n"), min_size=1, max_size=12)
UUIDS = st.uuids().map(str)
TYPES = ["file", "block", "dir", "network", "volume", "nvme", "vhostuser"]
SOURCES = {"file": "file", "block": "dev", "dir": "dir", "network": "name", "volume": "volume"}
PLACES = ["no", "internal", "external", "manual"]
STATES = ["running", "paused", "shutoff", "crashed", "disk-snapshot", "pmsuspended"]

between = st.sampled_from(["", "\n", "\n  ", "\t"]) | comments | instructions


_NAMED = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "'": "&apos;", '"': "&quot;"}


def spelled(value: str, way: int, *, bare: str = "") -> str:
    """A value in the spelling number ``way``. Characters in ``bare`` stand as they are, the others of markup do not."""
    spelling = []
    for place, character in enumerate(value):
        if character in bare or (character.isalnum() and (way < len(_WAYS) or place % 2)):
            spelling.append(character)
        elif character.isalnum() or character in "<>&'\"]\r\n\t":
            numbered = _WAYS[way % len(_WAYS)].format(ord(character))
            spelling.append(_NAMED.get(character, numbered) if place % 3 else numbered)
        else:
            spelling.append(character)
    return "".join(spelling)


_WAYS = ("&#{};", "&#x{:x};", "&#x0{:X};")
ways = st.integers(0, 2 * len(_WAYS) - 1)


@st.composite
def text(draw: st.DrawFn, value: str) -> str:
    """A value as the text of an element: of references, CDATA sections and comments."""
    way = draw(st.integers(0, 15))
    cut = len(value) * way // 16
    parts = [
        f"<![CDATA[{part}]]>"
        if way & bit and "]]>" not in part and "\r" not in part
        else spelled(part, way % 6, bare="'\"\n\t")
        for bit, part in ((1, value[:cut]), (2, value[cut:]))
    ]
    return ("", "<!-- - -->", "<?cut here?>")[way % 3].join(parts)


@st.composite
def element(draw: st.DrawFn, tag: str, inside: str = "", /, **attributes: str | None) -> str:
    way = draw(ways)
    given = [(name, value) for name, value in attributes.items() if value is not None]
    quote, other, gap, equals = (("'", '"', " ", "="), ('"', "'", "\n\t", " = "))[way % 2]
    written = [f"{gap}{name}{equals}{quote}{spelled(value, way, bare=other)}{quote}" for name, value in given]
    start = f"<{tag}{''.join(reversed(written) if way % 3 else written)}"
    return f"{start}/>" if not inside and way % 4 else f"{start} >{inside}</{tag}>"


@st.composite
def together(draw: st.DrawFn, elements: list[str]) -> str:
    """Elements in any order, with something between them that says nothing."""
    gap = draw(between)
    return "".join(f"{gap}{one}" for one in draw(st.permutations(elements))) + gap


@st.composite
def ordered(draw: st.DrawFn, elements: list[str]) -> str:
    """Elements in their order, with something between them that says nothing."""
    gap = draw(between)
    return gap.join(["", *elements, ""])


@st.composite
def said(draw: st.DrawFn, tag: str, value: str | None) -> list[str]:
    return [] if value is None else [draw(element(tag, draw(text(value))))]


@st.composite
def sizes(draw: st.DrawFn, tag: str, kib: int | None) -> list[str]:
    """An amount of memory in any unit in which it is a whole number."""
    if kib is None:
        return []
    units = [(None, 1024), ("KiB", 1024), ("k", 1024), ("b", 1), ("bytes", 1), ("MiB", 1024**2), ("GB", 1000**3)]
    unit, factor = draw(st.sampled_from([each for each in units if kib * 1024 % each[1] == 0]))
    return [draw(element(tag, f"{kib * 1024 // factor}", unit=unit))]


@st.composite
def disks(draw: st.DrawFn) -> tuple[Disk, str]:
    kind, device = draw(st.sampled_from(TYPES)), draw(st.sampled_from(["disk", "cdrom", "floppy", "lun"]))
    disk = Disk(
        target=draw(NAMES),
        device=device,
        type=kind,
        source=draw(st.none() | TEXTS) if kind in SOURCES else None,
        format=draw(st.sampled_from([None, "raw", "qcow2"])),
        snapshot=draw(st.sampled_from([None, *PLACES])),
        readonly=draw(st.booleans()) or device == "cdrom",
    )
    parts = [draw(element("target", dev=disk.target, bus="virtio"))]
    if disk.source is not None:
        parts.append(draw(element("source", **{SOURCES[kind]: disk.source, "startupPolicy": "optional"})))
    elif draw(st.booleans()):
        parts.append(draw(element("source", type="unix")))
    if disk.format is not None:
        parts.append(draw(element("driver", name="qemu", type=disk.format)))
    if disk.readonly and (device != "cdrom" or draw(st.booleans())):
        parts.append(draw(element("readonly")))
    written = {
        "type": None if kind == "file" and draw(st.booleans()) else kind,
        "device": None if device == "disk" and draw(st.booleans()) else device,
        "snapshot": disk.snapshot,
    }
    return disk, draw(element("disk", draw(together(parts)), **written))


@st.composite
def definitions(draw: st.DrawFn, tag: str = "domain") -> tuple[DomainDefinition, str]:
    """A definition and a text that says it."""
    memory = draw(st.none() | st.integers(1, 2**40))
    current = draw(st.none() | st.integers(1, 2**40))
    vcpus = draw(st.integers(1, 512))
    current_vcpus = draw(st.integers(1, vcpus))
    there = draw(st.lists(disks(), max_size=3))
    value = DomainDefinition(
        name=draw(NAMES),
        type=draw(st.sampled_from(["qemu", "kvm", "test", "vmware"])),
        uuid=draw(st.none() | UUIDS),
        title=draw(st.none() | TEXTS),
        description=draw(st.none() | TEXTS),
        memory_kib=memory,
        current_memory_kib=memory if current is None else current,
        vcpus=vcpus,
        current_vcpus=current_vcpus,
        os_type=draw(st.none() | st.just("hvm")),
        arch=None,
        disks=tuple(disk for disk, _ in there),
        nvram=draw(st.none() | TEXTS),
    )
    uuid = value.uuid and draw(st.sampled_from([value.uuid, value.uuid.upper(), f" {value.uuid.replace('-', '')}\n"]))
    firmware = [*draw(said("type", value.os_type)), *draw(said("nvram", value.nvram))]
    count = None if current_vcpus == vcpus and draw(st.booleans()) else str(current_vcpus)
    parts = [
        *draw(said("name", value.name)),
        *draw(said("uuid", uuid)),
        *draw(said("title", value.title)),
        *draw(said("description", value.description)),
        *draw(sizes("memory", memory)),
        *draw(sizes("currentMemory", current)),
        draw(element("vcpu", str(vcpus), current=count)),
        draw(element("os", draw(together(firmware)))),
        draw(element("devices", draw(ordered([written for _, written in there])))),
    ]
    return value, draw(element(tag, draw(together(parts)), type=value.type))


@st.composite
def snapshot_disks(draw: st.DrawFn) -> tuple[DiskSnapshot, str]:
    kind = draw(st.sampled_from([None, "file", "block", "network"]))
    source, form = draw(st.none() | TEXTS), draw(st.sampled_from([None, "raw", "qcow2"]))
    place = draw(st.sampled_from([None, *PLACES]))
    parts = [] if form is None else [draw(element("driver", type=form))]
    if source is not None:
        parts.append(draw(element("source", **{SOURCES[kind or "file"]: source})))
    name = draw(NAMES)
    implied = "external" if place is None and parts else place
    inside = draw(together(parts))
    return DiskSnapshot(name, implied, kind, source, form), draw(
        element("disk", inside, name=name, snapshot=place, type=kind)
    )


@st.composite
def snapshots(draw: st.DrawFn) -> tuple[SnapshotDescription, str]:
    """What a snapshot is and a text that says it."""
    place, file = draw(st.sampled_from([None, "no", "internal", "external"])), draw(st.none() | TEXTS)
    there = draw(st.lists(snapshot_disks(), max_size=3))
    domain, inactive = draw(st.none() | definitions()), draw(st.none() | definitions("inactiveDomain"))
    memory = place or (None if file is None else "external")
    places = {memory, *(disk.snapshot for disk, _ in there)}
    value = SnapshotDescription(
        name=draw(st.none() | TEXTS),
        description=draw(st.none() | TEXTS),
        state=draw(st.sampled_from([None, *STATES])),
        creation_time=draw(st.none() | st.integers(-(2**63), 2**63 - 1)),
        parent=draw(st.none() | TEXTS),
        memory=memory,
        memory_file=file,
        disks=tuple(disk for disk, _ in there),
        has_domain=domain is not None,
        has_inactive_domain=inactive is not None,
        domain_uuid=None if domain is None else domain[0].uuid,
        location=next((each for each in ("external", "internal") if each in places), "none"),
    )
    time = None if value.creation_time is None else draw(st.sampled_from(["", " ", "\n"])) + str(value.creation_time)
    parts = [
        *draw(said("name", value.name)),
        *draw(said("description", value.description)),
        *draw(said("state", value.state)),
        *draw(said("creationTime", time)),
        *([] if value.parent is None else [draw(element("parent", "".join(draw(said("name", value.parent)))))]),
        *([] if memory is None else [draw(element("memory", snapshot=place, file=file))]),
        draw(element("disks", draw(ordered([written for _, written in there])))),
        *(each[1] for each in (domain, inactive) if each is not None),
    ]
    return value, draw(element("domainsnapshot", draw(together(parts))))
