"""What somebody does with virsh behind Revisor's back, on a real host:
it is recorded, told of, and made good or accepted.

How soon it was told of is printed for whoever reads the log of the tests; no test depends on it.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.counting import HOST, REAL, CountingGuest, LedHost
from tests.lab.awaiting import eventually

pytestmark = REAL

Seen = dict[str, tuple[Any, Any]]


def drift_of(guest: CountingGuest) -> Seen:
    """By aspect what was left and what was found."""
    items = guest.on.product.client.get("/v1/drift", domain=str(guest.uuid)).body["items"]
    return {
        " ".join(filter(None, (item["aspect"], item["snapshot"]))): (item["recorded"], item["observed"])
        for item in items
    }


def told(guest: CountingGuest, what: str, wanted: Callable[[Seen], bool]) -> Seen:
    """The drift when it is as wanted; prints how long that took."""
    begun = time.monotonic()

    def probe() -> Seen | None:
        seen = drift_of(guest)
        return seen if wanted(seen) else None

    seen = eventually(probe, what=f"drift tells of {what}")
    print(f"drift told of virsh {what} after {time.monotonic() - begun:.2f} s")
    return seen


def another_definition(guest: CountingGuest) -> str:
    file = guest.image.with_suffix(".xml")
    file.write_text(guest.virsh("dumpxml", "--inactive").replace("<on_reboot>restart<", "<on_reboot>destroy<"))
    return str(file)


def test_a_destroyed_guest_is_told_of_and_started_again(led: LedHost) -> None:
    with led.guest("destroyed") as guest:
        guest.virsh("destroy")
        assert told(guest, "destroy", bool) == {"state": ("running", "shut off")}
        assert led.product.run("drift", guest.name, "--check").returncode == 1
        plan = led.product.items("drift", guest.name, "--heal", "--plan")
        assert [item["verb"] for item in plan] == ["start"]
        since = guest.counter.position()
        led.product.ok("drift", guest.name, "--heal", "--reason", "ours wins")
        guest.boots(since=since)
        assert led.product.run("drift", guest.name, "--check").returncode == 0
        start = guest.on.product.items("operations", guest.name)[-1]
        assert (start["verb"], start["state"]) == ("start", "succeeded")


def test_a_started_guest_is_told_of_and_accepted(led: LedHost) -> None:
    with led.guest("started", running=False) as guest:
        guest.virsh("start")
        # libvirt starts a guest paused, and a look may come in between.
        told(guest, "start", lambda seen: seen == {"state": ("shut off", "running")})
        led.product.ok("drift", guest.name, "--accept", "--reason", "it is needed", "--ticket", "OPS-7")
        assert drift_of(guest) == {}
        entry = next(each for each in led.product.log(guest.name) if each["topic"] == "drift.accepted")
        assert (entry["reason"], entry["ticket"], entry["data"]["aspects"]) == ("it is needed", "OPS-7", ["state"])
        guest.virsh("destroy")
        assert told(guest, "destroy", bool) == {"state": ("running", "shut off")}


def test_a_started_guest_is_stopped_again_at_once_if_that_is_said(led: LedHost) -> None:
    with led.guest("stopped", running=False) as guest:
        guest.virsh("start")
        told(guest, "start", bool)
        led.product.ok("drift", guest.name, "--heal", "--destroy")
        assert guest.shown()["state"] == "shut off"
        assert drift_of(guest) == {}


def test_a_guest_that_was_undefined_while_off_comes_back_with_its_tree(led: LedHost) -> None:
    with led.guest("undefined") as guest:
        guest.take("a")
        guest.take("b")
        guest.do("destroy")
        guest.do("autostart")
        guest.virsh("undefine", "--snapshots-metadata")
        seen = told(guest, "undefine", lambda drift: "definition" in drift)
        assert set(seen) == {"definition", "autostart", "current snapshot"}
        led.product.ok("drift", guest.name, "--heal")
        assert drift_of(guest) == {}
        assert guest.tree() == {"a": None, "b": "a"}
        assert guest.shown()["autostart"]
        guest.do("autostart", disable=True)


def test_a_running_guest_that_was_undefined_gets_its_definition_back(led: LedHost) -> None:
    with led.guest("transient") as guest:
        guest.virsh("undefine")
        told(guest, "undefine of a running guest", lambda drift: set(drift) == {"definition"})
        led.product.ok("drift", guest.name, "--heal")
        assert drift_of(guest) == {}
        assert guest.shown()["persistent"]


def test_another_definition_is_told_of_and_the_recorded_one_defined_again(led: LedHost) -> None:
    with led.guest("defined", running=False) as guest:
        before = guest.virsh("dumpxml", "--inactive")
        led.host.virsh("define", another_definition(guest))
        assert guest.virsh("dumpxml", "--inactive") != before
        told(guest, "define", lambda drift: set(drift) == {"definition"})
        led.product.ok("drift", guest.name, "--heal")
        assert drift_of(guest) == {}
        assert guest.virsh("dumpxml", "--inactive") == before


@pytest.mark.parametrize("running", [True, False], ids=["running", "off"])
def test_a_snapshot_somebody_took_is_told_of_and_left_to_a_person(led: LedHost, running: bool) -> None:  # noqa: FBT001
    with led.guest("took", running=running) as guest:
        guest.virsh("snapshot-create-as", "theirs")
        seen = told(guest, f"snapshot-create ({guest.shown()['state']})", lambda drift: "snapshot theirs" in drift)
        assert seen == {"snapshot theirs": (None, "added"), "current snapshot": (None, "theirs")}
        done = led.product.run("drift", guest.name, "--heal")
        assert done.returncode == 1
        assert "holds data" in done.stdout
        assert guest.tree() == {"theirs": None}
        led.product.ok("drift", guest.name, "--accept")
        assert drift_of(guest) == {}


@pytest.mark.parametrize("running", [True, False], ids=["running", "off"])
def test_snapshot_metadata_that_went_is_told_of_and_comes_back(led: LedHost, running: bool) -> None:  # noqa: FBT001
    with led.guest("went", running=running) as guest:
        guest.take("a")
        guest.take("b")
        guest.virsh("snapshot-delete", "b", "--metadata")
        seen = told(guest, f"snapshot-delete ({guest.shown()['state']})", lambda drift: "snapshot b" in drift)
        assert seen == {"snapshot b": ("there", "gone"), "current snapshot": ("b", "a")}
        led.product.ok("drift", guest.name, "--heal")
        assert drift_of(guest) == {}
        assert (guest.tree(), guest.current()) == ({"a": None, "b": "a"}, "b")


def test_of_a_snapshot_whose_data_was_deleted_too_only_the_metadata_comes_back_and_says_so(led: LedHost) -> None:
    with led.guest("deleted") as guest:
        guest.take("a")
        guest.virsh("snapshot-delete", "a")
        told(guest, "snapshot-delete with its data", lambda drift: "snapshot a" in drift)
        led.product.ok("drift", guest.name, "--heal")
        assert guest.presence() == {"a": "missing"}
        assert guest.tags() == []


def test_a_guest_that_was_reverted_is_told_of(led: LedHost) -> None:
    with led.guest("reverted") as guest:
        guest.take("a")
        guest.take("b")
        guest.virsh("snapshot-revert", "a", "--paused")
        seen = told(guest, "snapshot-revert", lambda drift: {"state", "current snapshot"} <= set(drift))
        assert seen == {"state": ("running", "paused"), "current snapshot": ("b", "a")}
        led.product.ok("drift", guest.name, "--accept")
        assert drift_of(guest) == {}


def test_a_guest_nobody_recorded_is_told_of_and_adopted_with_its_tree(led: LedHost) -> None:
    guest = led.new_guest("stranger")
    try:
        file = guest.image.with_suffix(".xml")
        file.write_text(guest.xml)
        led.host.virsh("define", str(file))
        for name in ("a", "b"):
            led.host.virsh("snapshot-create-as", guest.name, name)

        def stranger() -> dict[str, Any] | None:
            items = led.product.client.get("/v1/drift", host=HOST).body["items"]
            return next((item for item in items if item["domain"] == guest.name), None)

        seen = eventually(stranger, what="drift tells of a guest that nobody recorded")
        assert seen["observed"] == "unrecorded"
        assert "1 taken in, 0 left" in led.product.ok("adopt", "--host", HOST, "--name", "stranger-*")
        assert stranger() is None
        assert guest.tree() == {"a": None, "b": "a"}
        assert drift_of(guest) == {}
    finally:
        guest.remove()
