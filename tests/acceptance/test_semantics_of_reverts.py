"""Every revert that libvirt allows, on a real guest (libvirt-semantics 1.4):
from off, running and paused, to a snapshot of each, with and without a word about what is to be afterwards.

A snapshot of a guest that ran or was paused keeps its memory: the count goes on from there. One of a domain that was
off keeps none: what runs afterwards was booted.
"""

from collections.abc import Iterator
from itertools import product

import pytest

from tests.acceptance.counting import REAL, CountingGuest, LedHost
from tests.lab import images

pytestmark = REAL

STATES = ("shut off", "running", "paused")
SNAPSHOTS = {"off": "shut off", "ran": "running", "waited": "paused"}
"""What each snapshot was taken of, by its name."""
FLAGS: dict[str, dict[str, bool]] = {"": {}, "--running": {"running": True}, "--paused": {"paused": True}}
AFTER = {
    # The state comes from the snapshot or the flag. What was booted says so, although it was a revert that booted it.
    ("off", ""): ("shut off", "from snapshot"),
    ("off", "--running"): ("running", "booted"),
    ("off", "--paused"): ("paused", "user"),
    ("ran", ""): ("running", "from snapshot"),
    ("ran", "--running"): ("running", "from snapshot"),
    ("ran", "--paused"): ("paused", "from snapshot"),
    ("waited", ""): ("paused", "from snapshot"),
    ("waited", "--running"): ("running", "from snapshot"),
    ("waited", "--paused"): ("paused", "from snapshot"),
}


@pytest.fixture(scope="module")
def guest(led: LedHost) -> Iterator[CountingGuest]:
    """A guest with an internal snapshot of each state, each with a letter of its own on the disk."""
    with led.guest("reverts", running=False) as made:
        images.write(made.image, "o")
        made.take("off")
        made.do("start")
        made.counter.wait_until_advances(20)
        made.write("r")
        made.take("ran")
        made.do("suspend")
        made.write("w")
        made.take("waited")
        made.do("resume")
        made.write("x")
        yield made


def test_the_three_are_kept_inside_the_image(guest: CountingGuest) -> None:
    assert guest.tags() == list(SNAPSHOTS)
    assert guest.tree() == {"off": None, "ran": "off", "waited": "ran"}
    assert [(item["state"], item["location"]) for item in guest.snapshots().values()] == [
        ("shutoff", "internal"),
        ("running", "internal"),
        ("paused", "internal"),
    ]


@pytest.mark.parametrize(("before", "snapshot", "flag"), list(product(STATES, SNAPSHOTS, FLAGS)))
def test_a_revert_leads_where_it_should(guest: CountingGuest, before: str, snapshot: str, flag: str) -> None:
    guest.bring_to(before)
    known, since = guest.shown()["position"], guest.counter.position()

    guest.do("snapshot-revert", name=snapshot, **FLAGS[flag])

    after, reason = AFTER[snapshot, flag]
    assert guest.state == (after, "destroyed" if before == after == "shut off" else reason)
    assert guest.current() == snapshot
    assert guest.facts(since=known) == ["snapshot.reverted"]
    assert images.written(guest.image) == snapshot[0]
    if after == "paused":
        # From here on: it must not have counted before somebody lets it go on.
        since = guest.counter.position()
        guest.do("resume")
    if after != "shut off":
        assert_memory_came_from(guest, snapshot, since)


def assert_memory_came_from(guest: CountingGuest, snapshot: str, since: int) -> None:
    if SNAPSHOTS[snapshot] == "shut off":
        guest.boots(since=since)
    else:
        guest.goes_on_from(snapshot, since=since)
