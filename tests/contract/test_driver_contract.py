"""What every driver promises of domains, checked against the simulator, libvirt's test driver and libvirt with QEMU.

The numbers, states and reasons are those of libvirt's QEMU driver; where libvirt's test driver has others,
``KNOWN_DIFFERENCES`` names the row of the semantics table.
"""

from collections.abc import Callable
from dataclasses import asdict
from threading import Event
from uuid import UUID, uuid4

import pytest

from domain_model import domain_xml, snapshot_xml
from domain_model.errors import NoDomain, OperationFailed, OperationInvalid
from domain_model.flags import (
    Affect,
    CoreDump,
    DeviceModify,
    Memory,
    SaveRestore,
    SnapshotCreate,
    SnapshotDelete,
    SnapshotRevert,
    Start,
    Undefine,
    Vcpu,
)
from domain_model.snapshot_xml import build
from drivers.port import Driver, Watchable
from tests.contract.differences import ACCEPTED, QEMU, SIMULATOR, TEST
from tests.contract.drivers import Subject, qemu_driver, simulator_driver, subject, test_driver

__all__ = ["qemu_driver", "simulator_driver", "subject", "test_driver"]  # pytest finds fixtures by name

RUNNING_BOOTED, RUNNING_UNPAUSED, PAUSED_BY_USER = (1, 1), (1, 5), (3, 1)
SHUTOFF, SHUTOFF_BY_ITSELF, SHUTOFF_DESTROYED = (5, 0), (5, 1), (5, 2)


# Who is there.


def test_a_host_names_itself_and_always_by_the_same_uuid(subject: Subject) -> None:
    identity = subject.driver.identity()

    assert identity == subject.driver.identity()
    assert identity.hostname
    assert str(UUID(identity.host_uuid)) == identity.host_uuid


def test_capabilities_say_what_the_rest_of_this_suite_finds(subject: Subject) -> None:
    can = subject.driver.capabilities

    assert can.driver == {SIMULATOR: "Simulator", TEST: "TEST", QEMU: "QEMU"}[subject.kind]
    assert can.redefine
    assert can.unique_uuids == can.no_metadata == can.delete_metadata_only == (subject.kind != TEST)


# Definitions.


def test_a_defined_domain_is_inactive_and_persistent(subject: Subject) -> None:
    uuid = subject.defined(name="fresh")

    seen = subject.driver.domain(uuid)

    assert seen is not None
    assert (seen.uuid, seen.name, seen.hypervisor_id, seen.active) == (uuid, "fresh", None, False)
    assert (int(seen.state), seen.reason) == SHUTOFF
    assert (seen.persistent, seen.autostart, seen.managed_save) == (True, False, False)
    assert (seen.snapshots, seen.current_snapshot) == ((), None)


def test_all_domains_are_seen_at_once_as_each_is_by_itself(subject: Subject) -> None:
    inactive, running, paused = subject.defined(), subject.started(), subject.started()
    subject.driver.suspend(paused)
    subject.snapshot(inactive, "a", "b")
    subject.driver.create(subject.definition())
    transient = subject.made[-1]

    together = {seen.uuid: seen for seen in subject.driver.domains()}

    for uuid in (inactive, running, paused, transient):
        alone = subject.driver.domain(uuid)
        assert alone is not None
        assert sorted(together[uuid].snapshots) == sorted(alone.snapshots)
        assert {**asdict(together[uuid]), "snapshots": None} == {**asdict(alone), "snapshots": None}


def test_an_unknown_domain_is_none_when_looked_for_and_42_when_asked_something(subject: Subject) -> None:
    unknown = str(uuid4())

    assert subject.driver.domain(unknown) is None
    for verb in [*_verbs(subject.driver, unknown), *_abilities(subject, unknown)]:
        with pytest.raises(NoDomain) as refusal:
            verb()
        assert refusal.value.number == 42
        words = "" if subject.kind == TEST else f": no domain with matching uuid '{unknown}'"
        assert refusal.value.message == f"Domain not found{words}"


def test_a_name_and_a_uuid_belong_together(subject: Subject) -> None:
    uuid = subject.defined(name="taken")

    with pytest.raises(OperationFailed, match=r"^operation failed: domain 'taken' already exists with uuid "):
        subject.driver.define(subject.definition(name="taken"))
    with pytest.raises(OperationFailed, match=r"^operation failed: domain 'taken' is already defined with uuid "):
        subject.driver.define(subject.definition(name="other", uuid=uuid))
    with pytest.raises(OperationFailed):
        subject.driver.create(subject.definition(name="other", uuid=uuid))


def test_definitions_that_are_none_are_refused_and_leave_nothing(subject: Subject) -> None:
    good = subject.definition(name="good")
    before = {seen.uuid for seen in subject.driver.domains()}

    for number, what, text in (
        (27, "definition that is not well-formed", good.replace("</os>", "")),
        (27, "definition with another root", "<network><name>n</name></network>"),
        (27, "definition with a slash in its name", good.replace(">good<", ">go/od<")),
        (21, "definition without a name", good.replace("<name>good</name>", "")),
    ):
        subject.refuses(number, what, subject.driver.define, text)
    assert {seen.uuid for seen in subject.driver.domains()} == before


def test_a_dump_defined_again_reads_back_byte_identical(subject: Subject) -> None:
    uuid = subject.defined()
    dump = subject.driver.domain_xml(uuid, inactive=True)

    subject.driver.undefine(uuid)
    subject.driver.define(dump)

    assert subject.driver.domain_xml(uuid, inactive=True) == dump


def test_defining_a_running_domain_changes_what_it_will_be_and_not_what_it_is(subject: Subject) -> None:
    uuid = subject.defined(name="growing")
    subject.driver.start(uuid)
    subject.driver.define(subject.definition(name="growing", uuid=uuid, memory_mib=32))

    assert _memory(subject.driver.domain_xml(uuid, inactive=True)) == 32 * 1024
    assert _memory(subject.driver.domain_xml(uuid, inactive=False)) == 16 * 1024

    subject.driver.destroy(uuid)
    assert _memory(subject.driver.domain_xml(uuid, inactive=False)) == 32 * 1024


def test_the_dump_of_a_running_domain_names_its_id_and_the_inactive_one_does_not(subject: Subject) -> None:
    uuid = subject.started()
    seen = subject.driver.domain(uuid)

    assert seen is not None
    assert f"<domain type='{subject.domain_type}' id='{seen.hypervisor_id}'" in subject.driver.domain_xml(
        uuid, inactive=False
    )
    assert f"<domain type='{subject.domain_type}'>" in subject.driver.domain_xml(uuid, inactive=True)


def test_dumps_hold_their_secrets_in_the_clear(subject: Subject) -> None:
    screen = "<graphics type='vnc' autoport='yes' passwd='planted1'/>"
    subject.driver.define(subject.definition().replace("</devices>", f"{screen}</devices>"))
    uuid = subject.made[-1]
    subject.snapshot(uuid, "a")
    subject.driver.start(uuid)

    assert "passwd='planted1'" in subject.driver.domain_xml(uuid, inactive=True)
    assert "passwd='planted1'" in subject.driver.domain_xml(uuid, inactive=False)
    assert "passwd='planted1'" in subject.driver.snapshot_xml(uuid, "a")


# Lifecycle.


def test_a_domain_goes_through_its_life_with_libvirts_states_and_reasons(subject: Subject) -> None:
    driver, uuid = subject.driver, subject.defined()

    driver.start(uuid)
    assert subject.look(uuid) == RUNNING_BOOTED
    driver.reboot(uuid)
    assert subject.look(uuid) == RUNNING_BOOTED
    driver.suspend(uuid)
    assert subject.look(uuid) == PAUSED_BY_USER
    driver.resume(uuid)
    assert subject.look(uuid) == RUNNING_UNPAUSED
    driver.shutdown(uuid)
    assert subject.look(uuid) == (SHUTOFF_BY_ITSELF if subject.guest_obeys else RUNNING_UNPAUSED)
    if subject.guest_obeys:
        driver.start(uuid)
    driver.destroy(uuid)
    assert subject.look(uuid) == SHUTOFF_DESTROYED


def test_a_domain_can_be_started_without_its_guest_running(subject: Subject) -> None:
    uuid = subject.defined()

    subject.refuses(ACCEPTED, "start paused", lambda: subject.driver.start(uuid, Start.PAUSED))

    assert subject.look(uuid) == (SHUTOFF if subject.kind == TEST else PAUSED_BY_USER)


def test_what_an_inactive_domain_cannot_do_is_refused_with_55(subject: Subject) -> None:
    driver, uuid = subject.driver, subject.defined()

    subject.refuses(55, "suspend while inactive", lambda: driver.suspend(uuid))
    subject.refuses(55, "resume while inactive", lambda: driver.resume(uuid))
    subject.refuses(55, "shutdown while inactive", lambda: driver.shutdown(uuid))
    subject.refuses(55, "reboot while inactive", lambda: driver.reboot(uuid))
    subject.refuses(55, "destroy while inactive", lambda: driver.destroy(uuid))
    assert subject.look(uuid) == SHUTOFF


def test_what_an_active_domain_cannot_do_is_refused_with_55(subject: Subject) -> None:
    driver, uuid = subject.driver, subject.defined(name="busy")
    driver.start(uuid)

    subject.refuses(55, "start while active", lambda: driver.start(uuid))
    subject.refuses(55, "resume while running", lambda: driver.resume(uuid))
    subject.refuses(55, "create while active", lambda: driver.create(subject.definition(name="busy", uuid=uuid)))
    driver.suspend(uuid)
    subject.refuses(55, "shutdown while paused", lambda: driver.shutdown(uuid))


def test_suspending_a_paused_domain_is_a_success(subject: Subject) -> None:
    uuid = subject.started()
    subject.driver.suspend(uuid)

    subject.refuses(ACCEPTED, "suspend while paused", lambda: subject.driver.suspend(uuid))
    assert subject.look(uuid) == PAUSED_BY_USER


def test_each_start_gives_a_domain_another_id(subject: Subject) -> None:
    uuid = subject.started()
    first = subject.driver.domain(uuid)
    subject.driver.destroy(uuid)
    subject.driver.start(uuid)
    second = subject.driver.domain(uuid)

    assert first is not None
    assert second is not None
    assert first.hypervisor_id != second.hypervisor_id
    assert None not in (first.hypervisor_id, second.hypervisor_id)


def test_a_transient_domain_and_its_snapshots_are_gone_when_it_stops(subject: Subject) -> None:
    driver, definition = subject.driver, subject.definition(name="passing")
    uuid = subject.made[-1]
    driver.create(definition)
    seen = driver.domain(uuid)
    assert seen is not None
    assert (seen.persistent, (int(seen.state), seen.reason)) == (False, RUNNING_BOOTED)
    subject.snapshot(uuid, "a")
    described = snapshot_xml.read(driver.snapshot_xml(uuid, "a"))
    assert (described.has_domain, described.has_inactive_domain) == (True, False)
    subject.refuses(
        55, "halt a transient domain", lambda: driver.snapshot_create(uuid, build("b"), SnapshotCreate.HALT)
    )

    driver.destroy(uuid)

    assert driver.domain(uuid) is None
    driver.define(definition)
    again = driver.domain(uuid)
    assert again is not None
    assert again.snapshots == ()


def test_a_transient_domain_cannot_be_undefined(subject: Subject) -> None:
    driver, definition = subject.driver, subject.definition()
    uuid = subject.made[-1]
    driver.create(definition)

    subject.refuses(55, "undefine a transient domain", lambda: driver.undefine(uuid))


def test_creating_a_defined_domain_starts_it_as_told_and_it_stays_persistent(subject: Subject) -> None:
    uuid = subject.defined(name="both")

    subject.driver.create(subject.definition(name="both", uuid=uuid, memory_mib=32))

    seen = subject.driver.domain(uuid)
    assert seen is not None
    assert (seen.active, seen.persistent) == (True, True)
    assert _memory(subject.driver.domain_xml(uuid, inactive=False)) == 32 * 1024
    assert _memory(subject.driver.domain_xml(uuid, inactive=True)) == 16 * 1024


def test_undefining_an_inactive_domain_removes_it(subject: Subject) -> None:
    uuid = subject.defined()

    subject.driver.undefine(uuid)

    assert subject.driver.domain(uuid) is None


def test_undefining_an_inactive_domain_with_snapshots_must_be_said_twice(subject: Subject) -> None:
    uuid = subject.defined()
    subject.snapshot(uuid, "a", "b")

    with pytest.raises(
        OperationInvalid, match=r"^Requested operation is not valid: cannot delete inactive domain with 2 snapshots$"
    ):
        subject.driver.undefine(uuid)
    subject.driver.undefine(uuid, Undefine.SNAPSHOTS_METADATA)

    assert subject.driver.domain(uuid) is None


def test_undefining_an_active_domain_makes_it_transient_and_its_snapshots_last_until_it_stops(subject: Subject) -> None:
    uuid = subject.started()
    subject.snapshot(uuid, "a")

    subject.driver.undefine(uuid)

    seen = subject.driver.domain(uuid)
    assert seen is not None
    assert (seen.active, seen.persistent, seen.snapshots) == (True, False, ("a",))
    subject.driver.destroy(uuid)
    assert subject.driver.domain(uuid) is None


# Hints.


def test_a_driver_that_can_tells_of_changes_by_itself(subject: Subject) -> None:
    driver = subject.driver
    if not isinstance(driver, Watchable):
        assert subject.kind == SIMULATOR
        return
    uuid, heard = subject.defined(), Event()
    driver.watch(lambda changed: heard.set() if changed == uuid else None)

    driver.start(uuid)

    assert heard.wait(60)


# What the tests above are made of.


def _verbs(driver: Driver, uuid: str) -> list[Callable[[], object]]:
    return [
        lambda: driver.domain_xml(uuid, inactive=False),
        lambda: driver.snapshot_xml(uuid, "a"),
        lambda: driver.undefine(uuid),
        lambda: driver.start(uuid),
        lambda: driver.shutdown(uuid),
        lambda: driver.reboot(uuid),
        lambda: driver.destroy(uuid),
        lambda: driver.suspend(uuid),
        lambda: driver.resume(uuid),
        lambda: driver.snapshot_create(uuid, build("a"), SnapshotCreate.NONE),
        lambda: driver.snapshot_revert(uuid, "a", SnapshotRevert.NONE),
        lambda: driver.snapshot_delete(uuid, "a", SnapshotDelete.NONE),
    ]


def _abilities(subject: Subject, uuid: str) -> list[Callable[[], object]]:
    saving, tuning, devices, control, agent = (
        subject.saving,
        subject.tuning,
        subject.devices,
        subject.control,
        subject.agent,
    )
    return [
        lambda: saving.save(uuid, "/tmp/saved", None, SaveRestore(0)),  # noqa: S108  it is never written
        lambda: saving.managed_save(uuid, SaveRestore(0)),
        lambda: saving.managed_save_remove(uuid),
        lambda: saving.core_dump(uuid, "/tmp/core", CoreDump(0), None),  # noqa: S108  likewise
        lambda: tuning.set_autostart(uuid, autostart=True),
        lambda: tuning.rename(uuid, "other"),
        lambda: tuning.set_memory(uuid, 1024, Memory(0)),
        lambda: tuning.set_vcpus(uuid, 1, Vcpu(0)),
        lambda: tuning.set_description(uuid, "words", Affect(0)),
        lambda: tuning.set_title(uuid, "words", Affect(0)),
        lambda: tuning.set_metadata(uuid, "urn:x", "x", "<x/>", Affect(0)),
        lambda: devices.attach_device(uuid, "<disk/>", DeviceModify(0)),
        lambda: devices.detach_device(uuid, "<disk/>", DeviceModify(0)),
        lambda: devices.update_device(uuid, "<disk/>", DeviceModify(0)),
        lambda: devices.block_resize(uuid, "vda", 1024),
        lambda: control.reset(uuid),
        lambda: control.inject_nmi(uuid),
        lambda: control.send_key(uuid, "linux", 0, [1]),
        lambda: control.pm_suspend(uuid, "mem", 0),
        lambda: control.pm_wakeup(uuid),
        lambda: control.abort_job(uuid),
        lambda: agent.fs_freeze(uuid, []),
        lambda: agent.fs_thaw(uuid, []),
        lambda: agent.guest_time(uuid),
        lambda: agent.set_guest_time(uuid, 1, 0, sync=False),
    ]


def _memory(text: str) -> int | None:
    return domain_xml.read(text).memory_kib
