"""Signals to simulated guests and their agents, with the numbers of libvirt 9.0's QEMU driver when run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain_model.flags import SnapshotCreate
from drivers.simulator import SimulatorDriver
from tests.unit.simulated import (
    ACPI,
    AGENT,
    INACTIVE,
    NOW,
    PAUSED,
    RUNNING,
    UUID,
    definition,
    disk,
    host_in,
    live,
    look,
    number_of,
    put,
    refusal,
    take,
)

Act = Callable[[SimulatorDriver], object]
WITH_AGENT = definition(disk("vda"), disk("vdb"), AGENT, more=ACPI)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    driver = host_in(tmp_path)
    put(driver, INACTIVE, WITH_AGENT)
    yield driver
    driver.close()


def keys(codeset: str = "linux", *codes: int) -> Act:
    return lambda host: host.send_key(UUID, codeset, 10, codes)


def sleep(target: str, duration_s: int = 0) -> Act:
    return lambda host: host.pm_suspend(UUID, target, duration_s)


SIGNALS: list[Act] = [
    lambda host: host.reset(UUID),
    lambda host: host.inject_nmi(UUID),
    keys("linux", 30),
    lambda host: host.pm_wakeup(UUID),
    lambda host: host.abort_job(UUID),
]
QUESTIONS: list[Act] = [
    lambda host: host.fs_freeze(UUID, []),
    lambda host: host.fs_thaw(UUID, []),
    lambda host: host.guest_time(UUID),
    lambda host: host.set_guest_time(UUID, 1, 2, sync=False),
    sleep("mem"),
    sleep("disk"),
    sleep("hybrid"),
]


@pytest.mark.parametrize(
    ("state", "numbers"), [(INACTIVE, [55] * 5), (RUNNING, [0, 0, 0, 1, 55]), (PAUSED, [0, 0, 0, 1, 55])]
)
def test_a_signal_needs_a_process(host: SimulatorDriver, state: str, numbers: list[int]) -> None:
    put(host, state, WITH_AGENT)

    assert [number_of(lambda act=act: act(host)) for act in SIGNALS] == numbers  # type: ignore[misc]
    assert look(host)[0] == {INACTIVE: 5, RUNNING: 1, PAUSED: 3}[state]


@pytest.mark.parametrize(
    ("state", "channel", "numbers"),
    [
        (INACTIVE, AGENT, [55, 55, 55, 84, 55, 55, 55]),
        (PAUSED, AGENT, [55] * 7),
        (RUNNING, "", [74] * 7),
        (RUNNING, AGENT.replace("org.qemu", "org.other"), [74] * 7),
        (RUNNING, AGENT.replace("/></ch", " state='disconnected'/></ch"), [86] * 7),
    ],
)
def test_a_question_needs_a_guest_that_runs_and_an_agent_in_it(
    host: SimulatorDriver, state: str, channel: str, numbers: list[int]
) -> None:
    put(host, state, definition(disk("vda"), channel))

    assert [number_of(lambda act=act: act(host)) for act in QUESTIONS] == numbers  # type: ignore[misc]


@pytest.mark.parametrize(
    ("act", "number"),
    [
        (keys("linux"), 8),
        (keys("linux", *[30] * 17), 8),
        (keys("linux", *[30] * 16), 0),
        (keys("linux", 70000), 1),
        (keys("morse", 30), 8),
        (keys("atset1", 30), 0),
        (sleep("mem", 5), 74),
        (sleep("snooze"), 8),
    ],
)
def test_what_makes_no_sense_is_refused(host: SimulatorDriver, act: Act, number: int) -> None:
    host.start(UUID)

    assert number_of(lambda: act(host)) == number


def test_too_many_keys_are_refused_in_libvirts_words(host: SimulatorDriver) -> None:
    host.start(UUID)

    with refusal(8, "nkeycodes must be <= 16"):
        keys("linux", *[30] * 17)(host)


# Sleep.


@pytest.mark.parametrize(("target", "becomes"), [("mem", (7, 0)), ("hybrid", (7, 0)), ("disk", (5, 1))])
def test_a_guest_goes_to_sleep(host: SimulatorDriver, target: str, becomes: tuple[int, int]) -> None:
    host.start(UUID)

    sleep(target)(host)

    assert look(host) == becomes


def test_a_guest_asleep_wakes_up_and_does_little_else(host: SimulatorDriver) -> None:
    host.start(UUID)
    sleep("mem")(host)

    for act, number in [
        (lambda: host.suspend(UUID), 55),
        (lambda: host.resume(UUID), 55),
        (lambda: host.shutdown(UUID), 55),
        (lambda: host.start(UUID), 55),
        (lambda: host.fs_freeze(UUID, []), 55),
        (lambda: take(host), 84),
        (lambda: take(host, flags=SnapshotCreate.DISK_ONLY), 84),
    ]:
        assert number_of(act) == number
    host.pm_wakeup(UUID)
    assert look(host) == (1, 8)
    sleep("mem")(host)
    host.managed_save(UUID)
    host.start(UUID)
    assert look(host) == (3, 2)


@pytest.mark.parametrize(
    ("off", "target", "number"),
    [("mem", "mem", 55), ("mem", "hybrid", 55), ("mem", "disk", 0), ("disk", "disk", 55), ("disk", "mem", 0)],
)
def test_a_way_to_sleep_can_be_switched_off(host: SimulatorDriver, off: str, target: str, number: int) -> None:
    put(host, RUNNING, definition(disk("vda"), AGENT, more=f"<pm><suspend-to-{off} enabled='no'/></pm>"))

    assert number_of(lambda: sleep(target)(host)) == number


def test_only_a_machine_with_acpi_can_be_woken(host: SimulatorDriver) -> None:
    for more, why in (
        (ACPI, "Unable to wake up: guest is not in suspended state"),
        ("", "wake-up from suspend is not supported by this guest"),
    ):
        put(host, RUNNING, definition(more=more))
        with refusal(1, f"internal error: unable to execute QEMU command 'system_wakeup': {why}"):
            host.pm_wakeup(UUID)


# The agent.


def test_frozen_file_systems_are_counted_and_the_agent_then_only_thaws(host: SimulatorDriver) -> None:
    host.start(UUID)

    assert host.fs_freeze(UUID, []) == 2
    assert [number_of(lambda act=act: act(host)) for act in QUESTIONS] == [1, 0, 0, 0, 0, 55, 55]  # type: ignore[misc]


def test_only_what_is_named_is_frozen_and_a_thaw_says_how_much_there_was(host: SimulatorDriver) -> None:
    host.start(UUID)

    assert host.fs_freeze(UUID, ["/srv"]) == 1
    assert number_of(lambda: host.guest_time(UUID)) == 1
    assert (host.fs_thaw(UUID, []), host.fs_thaw(UUID, [])) == (1, 0)
    host.fs_freeze(UUID, [])
    host.reset(UUID)
    assert host.fs_thaw(UUID, []) == 0


def test_a_guests_clock_is_its_own_until_it_reads_the_hosts(host: SimulatorDriver) -> None:
    host.start(UUID)
    assert host.guest_time(UUID) == (NOW, 0)

    host.set_guest_time(UUID, 12, 34, sync=False)
    assert host.guest_time(UUID) == (12, 34)
    host.set_guest_time(UUID, 0, 0, sync=True)
    assert host.guest_time(UUID) == (NOW, 0)
    host.set_guest_time(UUID, 12, 34, sync=False)
    host.destroy(UUID)
    host.start(UUID)
    assert host.guest_time(UUID) == (NOW, 0)


def test_a_snapshot_can_be_taken_of_quiet_file_systems_where_an_agent_quiets_them(host: SimulatorDriver) -> None:
    quiet = SnapshotCreate.DISK_ONLY | SnapshotCreate.QUIESCE
    take(host, "off", flags=quiet)  # Of an inactive domain nobody asks an agent.
    put(host, RUNNING)
    assert number_of(lambda: take(host, flags=quiet)) == 74
    put(host, PAUSED, WITH_AGENT)
    assert number_of(lambda: take(host, "b", flags=quiet)) == 55
    host.resume(UUID)
    take(host, "c", flags=quiet)
    assert "vda.c" in live(host)
    assert host.fs_thaw(UUID, []) == 0
    host.fs_freeze(UUID, [])
    assert number_of(lambda: take(host, "d", flags=quiet)) == 1
    take(host, "e", flags=SnapshotCreate.DISK_ONLY)
    assert host.fs_thaw(UUID, []) == 2
