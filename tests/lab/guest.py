"""The counter guest: a disk image that boots into counter.S, its domain XML, and a reader of what it counts.

The count lives only in the guest's processor and comes out of its serial port into a file. Whether a revert or a
migration restored a machine or merely restarted it can be read in that file.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from uuid import UUID
from xml.sax.saxutils import escape, quoteattr

from tests.lab.awaiting import eventually

SOURCE = Path(__file__).with_name("counter.S")
IMAGE_BYTES = 16 * 1024 * 1024
_VALUE = re.compile(rb"[0-9a-f]{8}")


def build_counter_image(path: Path) -> Path:
    """Write the counter guest's image to ``path``, as ``build_boot_image``."""
    return build_boot_image(SOURCE, path)


def build_boot_image(source: Path, path: Path) -> Path:
    """Write a qcow2 image of 16 MiB that boots the sector ``source`` to ``path``,
    replacing what was there; return ``path``.

    Raises CalledProcessError if the assembler or qemu-img refuse, FileNotFoundError if one of them is missing.
    """
    with tempfile.TemporaryDirectory(prefix="guest-") as folder:
        object_file, raw = Path(folder, "guest.o"), Path(folder, "guest.raw")
        _run("gcc", "-m16", "-c", str(source), "-o", str(object_file))
        _run("objcopy", "-O", "binary", "-j", ".text", str(object_file), str(raw))
        with raw.open("r+b") as image:
            image.truncate(IMAGE_BYTES)
        _run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(path))
    return path


def build_empty_image(path: Path, *, mebibytes: int = 1) -> Path:
    """Write an empty qcow2 image to ``path``, replacing what was there; return ``path``."""
    _run("qemu-img", "create", "-q", "-f", "qcow2", str(path), f"{mebibytes}M")
    return path


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def domain_xml(name: str, uuid: UUID | str, image: Path | str, serial_log: Path | str, *, memory_mib: int = 16) -> str:
    """The counter guest's definition, as a person would write it.

    Emulated (TCG): a nested machine may not run KVM guests.
    """
    return f"""\
<domain type='qemu'>
  <name>{escape(name)}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <boot dev='hd'/>
  </os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file={quoteattr(str(image))}/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <controller type='usb' model='none'/>
    <serial type='file'>
      <source path={quoteattr(str(serial_log))} append='on'/>
      <target port='0'/>
    </serial>
    <memballoon model='none'/>
  </devices>
</domain>
"""


@dataclass(frozen=True)
class Counter:
    """What a counter guest has written to its serial log so far.

    A guest may be stopped in the middle of a line, and another may go on in that line: lines that are not exactly one
    value are skipped, so two values that follow one another may be one value apart.
    """

    serial_log: Path

    def position(self) -> int:
        """Where the log ends now, in bytes: hand it to ``wait_until_restarts`` to look only at what comes later."""
        return self.serial_log.stat().st_size if self.serial_log.exists() else 0

    def values(self, since: int = 0) -> list[int]:
        """Every whole value written after byte ``since``."""
        return _values(self._read(since))

    def latest(self) -> int | None:
        """The last whole value written, None before the first one."""
        values = _values(self._read(max(0, self.position() - 200)))
        return values[-1] if values else None

    def wait_until_advances(self, by: int = 3, *, timeout_s: float = 60.0) -> int:
        """Wait until the guest has written ``by`` more values without a jump; return the last of them.

        Raises NeverHappenedError if it does not: it is not running, or it was restarted meanwhile.
        """
        since = self.position()

        def advanced() -> int | None:
            values = self.values(since)
            return values[-1] if len(values) > by and values[-1] - values[0] >= by and not _jump(values) else None

        return eventually(advanced, what=f"the counter in {self.serial_log.name} advances by {by}", timeout_s=timeout_s)

    def wait_until_goes_on(self, by: int = 3, *, since: int, timeout_s: float = 60.0) -> int:
        """Wait until the guest has written ``by`` values after byte ``since``; return the last of them.

        Raises AssertionError if the count jumped since then: it is another memory that goes on. NeverHappenedError if
        it does not go on at all.
        """
        before = _values(self._read(max(0, since - 200), until=since))[-1:]

        def gone_on() -> int | None:
            values = [*before, *self.values(since)]
            jump = _jump(values)
            if jump is not None:
                raise AssertionError(f"the counter went on from {jump} instead of {before or 'a boot'}")
            return values[-1] if len(values) - len(before) >= by else None

        return eventually(gone_on, what=f"the counter in {self.serial_log.name} goes on", timeout_s=timeout_s)

    def wait_until_restarts(self, low: int, high: int, *, since: int, timeout_s: float = 60.0) -> int:
        """Wait until the guest goes on from a restored state, and return the first value it wrote from there.

        ``low`` and ``high`` are what ``latest`` said before and after the snapshot was taken, ``since`` what
        ``position`` said before the revert. The count must have moved on since the snapshot, or the restart cannot be
        seen. Raises AssertionError if the guest goes on from any other value (from 1 if it was booted instead),
        NeverHappenedError if it does not go on at all.
        """
        before = _values(self._read(max(0, since - 200), until=since))[-1:]
        first = eventually(
            lambda: _jump([*before, *self.values(since)]) if before else next(iter(self.values(since)), None),
            what=f"the counter in {self.serial_log.name} restarts from {low} to {high}",
            timeout_s=timeout_s,
        )
        # One past `high` for the value being written while the snapshot was taken, one more for a line cut in two.
        if not low <= first <= high + 2:
            raise AssertionError(f"the counter went on from {first}, the snapshot was taken between {low} and {high}")
        return first

    def _read(self, since: int, *, until: int | None = None) -> bytes:
        if not self.serial_log.exists():
            return b""
        with self.serial_log.open("rb") as log:
            log.seek(since)
            return log.read() if until is None else log.read(until - since)


def _values(text: bytes) -> list[int]:
    # The last piece is what follows the last newline: a line still being written.
    return [int(line, 16) for line in text.split(b"\n")[:-1] if _VALUE.fullmatch(line)]


def _jump(values: Sequence[int]) -> int | None:
    """The first value that cannot have come from counting on, allowing for one skipped line."""
    return next((after for before, after in pairwise(values) if not 0 < after - before <= 2), None)
