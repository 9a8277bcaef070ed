"""What every driver promises of taking snapshots and reverting to them; see test_driver_contract.py."""

import pytest

from domain_model import snapshot_xml
from domain_model.errors import NoSnapshot, OperationFailed
from domain_model.flags import SnapshotCreate, SnapshotRevert
from domain_model.snapshot_xml import build
from tests.contract.differences import ACCEPTED, TEST
from tests.contract.drivers import Subject, qemu_driver, simulator_driver, subject, test_driver

__all__ = ["qemu_driver", "simulator_driver", "subject", "test_driver"]  # pytest finds fixtures by name

RUNNING_BOOTED, RUNNING_FROM_SNAPSHOT, RUNNING_UNPAUSED = (1, 1), (1, 4), (1, 5)
PAUSED_BY_USER, PAUSED_FROM_SNAPSHOT = (3, 1), (3, 7)
SHUTOFF, SHUTOFF_FROM_SNAPSHOT = (5, 0), (5, 7)


# Taking snapshots.


def test_a_snapshot_of_an_inactive_domain(subject: Subject) -> None:
    uuid = subject.defined()

    subject.driver.snapshot_create(uuid, build("a", "first\nsecond <&\"'> é"), SnapshotCreate.NONE)

    seen, described = subject.driver.domain(uuid), snapshot_xml.read(subject.driver.snapshot_xml(uuid, "a"))
    assert seen is not None
    assert (seen.snapshots, seen.current_snapshot) == (("a",), "a")
    assert (described.name, described.description) == ("a", "first\nsecond <&\"'> é")
    assert (described.state, described.parent, described.domain_uuid) == ("shutoff", None, uuid)
    assert (described.has_domain, described.has_inactive_domain) == (True, False)
    if subject.kind != TEST:  # which keeps neither memory nor disks
        assert (described.memory, described.location) == ("no", "internal")
        assert [(disk.name, disk.snapshot) for disk in described.disks] == [("vda", "internal")]


def test_a_snapshot_of_a_running_and_of_a_paused_domain(subject: Subject) -> None:
    uuid = subject.started()

    subject.snapshot(uuid, "running")
    running = subject.look(uuid)
    subject.driver.suspend(uuid)
    subject.snapshot(uuid, "paused")

    assert running == (RUNNING_BOOTED if subject.kind == TEST else RUNNING_UNPAUSED)
    assert subject.look(uuid) == PAUSED_BY_USER
    for name, parent in (("running", None), ("paused", "running")):
        described = snapshot_xml.read(subject.driver.snapshot_xml(uuid, name))
        assert (described.state, described.parent, described.has_inactive_domain) == (
            name,
            parent,
            subject.kind != TEST,
        )
        if subject.kind != TEST:
            assert described.memory == "internal"


def test_a_snapshot_name_is_taken_once(subject: Subject) -> None:
    uuid = subject.defined()
    subject.snapshot(uuid, "a")

    with pytest.raises(OperationFailed, match=r"^operation failed: domain moment a already exists$"):
        subject.snapshot(uuid, "a")


def test_snapshot_names_that_could_not_be_file_names_are_refused(subject: Subject) -> None:
    uuid = subject.defined()

    subject.refuses(35, "snapshot name with a slash", lambda: subject.snapshot(uuid, "a/b"))
    subject.refuses(35, "snapshot name with a leading dot", lambda: subject.snapshot(uuid, ".a"))


@pytest.mark.parametrize(
    ("what", "flags"),
    [
        ("REDEFINE with NO_METADATA", SnapshotCreate.REDEFINE | SnapshotCreate.NO_METADATA),
        ("REDEFINE with HALT", SnapshotCreate.REDEFINE | SnapshotCreate.HALT),
        ("REDEFINE with LIVE", SnapshotCreate.REDEFINE | SnapshotCreate.LIVE),
        ("CURRENT without REDEFINE", SnapshotCreate.CURRENT),
        ("QUIESCE without DISK_ONLY", SnapshotCreate.QUIESCE),
        ("an unknown flag", SnapshotCreate(1 << 20)),
    ],
)
def test_flags_that_exclude_each_other_are_refused_with_8(subject: Subject, what: str, flags: SnapshotCreate) -> None:
    uuid = subject.defined()

    subject.refuses(8, what, lambda: subject.driver.snapshot_create(uuid, build("a"), flags))


def test_a_live_snapshot_needs_its_memory_outside(subject: Subject) -> None:
    uuid = subject.defined()

    subject.refuses(
        84,
        "LIVE without external memory",
        lambda: subject.driver.snapshot_create(uuid, build("a"), SnapshotCreate.LIVE),
    )


def test_a_snapshot_without_metadata_is_not_remembered(subject: Subject) -> None:
    uuid = subject.defined()

    subject.refuses(
        ACCEPTED,
        "snapshot without metadata",
        lambda: subject.driver.snapshot_create(uuid, build("a"), SnapshotCreate.NO_METADATA),
    )

    seen = subject.driver.domain(uuid)
    assert seen is not None
    assert (seen.snapshots, seen.current_snapshot) == ((), None)


def test_a_domain_without_disks_has_nothing_to_snapshot(subject: Subject) -> None:
    subject.driver.define(subject.definition(disk=False))
    uuid = subject.made[-1]

    subject.refuses(67, "snapshot of nothing", lambda: subject.snapshot(uuid, "a"))


def test_a_snapshot_with_halt_leaves_the_domain_shut_off(subject: Subject) -> None:
    uuid = subject.started()

    subject.driver.snapshot_create(uuid, build("a"), SnapshotCreate.HALT)

    assert subject.look(uuid) == SHUTOFF_FROM_SNAPSHOT
    assert snapshot_xml.read(subject.driver.snapshot_xml(uuid, "a")).state == "running"


# Reverting.


def test_reverting_ends_in_the_state_of_the_snapshot_or_the_one_asked_for(subject: Subject) -> None:
    driver, uuid = subject.driver, subject.defined()
    subject.snapshot(uuid, "off")
    driver.start(uuid)
    subject.snapshot(uuid, "on")
    driver.suspend(uuid)
    subject.snapshot(uuid, "paused")

    for name, flags, expected in [
        ("on", SnapshotRevert.NONE, RUNNING_FROM_SNAPSHOT),
        ("on", SnapshotRevert.PAUSED, PAUSED_FROM_SNAPSHOT),
        ("off", SnapshotRevert.NONE, SHUTOFF_FROM_SNAPSHOT),
        ("paused", SnapshotRevert.NONE, PAUSED_FROM_SNAPSHOT),
        ("paused", SnapshotRevert.RUNNING, RUNNING_FROM_SNAPSHOT),
        ("off", SnapshotRevert.FORCE, SHUTOFF_FROM_SNAPSHOT),
        ("off", SnapshotRevert.NONE, SHUTOFF_FROM_SNAPSHOT),
    ]:
        driver.snapshot_revert(uuid, name, flags)
        seen = driver.domain(uuid)
        assert seen is not None
        assert (name, flags, (int(seen.state), seen.reason)) == (name, flags, expected)
        assert (seen.current_snapshot, seen.active) == (name, expected[0] != 5)


def test_reverting_to_an_offline_snapshot_can_end_in_a_boot(subject: Subject) -> None:
    driver, uuid = subject.driver, subject.defined()
    subject.snapshot(uuid, "off")

    driver.snapshot_revert(uuid, "off", SnapshotRevert.PAUSED)
    paused = subject.look(uuid)
    driver.snapshot_revert(uuid, "off", SnapshotRevert.RUNNING)
    running = subject.look(uuid)

    if subject.kind == TEST:  # Semantics 1.4: it says STARTED and stays shut off, a bug not to be copied.
        assert (paused, running) == (SHUTOFF, SHUTOFF)
    else:
        assert (paused, running) == (PAUSED_BY_USER, RUNNING_BOOTED)


def test_the_next_snapshot_is_a_child_of_the_one_reverted_to(subject: Subject) -> None:
    uuid = subject.defined()
    subject.snapshot(uuid, "a", "b")
    subject.driver.snapshot_revert(uuid, "a", SnapshotRevert.NONE)
    subject.snapshot(uuid, "c")

    assert subject.tree(uuid) == ({"a": None, "b": "a", "c": "a"}, "c")


def test_reverting_brings_back_the_definition(subject: Subject) -> None:
    uuid = subject.defined(name="changing")
    subject.snapshot(uuid, "small")
    before = subject.driver.domain_xml(uuid, inactive=True)
    subject.driver.define(subject.definition(name="changing", uuid=uuid, memory_mib=32))

    subject.driver.snapshot_revert(uuid, "small", SnapshotRevert.NONE)

    assert subject.driver.domain_xml(uuid, inactive=True) == before


def test_what_cannot_be_reverted_is_refused(subject: Subject) -> None:
    driver, uuid = subject.driver, subject.started()
    subject.snapshot(uuid, "on")

    with pytest.raises(NoSnapshot) as unknown:
        driver.snapshot_revert(uuid, "nowhere", SnapshotRevert.NONE)
    assert unknown.value.message == "Domain snapshot not found: no domain snapshot with matching name 'nowhere'"
    both = SnapshotRevert.RUNNING | SnapshotRevert.PAUSED
    subject.refuses(8, "RUNNING with PAUSED", lambda: driver.snapshot_revert(uuid, "on", both))
    subject.refuses(8, "an unknown flag", lambda: driver.snapshot_revert(uuid, "on", SnapshotRevert(1 << 20)))
    assert subject.look(uuid)[0] == 1


def test_a_transient_domain_cannot_be_reverted_into_nothing(subject: Subject) -> None:
    driver, uuid = subject.driver, subject.defined()
    subject.snapshot(uuid, "off")
    driver.start(uuid)
    driver.undefine(uuid)

    subject.refuses(
        55, "revert a transient domain offline", lambda: driver.snapshot_revert(uuid, "off", SnapshotRevert.NONE)
    )
    assert subject.look(uuid) == RUNNING_BOOTED
