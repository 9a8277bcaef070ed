"""External snapshots: new images on top of the old ones, and how definitions come to use them (libvirt-semantics 1.2).

libvirt puts the new image into the live definition, and into the persistent one where that has the same disk at the
same place. Where it knows the images below, the definition names them as ``<backingStore>``.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from lxml import etree

from domain_model import xml, xml_edits
from domain_model.errors import ConfigUnsupported, OperationUnsupported, Refused
from drivers.simulator import edits, lifecycle
from drivers.simulator.disks import Aligned
from drivers.simulator.inventory import Domain, Inventory

FORMATS = ("qcow2", "qed")


class Image(NamedTuple):
    """An image as a definition names it, and what it stands on; the last two are elements."""

    kind: str
    form: str | None
    source: str
    """Empty where there is none, as of an empty drive."""
    backing: str | None

    @property
    def path(self) -> str | None:
        """Where it is, if that is a path."""
        if not self.source:
            return None
        element = xml.parse(self.source, root="source")
        return element.get("file") or element.get("dev")

    @property
    def below(self) -> "Image | None":
        """The image it stands on, if the definition names it."""
        return None if self.backing is None else image_below(self.backing)


def check(inventory: Inventory, domain: Domain, one: Aligned, *, reuse: bool) -> None:
    """Whether the disk can have a new image.

    Raises ConfigUnsupported (67), OperationUnsupported (84), Refused (1, 38).
    """
    target = one.disk.target
    if one.format not in FORMATS:
        raise ConfigUnsupported(
            f"external snapshot format for disk {target} is unsupported: {xml.shown(one.format)}", field="disk"
        )
    element = _element_of(domain.text, target)
    if element.find("shareable") is not None and not one.disk.readonly:
        raise ConfigUnsupported(f"shared access for disk '{target}' requires use of supported storage format")
    if domain.active:
        if element.get("device") == "lun":
            raise ConfigUnsupported("external active snapshots are not supported on scsi passthrough devices")
        if element.find("transient") is not None:
            raise OperationUnsupported(f"block jobs are not supported on transient disk '{target}'")
    else:
        for kind in (one.disk.type, one.type):
            if kind not in ("file", "block"):
                raise Refused(
                    f"internal error: external inactive snapshots are not supported on '{kind}' disks", number=1
                )
    _check_file(inventory, one, reuse=reuse)


def _check_file(inventory: Inventory, one: Aligned, *, reuse: bool) -> None:
    there = inventory.files.exists(one.file)
    if one.type == "block" and not there:
        raise OperationUnsupported(f"block device snapshot target '{xml.shown(one.file)}' doesn't exist")
    if reuse and not there:
        raise lifecycle.no_such_file(f"missing existing file for disk {one.disk.target}: {xml.shown(one.file)}")
    if there and not reuse and one.type != "block":
        raise ConfigUnsupported(
            f"external snapshot file for disk {one.disk.target} already exists and is not a block device:"
            f" {xml.shown(one.file)}"
        )


def check_there(inventory: Inventory, domain: Domain, image: str) -> None:
    """A running guest holds its images open; of an inactive domain they may be gone. Raises Refused (1)."""
    if not domain.active and inventory.files.is_gone(image):
        raise Refused(
            "internal error: Child process (/usr/bin/qemu-img) unexpected exit status 1: qemu-img:"
            f" Could not open '{image}': No such file or directory",
            number=1,
        )


def put_on_top(inventory: Inventory, domain: Domain, aligned: Sequence[Aligned]) -> None:
    """Make the new images, and let the domain use them."""
    for one in aligned:
        if not one.external:
            continue
        if one.disk.source is not None:
            check_there(inventory, domain, one.disk.source)
        inventory.files.stand_on(one.file, one.disk.source)
        on_top = partial(_on_top, one=one, known=domain.active)
        if domain.definition is not None and source_of(domain.definition, one.disk.target) == one.disk.source:
            domain.definition = edits.with_disk(domain.definition, one.disk.target, on_top)
        if domain.live is not None:
            domain.live = edits.with_disk(domain.live, one.disk.target, on_top)


def _on_top(disk: str, one: Aligned, *, known: bool) -> str:
    """A disk with its new image. What is below it is written if it was before, or is ``known``."""
    below = _as_backing(disk) if known or _child(disk, "backingStore") is not None else None
    attribute = "dev" if one.type == "block" else "file"
    source = f"<source {attribute}='{xml.escape_attribute(one.file)}'/>"
    return with_image(disk, Image(one.type, one.format, source, below))


def with_image(disk: str, image: Image) -> str:
    """A disk that stands on another image."""
    disk = edits.with_attribute(disk, "type", image.kind)
    driver = _child(disk, "driver")
    if driver is not None:
        text = _text(disk, driver)
        disk = edits.replaced(disk, driver, edits.with_attribute(text, "type", image.form))
    elif image.form is not None:
        data = xml.encoded(disk)
        first = xml.children(data)[0]
        added = f"<driver name='qemu' type='{image.form}'/>{edits.lead(disk, first)}"
        disk = xml_edits.spliced(data, first.start, first.start, added)
    old = _child(disk, "backingStore")
    if old is not None:
        disk = edits.without(disk, old)
    span = _child(disk, "source")
    if span is None:
        return disk
    below = "" if image.backing is None else edits.lead(disk, span) + image.backing
    return edits.replaced(disk, span, image.source + below)


def image_of(disk: str) -> Image:
    """What a disk stands on."""
    element = xml.parse(disk, root=None)
    driver = element.find("driver")
    source, backing = _child(disk, "source"), _child(disk, "backingStore")
    return Image(
        element.get("type", "file"),
        None if driver is None else driver.get("type"),
        "" if source is None else _text(disk, source),
        None if backing is None else _text(disk, backing),
    )


def image_below(backing: str) -> Image:
    """What a ``<backingStore>`` says of the image below."""
    element = xml.parse(backing, root=None)
    form = element.find("format")
    source, deeper = _child(backing, "source"), _child(backing, "backingStore")
    return Image(
        element.get("type", "file"),
        None if form is None else form.get("type"),
        "" if source is None else _text(backing, source),
        None if deeper is None else xml.dedent(_text(backing, deeper), 2),
    )


def without_layer(element: str, path: str) -> str:
    """A disk or a ``<backingStore>`` whose chain no longer has the image ``path``, which is not its own."""
    span = _child(element, "backingStore")
    if span is None:
        return element
    backing = _text(element, span)
    image = image_below(backing)
    if image.path != path:
        return edits.replaced(element, span, without_layer(backing, path))
    if image.backing is None:
        return edits.without(element, span)
    return edits.replaced(element, span, image.backing)


def chain_of(disk: str) -> list[str]:
    """The images that a disk of a definition names, from the one on top down."""
    image: Image | None = image_of(disk)
    found = []
    while image is not None and image.source:
        found.append(image.path or "")
        image = image.below
    return found


def disk_of(text: str, target: str) -> str | None:
    """A disk of a definition, as it stands there."""
    for device in edits.devices(text):
        if device.kind == "disk" and edits.target_of(device.element) == target:
            return xml.encoded(text)[device.span.start : device.span.end].decode()
    return None


def _as_backing(disk: str) -> str:
    """What a disk stands on, as the ``<backingStore>`` of one on top of it."""
    image = image_of(disk)
    span = _child(disk, "source")
    line = "" if span is None else edits.lead(disk, span)
    inner = line + "  " if "\n" in line else line
    lines = [f"<backingStore type='{image.kind}'>", inner, f"<format type='{image.form or 'raw'}'/>"]
    lines += [inner, image.source]
    if image.backing is not None:
        lines += [inner, xml.indent(image.backing, 2)]
    return "".join([*lines, line, "</backingStore>"])


def _element_of(text: str, target: str) -> etree._Element:
    return next(
        device.element
        for device in edits.devices(text)
        if device.kind == "disk" and edits.target_of(device.element) == target
    )


def source_of(text: str, target: str) -> str | None:
    disk = disk_of(text, target)
    return None if disk is None else image_of(disk).path


def _child(element: str, name: str) -> xml.Span | None:
    return next(iter(edits.spans(xml.encoded(element), name)), None)


def _text(element: str, span: xml.Span) -> str:
    return xml.encoded(element)[span.start : span.end].decode()
