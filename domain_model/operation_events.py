"""What the log says of operations: asked for, started, and how each ended.

These are the fields and effects of the events nested in ``Domain``; the events themselves, with their names, are there.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain_model.operations import Operation

if TYPE_CHECKING:
    from domain_model.domain import Domain


@dataclass(frozen=True, kw_only=True)
class OfOperation:
    """Something about one operation, by its id, and the host that carries it out."""

    operation: str
    host: str


@dataclass(frozen=True, kw_only=True)
class Request(OfOperation):
    """It was asked for and accepted."""

    verb: str
    arguments: dict[str, Any]

    def apply(self, domain: "Domain") -> None:
        domain.operations[self.operation] = Operation(self.operation, self.verb, self.host, self.arguments)
        domain.leave_evidence()


@dataclass(frozen=True, kw_only=True)
class Start(OfOperation):
    """A worker is about to touch the hypervisor; ``evidence`` is what it saw before."""

    worker: str
    epoch: int
    evidence: dict[str, Any]

    def apply(self, domain: "Domain") -> None:
        operation = domain.operations.get(self.operation)
        others = [other for other in domain.operations.values() if other.started and other.id != self.operation]
        for other in others:
            other.alone = False
        if operation is not None:
            operation.evidence = operation.evidence or self.evidence
            operation.started = True
            operation.alone = operation.alone and not others


@dataclass(frozen=True, kw_only=True)
class Success(OfOperation):
    """It was done. ``result`` is what the verb tells."""

    result: dict[str, Any]

    def apply(self, domain: "Domain") -> None:
        domain.operations.pop(self.operation, None)
        domain.unknown.pop(self.operation, None)


@dataclass(frozen=True, kw_only=True)
class Failure(OfOperation):
    """It was not done; ``code`` is libvirt's number."""

    code: int
    message: str
    result: dict[str, Any]

    def apply(self, domain: "Domain") -> None:
        operation = domain.operations.pop(self.operation, None)
        domain.unknown.pop(self.operation, None)
        if operation is not None and not operation.started:
            domain.leave_evidence()
        replica = domain.replica_on(self.host)
        if replica is not None and operation is not None and operation.verb == "replay":
            replica.verified = None


@dataclass(frozen=True, kw_only=True)
class LostOutcome(OfOperation):
    """The answer was lost and what is there does not tell. Nothing is destroyed on it; only evidence settles it."""

    message: str
    evidence_lasts: bool = False
    """Whether a later look may tell more. Not of a log that was restored, which does not know what came after."""

    def apply(self, domain: "Domain") -> None:
        operation = domain.operations.pop(self.operation, None)
        if operation is None:
            return
        domain.unknown[self.operation] = operation
        if self.evidence_lasts and operation.started and operation.alone:
            operation.evidence_until = domain.version + 1


@dataclass(frozen=True, kw_only=True)
class Cancellation(OfOperation):
    """It was withdrawn before it was started; no hypervisor ever heard of it."""

    def apply(self, domain: "Domain") -> None:
        domain.operations.pop(self.operation, None)
        domain.leave_evidence()


@dataclass(frozen=True, kw_only=True)
class Settlement(OfOperation):
    """Its unknown outcome is known: by ``evidence``, in the words of who looked."""

    outcome: str
    """``succeeded`` or ``failed``."""
    evidence: str

    def apply(self, domain: "Domain") -> None:
        domain.unknown.pop(self.operation, None)
        domain.leave_evidence()
