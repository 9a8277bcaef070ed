"""Operations: one accepted request each, from being asked for to its known end, and the verbs they carry out."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class VerbClass(StrEnum):
    """How a verb shares a domain with others."""

    EXCLUSIVE = "exclusive"
    """One started per domain; others wait in request order."""
    CONTROL = "control"
    """Allowed beside a started exclusive operation."""


class OperationState(StrEnum):
    QUEUED = "queued"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing will happen any more without a person or new evidence."""
        return self not in (OperationState.QUEUED, OperationState.STARTED)

    @property
    def settled(self) -> bool:
        """Whether not even new evidence changes it."""
        return self.ended and self is not OperationState.UNKNOWN


VERBS: dict[str, VerbClass] = {
    "define": VerbClass.EXCLUSIVE,
    "create": VerbClass.EXCLUSIVE,
    "undefine": VerbClass.EXCLUSIVE,
    "start": VerbClass.EXCLUSIVE,
    "shutdown": VerbClass.EXCLUSIVE,
    "reboot": VerbClass.EXCLUSIVE,
    "reset": VerbClass.CONTROL,
    "destroy": VerbClass.CONTROL,
    "suspend": VerbClass.CONTROL,
    "resume": VerbClass.EXCLUSIVE,
    "save": VerbClass.EXCLUSIVE,
    "restore": VerbClass.EXCLUSIVE,
    "managedsave": VerbClass.EXCLUSIVE,
    "managedsave-remove": VerbClass.EXCLUSIVE,
    "dump": VerbClass.EXCLUSIVE,
    "autostart": VerbClass.EXCLUSIVE,
    "domrename": VerbClass.EXCLUSIVE,
    "setmem": VerbClass.EXCLUSIVE,
    "setmaxmem": VerbClass.EXCLUSIVE,
    "setvcpus": VerbClass.EXCLUSIVE,
    "attach-device": VerbClass.EXCLUSIVE,
    "detach-device": VerbClass.EXCLUSIVE,
    "update-device": VerbClass.EXCLUSIVE,
    "desc": VerbClass.EXCLUSIVE,
    "metadata": VerbClass.EXCLUSIVE,
    "blockresize": VerbClass.EXCLUSIVE,
    "dompmsuspend": VerbClass.EXCLUSIVE,
    "dompmwakeup": VerbClass.EXCLUSIVE,
    "inject-nmi": VerbClass.CONTROL,
    "send-key": VerbClass.CONTROL,
    "domfsfreeze": VerbClass.CONTROL,
    "domfsthaw": VerbClass.CONTROL,
    "domtime": VerbClass.CONTROL,
    "domjobabort": VerbClass.CONTROL,
    "snapshot-create": VerbClass.EXCLUSIVE,
    "snapshot-redefine": VerbClass.EXCLUSIVE,
    "snapshot-undelete": VerbClass.EXCLUSIVE,
    "snapshot-revert": VerbClass.EXCLUSIVE,
    "snapshot-delete": VerbClass.EXCLUSIVE,
    "checkpoint-create": VerbClass.EXCLUSIVE,
    "checkpoint-redefine": VerbClass.EXCLUSIVE,
    "checkpoint-delete": VerbClass.EXCLUSIVE,
    "backup-begin": VerbClass.EXCLUSIVE,
    "replay": VerbClass.EXCLUSIVE,
    "handover": VerbClass.EXCLUSIVE,
}


MAKES_DOMAINS = frozenset({"define", "create", "restore", "replay"})
"""Verbs by which their host comes to have the domain, under the name in their arguments."""

NAMES_DOMAINS = MAKES_DOMAINS | {"domrename"}
"""Verbs after which the domain bears the name in their arguments."""

NAMES_HOSTS = frozenset({"from", "to"})
"""Arguments that are hosts, by id."""


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody wants done to a domain.

    ``arguments`` are JSON values, among them ``flags``, libvirt's number; documents appear as digests.
    """

    operation: str
    verb: str
    host: str
    """The host that carries it out."""
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def hosts(self) -> list[str]:
        """The hosts on which something comes to be by it:
        the one that carries it out, and the new owner of a handover.
        """
        return [self.host, self.arguments["to"]] if self.verb == "handover" else [self.host]


@dataclass(slots=True)
class Operation:
    """An operation without an outcome, as its domain remembers it."""

    id: str
    verb: str
    host: str
    arguments: dict[str, Any]
    started: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)
    """What was seen before the hypervisor was first touched; a later start does not replace it."""
    alone: bool = True
    """Whether no other operation was under way on the domain since it was started."""
    evidence_until: int | None = None
    """With an unknown outcome: the last version of the domain at which what is there can be evidence; None: at none."""

    @property
    def verb_class(self) -> VerbClass:
        return VERBS[self.verb]
