"""Disk images as QEMU's own tools see them: past libvirt and past Revisor.

What is written into a guest that runs goes through its own QEMU, which alone may touch the image then, as the guest's
own writes do.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.lab.hosts import LibvirtHost

_DISK = "/machine/peripheral/virtio-disk0/virtio-backend"
"""The first disk of a domain, whatever image is behind it now."""
_SECTOR = 512
_FROM = 1024 * 1024
"""Where bytes are written: past everything the counter guest boots from."""


def tags(image: Path) -> list[str]:
    """The names of the snapshots inside a qcow2 image, in the order of its table. It may be in use."""
    return [str(tag["name"]) for tag in _info(image).get("snapshots", [])]


def delete_tag(image: Path, tag: str) -> None:
    """Delete a snapshot inside an image that is not in use, as somebody would behind libvirt's back."""
    _run("qemu-img", "snapshot", "-d", tag, str(image))


def make_tag(image: Path, tag: str) -> None:
    """Take a snapshot inside an image that is not in use, of which libvirt knows nothing."""
    _run("qemu-img", "snapshot", "-c", tag, str(image))


def build_overlay(path: Path, base: Path) -> Path:
    """Write a linked clone of ``base`` to ``path``: it holds what differs, and needs ``base`` as it is now."""
    _run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(base), str(path))
    return path


def backing_file(image: Path) -> str | None:
    """The file an image is made on top of, as its header says. It may be in use."""
    named = _info(image).get("full-backing-filename")
    return None if named is None else str(named)


def size_bytes(image: Path) -> int:
    """How large the disk is that a guest sees. The image may be in use."""
    return int(_info(image)["virtual-size"])


def is_sound(image: Path) -> bool:
    """Whether ``qemu-img check`` finds nothing wrong with an image that is not in use."""
    return subprocess.run(["qemu-img", "check", "-q", str(image)], capture_output=True, check=False).returncode == 0


def write(image: Path, letter: str) -> None:
    """Write a sector of ``letter`` to an image that is not in use."""
    _run("qemu-io", "-f", "qcow2", "-c", _write(letter), str(image))


def written(image: Path) -> str:
    """The letter that was written last, ``""`` before any was. The image may be in use."""
    # The first line is ``00100000:  61 61 61 ...``.
    dump = _run("qemu-io", "-r", "-U", "-f", "qcow2", "-c", f"read -v {_FROM} {_SECTOR}", str(image))
    byte = int(dump.split(":", maxsplit=1)[1].split()[0], 16)
    return chr(byte) if byte else ""


def write_while_running(host: LibvirtHost, domain: str, letter: str) -> None:
    """As ``write``, through the first disk of a guest that runs or is paused."""
    for command in (_write(letter), "flush"):
        host.virsh("qemu-monitor-command", domain, "--hmp", f'qemu-io -d {_DISK} "{command}"')


def _write(letter: str) -> str:
    return f"write -P {ord(letter)} {_FROM} {_SECTOR}"


def _info(image: Path) -> dict[str, Any]:
    # -U: a guest that runs holds the lock, and its own words are good enough.
    found: dict[str, Any] = json.loads(_run("qemu-img", "info", "-U", "--output=json", str(image)))
    return found


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
