"""The simulator's XML against real dumps of libvirt's QEMU driver (tests/golden)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain_model import snapshot_xml, xml
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert
from domain_model.snapshot_xml import SnapshotDescription, build
from drivers.simulator import SimulatorDriver

GOLDEN = Path(__file__).parents[1] / "golden"
DOMAIN, OFFLINE, RUNNING = (
    (GOLDEN / f"qemu-{name}.xml").read_text(encoding="utf-8")
    for name in ("domain", "snapshot-offline", "snapshot-running")
)

# libvirt orders the controllers anew when a domain is first started, and the offline snapshot was taken before.
BEFORE_ITS_FIRST_START = xml.dedent(snapshot_xml.split(OFFLINE).domain or "", 2) + "\n"


def described(text: str) -> SnapshotDescription:
    return snapshot_xml.read(text)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SimulatorDriver]:
    now = described(OFFLINE).creation_time or 0
    driver = SimulatorDriver(tmp_path / "alpha", "alpha", clock=lambda: now + 0.9)
    yield driver
    driver.close()


@pytest.fixture
def uuid(host: SimulatorDriver) -> str:
    """The golden domain, defined."""
    host.define(DOMAIN)
    (seen,) = host.domains()
    return seen.uuid


def test_a_definition_dumped_by_libvirt_comes_back_to_the_byte(host: SimulatorDriver, uuid: str) -> None:
    assert host.domain_xml(uuid, inactive=True) == host.domain_xml(uuid, inactive=False) == DOMAIN


def test_a_running_domains_dump_differs_by_its_id_alone(host: SimulatorDriver, uuid: str) -> None:
    host.start(uuid)

    assert host.domain_xml(uuid, inactive=False) == DOMAIN.replace(
        "<domain type='qemu'>", "<domain type='qemu' id='1'>"
    )
    assert host.domain_xml(uuid, inactive=True) == DOMAIN


def test_defining_a_live_dump_forgets_its_id_and_what_stands_around_the_element(
    host: SimulatorDriver, uuid: str
) -> None:
    host.define(
        '<?xml version="1.0"?>\n<!-- mine -->\n' + DOMAIN.replace("<domain type='qemu'>", "<domain id='7' type='qemu'>")
    )

    assert host.domain_xml(uuid, inactive=True) == DOMAIN


def test_an_offline_snapshot_is_dumped_exactly_as_libvirt_dumped_it(host: SimulatorDriver, uuid: str) -> None:
    golden = described(OFFLINE)
    host.define(BEFORE_ITS_FIRST_START)

    host.snapshot_create(uuid, build(golden.name, golden.description), SnapshotCreate.NONE)

    assert host.snapshot_xml(uuid, golden.name or "") == OFFLINE


def test_a_running_snapshot_has_the_same_parts_as_libvirts(host: SimulatorDriver, uuid: str) -> None:
    host.snapshot_create(uuid, OFFLINE, SnapshotCreate.REDEFINE | SnapshotCreate.CURRENT)
    host.start(uuid)
    golden = described(RUNNING)
    host.snapshot_create(uuid, build(golden.name, golden.description), SnapshotCreate.NONE)

    ours, theirs = (snapshot_xml.split(text) for text in (host.snapshot_xml(uuid, golden.name or ""), RUNNING))

    assert ours.inactive_domain == theirs.inactive_domain
    assert ours.domain == (theirs.inactive_domain or "").replace("inactiveDomain", "domain")
    # What a real guest's processor looked like is the hypervisor's to say.
    header = theirs.header.replace(str(golden.creation_time), str(described(OFFLINE).creation_time))
    assert ours.header == header[: header.index("  <cookie>")] + header[header.index("</domainsnapshot>") :]


def test_snapshots_dumped_by_libvirt_and_redefined_read_back_to_the_byte(host: SimulatorDriver, uuid: str) -> None:
    host.snapshot_create(uuid, OFFLINE, SnapshotCreate.REDEFINE)
    host.snapshot_create(uuid, RUNNING, SnapshotCreate.REDEFINE | SnapshotCreate.CURRENT)

    assert host.snapshot_xml(uuid, described(OFFLINE).name or "") == OFFLINE
    assert host.snapshot_xml(uuid, described(RUNNING).name or "") == RUNNING


def test_a_surviving_child_is_dumped_with_its_new_parent(host: SimulatorDriver, uuid: str) -> None:
    host.snapshot_create(uuid, OFFLINE, SnapshotCreate.REDEFINE)
    host.snapshot_create(uuid, RUNNING, SnapshotCreate.REDEFINE)
    parent, child = described(OFFLINE).name or "", described(RUNNING).name or ""

    host.snapshot_delete(uuid, parent, SnapshotDelete.NONE)

    assert host.snapshot_xml(uuid, child) == RUNNING.replace(
        f"  <parent>\n    <name>{parent}</name>\n  </parent>\n", ""
    )


def test_reverting_gives_the_domain_the_bytes_it_had(host: SimulatorDriver, uuid: str) -> None:
    host.snapshot_create(uuid, OFFLINE, SnapshotCreate.REDEFINE)
    host.snapshot_create(uuid, RUNNING, SnapshotCreate.REDEFINE)
    host.define(DOMAIN.replace(">32768<", ">65536<"))

    host.snapshot_revert(uuid, described(RUNNING).name or "", SnapshotRevert.NONE)
    assert host.domain_xml(uuid, inactive=True) == DOMAIN
    host.define(DOMAIN.replace(">32768<", ">65536<"))
    host.snapshot_revert(uuid, described(OFFLINE).name or "", SnapshotRevert.NONE)
    assert host.domain_xml(uuid, inactive=True) == BEFORE_ITS_FIRST_START


EXTERNAL = """  <disks>
    <disk name='vda' snapshot='external' type='file'>
      <driver type='qcow2'/>
      <source file='/images/vda.before'/>
    </disk>
    <disk name='vdb' snapshot='no'/>
  </disks>
"""


def test_external_snapshots_can_be_redefined_to_the_byte(host: SimulatorDriver, uuid: str) -> None:
    internal = OFFLINE[OFFLINE.index("  <disks>") : OFFLINE.index("  <domain ")]
    external = OFFLINE.replace(internal, EXTERNAL).replace(">shutoff<", ">disk-snapshot<")

    host.snapshot_create(uuid, external, SnapshotCreate.REDEFINE | SnapshotCreate.DISK_ONLY)

    assert host.snapshot_xml(uuid, described(OFFLINE).name or "") == external


def test_what_a_hand_written_snapshot_leaves_out_is_filled_in_and_what_libvirt_does_not_know_is_left_out(
    host: SimulatorDriver, uuid: str
) -> None:
    internal = OFFLINE[OFFLINE.index("  <disks>") : OFFLINE.index("  <domain ")]
    by_hand = (
        OFFLINE.replace(internal, "<foreign/>")
        .replace("  <memory snapshot='no'/>\n", "")
        .replace("<domainsnapshot>", "<domainsnapshot><cookie><slirpHelper/></cookie>")
    )
    assert by_hand != OFFLINE

    host.snapshot_create(uuid, by_hand, SnapshotCreate.REDEFINE)

    assert host.snapshot_xml(uuid, described(OFFLINE).name or "") == OFFLINE
