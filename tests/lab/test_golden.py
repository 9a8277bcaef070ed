"""libvirt still writes the golden files as they are: each is given back to it and dumped again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain_model import domain_xml, snapshot_xml, xml
from tests.lab.golden import GOLDEN
from tests.lab.hosts import LibvirtHost

pytestmark = pytest.mark.hypervisor

# What runs is dumped with what it was given when it started, and no definition has that.
DOMAINS = [path for path in sorted(GOLDEN.glob("qemu-domain*.xml")) if path.stem != "qemu-domain-running"]
SNAPSHOTS = sorted(GOLDEN.glob("qemu-snapshot-*.xml"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "document.xml"


@pytest.fixture
def defined(system_host: LibvirtHost) -> Iterator[list[str]]:
    """Names of domains that are to be gone afterwards."""
    names: list[str] = []
    yield names
    for name in names:
        system_host.virsh("undefine", name, "--snapshots-metadata", "--nvram")


@pytest.mark.parametrize("path", DOMAINS, ids=lambda path: path.stem)
def test_a_golden_domain_that_is_defined_is_dumped_as_it_was(
    system_host: LibvirtHost, defined: list[str], path: Path
) -> None:
    name = domain_xml.read(path.read_text(encoding="utf-8")).name
    system_host.virsh("define", str(path))
    defined.append(name)

    assert system_host.virsh("dumpxml", name, "--inactive", "--security-info") == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_a_golden_snapshot_that_is_redefined_is_dumped_as_it_was(
    system_host: LibvirtHost, defined: list[str], path: Path, file: Path
) -> None:
    text = path.read_text(encoding="utf-8")
    said = snapshot_xml.read(text)
    definition = xml.dedent(snapshot_xml.split(text).domain or "", 2)
    name = domain_xml.read(definition).name
    file.write_text(definition, encoding="utf-8")
    system_host.virsh("define", str(file))
    defined.append(name)
    if said.parent is not None:
        file.write_text(snapshot_xml.with_name(snapshot_xml.with_parent(text, None), said.parent), encoding="utf-8")
        system_host.virsh("snapshot-create", name, str(file), "--redefine")

    system_host.virsh("snapshot-create", name, str(path), "--redefine", "--current")

    assert system_host.virsh("snapshot-current", name, "--security-info") == text
