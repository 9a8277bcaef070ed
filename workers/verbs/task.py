"""One operation being carried out, and what a verb consists of.

``act`` touches the hypervisor. ``happened`` looks at what is there, beside the evidence taken before, when the answer
was lost: done, not done (so it may be done again), or not to be told from here. ``record`` adds the facts that a plain
comparison with the log would not find. ``docs/reference/evidence.md`` says of each verb by what it is told.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from domain_model.adoption import Adoption, Observation
from domain_model.domain import Domain
from domain_model.errors import NotSupported
from domain_model.libvirt import DomainState
from domain_model.operations import Operation
from drivers.port import DomainSighting, Driver
from workers.ports import Drafts, Lead, Records

Ability = TypeVar("Ability")


class Verdict(Enum):
    DONE = "done"
    NOT_DONE = "not done"
    CANNOT_TELL = "cannot tell"


@dataclass(slots=True)
class Task:
    """One operation being carried out."""

    driver: Driver
    records: Records
    lead: Lead
    domain: Domain
    operation: Operation
    drafts: Drafts
    result: dict[str, Any] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    """By a replay: ids of snapshots taken off the replica."""
    agrees: bool = True
    """By a replay: whether what it made was found to agree."""
    touched: list[str] = field(default_factory=list)
    """The names of the snapshots that are others now, or may be; to be dumped."""

    @property
    def uuid(self) -> str:
        return self.domain.uuid

    @property
    def arguments(self) -> dict[str, Any]:
        return self.operation.arguments

    @property
    def evidence(self) -> dict[str, Any]:
        """What was seen before the hypervisor was first touched."""
        return self.operation.evidence

    @property
    def flags(self) -> int:
        return int(self.arguments["flags"])

    @property
    def xml(self) -> str:
        """The document the operation brought, with its secrets."""
        return self.document(self.arguments["xml"])

    @property
    def xml_if_any(self) -> str | None:
        digest = self.arguments.get("xml")
        return None if digest is None else self.document(digest)

    def tell(self, done: int, total: int) -> None:
        """Let the doors know how far it is."""
        self.records.progress(UUID(self.operation.id), done, total)

    def document(self, digest: str) -> str:
        """A document by its digest, with its secrets."""
        return self.records.restore(self.domain.id, self.records.texts([digest])[digest])

    def ability(self, protocol: type[Ability]) -> Ability:
        """The driver, if it has this ability; refuses (3) if not."""
        if not isinstance(self.driver, protocol):
            raise NotSupported(
                f"the {self.driver.capabilities.driver} driver cannot {self.operation.verb}", field="verb"
            )
        return self.driver


Before = Callable[[Task, DomainSighting | None], dict[str, Any]]
Act = Callable[[Task], None]
Mend = Callable[[Task, DomainSighting], None]
Happened = Callable[[Task, DomainSighting | None], Verdict]
Record = Callable[[Task, Domain, Adoption, Observation | None], None]


def nothing_to_know(_task: Task, _seen: DomainSighting | None) -> dict[str, Any]:
    """What every operation records of how it was before is enough."""
    return {}


def nothing_to_mend(_task: Task, _seen: DomainSighting) -> None:
    """Broken off, it leaves nothing half-done."""


def nothing_more(_task: Task, _domain: Domain, _adoption: Adoption, _seen: Observation | None) -> None:
    """The comparison with the log finds all facts."""


@dataclass(frozen=True, slots=True)
class Verb:
    act: Act
    happened: Happened
    record: Record = nothing_more
    before: Before = nothing_to_know
    """Looks for what else has to be known of how it was before; refuses what must not be begun."""
    mend: Mend = nothing_to_mend
    """Puts right what an attempt that was broken off left half-done, before it is asked what happened."""


def done_if(test: Callable[[Task, DomainSighting | None], bool]) -> Happened:
    """Done when the test says so; otherwise not done, and harmless to do again."""
    return lambda task, seen: Verdict.DONE if test(task, seen) else Verdict.NOT_DONE


def do_again(_task: Task, _seen: DomainSighting | None) -> Verdict:
    """Doing it twice is the same as once."""
    return Verdict.NOT_DONE


def in_state(*states: DomainState) -> Happened:
    return done_if(lambda _, seen: seen is not None and seen.state in states)


def inactive(task: Task, seen: DomainSighting | None) -> bool:
    """Whether the guest that ran is not there any more; another run of it is another guest."""
    return seen is None or not seen.active or seen.hypervisor_id != task.evidence.get("hypervisor_id")


def cannot_tell(_task: Task, _seen: DomainSighting | None) -> Verdict:
    """What it does leaves no trace that a second look could find."""
    return Verdict.CANNOT_TELL
