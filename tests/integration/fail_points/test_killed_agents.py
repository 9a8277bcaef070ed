"""An agent killed at every step of every verb: each request has one end, its effect once, and recorded is what is there."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from uuid import UUID

import pytest

from domain_model import operations
from drivers.simulator import SimulatorDriver
from revisor.queries import Queries
from revisor.service import Service
from revisor.store.database import Database
from revisor.wakeup import Wakeup
from tests.integration.fail_points.cases import CASES, ELSEWHERE, Case, Guest
from tests.integration.faults.projector import projector
from tests.integration.postgres_probe import ROOT_OF_HOUSE
from tests.integration.product import ALICE, Product
from tests.lab.agreement import check_agreement
from tests.lab.awaiting import eventually
from workers.steps import Step

HOSTS = ("one", "two", "three", "four", "five", "six")
REPLICAS = "replicas"
"""A host that has only replicas. Its agent is killed for replays alone, one at a time."""
BEHIND_A_DEATH = (Step.RESUMED, Step.MENDED)

pytestmark = pytest.mark.timeout(900)


class Killing:
    """Revisor's agents on simulated hosts, killed one by one where it is said."""

    def __init__(self, service: Service, product: Product, home: Path) -> None:
        self._service = service
        self._product = product
        self._home = home
        self._free: SimpleQueue[str] = SimpleQueue()
        self._replaying = Lock()
        for host in HOSTS:
            self._free.put(host)

    def kill(self, case: Case, step: Step) -> str:
        """Kill agents at a step of a verb; returns how the operation ended. Fails where something is not as it must be."""
        host = self._free.get()
        try:
            with self._replaying if case.verb == "replay" else nullcontext():
                return self._kill(case, step, host)
        finally:
            self._free.put(host)

    def _kill(self, case: Case, step: Step, host: str) -> str:
        guest = Guest(self._service, host, REPLICAS)
        case.given(guest)
        fail_points = self._home / "fail" / (REPLICAS if case.verb == "replay" else host)
        steps = (Step.STARTED, step) if step in BEHIND_A_DEATH else (step,)
        fail_points.write_text("\n".join(f"{each} {case.verb}" for each in steps))
        accepted = case.ask(guest)
        operation = guest.ended(accepted)
        eventually(lambda: fail_points.read_text() == "", what="every death was died")
        assert operation["state"] == "succeeded" or (case.traceless and operation["state"] == "unknown"), operation
        self._check_log(guest, accepted.operation)
        for name in (host, REPLICAS):
            self._check_host(guest, name)
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

    def _check_host(self, guest: Guest, name: str) -> None:
        row = self._product.queries.host(name)
        assert row is not None
        driver = SimulatorDriver(self._home / "simulators" / f"{name}.sqlite", name)
        try:
            check_agreement(self._product.application.domain(UUID(guest.uuid)), row.id, driver.domain(guest.uuid))
        finally:
            driver.close()


@pytest.fixture
def killing(database: Database, tmp_path: Path) -> Iterator[Killing]:
    product = Product(database, tmp_path)
    (tmp_path / "fail").mkdir()
    (tmp_path / "master.key").write_bytes(b"k" * 32)
    for host in (*HOSTS, REPLICAS):
        product.service.add_host(host, f"simulator:///{host}", ALICE)
    wakeup = Wakeup(database.dsn)
    wakeup.start()
    service = Service(product.application, Queries(database), wakeup)
    with projector(database, tmp_path), agents(database.dsn, tmp_path):
        yield Killing(service, product, tmp_path)
    wakeup.stop()


@contextmanager
def agents(dsn: str, home: Path) -> Iterator[None]:
    environment = {
        **os.environ,
        "REVISOR_DSN": dsn,
        "REVISOR_HOME": str(home),
        "REVISOR_FAIL_POINTS": str(home / "fail"),
        "REVISOR_LEASE_S": "0.6",
        "REVISOR_GRACE_S": "0.2",
    }
    command = [sys.executable, "-m", "tests.integration.fail_points.agents", *HOSTS, REPLICAS]
    with subprocess.Popen(
        command, cwd=ROOT_OF_HOUSE, env=environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)


def test_wherever_an_agent_is_killed_there_is_one_end_and_one_effect(
    killing: Killing, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [(case, step) for case in CASES for step in Step]
    with ThreadPoolExecutor(len(HOSTS)) as pool:
        ends = [pool.submit(killing.kill, case, step) for case, step in asked]
    broken = [
        f"{case.verb} killed at {step}: {type(end.exception()).__name__} {end.exception()}"
        for (case, step), end in zip(asked, ends, strict=True)
        if end.exception() is not None
    ]
    unknown = Counter(
        case.verb
        for (case, _), end in zip(asked, ends, strict=True)
        if not end.exception() and end.result() == "unknown"
    )
    with capsys.disabled():
        print(f"\n{len(CASES)} verbs, killed at {len(Step)} steps: {', '.join(Step)}")
        print(f"{len(asked) - len(broken)} of {len(asked)} as they must be; unknown: {dict(unknown)}")
    assert broken == []


def test_every_verb_is_killed_here_or_it_is_said_why_not() -> None:
    assert {case.verb for case in CASES} | ELSEWHERE.keys() == operations.VERBS.keys()
