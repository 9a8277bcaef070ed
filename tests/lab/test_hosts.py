"""The lab itself: that what the other tests stand on is real."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from lxml import etree

from tests.lab.awaiting import eventually
from tests.lab.daemon import TestDaemon
from tests.lab.guest import Counter, build_counter_image, domain_xml
from tests.lab.hosts import Lab, LibvirtHost, remove_abandoned

pytestmark = pytest.mark.hypervisor


@dataclass(frozen=True)
class Guest:
    name: str
    counter: Counter
    definition: Path


@pytest.fixture
def guest(two_hosts: Lab) -> Guest:
    name = f"count-{uuid4().hex[:8]}"
    image = build_counter_image(two_hosts.storage / f"{name}.qcow2")
    counter = Counter(two_hosts.storage / f"{name}.log")
    definition = two_hosts.storage / f"{name}.xml"
    definition.write_text(domain_xml(name, uuid4(), image, counter.serial_log))
    return Guest(name, counter, definition)


def start(host: LibvirtHost, guest: Guest) -> None:
    host.virsh("define", str(guest.definition))
    host.virsh("start", guest.name)
    guest.counter.wait_until_advances()


def snapshot(host: LibvirtHost, guest: Guest, name: str) -> tuple[int, int]:
    """Take a snapshot of the running guest; return the values between which it was taken."""
    low = guest.counter.wait_until_advances()
    host.virsh("snapshot-create-as", guest.name, name)
    high = guest.counter.latest()
    assert high is not None
    guest.counter.wait_until_advances(20)
    return low, high


def test_two_hosts_are_two(two_hosts: Lab) -> None:
    names = [host.run("hostname").strip() for host in two_hosts.hosts]
    uuids = {host_uuid(host) for host in two_hosts.hosts}

    assert names == ["alpha", "beta"]
    assert len(uuids) == 2
    assert "virsh" not in two_hosts.host("alpha").run("ps", "-e", "-o", "comm")


def test_a_snapshot_redefined_on_the_other_host_holds_the_guests_memory(two_hosts: Lab, guest: Guest) -> None:
    alpha, beta = two_hosts.hosts
    start(alpha, guest)
    taken = {name: snapshot(alpha, guest, name) for name in ("first", "second", "third")}
    dumps = {name: alpha.virsh("snapshot-dumpxml", guest.name, name, "--security-info") for name in taken}
    definition = alpha.virsh("dumpxml", guest.name, "--inactive", "--security-info")
    alpha.virsh("destroy", guest.name)
    alpha.virsh("undefine", guest.name, "--snapshots-metadata")

    define_again(beta, guest, definition, dumps)
    for name in ("second", "first", "third"):
        since = guest.counter.position()
        beta.virsh("snapshot-revert", guest.name, name)
        guest.counter.wait_until_restarts(*taken[name], since=since)
        guest.counter.wait_until_advances()

    assert {name: beta.virsh("snapshot-dumpxml", guest.name, name, "--security-info") for name in taken} == dumps
    remove(beta, guest)


def define_again(host: LibvirtHost, guest: Guest, definition: str, snapshots: dict[str, str]) -> None:
    guest.definition.write_text(definition)
    host.virsh("define", str(guest.definition))
    for name, xml in snapshots.items():
        path = guest.definition.with_suffix(f".{name}.xml")
        path.write_text(xml)
        host.virsh("snapshot-create", guest.name, str(path), "--redefine")


def remove(host: LibvirtHost, guest: Guest) -> None:
    host.virsh("destroy", guest.name)
    host.virsh("undefine", guest.name, "--snapshots-metadata")


def test_a_guest_counts_on_while_it_migrates(two_hosts: Lab, guest: Guest) -> None:
    alpha, beta = two_hosts.hosts
    start(alpha, guest)
    before = guest.counter.wait_until_advances()

    alpha.virsh("migrate", "--live", "--p2p", "--persistent", "--undefinesource", "--unsafe", guest.name, beta.peer_uri)
    after = guest.counter.wait_until_advances()

    assert after > before
    assert guest.name in beta.virsh("list", "--name").split()
    assert guest.name not in alpha.virsh("list", "--all", "--name").split()
    remove(beta, guest)


def test_guests_outlive_a_killed_libvirtd(two_hosts: Lab, guest: Guest) -> None:
    alpha = two_hosts.host("alpha")
    start(alpha, guest)

    alpha.kill_libvirtd()
    assert not alpha.answers()
    guest.counter.wait_until_advances()
    alpha.start_libvirtd()

    assert alpha.virsh("domstate", guest.name).strip() == "running"
    remove(alpha, guest)


def test_a_host_without_power_boots_again_as_the_same_host(two_hosts: Lab, guest: Guest) -> None:
    alpha = two_hosts.host("alpha")
    uuid = host_uuid(alpha)
    start(alpha, guest)

    alpha.cut_power()
    assert not alpha.answers()
    alpha.start()

    assert host_uuid(alpha) == uuid
    assert alpha.virsh("domstate", guest.name).strip() == "shut off"
    alpha.virsh("undefine", guest.name)


def host_uuid(host: LibvirtHost) -> str | None:
    return etree.fromstring(host.virsh("capabilities")).findtext("host/uuid")


def test_a_destroyed_guest_leaves_no_process(two_hosts: Lab, guest: Guest) -> None:
    alpha = two_hosts.host("alpha")
    start(alpha, guest)
    remove(alpha, guest)

    eventually(lambda: "qemu" not in alpha.run("ps", "-e", "-o", "args"), what="the guest's process is reaped")


KILLED_OWNER = """
import os, signal
from tests.lab.hosts import Lab
Lab(f"left-{os.getpid()}").up()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_lab_whose_owner_was_killed_is_removed_by_the_next(two_hosts: Lab) -> None:
    owner = subprocess.Popen([sys.executable, "-c", KILLED_OWNER], cwd=Path(__file__).parents[2])
    assert owner.wait() == -signal.SIGKILL
    left = Lab(f"left-{owner.pid}")
    assert all(host.answers() for host in left.hosts)

    assert remove_abandoned("left-") == [left.name]

    assert not left.root.exists()
    assert not any(host.netns in namespaces() for host in left.hosts)
    assert all(host.answers() for host in two_hosts.hosts)
    left.down()


def test_a_lab_of_a_living_owner_stays(system_host: LibvirtHost) -> None:
    assert remove_abandoned("one-") == []
    assert system_host.answers()
    assert str(os.getpid()) in system_host.netns


def namespaces() -> str:
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


def test_the_test_daemons_state_is_shared_and_lost_with_it(test_daemon: TestDaemon) -> None:
    virsh("snapshot-create-as", test_daemon, "test", "kept")
    assert "kept" in virsh("snapshot-list", test_daemon, "test", "--name")

    test_daemon.stop(kill=True)
    test_daemon.start()

    assert "kept" not in virsh("snapshot-list", test_daemon, "test", "--name")


def virsh(command: str, daemon: TestDaemon, *arguments: str) -> str:
    line = ["virsh", "-q", "-c", daemon.uri, command, *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout
