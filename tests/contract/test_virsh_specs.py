"""The XML that is made of virsh's short words, held up against what virsh makes of them (``--print-xml``)."""

import shutil
import subprocess

import pytest

from domain_model import snapshot_specs, snapshot_xml
from domain_model.errors import InvalidArgument
from tests.lab.daemon import TestDaemon

pytestmark = [
    pytest.mark.hypervisor,
    pytest.mark.skipif(shutil.which("virsh") is None, reason="needs virsh (package libvirt-clients)"),
]

Words = tuple[str | None, str | None, str | None, list[str]]
"""Name, description, memspec, diskspecs."""

SPEECHES: list[Words] = [
    (None, None, None, []),
    ("n", None, None, []),
    ("a & 'b'", 'c <d> "e"\n\tf – 東京', None, []),  # noqa: RUF001
    (None, "only a description", None, []),
    ("n", None, "/a/b", []),
    ("n", None, "file=/a,snapshot=external", []),
    ("n", None, "snapshot=external,/a", []),
    ("n", None, "snapshot=no", []),
    ("n", None, "file=", []),
    ("n", None, "snapshot=", []),
    ("n", None, "/it's,,here <&>,snapshot=external", []),
    ("n", None, "/a=b,snapshot=zz", []),
    ("n", "d", "/m", ["vda"]),
    ("n", None, None, ["vda,snapshot=external,driver=qcow2,file=/a/b"]),
    ("n", None, None, ["vda,file=/a", "vdb,snapshot=no", "/path/of it,snapshot=internal"]),
    ("n", None, None, ["vda,stype=block,file=/dev/x"]),
    ("n", None, None, ["vda,stype=block,driver=raw,snapshot=external"]),
    ("n", None, None, ["vda,stype=file,file=/x"]),
    ("n", None, None, ["vda,stype=block"]),
    ("n", None, None, ["vda,driver=,file=,snapshot="]),
    ("n", None, None, ["v'd,,a<,file=/a,,b,,,driver=x=y"]),
    # No specs.
    ("n", None, "internal", []),
    ("n", None, "/a,/b", []),
    ("n", None, "snapshot=no,snapshot=no", []),
    ("n", None, "/a,,,b", []),
    ("n", None, None, ["vda,"]),
    ("n", None, None, ["vda,foo=bar"]),
    ("n", None, None, ["vda,file=/a,file=/b"]),
    ("n", None, None, ["vda,stype=network,file=/x"]),
    ("n", None, None, ["vda", "vdb,snapshot"]),
]


def virsh(daemon: TestDaemon, words: Words) -> str | None:
    """The XML virsh would send; None if it cannot read a spec."""
    name, description, memory, disks = words
    command = ["virsh", "-q", "-c", daemon.uri, "snapshot-create-as", "test", "--print-xml"]
    command += [] if name is None else ["--name", name]
    command += [] if description is None else ["--description", description]
    command += [] if memory is None else ["--memspec", memory]
    for disk in disks:
        command += ["--diskspec", disk]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "unable to parse" in done.stderr
    return done.stdout if done.returncode == 0 else None


def ours(words: Words) -> str | None:
    name, description, memory, disks = words
    try:
        kept = None if memory is None else snapshot_specs.memory_of(memory)
        return snapshot_xml.build(name, description, kept, [snapshot_specs.disk_of(disk) for disk in disks])
    except InvalidArgument:
        return None


@pytest.mark.parametrize("words", SPEECHES, ids=str)
def test_the_same_words_make_the_same_bytes(test_daemon: TestDaemon, words: Words) -> None:
    theirs = virsh(test_daemon, words)
    assert ours(words) == (None if theirs is None else theirs.removesuffix("\n"))
