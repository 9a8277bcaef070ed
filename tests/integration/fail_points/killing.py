"""Revisor with agents that can be killed at a step: the service in this process, each agent in one of its own."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from uuid import UUID

from drivers.port import Driver
from revisor.queries import Queries
from revisor.service import Service
from revisor.store.database import Database
from revisor.wakeup import Wakeup
from tests.integration.fail_points.cases import Case, Guest
from tests.integration.faults.projector import projector
from tests.integration.postgres_probe import ROOT_OF_HOUSE
from tests.integration.product import ALICE, Product
from tests.lab.agreement import check_agreement
from tests.lab.awaiting import eventually
from workers.steps import Step

REPLICAS = "replicas"
"""A host that has only replicas. Its agent is killed for replays alone, one at a time."""
BEHIND_A_DEATH = (Step.RESUMED, Step.MENDED)
"""Steps that are on the way only of an operation whose first agent died."""

GuestOn = Callable[[Service, str], Guest]


class Killing:
    """Agents on hosts, killed one by one where it is said. ``guest_on`` makes a new guest on one of the hosts."""

    def __init__(
        self, service: Service, product: Product, home: Path, drivers: Mapping[str, Driver], guest_on: GuestOn
    ) -> None:
        self._service = service
        self._product = product
        self._home = home
        self._drivers = drivers
        self._guest_on = guest_on
        self._free: SimpleQueue[str] = SimpleQueue()
        self._replaying = Lock()
        for host in drivers.keys() - {REPLICAS}:
            self._free.put(host)

    def kill(self, case: Case, step: Step) -> str:
        """Kill agents at a step of a verb; returns how the operation ended.

        Fails where something is not as it must be.
        """
        host = self._free.get()
        try:
            with self._replaying if case.verb == "replay" else nullcontext():
                return self._kill(case, step, host)
        finally:
            self._free.put(host)

    def _kill(self, case: Case, step: Step, host: str) -> str:
        guest = self._guest_on(self._service, host)
        case.given(guest)
        fail_points = self._home / "fail" / (REPLICAS if case.verb == "replay" else host)
        steps = (Step.STARTED, step) if step in BEHIND_A_DEATH else (step,)
        fail_points.write_text("\n".join(f"{each} {case.verb}" for each in steps))
        accepted = case.ask(guest)
        operation = guest.ended(accepted)
        eventually(lambda: fail_points.read_text() == "", what="every death was died")
        assert operation["state"] == "succeeded" or (case.traceless and operation["state"] == "unknown"), operation
        self._check_log(guest, accepted.operation)
        for name, driver in self._drivers.items():
            row = self._product.queries.host(name)
            assert row is not None
            check_agreement(self._product.application.domain(UUID(guest.uuid)), row.id, driver.domain(guest.uuid))
        guest.remove()
        return str(operation["state"])

    def _check_log(self, guest: Guest, operation: UUID) -> None:
        rows = self._product.database.fetch(
            "SELECT topic FROM log.events WHERE originator_id = %s AND topic LIKE 'operation.%%'"
            " AND convert_from(state, 'UTF8')::json ->> 'operation' = %s",
            UUID(guest.uuid),
            str(operation),
        )
        topics = Counter(row["topic"] for row in rows)
        assert topics["operation.requested"] == topics["operation.started"] == 1
        ends = topics.keys() - {"operation.requested", "operation.started"}
        assert (len(ends), sum(topics[end] for end in ends)) == (1, 1), topics


@contextmanager
def killing_on(
    database: Database, home: Path, uris: Mapping[str, str], drivers: Mapping[str, Driver], guest_on: GuestOn
) -> Iterator[Killing]:
    """Agents for hosts by name, each URI's driver as others use it, from ``with`` to its end."""
    product = Product(database, home)
    (home / "fail").mkdir()
    (home / "master.key").write_bytes(b"k" * 32)
    for host, uri in uris.items():
        product.service.registry.add(host, uri, ALICE)
    wakeup = Wakeup(database.dsn)
    wakeup.start()
    service = Service(product.application, Queries(database), wakeup)
    try:
        with projector(database, home), _agents(database.dsn, home, *uris):
            yield Killing(service, product, home, drivers, guest_on)
    finally:
        wakeup.stop()
        for driver in drivers.values():
            driver.close()


@contextmanager
def _agents(dsn: str, home: Path, *hosts: str) -> Iterator[None]:
    environment = {
        **os.environ,
        "REVISOR_DSN": dsn,
        "REVISOR_HOME": str(home),
        "REVISOR_FAIL_POINTS": str(home / "fail"),
        "REVISOR_LEASE_S": "0.6",
        "REVISOR_GRACE_S": "0.2",
    }
    command = [sys.executable, "-m", "tests.integration.fail_points.agents", *hosts]
    with subprocess.Popen(
        command, cwd=ROOT_OF_HOUSE, env=environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
