"""The simulated host's file: whole acts only, whoever is killed, and however many use it at once."""

import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain_model.errors import HypervisorUnreachable, OperationFailed
from domain_model.flags import SnapshotCreate, Start
from domain_model.snapshot_xml import build
from drivers.simulator import SimulatorDriver

UUID = "3e2e4c1a-2b1f-4b53-9d0f-8a6f2c7d1e90"
DEFINITION = f"""<domain type='qemu'>
  <name>guest</name>
  <uuid>{UUID}</uuid>
  <memory unit='KiB'>16384</memory>
  <os><type>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><driver type='qcow2'/><source file='/images/guest'/><target dev='vda'/></disk>
  </devices>
</domain>
"""

# Takes snapshots until it is killed, telling of each one when it is done.
_TAKE_SNAPSHOTS = """
import itertools, sys
from pathlib import Path
from domain_model.flags import SnapshotCreate, Start
from domain_model.snapshot_xml import build
from drivers.simulator import SimulatorDriver
host = SimulatorDriver(Path(sys.argv[1]), "alpha")
for number in itertools.count():
    host.snapshot_create(sys.argv[2], build(f"{sys.argv[3]}{number}"), SnapshotCreate.NONE)
    print(number, flush=True)
"""


def snapshots(host: SimulatorDriver) -> frozenset[str]:
    seen = host.domain(UUID)
    assert seen is not None
    return frozenset(seen.snapshots)


def test_a_host_remembers_what_it_is_and_holds(tmp_path: Path) -> None:
    first = SimulatorDriver(tmp_path / "hosts" / "alpha", "alpha")
    first.define(DEFINITION)
    first.start(UUID, Start.PAUSED)
    identity, seen = first.identity(), first.domain(UUID)
    first.close()

    second = SimulatorDriver(tmp_path / "hosts" / "alpha", "alpha")

    assert (second.identity(), second.domain(UUID)) == (identity, seen)
    assert second.identity().hostname == "alpha"
    second.close()


def test_two_hosts_are_two_hosts(tmp_path: Path) -> None:
    hosts = [SimulatorDriver(tmp_path / name, name) for name in ("alpha", "beta")]
    hosts[0].define(DEFINITION)

    assert hosts[0].identity().host_uuid != hosts[1].identity().host_uuid
    assert hosts[1].domains() == []
    for host in hosts:
        host.close()


def test_a_host_asked_for_by_many_at_once_is_made_once(tmp_path: Path) -> None:
    hosts = [SimulatorDriver(tmp_path / "alpha", "alpha") for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        uuids = set(pool.map(lambda host: host.identity().host_uuid, hosts))

    assert len(uuids) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if "-" not in path.name) == ["alpha"]
    for host in hosts:
        host.close()


def test_acts_of_many_threads_happen_one_after_the_other(tmp_path: Path) -> None:
    host = SimulatorDriver(tmp_path / "alpha", "alpha")
    host.define(DEFINITION)
    names = [f"s{number}" for number in range(60)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: host.snapshot_create(UUID, build(name), SnapshotCreate.NONE), names))

    assert snapshots(host) == set(names)
    parents = [host.snapshot_xml(UUID, name).count("<parent>") for name in names]
    assert sorted(parents) == [0] + [1] * 59
    host.close()


def test_what_a_killed_process_was_told_is_done_stays_done(tmp_path: Path) -> None:
    host = SimulatorDriver(tmp_path / "alpha", "alpha")
    host.define(DEFINITION)
    command = [sys.executable, "-c", _TAKE_SNAPSHOTS, str(tmp_path / "alpha"), UUID]
    takers = [subprocess.Popen([*command, letter], stdout=subprocess.PIPE, text=True) for letter in "pq"]

    told: set[str] = set()
    for taker, letter in zip(takers, "pq", strict=True):
        assert taker.stdout is not None
        for _ in range(10):
            told.add(letter + taker.stdout.readline().strip())
        taker.send_signal(signal.SIGKILL)
        told |= {letter + line.strip() for line in taker.stdout if line.endswith("\n")}
        taker.wait()
        taker.stdout.close()

    assert len(told) >= 20
    # Each may have done one more, and was killed before it could say so.
    assert told <= snapshots(host)
    assert len(snapshots(host) - told) <= 2
    host.snapshot_create(UUID, build("afterwards"), SnapshotCreate.NONE)
    host.close()


def test_a_refused_act_changes_nothing(tmp_path: Path) -> None:
    host = SimulatorDriver(tmp_path / "alpha", "alpha")
    host.define(DEFINITION)
    host.start(UUID)
    host.snapshot_create(UUID, build("a"), SnapshotCreate.NONE)
    before = host.domain(UUID)

    with pytest.raises(OperationFailed):
        host.snapshot_create(UUID, build("a"), SnapshotCreate.HALT)

    assert host.domain(UUID) == before
    host.close()


def test_a_closed_host_and_one_that_went_away_are_unreachable(tmp_path: Path) -> None:
    host = SimulatorDriver(tmp_path / "alpha", "alpha")
    host.define(DEFINITION)
    host.close()

    with pytest.raises(HypervisorUnreachable, match="was closed"):
        host.domains()


def test_a_file_that_is_no_host_is_unreachable_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "alpha"
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    content = path.read_bytes()

    with pytest.raises(HypervisorUnreachable, match="Cannot reach the hypervisor: the simulated host in alpha: "):
        SimulatorDriver(path, "alpha").domains()

    assert path.read_bytes() == content


def test_a_file_of_a_newer_revisor_is_not_touched(tmp_path: Path) -> None:
    host = SimulatorDriver(tmp_path / "alpha", "alpha")
    host.define(DEFINITION)
    host.close()
    connection = sqlite3.connect(tmp_path / "alpha")
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(HypervisorUnreachable, match="its format is 99, this Revisor reads 2"):
        SimulatorDriver(tmp_path / "alpha", "alpha").start(UUID)


# The tables as the first Revisor made them.
_FIRST = """
CREATE TABLE host (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), uuid TEXT NOT NULL,
    last_id INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE domain (uuid TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition TEXT, live TEXT,
    hypervisor_id INTEGER, state INTEGER NOT NULL, reason INTEGER NOT NULL, autostart INTEGER NOT NULL DEFAULT 0,
    managed_save INTEGER, current TEXT) STRICT;
CREATE TABLE snapshot (domain_uuid TEXT NOT NULL REFERENCES domain (uuid) ON DELETE CASCADE, name TEXT NOT NULL,
    description TEXT, state TEXT NOT NULL, parent TEXT, creation_time INTEGER NOT NULL, memory TEXT NOT NULL,
    memory_file TEXT, external INTEGER NOT NULL, disks TEXT, domain TEXT NOT NULL, inactive_domain TEXT, cookie TEXT,
    PRIMARY KEY (domain_uuid, name)) STRICT;
INSERT INTO host (only_one, uuid, last_id) VALUES (1, '00000000-0000-4000-8000-000000000001', 7);
PRAGMA user_version = 1;
"""


def first_file(path: Path) -> None:
    """A file of the first Revisor, with a domain that has a managed save, and no snapshots."""
    connection = sqlite3.connect(path)
    connection.executescript(_FIRST)
    connection.execute(
        "INSERT INTO domain (uuid, name, definition, state, reason, managed_save) VALUES (?, 'guest', ?, 5, 5, 3)",
        (UUID, DEFINITION),
    )
    connection.commit()
    connection.close()


def test_a_file_of_an_earlier_revisor_is_brought_up_to_date(tmp_path: Path) -> None:
    first_file(tmp_path / "alpha")
    host = SimulatorDriver(tmp_path / "alpha", "alpha")

    seen = host.domain(UUID)
    assert seen is not None
    assert (seen.name, seen.managed_save, host.identity().host_uuid[-1]) == ("guest", True, "1")
    host.start(UUID)
    seen = host.domain(UUID)
    assert seen is not None
    assert (seen.hypervisor_id, int(seen.state), seen.reason) == (8, 3, 2)
    host.snapshot_create(UUID, build("a"), SnapshotCreate.DISK_ONLY)
    assert "/images/guest.a" in host.domain_xml(UUID, inactive=True)
    host.close()


def test_a_file_brought_up_to_date_by_many_at_once_is_so_once(tmp_path: Path) -> None:
    first_file(tmp_path / "alpha")
    hosts = [SimulatorDriver(tmp_path / "alpha", "alpha") for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(snapshots, hosts)) == {frozenset()}
    for host in hosts:
        host.close()


def test_a_file_made_new_and_one_brought_up_to_date_hold_the_same(tmp_path: Path) -> None:
    first_file(tmp_path / "old")
    columns = []
    for name in ("old", "new"):
        host = SimulatorDriver(tmp_path / name, name)
        host.domains()
        host.close()
        connection = sqlite3.connect(tmp_path / name)
        tables = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
        ]
        columns.append({table: list(connection.execute(f"PRAGMA table_info({table})")) for table in tables})
        connection.close()

    assert columns[0] == columns[1]


def test_a_folder_that_cannot_be_made_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(HypervisorUnreachable):
        SimulatorDriver(tmp_path / "file" / "alpha", "alpha").domains()
