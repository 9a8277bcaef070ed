"""Whether what ``drivers.libvirt.kinds`` refuses before anything is asked is what libvirt's own drivers refuse.

Shown for the two that can be had: each flag, known or not, is asked of the library itself, and of the table.
"""

from collections.abc import Callable, Iterator
from enum import IntFlag
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from domain_model.errors import Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert, Undefine
from domain_model.snapshot_xml import build
from drivers.libvirt import kinds
from drivers.libvirt.library import library
from tests.lab.daemon import TestDaemon
from tests.lab.guest import build_empty_image, domain_xml
from tests.lab.hosts import LibvirtHost

NO_FLAG_OF_ANY = 1 << 20


@pytest.fixture(params=[kinds.TEST, kinds.QEMU])
def connection(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The library itself, connected to a hypervisor of each kind."""
    if request.param == kinds.TEST:
        daemon: TestDaemon = request.getfixturevalue("test_daemon")
        uri = daemon.uri
    else:
        host: LibvirtHost = request.getfixturevalue("system_host")
        uri = host.uri
    connection = library().open(uri)
    assert connection.getType() == request.param
    yield connection
    connection.close()


@pytest.fixture
def domain(connection: Any, tmp_path: Path) -> Iterator[Any]:
    """A domain that is shut off and may be undefined, and defined again."""
    definition = domain_xml(f"kinds-{uuid4()}", uuid4(), build_empty_image(tmp_path / "disk.qcow2"), tmp_path / "log")
    if connection.getType() == kinds.TEST:
        definition = definition.replace("type='qemu'", "type='test'", 1)
    domain = connection.defineXML(definition)
    yield domain
    connection.defineXML(definition)
    domain.undefineFlags(int(Undefine.SNAPSHOTS_METADATA))


def theirs(ask: Callable[..., object], *arguments: object) -> str | None:
    """The library's sentence if it does not know a flag; None if it takes the flags, or refuses for another reason."""
    try:
        ask(*arguments)
    except library().libvirtError as error:
        sentence = str(error.get_error_message())
        return sentence if "unsupported flags" in sentence else None
    return None


def ours(kind: str, flags: IntFlag) -> str | None:
    try:
        kinds.asked(kind, flags)
    except Refused as refusal:
        return refusal.message if refusal.number == 8 else f"{refusal.number}: {refusal.message}"
    return None


def every_flag(flags: type[IntFlag]) -> list[IntFlag]:
    return [*flags, flags(NO_FLAG_OF_ANY)]


def test_the_flags_of_creating_are_refused_as_libvirt_refuses_them(connection: Any, domain: Any) -> None:
    for flag in every_flag(SnapshotCreate):
        # One that needs another is asked together with it. The XML is none: flags are looked at before it.
        flags = SnapshotCreate.REDEFINE | flag if flag == SnapshotCreate.CURRENT else flag
        assert ours(connection.getType(), flags) == theirs(domain.snapshotCreateXML, "<", int(flags))


def test_the_flags_of_reverting_are_refused_as_libvirt_refuses_them(connection: Any, domain: Any) -> None:
    snapshot = domain.snapshotCreateXML(build("a"), 0)
    for flag in every_flag(SnapshotRevert):
        assert ours(connection.getType(), flag) == theirs(domain.revertToSnapshot, snapshot, int(flag))
        if domain.isActive():
            domain.destroy()


def test_the_flags_of_deleting_are_refused_as_libvirt_refuses_them(connection: Any, domain: Any) -> None:
    for flag in every_flag(SnapshotDelete):
        said = theirs(domain.snapshotCreateXML(build(flag.name or "none"), 0).delete, int(flag))
        if (connection.getType(), flag) == (kinds.TEST, SnapshotDelete.METADATA_ONLY):
            # All it has of a snapshot is metadata, so it is asked for a deletion without the flag.
            assert said == "unsupported flags (0x2) in function testDomainSnapshotDelete"
            said = None
        assert ours(connection.getType(), flag) == said


def test_the_flags_of_undefining_are_refused_as_libvirt_refuses_them(connection: Any, domain: Any) -> None:
    definition = domain.XMLDesc(0)
    for flag in every_flag(Undefine):
        assert ours(connection.getType(), flag) == theirs(connection.defineXML(definition).undefineFlags, int(flag))
