"""External snapshots of a real guest: what it writes goes into an overlay, or its memory into a file.

libvirt 9.0 takes them, deletes them by merging, and cannot revert to them (libvirt-semantics 1.4).
"""

from xml.sax.saxutils import quoteattr

from tests.acceptance.counting import REAL, LedHost
from tests.lab import images

pytestmark = REAL

CANNOT_REVERT = "revert to external snapshot not supported yet"


def memory_snapshot(name: str, file: str) -> str:
    return f"<domainsnapshot><name>{name}</name><memory snapshot='external' file={quoteattr(file)}/></domainsnapshot>"


def test_a_running_guest_goes_on_into_the_overlay_and_after_the_merge_in_its_own_disk(led: LedHost) -> None:
    with led.guest("overlay") as guest:
        overlay = guest.image.with_suffix(".before")
        guest.write("a")
        since = guest.counter.position()

        guest.do("snapshot-create", name="before", disk_only=True)
        guest.write("b")

        assert guest.disk() == guest.disk(inactive=True) == str(overlay)
        assert (images.written(guest.image), images.written(overlay)) == ("a", "b")
        before = guest.snapshots()["before"]
        assert (before["state"], before["location"]) == ("disk-snapshot", "external")
        assert guest.presence() == {"before": "present"}
        assert CANNOT_REVERT in guest.refused(67, "snapshot-revert", name="before")
        assert guest.disk() == str(overlay)

        guest.do("snapshot-delete", name="before")

        assert guest.disk() == guest.disk(inactive=True) == str(guest.image)
        assert not overlay.exists()
        assert guest.tree() == {}
        assert guest.current() is None
        guest.counter.wait_until_goes_on(since=since)
        assert guest.state == ("running", "booted")
        guest.do("destroy")
        assert images.written(guest.image) == "b"
        assert images.is_sound(guest.image)


def test_the_older_of_two_overlays_is_merged_from_under_the_newer(led: LedHost) -> None:
    with led.guest("chain") as guest:
        first, second = guest.image.with_suffix(".first"), guest.image.with_suffix(".second")
        since = guest.counter.position()
        guest.do("snapshot-create", name="first", disk_only=True)
        guest.write("b")
        guest.do("snapshot-create", name="second", disk_only=True)
        guest.write("c")
        assert guest.tree() == {"first": None, "second": "first"}
        assert "external children" in guest.refused(67, "snapshot-delete", name="first", children=True)

        guest.do("snapshot-delete", name="first")

        assert guest.tree() == {"second": None}
        assert guest.current() == "second"
        assert guest.presence() == {"second": "present"}
        assert images.backing_file(second) == str(guest.image)
        assert not first.exists()
        assert (images.written(guest.image), images.written(second)) == ("b", "c")
        guest.counter.wait_until_goes_on(since=since)


def test_a_domain_that_is_off_gets_an_overlay_too_and_the_merge_leaves_it_off(led: LedHost) -> None:
    with led.guest("off", running=False) as guest:
        overlay = guest.image.with_suffix(".before")
        images.write(guest.image, "a")

        guest.do("snapshot-create", name="before", disk_only=True)
        assert guest.snapshots()["before"]["state"] == "shutoff"
        images.write(overlay, "b")
        guest.do("snapshot-delete", name="before")

        assert guest.shown()["state"] == "shut off"
        assert guest.disk() == str(guest.image)
        assert not overlay.exists()
        assert images.written(guest.image) == "b"
        assert guest.counter.latest() is None, "it was never run"


def test_an_overlay_that_somebody_prepared_is_used_and_no_metadata_is_kept_where_none_is_wanted(led: LedHost) -> None:
    with led.guest("prepared") as guest:
        overlay = images.build_overlay(guest.image.with_suffix(".mine"), guest.image)
        since = guest.counter.position()
        xml = f"""
            <domainsnapshot>
              <name>mine</name>
              <disks><disk name='vda' snapshot='external'><source file='{overlay}'/></disk></disks>
            </domainsnapshot>"""
        assert "already exists" in guest.refused(67, "snapshot-create", xml=xml, disk_only=True)

        guest.do("snapshot-create", xml=xml, disk_only=True, reuse_external=True, no_metadata=True, atomic=True)

        assert guest.disk() == str(overlay)
        assert guest.tree() == {}
        guest.counter.wait_until_goes_on(since=since)


def test_a_memory_snapshot_is_a_file_and_is_missing_without_it(led: LedHost) -> None:
    with led.guest("memory") as guest:
        memory = led.path(f"{guest.name}.memory")
        since = guest.counter.position()

        guest.do("snapshot-create", xml=memory_snapshot("kept", str(memory)), live=True)

        assert memory.stat().st_size > 0
        kept = guest.snapshots()["kept"]
        assert (kept["state"], kept["location"]) == ("running", "external")
        guest.counter.wait_until_goes_on(since=since)
        assert guest.state[0] == "running"
        assert guest.presence() == {"kept": "present"}
        assert CANNOT_REVERT in guest.refused(67, "snapshot-revert", name="kept")

        memory.unlink()

        assert guest.presence() == {"kept": "missing"}
        assert led.product.items("snapshot-list", guest.name)[0]["presence"] == "missing"
        assert "missing" in led.product.ok("snapshot-list", guest.name)
        guest.counter.wait_until_goes_on(since=since)


def test_deleting_a_memory_snapshot_merges_the_disk_of_the_running_guest(led: LedHost) -> None:
    with led.guest("memory") as guest:
        memory = led.path(f"{guest.name}.memory")
        since = guest.counter.position()
        guest.do("snapshot-create", xml=memory_snapshot("kept", str(memory)))
        assert guest.state[0] == "running", "it was paused while its memory was written, and goes on"
        guest.write("b")
        [plan] = led.product.items("snapshot-delete", guest.name, "kept", "--plan")

        guest.do("snapshot-delete", name="kept")

        fates = {entry["name"]: entry["fate"] for entry in plan["files"]}
        assert fates.keys() == {str(guest.image), str(guest.image.with_suffix(".kept")), str(memory)}
        assert "is merged" in fates[str(guest.image.with_suffix(".kept"))]
        assert "stays" in fates[str(memory)]
        assert memory.exists(), "libvirt 9.0 leaves it, as the plan says"
        assert guest.disk() == str(guest.image)
        assert guest.tree() == {}
        guest.counter.wait_until_goes_on(since=since)
        guest.do("destroy")
        assert images.written(guest.image) == "b"


def test_a_snapshot_that_halts_leaves_the_domain_off(led: LedHost) -> None:
    with led.guest("halted") as guest:
        guest.do("snapshot-create", name="last", disk_only=True, halt=True)

        assert guest.state == ("shut off", "from snapshot")
        assert guest.disk() == str(guest.image.with_suffix(".last"))
        assert guest.current() == "last"


def test_a_live_memory_snapshot_needs_a_file_and_a_running_guest(led: LedHost) -> None:
    with led.guest("live", running=False) as guest:
        guest.refused(84, "snapshot-create", name="offline", live=True)
        guest.do("start")
        guest.refused(84, "snapshot-create", name="internal", live=True)
        guest.refused(8, "snapshot-create", name="whole", quiesce=True)
        guest.refused(74, "snapshot-create", name="frozen", disk_only=True, quiesce=True)

        assert guest.tree() == {}
        assert guest.tags() == []
