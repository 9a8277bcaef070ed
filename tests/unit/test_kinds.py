"""What each kind of hypervisor behind libvirt takes:
ESX and VirtualBox hold their snapshots themselves (semantics 1.8).

Neither can be had here (libvirt's ESX driver does not get past the login of the only simulator there is), so they are
played by ``libvirt_in_memory``.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from enum import IntFlag

import pytest

from domain_model.errors import InvalidFlags, NoSnapshot
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert, Undefine, flag_name
from domain_model.snapshot_xml import build
from drivers.libvirt import LibvirtDriver, kinds, library
from revisor.uris import check_uri, unique_uuids
from tests.unit.libvirt_in_memory import FakeLibvirt

UUID = "9d2ad3bd-2cdf-4d45-a95e-d6b9f8f4a8f5"
URIS = {
    "ESX": "esx://root@esx.example/?no_verify=1",
    "VBOX": "vbox:///session",
}


@pytest.fixture(params=list(URIS))
def hypervisor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeLibvirt:
    """A hypervisor that holds its snapshots itself, behind the only libvirt there is in this test."""
    hypervisor = FakeLibvirt(request.param, UUID, snapshots=["a", "b"])
    monkeypatch.setattr(library, "_ready", [hypervisor])
    return hypervisor


@pytest.fixture
def driver(hypervisor: FakeLibvirt) -> Iterator[LibvirtDriver]:
    driver = LibvirtDriver(URIS[hypervisor.kind])
    yield driver
    driver.close()


@pytest.mark.parametrize(
    "uri",
    [*URIS.values(), "vpx://admin@vcenter.example/dc/esx.example", "vbox+ssh://user@workstation/session"],
)
def test_their_uris_may_be_a_hosts(uri: str) -> None:
    check_uri(uri)
    assert unique_uuids(uri)


def test_what_they_can_is_known_by_the_name_libvirt_gives_them(driver: LibvirtDriver, hypervisor: FakeLibvirt) -> None:
    can = driver.capabilities

    assert (can.driver, can.unique_uuids) == (hypervisor.kind, True)
    assert (can.redefine, can.no_metadata, can.delete_metadata_only) == (False, True, True)
    assert hypervisor.opened == [URIS[hypervisor.kind]]


@pytest.mark.parametrize("flags", [SnapshotCreate.REDEFINE, SnapshotCreate.CURRENT, SnapshotCreate(3)])
def test_there_is_no_metadata_to_redefine(
    driver: LibvirtDriver, hypervisor: FakeLibvirt, flags: SnapshotCreate
) -> None:
    # VirtualBox would take the flags, and write its machine files anew.
    with pytest.raises(InvalidFlags) as refusal:
        driver.snapshot_create(UUID, build("a"), flags)

    function = f"{hypervisor.kind.lower()}DomainSnapshotCreateXML"
    assert refusal.value.number == 8
    assert refusal.value.message == f"unsupported flags ({int(flags):#x}) in function {function}"
    assert hypervisor.done == []


@pytest.mark.parametrize("flags", [SnapshotCreate.NONE, SnapshotCreate.NO_METADATA])
def test_a_snapshot_without_metadata_is_like_any_other(
    driver: LibvirtDriver, hypervisor: FakeLibvirt, flags: SnapshotCreate
) -> None:
    driver.snapshot_create(UUID, build("c", "before the update"), flags)

    assert hypervisor.done == [("create", "c", 0)]


def test_flags_are_refused_of_which_only_other_kinds_know_anything(
    driver: LibvirtDriver, hypervisor: FakeLibvirt
) -> None:
    prefix = f"in function {hypervisor.kind.lower()}Domain"

    with pytest.raises(InvalidFlags, match=rf"\(0x8\) {prefix}SnapshotCreateXML"):
        driver.snapshot_create(UUID, build("c"), SnapshotCreate.HALT | SnapshotCreate.NO_METADATA)
    with pytest.raises(InvalidFlags, match=rf"\(0x1\) {prefix}RevertToSnapshot"):
        driver.snapshot_revert(UUID, "a", SnapshotRevert.RUNNING)
    with pytest.raises(InvalidFlags, match=rf"\(0x4\) {prefix}SnapshotDelete"):
        driver.snapshot_delete(UUID, "a", SnapshotDelete.CHILDREN_ONLY | SnapshotDelete.METADATA_ONLY)
    with pytest.raises(InvalidFlags, match=rf"\(0x1\) {prefix}UndefineFlags"):
        driver.undefine(UUID, Undefine.MANAGED_SAVE | Undefine.SNAPSHOTS_METADATA)
    assert hypervisor.done == []


def test_deleting_only_metadata_is_done_already_and_touches_nothing(
    driver: LibvirtDriver, hypervisor: FakeLibvirt
) -> None:
    # VirtualBox would take the snapshot out of its machine's files.
    driver.snapshot_delete(UUID, "a", SnapshotDelete.METADATA_ONLY)
    driver.snapshot_delete(UUID, "a", SnapshotDelete.METADATA_ONLY | SnapshotDelete.CHILDREN)
    with pytest.raises(NoSnapshot):
        driver.snapshot_delete(UUID, "nobody", SnapshotDelete.METADATA_ONLY)

    assert hypervisor.done == []


def test_what_they_do_take_is_asked_of_them(driver: LibvirtDriver, hypervisor: FakeLibvirt) -> None:
    driver.snapshot_revert(UUID, "a", SnapshotRevert.NONE)
    driver.snapshot_delete(UUID, "a", SnapshotDelete.CHILDREN)
    driver.undefine(UUID, Undefine.SNAPSHOTS_METADATA)

    assert hypervisor.done == [("revert", "a", 0), ("delete", "a", 1), ("undefine", "guest", 0)]


def test_their_snapshots_are_listed_and_dumped_though_they_can_only_list_names(
    driver: LibvirtDriver, hypervisor: FakeLibvirt
) -> None:
    seen = driver.domain(UUID)

    assert seen is not None
    assert (seen.snapshots, seen.current_snapshot) == (("a", "b"), "b")
    assert list(driver.snapshot_dumps(UUID)) == hypervisor.snapshots
    assert "<name>a</name>" in driver.snapshot_xml(UUID, "a")


def test_nothing_is_said_of_images_that_are_not_here(driver: LibvirtDriver) -> None:
    findings = driver.snapshot_presence(UUID)

    assert findings.unseen == "the hypervisor's files are not this machine's"
    assert (findings.snapshots, findings.untold, findings.orphans) == ({}, {}, ())


# The table of libvirt-semantics 1.1, 1.4 and 1.5.

CREATE, REVERT, DELETE = SnapshotCreate, SnapshotRevert, SnapshotDelete
FLAGS: tuple[IntFlag, ...] = (*CREATE, *REVERT, *DELETE, *Undefine)
TAKEN: dict[str, list[IntFlag]] = {
    "QEMU": [*FLAGS],
    "TEST": [
        *(CREATE.REDEFINE, CREATE.CURRENT, CREATE.HALT, CREATE.QUIESCE, CREATE.ATOMIC, CREATE.LIVE, CREATE.VALIDATE),
        *(REVERT.RUNNING, REVERT.PAUSED, REVERT.FORCE),
        *DELETE,
        *(Undefine.MANAGED_SAVE, Undefine.SNAPSHOTS_METADATA),
    ],
    "ESX": [
        *(CREATE.NO_METADATA, CREATE.DISK_ONLY, CREATE.QUIESCE, CREATE.VALIDATE),
        *(DELETE.CHILDREN, DELETE.METADATA_ONLY),
        Undefine.SNAPSHOTS_METADATA,
    ],
    "VBOX": [
        *(CREATE.NO_METADATA, CREATE.VALIDATE),
        *(DELETE.CHILDREN, DELETE.METADATA_ONLY),
        Undefine.SNAPSHOTS_METADATA,
    ],
    "vz": [CREATE.VALIDATE, REVERT.PAUSED, DELETE.CHILDREN, Undefine.MANAGED_SAVE, Undefine.SNAPSHOTS_METADATA],
    "a kind of tomorrow": [CREATE.VALIDATE, DELETE.CHILDREN, *Undefine],
}


@pytest.mark.parametrize("name", TAKEN)
def test_each_flag_is_taken_or_refused_as_libvirts_own_driver_does(name: str) -> None:
    # By their names: flags of two kinds are equal when their numbers are.
    taken = {flag_name(flag) for flag in TAKEN[name]}
    for flag in FLAGS:
        if flag_name(flag) in taken:
            kinds.asked(name, flag)
        else:
            with pytest.raises(InvalidFlags, match=rf"unsupported flags \({int(flag):#x}\) in function \w+"):
                kinds.asked(name, flag)


def test_only_what_asks_for_nothing_is_left_out() -> None:
    left_out = {
        (name, flag_name(flag)) for name, taken in TAKEN.items() for flag in taken if not kinds.asked(name, flag)
    }

    assert left_out == {
        ("TEST", "VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY"),
        ("ESX", "VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA"),
        ("ESX", "VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA"),
        ("VBOX", "VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA"),
        ("VBOX", "VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA"),
    }


@pytest.mark.parametrize("name", [*TAKEN, "Parallels", "LXC", "Xen", "Hyper-V"])
def test_metadata_is_redefined_only_where_libvirt_keeps_it_and_no_snapshot_is_lost_for_its_metadata(name: str) -> None:
    can = kinds.capabilities_of(name)

    assert can.redefine == (name in ("QEMU", "TEST"))
    assert can.no_metadata == (name in ("QEMU", "ESX", "VBOX"))
    # Without the capability a plain delete is asked instead, which elsewhere takes the data too.
    assert can.delete_metadata_only == (name != "TEST")
    assert kinds.already_done(name, SnapshotDelete.METADATA_ONLY) == (name in ("ESX", "VBOX"))
    assert json.loads(json.dumps(asdict(can)))["driver"] == name


@pytest.mark.parametrize("name", ["LXC", "Xen", "OPENVZ", "VMware", "Hyper-V", "CH"])
def test_a_kind_without_snapshots_says_so_itself(name: str) -> None:
    # With 3 NO_SUPPORT, which says more than an unsupported flag.
    assert kinds.asked(name, SnapshotCreate.REDEFINE) == SnapshotCreate.REDEFINE


def test_what_virtualbox_must_read_of_a_new_snapshot_is_added_where_it_is_missing() -> None:
    given = kinds.new_snapshot("VBOX", build("c"))

    assert given == (
        "<domainsnapshot>\n  <state>shutoff</state><creationTime>0</creationTime><name>c</name>\n</domainsnapshot>\n"
    )
    assert kinds.new_snapshot("VBOX", given) == given
    assert kinds.new_snapshot("QEMU", build("c")) == build("c")
