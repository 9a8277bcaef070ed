"""Bugs of the protocol, planted in its real classes: the simulation must find each of them."""

from threading import Event
from typing import Any

from domain_model.adoption import Adoption
from domain_model.domain import Domain
from domain_model.errors import OperationFailed
from revisor.store.recorder import Fence
from tests.simulation.store import MemoryRecorder
from tests.simulation.world import Protocol
from workers.agent import HostAgent
from workers.applier import Applier
from workers.observer import Observer
from workers.ports import PlacedDomain, QueuedOperation
from workers.verbs import Task


class _TakesALostAnswerForAFailure(Applier):
    def _settle(self, queued: QueuedOperation, task: Task, *, may_repeat: bool = True) -> None:
        if may_repeat:
            super()._settle(queued, task)
        else:
            self._record_end(queued, task, OperationFailed("the answer was lost"))


class _RecordsBeforeItActs(Applier):
    def _act(self, queued: QueuedOperation, task: Task, *, repeated: bool = False) -> None:
        self._record_end(queued, task, None)
        super()._act(queued, task, repeated=repeated)


class _ActsAgainWithoutLooking(Applier):
    def _settle(self, queued: QueuedOperation, task: Task, *, may_repeat: bool = True) -> None:
        if may_repeat:
            self._act(queued, task)
        else:
            super()._settle(queued, task, may_repeat=False)


class _TakesSilenceForAFailure(Applier):
    def conclude(self, queued: QueuedOperation, waited_s: float) -> None:
        task = self._task(domain := self._records.domain(queued.domain), domain.operations[str(queued.id)], Event())
        self._record_end(queued, task, OperationFailed(f"no answer within {waited_s:g} s"))


class _AdoptsWhatAnOperationDoes(Observer):
    def _look_closely(self, placed: PlacedDomain) -> bool:
        host, drafts = str(self._lead.host), self._records.drafts()
        seen = self._eye.look(self._records.domain(placed.id), drafts)

        def adopt(now: Domain) -> None:
            Adoption(now, host, self._records.now()).adopt(seen)

        self._records.change(placed.id, adopt, lead=self._lead, drafts=drafts)
        return True


class _FencesNobody(MemoryRecorder):
    def leads(self, fence: Fence) -> bool:
        del fence
        return True


def _applying(applier: type[Applier]) -> Protocol:
    class Agent(HostAgent):
        def __init__(self, driver: Any, records: Any, *others: Any, **options: Any) -> None:
            super().__init__(driver, records, *others, **options)
            self._applier = applier(driver, records, self._lead, options["reached"])

    return Protocol(agent=Agent)


def _observing(observer: type[Observer]) -> Protocol:
    class Agent(HostAgent):
        def __init__(self, driver: Any, records: Any, *others: Any, **options: Any) -> None:
            super().__init__(driver, records, *others, **options)
            self.lookout._eyes = self.lookout._eyes._replace(observer=observer(driver, records, self._lead))

        @property
        def busy(self) -> frozenset[Any]:
            return frozenset()

    return Protocol(agent=Agent)


BUGS: dict[str, Protocol] = {
    "a lost answer is taken for a failure": _applying(_TakesALostAnswerForAFailure),
    "a call that was given up is taken for a failure": _applying(_TakesSilenceForAFailure),
    "the outcome is recorded before acting": _applying(_RecordsBeforeItActs),
    "what was broken off is done again without looking": _applying(_ActsAgainWithoutLooking),
    "an old agent's appends are accepted": Protocol(recorder=_FencesNobody),
    "what an operation does is adopted as somebody else's": _observing(_AdoptsWhatAnOperationDoes),
}
