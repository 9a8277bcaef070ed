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


@dataclass(frozen=True, kw_only=True)
class Start(OfOperation):
    """A worker is about to touch the hypervisor; ``evidence`` is what it saw before."""

    worker: str
    epoch: int
    evidence: dict[str, Any]

    def apply(self, domain: "Domain") -> None:
        operation = domain.operations.get(self.operation)
        if operation is not None:
            operation.evidence = operation.evidence or self.evidence
            operation.started = True


@dataclass(frozen=True, kw_only=True)
class Success(OfOperation):
    """It was done. ``result`` is what the verb tells."""

    result: dict[str, Any]

    def apply(self, domain: "Domain") -> None:
        domain.operations.pop(self.operation, None)


@dataclass(frozen=True, kw_only=True)
class Failure(OfOperation):
    """It was not done; ``code`` is libvirt's number."""

    code: int
    message: str
    result: dict[str, Any]

    def apply(self, domain: "Domain") -> None:
        operation = domain.operations.pop(self.operation, None)
        replica = domain.replica_on(self.host)
        if replica is not None and operation is not None and operation.verb == "replay":
            replica.verified = None


@dataclass(frozen=True, kw_only=True)
class LostOutcome(OfOperation):
    """The answer was lost and what is there does not tell. Nothing is destroyed on it; only evidence settles it."""

    message: str

    def apply(self, domain: "Domain") -> None:
        domain.operations.pop(self.operation, None)
