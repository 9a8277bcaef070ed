"""Taking external snapshots of simulated domains,
as libvirt 9.0's QEMU driver does it when run (libvirt-semantics 1.2).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain_model import snapshot_xml
from domain_model.flags import SnapshotCreate
from drivers.simulator import SimulatorDriver
from tests.unit.simulated import (
    INACTIVE,
    PAUSED,
    RUNNING,
    UUID,
    config,
    definition,
    disk,
    host_in,
    images,
    live,
    look,
    modes,
    number_of,
    put,
    refusal,
    take,
    take_outside,
)

DISK_ONLY = SnapshotCreate.DISK_ONLY
PLAIN = SnapshotCreate.NONE
TWO = definition(disk("vda"), disk("vdb"))


def outside(target: str, file: str | None = None, more: str = "", head: str = "") -> str:
    source = "" if file is None else f"<source file='{file}'/>"
    return f"<disks><disk name='{target}' snapshot='external'{head}>{more}{source}</disk></disks>"


def memory(file: str = "/saves/memory") -> str:
    return f"<memory snapshot='external' file='{file}'/>"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    driver = host_in(tmp_path)
    driver.define(definition())
    yield driver
    driver.close()


# What it is.


@pytest.mark.parametrize(
    ("state", "becomes", "said", "reason"),
    [
        (INACTIVE, [["vda.b"], ["vda.b"]], "shutoff", (5, 0)),
        (RUNNING, [["vda.b", "vda.a", "vda.qcow2"]] * 2, "disk-snapshot", (1, 1)),
        (PAUSED, [["vda.b", "vda.a", "vda.qcow2"]] * 2, "disk-snapshot", (3, 1)),
    ],
)
def test_the_domain_goes_on_on_a_new_image(
    host: SimulatorDriver, state: str, becomes: list[list[str]], said: str, reason: tuple[int, int]
) -> None:
    put(host, state)
    take_outside(host, "a", "b")

    assert [images(live(host)), images(config(host))] == becomes
    assert look(host) == reason
    dump = host.snapshot_xml(UUID, "b")
    described = snapshot_xml.read(dump)
    assert (described.state, described.memory, described.location) == (said, "no", "external")
    assert (
        "<disks>\n    <disk name='vda' snapshot='external' type='file'>\n      <driver type='qcow2'/>\n"
        "      <source file='/images/vda.b'/>\n    </disk>\n  </disks>"
    ) in dump
    assert images(dump)[1] == "vda.a"  # The definition in it is of the moment before.


def test_a_definition_that_is_to_come_goes_on_on_the_new_image_if_it_would_have_been_on_the_old(
    host: SimulatorDriver,
) -> None:
    host.start(UUID)
    for text, becomes in ((definition(memory_kib=32768), "vda.a"), (definition(disk("vda", "/other")), "other")):
        host.define(text)
        take_outside(host, becomes[-1:])
        assert images(config(host))[0] == becomes


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("/images/guest.qcow2", "/images/guest.a"),
        ("/images/guest", "/images/guest.a"),
        ("/images.d/guest", "/images.d/guest.a"),
        ("/images/guest.1.qcow2", "/images/guest.1.a"),
    ],
)
def test_a_new_image_stands_beside_the_old_one_under_the_snapshots_name(
    host: SimulatorDriver, source: str, file: str
) -> None:
    host.define(definition(disk("vda", source)))

    take_outside(host, "a")

    assert f"<source file='{file}'/>" in config(host)


def test_a_disk_that_had_no_driver_gets_one_with_its_new_format(host: SimulatorDriver) -> None:
    host.define(definition(disk("vda", driver="")))

    take_outside(host, "a")

    assert "<driver name='qemu' type='qcow2'/><source file='/images/vda.a'/>" in config(host)


@pytest.mark.parametrize(
    ("state", "inner", "flags", "becomes"),
    [
        (INACTIVE, "", DISK_ONLY | SnapshotCreate.HALT, (5, 0)),
        (RUNNING, "", DISK_ONLY | SnapshotCreate.HALT, (5, 7)),
        (RUNNING, memory(), PLAIN, (1, 5)),
        (PAUSED, memory(), PLAIN, (3, 1)),
        (RUNNING, memory(), SnapshotCreate.LIVE, (1, 5)),
        (PAUSED, memory(), SnapshotCreate.LIVE, (3, 1)),
        (PAUSED, memory(), SnapshotCreate.HALT, (5, 7)),
        (RUNNING, memory() + "<disks><disk name='vda' snapshot='no'/></disks>", PLAIN, (1, 5)),
    ],
)
def test_the_state_afterwards(
    host: SimulatorDriver, state: str, inner: str, flags: SnapshotCreate, becomes: tuple[int, int]
) -> None:
    put(host, state)

    take(host, inner=inner, flags=flags)

    assert look(host) == becomes
    described = snapshot_xml.read(host.snapshot_xml(UUID, "a"))
    assert described.location == "external"
    assert described.memory_file == ("/saves/memory" if inner else None)


def test_a_guest_is_left_paused_for_whoever_copies_a_disk_by_hand(host: SimulatorDriver) -> None:
    put(host, RUNNING, TWO)

    take(host, inner="<disks><disk name='vdb' snapshot='manual'/></disks>", flags=DISK_ONLY)

    assert look(host) == (3, 9)
    assert modes(host) == {"vda": "external", "vdb": "manual"}


def test_disks_can_be_left_out(host: SimulatorDriver) -> None:
    host.define(definition(disk("vda"), disk("vdb", head=" snapshot='no'"), disk("vdc", more="<readonly/>")))

    take_outside(host, "a")

    assert modes(host) == {"vda": "external", "vdb": "no", "vdc": "no"}
    assert images(config(host)) == ["vda.a", "vdb.qcow2", "vdc.qcow2"]


def test_one_that_is_not_remembered_leaves_its_image(host: SimulatorDriver) -> None:
    take(host, flags=DISK_ONLY | SnapshotCreate.NO_METADATA)

    assert host.snapshot_dumps(UUID) == {}
    assert images(config(host)) == ["vda.a"]
    with refusal(
        67,
        "unsupported configuration: external snapshot file for disk vda already exists and is not a block device:"
        " /images/vda.a",
    ):
        take_outside(host, "a")


# Files.


def test_an_image_that_somebody_made_is_used_when_asked_to(host: SimulatorDriver) -> None:
    reuse = DISK_ONLY | SnapshotCreate.REUSE_EXT
    with refusal(38, "missing existing file for disk vda: /images/vda.a: No such file or directory"):
        take(host, flags=reuse)
    host.make_image("/images/vda.a")

    assert number_of(lambda: take(host, flags=DISK_ONLY)) == 67
    take(host, flags=reuse)
    assert images(config(host)) == ["vda.a"]


@pytest.mark.parametrize(
    ("inner", "number", "message"),
    [
        (
            outside("vda", "/images/vda.qcow2"),
            67,
            (
                "unsupported configuration: external snapshot file for disk vda already exists and is not a block"
                " device: /images/vda.qcow2"
            ),
        ),
        (outside("vda", "vda.a"), 27, "XML error: disk snapshot image path 'vda.a' must be absolute"),
        (
            outside("vda", more="<driver type='raw'/>"),
            67,
            "unsupported configuration: external snapshot format for disk vda is unsupported: raw",
        ),
        (
            outside("vda", more="<source dev='/dev/nothing'/>", head=" type='block'"),
            84,
            "Operation not supported: block device snapshot target '/dev/nothing' doesn't exist",
        ),
        (
            "<memory snapshot='internal'/>",
            27,
            "XML error: memory state cannot be saved with offline or disk-only snapshot",
        ),
        (memory(), 27, "XML error: memory state cannot be saved with offline or disk-only snapshot"),
        (
            "<disks><disk name='vda' snapshot='no'/></disks>",
            67,
            "unsupported configuration: nothing selected for snapshot",
        ),
        (
            "<disks><disk name='vda' snapshot='manual'/></disks>",
            67,
            "unsupported configuration: nothing selected for snapshot",
        ),
    ],
)
@pytest.mark.parametrize("state", [INACTIVE, RUNNING])
def test_disks_that_cannot_go_outside(host: SimulatorDriver, state: str, inner: str, number: int, message: str) -> None:
    put(host, state)

    with refusal(number, message):
        take(host, inner=inner, flags=DISK_ONLY)


REGULAR = "source for disk 'vda' is not a regular file; refusing to generate external snapshot name"
NETWORK = """<disk type='network'><source protocol='nbd' name='export'/><target dev='vda'/></disk>"""


@pytest.mark.parametrize(
    ("devices", "state", "inner", "number", "message"),
    [
        (
            [disk("vda", "/images/a.qcow2"), disk("vdb", "/images/a.raw")],
            INACTIVE,
            "",
            67,
            "unsupported configuration: cannot generate external snapshot name for disk 'vdb': collision with disk 'vda'",
        ),
        ([NETWORK], INACTIVE, "", 67, f"unsupported configuration: {REGULAR}"),
        (
            [NETWORK],
            INACTIVE,
            outside("vda", "/images/vda.a"),
            1,
            "internal error: external inactive snapshots are not supported on 'network' disks",
        ),
        (
            [disk("vda", source=None)],
            INACTIVE,
            outside("vda"),
            67,
            "unsupported configuration: cannot generate external snapshot name for disk 'vda' without source",
        ),
        (
            [disk("vda", more="<shareable/>")],
            INACTIVE,
            "",
            67,
            "unsupported configuration: shared access for disk 'vda' requires use of supported storage format",
        ),
        (
            [disk("vda").replace("'disk'", "'lun'")],
            RUNNING,
            "",
            67,
            "unsupported configuration: external active snapshots are not supported on scsi passthrough devices",
        ),
        (
            [disk("vda", more="<transient/>")],
            RUNNING,
            "",
            84,
            "Operation not supported: block jobs are not supported on transient disk 'vda'",
        ),
        (
            [disk("vda")],
            RUNNING,
            "<disks><disk name='vda' snapshot='internal'/></disks>",
            67,
            (
                "unsupported configuration: active qemu domains require external disk snapshots; disk vda requested"
                " internal"
            ),
        ),
        (
            [disk("vda"), disk("vdb")],
            INACTIVE,
            "<disks><disk name='vda' snapshot='internal'/></disks>",
            67,
            "unsupported configuration: mixing internal and external targets for a snapshot is not yet supported",
        ),
    ],
)
def test_domains_whose_disks_cannot_go_outside(
    host: SimulatorDriver, devices: list[str], state: str, inner: str, number: int, message: str
) -> None:
    put(host, state, definition(*devices))

    with refusal(number, message):
        take(host, inner=inner, flags=DISK_ONLY)


@pytest.mark.parametrize(
    ("state", "inner", "flags", "number"),
    [
        (INACTIVE, "", SnapshotCreate.LIVE, 84),
        (RUNNING, "", SnapshotCreate.LIVE, 84),
        (RUNNING, "", SnapshotCreate.LIVE | DISK_ONLY, 84),
        (INACTIVE, memory(), PLAIN, 27),
        (RUNNING, outside("vda"), PLAIN, 67),
        (RUNNING, memory() + "<disks><disk name='vda' snapshot='internal'/></disks>", PLAIN, 67),
        (RUNNING, "<memory snapshot='no'/>" + outside("vda"), PLAIN, 84),
    ],
)
def test_memory_and_disks_that_do_not_go_together(
    host: SimulatorDriver, state: str, inner: str, flags: SnapshotCreate, number: int
) -> None:
    put(host, state)

    assert number_of(lambda: take(host, inner=inner, flags=flags)) == number


def test_a_transient_domain_cannot_be_halted_with_it(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.undefine(UUID)

    with refusal(55, "Requested operation is not valid: cannot halt after transient domain snapshot"):
        take(host, flags=DISK_ONLY | SnapshotCreate.HALT)
    take_outside(host, "a")
    assert images(live(host))[0] == "vda.a"


def test_of_an_image_that_is_gone_there_is_no_snapshot(host: SimulatorDriver) -> None:
    host.erase("/images/vda.qcow2")

    assert number_of(lambda: take(host)) == 1
    assert number_of(lambda: take_outside(host, "a")) == 1
    with refusal(38, "Cannot access storage file '/images/vda.qcow2': No such file or directory"):
        host.start(UUID)
