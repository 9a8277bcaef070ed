"""What the image files behind a domain say of its snapshots: plain values, and the ability to find them out.

A hypervisor lists the snapshots it has metadata of, whether or not their data is still there. Only where its files can
be read is that known; where they cannot, nothing is claimed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class SnapshotPresence:
    """What is known of one snapshot's data."""

    present: bool
    """Whether all of it is there: of each disk the snapshot holds, and of the memory if it holds that."""
    why: str = ""
    """Of one that is missing, what is not there: the first file or tag, named."""


@dataclass(frozen=True, slots=True)
class OrphanTag:
    """A snapshot inside an image that no listed snapshot explains: metadata was lost, or somebody else took it."""

    file: str
    """The image, absolute, its links resolved."""
    tag: str
    date_s: int
    """When it was taken, in seconds since 1970."""
    vm_state_bytes: int
    """How much of the guest's memory is kept with it; 0 when only the disk was."""


@dataclass(frozen=True, slots=True)
class ImageFindings:
    """What a look at the images said about all snapshots that the hypervisor lists for a domain."""

    snapshots: Mapping[str, SnapshotPresence] = field(default_factory=dict)
    """By name. One that is not here cannot be told: unverified."""
    untold: Mapping[str, str] = field(default_factory=dict)
    """Why one that is listed cannot be told, by name."""
    orphans: tuple[OrphanTag, ...] = ()
    """From the images that could be read."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The other names of files that were looked at, each with the file: its links resolved."""
    unseen: str = ""
    """Why no image was looked at; empty when they were."""


@dataclass(frozen=True, slots=True)
class ImageChain:
    """The files one disk of a domain consists of."""

    disk: str
    """The disk's target, such as ``vda``."""
    source: str
    """The disk's source as the definition has it."""
    files: tuple[str, ...]
    """From the one that is written to down to the base, absolute, links resolved: a file has one name in all chains."""
    tags: tuple[str, ...] | None = None
    """The names of the snapshots inside the first of them, in the order of its table;
    None when it has no such table.
    """
    names: Mapping[str, str] = field(default_factory=dict)
    """The other names by which these files are called where one stands on the next, each with the file."""
    cut: str = ""
    """Why the list ends before the chain does; empty when it is whole."""


@runtime_checkable
class SnapshotData(Protocol):
    """Telling whether the data of a domain's snapshots is there.

    Reads only; a look during a snapshot operation may be of neither side of it.
    """

    def snapshot_presence(self, uuid: str) -> ImageFindings:
        """Whether the data of each listed snapshot is there. Raises as the port's reads do: 42, unreachable."""
        ...


@runtime_checkable
class ImageSnapshots(SnapshotData, Protocol):
    """Looking into the images of a domain: as well which files they are, and what else is inside."""

    def image_chains(self, uuid: str) -> Sequence[ImageChain]:
        """The chain of each disk that has a source, in the definition's order. Raises as the port's reads do."""
        ...
