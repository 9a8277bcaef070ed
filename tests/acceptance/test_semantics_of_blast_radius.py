"""What deleting, reverting and undefining would touch: told by ``--plan``, and refused where a linked clone would lose
the base it stands on. libvirt itself does all of it without a word.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.acceptance.counting import REAL, CountingGuest, LedHost
from tests.lab import images

pytestmark = REAL


@contextmanager
def linked_clone(led: LedHost, base: CountingGuest) -> Iterator[CountingGuest]:
    """Another domain on the same host, whose image is made on top of the base's."""
    clone = led.new_guest("clone")
    images.build_overlay(clone.image, base.image)
    try:
        led.product.define(clone.xml, "system")
        yield clone
    finally:
        clone.remove()


def test_a_base_is_not_put_back_under_a_living_clone(led: LedHost) -> None:
    with led.guest("base", running=False) as base:
        images.write(base.image, "a")
        base.take("before")
        images.write(base.image, "b")
        with linked_clone(led, base) as clone:
            refusal = led.product.refused(55, "snapshot-revert", base.name, "before")

            assert str(base.image) in refusal
            assert clone.name in refusal
            assert led.product.refused(55, "snapshot-revert", base.name, "before", "--plan") == refusal
            assert images.written(base.image) == images.written(clone.image) == "b"

            led.product.ok("undefine", clone.name)
            led.product.ok("snapshot-revert", base.name, "before")

            assert images.written(base.image) == "a"


def test_an_overlay_is_not_merged_into_a_base_under_a_living_clone(led: LedHost) -> None:
    with led.guest("base") as base:
        base.write("a")
        base.do("snapshot-create", name="before", disk_only=True)
        base.write("b")
        with linked_clone(led, base) as clone:
            assert images.written(clone.image) == "a"

            refusal = led.product.refused(55, "snapshot-delete", base.name, "before")

            assert str(base.image) in refusal
            assert clone.name in refusal
            led.product.refused(55, "snapshot-delete", base.name, "before", "--plan")
            assert images.written(clone.image) == "a"
            led.product.ok("snapshot-delete", base.name, "before", "--metadata")
            assert base.disk() == str(base.image.with_suffix(".before")), "that touches no file"


def test_a_snapshot_inside_a_base_may_be_deleted_and_the_clone_reads_what_it_read(led: LedHost) -> None:
    with led.guest("base", running=False) as base:
        images.write(base.image, "a")
        base.take("before")
        with linked_clone(led, base) as clone:
            led.product.ok("snapshot-delete", base.name, "before")

            assert base.tags() == []
            assert images.written(clone.image) == "a"


def test_a_plan_tells_what_a_delete_would_touch_and_touches_nothing(led: LedHost) -> None:
    with led.guest("planned") as guest:
        for name in ("a", "b", "c"):
            guest.take(name)
        facts, since = guest.facts(), guest.counter.position()

        said = led.product.ok("snapshot-delete", guest.name, "b", "--plan")

        assert str(guest.image) in said
        assert "c" in said
        assert "memory" in said
        [plan] = led.product.items("snapshot-delete", guest.name, "b", "--plan")
        assert plan["files"] == [{"name": str(guest.image), "fate": "the snapshot b in it is removed"}]
        assert {entry["name"] for entry in plan["snapshots"]} == {"b", "c"}
        assert plan["reversible"] is False
        assert plan["memory"] == ["the guest's memory in snapshot b is deleted"]
        assert guest.facts() == facts
        assert guest.tags() == ["a", "b", "c"]
        guest.counter.wait_until_goes_on(since=since)
        [metadata] = led.product.items("snapshot-delete", guest.name, "b", "--metadata", "--plan")
        assert metadata["reversible"] is True
        assert metadata["files"] == []


def test_a_plan_tells_what_a_revert_and_an_undefine_would_touch(led: LedHost) -> None:
    with led.guest("planned") as guest:
        guest.take("a")
        since = guest.counter.position()

        [revert] = led.product.items("snapshot-revert", guest.name, "a", "--plan")
        [undefine] = led.product.items("undefine", guest.name, "--snapshots-metadata", "--plan")

        assert [entry["name"] for entry in revert["files"]] == [str(guest.image)]
        assert revert["memory"] == ["the running guest is stopped, and its memory is lost"]
        assert revert["reversible"] is False
        assert undefine["files"] == [{"name": str(guest.image), "fate": "is kept"}]
        assert undefine["reversible"] is True
        guest.counter.wait_until_goes_on(since=since)
        assert guest.shown()["persistent"]
        led.product.refused(72, "snapshot-revert", guest.name, "never", "--plan")
