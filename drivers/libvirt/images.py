"""What the images of a domain say of the snapshots that libvirt lists.

Nothing reconciles the two (libvirt-semantics 6).

libvirt never looks: a redefine does not check that the disks hold the snapshot, a failed delete forgets metadata of
what is still there, and ``qemu-img snapshot -d`` behind its back leaves metadata of nothing. Here the snapshots' XML
says where the data should be, and the files say whether it is.

They are looked at only where the hypervisor's files are this machine's: QEMU, reached by its own unix socket. Sockets
can be forwarded, and shared with a container; so a file that is not seen counts as gone only where the folder it would
be in is seen (``drivers.backing``), and in everything else nothing is claimed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from domain_model import domain_xml, snapshot_xml
from domain_model import xml as safe_xml
from domain_model.domain_xml import Disk
from domain_model.errors import Refused
from domain_model.snapshot_xml import DiskSnapshot, SnapshotDescription
from drivers.backing import QCOW2, RAW, Chain, Cut, ImageFiles, Sight, look
from drivers.images import ImageChain, ImageFindings, OrphanTag, SnapshotPresence
from drivers.libvirt.calls import Calls
from drivers.qcow2 import Tag

_ELSEWHERE = "the hypervisor's files are not this machine's"
_LOCAL_TYPES = ("file", "block")


class ImageViewer(Calls):
    """The ability ``drivers.images.ImageSnapshots``: two questions to libvirt, the rest is read from files."""

    def snapshot_presence(self, uuid: str) -> ImageFindings:
        if not files_are_here(self._connections.uri):
            return ImageFindings(unseen=_ELSEWHERE)
        definition, dumps = self._read_domain(uuid, _texts)
        return presence(definition, dumps)

    def image_chains(self, uuid: str) -> Sequence[ImageChain]:
        definition = self._read_domain(uuid, lambda domain: str(domain.XMLDesc(0)))
        return chains(definition, here=files_are_here(self._connections.uri))


def files_are_here(uri: str) -> bool:
    """Whether the files of the hypervisor behind a libvirt URI are this machine's, as far as the URI tells.

    It must be QEMU's, for no other kind is known to keep snapshots in qcow2, and neither a host nor a way to one.
    """
    parts = urlsplit(uri)
    driver, _, transport = parts.scheme.partition("+")
    return driver == "qemu" and transport in ("", "unix") and not parts.netloc


def presence(definition: str, dumps: Mapping[str, str]) -> ImageFindings:
    """What the images say of the snapshots in ``dumps`` (XML by name) of the domain defined so now."""
    images = _Images(domain_xml.read(definition).disks)
    snapshots = {}
    untold = {}
    for name, dump in dumps.items():
        answer = images.of_snapshot(name, dump)
        if isinstance(answer, SnapshotPresence):
            snapshots[name] = answer
        else:
            untold[name] = answer.why
    return ImageFindings(snapshots, untold, tuple(images.orphans()), images.names)


def chains(definition: str, *, here: bool) -> tuple[ImageChain, ...]:
    """The chain of each disk that has a source; without files unless they are ``here``."""
    files = ImageFiles()
    found = []
    for disk in domain_xml.read(definition).disks:
        if disk.source is None:
            continue
        chain = _chain(files, disk) if here else Chain((), Cut(_ELSEWHERE))
        tags = tuple(tag.name for tag in _tags(chain)) if _has_table(chain) else None
        names = {name: file for name, file in files.names.items() if file in chain.files}
        cut = "" if chain.cut is None else chain.cut.why
        found.append(ImageChain(disk.target, disk.source, chain.files, tags, names, cut))
    return tuple(found)


class _Images:
    """One look at the images of one domain."""

    def __init__(self, disks: Iterable[Disk]) -> None:
        self._files = ImageFiles()
        self._disks = {disk.target: disk for disk in disks}
        self._own: dict[str, Sight] = {}
        """The images that this domain writes to or has written to, as against those it only stands on."""
        self._explained: set[str] = set()
        self._written = {sight.path for sight in self._tops(self._disks.values())}

    @property
    def names(self) -> Mapping[str, str]:
        """The other names of the files that were looked at, each with the file."""
        return self._files.names

    def of_snapshot(self, name: str, dump: str) -> SnapshotPresence | Cut:
        """Whether all that a snapshot keeps is there; why, if it cannot be told."""
        try:
            described = snapshot_xml.read(dump)
            then = _disks_then(dump)
        except Refused as refusal:
            self._explained.add(name)
            return Cut(f"the XML of snapshot '{name}' cannot be read: {refusal.message}")
        if "internal" in (described.memory, *(disk.snapshot for disk in described.disks)):
            self._explained.add(name)
        answers = list(self._parts(name, described, then))
        cuts = [answer for answer in answers if answer is not None]
        for cut in cuts:
            if cut.gone:
                return SnapshotPresence(present=False, why=cut.why)
        if not answers:
            return Cut(f"snapshot '{name}' keeps nothing in a file")
        return cuts[0] if cuts else SnapshotPresence(present=True)

    def orphans(self) -> Iterator[OrphanTag]:
        """After all snapshots were looked at: the tags that none of them explains."""
        for path, sight in self._own.items():
            for tag in () if sight.image is None else sight.image.tags:
                if tag.name not in self._explained:
                    yield OrphanTag(path, tag.name, tag.date_s, tag.vm_state_bytes)

    def _parts(
        self, name: str, described: SnapshotDescription, then: Mapping[str, Disk] | None
    ) -> Iterator[Cut | None]:
        """For each thing a snapshot keeps None if it is there, else what is not. ``then``: the disks of that moment."""
        memory: list[Tag] = []
        for kept in described.disks:
            if kept.snapshot == "internal":
                disk = (self._disks if then is None else then).get(kept.name)
                yield self._internal(name, disk, kept.name, memory)
            elif kept.snapshot == "external":
                yield self._external(None if then is None else then.get(kept.name), kept)
            elif kept.snapshot != "no":
                yield Cut(f"disk '{kept.name}' is kept in another way: {kept.snapshot or 'it is not said which'}")
        if described.memory == "internal" and not any(tag.vm_state_bytes for tag in memory):
            held = [disk for disk in described.disks if disk.snapshot == "internal"]
            yield Cut(f"no image holds the memory of snapshot '{name}'", gone=0 < len(held) == len(memory))
        if described.memory == "external" and described.memory_file is not None:
            file = look(described.memory_file)
            yield file if isinstance(file, Cut) else None

    def _internal(self, name: str, disk: Disk | None, target: str, memory: list[Tag]) -> Cut | None:
        """The disk's part is a tag in its own image; what the tag says of memory is added to ``memory``."""
        if disk is None:
            return Cut(f"the snapshot's definition has no disk '{target}'")
        chain = _chain(self._files, disk)
        if not _has_table(chain):
            return chain.cut or Cut(f"{disk.source} is not a qcow2 image")
        self._keep(chain)
        tag = next((tag for tag in _tags(chain) if tag.name == name), None)
        if tag is None:
            return Cut(f"{disk.source} holds no snapshot '{name}'", gone=True)
        memory.append(tag)
        return self._written_to(chain.below) or chain.cut

    def _external(self, disk: Disk | None, kept: DiskSnapshot) -> Cut | None:
        """The disk's part is the file it had before the overlay was put on top, as long as nobody writes to it."""
        chain = Chain((), Cut(f"it is not said what disk '{kept.name}' was kept in"))
        if disk is not None:
            chain = _chain(self._files, disk)
        if not chain.images and kept.source is not None and kept.type in (*_LOCAL_TYPES, None):
            # The file has another name now, or nobody told: the overlay knows what it stands on.
            told = self._files.chain(kept.source, kept.driver or QCOW2)
            if len(told.images) > 1:
                chain = told.below
        if not chain.images:
            return chain.cut
        self._keep(chain)
        return self._written_to(chain) or chain.cut

    def _written_to(self, chain: Chain) -> Cut | None:
        """That one of these images, which had to stay as they were, is one the domain writes to:
        after a commit, say.
        """
        path = next((image.path for image in chain.images if image.path in self._written), None)
        return None if path is None else Cut(f"{path} is written to again since the snapshot")

    def _keep(self, chain: Chain) -> None:
        self._own[chain.images[0].path] = chain.images[0]

    def _tops(self, disks: Iterable[Disk]) -> Iterator[Sight]:
        """The images that disks write to."""
        for disk in disks:
            chain = _chain(self._files, disk)
            if chain.images and not disk.readonly and disk.device != "cdrom":
                self._keep(chain)
                yield chain.images[0]


def _texts(domain: Any) -> tuple[str, dict[str, str]]:
    """A domain's definition and its snapshots' XML by name; no secrets are needed."""
    snapshots = {snapshot.getName(): str(snapshot.getXMLDesc(0)) for snapshot in domain.listAllSnapshots()}
    return str(domain.XMLDesc(0)), snapshots


def _disks_then(dump: str) -> dict[str, Disk] | None:
    """The disks the domain had when the snapshot was taken; None in metadata that does not hold the definition."""
    domain = safe_xml.parse(dump, root=snapshot_xml.ROOT).find("domain")
    if domain is None or domain.get("type") is None:
        return None
    return {disk.target: disk for disk in domain_xml.definition(domain).disks}


def _chain(files: ImageFiles, disk: Disk) -> Chain:
    if disk.source is None or disk.type not in _LOCAL_TYPES:
        return Chain((), Cut(f"disk '{disk.target}' is no file here: it is of type {disk.type}"))
    return files.chain(disk.source, disk.format or RAW)


def _has_table(chain: Chain) -> bool:
    return bool(chain.images) and chain.images[0].image is not None


def _tags(chain: Chain) -> tuple[Tag, ...]:
    """The snapshots in the table of a chain's first image."""
    image = chain.images[0].image if chain.images else None
    return () if image is None else image.tags
