"""Deleting snapshots of simulated domains, as libvirt 9.0's QEMU driver does it when run (libvirt-semantics 1.5)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain_model.flags import CoreDump, SnapshotCreate, SnapshotDelete
from drivers.simulator import SimulatorDriver
from tests.unit.simulated import (
    INACTIVE,
    PAUSED,
    RUNNING,
    UUID,
    config,
    definition,
    delete,
    disk,
    host_in,
    images,
    live,
    look,
    number_of,
    put,
    refusal,
    revert,
    take,
    take_outside,
    tree,
)

CHILDREN, ONLY, METADATA = SnapshotDelete.CHILDREN, SnapshotDelete.CHILDREN_ONLY, SnapshotDelete.METADATA_ONLY
NO_BASE = "invalid argument: could not find base disk source in disk source chain"
NOT_SAME = "operation failed: snapshot VM disk source and parent disk source are not the same"
INTERNAL_PARENT = (
    "Operation not supported: deleting external snapshot that has internal snapshot as parent not supported"
)
OTHER_IMAGE = (
    "Operation not supported: disk image 'vda' for internal snapshot 'i' is not the same as disk image currently used"
    " by VM"
)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    driver = host_in(tmp_path)
    driver.define(definition())
    yield driver
    driver.close()


def grow(host: SimulatorDriver) -> None:
    """The tree a > b > (c, d) and a > e, with e current."""
    for at, name in ((None, "a"), ("a", "b"), ("b", "c"), ("b", "d"), ("a", "e")):
        if at is not None:
            revert(host, at)
        take(host, name)


@pytest.mark.parametrize("more", [SnapshotDelete.NONE, METADATA])
@pytest.mark.parametrize(
    ("name", "flags", "left", "current"),
    [
        ("a", SnapshotDelete.NONE, {"b": None, "c": "b", "d": "b", "e": None}, "e"),
        ("b", SnapshotDelete.NONE, {"a": None, "c": "a", "d": "a", "e": "a"}, "e"),
        ("e", SnapshotDelete.NONE, {"a": None, "b": "a", "c": "b", "d": "b"}, "a"),
        ("b", CHILDREN, {"a": None, "e": "a"}, "e"),
        ("a", CHILDREN, {}, None),
        ("b", ONLY, {"a": None, "b": "a", "e": "a"}, "e"),
        ("a", ONLY, {"a": None}, "a"),
    ],
)
def test_the_tree_that_is_left(
    host: SimulatorDriver,
    more: SnapshotDelete,
    name: str,
    flags: SnapshotDelete,
    left: dict[str, str | None],
    current: str | None,
) -> None:
    grow(host)

    delete(host, name, flags | more)

    assert tree(host) == (left, current)


@pytest.mark.parametrize(
    ("name", "flags", "number"), [("x", CHILDREN | ONLY, 72), ("a", CHILDREN | ONLY, 8), ("a", SnapshotDelete(64), 8)]
)
def test_an_unknown_name_is_told_before_a_wrong_flag(
    host: SimulatorDriver, name: str, flags: SnapshotDelete, number: int
) -> None:
    take(host)

    assert number_of(lambda: delete(host, name, flags)) == number


# External snapshots: their images are merged.


def outside(host: SimulatorDriver, *names: str) -> list[str]:
    """Where the disks of the snapshots' definitions are, and those of the domain."""
    dumps = [host.snapshot_xml(UUID, name) for name in names]
    return [images(dump[dump.index("<domain ") :])[0] for dump in dumps] + [images(live(host))[0]]


@pytest.mark.parametrize(
    ("name", "left", "chain"),
    [
        ("a", {"b": None, "c": "b"}, ["vda.c", "vda.b", "vda.qcow2"]),
        ("b", {"a": None, "c": "a"}, ["vda.c", "vda.a", "vda.qcow2"]),
        ("c", {"a": None, "b": "a"}, ["vda.b", "vda.a", "vda.qcow2"]),
    ],
)
@pytest.mark.parametrize("state", [RUNNING, PAUSED])
def test_a_running_domain_can_do_without_any_of_its_images(
    host: SimulatorDriver, state: str, name: str, left: dict[str, str | None], chain: list[str]
) -> None:
    put(host, state)
    take_outside(host, "a", "b", "c")

    delete(host, name)

    assert tree(host)[0] == left
    assert [images(live(host)), images(config(host))] == [chain, chain]
    assert look(host)[1] == 1
    for rest in left:
        delete(host, rest)
    assert images(live(host)) == ["vda.qcow2"]


def test_the_snapshots_that_stood_on_an_image_are_told(host: SimulatorDriver) -> None:
    put(host, RUNNING)
    take_outside(host, "a", "b", "c")

    delete(host, "a")
    assert outside(host, "b", "c") == ["vda.qcow2", "vda.b", "vda.c"]
    delete(host, "b")
    assert outside(host, "c") == ["vda.qcow2", "vda.c"]


def test_an_inactive_domain_can_do_without_the_images_on_top(host: SimulatorDriver) -> None:
    take_outside(host, "a", "b", "c")

    for name in "ab":
        with refusal(8, NO_BASE):
            delete(host, name)
    assert look(host) == (5, 0)
    for name, image in (("c", "vda.b"), ("b", "vda.a"), ("a", "vda.qcow2")):
        delete(host, name)
        assert images(config(host)) == [image]
        # A process did it, and was shut down.
        assert look(host) == (5, 1)


def test_an_inactive_domain_can_do_without_all_images_that_it_names(host: SimulatorDriver) -> None:
    put(host, RUNNING)
    take_outside(host, "a", "b", "c")
    host.destroy(UUID)

    delete(host, "b")

    assert images(config(host)) == ["vda.c", "vda.a", "vda.qcow2"]


def test_a_host_that_a_tree_was_redefined_on_knows_the_images_from_it(host: SimulatorDriver, tmp_path: Path) -> None:
    take_outside(host, "a", "b", "c")
    (tmp_path / "elsewhere").mkdir()
    other = host_in(tmp_path / "elsewhere")
    other.define(config(host))
    for dump in host.snapshot_dumps(UUID).values():
        other.snapshot_create(UUID, dump, SnapshotCreate.REDEFINE)
    other.start(UUID)

    delete(other, "b")

    assert tree(other)[0] == {"a": None, "c": "a"}
    assert outside(other, "c") == ["vda.a", "vda.c"]
    assert number_of(lambda: take(other, "b", flags=SnapshotCreate.DISK_ONLY)) == 0
    other.close()


def test_merged_images_are_gone_and_their_names_free_again(host: SimulatorDriver) -> None:
    take_outside(host, "a")
    delete(host, "a")

    take_outside(host, "a")

    assert images(config(host)) == ["vda.a"]


def test_metadata_alone_leaves_the_images_and_what_stood_on_it_cannot_be_merged(host: SimulatorDriver) -> None:
    put(host, RUNNING)
    take_outside(host, "a", "b", "c")

    delete(host, "b", METADATA)

    assert tree(host) == ({"a": None, "c": "a"}, "c")
    assert outside(host, "a", "c") == ["vda.qcow2", "vda.a", "vda.c"]
    with refusal(9, NOT_SAME):
        delete(host, "c")
    host.destroy(UUID)
    with refusal(9, NOT_SAME):
        delete(host, "c")
    assert look(host) == (5, 1)  # It was found out by a process.


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("b", CHILDREN, "deletion of external children disk snapshots not supported"),
        ("b", ONLY, "deletion of external children disk snapshots not supported"),
        ("a", CHILDREN, "deletion of external and internal children disk snapshots not supported"),
        ("c", CHILDREN, "deletion of external disk snapshots with children not supported"),
    ],
)
def test_images_are_not_merged_by_the_dozen(
    host: SimulatorDriver, name: str, flags: SnapshotDelete, message: str
) -> None:
    take_outside(host, "a")
    take(host, "i")
    take_outside(host, "b", "c")

    with refusal(67, f"unsupported configuration: {message}"):
        delete(host, name, flags)
    assert number_of(lambda: delete(host, "c", ONLY)) == 0


def test_an_image_on_top_of_an_internal_snapshot_stays(host: SimulatorDriver) -> None:
    for state, message in ((INACTIVE, None), (RUNNING, OTHER_IMAGE)):
        put(host, state)
        take(host, "i")
        take_outside(host, "e")
        with refusal(84, INTERNAL_PARENT):
            delete(host, "e")
        if message is None:
            delete(host, "i")
            delete(host, "e")
            assert images(config(host)) == ["vda.qcow2"]
        else:
            with refusal(84, message):
                delete(host, "i")
            assert number_of(lambda: delete(host, "i", CHILDREN)) == 84


def test_an_internal_snapshot_is_lost_with_the_image_it_was_in(host: SimulatorDriver) -> None:
    take_outside(host, "e")
    take(host, "i")
    delete(host, "e")

    assert tree(host) == ({"i": None}, "i")
    assert number_of(lambda: revert(host, "i")) == 1


def test_disks_are_merged_one_by_one(host: SimulatorDriver) -> None:
    host.define(definition(disk("vda"), disk("vdb")))
    for name, other in (("p", "vdb"), ("q", "vda")):
        inner = f"<disks><disk name='{other}' snapshot='no'/></disks>"
        take(host, name, inner, SnapshotCreate.DISK_ONLY)
    assert images(config(host)) == ["vda.p", "vdb.q"]

    delete(host, "p")

    assert images(config(host)) == ["vda.qcow2", "vdb.q"]


def test_a_definition_that_is_to_come_and_is_elsewhere_stays_there(host: SimulatorDriver) -> None:
    put(host, RUNNING)
    take_outside(host, "e")
    host.define(definition(disk("vda", "/other")))

    delete(host, "e")

    assert (images(live(host)), images(config(host))) == (["vda.qcow2"], ["other"])


BY_HAND = "<disks><disk name='vdb' snapshot='manual'/></disks>"
MEMORY = "<memory snapshot='external' file='/saves/memory'/>"
NO_DISK = MEMORY + "<disks><disk name='vda' snapshot='no'/></disks>"


@pytest.mark.parametrize(
    ("text", "inner", "flags", "then", "number"),
    [
        (definition(), "", SnapshotCreate.DISK_ONLY, lambda host: host.define(definition()), 8),
        (definition(), "", SnapshotCreate.DISK_ONLY, lambda host: host.define(definition(disk("vdb"))), 8),
        (definition(disk("vda"), disk("vdb")), BY_HAND, SnapshotCreate.DISK_ONLY, lambda _: None, 8),
        (definition(), MEMORY, SnapshotCreate.HALT, lambda _: None, 0),
        (definition(), NO_DISK, SnapshotCreate.HALT, lambda _: None, 1),
    ],
    ids=["elsewhere", "gone", "by hand", "memory", "memory alone"],
)
def test_what_else_stands_in_the_way(
    host: SimulatorDriver,
    text: str,
    inner: str,
    flags: SnapshotCreate,
    then: Callable[[SimulatorDriver], object],
    number: int,
) -> None:
    put(host, RUNNING if MEMORY in inner else INACTIVE, text)
    take(host, "e", inner, flags)
    then(host)

    assert number_of(lambda: delete(host, "e")) == number


def test_images_that_a_paused_guest_let_go_of_are_not_written_to(host: SimulatorDriver) -> None:
    put(host, PAUSED)
    take(host, "m", MEMORY)
    take_outside(host, "e")

    delete(host, "e")
    with refusal(1, "internal error: unable to execute QEMU command 'block-commit': Block node is read-only"):
        delete(host, "m")
    host.resume(UUID)
    delete(host, "m")
    host.suspend(UUID)
    host.core_dump(UUID, "/dumps/guest", CoreDump(0), None)
    take_outside(host, "f")
    assert number_of(lambda: delete(host, "f")) == 1


def test_a_disk_that_left_the_running_domain_keeps_its_internal_snapshot(host: SimulatorDriver) -> None:
    take(host, "i")
    put_back = definition(disk("vdb"))
    host.define(put_back)
    host.start(UUID)

    # libvirt 9.0 crashes here, having said this.
    with refusal(8, "invalid argument: disk 'vda' not found in domain"):
        delete(host, "i")
