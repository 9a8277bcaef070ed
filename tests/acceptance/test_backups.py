"""Checkpoints and backups on a real QEMU host: what an incremental backup holds is what the guest's disk had changed.

The disk is written to through QEMU itself, as a guest would do it, so that QEMU's bitmaps know.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.acceptance.product import Item, Product, new_product
from tests.lab.awaiting import eventually
from tests.lab.guest import Counter, build_counter_image, domain_xml
from tests.lab.hosts import LibvirtHost

pytestmark = [pytest.mark.hypervisor, pytest.mark.timeout(600)]

KIB, MIB = 1024, 1024 * 1024
DEVICE = "/machine/peripheral/virtio-disk0/virtio-backend"
PLACE, LENGTH = 8 * MIB, 64 * KIB


@dataclass(frozen=True)
class Guest:
    """A running guest on a real host that Revisor leads."""

    product: Product
    host: LibvirtHost
    name: str
    image: Path
    folder: Path

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def write(self, pattern: int, place: int = PLACE) -> None:
        """Let QEMU write this byte over some of the guest's disk."""
        command = f'qemu-io -d {DEVICE} "write -P {pattern} {place} {LENGTH}"'
        complaint = self.host.virsh("qemu-monitor-command", self.name, "--hmp", command).strip()
        assert not complaint, complaint

    def checkpoints(self) -> dict[str, str | None]:
        return {str(item["name"]): item["parent"] for item in self.product.items("checkpoint-list", self.name)}

    def of_libvirt(self) -> set[str]:
        return set(self.host.virsh("checkpoint-list", self.name, "--name").split())

    def backup(self) -> Item:
        """The backup that was begun last, as is known without looking again."""
        [item] = self.product.client.get(f"/v1/domains/{self.name}/backup").body["items"]
        return dict(item)

    def ended(self) -> Item:
        """The backup that was begun last, once its end is on record."""
        eventually(lambda: self.backup()["state"] != "running", what="the end of the backup is on record")
        return self.backup()


@pytest.fixture(scope="module")
def guest(system_host: LibvirtHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    name = f"backed-up-{uuid4().hex[:8]}"
    storage = system_host.root.parent / "storage"
    image = build_counter_image(storage / f"{name}.qcow2")
    counter = Counter(storage / f"{name}.log")
    folder = tmp_path_factory.mktemp("documents")
    with new_product() as product:
        product.up(system=system_host.uri)
        made = Guest(product, system_host, name, image, folder)
        try:
            product.define(domain_xml(name, uuid4(), image, counter.serial_log), "system")
            product.act(name, "start")
            counter.wait_until_advances()
            yield made
        finally:
            if name in system_host.virsh("list", "--name").split():
                system_host.virsh("destroy", name)
            if name in system_host.virsh("list", "--all", "--name").split():
                system_host.virsh("undefine", name, "--checkpoints-metadata", "--snapshots-metadata")


def push(target: Path, since: str | None = None) -> str:
    incremental = "" if since is None else f"<incremental>{since}</incremental>"
    disk = f"<disk name='vda' backup='yes' type='file'><target file='{target}'/><driver type='qcow2'/></disk>"
    return f"<domainbackup>{incremental}<disks>{disk}</disks></domainbackup>"


def checkpoint(name: str) -> str:
    return f"<domaincheckpoint><name>{name}</name></domaincheckpoint>"


def based_on(below: Path | None, image: Path) -> None:
    """Put an increment upon another image, or upon none. libvirt bases it on the guest's own disk."""
    base = [] if below is None else ["-F", "qcow2"]
    subprocess.run(["qemu-img", "rebase", "-u", *base, "-b", str(below or ""), str(image)], check=True)


def data_in(image: Path) -> list[tuple[int, int]]:
    """Where an image itself holds data: (place, length)."""
    said = subprocess.run(["qemu-img", "map", "--output=json", str(image)], check=True, capture_output=True, text=True)
    found = json.loads(said.stdout)
    return [(part["start"], part["length"]) for part in found if part["data"] and part["depth"] == 0]


def holds(image: Path, pattern: int, place: int = PLACE) -> bool:
    """Whether this byte is all there is at the place."""
    command = ["qemu-io", "-r", "-U", "-c", f"read -P {pattern} {place} {LENGTH}", str(image)]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    return said.returncode == 0 and "Pattern verification failed" not in said.stdout


def test_an_incremental_backup_holds_what_changed_and_nothing_else(guest: Guest, tmp_path: Path) -> None:
    full, increment = tmp_path / "full.qcow2", tmp_path / "increment.qcow2"
    guest.write(0x11)
    words = [guest.file("full.xml", push(full)), guest.file("monday.xml", checkpoint("monday"))]
    assert guest.product.ok("backup-begin", guest.name, *words) == "Backup started\n\n"
    first = guest.ended()

    guest.write(0x5A)
    words = [guest.file("more.xml", push(increment, since="monday")), guest.file("tuesday.xml", checkpoint("tuesday"))]
    guest.product.ok("backup-begin", guest.name, *words)
    second = guest.ended()

    assert [(each["state"], each["incremental"], each["checkpoint"]) for each in (first, second)] == [
        ("completed", None, "monday"),
        ("completed", "monday", "tuesday"),
    ]
    assert guest.checkpoints() == {"monday": None, "tuesday": "monday"}
    assert holds(full, 0x11), "the full backup is of before"
    based_on(full, increment)
    assert data_in(increment) == [(PLACE, LENGTH)]
    assert holds(increment, 0x5A)
    subprocess.run(["qemu-img", "compare", "-U", str(increment), str(guest.image)], check=True, capture_output=True)


def test_the_log_tells_of_the_backups_from_their_beginning_to_their_end(guest: Guest) -> None:
    facts = [(entry["topic"], entry["summary"]) for entry in guest.product.facts(guest.name)]

    about = [fact for fact in facts if fact[0].startswith(("backup.", "checkpoint."))]
    assert about == [
        ("backup.begun", "of everything"),
        ("checkpoint.created", "monday"),
        ("backup.ended", "completed"),
        ("backup.begun", "since monday"),
        ("checkpoint.created", "tuesday"),
        ("backup.ended", "completed"),
    ]


def test_checkpoints_are_made_and_shown_as_libvirt_has_them(guest: Guest) -> None:
    said = guest.product.ok("checkpoint-create-as", guest.name, "wednesday", "in the middle")
    assert said == "Domain checkpoint wednesday created\n"
    guest.product.ok("checkpoint-create", guest.name, guest.file("thursday.xml", checkpoint("thursday")))

    assert guest.checkpoints() == {
        "monday": None,
        "tuesday": "monday",
        "wednesday": "tuesday",
        "thursday": "wednesday",
    }
    rows = guest.product.ok("checkpoint-list", guest.name, "--parent").splitlines()[2:-1]
    assert rows == guest.host.virsh("checkpoint-list", guest.name, "--parent").rstrip("\n").split("\n")
    for words in (
        ["checkpoint-list", guest.name, "--tree"],
        ["checkpoint-list", guest.name, "--from", "monday", "--descendants", "--name"],
        ["checkpoint-info", guest.name, "tuesday"],
        ["checkpoint-parent", guest.name, "tuesday"],
        ["checkpoint-dumpxml", guest.name, "wednesday"],
        ["checkpoint-dumpxml", guest.name, "wednesday", "--no-domain"],
    ):
        assert guest.product.ok(*words).strip() == guest.host.virsh(*words).strip(), words


def test_what_virsh_did_beside_us_is_there_when_looked_at_afresh(guest: Guest) -> None:
    guest.host.virsh("checkpoint-create-as", guest.name, "theirs")

    found = guest.product.ok("checkpoint-list", guest.name, "--name", "--fresh").split()

    assert set(found) == guest.of_libvirt() >= {"theirs"}
    [adopted] = [e for e in guest.product.facts(guest.name) if e["summary"] == "theirs"]
    assert (adopted["topic"], adopted["origin"]) == ("checkpoint.created", "observed")


def test_a_backup_that_is_pulled_runs_until_it_is_aborted(guest: Guest, tmp_path: Path) -> None:
    disk = f"<disk name='vda' backup='yes' type='file'><scratch file='{tmp_path}/scratch.qcow2'/></disk>"
    server = f"<server transport='unix' socket='{tmp_path}/nbd'/>"
    document = f"<domainbackup mode='pull'>{server}<disks>{disk}</disks></domainbackup>"
    guest.product.ok("backup-begin", guest.name, guest.file("pull.xml", document))

    shown = guest.product.ok("backup-dumpxml", guest.name)
    assert shown.strip() == guest.host.virsh("backup-dumpxml", guest.name).strip()
    guest.product.act(guest.name, "domjobabort")

    over = guest.ended()
    assert (over["state"], over["message"]) == ("cancelled", "Operation canceled")
    guest.product.refused(104, "backup-dumpxml", guest.name)


def test_deleting_with_children_takes_all_below_and_leaves_what_is_above(guest: Guest) -> None:
    guest.product.ok("checkpoint-delete", guest.name, "wednesday")
    assert guest.checkpoints() == {"monday": None, "tuesday": "monday", "thursday": "tuesday", "theirs": "thursday"}

    said = guest.product.ok("checkpoint-delete", guest.name, "tuesday", "--children")

    assert said == "Domain checkpoint tuesday deleted\n\n"
    assert guest.checkpoints() == {"monday": None}
    assert guest.of_libvirt() == {"monday"}


def test_what_a_later_backup_copies_reaches_over_the_deleted_ones(guest: Guest, tmp_path: Path) -> None:
    """A deletion merges what was known of changes into the one above."""
    increment = tmp_path / "late.qcow2"
    guest.write(0x77, PLACE + MIB)

    guest.product.ok("backup-begin", guest.name, guest.file("late.xml", push(increment, since="monday")))

    assert guest.ended()["state"] == "completed"
    based_on(None, increment)
    assert data_in(increment) == [(PLACE, LENGTH), (PLACE + MIB, LENGTH)]
    assert holds(increment, 0x5A)
    assert holds(increment, 0x77, PLACE + MIB)


def test_metadata_is_edited_deleted_and_recreated_while_the_guest_is_off(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest.product.act(guest.name, "destroy")
    whole = guest.product.ok("checkpoint-dumpxml", guest.name, "monday", "--security-info")
    for words in (["checkpoint-create", guest.name], ["checkpoint-delete", guest.name, "monday"]):
        guest.product.refused(84, *words)
    guest.product.refused(55, "undefine", guest.name)

    guest.product.ok("checkpoint-delete", guest.name, "monday", "--metadata")
    assert guest.of_libvirt() == set()
    guest.product.ok("checkpoint-create", guest.name, guest.file("whole.xml", whole), "--redefine")
    monkeypatch.setitem(
        guest.product.environment, "EDITOR", "sed -i 's|<creationTime>|<description>kept</description>&|'"
    )
    assert guest.product.ok("checkpoint-edit", guest.name, "monday") == "Checkpoint monday edited.\n\n"

    assert "<description>kept</description>" in guest.host.virsh("checkpoint-dumpxml", guest.name, "monday")


def test_a_redefined_checkpoint_is_validated_against_the_disk_and_still_good_for_a_backup(
    guest: Guest, tmp_path: Path
) -> None:
    guest.product.act(guest.name, "start")
    whole = guest.product.ok("checkpoint-dumpxml", guest.name, "monday", "--security-info")
    words = ["--redefine", "--redefine-validate"]
    guest.product.ok("checkpoint-create", guest.name, guest.file("whole.xml", whole), *words)
    other = whole.replace("monday", "sunday")
    guest.product.refused(109, "checkpoint-create", guest.name, guest.file("sunday.xml", other), *words)

    increment = tmp_path / "again.qcow2"
    guest.product.ok("backup-begin", guest.name, guest.file("again.xml", push(increment, since="monday")))

    assert guest.ended()["state"] == "completed"
    based_on(None, increment)
    assert (PLACE, LENGTH) in data_in(increment)


def test_undefining_takes_the_metadata_along_when_told_to(guest: Guest) -> None:
    guest.product.act(guest.name, "destroy")

    guest.product.ok("undefine", guest.name, "--checkpoints-metadata")

    assert guest.name not in guest.host.virsh("list", "--all", "--name").split()
