"""What every driver promises of changing what a domain is, checked as in ``test_driver_contract``."""

import re
from functools import partial
from typing import Any

import pytest

from domain_model import domain_xml
from domain_model.flags import Affect, Memory, SaveRestore, SnapshotRevert, Vcpu
from tests.contract.differences import QEMU, TEST
from tests.contract.drivers import Subject, qemu_driver, simulator_driver, subject, test_driver

__all__ = ["qemu_driver", "simulator_driver", "subject", "test_driver"]

NOW, LIVE, CONFIG = Affect(0), Affect.LIVE, Affect.CONFIG
URI = "http://example.org/inventory"
FOUR_MIB = 4096
ROOMY: dict[str, Any] = {
    "memory_mib": 64,
    "before_os": "<currentMemory unit='KiB'>32768</currentMemory><vcpu current='1'>4</vcpu>",
    "features": "<features><acpi/></features>",
}


# Autostart.


def test_a_persistent_domain_starts_with_its_host_when_told_to(subject: Subject) -> None:
    for uuid in (subject.defined(), subject.started()):
        for autostart in (True, True, False):
            subject.tuning.set_autostart(uuid, autostart=autostart)
            seen = subject.driver.domain(uuid)
            assert seen is not None
            assert seen.autostart is autostart


def test_a_transient_domain_cannot_start_with_its_host(subject: Subject) -> None:
    uuid = subject.created()

    subject.refuses(55, "autostart of a transient domain", partial(subject.tuning.set_autostart, uuid, autostart=True))


# Names.


def test_a_renamed_domain_is_the_same_domain_with_its_snapshots(subject: Subject) -> None:
    uuid = subject.defined("before")
    subject.grow(uuid)
    tree = subject.tree(uuid)

    subject.tuning.rename(uuid, "after")

    seen = subject.driver.domain(uuid)
    assert seen is not None
    assert (seen.name, subject.tree(uuid)) == ("after", tree)
    assert "<name>after</name>" in subject.config(uuid)
    subject.driver.snapshot_revert(uuid, "c", SnapshotRevert.NONE)
    seen = subject.driver.domain(uuid)
    assert seen is not None
    # Semantics 1.4: QEMU keeps the name of the domain, the test driver takes the snapshot's.
    assert (seen.name, seen.current_snapshot) == ("before" if subject.kind == TEST else "after", "c")


def test_the_name_that_a_domain_bore_is_free(subject: Subject) -> None:
    uuid = subject.defined("old")

    subject.tuning.rename(uuid, "new")

    subject.defined("old")


def test_a_domain_that_cannot_be_renamed_keeps_its_name(subject: Subject) -> None:
    tuning, off, on, passing = subject.tuning, subject.defined("off"), subject.started("on"), subject.created("passing")

    for what, uuid in (("rename while active", on), ("rename a transient domain", passing)):
        for name in ("other", "o/ther", "off", "on"):
            subject.refuses(55, what, tuning.rename, uuid, name)
    subject.refuses(55, "rename to a name that is taken", tuning.rename, off, "on")
    subject.refuses(55, "rename to its own name", tuning.rename, off, "off")
    subject.refuses(27, "rename to a name with a slash", tuning.rename, off, "o/ff")
    subject.refuses(8, "rename to no name", tuning.rename, off, "")
    subject.saving.managed_save(on, SaveRestore(0))
    for name in ("other", "o/ther", "off", "on"):
        subject.refuses(55, "rename with a managed save", tuning.rename, on, name)
        if subject.kind == TEST:
            break  # it is renamed
    names = {seen.uuid: seen.name for seen in subject.driver.domains()}
    assert (names[off], names[passing]) == ("off", "passing")


# Memory and processors.


@pytest.mark.parametrize(
    ("flags", "live", "config"),
    [(Memory(0), True, False), (Memory.LIVE, True, False), (Memory.CONFIG, False, True), (Memory(3), True, True)],
    ids=str,
)
def test_memory_changes_where_it_was_meant(subject: Subject, flags: Memory, *, live: bool, config: bool) -> None:
    uuid = subject.started(**ROOMY)
    before = memory(subject.live(uuid))

    if subject.does(f"memory with {flags!r}", subject.tuning.set_memory, uuid, 16384, flags):
        # A guest without a balloon driver gives nothing back: QEMU asks and goes on.
        changed = before if subject.kind == QEMU else (65536, 16384)
        assert memory(subject.live(uuid)) == (changed if live else before)
        assert memory(subject.config(uuid)) == (65536, 16384 if config else 32768)


def test_without_a_flag_the_memory_of_an_inactive_domain_is_that_of_its_definition(subject: Subject) -> None:
    uuid = subject.defined(**ROOMY)

    subject.tuning.set_memory(uuid, 16384, Memory(0))
    assert memory(subject.config(uuid)) == (65536, 16384)
    subject.tuning.set_memory(uuid, 131072, Memory.MAXIMUM)
    assert memory(subject.config(uuid)) == (131072, 16384)
    subject.tuning.set_memory(uuid, 8192, Memory.MAXIMUM | Memory.CONFIG)
    assert memory(subject.config(uuid)) == (8192, 8192)


def test_the_most_memory_of_a_running_domain_changes_with_its_next_boot(subject: Subject) -> None:
    uuid = subject.started(**ROOMY)

    subject.tuning.set_memory(uuid, 131072, Memory.MAXIMUM | Memory.CONFIG)

    assert memory(subject.live(uuid))[0] == 65536
    assert memory(subject.config(uuid)) == (131072, 32768)


def test_memory_that_cannot_be_had_is_refused(subject: Subject) -> None:
    tuning, off, on, passing = (
        subject.tuning,
        subject.defined(**ROOMY),
        subject.started(**ROOMY),
        subject.created(**ROOMY),
    )
    before = [subject.config(uuid) for uuid in (off, on, passing)]

    for flags in (Memory.LIVE, Memory.LIVE | Memory.MAXIMUM, Memory(3)):
        subject.refuses(55, f"memory of an inactive domain, {flags!r}", tuning.set_memory, off, FOUR_MIB, flags)
    for flags in (Memory.CONFIG, Memory.CONFIG | Memory.MAXIMUM, Memory(3)):
        subject.refuses(55, f"memory of a transient domain, {flags!r}", tuning.set_memory, passing, FOUR_MIB, flags)
    for flags in (Memory.MAXIMUM, Memory.MAXIMUM | Memory.LIVE, Memory.MAXIMUM | Memory(3)):
        subject.refuses(55, f"most memory of an active domain, {flags!r}", tuning.set_memory, on, FOUR_MIB, flags)
    for uuid in (off, on):
        for flags in (Memory(0), Memory.CONFIG):
            subject.refuses(8, "more memory than the most", tuning.set_memory, uuid, 65537, flags)
            subject.refuses(8, "no memory at all", tuning.set_memory, uuid, 0, flags)
    subject.refuses(8, "no memory at all, of an inactive domain", tuning.set_memory, off, 0, Memory.LIVE)
    assert [subject.config(uuid) for uuid in (off, on, passing)] == before


@pytest.mark.parametrize(
    ("flags", "live", "config"),
    [(Vcpu(0), 3, 1), (Vcpu.LIVE, 3, 1), (Vcpu.CONFIG, 1, 3), (Vcpu.LIVE | Vcpu.CONFIG, 3, 3)],
    ids=str,
)
def test_processors_change_where_they_were_meant(subject: Subject, flags: Vcpu, live: int, config: int) -> None:
    uuid = subject.started(**ROOMY)

    subject.tuning.set_vcpus(uuid, 3, flags)

    assert (vcpus(subject.live(uuid)), vcpus(subject.config(uuid))) == ((live, 4), (config, 4))


def test_the_most_processors_belong_to_the_definition(subject: Subject) -> None:
    for uuid in (subject.defined(**ROOMY), subject.started(**ROOMY)):
        subject.tuning.set_vcpus(uuid, 2, Vcpu.CONFIG)
        subject.tuning.set_vcpus(uuid, 6, Vcpu.CONFIG | Vcpu.MAXIMUM)
        assert vcpus(subject.config(uuid)) == (2, 6)
        subject.tuning.set_vcpus(uuid, 1, Vcpu.CONFIG | Vcpu.MAXIMUM)
        assert vcpus(subject.config(uuid)) == (1, 1)


def test_processors_that_cannot_be_had_are_refused(subject: Subject) -> None:
    tuning, off, on, passing = (
        subject.tuning,
        subject.defined(**ROOMY),
        subject.started(**ROOMY),
        subject.created(**ROOMY),
    )
    before = [subject.config(uuid) for uuid in (off, on, passing)]

    for number, what, uuid, count, flags in (
        (55, "processors of an inactive domain, live", off, 2, Vcpu.LIVE),
        (55, "processors of an inactive domain, both", off, 2, Vcpu.LIVE | Vcpu.CONFIG),
        (55, "processors of a transient domain, config", passing, 2, Vcpu.CONFIG),
        (8, "more processors than the most", off, 5, Vcpu(0)),
        (8, "more processors than the most", on, 5, Vcpu(0)),
        (8, "more processors than the most", on, 5, Vcpu.CONFIG),
        (8, "no processors at all", off, 0, Vcpu.LIVE),
        (8, "most processors, of what is now", off, 6, Vcpu.MAXIMUM),
        (8, "most processors, live", on, 6, Vcpu.MAXIMUM | Vcpu.LIVE),
        (84, "most processors, both", on, 6, Vcpu.MAXIMUM | Vcpu.LIVE | Vcpu.CONFIG),
        (55, "most processors of an inactive domain, both", off, 6, Vcpu.MAXIMUM | Vcpu.LIVE | Vcpu.CONFIG),
        (8, "the guest's processors, of the definition", on, 1, Vcpu.GUEST | Vcpu.CONFIG),
        (55, "the guest's processors of an inactive domain", off, 1, Vcpu.GUEST),
        (74, "the guest's processors without an agent", on, 1, Vcpu.GUEST),
    ):
        subject.refuses(number, what, tuning.set_vcpus, uuid, count, flags)
    assert [subject.config(uuid) for uuid in (off, on, passing)] == before


# Words.


@pytest.mark.parametrize(
    ("flags", "live", "config"),
    [(NOW, True, False), (LIVE, True, False), (CONFIG, False, True), (Affect(3), True, True)],
)
def test_words_about_a_domain_change_where_they_were_meant(
    subject: Subject, flags: Affect, *, live: bool, config: bool
) -> None:
    uuid = subject.started()

    subject.tuning.set_description(uuid, "two\nlines & <more>", flags)
    subject.tuning.set_title(uuid, "a title", flags)
    subject.tuning.set_metadata(uuid, URI, "i", "<rack row='3'><unit/></rack>", flags)

    for meant, text in ((live, subject.live(uuid)), (config, subject.config(uuid))):
        said = domain_xml.read(text)
        assert (said.title, said.description) == (("a title", "two\nlines & <more>") if meant else (None, None))
        assert (re.search(f'<i:rack xmlns:i="{URI}" row="3"><i?:?unit/></i:rack>', text) is not None) == meant


def test_words_about_an_inactive_domain_are_those_of_its_definition_and_can_be_taken_back(subject: Subject) -> None:
    uuid = subject.defined()
    before = subject.config(uuid)
    subject.tuning.set_description(uuid, "words", NOW)
    subject.tuning.set_title(uuid, "title", NOW)
    subject.tuning.set_metadata(uuid, URI, "i", "<a/>", NOW)
    subject.tuning.set_metadata(uuid, URI, "i", "<b/>", NOW)
    subject.tuning.set_metadata(uuid, "http://example.org/other", "o", "<c/>", NOW)
    assert f'<metadata><i:b xmlns:i="{URI}"/><o:c xmlns:o="http://example.org/other"/></metadata>' in subject.config(
        uuid
    )

    subject.tuning.set_metadata(uuid, "http://example.org/other", None, None, CONFIG)
    assert f'<metadata><i:b xmlns:i="{URI}"/></metadata>' in subject.config(uuid)
    for _ in range(2):  # also when there is nothing to take back
        subject.tuning.set_metadata(uuid, URI, None, None, CONFIG)
        subject.tuning.set_description(uuid, None, CONFIG)
        subject.tuning.set_title(uuid, None, CONFIG)

    assert subject.config(uuid).replace("<metadata></metadata>", "").replace("<metadata/>", "") == before


def test_words_that_cannot_be_kept_are_refused(subject: Subject) -> None:
    tuning, off, passing = subject.tuning, subject.defined(), subject.created()

    for flags in (LIVE, Affect(3)):
        subject.refuses(55, "description of an inactive domain, live", tuning.set_description, off, "x", flags)
        subject.refuses(55, "title of an inactive domain, live", tuning.set_title, off, "x", flags)
        subject.refuses(55, "metadata of an inactive domain, live", tuning.set_metadata, off, URI, "i", "<a/>", flags)
    for flags in (CONFIG, Affect(3)):
        subject.refuses(55, "description of a transient domain, config", tuning.set_description, passing, "x", flags)
        subject.refuses(
            55,
            "metadata of a transient domain, config",
            tuning.set_metadata,
            passing,
            URI,
            "i",
            "<a/>",
            flags,
        )
    subject.refuses(8, "title of two lines", tuning.set_title, off, "a\nb", LIVE)
    subject.refuses(8, "metadata without a key", tuning.set_metadata, off, URI, None, "<a/>", LIVE)
    subject.refuses(35, "metadata that is not well-formed", tuning.set_metadata, off, URI, "i", "<a", CONFIG)


# What the tests above are made of.


def memory(text: str) -> tuple[int | None, int | None]:
    """The most memory and the memory now, in KiB."""
    said = domain_xml.read(text)
    return said.memory_kib, said.current_memory_kib


def vcpus(text: str) -> tuple[int, int]:
    """The processors now and at most."""
    said = domain_xml.read(text)
    return said.current_vcpus, said.vcpus
