"""Trees of a real guest's internal snapshots: deleted, moved along with a rename, redefined in a batch, undeleted.

After each of these what is left still holds the guest's memory: it goes back, and the count goes on from there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.counting import REAL, CountingGuest, LedHost
from tests.lab import images

pytestmark = REAL


@contextmanager
def guest_with_tree(led: LedHost) -> Iterator[CountingGuest]:
    """A running guest with the tree a > (b > (c, d), e), of which d is the current one."""
    with led.guest("tree") as guest:
        guest.take("a")
        guest.take("b")
        guest.take("c")
        guest.revert("a")
        guest.take("e")
        guest.revert("b")
        guest.take("d")
        assert guest.tree() == {"a": None, "b": "a", "c": "b", "d": "b", "e": "a"}
        yield guest


def test_what_is_deleted_is_gone_from_the_image_and_what_was_below_it_moves_up(led: LedHost) -> None:
    with guest_with_tree(led) as guest:
        guest.do("snapshot-delete", name="b")

        assert guest.tree() == {"a": None, "c": "a", "d": "a", "e": "a"}
        assert guest.current() == "d"
        assert guest.tags() == ["a", "c", "e", "d"]
        guest.revert("c")

        guest.do("snapshot-delete", name="c")

        assert guest.tree() == {"a": None, "d": "a", "e": "a"}
        assert guest.current() == "a", "its parent inherits that it is the current one"
        guest.revert("d")
        guest.do("snapshot-delete", name="a")

        assert guest.tree() == {"d": None, "e": None}
        assert guest.tags() == ["e", "d"]
        guest.revert("e")


def test_children_alone_are_deleted_from_below_a_snapshot_which_becomes_current(led: LedHost) -> None:
    with guest_with_tree(led) as guest:
        led.product.ok("snapshot-delete", guest.name, "b", "--children-only")

        assert guest.tree() == {"a": None, "b": "a", "e": "a"}
        assert guest.current() == "b"
        assert guest.tags() == ["a", "b", "e"]
        guest.revert("b")

        guest.do("destroy")
        led.product.ok("snapshot-delete", guest.name, "b", "--children")

        assert guest.tree() == {"a": None, "e": "a"}
        assert guest.current() == "a"
        assert guest.tags() == ["a", "e"]


def test_a_snapshot_deleted_with_its_children_leaves_nothing(led: LedHost) -> None:
    with guest_with_tree(led) as guest:
        since = guest.counter.position()

        led.product.ok("snapshot-delete", guest.name, "a", "--children")

        assert guest.tree() == {}
        assert guest.current() is None
        assert guest.tags() == []
        guest.counter.wait_until_goes_on(since=since)
        guest.do("destroy")
        assert images.is_sound(guest.image)


def test_a_renamed_domain_goes_back_to_what_it_took_under_its_old_name(led: LedHost) -> None:
    with led.guest("before") as guest:
        guest.take("a")
        guest.take("b")
        old, new = guest.name, guest.name.replace("before", "after")
        assert "active" in guest.refused(55, "domrename", name=new)
        guest.do("destroy")

        led.product.ok("domrename", old, new)

        assert guest.shown()["name"] == new
        assert led.product.items("snapshot-list", new) == led.product.items("snapshot-list", str(guest.uuid))
        led.product.refused(42, "dominfo", old)
        assert guest.tree() == {"a": None, "b": "a"}
        guest.do("start")
        guest.counter.wait_until_advances()
        guest.revert("a")
        assert guest.shown()["name"] == new, "the name is the domain's, not the snapshot's"
        assert guest.definition().findtext("name") == new
        guest.take("c")
        assert guest.tree() == {"a": None, "b": "a", "c": "a"}


def test_a_name_that_is_taken_is_refused_and_one_that_is_free_again_is_given(led: LedHost) -> None:
    with led.guest("one", running=False) as one, led.guest("two", running=False) as two:
        old = one.name
        one.refused(55, "domrename", name=two.name)
        one.do("domrename", name=f"{old}-renamed")

        two.do("domrename", name=old)

        assert led.product.items("dominfo", old)[0]["uuid"] == str(two.uuid)


def test_a_batch_of_files_in_reverse_order_restores_tree_current_and_memory(led: LedHost) -> None:
    with guest_with_tree(led) as guest:
        before = guest.tree()
        files = dumps_of(guest, list(before))
        dumps = {name: guest.virsh("snapshot-dumpxml", name, "--security-info") for name in before}
        led.product.ok("snapshot-delete", guest.name, "a", "--children", "--metadata")
        assert guest.tree() == {}
        assert guest.tags() == ["a", "b", "c", "e", "d"], "the image still has them all"
        assert "parent b for moment d not found" in led.product.refused(
            8, "snapshot-create", guest.name, "--redefine", str(files["d"]), str(files["a"])
        )
        assert guest.tree() == {}, "nothing of a batch that is refused is done"

        children_first = [str(files[name]) for name in ("d", "e", "c", "b", "a")]
        led.product.ok("snapshot-create", guest.name, "--redefine", *children_first)

        assert guest.tree() == before
        assert guest.current() == "d"
        assert {name: guest.virsh("snapshot-dumpxml", name, "--security-info") for name in before} == dumps
        assert guest.presence() == dict.fromkeys(before, "present")
        for name in ("c", "a", "d"):
            guest.revert(name)


def dumps_of(guest: CountingGuest, names: list[str]) -> dict[str, Path]:
    """The snapshots' own XML as a person saves it, with secrets, in files."""
    files = {name: guest.on.path(f"{guest.name}.{name}.xml") for name in names}
    for name, file in files.items():
        file.write_text(guest.on.product.ok("snapshot-dumpxml", guest.name, name, "--security-info"))
    return files


def test_what_a_redefine_replaces_is_in_the_log(led: LedHost) -> None:
    with led.guest("replaced") as guest:
        guest.take("a", description="as it was")
        file = dumps_of(guest, ["a"])["a"]
        file.write_text(file.read_text().replace("as it was", "as it is said to have been"))

        led.product.ok("snapshot-create", guest.name, str(file), "--redefine", "--current")

        assert guest.snapshots()["a"]["description"] == "as it is said to have been"
        history = [entry["data"] for entry in led.product.log(str(guest.uuid)) if "description" in entry["data"]]
        assert [said["description"] for said in history] == ["as it was", "as it is said to have been"]
        assert history[0]["header"] != history[1]["header"]
        guest.revert("a")


def test_undeleting_the_middle_of_a_chain_gives_it_back_its_children_and_the_current_one(led: LedHost) -> None:
    with led.guest("chain") as guest:
        for name in ("a", "b", "c"):
            guest.take(name)
        guest.revert("b")
        was = guest.snapshots()["b"]
        dump = guest.virsh("snapshot-dumpxml", "b", "--security-info")

        led.product.ok("snapshot-delete", guest.name, "b", "--metadata")
        assert guest.tree() == {"a": None, "c": "a"}
        assert guest.current() == "a"
        guest.refused(72, "snapshot-revert", name="b")

        led.product.ok("snapshot-undelete", guest.name, "b")

        assert guest.tree() == {"a": None, "b": "a", "c": "b"}
        assert guest.current() == "b"
        assert guest.snapshots()["b"]["id"] == was["id"], "it is the same snapshot again"
        assert guest.virsh("snapshot-dumpxml", "b", "--security-info") == dump
        guest.revert("b")
        guest.revert("c")


def test_a_redefine_of_what_was_deleted_gives_it_back_its_children_too(led: LedHost) -> None:
    with led.guest("chain") as guest:
        for name in ("a", "b", "c"):
            guest.take(name)
        file = dumps_of(guest, ["b"])["b"]
        guest.do("snapshot-delete", name="b", metadata=True)

        led.product.ok("snapshot-create", guest.name, str(file), "--redefine")

        assert guest.tree() == {"a": None, "b": "a", "c": "b"}
        assert guest.current() == "c"
        guest.revert("b")


def test_what_was_really_deleted_is_not_undeleted(led: LedHost) -> None:
    with led.guest("deleted") as guest:
        guest.take("a")
        guest.do("snapshot-delete", name="a")
        assert guest.tags() == []

        led.product.refused(72, "snapshot-undelete", guest.name, "a")

        assert guest.tree() == {}
