"""What every driver promises of signals to a guest and questions to its agent,
checked as in ``test_driver_contract``.
"""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from domain_model.errors import NoDomain
from domain_model.flags import Affect, Memory, Reboot, Shutdown, SnapshotCreate, Vcpu
from domain_model.snapshot_xml import build
from tests.contract.differences import QEMU, SIMULATOR, TEST
from tests.contract.drivers import Subject, qemu_driver, simulator_driver, subject, test_driver
from tests.lab.awaiting import eventually
from tests.lab.guest import build_boot_image

__all__ = ["qemu_driver", "simulator_driver", "subject", "test_driver"]

BOOTED, WOKEN, PAUSED, ASLEEP = (1, 1), (1, 8), (3, 1), (7, 0)
AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
ACPI = "<features><acpi/></features>"
ENTER = [28]

where_guests_sleep = pytest.mark.parametrize("subject", [SIMULATOR, QEMU], indirect=True)


# Signals.


def test_a_guest_can_be_reset_interrupted_and_typed_to_while_it_runs_or_waits(subject: Subject) -> None:
    control, uuid = subject.control, subject.started()

    for state in (BOOTED, PAUSED):
        control.reset(uuid)
        control.inject_nmi(uuid)
        control.send_key(uuid, "linux", 50, ENTER)
        control.send_key(uuid, "rfb", 0, [0x1C] * 16)
        assert subject.look(uuid) == state
        if state is BOOTED:
            subject.driver.suspend(uuid)


def test_a_signal_that_cannot_be_given_is_refused(subject: Subject) -> None:
    control, on, off = subject.control, subject.started(), subject.defined()

    subject.refuses(55, "reset while inactive", control.reset, off)
    subject.refuses(55, "interrupt while inactive", control.inject_nmi, off)
    subject.refuses(55, "keys while inactive", control.send_key, off, "linux", 0, ENTER)
    subject.refuses(8, "no keys", control.send_key, off, "linux", 0, [])
    subject.refuses(8, "too many keys", control.send_key, on, "linux", 0, ENTER * 17)
    subject.refuses(8, "keys of no known set", control.send_key, on, "abacus", 0, ENTER)
    subject.refuses(1, "a key that the set has not", control.send_key, on, "linux", 0, [70000])


def test_a_job_is_aborted_only_where_there_is_one(subject: Subject) -> None:
    on, off = subject.started(), subject.defined()

    subject.refuses(55, "abort a job", subject.control.abort_job, on)
    subject.refuses(55, "abort a job while inactive", subject.control.abort_job, off)
    assert not subject.control.job_is_active(on)
    assert not subject.control.job_is_active(off)
    with pytest.raises(NoDomain):
        subject.control.job_is_active(str(uuid4()))


# Ways to shut down and reboot.


@pytest.mark.parametrize("flags", [Shutdown.NONE, Shutdown.ACPI_POWER_BTN, Shutdown(3)], ids=str)
def test_a_guest_is_told_to_shut_down(subject: Subject, flags: Shutdown) -> None:
    uuid = subject.started()

    if subject.does(f"shutdown with {flags:d}", subject.driver.shutdown, uuid, flags):
        assert subject.look(uuid) == ((5, 1) if subject.guest_obeys else BOOTED)


def test_a_way_to_shut_down_that_is_not_there_is_refused(subject: Subject) -> None:
    on, off = subject.started(), subject.defined()

    for flags in (Shutdown.INITCTL, Shutdown.SIGNAL, Shutdown.PARAVIRT):
        for uuid in (on, off):
            subject.refuses(8, "shutdown in a way that is not there", subject.driver.shutdown, uuid, flags)
    subject.refuses(74, "shutdown by an agent", subject.driver.shutdown, on, Shutdown.GUEST_AGENT)
    subject.refuses(55, "shutdown by an agent while inactive", subject.driver.shutdown, off, Shutdown.GUEST_AGENT)
    subject.refuses(55, "shutdown by button while inactive", subject.driver.shutdown, off, Shutdown.ACPI_POWER_BTN)
    subject.refuses(55, "shutdown by agent or button while inactive", subject.driver.shutdown, off, Shutdown(3))
    assert subject.look(on) == BOOTED


def test_a_way_to_reboot_that_is_not_there_is_refused(subject: Subject) -> None:
    on, off = subject.started(), subject.defined()

    for flags in (Reboot.INITCTL, Reboot.SIGNAL, Reboot.PARAVIRT):
        subject.refuses(8, "reboot in a way that is not there", subject.driver.reboot, on, flags)
    subject.refuses(74, "reboot by an agent", subject.driver.reboot, on, Reboot.GUEST_AGENT)
    subject.refuses(55, "reboot by an agent while inactive", subject.driver.reboot, off, Reboot.GUEST_AGENT)
    for flags in (Reboot.NONE, Reboot.ACPI_POWER_BTN):
        subject.driver.reboot(on, flags)
        assert subject.look(on) == BOOTED
    subject.driver.suspend(on)
    subject.driver.reboot(on)
    subject.is_in(on, PAUSED, "reboot while paused")


# Agents.


def test_without_an_agent_what_needs_one_is_refused(subject: Subject) -> None:
    on, paused, off = subject.started(), subject.started(), subject.defined()
    subject.driver.suspend(paused)

    for what, ask in questions(subject).items():
        subject.refuses(74, f"{what} without an agent", ask, on)
        subject.refuses(55, f"{what} while paused", ask, paused)
        subject.refuses(84 if what.startswith("set") else 55, f"{what} while inactive", ask, off)


def test_an_agent_that_is_configured_answers_or_does_not(subject: Subject) -> None:
    uuid = subject.started(devices=AGENT)

    if subject.kind == QEMU:  # nobody is inside
        for what, ask in questions(subject).items():
            subject.refuses(86, what, ask, uuid)
        subject.refuses(86, "shutdown by an agent", subject.driver.shutdown, uuid, Shutdown.GUEST_AGENT)
        subject.refuses(86, "reboot by an agent", subject.driver.reboot, uuid, Reboot.GUEST_AGENT)
        subject.driver.shutdown(uuid, Shutdown(3))  # by button, then
        return
    agent = subject.agent
    frozen = agent.fs_freeze(uuid, [])
    assert frozen > 0 or subject.kind == TEST  # which hears of no mount points as of none, through a daemon
    assert agent.fs_thaw(uuid, []) == frozen
    agent.set_guest_time(uuid, 1_000_000_000, 5, sync=False)
    seconds, nseconds = agent.guest_time(uuid)
    assert 1_000_000_000 <= seconds < 1_000_000_060
    assert 0 <= nseconds < 10**9
    agent.set_guest_time(uuid, 0, 0, sync=True)


# Sleep.


def test_a_guest_cannot_be_told_how_long_to_sleep(subject: Subject) -> None:
    on, off = subject.started(), subject.defined()

    for uuid in (on, off):
        subject.refuses(74, "sleep for some time", subject.control.pm_suspend, uuid, "mem", 5)
    subject.refuses(8, "sleep in no known way", subject.control.pm_suspend, on, "deep", 0)


def test_sleep_without_an_agent_is_refused_and_so_is_waking_one_that_is_off(subject: Subject) -> None:
    control, on, paused, off = subject.control, subject.started(), subject.started(), subject.defined()
    subject.driver.suspend(paused)

    for target in ("mem", "disk", "hybrid"):
        subject.refuses(74, "sleep without an agent", control.pm_suspend, on, target, 0)
        subject.refuses(55, "sleep while paused", control.pm_suspend, paused, target, 0)
        subject.refuses(55, "sleep while inactive", control.pm_suspend, off, target, 0)
    subject.refuses(55, "wake while inactive", control.pm_wakeup, off)


@where_guests_sleep
def test_a_guest_that_sleeps_can_be_woken(subject: Subject) -> None:
    uuid = asleep(subject)

    subject.driver.reboot(uuid)
    subject.tuning.set_memory(uuid, 8192, Memory.LIVE)
    subject.tuning.set_description(uuid, "asleep", Affect.LIVE)
    assert subject.look(uuid) == ASLEEP

    subject.control.pm_wakeup(uuid)
    assert subject.look(uuid) == WOKEN
    subject.driver.suspend(uuid)
    assert subject.look(uuid) == PAUSED


@where_guests_sleep
def test_what_a_sleeping_guest_cannot_do_is_refused(subject: Subject) -> None:
    driver, uuid = subject.driver, asleep(subject)

    for number, what, act in (
        (55, "start while asleep", driver.start),
        (55, "suspend while asleep", driver.suspend),
        (55, "resume while asleep", driver.resume),
        (55, "shutdown while asleep", driver.shutdown),
    ):
        subject.refuses(number, what, act, uuid)
    subject.refuses(84, "snapshot while asleep", driver.snapshot_create, uuid, build("a"), SnapshotCreate.NONE)
    subject.refuses(55, "sleep while asleep", subject.control.pm_suspend, uuid, "mem", 0)
    subject.refuses(55, "freeze while asleep", subject.agent.fs_freeze, uuid, [])
    subject.refuses(55, "the guest's processors while asleep", subject.tuning.set_vcpus, uuid, 1, Vcpu.GUEST)
    assert subject.look(uuid) == ASLEEP
    driver.destroy(uuid)
    assert subject.look(uuid) == (5, 2)


# What the tests above are made of.


def questions(subject: Subject) -> dict[str, Callable[[str], object]]:
    """What only an agent can do, by what it is."""
    agent = subject.agent
    return {
        "freeze": lambda uuid: agent.fs_freeze(uuid, []),
        "freeze some": lambda uuid: agent.fs_freeze(uuid, ["/"]),
        "thaw": lambda uuid: agent.fs_thaw(uuid, []),
        "read the clock": agent.guest_time,
        "set the clock": lambda uuid: agent.set_guest_time(uuid, 1_000_000_000, 0, sync=False),
        "set the clock by the other": lambda uuid: agent.set_guest_time(uuid, 0, 0, sync=True),
    }


def asleep(subject: Subject) -> str:
    """A domain whose guest sleeps. Where nobody can ask a guest to, it is one that does so by itself."""
    if subject.kind == SIMULATOR:
        uuid = subject.started(devices=AGENT)
        subject.control.pm_suspend(uuid, "mem", 0)
        assert subject.look(uuid) == ASLEEP
        return uuid
    definition = subject.definition(features=ACPI)
    uuid = subject.made[-1]
    build_boot_image(Path(__file__).with_name("sleeper.S"), subject.folder / f"{uuid}.qcow2")
    subject.driver.define(definition)
    subject.driver.start(uuid)
    eventually(lambda: subject.look(uuid) == ASLEEP, what="the guest goes to sleep")
    return uuid
