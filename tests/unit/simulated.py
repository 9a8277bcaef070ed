"""One domain on a simulated host, for the tests of the simulator's rules: how it is written, taken and looked at."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from domain_model import snapshot_xml
from domain_model.errors import Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert, Start, Undefine
from drivers.simulator import SimulatorDriver

UUID = "3e2e4c1a-2b1f-4b53-9d0f-8a6f2c7d1e90"
NOW = 1_700_000_000
QCOW2 = "<driver name='qemu' type='qcow2'/>"
AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
ACPI = "<features><acpi/></features>"

INACTIVE, RUNNING, PAUSED = "inactive", "running", "paused"


def disk(
    target: str, source: str | None = "/images/{}.qcow2", driver: str = QCOW2, more: str = "", head: str = ""
) -> str:
    path = "" if source is None else f"<source file='{source.format(target)}'/>"
    return f"<disk type='file' device='disk'{head}>{driver}{path}<target dev='{target}' bus='virtio'/>{more}</disk>"


def definition(
    *devices: str,
    name: str = "guest",
    memory_kib: int = 16384,
    vcpu: str = "<vcpu>1</vcpu>",
    more: str = "",
    os: str = "<os><type arch='x86_64' machine='pc'>hvm</type></os>",
) -> str:
    return f"""<domain type='qemu'>
  <name>{name}</name>
  <uuid>{UUID}</uuid>
  <memory unit='KiB'>{memory_kib}</memory>
  {vcpu}
  {os}{more}
  <devices>{"".join(devices or [disk("vda")])}</devices>
</domain>
"""


def host_in(folder: Path) -> SimulatorDriver:
    return SimulatorDriver(folder / "alpha", "alpha", clock=lambda: NOW)


def put(host: SimulatorDriver, state: str, text: str | None = None) -> None:
    """The domain anew, as ``text``, in a state."""
    seen = host.domain(UUID)
    if seen is not None:
        if seen.active:
            host.destroy(UUID)
        every = Undefine.MANAGED_SAVE | Undefine.SNAPSHOTS_METADATA | Undefine.NVRAM | Undefine.CHECKPOINTS_METADATA
        if host.domain(UUID) is not None:
            host.undefine(UUID, every)
    host.define(text or definition())
    if state != INACTIVE:
        host.start(UUID, Start.PAUSED if state == PAUSED else Start.NONE)


def take(host: SimulatorDriver, name: str = "a", inner: str = "", flags: SnapshotCreate = SnapshotCreate.NONE) -> None:
    host.snapshot_create(UUID, f"<domainsnapshot><name>{name}</name>{inner}</domainsnapshot>", flags)


def take_outside(host: SimulatorDriver, *names: str) -> None:
    """Disk-only snapshots, one upon the other."""
    for name in names:
        take(host, name, flags=SnapshotCreate.DISK_ONLY)


def revert(host: SimulatorDriver, name: str, flags: SnapshotRevert = SnapshotRevert.NONE) -> None:
    host.snapshot_revert(UUID, name, flags)


def delete(host: SimulatorDriver, name: str, flags: SnapshotDelete = SnapshotDelete.NONE) -> None:
    host.snapshot_delete(UUID, name, flags)


def look(host: SimulatorDriver) -> tuple[int, int]:
    """State and reason."""
    seen = host.domain(UUID)
    assert seen is not None
    return int(seen.state), seen.reason


def tree(host: SimulatorDriver) -> tuple[dict[str, str | None], str | None]:
    """The snapshots with their parents, and the current one."""
    seen = host.domain(UUID)
    assert seen is not None
    dumps = host.snapshot_dumps(UUID)
    return {name: snapshot_xml.read(dump).parent for name, dump in dumps.items()}, seen.current_snapshot


def modes(host: SimulatorDriver, name: str = "a") -> dict[str, str | None]:
    return {disk.name: disk.snapshot for disk in snapshot_xml.read(host.snapshot_xml(UUID, name)).disks}


def images(text: str) -> list[str]:
    """The images a text names, in order, without their folder."""
    return [path.rpartition("/")[2] for path in re.findall(r"<source file='([^']*)'", text)]


def live(host: SimulatorDriver) -> str:
    return host.domain_xml(UUID, inactive=False)


def config(host: SimulatorDriver) -> str:
    return host.domain_xml(UUID, inactive=True)


def refusal(number: int, message: str) -> "pytest.RaisesExc[Refused]":
    return pytest.raises(Refused, check=lambda error: (error.number, error.message) == (number, message))


def number_of(act: Callable[[], object]) -> int:
    """The number an act is refused with; 0 if it is not."""
    try:
        act()
    except Refused as error:
        return error.number
    return 0
