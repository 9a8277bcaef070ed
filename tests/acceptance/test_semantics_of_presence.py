"""Whether a snapshot's data is there: never shown as if it was when it is not (libvirt-semantics 6).

libvirt goes on listing what ``qemu-img`` or a deleted file took away behind its back. Revisor looks into the images.
"""

from tests.acceptance.counting import REAL, LedHost
from tests.lab import images

pytestmark = REAL


def test_a_snapshot_whose_tag_was_deleted_behind_our_back_is_missing_and_not_reverted_to(led: LedHost) -> None:
    with led.guest("tagless") as guest:
        for name in ("a", "b", "c"):
            guest.take(name)
        assert guest.presence() == dict.fromkeys("abc", "present")
        guest.do("destroy")

        images.delete_tag(guest.image, "b")

        assert guest.presence() == {"a": "present", "b": "missing", "c": "present"}
        assert guest.tree() == {"a": None, "b": "a", "c": "b"}, "libvirt still lists it"
        rows = led.product.ok("snapshot-list", guest.name).splitlines()
        assert [row.split()[0] for row in rows if "missing" in row] == ["b"]
        assert "missing" in led.product.ok("snapshot-info", guest.name, "b")
        refusal = led.product.refused(55, "snapshot-revert", guest.name, "b")
        assert str(guest.image) in refusal, "it says where it looked"
        assert guest.state == ("shut off", "destroyed"), "nothing was stopped or started for it"
        guest.do("start")
        guest.counter.wait_until_advances()
        guest.revert("c")
        guest.revert("a")


def test_metadata_of_what_is_missing_can_be_deleted(led: LedHost) -> None:
    with led.guest("cleaned", running=False) as guest:
        guest.take("a")
        guest.take("b")
        images.delete_tag(guest.image, "a")
        assert guest.presence()["a"] == "missing"

        guest.do("snapshot-delete", name="a", metadata=True)

        assert guest.presence() == {"b": "present"}
        assert guest.tree() == {"b": None}


def test_a_tag_that_nobody_lists_is_nothing_we_claim(led: LedHost) -> None:
    with led.guest("orphan", running=False) as guest:
        guest.take("a")

        images.make_tag(guest.image, "orphan")

        assert guest.presence() == {"a": "present"}
        assert "orphan" not in led.product.ok("snapshot-list", guest.name)
        guest.refused(72, "snapshot-revert", name="orphan")
        guest.do("snapshot-delete", name="a")
        assert guest.tags() == ["orphan"], "and nothing we remove"


def test_metadata_of_what_never_was_is_redefined_and_shown_as_missing(led: LedHost) -> None:
    with led.guest("claimed", running=False) as guest:
        guest.take("a")
        claim = guest.virsh("snapshot-dumpxml", "a", "--security-info").replace("<name>a</name>", "<name>never</name>")
        file = led.path(f"{guest.name}.never.xml")
        file.write_text(claim)

        led.product.ok("snapshot-create", guest.name, str(file), "--redefine")

        assert guest.presence() == {"a": "present", "never": "missing"}
        guest.refused(55, "snapshot-revert", name="never")


def test_metadata_brought_back_from_history_does_not_make_its_data_present(led: LedHost) -> None:
    with led.transient("hollow") as guest:
        for name in ("a", "b"):
            guest.take(name)
        guest.do("destroy")
        images.delete_tag(guest.image, "a")
        guest.create()

        assert "2 of 2 identical" in led.product.ok("replay", guest.name)
        assert guest.presence() == {"a": "missing", "b": "present"}

        led.product.ok("snapshot-delete", guest.name, "a", "--metadata")
        led.product.ok("snapshot-undelete", guest.name, "a")
        assert guest.presence() == {"a": "missing", "b": "present"}
        guest.counter.wait_until_advances()
        since = guest.counter.position()
        assert "missing" in guest.refused(55, "snapshot-revert", name="a")
        guest.counter.wait_until_goes_on(since=since)
        guest.revert("b")


def test_what_comes_back_is_present_again(led: LedHost) -> None:
    with led.guest("moved", running=False) as guest:
        guest.take("a")
        aside = guest.image.with_suffix(".aside")
        guest.image.rename(aside)
        assert guest.presence() == {"a": "missing"}

        aside.rename(guest.image)

        assert guest.presence() == {"a": "present"}
        guest.do("snapshot-revert", name="a")
        assert guest.current() == "a"
