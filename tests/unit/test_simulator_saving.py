"""Saving and restoring simulated guests, managed saves and dumps, as libvirt 9.0's QEMU driver does them when run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain_model.flags import CoreDump, SaveRestore, Start, Undefine
from drivers.simulator import SimulatorDriver
from tests.unit.simulated import (
    INACTIVE,
    PAUSED,
    RUNNING,
    UUID,
    config,
    definition,
    host_in,
    live,
    look,
    number_of,
    put,
    refusal,
    take,
)

PLAIN = SaveRestore(0)
BOTH = SaveRestore.RUNNING | SaveRestore.PAUSED
MEMORY = "<memory snapshot='external' file='/saves/memory'/>"
WRITTEN = (
    "internal error: unable to execute QEMU command 'migrate': Can't migrate the vm that was paused due to previous"
    " migration"
)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    driver = host_in(tmp_path)
    driver.define(definition())
    yield driver
    driver.close()


def save(host: SimulatorDriver, flags: SaveRestore = PLAIN, xml: str | None = None) -> None:
    host.save(UUID, "/saves/guest", xml, flags)


def restore(host: SimulatorDriver, flags: SaveRestore = PLAIN, xml: str | None = None) -> None:
    host.restore("/saves/guest", xml, flags)


@pytest.mark.parametrize(
    ("state", "saved_as", "restored_as", "becomes"),
    [
        (RUNNING, PLAIN, PLAIN, (1, 3)),
        (PAUSED, PLAIN, PLAIN, (3, 2)),
        (RUNNING, SaveRestore.PAUSED, PLAIN, (3, 2)),
        (PAUSED, SaveRestore.RUNNING, PLAIN, (1, 3)),
        (RUNNING, PLAIN, SaveRestore.PAUSED, (3, 2)),
        (PAUSED, PLAIN, SaveRestore.RUNNING, (1, 3)),
    ],
)
def test_a_saved_guest_goes_on_as_it_was_or_as_asked(
    host: SimulatorDriver, state: str, saved_as: SaveRestore, restored_as: SaveRestore, becomes: tuple[int, int]
) -> None:
    put(host, state)
    save(host, saved_as)
    assert look(host) == (5, 5)

    restore(host, restored_as)

    assert look(host) == becomes
    host.destroy(UUID)
    restore(host, restored_as)  # The file is still there.


def test_what_is_saved_is_restored_as_a_transient_domain_unless_it_is_defined(host: SimulatorDriver) -> None:
    host.start(UUID)
    save(host)
    host.undefine(UUID)

    restore(host)

    seen = host.domain(UUID)
    assert seen is not None
    assert (seen.active, seen.persistent) == (True, False)


def test_what_is_restored_is_what_was_saved_and_not_what_was_defined_since(host: SimulatorDriver) -> None:
    host.start(UUID)
    save(host)
    host.define(definition(memory_kib=32768))

    restore(host)

    assert (">16384<" in live(host), ">32768<" in config(host)) == (True, True)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda text: text.replace("</uuid>", "</uuid><title>other</title>"), 0),
        (lambda text: text.replace(">16384<", ">32768<"), 67),
        (lambda text: text.replace(">guest<", ">other<"), 67),
        (lambda text: text.replace("vda", "vdb"), 67),
        (lambda text: text.replace("</os>", ""), 27),
    ],
    ids=["title", "memory", "name", "disk", "broken"],
)
def test_another_definition_must_be_of_the_same_machine(host: SimulatorDriver, change: object, number: int) -> None:
    assert callable(change)
    host.start(UUID)
    save(host)

    assert number_of(lambda: restore(host, xml=change(definition()))) == number
    put(host, RUNNING)
    assert number_of(lambda: save(host, xml=change(definition()))) == number


def test_a_save_that_is_called_off_has_paused_the_guest_for_a_moment(host: SimulatorDriver) -> None:
    host.start(UUID)

    with refusal(67, "unsupported configuration: Target domain max memory 32768 does not match source 16384"):
        save(host, xml=definition(memory_kib=32768))

    assert look(host) == (1, 7)


@pytest.mark.parametrize(
    ("state", "act", "number"),
    [
        (INACTIVE, save, 55),
        (RUNNING, lambda host: save(host, BOTH), 8),
        (RUNNING, lambda host: save(host, SaveRestore.RESET_NVRAM), 8),
        (INACTIVE, restore, 38),
        (INACTIVE, lambda host: restore(host, BOTH), 8),
        (INACTIVE, lambda host: host.restore("/images/vda.qcow2", None, PLAIN), 9),
        (INACTIVE, lambda host: host.managed_save(UUID, PLAIN), 55),
        (RUNNING, lambda host: host.managed_save(UUID, BOTH), 8),
        (RUNNING, lambda host: host.managed_save(UUID, SaveRestore.RESET_NVRAM), 8),
        (RUNNING, lambda host: host.managed_save_remove(UUID), 38),
    ],
)
def test_what_cannot_be_saved_or_restored(host: SimulatorDriver, state: str, act: object, number: int) -> None:
    assert callable(act)
    put(host, state)

    assert number_of(lambda: act(host)) == number


def test_a_running_domain_is_not_restored_over(host: SimulatorDriver) -> None:
    host.start(UUID)
    save(host)
    restore(host)

    with refusal(55, "Requested operation is not valid: domain 'guest' is already active"):
        restore(host)
    host.destroy(UUID)
    host.undefine(UUID)
    host.define(definition().replace(UUID, UUID.replace("3", "4")))
    assert number_of(lambda: restore(host)) == 9


# Managed save.


@pytest.mark.parametrize(
    ("state", "saved_as", "flags", "becomes"),
    [
        (RUNNING, PLAIN, Start.NONE, (1, 3)),
        (PAUSED, PLAIN, Start.NONE, (3, 2)),
        (RUNNING, PLAIN, Start.PAUSED, (3, 2)),
        (RUNNING, SaveRestore.PAUSED, Start.NONE, (3, 2)),
        (PAUSED, SaveRestore.RUNNING, Start.NONE, (1, 3)),
        (PAUSED, PLAIN, Start.FORCE_BOOT, (1, 1)),
        (RUNNING, PLAIN, Start.FORCE_BOOT | Start.PAUSED, (3, 1)),
    ],
)
def test_a_managed_save_is_used_up_by_the_next_start(
    host: SimulatorDriver, state: str, saved_as: SaveRestore, flags: Start, becomes: tuple[int, int]
) -> None:
    put(host, state)
    host.managed_save(UUID, saved_as)
    seen = host.domain(UUID)
    assert seen is not None
    assert (seen.managed_save, look(host)) == (True, (5, 5))

    host.start(UUID, flags)

    seen = host.domain(UUID)
    assert seen is not None
    assert (seen.managed_save, look(host)) == (False, becomes)


def test_a_managed_save_goes_on_as_what_was_saved(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.managed_save(UUID)
    host.define(definition(memory_kib=32768))

    host.start(UUID)

    assert (">16384<" in live(host), ">32768<" in config(host)) == (True, True)


def test_a_managed_save_stays_while_the_domain_is_created_or_restored_past_it(host: SimulatorDriver) -> None:
    host.start(UUID)
    save(host)
    restore(host)
    host.managed_save(UUID)
    for begin in (restore, lambda host: host.create(definition())):
        begin(host)
        host.destroy(UUID)
        seen = host.domain(UUID)
        assert seen is not None
        assert seen.managed_save

    host.managed_save_remove(UUID)
    host.start(UUID)
    assert look(host) == (1, 1)


def test_a_transient_domain_has_no_managed_save(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.undefine(UUID, Undefine.NONE)

    with refusal(55, "Requested operation is not valid: cannot do managed save for transient domain"):
        host.managed_save(UUID)


# Dumps.


@pytest.mark.parametrize(
    ("state", "flags", "form", "number", "becomes"),
    [
        (INACTIVE, CoreDump(0), None, 55, (5, 0)),
        (RUNNING, CoreDump(0), None, 0, (1, 5)),
        (RUNNING, CoreDump.LIVE, None, 0, (1, 5)),
        (RUNNING, CoreDump.RESET, "elf", 0, (1, 5)),
        (RUNNING, CoreDump.MEMORY_ONLY, "kdump-zlib", 0, (1, 5)),
        (RUNNING, CoreDump(0), "kdump-zlib", 84, (1, 1)),
        (RUNNING, CoreDump.MEMORY_ONLY, "win-dmp", 9, (1, 1)),
        (RUNNING, CoreDump.MEMORY_ONLY, "gif", 8, (1, 1)),
        (RUNNING, CoreDump.CRASH, None, 0, (5, 3)),
        (RUNNING, CoreDump.CRASH | CoreDump.LIVE, None, 8, (1, 1)),
        (RUNNING, CoreDump.CRASH | CoreDump.RESET, None, 8, (1, 1)),
        (RUNNING, CoreDump.LIVE | CoreDump.RESET, None, 8, (1, 1)),
        (PAUSED, CoreDump(0), None, 0, (3, 1)),
        (PAUSED, CoreDump.CRASH | CoreDump.MEMORY_ONLY, None, 0, (5, 3)),
    ],
)
def test_a_dump_pauses_the_guest_or_ends_it(
    host: SimulatorDriver, state: str, flags: CoreDump, form: str | None, number: int, becomes: tuple[int, int]
) -> None:
    put(host, state)

    assert number_of(lambda: host.core_dump(UUID, "/dumps/guest", flags, form)) == number
    assert look(host) == becomes


def test_a_dump_is_no_saved_guest(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.core_dump(UUID, "/saves/guest", CoreDump.CRASH, None)

    with refusal(9, "operation failed: image magic is incorrect"):
        restore(host)


def test_a_guest_paused_since_it_was_dumped_is_not_written_again_until_it_runs(host: SimulatorDriver) -> None:
    put(host, PAUSED)
    host.core_dump(UUID, "/dumps/guest", CoreDump(0), None)

    for act in (
        save,
        lambda host: host.managed_save(UUID),
        lambda host: host.core_dump(UUID, "/dumps/guest", CoreDump.CRASH, None),
        lambda host: take(host, inner=MEMORY),
    ):
        with refusal(1, WRITTEN):
            act(host)
    assert number_of(lambda: take(host)) == 9  # Its images are let go of, too.
    host.core_dump(UUID, "/dumps/guest", CoreDump.MEMORY_ONLY, None)
    host.resume(UUID)
    host.suspend(UUID)
    save(host)


def test_images_that_a_guest_let_go_of_are_free_when_it_is_gone(host: SimulatorDriver) -> None:
    put(host, PAUSED)
    host.core_dump(UUID, "/dumps/guest", CoreDump(0), None)
    host.destroy(UUID)

    take(host)


def test_the_memory_of_an_external_snapshot_can_be_restored_from(host: SimulatorDriver) -> None:
    host.start(UUID)
    take(host, inner=MEMORY)
    assert look(host) == (1, 5)
    host.destroy(UUID)

    host.restore("/saves/memory", None, PLAIN)

    assert look(host) == (1, 3)
    assert "vda.qcow2" in live(host)
    assert number_of(lambda: host.restore("/images/vda.a", None, PLAIN)) == 9
