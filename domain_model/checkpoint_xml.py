"""What the XML of a checkpoint or a backup says, and which is accepted before anything is touched.

libvirt holds every checkpoint's XML up against its schema, whatever the driver (domaincheckpoint.rng, libvirt 9.0), and
so refuses more than of a snapshot: a name is letters, digits, ``_``, ``-`` and ``.``. What Revisor itself reads is
checked here with libvirt's numbers; what else the schema forbids the hypervisor refuses. To be kept, a checkpoint's XML
is taken apart and put together as a snapshot's is (``snapshot_xml.split`` and ``compose_named``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from domain_model import domain_xml, xml, xml_edits
from domain_model.errors import MalformedXml, Refused, XmlInvalid

ROOT = "domaincheckpoint"
BACKUP_ROOT = "domainbackup"

_NAME = re.compile(r"[a-zA-Z0-9_\-][a-zA-Z0-9_\-.]*", re.ASCII)
_UNSIGNED = re.compile(r"[ \t\r\n]*([0-9]{1,20})[ \t\r\n]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class CheckpointDescription:
    """The part of a checkpoint's XML that Revisor reads."""

    name: str | None = None
    description: str | None = None
    creation_time: int | None = None
    """Seconds since 1970."""
    parent: str | None = None
    domain_uuid: str | None = None
    """Of the definition in it. A ``<domain>`` without a type is none, as to libvirt."""


@dataclass(frozen=True, slots=True)
class CheckpointDisk:
    """What a new checkpoint is to have of one disk; None leaves it to the hypervisor."""

    name: str
    checkpoint: str | None = None
    """bitmap or no."""
    bitmap: str | None = None


def read(text: str) -> CheckpointDescription:
    """Read what there is, with no more checks than that it is a ``domaincheckpoint`` (MalformedXml, 27)."""
    return _described(xml.parse(text, root=ROOT))


def read_for_create(text: str) -> CheckpointDescription:
    """Read what a new checkpoint is made from; a hypervisor ignores parent, creation time and domain in it.

    Raises MalformedXml (27), XmlInvalid (92).
    """
    root = xml.parse(text, root=ROOT)
    _check_schema(root)
    return _described(root)


def read_for_redefine(text: str) -> CheckpointDescription:
    """Read metadata to be re-created.

    Raises, in libvirt's order: 27, 92, 27 no name, 1 no creation time, what ``domain_xml.read`` raises for the domain.
    """
    root = xml.parse(text, root=ROOT)
    _check_schema(root)
    described = _described(root)
    if described.name is None:
        raise MalformedXml("a redefined checkpoint must have a name", field="name")
    if described.creation_time is None:
        raise Refused(
            "internal error: missing creationTime from existing checkpoint",
            field="creationTime",
            accepted="whole seconds since 1970",
            number=1,
        )
    domain = root.find("domain")
    if domain is not None and domain.get("type") is not None:
        domain_xml.definition(domain)
    return described


def incremental_of(text: str) -> str | None:
    """The checkpoint since which a backup copies; None if it copies everything, or each disk says for itself.

    Raises MalformedXml (27) for what is no ``domainbackup``.
    """
    return xml.content(xml.parse(text, root=BACKUP_ROOT).find("incremental"))


def with_name(text: str, name: str) -> str:
    """Give the checkpoint this name, in the place of the one it has or before everything else; nothing else changes.

    Raises MalformedXml (27) if the text is no checkpoint, InvalidArgument (8) for a name XML cannot hold.
    """
    return xml_edits.with_name(text, name, root=ROOT)


def without_domain(text: str) -> str:
    """Leave the definition out, as libvirt does with NO_DOMAIN."""
    return xml_edits.without_child(text, "domain", root=ROOT)


def build(name: str | None, description: str | None = None, disks: Sequence[CheckpointDisk] = ()) -> str:
    """Write the XML of a new checkpoint, as ``virsh checkpoint-create-as`` does.

    Raises InvalidArgument (8) for a character XML cannot hold.
    """
    lines = [f"<{ROOT}>"]
    if name is not None:
        lines.append(f"  <name>{xml.escape_text(name)}</name>")
    if description is not None:
        lines.append(f"  <description>{xml.escape_text(description)}</description>")
    if disks:
        lines += ["  <disks>", *(_line(disk) for disk in disks), "  </disks>"]
    return "\n".join([*lines, f"</{ROOT}>", ""])


def _line(disk: CheckpointDisk) -> str:
    said = {"name": disk.name, "checkpoint": disk.checkpoint, "bitmap": disk.bitmap}
    written = "".join(f" {key}='{xml.escape_attribute(value)}'" for key, value in said.items() if value is not None)
    return f"    <disk{written}/>"


def _described(root: etree._Element) -> CheckpointDescription:
    domain = root.find("domain")
    uuid = xml.content(root.find("domain/uuid")) if domain is not None and domain.get("type") is not None else None
    time = _UNSIGNED.fullmatch(xml.content(root.find("creationTime")) or "")
    return CheckpointDescription(
        name=xml.content(root.find("name")),
        description=xml.content(root.find("description")),
        creation_time=None if time is None else int(time.group(1)),
        parent=xml.content(root.find("parent/name")),
        domain_uuid=None if uuid is None else domain_xml.normalised_uuid(uuid),
    )


def _check_schema(root: etree._Element) -> None:
    for path in ("name", "parent/name"):
        element = root.find(path)
        if element is None:
            continue
        name = xml.content(element) or ""
        if not _NAME.fullmatch(name):
            raise XmlInvalid(
                f"invalid checkpoint name '{xml.shown(name)}'",
                field=path,
                value=xml.shown(name),
                accepted="letters, digits, '_', '-' and '.', which does not come first",
            )
    time = root.find("creationTime")
    if time is not None and not _UNSIGNED.fullmatch(xml.content(time) or ""):
        written = xml.shown(xml.content(time) or "")
        raise XmlInvalid(
            f"invalid creationTime '{written}'",
            field="creationTime",
            value=written,
            accepted="whole seconds since 1970",
        )
