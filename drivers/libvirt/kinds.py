"""What each kind of hypervisor behind libvirt takes,
by the name libvirt gives it (libvirt-semantics 1.1, 1.4, 1.5, 1.8).

libvirt has no call to ask for most of this, and finding out by trying would change things: VirtualBox takes REDEFINE
and METADATA_ONLY, and rewrites its own machine files, in which the snapshots are. So what a kind is not known to take
is refused before anything is asked, in the words libvirt has for it.

ESX and VirtualBox hold their snapshots themselves. libvirt keeps no metadata of them, so there is none to be redefined;
NO_METADATA asks for what is so anyway, and has been taken by both since the change that brought it ("snapshot: allow
recreation of metadata", 2011); and deleting only the metadata is done as soon as it is asked, as ESX's driver answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from typing import TypeVar

from domain_model import snapshot_xml
from domain_model import xml as safe_xml
from domain_model.errors import refusal
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert, Undefine
from drivers.port import Capabilities

F = TypeVar("F", bound=IntFlag)

QEMU = "QEMU"
TEST = "TEST"

_INVALID_ARG = 8
_XML_SECURE = 1


@dataclass(frozen=True, slots=True)
class Kind:
    """One of libvirt's drivers: the flags it takes of each call that has to do with snapshots."""

    create: SnapshotCreate
    revert: SnapshotRevert
    delete: SnapshotDelete
    undefine: Undefine
    functions: Mapping[type[IntFlag], str]
    """What libvirt calls the functions that refuse other flags."""
    metadata: bool = False
    """Whether libvirt keeps metadata of its snapshots, which can be redefined."""
    native: bool = False
    """Whether the hypervisor itself holds the snapshots, and libvirt no metadata of them."""
    secure_dumps: bool = True
    """Whether a snapshot's XML can be asked for with its secrets."""
    needless: Mapping[type[IntFlag], IntFlag] = field(default_factory=dict)
    """Flags that ask for what is so anyway: taken, and not passed on."""
    wants_history: bool = False
    """Whether the XML of a new snapshot must say when it was taken and of which state, although that is not used."""

    def takes(self, flags: IntFlag) -> IntFlag:
        """The flags it takes of the kind of ``flags``."""
        masks: dict[type[IntFlag], IntFlag] = {
            SnapshotCreate: self.create,
            SnapshotRevert: self.revert,
            SnapshotDelete: self.delete,
            Undefine: self.undefine,
        }
        return masks[type(flags)]


def _functions(prefix: str) -> dict[type[IntFlag], str]:
    return {
        SnapshotCreate: f"{prefix}DomainSnapshotCreateXML",
        SnapshotRevert: f"{prefix}DomainRevertToSnapshot",
        SnapshotDelete: f"{prefix}DomainSnapshotDelete",
        Undefine: f"{prefix}DomainUndefineFlags",
    }


_ALL_CREATE = ~SnapshotCreate.NONE
_ALL_REVERT = ~SnapshotRevert.NONE
_ALL_DELETE = ~SnapshotDelete.NONE
_ALL_UNDEFINE = ~Undefine.NONE

_QEMU = Kind(
    _ALL_CREATE,
    _ALL_REVERT,
    _ALL_DELETE,
    _ALL_UNDEFINE,
    {
        SnapshotCreate: "qemuSnapshotCreateXML",
        SnapshotRevert: "qemuSnapshotRevert",
        SnapshotDelete: "qemuSnapshotDelete",
        Undefine: "qemuDomainUndefineFlags",
    },
    metadata=True,
)
_TEST = Kind(
    SnapshotCreate.REDEFINE
    | SnapshotCreate.CURRENT
    | SnapshotCreate.HALT
    | SnapshotCreate.QUIESCE
    | SnapshotCreate.ATOMIC
    | SnapshotCreate.LIVE
    | SnapshotCreate.VALIDATE,
    SnapshotRevert.RUNNING | SnapshotRevert.PAUSED | SnapshotRevert.FORCE,
    # It refuses METADATA_ONLY, and all it has of a snapshot is metadata: any delete is of that alone.
    _ALL_DELETE,
    Undefine.MANAGED_SAVE | Undefine.SNAPSHOTS_METADATA,
    _functions("test"),
    metadata=True,
    needless={SnapshotDelete: SnapshotDelete.METADATA_ONLY},
)
_ESX = Kind(
    SnapshotCreate.NO_METADATA | SnapshotCreate.DISK_ONLY | SnapshotCreate.QUIESCE | SnapshotCreate.VALIDATE,
    SnapshotRevert.NONE,
    SnapshotDelete.CHILDREN | SnapshotDelete.METADATA_ONLY,
    Undefine.SNAPSHOTS_METADATA,
    _functions("esx"),
    native=True,
    secure_dumps=False,
    needless={SnapshotCreate: SnapshotCreate.NO_METADATA, Undefine: Undefine.SNAPSHOTS_METADATA},
)
_VBOX = Kind(
    SnapshotCreate.NO_METADATA | SnapshotCreate.VALIDATE,
    SnapshotRevert.NONE,
    SnapshotDelete.CHILDREN | SnapshotDelete.METADATA_ONLY,
    Undefine.SNAPSHOTS_METADATA,
    _functions("vbox"),
    native=True,
    secure_dumps=False,
    needless={SnapshotCreate: SnapshotCreate.NO_METADATA, Undefine: Undefine.SNAPSHOTS_METADATA},
    wants_history=True,
)
_VZ = Kind(
    # Its snapshots are Virtuozzo's own as well, but to its driver they have metadata.
    SnapshotCreate.VALIDATE,
    SnapshotRevert.PAUSED,
    SnapshotDelete.CHILDREN,
    Undefine.MANAGED_SAVE | Undefine.SNAPSHOTS_METADATA,
    _functions("vz"),
)
_WITHOUT_SNAPSHOTS = Kind(
    # libvirt refuses the call itself (3), whatever the flags.
    _ALL_CREATE,
    _ALL_REVERT,
    _ALL_DELETE,
    _ALL_UNDEFINE,
    _functions("vir"),
)
_UNKNOWN = Kind(
    SnapshotCreate.VALIDATE,
    SnapshotRevert.NONE,
    SnapshotDelete.CHILDREN,
    _ALL_UNDEFINE,
    _functions("vir"),
)

_KINDS = {
    QEMU: _QEMU,
    TEST: _TEST,
    "ESX": _ESX,
    "VBOX": _VBOX,
    "vz": _VZ,
    "Parallels": _VZ,
    **dict.fromkeys(("LXC", "Xen", "OPENVZ", "BHYVE", "bhyve", "VMware", "Hyper-V", "CH"), _WITHOUT_SNAPSHOTS),
}


def kind_of(name: str) -> Kind:
    """What libvirt's driver ``name`` takes; of one that is not known here, what every driver takes."""
    return _KINDS.get(name, _UNKNOWN)


def capabilities_of(name: str) -> Capabilities:
    """The capabilities of libvirt's driver ``name``."""
    kind = kind_of(name)
    return Capabilities(
        driver=name,
        # Each test driver has a domain "test" under the same UUID.
        unique_uuids=name != TEST,
        redefine=kind.metadata,
        no_metadata=kind is _QEMU or kind.native,
        delete_metadata_only=SnapshotDelete not in kind.needless,
        whole_acts=name == TEST,  # it keeps nothing outside its own memory
    )


def asked(name: str, flags: F) -> F:
    """The flags of a call that libvirt's driver ``name`` is to be given.

    Raises InvalidFlags (8) in libvirt's words, before anything is asked, if it is not known to take one of them.
    """
    kind = kind_of(name)
    unknown = int(flags) & ~int(kind.takes(flags))
    if unknown:
        raise refusal(_INVALID_ARG, f"unsupported flags ({unknown:#x}) in function {kind.functions[type(flags)]}")
    return flags & ~kind.needless.get(type(flags), type(flags)(0))


def already_done(name: str, flags: SnapshotDelete) -> bool:
    """Whether this deletion asks for nothing: of metadata that the driver does not keep. The snapshot has to exist."""
    return SnapshotDelete.METADATA_ONLY in flags and kind_of(name).native


def dump_flags(name: str) -> int:
    """With which flags a snapshot's XML is asked for, so that nothing is left out of it."""
    return _XML_SECURE if kind_of(name).secure_dumps else 0


def new_snapshot(name: str, xml: str) -> str:
    """The XML of a new snapshot, which names it, as libvirt's driver ``name`` can read it.

    VirtualBox's reads any snapshot as one to be redefined, and of a new one then takes only name and description.
    """
    if not kind_of(name).wants_history:
        return xml
    described = snapshot_xml.read(xml)
    history = "" if described.state else "<state>shutoff</state>"
    history += "" if described.creation_time is not None else "<creationTime>0</creationTime>"
    data = safe_xml.encoded(xml)
    place = next((span.start for span in safe_xml.children(data) if span.name == "name"), None)
    return xml if place is None else (data[:place] + history.encode() + data[place:]).decode()
