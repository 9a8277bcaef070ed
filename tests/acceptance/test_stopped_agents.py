"""An agent that stood still past its lease: another led its host meanwhile, and what it still had to say is refused.

And agents that are told to end: what is under way they finish under their lease, or leave to the next.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from revisor.client import Operation
from tests.acceptance.counting import HOST, REAL, CountingGuest, LedHost
from tests.acceptance.faults import (
    another_agent,
    asked_and_started,
    check_agreement,
    ended,
    made,
    qemu_of,
    standing,
    stopped,
)
from tests.acceptance.product import new_product
from tests.lab.awaiting import eventually
from tests.lab.guest import build_counter_image
from tests.lab.hosts import LibvirtHost
from workers.steps import Step

pytestmark = REAL


@pytest.fixture
def guest(led: LedHost) -> Iterator[CountingGuest]:
    with led.guest("fenced") as guest:
        yield guest


@pytest.mark.parametrize("verb", ["snapshot-create", "suspend"])
def test_the_other_ends_what_was_begun_and_the_one_that_comes_back_changes_nothing(
    led: LedHost, guest: CountingGuest, verb: str
) -> None:
    product, arguments = led.product, {"name": "s"} if verb == "snapshot-create" else {}
    agent, epoch, said = product.pid_of("worker", "--host", HOST), epoch_of(led), len(words_of_the_agent(led))
    with another_agent(product):
        with ExitStack() as standing:
            # While QEMU stands still, the agent is in the middle of it for sure.
            with stopped(qemu_of(guest)):
                operation = asked_and_started(guest, verb, **arguments)
                standing.enter_context(stopped(agent))
            assert ended(guest, operation)["state"] == "succeeded", product.last_words()
            assert epoch_of(led) == epoch + 1
        eventually(lambda: not product.processes().get(agent), what="the one that came back has left")
        assert refused_or_late(words_of_the_agent(led)[said:]), product.last_words()
        ended(guest, operation)
        check_agreement(guest)
        if verb == "snapshot-create":
            assert made(guest) == ["s"]
            assert guest.state[0] == "running"
        else:
            assert guest.facts().count("domain.suspended") == 1
        guest.do("destroy")
    eventually(lambda: epoch_of(led) == epoch + 2, what="the supervisor's agent leads again")
    guest.do("start")


@pytest.fixture(scope="module")
def fail_points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fail")


@pytest.fixture(scope="module")
def sure(system_host: LibvirtHost, fail_points: Path) -> Iterator[LedHost]:
    """A real host whose agent believes in its lease for an hour: only the log can tell it that another leads."""
    storage = system_host.root / "sure"
    storage.mkdir(exist_ok=True)
    with new_product(REVISOR_LEASE_S="3600", REVISOR_FAIL_POINTS=str(fail_points)) as product:
        product.up(**{HOST: system_host.uri})
        yield LedHost(product, system_host, build_counter_image(storage / "counter.qcow2"))


SHORT = {"REVISOR_LEASE_S": "2"}
"""The settings of an agent that waits no hour for another to beat."""


@pytest.mark.parametrize("step", [Step.ACTED, Step.SEEN])
@pytest.mark.parametrize("verb", ["snapshot-create", "suspend", "destroy"])
def test_what_one_did_that_stood_still_before_it_could_record_it_is_recorded_by_the_other_alone(
    sure: LedHost, fail_points: Path, tmp_path: Path, verb: str, step: Step
) -> None:
    """The other stands still as well until the first has spoken: what is recorded already, nobody records again."""
    product, arguments = sure.product, {"name": "s"} if verb == "snapshot-create" else {}
    with sure.guest("fenced") as guest, ExitStack() as running:
        agent, epoch, said = product.pid_of("worker", "--host", HOST), epoch_of(sure), len(words_of_the_agent(sure))
        (fail_points / HOST).write_text(f"{step} {verb} SIGSTOP")
        (tmp_path / HOST).write_text(f"{Step.RESUMED} {verb} SIGSTOP")
        operation = asked_and_started(guest, verb, **arguments)
        with ExitStack() as holding:
            with standing(agent):
                another = running.enter_context(another_agent(product, **SHORT, REVISOR_FAIL_POINTS=str(tmp_path)))
                holding.enter_context(standing(another.pid))
                eventually(lambda: epoch_of(sure) == epoch + 1, what="the other leads")
                recorded = product.log(str(guest.uuid))
            eventually(lambda: not product.processes().get(agent), what="the one that came back has left")
            words = words_of_the_agent(sure)[said:]
            assert f"is no longer held in epoch {epoch}" in words, product.last_words()
            assert "could not be renewed" not in words
            assert product.log(str(guest.uuid)) == recorded
        assert ended(guest, operation)["state"] == "succeeded", product.last_words()
        check_agreement(guest)
        assert guest.facts().count(FACTS[verb]) == 1
        assert made(guest) == guest.tags() == (["s"] if verb == "snapshot-create" else [])
    eventually(lambda: epoch_of(sure) == epoch + 2, what="the supervisor's agent leads again")


FACTS = {"snapshot-create": "snapshot.created", "suspend": "domain.suspended", "destroy": "domain.stopped"}


def test_what_is_under_way_when_an_agent_is_told_to_end_is_finished_under_its_lease(
    led: LedHost, guest: CountingGuest
) -> None:
    agent = led.product.pid_of("worker", "--host", HOST)
    with stopped(qemu_of(guest)):
        operation = asked_and_started(guest, "snapshot-create", name="s")
        beat = beat_of(led)
        os.kill(agent, signal.SIGTERM)
        eventually(lambda: beat_of(led) >= beat + 3, what="the lease is renewed while it is under way")
    assert ended(guest, operation)["state"] == "succeeded", led.product.last_words()
    assert leaders_meanwhile(guest, operation) == 0
    eventually(lambda: not led.product.processes().get(agent), what="it has ended")
    check_agreement(guest)
    assert made(guest) == ["s"]


def test_what_takes_too_long_when_an_agent_is_told_to_end_is_left_to_the_next(
    led: LedHost, guest: CountingGuest
) -> None:
    agent, said = led.product.pid_of("worker", "--host", HOST), len(words_of_the_agent(led))
    with stopped(qemu_of(guest)):
        operation = asked_and_started(guest, "snapshot-create", name="s")
        os.kill(agent, signal.SIGTERM)
        eventually(lambda: not led.product.processes().get(agent), what="it has ended", timeout_s=10)
    assert "snapshot-create is left under way" in words_of_the_agent(led)[said:]
    assert ended(guest, operation)["state"] == "succeeded", led.product.last_words()
    assert leaders_meanwhile(guest, operation) == 1
    check_agreement(guest)
    assert made(guest) == ["s"]
    assert guest.state[0] == "running"


def beat_of(led: LedHost) -> int:
    """How often the lease of the host was renewed."""
    with psycopg.connect(led.product.dsn()) as database:
        row = database.execute(
            "SELECT beat FROM work.leases l JOIN views.hosts h ON l.name = 'host:' || h.id WHERE h.name = %s", [HOST]
        ).fetchone()
    assert row is not None
    return int(row[0])


def leaders_meanwhile(guest: CountingGuest, operation: Operation) -> int:
    """How many workers began to lead the host between an operation's start and its end."""
    at = {e["topic"]: e["position"] for e in guest.on.product.log(str(guest.uuid)) if e["operation"] == operation["id"]}
    with psycopg.connect(guest.on.product.dsn()) as database:
        row = database.execute(
            "SELECT count(*) FROM log.events WHERE topic = 'host.led' AND notification_id BETWEEN %s AND %s",
            [at["operation.started"], at["operation.succeeded"]],
        ).fetchone()
    assert row is not None
    return int(row[0])


def words_of_the_agent(led: LedHost) -> str:
    return (led.product.home / "logs" / f"agent-{HOST}.log").read_text()


def refused_or_late(words: str) -> bool:
    """Whether the one that came back was told that it is not the leader, or saw by itself that it came too late."""
    return "took over" in words or "could not be renewed in time" in words


def epoch_of(led: LedHost) -> int:
    epoch: int = led.product.client.get(f"/v1/hosts/{HOST}").body["items"][0]["epoch"]
    return epoch
