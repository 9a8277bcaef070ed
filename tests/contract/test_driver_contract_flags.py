"""What every driver promises of the flags of its lifecycle verbs, checked as in ``test_driver_contract``."""

import pytest

from domain_model.flags import Define, Destroy, SaveRestore, Start, Undefine
from tests.contract.differences import QEMU, SIMULATOR
from tests.contract.drivers import Subject, qemu_driver, simulator_driver, subject, test_driver

__all__ = ["qemu_driver", "simulator_driver", "subject", "test_driver"]

BOOTED, PAUSED, DESTROYED = (1, 1), (3, 1), (5, 2)
BOTH_NVRAM, BOTH_TPM = Undefine.NVRAM | Undefine.KEEP_NVRAM, Undefine.TPM | Undefine.KEEP_TPM


# Start and create.


@pytest.mark.parametrize("flags", [Start.BYPASS_CACHE, Start.FORCE_BOOT, Start.RESET_NVRAM], ids=str)
def test_a_start_may_be_told_what_makes_no_difference_here(subject: Subject, flags: Start) -> None:
    uuid = subject.defined()

    if subject.does(f"start with {flags:d}", subject.driver.start, uuid, flags):
        assert subject.look(uuid) == BOOTED


def test_a_domain_can_be_created_without_its_guest_running(subject: Subject) -> None:
    definition = subject.definition()

    if subject.does("start paused", subject.driver.create, definition, Start.PAUSED):
        seen = subject.driver.domain(subject.made[-1])
        assert seen is not None
        assert (subject.look(seen.uuid), seen.persistent) == (PAUSED, False)
        subject.driver.resume(seen.uuid)
        assert subject.look(seen.uuid) == (1, 5)


def test_what_is_for_a_start_only_is_no_flag_of_create(subject: Subject) -> None:
    for flags in (Start.BYPASS_CACHE, Start.FORCE_BOOT):
        definition = subject.definition()
        subject.refuses(8, f"create with {flags!r}", subject.driver.create, definition, flags)
        assert subject.driver.domain(subject.made[-1]) is None
    subject.refuses(8, "start with a schema", subject.driver.start, subject.defined(), Start.VALIDATE)


def test_a_definition_is_held_up_against_the_schema_when_that_is_wanted(subject: Subject) -> None:
    good, odd = subject.definition(), subject.definition(devices="<teapot/>")
    uuid = subject.made[-1]

    subject.driver.define(good, Define.VALIDATE)
    subject.refuses(92, "define with a schema", subject.driver.define, odd, Define.VALIDATE)
    subject.refuses(92, "create with a schema", subject.driver.create, odd, Start.VALIDATE)
    if subject.kind != SIMULATOR:
        assert subject.driver.domain(uuid) is None


@pytest.mark.parametrize("subject", [SIMULATOR, QEMU], indirect=True)  # to the test driver any start ends it
def test_creating_over_a_managed_save_boots_and_keeps_it(subject: Subject) -> None:
    uuid = subject.started("kept")
    subject.saving.managed_save(uuid, SaveRestore(0))

    subject.driver.create(subject.definition("kept", uuid))

    seen = subject.driver.domain(uuid)
    assert seen is not None
    assert (subject.look(uuid), seen.managed_save) == (BOOTED, True)


# Destroy.


@pytest.mark.parametrize("flags", [Destroy.GRACEFUL, Destroy.REMOVE_LOGS], ids=str)
def test_a_domain_can_be_ended_gently_or_with_its_logs(subject: Subject, flags: Destroy) -> None:
    on, off = subject.started(), subject.defined()

    if subject.does(f"destroy with {flags:d}", subject.driver.destroy, on, flags):
        assert subject.look(on) == DESTROYED
        subject.refuses(55, "destroy while inactive", subject.driver.destroy, off, flags)


# Undefine.


@pytest.mark.parametrize("flags", list(Undefine), ids=str)
def test_a_domain_that_has_none_of_it_is_undefined_with_any_flag(subject: Subject, flags: Undefine) -> None:
    uuid = subject.defined()

    if subject.does(f"undefine with {flags:d}", subject.driver.undefine, uuid, flags):
        assert subject.driver.domain(uuid) is None


def test_nothing_can_be_both_kept_and_thrown_away(subject: Subject) -> None:
    off, passing = subject.defined(), subject.created()

    for uuid in (off, passing):
        subject.refuses(55, "undefine and keep what is thrown away", subject.driver.undefine, uuid, BOTH_NVRAM)
        subject.refuses(55, "undefine and keep what is thrown away", subject.driver.undefine, uuid, BOTH_TPM)
    assert subject.driver.domain(off) is not None


@pytest.mark.parametrize("subject", [SIMULATOR, QEMU], indirect=True)
def test_a_domain_with_nvram_is_undefined_only_when_told_what_becomes_of_it(subject: Subject) -> None:
    code, nvram = subject.folder / "code.fd", subject.folder / "nvram.fd"
    firmware = (
        f"<features><acpi/></features><os><type>hvm</type><loader readonly='yes' type='pflash'>{code}</loader>"
        f"<nvram>{nvram}</nvram></os>"
    )
    definition = subject.definition().replace("<os>\n    <type>hvm</type>\n  </os>", firmware)
    uuid = subject.made[-1]
    for image in (code, nvram):
        image.write_bytes(bytes(1024 * 1024))
    driver = subject.driver
    driver.define(definition)
    driver.start(uuid)

    for flags in (Undefine.NONE, Undefine.TPM):
        subject.refuses(55, "undefine with nvram", driver.undefine, uuid, flags)
    driver.destroy(uuid)
    subject.refuses(55, "undefine with nvram", driver.undefine, uuid)
    driver.undefine(uuid, Undefine.KEEP_NVRAM)
    assert driver.domain(uuid) is None
    driver.define(definition)
    subject.refuses(55, "undefine with nvram", driver.undefine, uuid)
    driver.undefine(uuid, Undefine.NVRAM)
    driver.define(definition)
    driver.undefine(uuid)  # there is none any more

    assert driver.domain(uuid) is None


def test_a_managed_save_is_thrown_away_although_the_domain_stays(subject: Subject) -> None:
    uuid = subject.started()
    subject.snapshot(uuid, "a")
    subject.saving.managed_save(uuid, SaveRestore(0))

    subject.refuses(55, "undefine with snapshots", subject.driver.undefine, uuid, Undefine.MANAGED_SAVE)
    subject.refuses(55, "undefine with a managed save", subject.driver.undefine, uuid, Undefine.SNAPSHOTS_METADATA)

    seen = subject.driver.domain(uuid)
    assert seen is not None
    assert seen.managed_save
