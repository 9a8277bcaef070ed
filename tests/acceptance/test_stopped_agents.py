"""An agent that stood still past its lease: another led its host meanwhile, and what it still had to say is refused."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.acceptance.counting import HOST, REAL, CountingGuest, LedHost
from tests.acceptance.faults import another_agent, asked_and_started, check_agreement, ended, made, qemu_of, stopped
from tests.lab.awaiting import eventually

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


def words_of_the_agent(led: LedHost) -> str:
    return (led.product.home / "logs" / f"agent-{HOST}.log").read_text()


def refused_or_late(words: str) -> bool:
    """Whether the one that came back was told that it is not the leader, or saw by itself that it came too late."""
    return "took over" in words or "could not be renewed in time" in words


def epoch_of(led: LedHost) -> int:
    epoch: int = led.product.client.get(f"/v1/hosts/{HOST}").body["items"][0]["epoch"]
    return epoch
