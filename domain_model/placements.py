"""Placements: where a domain is, and what it may do there."""

from dataclasses import dataclass, field
from enum import StrEnum

from domain_model.libvirt import DomainState


class Role(StrEnum):
    OWNER = "owner"
    """Exactly one placement: only there may the domain be started, changed, snapshotted, reverted."""
    REPLICA = "replica"
    """Definition and snapshot tree made by replay; inactive; may be listed, dumped, compared, undefined."""


@dataclass(frozen=True, slots=True)
class Images:
    """The files behind a domain's disks, as they were last looked at; a file is called by its name without links."""

    files: dict[str, list[str]] = field(default_factory=dict)
    """Of each disk, by its target: the image and what it is based on, in this order."""
    names: dict[str, str] = field(default_factory=dict)
    """The other names that XML or images have for a file, each with the file."""
    cut: dict[str, str] = field(default_factory=dict)
    """By the disk's target why its files are not all known, in a sentence."""

    def file(self, name: str) -> str:
        """The file that is meant by a name."""
        return self.names.get(name, name)


@dataclass(slots=True)
class Placement:
    """A domain on one host, as last recorded. ``definition`` and ``live`` are digests of documents."""

    host: str
    name: str
    role: Role
    persistent: bool = False
    definition: str | None = None
    live: str | None = None
    state: DomainState = DomainState.SHUTOFF
    reason: int = 0
    hypervisor_id: int | None = None
    autostart: bool = False
    managed_save: bool = False
    images: Images = field(default_factory=Images)
    replicated: dict[str, str] = field(default_factory=dict)
    """On a replica: the snapshots redefined there, by id, and the fingerprint of what was redefined."""
    replicated_current: str | None = None
    verified: str | None = None
    """On a replica: the fingerprint of the domain's content with which it was last found to agree."""

    @property
    def active(self) -> bool:
        return self.hypervisor_id is not None
