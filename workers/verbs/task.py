"""One operation being carried out, and what a verb consists of.

``act`` touches the hypervisor. ``evidence`` looks at what is there, beside what was seen before, when the answer was
lost: done, not done (so it may be done again), or not to be told from here. ``record`` adds the facts that a plain
comparison with the log would not find.
"""

import threading
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
from workers.background import GivenUp
from workers.ports import Drafts, Lead, Records

Ability = TypeVar("Ability")


class Verdict(Enum):
    DONE = "done"
    NOT_DONE = "not done"
    AGAIN = "to be done again"
    """What is there does not tell, but twice is as once."""
    NOT_YET = "not yet"
    """The hypervisor is still at it: to be asked again."""
    CANNOT_TELL = "cannot tell"


@dataclass(slots=True)
class Task:
    """One operation being carried out."""

    hypervisor: Driver
    records: Records
    lead: Lead
    domain: Domain
    operation: Operation
    drafts: Drafts
    given_up: threading.Event = field(default_factory=threading.Event)
    """Set from outside: nothing more may be asked of the hypervisor for it."""
    result: dict[str, Any] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    """By a replay: ids of snapshots taken off the replica."""
    agrees: bool = True
    """By a replay: whether what it made was found to agree."""
    touched: list[str] = field(default_factory=list)
    """The names of the snapshots that are others now, or may be; to be dumped."""

    @property
    def driver(self) -> Driver:
        """The hypervisor. Raises GivenUp when nobody waits for this attempt any more."""
        if self.given_up.is_set():
            raise GivenUp(f"{self.operation.verb} came to its next step too late")
        return self.hypervisor

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
        driver = self.driver
        if not isinstance(driver, protocol):
            raise NotSupported(f"the {driver.capabilities.driver} driver cannot {self.operation.verb}", field="verb")
        return driver


Act = Callable[[Task], None]
Record = Callable[[Task, Domain, Adoption, Observation | None], None]
Test = Callable[[Task, DomainSighting | None], bool]


def nothing_to_know(_task: Task, _seen: DomainSighting | None) -> dict[str, Any]:
    """What every operation records of how it was before is enough."""
    return {}


def nothing_to_mend(_task: Task, _seen: DomainSighting) -> None:
    """Broken off, it leaves nothing half-done."""


def nothing_more(_task: Task, _domain: Domain, _adoption: Adoption, _seen: Observation | None) -> None:
    """The comparison with the log finds all facts."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How it is told, when the answer was lost or its agent died, whether an act happened."""

    says: str
    """In a few words, as in docs/reference/evidence.md."""
    verdict: Callable[[Task, DomainSighting | None], Verdict]
    before: Callable[[Task, DomainSighting | None], dict[str, Any]] = nothing_to_know
    """Looks for what else has to be known of how it was before; refuses what must not be begun."""
    mend: Callable[[Task, DomainSighting], None] = nothing_to_mend
    """Puts right what an attempt that was broken off left half-done, before it is asked what happened."""


@dataclass(frozen=True, slots=True)
class Verb:
    act: Act
    evidence: Evidence
    record: Record = nothing_more


def done_if(says: str, test: Test) -> Evidence:
    """Done when the test says so; otherwise not done, and harmless to do again."""
    return Evidence(says, lambda task, seen: Verdict.DONE if test(task, seen) else Verdict.NOT_DONE)


DO_AGAIN = Evidence("(done again: twice is as once)", lambda _task, _seen: Verdict.AGAIN)
NO_TRACE = Evidence("(unknown: it leaves no trace)", lambda _task, _seen: Verdict.CANNOT_TELL)


def in_state(state: DomainState) -> Evidence:
    return done_if(f"the domain is {state.words}", lambda _, seen: seen is not None and seen.state is state)


def inactive(task: Task, seen: DomainSighting | None) -> bool:
    """Whether the guest that ran is not there any more; another run of it is another guest."""
    return seen is None or not seen.active or seen.hypervisor_id != task.evidence.get("hypervisor_id")


GUEST_GONE = done_if("the guest that ran is gone; another run is another guest", inactive)
