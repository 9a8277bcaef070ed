"""A guest's QEMU killed: what happened is recorded as it is, whatever was under way,
and the guest can be started again.
"""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.acceptance.counting import REAL, CountingGuest, LedHost
from tests.acceptance.faults import asked_and_started, check_agreement, ended, listed, made, qemu_of
from tests.lab.awaiting import eventually

pytestmark = REAL


@pytest.fixture
def guest(led: LedHost) -> Iterator[CountingGuest]:
    with led.guest("killed") as guest:
        yield guest


def boots_again(guest: CountingGuest) -> None:
    since = guest.counter.position()
    guest.do("start")
    guest.boots(since=since)


def test_a_guest_that_was_killed_is_seen_to_have_crashed_and_boots_again(guest: CountingGuest) -> None:
    os.kill(qemu_of(guest), signal.SIGKILL)
    eventually(lambda: guest.shown(fresh=True)["state"] == "shut off", what="its end is noticed")
    check_agreement(guest)
    assert guest.facts().count("domain.stopped") == 1
    boots_again(guest)


@pytest.mark.parametrize("after_ms", [0, 4, 8, 12, 16, 20])
def test_a_guest_killed_in_the_middle_of_a_snapshot_has_one_outcome_and_no_snapshot_that_is_not_told_of(
    guest: CountingGuest, after_ms: int, capsys: pytest.CaptureFixture[str]
) -> None:
    pid = qemu_of(guest)
    operation = asked_and_started(guest, "snapshot-create", name="s")
    time.sleep(after_ms / 1000)
    os.kill(pid, signal.SIGKILL)
    outcome = ended(guest, operation)
    with capsys.disabled():
        print(f"\n{after_ms} ms: {outcome['state']}, listed {sorted(listed(guest))}, in the image {guest.tags()}")
    eventually(lambda: guest.shown(fresh=True)["state"] == "shut off", what="its end is noticed")
    check_agreement(guest)
    assert made(guest) == (["s"] if outcome["state"] == "succeeded" else [])
    boots_again(guest)
    guest.take("later")
