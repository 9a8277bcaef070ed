"""The clock of a host's agent moves by an hour, both ways, while it works: all is done once, and nobody takes over."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.counting import HOST, REAL, CountingGuest, LedHost
from tests.acceptance.faults import another_agent, asked_and_started, check_agreement, ended, made, stopped
from tests.lab.awaiting import eventually
from tests.lab.fixtures import require
from tests.lab.requirements import missing_for_moved_clock

pytestmark = REAL


@pytest.fixture
def guest(led: LedHost) -> Iterator[CountingGuest]:
    require(missing_for_moved_clock())
    with led.guest("moved") as guest:
        yield guest


def test_an_hour_both_ways_changes_neither_the_leader_nor_what_is_done(
    led: LedHost, guest: CountingGuest, tmp_path: Path
) -> None:
    product, clock = led.product, tmp_path / "clock"
    move(clock, hours=0)
    with stopped(product.pid_of("worker", "--host", HOST)), another_agent(product, **faked(clock)):
        epoch = led_by_another(led)
        for hours in (1, -1, 0):
            operation = asked_and_started(guest, "snapshot-create", name=f"at{hours}")
            move(clock, hours=hours)
            assert ended(guest, operation)["state"] == "succeeded", product.last_words()
            guest.counter.wait_until_advances()
            guest.do("suspend")
            guest.do("resume")
        assert epoch_of(led) == epoch
        assert made(guest) == ["at1", "at-1", "at0"]
        recorded = [entry["recorded_at"] for entry in product.log(str(guest.uuid))]
        assert recorded == sorted(recorded)
        check_agreement(guest)
    # The one that comes back finds that it was replaced, and then has its turn again.
    eventually(lambda: epoch_of(led) > epoch, what="the supervisor's agent leads again")
    guest.do("destroy")


def move(clock: Path, *, hours: int) -> None:
    """Set the clock so many hours before or after the machine's."""
    clock.write_text(f"{hours:+d}h")


def faked(clock: Path) -> dict[str, str]:
    """The environment of a process whose clock is in a file; its timers go on as they are."""
    asked = subprocess.run(["faketime", "-f", "+0h", "printenv", "LD_PRELOAD"], capture_output=True, check=True)
    return {
        "LD_PRELOAD": asked.stdout.decode().strip(),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def led_by_another(led: LedHost) -> int:
    """The epoch, once the agent besides the supervisor's leads the host."""
    before = epoch_of(led)
    eventually(lambda: epoch_of(led) > before, what="the other agent leads")
    return epoch_of(led)


def epoch_of(led: LedHost) -> int:
    epoch: int = led.product.client.get(f"/v1/hosts/{HOST}").body["items"][0]["epoch"]
    return epoch
