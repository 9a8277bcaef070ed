"""``--validate`` held up against libvirt: the same documents are refused, and we say more of where it hurts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain_model.errors import OperationUnsupported, Refused, XmlInvalid
from domain_model.flags import Define, SnapshotCreate, Undefine
from drivers.libvirt import LibvirtDriver
from revisor import validation
from tests.lab.daemon import TestDaemon

INSTALLED = all(any((folder / f"{root}.rng").is_file() for folder in validation.FOLDERS) for root in validation.ROOTS)
needs_schemas = pytest.mark.skipif(not INSTALLED, reason="needs libvirt's schemas (Debian 12: package libvirt0)")

UUID = "5f9c1f0e-6a0d-4b57-9c1c-0d7c9b3f2a11"
DISK = "<disk type='file'><source file='/a'/><target dev='vda'/></disk>"
METADATA = "<metadata><x:y xmlns:x='urn:x'>any<z/></x:y></metadata>"


def domain(inside: str = "", *, attributes: str = " type='test'", name: str = "<name>held</name>") -> str:
    return (
        f"<domain{attributes}>\n{name}\n<uuid>{UUID}</uuid>\n<memory>16384</memory>\n"
        f"<os><type>hvm</type></os>\n{inside}\n</domain>"
    )


def snapshot(inside: str = "", name: str = "<name>s</name>") -> str:
    return f"<domainsnapshot>\n{name}\n{inside}\n</domainsnapshot>"


# What is said of each, None where it is valid.
DOMAINS: list[tuple[str, str | None]] = [
    (domain(), None),
    (domain(METADATA + "<title>a</title><!-- c --><?pi?>"), None),
    (domain(f"<devices>{DISK}</devices>"), None),
    (domain(name="<name>he<!-- in a word -->ld</name>"), None),
    (domain("<on_reboot><![CDATA[restart]]></on_reboot>"), None),
    (domain(attributes=""), "line 1, near domain"),
    (domain(attributes=" type='zz'"), "line 1, near domain"),
    (domain(attributes=" type='test' odd='1'"), "line 1, domain/@odd"),
    (domain(name=""), "line 1, near domain: Expecting an element name, got nothing"),
    (domain(name="<name/>"), "line 2, near domain/name"),
    (domain(name="<name>a\nb</name>"), "line 2, near domain/name"),
    (domain("<name>again</name>"), "line 6, domain/name[2]"),
    (domain("<odd/>"), "line 6, domain/odd"),
    (domain("<x:odd xmlns:x='urn:x'/>"), "line 6, domain/x:odd"),
    (domain("<vcpu>x</vcpu>"), "line 6, domain/vcpu"),
    (domain("<vcpu current='x'>1</vcpu>"), "line 6, domain/vcpu/@current"),
    (domain("<devices>\n\n<disk type='zz'/></devices>"), "line 8, domain/devices/disk"),
    (
        domain(f"<devices>\n{DISK}\n{DISK.replace('/a', 'rel')}</devices>"),
        "line 8, domain/devices/disk[2]/source/@file",
    ),
    (domain(f"<devices>{DISK}<odd/></devices>"), "line 6, domain/devices/odd"),
    (
        domain(f"<devices>{DISK}<graphics type='vnc' passwd='hunter2' port='hunter2'/></devices>"),
        "line 6, domain/devices/graphics/@port",
    ),
]
SNAPSHOTS: list[tuple[str, str | None]] = [
    (snapshot(), None),
    (snapshot("<description>d</description><disks><disk name='vda' snapshot='internal'/></disks>"), None),
    (snapshot(name=""), None),
    (snapshot("<domain><uuid>" + UUID + "</uuid></domain><active>1</active>"), None),
    (snapshot("<odd/>"), "line 3, domainsnapshot/odd"),
    (snapshot("<memory snapshot='zz'/>"), "line 3, domainsnapshot/memory"),
    (snapshot("<memory snapshot='internal' odd='1'/>"), "line 3, domainsnapshot/memory/@odd"),
    (snapshot("<domain><uuid>zz</uuid></domain>"), "line 3, domainsnapshot/domain"),
    (snapshot("<disks>\n<disk name='vda'>\n<snapshotDeleteInProgress/></disk></disks>"), "line 5, "),
    (snapshot("<state>odd</state>"), "line 3, domainsnapshot/state"),
]


@pytest.fixture(scope="module")
def driver(test_daemon: TestDaemon) -> Iterator[LibvirtDriver]:
    driver = LibvirtDriver(test_daemon.uri)
    yield driver
    driver.close()


def held(text: str, root: str) -> str | None:
    """What is said against a document."""
    refusal = refused(text, root)
    if refusal is None:
        return None
    assert (refusal.number, bool(refusal.field)) == (92, True)
    assert "hunter2" not in f"{refusal.message} {refusal.field} {refusal.value} {refusal.accepted}"
    return refusal.message.removeprefix("XML document failed to validate against schema: ")


def refused(text: str, root: str) -> XmlInvalid | None:
    try:
        validation.validate(text, root)
    except XmlInvalid as refusal:
        return refusal
    return None


@needs_schemas
@pytest.mark.parametrize(("text", "said"), DOMAINS)
def test_a_definition_is_refused_where_libvirt_refuses_it(driver: LibvirtDriver, text: str, said: str | None) -> None:
    ours = held(text, "domain")
    assert (ours is None) == (said is None)
    assert ours is None or said is None or ours.startswith(said)
    if said is None:
        driver.define(text, Define.VALIDATE)
        driver.undefine(UUID, Undefine.NONE)
        return
    with pytest.raises(Refused) as refusal:
        driver.define(text, Define.VALIDATE)
    assert refusal.value.number == 92


@needs_schemas
@pytest.mark.parametrize(("text", "said"), SNAPSHOTS)
def test_a_snapshot_is_refused_where_libvirt_refuses_it(driver: LibvirtDriver, text: str, said: str | None) -> None:
    ours = held(text, "domainsnapshot")
    assert (ours is None) == (said is None)
    assert ours is None or said is None or ours.startswith(said)
    driver.define(domain(f"<devices>{DISK}</devices>"))
    try:
        if said is None:
            driver.snapshot_create(UUID, text, SnapshotCreate.VALIDATE)
            return
        with pytest.raises(Refused) as refusal:
            driver.snapshot_create(UUID, text, SnapshotCreate.VALIDATE)
        assert refusal.value.number == 92
    finally:
        driver.undefine(UUID, Undefine.SNAPSHOTS_METADATA)


@needs_schemas
def test_checkpoints_and_backups_are_held_against_their_schemas() -> None:
    assert held("<domaincheckpoint><name>c</name></domaincheckpoint>", "domaincheckpoint") is None
    assert held("<domaincheckpoint><name>a/b</name></domaincheckpoint>", "domaincheckpoint") is not None
    disks = "<disk name='vda' type='file'><target file='/b'/></disk><disk name='vdb' backup='no'/>"
    assert held(f"<domainbackup><disks>{disks}</disks></domainbackup>", "domainbackup") is None
    assert held("<domainbackup mode='zz'/>", "domainbackup") == "line 1, domainbackup/@mode"


@needs_schemas
@pytest.mark.parametrize(("text", "number"), [("<domain>", 27), ("<foo/>", 27), ("<!DOCTYPE domain><domain/>", 27)])
def test_what_is_no_such_document_is_refused_as_ever(text: str, number: int) -> None:
    with pytest.raises(Refused) as refusal:
        validation.validate(text, "domain")
    assert refusal.value.number == number


@needs_schemas
def test_a_large_document_is_refused_without_a_long_search() -> None:
    many = "".join(DISK.replace("vda", f"d{number}") for number in range(20_000))
    assert held(domain(f"<devices>{many}<odd/></devices>"), "domain") == "line 6, near domain/devices"


def test_where_no_schemas_are_installed_asking_for_them_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperationUnsupported, match=r"libvirt's schema domain.rng is not installed") as refusal:
        validation.validate(domain(), "domain", folders=[tmp_path])
    assert refusal.value.number == 84
    assert str(tmp_path) in (refusal.value.accepted or "")
