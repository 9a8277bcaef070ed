"""The reconciler: looks again at operations whose outcome is unknown, and records it once it can be told.

What can be told only later is what could not be seen at first, such as images on a storage that was away. A look is
evidence only while the domain is as the operation left it: what anybody did to it since may look the same
(docs/reference/evidence.md). So nothing is done to the hypervisor here, and what happened since is recorded first.
"""

import logging
from collections.abc import Callable
from uuid import UUID

from domain_model.adoption import Adoption
from domain_model.commands import settle
from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable, Refused
from domain_model.operations import OperationState
from drivers.port import Driver
from workers.looking import Eye, unwatched
from workers.ports import Lead, QueuedOperation, Records, UnreadableDomain
from workers.verbs import NO_TRACE, VERBS, Task, Verdict

_log = logging.getLogger(__name__)


class Reconciler:
    """Looks again at the operations of one host, under one lead."""

    def __init__(self, driver: Driver, records: Records, lead: Lead, goes_on: Callable[[], None] = unwatched) -> None:
        """``goes_on`` is told before each look, and each dump, that it has not come to a stop."""
        self._goes_on = goes_on
        self._driver = driver
        self._records = records
        self._lead = lead
        self._eye = Eye(driver, records, str(lead.host), goes_on)
        self._hopeless: set[UUID] = set()
        """Those of which no look will ever tell: a person has to."""

    def run_once(self, busy: frozenset[UUID]) -> None:
        """Look at each operation with an unknown outcome, but of domains that are ``busy``.

        Afterwards those of which the evidence tells by now are settled. Raises HypervisorUnreachable, LeadLost.
        """
        unknown = self._records.unknown(self._lead.host)
        self._hopeless &= {lost.id for lost in unknown}
        for lost in unknown:
            if lost.id not in self._hopeless and lost.domain not in busy:
                self._goes_on()
                self._look_again(lost)

    def _look_again(self, lost: QueuedOperation) -> None:
        ids = {"operation": str(lost.id)}
        try:
            domain = self._records.domain(lost.domain)
            if VERBS[lost.verb].evidence is NO_TRACE or not domain.may_tell(str(lost.id)):
                self._hopeless.add(lost.id)
            elif not domain.operations:
                self._records.check_secrets(domain.id)
                self._decide(lost, domain)
        except HypervisorUnreachable:
            raise
        except UnreadableDomain as newer:
            _log.info("its outcome stays unknown: %s", newer, extra=ids)
            self._hopeless.add(lost.id)
        except Refused as refusal:
            _log.info("its outcome cannot be told yet: %s", refusal, extra=ids)

    def _decide(self, lost: QueuedOperation, domain: Domain) -> None:
        operation, drafts = domain.unknown[str(lost.id)], self._records.drafts()
        evidence = VERBS[lost.verb].evidence
        task = Task(self._driver, self._records, self._lead, domain, operation, drafts)
        verdict = evidence.verdict(task, self._eye.sighting(domain))
        if verdict not in _OUTCOMES:
            return
        outcome, words = _OUTCOMES[verdict]
        host, seen = str(self._lead.host), self._eye.look(domain, drafts)
        self._goes_on()

        def decide(now: Domain) -> None:
            if now.operations or now.version != domain.version:
                return  # what is seen may be its doing, or be older than what is on record by now
            Adoption(now, host, self._records.now()).adopt(seen)
            if now.may_tell(operation.id):
                settle(now, operation.id, outcome, words.format(evidence.says), self._records.now())

        placement = domain.placements.get(host)
        names = {each.name for each in (placement, seen) if each is not None}
        self._records.change(lost.domain, decide, lead=self._lead, operation=lost, drafts=drafts, names=sorted(names))


_OUTCOMES = {
    Verdict.DONE: (OperationState.SUCCEEDED, "looked at again, it happened: {}"),
    Verdict.NOT_DONE: (
        OperationState.FAILED,
        "looked at again, it had not happened, and it is not done again by itself",
    ),
}
