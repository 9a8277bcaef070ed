"""Real guests, which take their time: wait until one will hear, and until one has done what it was told.

A guest without an operating system cannot hear its power button, so these boot a sector that can (``obedient.S``). It
writes to its serial port while it listens: a log that grows is a guest that will obey.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tests.equivalence.calls import Call
from tests.equivalence.seen import Host
from tests.lab.awaiting import eventually

T = TypeVar("T")

SOURCE = Path(__file__).with_name("obedient.S")
_BUTTONS = ("shutdown", "reboot")
_HEARD = (*_BUTTONS, "inject-nmi", "reset", "suspend")
"""What a guest must be ready for: an interrupt or a reset that comes while the firmware starts can leave it hanging for
good, and one that is suspended there may be reset there."""
_IMAGE_BYTES = 1024 * 1024
_BOOTED = b"B"
_PATIENCE_S = 120.0
_SHUTOFF = 5
_LOST_MONITOR = 38
"""QEMU ended under the call; that it did is noticed a moment later."""


def build_image(path: Path) -> Path:
    """Write the obedient guest's image, replacing what was there; return ``path``."""
    with tempfile.TemporaryDirectory(prefix="obedient-") as folder:
        compiled, raw = Path(folder, "obedient.o"), Path(folder, "obedient.raw")
        _run("gcc", "-m16", "-c", str(SOURCE), "-o", str(compiled))
        _run("objcopy", "-O", "binary", "-j", ".text", str(compiled), str(raw))
        with raw.open("r+b") as image:
            image.truncate(_IMAGE_BYTES)
        _run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(path))
    return path


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Guests:
    """Of a host whose guests are imagined: there is nothing to prepare and nothing to wait for."""

    def prepare(self, uuids: Sequence[str]) -> None:
        """Make the images of domains with these UUIDs, in an empty folder."""

    def before(self, call: Call, seen: Host) -> None:
        """Return when the guest can do what it is about to be asked."""

    def after(self, call: Call, number: int | None, look: Callable[[], Host]) -> None:
        """Return when the guest has done what it was asked, and ``look`` has shown it."""

    def may_lag(self, call: Call, number: int | None) -> bool:
        """Whether a guest goes on by itself after this call was answered."""
        del call, number
        return False

    def awaited(self, probe: Callable[[], list[T]], left: list[T]) -> list[T]:
        """What ``probe`` still finds when it has found nothing or the time is over."""
        del probe
        return left


class RealGuests(Guests):
    """Guests of QEMU, with images and serial logs in ``folder``."""

    def __init__(self, folder: Path, image: Path) -> None:
        self._folder = folder
        self._image = image
        self._boots = 0

    def prepare(self, uuids: Sequence[str]) -> None:
        for name in (*uuids, "spare"):
            shutil.copyfile(self._image, self._folder / f"{name}.qcow2")

    def before(self, call: Call, seen: Host) -> None:
        domain = seen.get(call.domain)
        if call.verb not in _HEARD or domain is None or not domain.running:
            return
        log = self._folder / f"{domain.uuid}.log"
        length = _length(log)
        eventually(lambda: _length(log) > length, what=f"{call.domain} listens", timeout_s=_PATIENCE_S)
        self._boots = log.read_bytes().count(_BOOTED)

    def after(self, call: Call, number: int | None, look: Callable[[], Host]) -> None:
        if call.verb not in _BUTTONS or number is not None:
            return
        if call.verb == "shutdown":
            eventually(lambda: _is_off(look(), call.domain), what=f"{call.domain} is off", timeout_s=_PATIENCE_S)
            return
        uuid = look()[call.domain].uuid
        log = self._folder / f"{uuid}.log"
        eventually(lambda: log.read_bytes().count(_BOOTED) > self._boots, what="it booted", timeout_s=_PATIENCE_S)
        look()

    def may_lag(self, call: Call, number: int | None) -> bool:
        return number == _LOST_MONITOR or (call.verb in _BUTTONS and number is None)

    def awaited(self, probe: Callable[[], list[T]], left: list[T]) -> list[T]:
        def nothing_left() -> bool:
            left[:] = probe()
            return not left

        try:
            eventually(nothing_left, what="Revisor has noticed", timeout_s=_PATIENCE_S)
        except AssertionError:
            return left
        return []


def _is_off(seen: Host, name: str) -> bool:
    domain = seen.get(name)
    return domain is None or domain.state == _SHUTOFF


def _length(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
