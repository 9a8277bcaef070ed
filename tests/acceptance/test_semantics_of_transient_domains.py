"""Transient domains: libvirt forgets their snapshots when they stop, Revisor does not (libvirt-semantics 1.7 and 6).

The second use of the change "snapshot: allow recreation of metadata" (libvirt, 2011): a domain that is created again
gets its tree back, because the images still hold what the metadata told of.
"""

from uuid import uuid4

from tests.acceptance.counting import HOST, REAL, LedHost
from tests.lab import images

pytestmark = REAL


def test_a_transient_domain_created_again_gets_its_tree_back_and_goes_on_from_it(led: LedHost) -> None:
    with led.transient("again") as guest:
        stream = guest.shown()["stream"]
        for name in ("a", "b"):
            guest.take(name)
        guest.revert("a")
        guest.take("c")
        guest.revert("b")
        dumps = {name: guest.virsh("snapshot-dumpxml", name, "--security-info") for name in guest.tree()}
        guest.do("destroy")
        assert guest.name not in led.product.ok("list", "--all", "--name").split()

        guest.create()
        assert guest.shown()["stream"] == stream
        assert guest.tree() == {}, "libvirt has forgotten them"
        assert guest.tags() == ["a", "b", "c"], "the image has not"
        said = led.product.ok("replay", guest.name)

        assert "3 of 3 identical" in said
        assert guest.tree() == {"a": None, "b": "a", "c": "a"}
        assert guest.current() == "b"
        assert {name: guest.virsh("snapshot-dumpxml", name, "--security-info") for name in dumps} == dumps
        assert guest.presence() == dict.fromkeys(dumps, "present")
        assert not guest.shown()["persistent"]
        for name in ("c", "a", "b"):
            guest.revert(name)


def test_what_was_restored_once_is_not_lost_any_more(led: LedHost) -> None:
    with led.transient("twice") as guest:
        guest.take("a")
        assert "has not lost its snapshots" in led.product.refused(55, "replay", guest.name)
        guest.do("destroy")
        guest.create()
        led.product.ok("replay", guest.name)
        before = guest.facts()

        assert "has not lost its snapshots" in led.product.refused(55, "replay", guest.name)

        assert guest.facts() == before
        guest.revert("a")


def test_what_was_taken_since_stays_as_it_is(led: LedHost) -> None:
    with led.transient("since") as guest:
        guest.take("a")
        guest.take("b")
        guest.do("destroy")
        guest.create()
        assert "holds a snapshot 'a' that is not listed" in guest.refused(9, "snapshot-create", name="a")
        guest.do("destroy")
        images.delete_tag(guest.image, "a")
        guest.create()
        guest.counter.wait_until_advances()
        guest.take("a")

        assert "1 of 1 identical" in led.product.ok("replay", guest.name)

        assert guest.tree() == {"a": None, "b": None}, "what b hung below was another a"
        guest.revert("a")
        guest.revert("b")


def test_the_same_name_under_another_uuid_is_another_domain_and_gets_nothing(led: LedHost) -> None:
    with led.transient("other") as guest:
        guest.take("a")
        guest.do("destroy")
        guest.uuid = uuid4()

        guest.create()

        assert "has not lost its snapshots" in led.product.refused(55, "replay", guest.name)
        assert guest.tree() == {}
        guest.refused(72, "snapshot-revert", name="a")


def test_an_undefined_domain_defined_again_gets_its_tree_back(led: LedHost) -> None:
    with led.guest("undefined") as guest:
        guest.take("a")
        guest.take("b")
        guest.do("destroy")
        guest.do("undefine", snapshots_metadata=True)
        led.product.define(guest.xml, HOST)
        guest.do("start")
        guest.counter.wait_until_advances()

        assert "2 of 2 identical" in led.product.ok("replay", guest.name)

        assert guest.tree() == {"a": None, "b": "a"}
        guest.revert("b")
        guest.revert("a")


def test_a_running_domain_that_was_undefined_is_transient_and_keeps_its_snapshots_while_it_runs(led: LedHost) -> None:
    with led.guest("undefined", running=False) as guest:
        guest.take("off")
        guest.do("start")
        guest.counter.wait_until_advances(20)
        guest.take("ran")
        guest.do("undefine")

        assert not guest.shown()["persistent"]
        assert guest.tree() == {"off": None, "ran": "off"}
        assert "transient" in guest.refused(55, "snapshot-revert", name="off")
        guest.revert("ran")
        guest.count_apart()
        since = guest.counter.position()
        guest.do("snapshot-revert", name="off", running=True)
        guest.boots(since=since)
        assert guest.tree() == {"off": None, "ran": "off"}


def test_what_needs_a_definition_is_refused(led: LedHost) -> None:
    with led.transient("without") as guest:
        guest.refused(55, "managedsave")
        guest.refused(55, "autostart")
        guest.refused(55, "undefine")
        guest.refused(55, "domrename", name="another")
        guest.refused(55, "setmem", size_kib=8192, config=True)
        guest.refused(55, "snapshot-create", name="halted", disk_only=True, halt=True)

        assert guest.tree() == {}
        assert guest.state == ("running", "booted")
