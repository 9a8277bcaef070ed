"""What is asked in a schedule: verbs that mostly fit the state of the domain,
each with an effect that can be counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from domain_model import snapshot_xml
from domain_model.domain import Domain
from domain_model.operations import Command
from revisor.store.documents import Drafts
from revisor.submissions import Submission

_OFF = ("start", "start", "undefine", "define", "setmem", "desc", "autostart", "snapshot-create", "snapshot-revert")
_ON = ("shutdown", "destroy", "suspend", "reboot", "desc", "snapshot-create", "snapshot-revert", "snapshot-delete")
_PAUSED = ("resume", "destroy", "snapshot-create", "snapshot-delete")
_MOST_KIB = 64 * 1024


@dataclass(frozen=True, slots=True)
class Guest:
    """A domain that a schedule is about."""

    uuid: str
    name: str
    host: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what was asked, and what the door said to it."""

    submission: Submission
    operation: UUID


def drawn(random: Random, guest: Guest, domain: Domain | None, number: int) -> Submission:
    """Something to ask of a guest; the ``number`` makes it different from all others."""
    return of(random.choice(_fitting(domain, guest.host)), random, guest, domain, number)


def of(verb: str, random: Random, guest: Guest, domain: Domain | None, number: int) -> Submission:
    """One verb asked of a guest."""
    drafts = Drafts()
    arguments: dict[str, Any] = {"flags": 0, **_arguments(verb, random, guest, domain, number, drafts.add)}
    return Submission(
        command=Command(str(UUID(int=random.getrandbits(128), version=4)), verb, guest.host, arguments),
        domain=UUID(guest.uuid),
        name=guest.name,
        fingerprint=f"{guest.uuid} {verb} {number}".encode(),
        drafts=drafts,
        uuid=guest.uuid if verb == "define" else None,
        claims_name=verb == "define",
    )


def _fitting(domain: Domain | None, host: str) -> tuple[str, ...]:
    placement = None if domain is None else domain.placements.get(host)
    if placement is None:
        return ("define",)
    if not placement.active:
        return _OFF
    return _PAUSED if placement.state.words == "paused" else _ON


def _arguments(
    verb: str, random: Random, guest: Guest, domain: Domain | None, number: int, add: Callable[[str], str]
) -> dict[str, Any]:
    names = [] if domain is None else sorted(record.name for record in domain.forest)
    match verb:
        case "define":
            return {"name": guest.name, "xml": add(definition(guest, number))}
        case "setmem":
            return {"size_kib": 1024 + number}
        case "desc":
            return {"text": f"the description {number}"}
        case "snapshot-create":
            return {"name": f"s{number}", "xml": add(snapshot_xml.build(f"s{number}"))}
        case "snapshot-revert" | "snapshot-delete":
            return {"name": random.choice(names) if names else "none"}
    return {}


def definition(guest: Guest, number: int) -> str:
    """A definition that no other number has."""
    return (
        f"<domain type='qemu'><name>{guest.name}</name><uuid>{guest.uuid}</uuid><memory unit='KiB'>{_MOST_KIB + number}"
        f"</memory><os><type>hvm</type></os><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
        f"<source file='/images/{guest.name}.qcow2'/><target dev='vda' bus='virtio'/></disk></devices></domain>"
    )
