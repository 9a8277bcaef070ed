"""Changing simulated domains: memory, processors, words and names, as libvirt 9.0's QEMU driver does it when run."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain_model import domain_xml
from domain_model.flags import Affect, Memory, Start, Vcpu
from drivers.simulator import SimulatorDriver
from tests.unit.simulated import (
    ACPI,
    AGENT,
    INACTIVE,
    PAUSED,
    RUNNING,
    UUID,
    config,
    definition,
    disk,
    host_in,
    live,
    number_of,
    put,
    refusal,
    revert,
    take,
)

NOW, NEXT, EITHER, BOTH = Affect.LIVE, Affect.CONFIG, Affect(0), Affect.LIVE | Affect.CONFIG
TRANSIENT = "transient"
FOUR = "<vcpu current='2'>4</vcpu>"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    driver = host_in(tmp_path)
    driver.define(definition())
    yield driver
    driver.close()


def put_in(host: SimulatorDriver, state: str, text: str) -> None:
    put(host, RUNNING if state == TRANSIENT else state, text)
    if state == TRANSIENT:
        host.undefine(UUID)


# What is affected.

CHANGES: list[Callable[[SimulatorDriver, Affect], None]] = [
    lambda host, which: host.set_memory(UUID, 8192, Memory(which)),
    lambda host, which: host.set_vcpus(UUID, 3, Vcpu(which)),
    lambda host, which: host.set_title(UUID, "a title", which),
    lambda host, which: host.set_description(UUID, "a\ndescription", which),
    lambda host, which: host.set_metadata(UUID, "http://a", "p", "<m/>", which),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("state", "which", "number", "changes"),
    [
        (INACTIVE, EITHER, 0, "config"),
        (INACTIVE, NEXT, 0, "config"),
        (INACTIVE, NOW, 55, ""),
        (INACTIVE, BOTH, 55, ""),
        (PAUSED, EITHER, 0, "live"),
        (RUNNING, NOW, 0, "live"),
        (RUNNING, NEXT, 0, "config"),
        (RUNNING, BOTH, 0, "live config"),
        (TRANSIENT, NOW, 0, "live"),
        (TRANSIENT, NEXT, 55, ""),
        (TRANSIENT, BOTH, 55, ""),
        (RUNNING, Affect(1 << 9), 8, ""),
    ],
)
def test_a_change_is_for_now_for_the_next_start_or_both(
    host: SimulatorDriver,
    change: Callable[[SimulatorDriver, Affect], None],
    state: str,
    which: Affect,
    number: int,
    changes: str,
) -> None:
    put_in(host, state, definition(disk("vda"), vcpu=FOUR))
    before = (live(host) if state != INACTIVE else "", config(host) if state != TRANSIENT else "")

    assert number_of(lambda: change(host, which)) == number

    after = (live(host) if state != INACTIVE else "", config(host) if state != TRANSIENT else "")
    assert ["live"] * (before[0] != after[0]) + ["config"] * (before[1] != after[1]) == changes.split()


# Memory.


def memory(text: str) -> tuple[int | None, int | None]:
    read = domain_xml.read(text)
    return read.memory_kib, read.current_memory_kib


@pytest.mark.parametrize(
    ("state", "size_kib", "flags", "number"),
    [
        (INACTIVE, 0, Memory.CONFIG, 8),
        (INACTIVE, 99999, Memory.CONFIG, 8),
        (RUNNING, 99999, Memory.LIVE, 8),
        (RUNNING, 99999, Memory.LIVE | Memory.CONFIG, 8),
        (INACTIVE, 99999, Memory.MAXIMUM, 0),
        (INACTIVE, 99999, Memory.MAXIMUM | Memory.LIVE, 55),
        (RUNNING, 99999, Memory.MAXIMUM, 55),
        (RUNNING, 99999, Memory.MAXIMUM | Memory.LIVE | Memory.CONFIG, 55),
        (RUNNING, 99999, Memory.MAXIMUM | Memory.CONFIG, 0),
        (TRANSIENT, 99999, Memory.MAXIMUM | Memory.CONFIG, 55),
    ],
)
def test_how_much_memory_there_may_be(
    host: SimulatorDriver, state: str, size_kib: int, flags: Memory, number: int
) -> None:
    put_in(host, state, definition())

    assert number_of(lambda: host.set_memory(UUID, size_kib, flags)) == number


def test_less_memory_at_most_is_less_memory(host: SimulatorDriver) -> None:
    host.set_memory(UUID, 32768, Memory.CONFIG | Memory.MAXIMUM)
    assert memory(config(host)) == (32768, 16384)
    host.set_memory(UUID, 8192, Memory.CONFIG | Memory.MAXIMUM)
    assert memory(config(host)) == (8192, 8192)


def test_a_running_guest_gives_memory_back_only_through_a_balloon(host: SimulatorDriver) -> None:
    put(host, RUNNING, definition("<memballoon model='none'/>"))

    assert number_of(lambda: host.set_memory(UUID, 8192, Memory.LIVE)) == 55
    assert number_of(lambda: host.set_memory(UUID, 99999, Memory.LIVE)) == 8
    host.set_memory(UUID, 8192, Memory.CONFIG)


# Processors.


@pytest.mark.parametrize(
    ("state", "count", "flags", "number"),
    [
        (INACTIVE, 0, Vcpu.CONFIG, 8),
        (INACTIVE, 5, Vcpu.CONFIG, 8),
        (RUNNING, 5, Vcpu.LIVE, 8),
        (INACTIVE, 4, Vcpu.HOTPLUGGABLE, 0),
        (INACTIVE, 5, Vcpu.MAXIMUM, 8),
        (INACTIVE, 5, Vcpu.MAXIMUM | Vcpu.LIVE, 8),
        (INACTIVE, 5, Vcpu.MAXIMUM | Vcpu.CONFIG, 0),
        (RUNNING, 5, Vcpu.MAXIMUM | Vcpu.CONFIG | Vcpu.LIVE, 84),
        (RUNNING, 1, Vcpu.GUEST | Vcpu.CONFIG, 8),
        (RUNNING, 1, Vcpu.GUEST | Vcpu.MAXIMUM, 8),
        (INACTIVE, 1, Vcpu.GUEST, 55),
        (PAUSED, 1, Vcpu.GUEST, 55),
        (RUNNING, 1, Vcpu.GUEST, 74),
        (RUNNING, 1, Vcpu.LIVE, 67),
    ],
)
def test_how_many_processors_there_may_be(
    host: SimulatorDriver, state: str, count: int, flags: Vcpu, number: int
) -> None:
    put(host, state, definition(vcpu=FOUR))

    assert number_of(lambda: host.set_vcpus(UUID, count, flags)) == number


def test_processors_that_were_added_go_again_where_the_machine_can_say_so(host: SimulatorDriver) -> None:
    for more, number in (("", 1), (ACPI, 0)):
        put(host, RUNNING, definition(vcpu=FOUR, more=more))
        host.set_vcpus(UUID, 4, Vcpu.LIVE)

        assert number_of(lambda: host.set_vcpus(UUID, 2, Vcpu.LIVE)) == number


def test_the_present_number_of_processors_is_written_only_beside_a_larger_one(host: SimulatorDriver) -> None:
    for count, flags, written in (
        (3, Vcpu.CONFIG | Vcpu.MAXIMUM, "<vcpu placement='static' current='1'>3</vcpu>"),
        (3, Vcpu.CONFIG, "<vcpu placement='static'>3</vcpu>"),
        (2, Vcpu.CONFIG | Vcpu.MAXIMUM, "<vcpu placement='static'>2</vcpu>"),
    ):
        host.set_vcpus(UUID, count, flags)
        assert written in config(host)


def test_an_agent_takes_processors_away_for_the_guest_alone(host: SimulatorDriver) -> None:
    put(host, RUNNING, definition(AGENT, vcpu=FOUR))
    before = live(host)

    host.set_vcpus(UUID, 1, Vcpu.GUEST)

    assert live(host) == before
    assert number_of(lambda: host.set_vcpus(UUID, 3, Vcpu.GUEST)) == 8


# Words.


def test_a_title_and_a_description_come_and_go_and_stand_where_libvirt_puts_them(host: SimulatorDriver) -> None:
    plain = config(host)
    host.set_description(UUID, "two\nlines <&", NEXT)
    host.set_title(UUID, "one & only", NEXT)

    assert (
        "</uuid>\n  <title>one &amp; only</title>\n  <description>two\nlines &lt;&amp;</description>\n  <memory"
        in config(host)
    )
    with refusal(8, "metadata title can't contain newlines"):
        host.set_title(UUID, "two\nlines", NEXT)
    host.set_title(UUID, "", NEXT)
    host.set_description(UUID, None, NEXT)
    assert config(host) == plain


def test_metadata_is_one_element_a_namespace(host: SimulatorDriver) -> None:
    plain = config(host)
    host.set_metadata(UUID, "http://a", "p", "<m one='1'>text<n/></m>", NEXT)
    host.set_metadata(UUID, "http://b", "q", "<m/>", NEXT)
    host.set_metadata(UUID, "http://a", "r", "<o/>", NEXT)

    found = re.search(r"<metadata>.*</metadata>", config(host), re.DOTALL)
    assert found is not None
    assert found.group() == ('<metadata>\n    <q:m xmlns:q="http://b"/>\n    <r:o xmlns:r="http://a"/>\n  </metadata>')
    for uri in ("http://a", "http://b", "http://c"):
        host.set_metadata(UUID, uri, None, None, NEXT)
    assert config(host) == plain


@pytest.mark.parametrize(("key", "text", "number"), [(None, "<m/>", 8), ("1 2", "<m/>", 8), ("p", "<m>", 27)])
def test_metadata_that_is_none(host: SimulatorDriver, key: str | None, text: str, number: int) -> None:
    assert number_of(lambda: host.set_metadata(UUID, "http://a", key, text, NEXT)) == number


# Names and starting with the host.


@pytest.mark.parametrize(
    ("name", "number", "message"),
    [
        ("a/b", 27, "XML error: name a/b cannot contain '/'"),
        ("guest", 55, "Requested operation is not valid: Can't rename domain to itself"),
        ("taken", 55, "Requested operation is not valid: domain with name 'taken' already exists"),
        ("", 8, "string new_name in virDomainRename must not be empty"),
    ],
)
def test_names_that_a_domain_cannot_be_given(host: SimulatorDriver, name: str, number: int, message: str) -> None:
    host.define(definition(name="taken").replace(UUID, UUID.replace("3", "4")))

    with refusal(number, message):
        host.rename(UUID, name)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda host: host.start(UUID), "cannot rename active domain"),
        (lambda host: (host.start(UUID), host.undefine(UUID)), "cannot rename active domain"),
        (
            lambda host: (host.start(UUID, Start.PAUSED), host.managed_save(UUID)),
            "domain with a managed saved state can't be renamed",
        ),
    ],
    ids=["active", "transient", "saved"],
)
def test_when_a_domain_cannot_be_renamed(
    host: SimulatorDriver, prepare: Callable[[SimulatorDriver], object], message: str
) -> None:
    prepare(host)

    with refusal(55, f"Requested operation is not valid: {message}"):
        host.rename(UUID, "a/b")


def test_a_renamed_domain_keeps_its_snapshots_and_their_old_name_inside_them(host: SimulatorDriver) -> None:
    take(host)
    host.set_autostart(UUID, autostart=True)
    host.rename(UUID, "other")

    seen = host.domain(UUID)
    assert seen is not None
    assert (seen.name, seen.autostart, seen.snapshots) == ("other", True, ("a",))
    assert "<name>guest</name>" in host.snapshot_xml(UUID, "a")
    revert(host, "a")
    assert config(host) == definition(name="other")


def test_a_transient_domain_does_not_start_with_the_host(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.undefine(UUID)

    with refusal(55, "Requested operation is not valid: cannot set autostart for transient domain"):
        host.set_autostart(UUID, autostart=True)
