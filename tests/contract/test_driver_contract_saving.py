"""What every driver promises of writing a guest to a file and letting it go on,
checked as in ``test_driver_contract``.
"""

from pathlib import Path

from domain_model.flags import CoreDump, SaveRestore, Start, Undefine
from tests.contract.differences import SIMULATOR
from tests.contract.drivers import Subject, qemu_driver, simulator_driver, subject, test_driver

__all__ = ["qemu_driver", "simulator_driver", "subject", "test_driver"]

PLAIN, NO_FLAGS = SaveRestore(0), CoreDump(0)
BOOTED, RESTORED, PAUSED_BY_USER, PAUSED_AND_RESTORED = (1, 1), (1, 3), (3, 1), (3, 2)
CRASHED, SAVED = (5, 3), (5, 5)


# Into a file, and from it.


def test_a_saved_domain_is_off_and_goes_on_from_its_file(subject: Subject) -> None:
    uuid, file = subject.started(), str(subject.folder / "saved")

    subject.saving.save(uuid, file, None, PLAIN)
    assert subject.look(uuid) == SAVED
    seen = subject.driver.domain(uuid)
    assert seen is not None
    assert (seen.persistent, seen.managed_save) == (True, False)

    subject.saving.restore(file, None, PLAIN)
    assert subject.look(uuid) == RESTORED
    subject.driver.destroy(uuid)
    subject.saving.restore(file, None, PLAIN)
    assert subject.look(uuid) == RESTORED


def test_a_saved_transient_domain_is_gone_with_its_snapshots_and_comes_back_without_them(subject: Subject) -> None:
    uuid, file = subject.created(), str(subject.folder / "saved")
    subject.snapshot(uuid, "a")

    subject.saving.save(uuid, file, None, PLAIN)
    assert subject.driver.domain(uuid) is None

    subject.saving.restore(file, None, PLAIN)
    seen = subject.driver.domain(uuid)
    assert seen is not None
    assert (subject.look(uuid), seen.persistent, seen.snapshots) == (RESTORED, False, ())


def test_an_undefined_domain_comes_back_transient(subject: Subject) -> None:
    uuid, file = subject.started(), str(subject.folder / "saved")
    subject.saving.save(uuid, file, None, PLAIN)
    subject.driver.undefine(uuid)

    subject.saving.restore(file, None, PLAIN)

    seen = subject.driver.domain(uuid)
    assert seen is not None
    assert (subject.look(uuid), seen.persistent) == (RESTORED, False)


def test_a_guest_goes_on_as_it_was_saved_unless_told_otherwise(subject: Subject) -> None:
    uuid, file = subject.started(), str(subject.folder / "saved")

    subject.driver.suspend(uuid)
    subject.saving.save(uuid, file, None, PLAIN)
    subject.saving.restore(file, None, PLAIN)
    subject.is_in(uuid, PAUSED_AND_RESTORED, "restore of a paused one")
    subject.driver.destroy(uuid)

    if subject.does("restore to run", subject.saving.restore, file, None, SaveRestore.RUNNING):
        assert subject.look(uuid) == RESTORED
        subject.saving.save(uuid, file, None, SaveRestore.PAUSED)
        subject.saving.restore(file, None, PLAIN)
        assert subject.look(uuid) == PAUSED_AND_RESTORED


def test_the_definition_that_is_kept_with_a_guest_can_be_replaced(subject: Subject) -> None:
    uuid, file = subject.started(), str(subject.folder / "saved")
    other = subject.driver.domain_xml(uuid, inactive=True).replace("<memory", "<title>other</title><memory", 1)

    if subject.does("save with a definition", subject.saving.save, uuid, file, other, PLAIN):
        subject.saving.restore(file, None, PLAIN)
        assert "<title>other</title>" in subject.live(uuid)
        assert "<title>" not in subject.config(uuid)
        subject.driver.destroy(uuid)
        subject.saving.restore(file, other.replace("other", "third"), PLAIN)
        assert "<title>third</title>" in subject.live(uuid)
        subject.driver.destroy(uuid)
        for what, text in {
            "restore under another name": other.replace("<name>guest", "<name>guess"),
            "restore under another UUID": other.replace(uuid, "11111111-1111-4111-8111-111111111111"),
            "restore with other memory": other.replace("16384", "32768"),
        }.items():
            subject.refuses(67, what, subject.saving.restore, file, text, PLAIN)


def test_what_cannot_be_saved_is_refused_and_goes_on(subject: Subject) -> None:
    saving, on, off = subject.saving, subject.started(), subject.defined()
    file = str(subject.folder / "saved")

    subject.refuses(55, "save while inactive", saving.save, off, file, None, PLAIN)
    subject.refuses(
        8, "save to run and to pause", saving.save, on, file, None, SaveRestore.RUNNING | SaveRestore.PAUSED
    )
    subject.refuses(8, "save with RESET_NVRAM", saving.save, on, file, None, SaveRestore.RESET_NVRAM)
    assert subject.look(on) == BOOTED
    subject.refuses(38, "save into a folder that is not there", saving.save, on, str(nowhere(subject)), None, PLAIN)
    if subject.kind != SIMULATOR:
        subject.is_in(on, (1, 7), "save that was called off")


def test_what_cannot_be_restored_is_refused(subject: Subject) -> None:
    saving, on, file = subject.saving, subject.started("busy"), str(subject.folder / "saved")

    subject.refuses(38, "restore from a file that is not there", saving.restore, file, None, PLAIN)
    saving.save(on, file, None, PLAIN)
    subject.driver.start(on)
    subject.refuses(55, "restore while active", saving.restore, file, None, PLAIN)
    subject.driver.destroy(on)
    subject.driver.undefine(on)
    subject.defined("busy")
    subject.refuses(9, "restore under a name that is taken", saving.restore, file, None, PLAIN)


# Into a file of the hypervisor's own.


def test_the_next_start_consumes_a_managed_save(subject: Subject) -> None:
    uuid = subject.started()

    subject.saving.managed_save(uuid, PLAIN)
    assert (subject.look(uuid), managed_save(subject, uuid)) == (SAVED, True)

    subject.driver.start(uuid)
    subject.is_in(uuid, RESTORED, "start from a managed save")
    assert not managed_save(subject, uuid)


def test_a_managed_save_remembers_whether_the_guest_runs(subject: Subject) -> None:
    uuid = subject.started()

    subject.saving.managed_save(uuid, SaveRestore.PAUSED)
    subject.driver.start(uuid)
    subject.is_in(uuid, PAUSED_AND_RESTORED, "start from a managed save")
    subject.saving.managed_save(uuid, SaveRestore.RUNNING)
    subject.driver.start(uuid)
    subject.is_in(uuid, RESTORED, "start from a managed save")
    subject.saving.managed_save(uuid, PLAIN)
    if subject.does("start paused", subject.driver.start, uuid, Start.PAUSED):
        assert subject.look(uuid) == PAUSED_AND_RESTORED


def test_a_managed_save_can_be_thrown_away(subject: Subject) -> None:
    uuid = subject.started()
    subject.saving.managed_save(uuid, PLAIN)
    if subject.does("start anew", subject.driver.start, uuid, Start.FORCE_BOOT):
        assert (subject.look(uuid), managed_save(subject, uuid)) == (BOOTED, False)
        subject.saving.managed_save(uuid, PLAIN)

    subject.saving.managed_save_remove(uuid)

    assert (subject.look(uuid), managed_save(subject, uuid)) == (SAVED, False)
    subject.driver.start(uuid)
    assert subject.look(uuid) == BOOTED
    subject.refuses(38, "remove a managed save that is not there", subject.saving.managed_save_remove, uuid)


def test_what_cannot_be_saved_by_the_hypervisor_itself_is_refused(subject: Subject) -> None:
    saving, on, off, passing = subject.saving, subject.started(), subject.defined(), subject.created()

    subject.refuses(55, "managed save while inactive", saving.managed_save, off, PLAIN)
    subject.refuses(55, "managed save of a transient domain", saving.managed_save, passing, PLAIN)
    both = SaveRestore.RUNNING | SaveRestore.PAUSED
    subject.refuses(8, "managed save to run and to pause", saving.managed_save, on, both)
    subject.refuses(8, "managed save with RESET_NVRAM", saving.managed_save, on, SaveRestore.RESET_NVRAM)
    assert subject.look(on) == BOOTED


def test_a_domain_with_a_managed_save_is_undefined_only_with_it(subject: Subject) -> None:
    uuid = subject.started()
    subject.saving.managed_save(uuid, PLAIN)

    subject.refuses(55, "undefine with a managed save", subject.driver.undefine, uuid)
    subject.driver.undefine(uuid, Undefine.MANAGED_SAVE)

    assert subject.driver.domain(uuid) is None


def test_a_definition_may_change_under_a_managed_save_and_holds_from_the_next_boot(subject: Subject) -> None:
    uuid = subject.started("saved")
    subject.saving.managed_save(uuid, PLAIN)

    subject.driver.define(subject.definition("saved", uuid, memory_mib=32))

    assert managed_save(subject, uuid)
    subject.saving.managed_save_remove(uuid)
    subject.driver.start(uuid)
    assert "<memory unit='KiB'>32768</memory>" in subject.live(uuid)


# For a debugger.


def test_a_dumped_guest_goes_on(subject: Subject) -> None:
    uuid, file = subject.started(), subject.folder / "core"

    subject.saving.core_dump(uuid, str(file), NO_FLAGS, None)

    subject.is_in(uuid, (1, 5), "dump")
    assert subject.kind == SIMULATOR or file.exists()
    subject.driver.suspend(uuid)
    subject.saving.core_dump(uuid, str(file), NO_FLAGS, None)
    assert subject.look(uuid) == PAUSED_BY_USER


def test_a_dump_can_be_of_another_kind(subject: Subject) -> None:
    uuid, file = subject.started(), str(subject.folder / "core")

    for what, flags, form in (
        ("dump live", CoreDump.LIVE, None),
        ("dump and reset", CoreDump.RESET, None),
        ("dump memory only", CoreDump.MEMORY_ONLY, "elf"),
        ("dump compressed", CoreDump.MEMORY_ONLY, "kdump-zlib"),
    ):
        subject.does(what, subject.saving.core_dump, uuid, file, flags, form)
    assert subject.look(uuid)[0] == 1


def test_a_guest_can_be_crashed_by_its_dump(subject: Subject) -> None:
    uuid, passing = subject.started(), subject.created()

    subject.saving.core_dump(uuid, str(subject.folder / "core"), CoreDump.CRASH, None)
    subject.saving.core_dump(passing, str(subject.folder / "core"), CoreDump.CRASH, None)

    assert subject.look(uuid) == CRASHED
    assert subject.driver.domain(passing) is None


def test_what_cannot_be_dumped_is_refused_and_goes_on(subject: Subject) -> None:
    saving, on, off, file = subject.saving, subject.started(), subject.defined(), str(subject.folder / "core")

    subject.refuses(55, "dump while inactive", saving.core_dump, off, file, NO_FLAGS, None)
    for both in (
        CoreDump.CRASH | CoreDump.LIVE,
        CoreDump.CRASH | CoreDump.RESET,
        CoreDump.LIVE | CoreDump.RESET,
    ):
        subject.refuses(8, f"dump with {both!r}", saving.core_dump, on, file, both, None)
    subject.refuses(84, "dump compressed with devices", saving.core_dump, on, file, NO_FLAGS, "kdump-zlib")
    subject.refuses(8, "dump in no known format", saving.core_dump, on, file, CoreDump.MEMORY_ONLY, "zip")
    subject.refuses(
        38,
        "dump into a folder that is not there",
        saving.core_dump,
        on,
        str(nowhere(subject)),
        NO_FLAGS,
        None,
    )
    assert subject.look(on)[0] == 1


# What the tests above are made of.


def managed_save(subject: Subject, uuid: str) -> bool:
    seen = subject.driver.domain(uuid)
    assert seen is not None
    return seen.managed_save


def nowhere(subject: Subject) -> Path:
    return subject.folder / "no such folder" / "file"
