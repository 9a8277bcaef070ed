"""A stage for workers: simulated hosts, records in memory, and one domain that is asked to do things.

Some drivers here fail on purpose: ``Severed`` loses the answer of a verb, before or after the hypervisor acted.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

from domain_model import snapshot_xml
from domain_model.commands import request
from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable, OutcomeUnknown
from domain_model.flags import SnapshotCreate
from domain_model.operations import Command
from domain_model.redefinition import WantedSnapshot
from drivers.port import Capabilities, DomainSighting, Driver
from drivers.simulator import SimulatorDriver
from tests.unit.domain_histories import ALPHA, AT, BETA, DOMAIN, HOSTS, UUID_TEXT
from tests.unit.records_in_memory import DraftsInMemory, RecordsInMemory
from workers.applier import Applier
from workers.observer import Observer
from workers.ports import Lead, QueuedOperation
from workers.steps import Reached, Step, go_on

PASSWORD = "s3cret-of-the-console"


def definition(name: str = "guest", *, memory_mib: int = 16) -> str:
    return f"""<domain type='qemu'>
  <name>{name}</name>
  <uuid>{UUID_TEXT}</uuid>
  <memory unit='KiB'>{memory_mib * 1024}</memory>
  <os>
    <type>hvm</type>
  </os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/images/{name}.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <graphics type='vnc' port='-1' passwd='{PASSWORD}'/>
  </devices>
</domain>
"""


class Severed:
    """A driver that loses answers. ``before``: the verb was not carried out; otherwise it was.

    ``fail`` decides which error is raised, ``times`` how often; afterwards it is a driver like any other.
    """

    def __init__(
        self,
        driver: Driver,
        verb: str,
        *,
        before: bool,
        error: Callable[[str], BaseException] = OutcomeUnknown,
        times: int = 1,
    ) -> None:
        self._driver = driver
        self._verb = verb
        self._before = before
        self._error = error
        self._times = times

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._driver, name)
        if name != self._verb or self._times == 0:
            return real

        def lose(*args: Any, **kwargs: Any) -> None:
            self._times -= 1
            if not self._before:
                real(*args, **kwargs)
            raise self._error(f"{name}: the connection is gone")

        return lose


def severed(driver: Driver, verb: str, *, before: bool) -> Driver:
    """``driver``, which loses the answer of ``verb`` once."""
    return cast("Driver", Severed(driver, verb, before=before))


def silent(driver: Driver, verb: str, *, times: int = 1) -> Driver:
    """``driver``, which is not reached by the next calls of ``verb``."""
    return cast("Driver", Severed(driver, verb, before=True, error=HypervisorUnreachable, times=times))


class Altered:
    """A driver in whose answers something is different."""

    def __init__(self, driver: Driver, **answers: Any) -> None:
        self._driver = driver
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return self._answers[name] if name in self._answers else getattr(self._driver, name)


def altered(driver: Driver, **answers: Any) -> Driver:
    return cast("Driver", Altered(driver, **answers))


class Died(BaseException):
    """The worker was killed at this point."""


def dies_at(*steps: Step) -> Reached:
    """The worker is killed at the first of these steps, its successor at the next one, and so on."""
    left = list(steps)

    def reached(step: Step, _verb: str) -> None:
        if left[:1] == [step]:
            del left[0]
            raise Died

    return reached


def dying(driver: Driver, verb: str, *, before: bool) -> Driver:
    """``driver``, in whose next call of ``verb`` the worker is killed."""
    return cast("Driver", Severed(driver, verb, before=before, error=lambda _: Died()))


def untouchable(driver: Driver, *verbs: str) -> Driver:
    """``driver``, of which these verbs must not be called."""

    def touched(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("the hypervisor was touched")

    return altered(driver, **dict.fromkeys(verbs, touched))


@dataclass
class Asked:
    """An operation and how it ended, if it did."""

    queued: QueuedOperation
    event: Any

    @property
    def state(self) -> str:
        return "in flight" if self.event is None else str(self.event.TOPIC).removeprefix("operation.")

    @property
    def code(self) -> int | None:
        return getattr(self.event, "code", None)


class Stage:
    """Simulated hosts alpha, beta and gamma, and the domain ``guest``."""

    def __init__(self, folder: Path) -> None:
        self.applier = Applier
        self.records = RecordsInMemory()
        ticks = iter(range(1_000_000_000, 2_000_000_000))
        self.drivers: dict[str, Driver] = {
            host: SimulatorDriver(folder / f"{name}.sqlite", name, clock=lambda: float(next(ticks)))
            for host, name in HOSTS.items()
        }
        self.epoch = 1
        domain = Domain.introduce(DOMAIN, uuid=UUID_TEXT, name="guest", host=ALPHA, at=AT)
        self.records.append(domain, {})

    @property
    def domain(self) -> Domain:
        return self.records.domain(DOMAIN)

    @property
    def topics(self) -> list[str]:
        return [event.TOPIC for event in self.records.events(DOMAIN)]

    def seen(self, host: str = ALPHA) -> DomainSighting:
        sighting = self.drivers[host].domain(UUID_TEXT)
        assert sighting is not None
        return sighting

    def dumps(self, host: str) -> dict[str, str]:
        return self.drivers[host].snapshot_dumps(UUID_TEXT)

    # What is asked.

    def ask(self, verb: str, host: str = ALPHA, *, xml: str | None = None, **arguments: Any) -> QueuedOperation:
        """Ask for an operation; raises Refused."""
        drafts, operation = DraftsInMemory(), uuid4()
        if xml is not None:
            arguments["xml"] = drafts.add(self.records.redact(DOMAIN, xml))
        domain = self.domain
        request(domain, Command(str(operation), verb, host, {"flags": 0, **arguments}), HOSTS, AT)
        self.records.documents.update(drafts.texts)
        self.records.append(domain, drafts.texts)
        return QueuedOperation(operation, DOMAIN, UUID(host), verb, False, None, "alice", operation)  # noqa: FBT003

    def apply(
        self,
        queued: QueuedOperation,
        driver: Driver | None = None,
        reached: Reached = go_on,
        given_up: threading.Event | None = None,
    ) -> Asked:
        """Let the agent of the operation's host work on it once, in the present epoch."""
        host = str(queued.host)
        self.applier(driver or self.drivers[host], self.records, self.lead(host), reached).apply(queued, given_up)
        return self.asked(queued)

    def asked(self, queued: QueuedOperation) -> Asked:
        ended = (Domain.OperationSucceeded, Domain.OperationFailed, Domain.OperationOutcomeUnknown)
        events = [e for e in self.records.events(DOMAIN) if isinstance(e, ended) and e.operation == str(queued.id)]
        assert len(events) <= 1, "an operation ended twice"
        return Asked(queued, events[0] if events else None)

    def do(self, verb: str, host: str = ALPHA, driver: Driver | None = None, **arguments: Any) -> Asked:
        """Ask for an operation and let it be worked on once."""
        return self.apply(self.ask(verb, host, **arguments), driver)

    def lead(self, host: str) -> Lead:
        return Lead(f"host/{HOSTS[host]}", UUID(host), HOSTS[host], uuid4(), self.epoch)

    def observe(self, host: str = ALPHA, driver: Driver | None = None) -> None:
        """One round of a fresh observer."""
        self.observer(host, driver).run_once(frozenset())

    def observer(self, host: str = ALPHA, driver: Driver | None = None) -> Observer:
        return Observer(driver or self.drivers[host], self.records, self.lead(host))

    # What mostly comes first.

    def define(self) -> None:
        assert self.do("define", name="guest", xml=definition()).state == "succeeded"

    def start(self) -> None:
        assert self.do("start").state == "succeeded"

    def snapshot(self, *names: str) -> None:
        """Take snapshots, one upon the other."""
        for name in names:
            assert self.take(name).state == "succeeded"

    def take(self, name: str, driver: Driver | None = None, flags: SnapshotCreate = SnapshotCreate.NONE) -> Asked:
        xml = snapshot_xml.build(name, f"the {name} one")
        return self.do("snapshot-create", driver=driver, name=name, xml=xml, flags=int(flags))

    def revert(self, name: str, driver: Driver | None = None, flags: int = 0) -> Asked:
        return self.do("snapshot-revert", driver=driver, name=name, flags=flags)

    def delete(self, name: str, flags: int = 0) -> Asked:
        return self.do("snapshot-delete", name=name, flags=flags)

    def ask_redefinition(self, *texts: str, flags: int = 1) -> QueuedOperation:
        """Ask for a batch of redefinitions; raises Refused."""
        drafts, entries = DraftsInMemory(), []
        for text in texts:
            said = snapshot_xml.read_for_redefine(text)
            entries.append(
                WantedSnapshot(
                    name=said.name or "",
                    parent=said.parent,
                    state=said.state or "",
                    creation_time=said.creation_time or 0,
                    xml=drafts.add(self.records.redact(DOMAIN, text)),
                    current=bool(flags & SnapshotCreate.CURRENT),
                    domain_uuid=said.domain_uuid,
                ).as_argument()
            )
        asked = self.ask("snapshot-redefine", flags=flags, snapshots=entries)
        self.records.documents.update(drafts.texts)
        return asked

    def redefine(self, *texts: str, flags: int = 1, driver: Driver | None = None) -> Asked:
        return self.apply(self.ask_redefinition(*texts, flags=flags), driver)

    def replay(self, host: str = BETA, driver: Driver | None = None) -> Asked:
        return self.do("replay", host, driver, name="guest")

    def grow(self) -> None:
        """A running guest with the tree a > b > (c, d), a > e, with e current."""
        self.define()
        self.start()
        self.snapshot("a", "b", "c")
        assert self.revert("b").state == "succeeded"
        self.snapshot("d")
        assert self.revert("a").state == "succeeded"
        self.snapshot("e")


def without(capability: str, driver: Driver) -> Driver:
    """``driver`` of a hypervisor that lacks a capability."""
    lacking: dict[str, Any] = {"driver": "Simulator", capability: False}
    return altered(driver, capabilities=Capabilities(**lacking))


def agree(stage: Stage, host: str = BETA) -> None:
    """Check that the target shows the recorded tree to the byte and that this is on record."""
    assert stage.dumps(host) == stage.dumps(ALPHA)
    assert stage.seen(host).current_snapshot == stage.seen(ALPHA).current_snapshot
    domain = stage.domain
    assert domain.placements[host].verified == domain.content
    assert set(domain.placements[host].replicated) == {record.id for record in domain.forest}
    assert domain.placements[host].replicated_current == domain.forest.current
