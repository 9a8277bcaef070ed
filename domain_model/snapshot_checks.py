"""Which snapshot XML libvirt takes: the checks of its parser and of its QEMU driver, with their numbers and words.

The order of the checks is libvirt 9.0's, found by giving it documents with two faults each: a document with several
faults is refused for the one libvirt names. So what Revisor accepts a hypervisor accepts, and a refusal comes before
anything was touched. What can only be known beside the domain (its parents, its disks) is checked elsewhere.
"""

from lxml import etree

from domain_model import xml
from domain_model.errors import ConfigUnsupported, MalformedXml, OperationUnsupported, Refused

STATES = ("running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended", "disk-snapshot")

SOURCES = {"file": "file", "block": "dev", "network": "name"}
"""Where the source of a disk is named, by the disk's type; those of other types cannot be given to a snapshot."""

_PLACES = ("no", "internal", "external", "manual")
_DISK_TYPES = ("file", "block", "dir", "network", "volume", "nvme", "vhostuser")
_NO_SNAPSHOT_TYPES = ("dir", "volume")
_FORMATS = frozenset("raw dir bochs cloop dmg iso vpc vdi fat vhd ploop cow qcow qcow2 qed vmdk".split())  # noqa: SIM905
_PROTOCOLS = tuple("none nbd rbd sheepdog gluster iscsi http https ftp ftps tftp ssh vxhs nfs".split())  # noqa: SIM905


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


def check_history(*, name: str | None, creation_time: int | None, state: str | None) -> None:
    """Refuse metadata of the past that lacks its name (27), its time (1) or its state (27, or 67 for no such state)."""
    if name is None:
        raise MalformedXml("a redefined snapshot must have a name", field="name", accepted="a name")
    if creation_time is None:
        raise Refused(
            "internal error: missing creationTime from existing snapshot",
            field="creationTime",
            accepted="whole seconds since 1970",
            number=1,
        )
    if state is None:
        raise MalformedXml("missing state from existing snapshot", field="state", accepted=", ".join(STATES))
    if state not in STATES:
        raise ConfigUnsupported(
            f"Invalid state '{xml.shown(state)}' in domain snapshot XML",
            field="state",
            value=xml.shown(state),
            accepted=", ".join(STATES),
        )


def check_state_of_qemu(state: str | None) -> None:
    """Refuse (84, 1) a state in which the QEMU driver has no snapshots."""
    if state == "pmsuspended":
        raise OperationUnsupported(
            "qemu doesn't support taking snapshots of PMSUSPENDED guests", field="state", value=state
        )
    if state == "blocked":
        raise Refused(f"internal error: Invalid domain state {state}", field="state", value=state, number=1)


def check_memory(memory: etree._Element | None, *, offline: bool) -> None:
    """Refuse (27) memory that no snapshot can have; ``offline`` is one without a running guest, or of disks only."""
    if memory is None:
        return
    place = _check_word(memory, "snapshot", _PLACES)
    file = memory.get("file")
    if place is None and file is not None:
        place = "external"
    if place == "manual":
        raise MalformedXml(
            "'manual' memory snapshot mode not supported",
            field="memory/@snapshot",
            value="manual",
            accepted="no, internal, external",
        )
    if file is not None and place != "external":
        raise MalformedXml(
            f"memory filename '{xml.shown(file)}' requires external snapshot",
            field="memory/@file",
            value=xml.shown(file),
        )
    if file is None and place == "external":
        raise MalformedXml("external memory snapshots require a filename", field="memory/@file")
    if offline and place not in (None, "no"):
        raise MalformedXml(
            "memory state cannot be saved with offline or disk-only snapshot",
            field="memory/@snapshot",
            value=place,
            accepted="no",
        )
    if file is not None and not file.startswith("/"):
        raise MalformedXml(
            f"memory snapshot file path ({xml.shown(file)}) must be absolute",
            field="memory/@file",
            value=xml.shown(file),
            accepted="a path that starts with '/'",
        )


def check_disk(disk: etree._Element) -> None:
    """Refuse a disk without a name (1), of no type or source a snapshot can have (27), of an unknown format (67)."""
    if disk.get("name") is None:
        raise Refused("internal error: missing name from disk snapshot element", field="disk/@name", number=1)
    _check_word(disk, "snapshot", _PLACES)
    kind = _check_word(disk, "type", _DISK_TYPES) or "file"
    if kind in _NO_SNAPSHOT_TYPES:
        raise MalformedXml(
            f"unsupported disk snapshot type '{kind}'", field="disk/@type", value=kind, accepted=", ".join(SOURCES)
        )
    source = disk.find("source")
    if source is not None and kind == "network":
        _check_network(source)
    form = disk_format(disk)
    if form is not None and form not in _FORMATS:
        raise ConfigUnsupported(
            f"unknown disk snapshot driver '{xml.shown(form)}'",
            field="disk/driver/@type",
            value=xml.shown(form),
            accepted="qcow2, qed, raw",
        )
    path = source_of(disk)
    if path is not None and kind in ("file", "block") and not path.startswith("/"):
        raise MalformedXml(
            f"disk snapshot image path '{xml.shown(path)}' must be absolute",
            field="disk/source",
            value=xml.shown(path),
            accepted="a path that starts with '/'",
        )


def source_of(disk: etree._Element) -> str | None:
    """The file, device or name in the network that a disk's snapshot is kept in; an empty one is none."""
    source = disk.find("source")
    attribute = SOURCES.get(disk.get("type", "file"))
    return None if source is None or attribute is None else source.get(attribute) or None


def disk_format(disk: etree._Element) -> str | None:
    """The format of the image in which a disk's snapshot is kept; an empty one is none."""
    driver = disk.find("driver")
    return None if driver is None else driver.get("type") or None


def _check_network(source: etree._Element) -> None:
    """What the place in the network needs in any protocol; the rest is the hypervisor's to say."""
    if source.get("protocol") is None:
        raise MalformedXml(
            "Missing required attribute 'protocol' in element 'source'",
            field="disk/source/@protocol",
            accepted=", ".join(_PROTOCOLS),
        )
    protocol = _check_word(source, "protocol", _PROTOCOLS)
    if source.get("name") is None and protocol != "nbd":
        raise MalformedXml("missing name for disk source", field="disk/source/@name", accepted="a name")


def _check_word(element: etree._Element, attribute: str, accepted: tuple[str, ...]) -> str | None:
    value = element.get(attribute)
    if value is not None and value not in accepted:
        raise MalformedXml(
            f"Invalid value for attribute '{attribute}' in element '{element.tag}': '{xml.shown(value)}'.",
            field=f"{element.tag}/@{attribute}",
            value=xml.shown(value),
            accepted=", ".join(accepted),
        )
    return value
