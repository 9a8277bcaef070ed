"""Drift: where a domain is not as Revisor's own last operation left it, and what a person says of that.

What is observed is recorded as it is, whoever did it. That alone would not tell anybody that something happened past
Revisor: so it is remembered what was ours on each *aspect* of a domain on a host, until an operation or an acceptance
makes it anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from domain_model.domain import Domain

STATE = "state"
DEFINITION = "definition"
AUTOSTART = "autostart"
MANAGED_SAVE = "managed save"
NAME = "name"
CURRENT = "current snapshot"
SNAPSHOT = "snapshot"

ADDED, GONE, CHANGED = "added", "gone", "changed"
"""What may be observed of a snapshot that is not as it was left."""


def snapshot_key(snapshot: str) -> str:
    """The aspect that one snapshot, by its id, is."""
    return f"{SNAPSHOT} {snapshot}"


@dataclass(frozen=True, slots=True)
class Drift:
    """One aspect of a domain on a host that was observed otherwise than our own last operation left it.

    States are libvirt's numbers, definitions digests (None: undefined). A current snapshot is an id. Of a snapshot
    ``recorded`` are the digests it was composed of, if they are known, and ``observed`` is ADDED, GONE or CHANGED.
    """

    aspect: str
    recorded: Any
    observed: Any
    snapshot: str | None = None
    """Of a snapshot: its id."""
    name: str | None = None
    """Of a snapshot: its name."""

    @property
    def key(self) -> str:
        return self.aspect if self.snapshot is None else snapshot_key(self.snapshot)


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """What was observed on ``host`` is to be so: drift of these aspects, seen up to ``position``, is none any more."""

    host: str
    aspects: Sequence[str]
    position: int

    def apply(self, domain: "Domain") -> None:
        """Nothing becomes otherwise on the host."""
        domain.leave_evidence()
