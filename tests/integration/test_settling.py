"""An unknown outcome: settled by a person with evidence, or by an agent that looks again and can tell by then."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain_model.errors import HypervisorUnreachable, InvalidArgument, OperationInvalid, OutcomeUnknown
from domain_model.flags import Reboot, SnapshotCreate
from domain_model.operations import OperationState
from drivers.images import ImageChain, ImageFindings
from drivers.port import Capabilities, DomainSighting
from drivers.simulator import SimulatorDriver
from revisor.attempts import Attempts
from revisor.health import problems_of
from revisor.rows import OperationRow
from revisor.settlements import Settlements
from revisor.status import StatusReader
from revisor.store.context import Context
from revisor.store.database import Database
from tests.integration.product import ALICE, Product
from tests.lab.awaiting import eventually
from workers.agent import HostAgent

BOB = Context("uid:7(bob)", reason="asked the guest", ticket="T-7")
FILE = "/images/web.qcow2"
DONE, FAILED = OperationState.SUCCEEDED, OperationState.FAILED


class Frail(SimulatorDriver):
    """Dies after acting and before answering, where it is told to; its images and itself may be out of sight."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "alpha")
        self.dies: Callable[[], None] | None = None
        """What becomes of it in the next act."""
        self.acts = True
        self.images_seen = True
        self.away = False
        self.tags: list[str] = []

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(driver="QEMU", unique_uuids=True)

    def reboot(self, uuid: str, flags: Reboot = Reboot.NONE) -> None:
        super().reboot(uuid, flags)
        raise OutcomeUnknown("the connection is gone")

    def snapshot_create(self, uuid: str, xml: str, flags: SnapshotCreate = SnapshotCreate.NONE) -> None:
        if self.dies is None:
            super().snapshot_create(uuid, xml, flags)
            return
        dies, self.dies = self.dies, None
        if self.acts:
            self.tags.append("s1")
        dies()
        raise OutcomeUnknown("the connection is gone")

    def domain(self, uuid: str) -> DomainSighting | None:
        if self.away:
            raise HypervisorUnreachable("connection refused")
        return super().domain(uuid)

    def domains(self) -> Sequence[DomainSighting]:
        if self.away:
            raise HypervisorUnreachable("connection refused")
        return super().domains()

    def image_chains(self, _uuid: str) -> Sequence[ImageChain]:
        seen = self.images_seen
        return [ImageChain("vda", FILE, (FILE,) if seen else (), tuple(self.tags) if seen else None)]

    def snapshot_presence(self, _uuid: str) -> ImageFindings:
        return ImageFindings()

    def out_of_sight(self) -> None:
        self.images_seen = False

    def watch(self, changed: Callable[[str], None]) -> None:
        self._changed = changed

    def gone(self) -> None:
        self.away = True
        self._changed("")

    def back(self) -> None:
        self.away = False
        self._changed("")


@pytest.fixture
def frail(tmp_path: Path) -> Frail:
    return Frail(tmp_path / "alpha.sqlite")


@pytest.fixture
def product(database: Database, tmp_path: Path, frail: Frail) -> Iterator[Product]:
    product = Product(database, tmp_path)
    product.add_host("alpha", frail)
    product.define()
    product.act("start")
    yield product
    product.close()


def lost(product: Product) -> UUID:
    operation = product.act("reboot")
    assert operation["state"] == "unknown"
    return UUID(operation["id"])


def look(product: Product) -> None:
    """A round in which it is time to look around."""
    product.agents["alpha"].run_once(float("inf"))


def idle(agent: HostAgent, now: float) -> bool:
    """Whether what was begun has ended. Nothing is begun again at the same moment."""
    agent.run_once(now)
    return not agent.busy


def problems(database: Database) -> list[str]:
    return problems_of(StatusReader(database).read())


def entries(product: Product, topic: str) -> list[dict[str, Any]]:
    return [entry for entry in product.service.log("web", None, 1000) if entry["topic"] == topic]


def test_a_person_settles_an_unknown_outcome_and_who_said_so_is_on_record(product: Product) -> None:
    operation = product.service.settlements.settle(lost(product), DONE, "its uptime is 3 min", BOB)
    assert (operation["state"], operation["error"]) == ("succeeded", None)
    assert operation["settled"] == {
        "evidence": "its uptime is 3 min",
        "by": "uid:7(bob)",
        "reason": "asked the guest",
        "ticket": "T-7",
    }
    [said] = entries(product, "operation.settled")
    assert (said["actor"], said["reason"]) == ("uid:7(bob)", "asked the guest")
    assert said["summary"] == "reboot: succeeded: its uptime is 3 min"


def test_one_that_is_settled_as_failed_says_so_like_any_that_failed(product: Product) -> None:
    operation = product.service.settlements.settle(lost(product), FAILED, "its uptime is 3 days", BOB)
    assert operation["state"] == "failed"
    assert operation["error"] == {
        "code": 9,
        "name": "OPERATION_FAILED",
        "message": "operation failed: settled as failed: its uptime is 3 days",
    }


def test_settled_again_the_same_way_it_is_the_same_and_another_way_is_refused(product: Product) -> None:
    operation = lost(product)
    first = product.service.settlements.settle(operation, DONE, "its uptime", BOB)
    assert product.service.settlements.settle(operation, DONE, "as bob said", ALICE) == first
    with pytest.raises(OperationInvalid, match=r"was settled as succeeded by uid:7\(bob\)"):
        product.service.settlements.settle(operation, FAILED, "no", ALICE)
    assert len(entries(product, "operation.settled")) == 1


@pytest.mark.parametrize("other", [DONE, FAILED])
def test_of_two_who_settle_it_at_once_the_second_is_answered_as_the_first_unless_they_differ(
    product: Product, other: OperationState
) -> None:
    operation, both = lost(product), Barrier(2)
    service = product.service

    def row(asked: UUID) -> OperationRow:
        seen = service._operation_row(asked)
        if seen.settled is None:
            both.wait(30)
        return seen

    settlements = Settlements(product.application, Attempts(product.application), row, service.operation)
    with ThreadPoolExecutor(2) as people:
        said = [people.submit(settlements.settle, operation, outcome, "its uptime", BOB) for outcome in (DONE, other)]
    assert len(entries(product, "operation.settled")) == 1
    answers = [each.result() for each in said if each.exception() is None]
    assert answers == [service.operation(operation)] * (2 if other is DONE else 1)
    refusals = [str(each.exception()) for each in said if each.exception() is not None]
    assert all("was settled as" in refusal for refusal in refusals)


def test_only_an_unknown_outcome_can_be_settled_and_only_with_evidence(product: Product) -> None:
    settle = product.service.settlements.settle
    waits = product.service.act("web", None, "autostart", {}, ALICE)
    with pytest.raises(OperationInvalid, match="is queued: only an unknown outcome"):
        settle(waits.operation, DONE, "I saw it", ALICE)
    ended = product.settle(waits)
    with pytest.raises(OperationInvalid, match="is succeeded: only an unknown outcome"):
        settle(UUID(ended["id"]), DONE, "I saw it", ALICE)
    with pytest.raises(InvalidArgument, match="no operation"):
        settle(uuid4(), DONE, "I saw it", ALICE)
    unknown = lost(product)
    with pytest.raises(InvalidArgument, match="without evidence"):
        settle(unknown, DONE, " ", ALICE)
    with pytest.raises(InvalidArgument, match="cannot be settled as cancelled"):
        settle(unknown, OperationState.CANCELLED, "I saw it", ALICE)
    assert [attempt["verb"] for attempt in product.service.attempts(10)] == ["operation settle"] * 5


def test_an_unknown_outcome_is_a_problem_until_it_is_settled(product: Product, database: Database) -> None:
    operation = lost(product)
    [problem] = problems(database)
    assert problem.startswith(f"nobody knows whether reboot of domain web happened (operation {operation}): look at it")
    product.service.settlements.settle(operation, DONE, "its uptime", BOB)
    assert problems(database) == []


@pytest.mark.parametrize(("acts", "state"), [(True, "succeeded"), (False, "failed")])
def test_an_agent_that_can_see_the_images_again_settles_what_it_could_not_tell(
    product: Product, frail: Frail, *, acts: bool, state: str
) -> None:
    frail.acts, frail.dies = acts, frail.out_of_sight
    operation = product.act("snapshot-create", name="s1", no_metadata=True)
    assert operation["state"] == "unknown"
    look(product)
    assert product.service.operation(UUID(operation["id"]))["state"] == "unknown"
    frail.images_seen = True
    look(product)
    settled = product.service.operation(UUID(operation["id"]))
    assert (settled["state"], settled["settled"]["by"]) == (state, "agent:alpha")
    assert settled["settled"]["evidence"].startswith("looked at again, it")
    assert len(frail.tags) == int(acts), "nothing was done"


def test_another_agent_remembers_what_the_first_one_could_not_tell(product: Product, frail: Frail) -> None:
    frail.dies = frail.out_of_sight
    operation = product.act("snapshot-create", name="s1", no_metadata=True)
    product.leases["alpha"].release()
    product.agents["alpha"].close()
    frail.images_seen = True
    product.lead("alpha", frail)
    look(product)
    assert product.service.operation(UUID(operation["id"]))["state"] == "succeeded"


def test_of_what_was_unknown_before_the_log_was_restored_no_look_tells(
    product: Product, frail: Frail, database: Database
) -> None:
    frail.dies = frail.out_of_sight
    operation = product.act("snapshot-create", name="s1", no_metadata=True)
    database.execute(
        "INSERT INTO work.restores (why, position, acknowledged_at) SELECT 'a backup', position, now() FROM log.head"
    )
    frail.images_seen = True
    look(product)
    assert product.service.operation(UUID(operation["id"]))["state"] == "unknown"


def test_an_operation_whose_hypervisor_went_away_waits_says_so_and_is_told_when_it_is_back(
    product: Product, frail: Frail, database: Database
) -> None:
    frail.dies = frail.gone
    accepted = product.service.act("web", None, "snapshot-create", {"name": "s1", "no_metadata": True}, ALICE)

    def held() -> dict[str, Any]:
        eventually(partial(idle, product.agents["alpha"], time.monotonic()), what="the operation was tried")
        return product.service.wait(accepted.operation, 0, accepted.position)

    eventually(lambda: held()["held_up"], what="a look found it gone")
    why = "host 'alpha' cannot be reached: Cannot reach the hypervisor: connection refused"
    assert (held()["state"], held()["held_up"]) == ("started", why)
    assert any(
        problem.startswith(
            f"snapshot-create of domain web (operation {accepted.operation}) was started, and host alpha"
        )
        for problem in problems(database)
    )
    frail.back()
    settled = product.settle(accepted)
    assert (settled["state"], settled["held_up"]) == ("succeeded", None)
    assert problems(database) == []
