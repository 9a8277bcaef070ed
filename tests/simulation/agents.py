"""Workers made steppable: work without threads, and a process that leads a host, dies and comes again."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

from workers.agent import HostAgent
from workers.leases import Lease, LeaseLost
from workers.lookout import LOOK
from workers.ports import Lead


class Died(BaseException):
    """The worker was killed at this point."""


class Gone(BaseException):
    """The process whose work this is was killed while it waited here; another life of the worker has begun."""


class SteppedPool:
    """Keeps the work it is given, until somebody says that a piece of it is to be done; looks are taken at once."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []
        self.at_work: list[str] = []
        """The operations under way here, the one begun last at the end."""

    def begin(self, work: Callable[[], None], name: str) -> Future[None]:
        """What an agent begins work with. Raises Died."""
        future: Future[None] = Future()
        if name == LOOK:
            _end(future, work)
            return future
        operation = name.rsplit(maxsplit=1)[-1]

        def job() -> None:
            self.at_work.append(operation)
            try:
                _end(future, work)
            finally:
                self.at_work.pop()

        self.jobs.append(job)
        return future

    def run(self, number: int) -> None:
        """Run one of those that wait. Raises Died."""
        if self.jobs:
            self.jobs.pop(number % len(self.jobs))()


def _end(future: Future[None], work: Callable[[], None]) -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001  (as a thread's: whoever asks for the result has it)
        future.set_exception(error)
    else:
        future.set_result(None)


@dataclass
class Worker:
    """A process that wants to lead one host; ``lease``, ``pool`` and ``agent`` are those of its present life."""

    host: str
    name: str
    lease: Lease
    agent: HostAgent | None = None
    pool: SteppedPool = field(default_factory=SteppedPool)
    stopped: bool = False

    @property
    def operation(self) -> str | None:
        """The operation it is at."""
        return self.pool.at_work[-1] if self.pool.at_work else None

    def challenge(self, make: Callable[["Worker", Lead], HostAgent]) -> None:
        """Lead the host, if nobody else does."""
        epoch = self.lease.try_acquire()
        if epoch is not None:
            self.pool = SteppedPool()
            lease = self.lease
            lead = Lead(lease.name, UUID(self.host), self.host, lease.worker, epoch, lambda: not lease.expired())
            self.agent = make(self, lead)

    def beat(self) -> bool:
        """Renew the lease; returns whether it still leads."""
        try:
            if self.lease.expired():
                return False
            self.lease.renew()
        except LeaseLost:
            return False
        return True

    def restart(self, lease: Lease) -> None:
        """What the process knew is gone."""
        self.lease, self.agent, self.pool = lease, None, SteppedPool()
