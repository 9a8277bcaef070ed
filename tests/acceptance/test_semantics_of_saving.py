"""Memory that outlives its guest's process: managed save, and saving to a file (libvirt-semantics 1.7 and 2.3)."""

from pathlib import Path

from tests.acceptance.counting import HOST, REAL, CountingGuest, LedHost

pytestmark = REAL


def saved_to(guest: CountingGuest) -> Path:
    return guest.on.path(f"{guest.name}.saved")


def test_what_was_saved_by_managedsave_goes_on_at_the_next_start(led: LedHost) -> None:
    with led.guest("managed") as guest:
        since = guest.counter.position()

        led.product.ok("managedsave", guest.name)

        assert guest.state == ("shut off", "saved")
        assert guest.shown()["managed_save"]
        assert "managed save image" in guest.refused(55, "undefine")

        led.product.ok("start", guest.name)

        assert guest.state == ("running", "restored")
        assert not guest.shown()["managed_save"]
        guest.counter.wait_until_goes_on(since=since)


def test_what_was_saved_paused_waits_after_the_start(led: LedHost) -> None:
    with led.guest("managed") as guest:
        led.product.ok("managedsave", guest.name, "--paused")
        since = guest.counter.position()

        guest.do("start")

        assert guest.state[0] == "paused"
        guest.do("resume")
        guest.counter.wait_until_goes_on(since=since)


def test_a_forced_boot_throws_away_what_was_saved(led: LedHost) -> None:
    with led.guest("forced") as guest:
        guest.count_apart()
        guest.do("managedsave")
        since = guest.counter.position()

        led.product.ok("start", guest.name, "--force-boot")

        assert guest.state == ("running", "booted")
        assert not guest.shown()["managed_save"]
        guest.boots(since=since)


def test_a_removed_managed_save_is_a_boot_at_the_next_start(led: LedHost) -> None:
    with led.guest("removed") as guest:
        guest.count_apart()
        guest.do("managedsave")
        since = guest.counter.position()

        led.product.ok("managedsave-remove", guest.name)
        assert not guest.shown()["managed_save"]
        guest.do("start")

        guest.boots(since=since)


def test_a_managed_save_keeps_an_offline_snapshot_from_being_reverted_to_unless_forced(led: LedHost) -> None:
    with led.guest("risky", running=False) as guest:
        guest.take("off")
        guest.do("start")
        guest.count_apart()
        guest.take("ran")
        guest.do("managedsave")
        since = guest.counter.position()

        assert "managed saved state" in guest.refused(77, "snapshot-revert", name="off", running=True)
        assert guest.shown()["managed_save"]
        led.product.ok("snapshot-revert", guest.name, "off", "--running", "--force")

        assert guest.current() == "off"
        guest.boots(since=since)


def test_a_domain_saved_to_a_file_goes_on_from_it(led: LedHost) -> None:
    with led.guest("saved") as guest:
        file, since = saved_to(guest), guest.counter.position()

        led.product.ok("save", guest.name, str(file))

        assert guest.state == ("shut off", "saved")
        assert not guest.shown()["managed_save"]
        assert file.stat().st_size > 0

        led.product.ok("restore", str(file), "--host", HOST)

        assert guest.state == ("running", "restored")
        guest.counter.wait_until_goes_on(since=since)
        assert "already active" in led.product.refused(55, "restore", str(file), "--host", HOST)


def test_a_domain_restored_paused_waits(led: LedHost) -> None:
    with led.guest("saved") as guest:
        file = saved_to(guest)
        guest.do("save", file=str(file))
        since = guest.counter.position()

        led.product.ok("restore", str(file), "--host", HOST, "--paused")

        assert guest.state[0] == "paused"
        guest.do("resume")
        guest.counter.wait_until_goes_on(since=since)


def test_a_transient_domain_that_is_gone_meanwhile_comes_back_from_its_file(led: LedHost) -> None:
    with led.transient("gone") as guest:
        file, since = saved_to(guest), guest.counter.position()
        stream = guest.shown()["stream"]
        assert "transient" in guest.refused(55, "managedsave")
        guest.do("save", file=str(file))
        assert guest.name not in led.product.ok("list", "--all", "--name").split()

        led.product.ok("restore", str(file), "--host", HOST)

        assert guest.state == ("running", "restored")
        assert not guest.shown()["persistent"]
        assert guest.shown()["stream"] == stream, "it is the same domain to Revisor, with one history"
        guest.counter.wait_until_goes_on(since=since)


def test_a_file_into_which_nothing_was_saved_is_refused(led: LedHost) -> None:
    assert "/nowhere" in led.product.refused(42, "restore", "/nowhere", "--host", HOST)


def test_a_dump_leaves_the_guest_counting_unless_it_is_to_be_crashed(led: LedHost) -> None:
    with led.guest("dumped") as guest:
        file, since = led.path(f"{guest.name}.core"), guest.counter.position()

        led.product.ok("dump", guest.name, str(file), "--live", "--memory-only")

        assert file.read_bytes().startswith(b"\x7fELF")
        guest.counter.wait_until_goes_on(since=since)

        led.product.ok("dump", guest.name, str(file), "--crash")

        assert guest.state == ("shut off", "crashed")
