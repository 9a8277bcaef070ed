"""Revisor in one process, for tests: the real log and read models, one agent on a simulated host, driven by hand."""

import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from drivers.port import Driver
from drivers.simulator import SimulatorDriver
from projections.catalogue import all_projections
from projections.loop import ProjectionLoop
from revisor.application import Accepted, Application
from revisor.queries import Queries
from revisor.records import AgentIdentities, AgentRecords
from revisor.service import Service
from revisor.sightings import Sightings
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.vault import Vault
from revisor.wakeup import Wakeup
from workers.agent import HostAgent
from workers.leases import Lease, LeaseTimes, lease_of
from workers.ports import Lead

WEB = """<domain type='qemu'><name>web</name><memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/web.qcow2'/><target dev='vda'/></disk>
</devices></domain>"""
ALICE = Context("uid:1000(alice)")


class FoldingQueries(Queries):
    """Read models that are folded when somebody waits for them: there is no projector process here."""

    def __init__(self, database: Database, loop: ProjectionLoop) -> None:
        super().__init__(database)
        self._loop = loop

    def wait_for(self, position: int, timeout_s: float) -> bool:
        while self._loop.run_once():
            pass
        return super().wait_for(position, timeout_s)


class _TakenAtOnce(LeaseTimes):
    """A lease that anybody takes over at once; who holds it need not beat to be believed alive by those who ask."""

    @property
    def believed_s(self) -> float:
        return 3600.0


AT_ONCE = _TakenAtOnce(0.001, 0.001)


class Product:
    """The service, and an agent for each host that was added."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.application = Application(database, Vault(database, b"k" * 32))
        loop = ProjectionLoop(database.pool, self.application.reader, all_projections())
        loop.prepare()
        self.queries = FoldingQueries(database, loop)
        self.service = Service(self.application, self.queries, Wakeup(database.dsn))
        self._folder = folder
        self.agents: dict[str, HostAgent] = {}
        self.leases: dict[str, Lease] = {}

    def add_host(self, name: str, driver: Driver | None = None) -> Lead:
        """Add a simulated host and lead it."""
        self.service.registry.add(name, f"simulator:///{name}", ALICE)
        return self.lead(name, driver or SimulatorDriver(self._folder / f"{name}.sqlite", name))

    def lead(self, name: str, driver: Driver) -> Lead:
        """Lead a host with a new worker, at once."""
        host = self.queries.host(name)
        assert host is not None
        lease = Lease(self.database.pool, lease_of(UUID(host.id)), uuid4(), AT_ONCE)
        while (epoch := lease.try_acquire()) is None:
            pass
        lead = Lead(lease.name, UUID(host.id), name, lease.worker, epoch)
        identities = AgentIdentities(self.application)
        identities.led(lead)
        self.leases[name] = lease
        records, sightings = AgentRecords(self.application), Sightings(self.database)
        self.agents[name] = HostAgent(driver, records, identities, sightings, lead)
        return lead

    def close(self) -> None:
        """Let what the agents have begun come to its end."""
        for agent in self.agents.values():
            agent.close()

    def settle(self, accepted: Accepted) -> dict[str, Any]:
        """Let the agents work until what was accepted ended; returns it."""
        return self.settled(accepted.operation)

    def settled(self, asked: UUID) -> dict[str, Any]:
        """Let the agents work until the operation with this id ended; returns it."""
        deadline = time.monotonic() + 30
        while True:
            for agent in self.agents.values():
                agent.run_once(time.monotonic())
            operation = self.service.wait(asked, 0)
            if operation["state"] not in ("queued", "started"):
                return operation
            assert time.monotonic() < deadline, operation

    def act(self, verb: str, host: str | None = None, context: Context = ALICE, **arguments: Any) -> dict[str, Any]:
        return self.settle(self.service.act("web", host, verb, arguments, context))

    def define(self, host: str = "alpha", xml: str = WEB, context: Context = ALICE) -> dict[str, Any]:
        return self.settle(self.service.define(xml, host, context))
