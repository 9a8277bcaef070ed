"""The rules of libvirt's QEMU driver that the driver contract cannot reach through the port alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain_model import snapshot_xml
from domain_model.errors import Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert, Start, Undefine
from domain_model.snapshot_xml import build
from drivers.simulator import SimulatorDriver

UUID = "3e2e4c1a-2b1f-4b53-9d0f-8a6f2c7d1e90"
NOW = 1_700_000_000
QCOW2 = "<driver name='qemu' type='qcow2'/>"


def disk(
    target: str, source: str | None = "/images/{}.qcow2", driver: str = QCOW2, more: str = "", head: str = ""
) -> str:
    path = "" if source is None else f"<source file='{source.format(target)}'/>"
    return f"<disk type='file' device='disk'{head}>{driver}{path}<target dev='{target}' bus='virtio'/>{more}</disk>"


def definition(*disks: str) -> str:
    return f"""<domain type='qemu'>
  <name>guest</name>
  <uuid>{UUID}</uuid>
  <memory unit='KiB'>16384</memory>
  <os><type>hvm</type></os>
  <devices>{"".join(disks or [disk("vda")])}</devices>
</domain>
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    """A host with one inactive domain."""
    driver = SimulatorDriver(tmp_path / "alpha", "alpha", clock=lambda: NOW)
    driver.define(definition())
    yield driver
    driver.close()


def take(host: SimulatorDriver, name: str = "a", inner: str = "", flags: SnapshotCreate = SnapshotCreate.NONE) -> None:
    host.snapshot_create(UUID, f"<domainsnapshot><name>{name}</name>{inner}</domainsnapshot>", flags)


def look(host: SimulatorDriver) -> tuple[int, int]:
    seen = host.domain(UUID)
    assert seen is not None
    return int(seen.state), seen.reason


def modes(host: SimulatorDriver, name: str = "a") -> dict[str, str | None]:
    return {disk.name: disk.snapshot for disk in snapshot_xml.read(host.snapshot_xml(UUID, name)).disks}


def refusal(number: int, message: str) -> "pytest.RaisesExc[Refused]":
    return pytest.raises(Refused, check=lambda error: (error.number, error.message) == (number, message))


# Managed save.


def test_a_managed_save_is_gone_on_with_at_the_next_start(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.managed_save(UUID)
    seen = host.domain(UUID)
    assert seen is not None
    assert (seen.managed_save, look(host)) == (True, (5, 5))

    host.start(UUID)

    seen = host.domain(UUID)
    assert seen is not None
    assert (seen.managed_save, look(host)) == (False, (1, 3))


def test_a_managed_save_of_a_paused_domain_starts_paused(host: SimulatorDriver) -> None:
    host.start(UUID, Start.PAUSED)
    host.managed_save(UUID)

    host.start(UUID)

    assert look(host) == (3, 2)


def test_a_domain_with_a_managed_save_is_not_undefined_and_keeps_its_snapshots(host: SimulatorDriver) -> None:
    take(host)
    host.start(UUID)
    host.managed_save(UUID)

    with refusal(55, "Requested operation is not valid: Refusing to undefine while domain managed save image exists"):
        host.undefine(UUID, Undefine.SNAPSHOTS_METADATA)

    seen = host.domain(UUID)
    assert seen is not None
    assert seen.snapshots == ("a",)


def test_reverting_past_a_managed_save_needs_force_unless_the_snapshot_has_memory(host: SimulatorDriver) -> None:
    take(host, "off")
    host.start(UUID)
    take(host, "on")
    host.managed_save(UUID)

    with refusal(
        77,
        "revert requires force: snapshot without memory state, removal of existing managed saved state strongly"
        " recommended to avoid corruption",
    ):
        host.snapshot_revert(UUID, "off", SnapshotRevert.NONE)
    host.snapshot_revert(UUID, "off", SnapshotRevert.FORCE)
    assert look(host) == (5, 5)
    host.snapshot_revert(UUID, "on", SnapshotRevert.NONE)
    assert look(host) == (1, 4)


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        (lambda host: host.managed_save(UUID), "cannot do managed save for transient domain"),
        (lambda host: host.set_autostart(UUID, autostart=True), "cannot set autostart for transient domain"),
    ],
    ids=["managed save", "autostart"],
)
def test_what_a_transient_domain_cannot_have(host: SimulatorDriver, verb: object, message: str) -> None:
    assert callable(verb)
    host.start(UUID)
    host.set_autostart(UUID, autostart=True)
    host.undefine(UUID)
    seen = host.domain(UUID)
    assert seen is not None
    assert not seen.autostart

    with refusal(55, f"Requested operation is not valid: {message}"):
        verb(host)


def test_a_guest_that_crashed_says_so(host: SimulatorDriver) -> None:
    host.start(UUID)
    host.crash(UUID)

    assert look(host) == (5, 3)


# Which disks a snapshot covers.


def test_read_only_disks_and_empty_drives_are_left_out_and_the_rest_is_in_the_domains_order(
    host: SimulatorDriver,
) -> None:
    host.define(definition(disk("vda"), disk("vdb", more="<readonly/>"), disk("vdc", source=None), disk("vdd")))

    take(host, inner="<disks><disk name='/images/vdd.qcow2'/><disk name='vda' snapshot='internal'/></disks>")

    assert list(modes(host).items()) == [("vda", "internal"), ("vdb", "no"), ("vdc", "no"), ("vdd", "internal")]


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("<disk name='vdz'/>", "no disk named 'vdz'"),
        ("<disk name='vda'/><disk name='/images/vda.qcow2'/>", "disk 'vda' specified twice"),
        ("<disk name='vda' snapshot='no'/>", "disk 'vda' must use snapshot mode 'internal'"),
        ("<disk name='vda' snapshot='manual'/>", "disk 'vda' must use snapshot mode 'internal'"),
        ("<disk name='vda' snapshot='external'/>", "disk 'vda' must use snapshot mode 'internal'"),
    ],
)
def test_disks_that_do_not_fit_the_domain_are_refused(host: SimulatorDriver, inner: str, message: str) -> None:
    with refusal(67, f"unsupported configuration: {message}"):
        take(host, inner=f"<disks>{inner}</disks>")


ALL_DISKS = "internal and full system snapshots require all disks to be selected for snapshot"


@pytest.mark.parametrize(
    ("disks", "running", "message"),
    [
        ([disk("vda", driver="")], False, "internal snapshot for disk vda unsupported for storage type raw"),
        (
            [disk("vda", driver="<driver type='raw'/>")],
            True,
            "internal snapshot for disk vda unsupported for storage type raw",
        ),
        ([disk("vda", more="<readonly/>")], False, "nothing selected for snapshot"),
        ([disk("vda", more="<readonly/>")], True, ALL_DISKS),
        ([disk("vda"), disk("vdb", head=" snapshot='no'")], False, ALL_DISKS),
    ],
)
def test_a_domain_whose_disks_cannot_keep_it_gets_no_snapshot(
    host: SimulatorDriver,
    disks: list[str],
    running: bool,  # noqa: FBT001  a parameter of the test
    message: str,
) -> None:
    host.define(definition(*disks))
    if running:
        host.start(UUID)

    with refusal(67, f"unsupported configuration: {message}"):
        take(host)


def test_memory_is_kept_of_a_running_domain_and_only_of_one(host: SimulatorDriver) -> None:
    with refusal(27, "XML error: memory state cannot be saved with offline or disk-only snapshot"):
        take(host, inner="<memory snapshot='internal'/>")
    host.start(UUID)
    with refusal(84, "Operation not supported: internal snapshot of a running VM must include the memory state"):
        take(host, inner="<memory snapshot='no'/>")
    take(host, inner="<memory snapshot='internal'/>")


# Names and times.


def test_a_snapshot_without_a_name_is_named_by_its_time(host: SimulatorDriver) -> None:
    host.snapshot_create(UUID, build(None), SnapshotCreate.NONE)

    described = snapshot_xml.read(host.snapshot_xml(UUID, str(NOW)))
    assert (described.name, described.creation_time) == (str(NOW), NOW)


def test_a_snapshot_that_is_not_remembered_may_have_any_name(host: SimulatorDriver) -> None:
    take(host, "a/b", flags=SnapshotCreate.NO_METADATA)
    with refusal(35, "invalid snapshot name 'a/b': name can't contain '/'"):
        take(host, "a/b")


def test_a_refused_snapshot_leaves_the_domain_as_it_was(host: SimulatorDriver) -> None:
    host.start(UUID)
    take(host)
    host.destroy(UUID)
    host.start(UUID)

    with pytest.raises(Refused):
        take(host, flags=SnapshotCreate.HALT)

    assert look(host) == (1, 1)


# External snapshots, which can be redefined here and not taken.


@pytest.fixture
def external(host: SimulatorDriver) -> SimulatorDriver:
    """The host with snapshots a > b > c, of which b is external."""
    take(host, "a")
    take(host, "b")
    take(host, "c")
    dump = host.snapshot_xml(UUID, "b").replace(
        "<disk name='vda' snapshot='internal'/>",
        "<disk name='vda' snapshot='external' type='file'><source file='/b'/></disk>",
    )
    host.snapshot_create(UUID, dump, SnapshotCreate.REDEFINE)
    return host


def test_external_snapshots_are_not_reverted_to(external: SimulatorDriver) -> None:
    with refusal(67, "unsupported configuration: revert to external snapshot not supported yet"):
        external.snapshot_revert(UUID, "b", SnapshotRevert.NONE)


def test_external_snapshots_are_only_deleted_as_metadata(external: SimulatorDriver) -> None:
    for name, flags, number in [
        ("b", SnapshotDelete.NONE, 84),
        ("b", SnapshotDelete.CHILDREN, 67),
        ("a", SnapshotDelete.CHILDREN, 67),
        ("a", SnapshotDelete.CHILDREN_ONLY, 67),
    ]:
        with pytest.raises(Refused) as refused:
            external.snapshot_delete(UUID, name, flags)
        assert (name, flags, refused.value.number) == (name, flags, number)

    external.snapshot_delete(UUID, "b", SnapshotDelete.METADATA_ONLY)

    assert snapshot_xml.read(external.snapshot_xml(UUID, "c")).parent == "a"


def test_a_snapshot_does_not_change_its_kind_by_being_redefined(external: SimulatorDriver) -> None:
    dump = external.snapshot_xml(UUID, "b").replace(">shutoff<", ">disk-snapshot<")

    with refusal(8, "invalid argument: cannot change between disk only and full system in snapshot b"):
        external.snapshot_create(UUID, dump, SnapshotCreate.REDEFINE)
    with refusal(8, "invalid argument: disk-only flag for snapshot a requires disk-snapshot state"):
        external.snapshot_create(
            UUID, external.snapshot_xml(UUID, "a"), SnapshotCreate.REDEFINE | SnapshotCreate.DISK_ONLY
        )
