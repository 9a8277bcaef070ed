"""The applier: carries out one operation on the hypervisor, and records its start and its end.

The start is durable before the hypervisor is touched. What became so and that the operation is over are one append.
When the answer is lost, or a worker before us died in between, what is there decides: done, do again, or unknown.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from domain_model.adoption import Adoption, Observation
from domain_model.commands import check_identity, check_role
from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable, NoDomain, OutcomeUnknown, Refused
from domain_model.holds import check_holds
from domain_model.operations import MAKES_DOMAINS, NAMES_DOMAINS, Operation, VerbClass
from domain_model.rules import RULES
from drivers.port import Driver
from workers.background import GivenUp
from workers.beforehand import Beforehand
from workers.looking import Eye, evidence_of, situation_of
from workers.ports import Lead, LeadLost, QueuedOperation, Records
from workers.steps import Reached, Step, go_on
from workers.verbs import VERBS, Task, Verdict, command_of, replica_differs

_log = logging.getLogger(__name__)

_LOOKS = 5
"""Others may go on recording something, such as requests, while it is looked at."""


class Applier:
    """Works on operations of one host, under one lead.

    A worker that stood still may have been succeeded, and no hypervisor knows of leases: so the worker looks at its own
    before it acts. Only one that is stopped in the instant between the two can still act late.
    """

    def __init__(self, driver: Driver, records: Records, lead: Lead, reached: Reached = go_on) -> None:
        self._driver = driver
        self._records = records
        self._lead = lead
        self._reached = reached
        self._eye = Eye(driver, records, str(lead.host))
        self._beforehand = Beforehand(driver, records, lead)

    def apply(self, queued: QueuedOperation, given_up: threading.Event | None = None) -> None:
        """Bring one operation to its end, or leave it for later when it is not its turn or nobody can tell yet.

        Afterwards it has succeeded, failed, or its outcome is recorded as unknown. Raises LeadLost. Once ``given_up``
        is set it begins nothing more on the hypervisor, and raises GivenUp where it would.
        """
        given_up = given_up or threading.Event()
        domain = self._records.domain(queued.domain)
        operation = domain.operations.get(str(queued.id))
        if operation is None:
            return
        try:
            if operation.started:
                self._reached(Step.RESUMED, operation.verb)
                self._settle(queued, self._task(domain, operation, given_up))
            elif domain.may_start(operation.id):
                self._reached(Step.CLAIMED, operation.verb)
                self._begin(queued, self._task(domain, operation, given_up))
        except HypervisorUnreachable as silence:
            if operation.started:
                _log.warning("operation waits for its hypervisor: %s", silence, extra={"operation": operation.id})
            else:
                self._fail(queued, silence)

    def conclude(self, queued: QueuedOperation, waited_s: float) -> None:
        """End an operation whose attempt was given up after so long, by what is there, or as unknown.

        It is not done again: what never answered may happen yet. Not started, it failed. It stays open when the
        hypervisor is at it still, or does not answer by now: then it is settled as after any lost answer.
        """
        domain = self._records.domain(queued.domain)
        operation = domain.operations.get(str(queued.id))
        if operation is None:
            return
        silence = f"no answer within {waited_s:g} s"
        if not operation.started:
            self._fail(queued, HypervisorUnreachable(silence))
            return
        task = self._task(domain, operation, threading.Event())
        verdict = self._happened(task)
        if verdict is Verdict.DONE:
            self._record_end(queued, task, None)
        elif verdict is not Verdict.NOT_YET:
            self._give_up(queued, task, f"{silence}, and what is there does not tell whether it happens yet")

    def conclude_unseen(self, queued: QueuedOperation, waited_s: float) -> None:
        """As ``conclude``, of one that was started, where the domain cannot even be looked at."""
        domain = self._records.domain(queued.domain)
        operation = domain.operations.get(str(queued.id))
        if operation is not None and operation.started:
            task = self._task(domain, operation, threading.Event())
            self._give_up(queued, task, f"no answer within {waited_s:g} s, nor to a look at the domain", look=False)

    def _begin(self, queued: QueuedOperation, task: Task) -> None:
        operation = task.operation
        sighting = self._eye.sighting(task.domain)
        evidence: dict[str, Any] = {}

        def start(now: Domain) -> None:
            task.domain = now
            if now.may_start(operation.id) and not now.operations[operation.id].started:
                at = self._records.now()
                check_role(now, command_of(operation), self._records.host_names())
                check_identity(now, command_of(operation))
                check_holds(now, command_of(operation), at)
                now.record(
                    Domain.OperationStarted,
                    at,
                    operation=operation.id,
                    host=str(self._lead.host),
                    worker=str(self._lead.worker),
                    epoch=self._lead.epoch,
                    evidence=evidence,
                )

        try:
            # What becomes of it could not be recorded: its XML is compared with its secrets taken out.
            self._records.check_secrets(task.domain.id)
            domain = self._beforehand.brought_up(task.domain, sighting)
            if domain is not task.domain:  # what it was brought up to was seen later
                task.domain, sighting = domain, self._eye.sighting(domain)
            if sighting is not None:
                RULES[operation.verb](situation_of(sighting, domain), operation.arguments)
            elif operation.verb not in MAKES_DOMAINS:
                raise NoDomain(f"no domain '{domain.name}' on the host", field="domain", value=domain.name)
            evidence |= evidence_of(sighting, domain)
            evidence |= VERBS[operation.verb].evidence.before(task, sighting)
            self._reached(Step.CHECKED, operation.verb)
            began = self._records.change(queued.domain, start, lead=self._lead, operation=queued, loaded=task.domain)
        except Refused as refusal:
            self._fail(queued, refusal)
            return
        if began:
            operation.evidence, operation.started = evidence, True
            self._reached(Step.STARTED, operation.verb)
            self._act(queued, task)

    def _act(self, queued: QueuedOperation, task: Task, *, repeated: bool = False) -> None:
        operation = task.operation
        failure: Refused | None = None
        self._check_lead()
        try:
            VERBS[operation.verb].act(task)
        except OutcomeUnknown as lost:
            _log.warning("the answer was lost: %s", lost, extra={"operation": operation.id})
            self._settle(queued, self._again(task), may_repeat=False)
            return
        except HypervisorUnreachable as silence:
            if repeated:
                raise  # It was not asked, so there is nothing new to tell of the first attempt: later.
            failure = silence
        except Refused as refusal:
            # The first attempt may have come to its end only now, and the second be refused for just that.
            verdict = self._happened(task) if repeated else Verdict.NOT_DONE
            if verdict is Verdict.NOT_YET:
                return
            if verdict in (Verdict.AGAIN, Verdict.CANNOT_TELL):
                # That the second one did nothing says nothing of the first.
                self._give_up(queued, task, f"it was tried twice, and the second time refused: {refusal.message}")
                return
            failure = None if verdict is Verdict.DONE else refusal
        else:
            failure = None if task.agrees else replica_differs(task)
        self._reached(Step.ACTED, operation.verb)
        self._record_end(queued, task, failure)

    def _settle(self, queued: QueuedOperation, task: Task, *, may_repeat: bool = True) -> None:
        """Decide by looking what became of an operation whose answer nobody has.

        Not done and harmless to do again: it is done again, unless that was just tried; then the next round does it.
        """
        if task.given_up.is_set():
            raise GivenUp(
                f"{task.operation.verb} was answered too late: what became of it was told without this answer"
            )
        self._mend(task)
        self._reached(Step.MENDED, task.operation.verb)
        verdict = self._happened(task)
        if verdict is Verdict.NOT_YET:
            return
        if verdict in (Verdict.NOT_DONE, Verdict.AGAIN):
            if may_repeat:
                self._act(queued, task, repeated=True)
            return
        if verdict is Verdict.DONE:
            self._record_end(queued, task, None)
            return
        told = "the answer was lost, and what is there does not tell whether it happened"
        self._give_up(queued, task, told, evidence_lasts=True)

    def _give_up(
        self, queued: QueuedOperation, task: Task, message: str, *, look: bool = True, evidence_lasts: bool = False
    ) -> None:
        """Record that the outcome is unknown and, if it can be looked at, what is there.

        Of a call that was given up no later look is evidence that it did not happen: it may happen yet.
        """
        operation, host = task.operation, str(self._lead.host)

        def give_up(now: Domain, seen: Observation | None) -> None:
            if look:
                adoption = Adoption(now, host, self._records.now(), operation)
                adoption.adopt(seen, snapshots=not _another_started(now, operation, host))
            now.record(
                Domain.OperationOutcomeUnknown,
                self._records.now(),
                operation=operation.id,
                host=host,
                message=message,
                evidence_lasts=evidence_lasts,
            )

        if look:
            self._record_seen(queued, task, give_up)
        else:
            self._change(queued, task, lambda now: give_up(now, None), None)

    def _record_end(self, queued: QueuedOperation, task: Task, failure: Refused | None) -> None:
        """Append what became so and that the operation is over, in one transaction."""
        operation = task.operation
        host, verb = str(self._lead.host), VERBS[operation.verb]
        happened = failure is None or not task.agrees
        # It did not end what it did not find.
        doer = None if isinstance(failure, NoDomain) else operation

        def end(now: Domain, seen: Observation | None) -> None:
            adoption = Adoption(now, host, self._records.now(), doer)
            outcome = failure
            if happened:
                try:
                    verb.record(task, now, adoption, seen)
                except Refused as refusal:
                    outcome = refusal
            # What was there before an operation that was to make it, and failed, is somebody else's.
            if outcome is None or host in now.placements or not operation.evidence.get("existed"):
                adoption.adopt(seen, snapshots=not _another_started(now, operation, host))
            _record_outcome(now, self._records, operation, host, outcome, task)

        self._record_seen(queued, task, end)
        self._reached(Step.ENDED, operation.verb)

    def _record_seen(
        self, queued: QueuedOperation, task: Task, record: Callable[[Domain, Observation | None], None]
    ) -> None:
        """Look, and ``record`` what is seen, unless the operation is over.

        Where something was recorded meanwhile it is looked at again: a control verb beside may have changed what was
        seen before it, and have said so.
        """
        for look in range(_LOOKS):
            newer = self._seen_and_recorded(queued, task, record, at_any_rate=look == _LOOKS - 1)
            if newer is None:
                return
            task.domain = newer

    def _seen_and_recorded(
        self,
        queued: QueuedOperation,
        task: Task,
        record: Callable[[Domain, Observation | None], None],
        *,
        at_any_rate: bool,
    ) -> Domain | None:
        """As ``_record_seen``, with one look.

        Where it is to be looked at again, nothing is recorded, and the domain as it is by now is returned.
        """
        version, newer = task.domain.version, None
        seen = self._look(task)
        self._reached(Step.SEEN, task.operation.verb)

        def decide(now: Domain) -> None:
            nonlocal newer
            is_over = task.operation.id not in now.operations
            newer = None if is_over or at_any_rate or now.version == version else now
            if newer is None and not is_over:
                record(now, seen)

        self._change(queued, task, decide, seen)
        return newer

    def _task(self, domain: Domain, operation: Operation, given_up: threading.Event) -> Task:
        return Task(self._driver, self._records, self._lead, domain, operation, self._records.drafts(), given_up)

    def _again(self, task: Task) -> Task:
        """The same operation with nothing done for it yet."""
        return self._task(task.domain, task.operation, task.given_up)

    def _mend(self, task: Task) -> None:
        """What cannot be put right is left, and said: then what is there may not tell what happened."""
        sighting = self._eye.sighting(task.domain)
        if sighting is None:
            return
        self._check_lead()
        try:
            VERBS[task.operation.verb].evidence.mend(task, sighting)
        except HypervisorUnreachable:
            raise
        except (Refused, OutcomeUnknown) as trouble:
            ids = {"operation": task.operation.id}
            _log.warning("what was left half-done could not be put right: %s", trouble, extra=ids)

    def _check_lead(self) -> None:
        if not self._lead.still_held():
            raise LeadLost(f"{self._lead.lease} could not be renewed in time: somebody else may hold it by now")

    def _happened(self, task: Task) -> Verdict:
        return VERBS[task.operation.verb].evidence.verdict(task, self._eye.sighting(task.domain))

    def _look(self, task: Task) -> Observation | None:
        named = task.operation.verb.startswith(("snapshot-", "checkpoint-")) and "name" in task.arguments
        dump = [task.arguments["name"]] if named else []
        return self._eye.look(task.domain, task.drafts, dump=[*dump, *task.touched])

    def _fail(self, queued: QueuedOperation, refusal: Refused) -> None:
        """End an operation that never touched the hypervisor."""
        host = str(self._lead.host)

        def end(now: Domain) -> None:
            operation = now.operations.get(str(queued.id))
            if operation is not None and not operation.started:
                _record_outcome(now, self._records, operation, host, refusal, None)

        asked = self._records.domain(queued.domain).operations.get(str(queued.id))
        names = set() if asked is None else {asked.arguments.get("name")}
        self._records.change(queued.domain, end, lead=self._lead, operation=queued, names=_texts(names))

    def _change(
        self, queued: QueuedOperation, task: Task, decide: Callable[[Domain], None], seen: Observation | None
    ) -> None:
        placement = task.domain.placements.get(str(self._lead.host))
        names = {None if placement is None else placement.name, None if seen is None else seen.name}
        if task.operation.verb in NAMES_DOMAINS:
            names.add(task.arguments.get("name"))
        elif len(names) == 1:
            names.clear()  # it bears the name it bore, and nothing was to change that
        self._records.change(
            queued.domain,
            decide,
            lead=self._lead,
            operation=queued,
            drafts=task.drafts,
            names=_texts(names),
            loaded=task.domain,
        )


def _another_started(domain: Domain, operation: Operation, host: str) -> bool:
    """Whether an exclusive operation is under way beside a control verb: what happens to snapshots is its own doing."""
    others = (other for other in domain.operations.values() if other.id != operation.id)
    return any(other.started and other.host == host and other.verb_class is VerbClass.EXCLUSIVE for other in others)


def _texts(names: set[str | None]) -> list[str]:
    return sorted(name for name in names if name)


def _record_outcome(
    domain: Domain, records: Records, operation: Operation, host: str, failure: Refused | None, task: Task | None
) -> None:
    result = {} if task is None else task.result
    if failure is None:
        domain.record(Domain.OperationSucceeded, records.now(), operation=operation.id, host=host, result=result)
    else:
        domain.record(
            Domain.OperationFailed,
            records.now(),
            operation=operation.id,
            host=host,
            code=failure.number,
            message=failure.message,
            result=result,
        )
