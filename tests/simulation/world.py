"""The world of one schedule: hosts, workers that fight over them, doors, clocks, and what befalls whom.

Everything is drawn from one seed and happens in one thread. An agent that is stopped in the middle of its work is one
inside whose work the others take their turns.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from eventsourcing.persistence import OperationalError

from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable, OperationFailed, OutcomeUnknown, Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete
from revisor.store.context import Context
from revisor.submissions import Submission
from tests.simulation import requests
from tests.simulation.agents import Died, Gone, Worker
from tests.simulation.application import MemoryApplication, MemoryRecords, QuietIdentities, QuietSightings
from tests.simulation.faults import Fault, Kind
from tests.simulation.hypervisor import SimulatedHost, Wire
from tests.simulation.requests import Asked, Guest
from tests.simulation.store import LeaseTable, MemoryRecorder
from workers.agent import HostAgent
from workers.leases import Lease, LeaseTimes, lease_of
from workers.ports import Lead, LeadLost
from workers.steps import Step

_BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_TIMES = LeaseTimes()
_BEAT_S = 4.0
"""Time passes in pieces below the interval of renewals, or everybody would lose what they lead."""
_DEADLINE_S = 30.0
_LONGEST_HANG_S = 2 * _DEADLINE_S + 2 * _BEAT_S
"""Past the deadline of the call, and past that of the look that decides what became of it."""
_PAST_LEASE_S = _TIMES.lease_s + _TIMES.grace_s + 2 * _BEAT_S


@dataclass(frozen=True, slots=True)
class Protocol:
    """The code that is tried. Planted bugs take the place of one of these."""

    agent: Callable[..., HostAgent] = HostAgent
    recorder: Callable[..., MemoryRecorder] = MemoryRecorder


class World:
    """Hosts, workers and a log, in which nothing has happened yet."""

    def __init__(self, seed: int, protocol: Protocol) -> None:
        self.random = Random(seed)
        self.steps: list[str] = []
        self.armed: list[Fault] = []
        self.befell = 0
        self.asked: dict[UUID, Asked] = {}
        self.interfered: set[str] = set()
        """The operations during which somebody else acted on their domain."""
        self.touched: set[str] = set()
        """The UUIDs of domains that somebody else acted on."""
        self.late: set[str] = set()
        """The UUIDs of domains on which a call of ours was carried out after it was given up."""
        self.monotonic_s = 0.0
        self._protocol = protocol
        self._jumped_s = 0.0
        self._cuts: list[str] = []
        self._at_work: list[Worker] = []
        self._hangs = False
        self.leases = LeaseTable()
        self.recorder = protocol.recorder(self.leases, self._commit)
        self.application = MemoryApplication(self.recorder, self.wall)
        ids = [str(self._uuid()) for _ in range(self.random.randint(1, 2))]
        self.hosts = {id: SimulatedHost(id, lambda: self.wall().timestamp()) for id in ids}
        self.names = {id: f"host-{number}" for number, id in enumerate(ids)}
        self.records = MemoryRecords(self.application, self.names)
        self.workers = [Worker(id, f"{self.names[id]}/{n}", self._lease(id)) for id in ids for n in "ab"]
        guests = range(self.random.choice((1, 1, 2, 3)))
        self.guests = [Guest(str(self._uuid()), f"guest-{n}", ids[n % len(ids)]) for n in guests]

    def close(self) -> None:
        self.leases.close()
        for host in self.hosts.values():
            host.file.close()

    def wall(self) -> datetime:
        """The wall clock, which may jump; the other one may not."""
        return _BEGIN + timedelta(seconds=self.monotonic_s + self._jumped_s)

    def told(self, what: str) -> None:
        self.steps.append(f"{'  ' * len(self._at_work)}{what}")

    def domain(self, guest: Guest) -> Domain | None:
        """A guest as the log has it, to be read only."""
        return next((d for d in self.application.present() if d.uuid == guest.uuid), None)

    # What a schedule consists of.

    def ask(self) -> None:
        """Somebody asks for something; on a cut connection the same again."""
        guest = self.random.choice(self.guests)
        submission = requests.drawn(self.random, guest, self.domain(guest), len(self.steps))
        self._submit(submission, self._uuid())

    def ask_again(self) -> None:
        """A request that was accepted is repeated, by a client that did not hear the answer."""
        if self.asked:
            request = self.random.choice(list(self.asked))
            before = self.asked[request].submission
            command = replace(before.command, operation=str(self._uuid()))
            self._submit(replace(before, command=command), request)

    def set_up(self) -> None:
        """Somebody leads each host, and the guests are there, some running and with a snapshot."""
        for worker in self.workers:
            self.turn_of(worker)
        for guest in self.guests:
            for verb in ("define", "start", "snapshot-create")[: self.random.randint(1, 3)]:
                self._submit(requests.of(verb, self.random, guest, self.domain(guest), len(self.steps)), self._uuid())
                self.go_on()
                self.go_on()

    def go_on(self) -> None:
        """Some worker with an operation under way goes on with it, and else one that leads looks around."""
        busy = [worker for worker in self.workers if worker.pool.jobs and not worker.stopped]
        if busy:
            self.work_of(self.random.choice(busy))
        else:
            self.turn_of(self.random.choice([w for w in self.workers if w.agent is not None] or self.workers))

    def turn(self) -> None:
        self.turn_of(self.random.choice(self.workers))

    def work(self) -> None:
        self.work_of(self.random.choice(self.workers))

    def tick(self, seconds: float = _BEAT_S) -> None:
        """Time passes; whoever leads and is not stopped says so."""
        self.monotonic_s += seconds
        for worker in self.workers:
            if worker.agent is not None and not worker.stopped and not worker.beat():
                self.told(f"{worker.name} could not keep its lease and ends")
                self._restart(worker)

    def behind(self, host: SimulatedHost | None = None) -> None:
        """Somebody acts with the host's own tools."""
        host = host or self.hosts[self.random.choice(self.guests).host]
        guest = self.random.choice([guest for guest in self.guests if guest.host == host.id])
        what, act = self.random.choice(list(self._acts_behind(guest, host).items()))
        try:
            act()
        except Refused as refusal:
            self.told(f"behind our back {what} of {guest.name} is refused: {refusal.message}")
            return
        self.told(f"behind our back: {what} of {guest.name}")
        self.touched.add(guest.uuid)
        domain = self.domain(guest)
        self.interfered |= set() if domain is None else domain.operations.keys()

    def arm(self, fault: Fault) -> None:
        self.armed.append(fault)
        self.told(f"from now on: {fault}")

    # Workers.

    def turn_of(self, worker: Worker) -> None:
        """One round of a worker: it tries to lead, or its agent looks around."""
        if worker.stopped:
            return
        if worker.agent is None:
            self._as(worker, "challenges", lambda: worker.challenge(self._agent))
        else:
            agent = worker.agent
            self._as(worker, "round", lambda: agent.run_once(self.monotonic_s))

    def work_of(self, worker: Worker) -> None:
        """One of the operations that a worker has under way."""
        if not worker.stopped and worker.pool.jobs:
            number = self.random.randrange(8)
            self._as(worker, "works", lambda: worker.pool.run(number))

    def heal(self) -> None:
        """The end of all faults."""
        self.armed.clear()
        self._cuts.clear()
        for host in self.hosts.values():
            host.away_until = 0.0

    def _as(self, worker: Worker, what: str, act: Callable[[], None]) -> None:
        self.told(f"{worker.name} {what}")
        self._at_work.append(worker)
        try:
            act()
        except Died:
            self.told("is killed")
            self._restart(worker)
        except Gone:
            self.told("was killed meanwhile")
        except LeadLost:
            self.told("leads no more, and ends")
            self._restart(worker)
        except OperationalError:
            self.told("gives this round up: no database")
        finally:
            self._at_work.pop()

    def _restart(self, worker: Worker) -> None:
        worker.restart(self._lease(worker.host))

    def _lease(self, host: str) -> Lease:
        return Lease(self.leases.pool, lease_of(UUID(host)), self._uuid(), _TIMES, lambda: self.monotonic_s)

    def _agent(self, worker: Worker, lead: Lead) -> HostAgent:
        def reached(step: Step, _verb: str) -> None:
            self._meet(worker, step)

        wire = Wire(self.hosts[worker.host], lambda point: self._meet(worker, point), lambda: worker.operation)
        return self._protocol.agent(
            wire,
            self.records,
            QuietIdentities(),
            QuietSightings(),
            lead,
            reached=reached,
            begin=worker.pool.begin,
            deadline_s=_DEADLINE_S,
        )

    def _uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    # Doors.

    def _submit(self, submission: Submission, request: UUID) -> None:
        """At a door of its own, also while some worker is in the middle of its work."""
        at_work, self._at_work = self._at_work, []
        try:
            self._asked_for(submission, request)
        finally:
            self._at_work = at_work

    def _asked_for(self, submission: Submission, request: UUID) -> None:
        verb = submission.command.verb
        for _ in range(4):
            try:
                accepted = self.application.submit(submission, self.names, Context("alice", request_id=request))
            except OperationalError:
                self.told(f"asks for {verb} of {submission.name}: no database, again")
                continue
            except Refused as refusal:
                self.told(f"asks for {verb} of {submission.name}: refused, {refusal.message}")
                return
            known = self.asked.setdefault(request, Asked(submission, accepted.operation))
            assert known.operation == accepted.operation, f"request {request} became two operations"
            self.told(f"asks for {verb} of {submission.name}: {accepted.operation}")
            return

    # What befalls whom.

    def _commit(self, point: str) -> None:
        if self._cuts and self._cuts[0] == point:
            self._cuts.pop()
            raise OperationalError("the connection was cut")
        if self._at_work:
            self._meet(self._at_work[-1], point)
        else:
            self._befall_door(point)

    def _befall_door(self, point: str) -> None:
        """Of all that may befall, a door knows a cut connection only."""
        for fault in self.armed:
            if fault.kind is Kind.CUT and fault.point == point:
                self._comes(fault, "a door")
                self._cut(fault)

    def _meet(self, worker: Worker, point: str) -> None:
        host = self.hosts[worker.host]
        if point in ("look", "before act") and self.monotonic_s < host.away_until:
            raise HypervisorUnreachable("the hypervisor is away")
        for fault in [fault for fault in self.armed if fault.point == point]:
            if fault.passes:
                fault.passes -= 1
                continue
            self._comes(fault, f"{worker.name} at {worker.operation}")
            self._befall(worker, host, fault)

    def _comes(self, fault: Fault, whom: str) -> None:
        self.armed.remove(fault)
        self.befell += 1
        self.told(f"{whom}, {fault.point}: {fault.kind}")

    def _befall(self, worker: Worker, host: SimulatedHost, fault: Fault) -> None:
        match fault.kind:
            case Kind.FAILS:
                raise OperationFailed("the hypervisor fails")
            case Kind.LOST:
                raise OutcomeUnknown("the answer is lost")
            case Kind.DIES:
                raise Died
            case Kind.AWAY:
                host.away_until = self.monotonic_s + fault.size * _BEAT_S
                raise HypervisorUnreachable("the hypervisor went away")
            case Kind.HANGS:
                self._hang(worker)
            case Kind.STOPPED:
                self._stop(worker)
            case Kind.CUT:
                self._cut(fault)
            case Kind.BEHIND:
                self.behind(host)
            case Kind.JUMPS:
                self._jumped_s += self.random.choice((-3600, 3600)) * fault.size

    def _cut(self, fault: Fault) -> None:
        self._cuts = [fault.point] * (fault.size - 1)
        raise OperationalError("the connection was cut")

    def _stop(self, worker: Worker) -> None:
        """It stands still for longer than anybody believes in it, while the others go on; then it goes on itself."""
        if any(other.stopped for other in self.workers):
            return
        worker.stopped = True
        until = self.monotonic_s + _PAST_LEASE_S
        while self.monotonic_s < until:
            self.tick()
            for other in self.workers:
                self.turn_of(other)
                self.work_of(other)
        for _ in range(self.random.randrange(4)):
            self.random.choice((self.ask, self.turn, self.work))()
        worker.stopped = False
        self.told(f"{worker.name} goes on")

    def _hang(self, worker: Worker) -> None:
        """This call of an operation's has no answer for a while, and everybody goes on, its own agent as well.

        When that gave it up, the call is carried out in the midst of whatever came after it.
        """
        operation, life = worker.operation, worker.pool
        if self._hangs or operation is None:
            return
        self._hangs = True
        until = self.monotonic_s + self.random.uniform(_BEAT_S, _LONGEST_HANG_S)
        while self.monotonic_s < until:
            self.tick()
            for each in self.workers:
                self.turn_of(each)
                self.work_of(each)
            if self.random.randrange(4) == 0:
                self.ask()
        self._hangs = False
        if worker.pool is not life:
            raise Gone
        self.told(f"{worker.name} has its answer to {operation}")
        guest = self._guest_of(operation)
        domain = self.domain(guest)
        if domain is not None and operation not in domain.operations:
            self.touched.add(guest.uuid)
            self.late.add(guest.uuid)
            self.interfered |= domain.operations.keys()
            if any(effect.operation == operation for effect in self.hosts[worker.host].effects):
                self.interfered.add(operation)  # it was done before, and is done again on top of what came since

    def _guest_of(self, operation: str) -> Guest:
        name = next(each.submission.name for each in self.asked.values() if str(each.operation) == operation)
        return next(guest for guest in self.guests if guest.name == name)

    def _acts_behind(self, guest: Guest, host: SimulatedHost) -> dict[str, Callable[[], Any]]:
        hands, uuid, name = host.hands, guest.uuid, f"b{len(self.steps)}"
        seen = hands.domain(uuid)
        some = "none" if seen is None or not seen.snapshots else self.random.choice(seen.snapshots)
        xml = f"<domainsnapshot><name>{name}</name></domainsnapshot>"
        return {
            "start": lambda: hands.start(uuid),
            "destroy": lambda: hands.destroy(uuid),
            "suspend": lambda: hands.suspend(uuid),
            "resume": lambda: hands.resume(uuid),
            "crash": lambda: hands.crash(uuid),
            "undefine": lambda: hands.undefine(uuid),
            "snapshot-create": lambda: hands.snapshot_create(uuid, xml, SnapshotCreate.NONE),
            "snapshot-delete": lambda: hands.snapshot_delete(uuid, some, SnapshotDelete.NONE),
        }
