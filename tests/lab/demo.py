"""What Revisor is for, to be watched: ``make demo``.

    python -m tests.lab.demo

A guest grows a branching tree of snapshots, is replayed onto another host, handed over, and goes on there. As root on a
machine with libvirt and QEMU the hosts are real, in namespaces of their own, and the guest counts, so that one sees in
its numbers that its memory came along; elsewhere they are simulated. All of it is done by typing commands. Nothing
stays.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from tests.acceptance.product import ROOT_OF_HOUSE, Product, new_product
from tests.lab.guest import Counter, build_counter_image, domain_xml
from tests.lab.hosts import Lab, remove_abandoned
from tests.lab.requirements import missing_for_hosts

GUEST = "counter"
# Before each snapshot the guest goes back to the one in front, if there is one.
GROWTH = (
    ("", "installed", "fresh from the installer"),
    ("", "configured", None),
    ("", "tuned", "a first idea"),
    ("configured", "patched", "another idea"),
    ("", "verified", None),
    ("installed", "minimal", "start over, smaller"),
)
WENT_ON_FROM = "tuned"

_LAB = "demo-"
_COMMAND_S = 300.0


class DemoFailedError(Exception):
    """Something went otherwise than it should; the message says what."""


@dataclass
class Stage:
    """Where the demo plays: a Revisor, the URIs of its two hosts, and on real ones the guest's counter."""

    product: Product
    uris: dict[str, str]
    folder: Path
    counter: Counter | None = None
    taken: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By snapshot, what the guest had counted to before and after it was taken."""

    def revisor(self, *words: str, refused: int | None = None, without: str | None = None) -> None:
        """Type a command, and show it and what it prints.

        ``without`` leaves out the lines with this word, as grep -v does.

        Raises DemoFailedError when it fails, or, with ``refused``, when it is not refused with that number.
        """
        pipe = "" if without is None else f" | grep -v {shlex.quote(without)}"
        say(f"$ revisor {shlex.join(words)}{pipe}", bold=True)
        environment = {**self.product.environment, "PYTHONPATH": str(ROOT_OF_HOUSE)}
        command = [sys.executable, "-m", "revisor", *words]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.strip() and (without is None or without not in line)]
        say("\n".join(lines))
        if refused is None and done.returncode != 0:
            raise DemoFailedError(f"it ended with {done.returncode}")
        if refused is not None and (done.returncode != 1 or not done.stdout.rstrip().endswith(f"[{refused}]")):
            raise DemoFailedError(f"it should have been refused with {refused}")

    def snapshot(self, name: str, description: str | None) -> None:
        """Take a snapshot, and let the guest count on, so that its value is told from the next one's."""
        low = self.counter.wait_until_advances() if self.counter else 0
        self.revisor("snapshot-create-as", GUEST, name, *([description] if description else []))
        if self.counter:
            self.taken[name] = low, self.counter.latest() or low
            self.counter.wait_until_advances(20)

    def revert(self, name: str) -> None:
        """Go back to a snapshot, and see in the guest's own words that it went on from there."""
        since = self.counter.position() if self.counter else 0
        before = self.counter.latest() if self.counter else 0
        self.revisor("snapshot-revert", GUEST, name)
        if self.counter:
            low, high = self.taken[name]
            first = self.counter.wait_until_restarts(low, high, since=since)
            say(f"  the guest had counted to {before}, and went on from {first}: '{name}' was taken at {low} to {high}")
            self.counter.wait_until_advances()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with stage() as prepared:
            try:
                play(prepared)
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):  # Who is impatient now would leave half of it behind.
                    signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        print("\ninterrupted; everything was taken down", file=sys.stderr)
        return 128 + signal.SIGINT
    except (DemoFailedError, AssertionError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"\nthe demo failed: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def stage() -> Iterator[Stage]:
    """Two real hosts where the machine has them, else two simulated ones; gone afterwards, whatever happens."""
    missing = missing_for_hosts()
    if find_spec("libvirt") is None:
        missing.append("libvirt-python")
    if missing:
        title(f"On two simulated hosts. Real ones would need {', '.join(missing)}.")
        with new_product() as product:
            folder = product.home.parent
            _write_definition(folder, folder / "counter.qcow2", folder / "counter.log")
            yield Stage(product, {name: f"simulator:///{name}" for name in ("alpha", "beta")}, folder)
        return
    title("On two real hosts: libvirt and QEMU in network namespaces.")
    remove_abandoned(_LAB)
    with Lab(f"{_LAB}{os.getpid()}") as lab, new_product() as product:
        counter = Counter(lab.storage / f"{GUEST}.log")
        _write_definition(lab.storage, build_counter_image(lab.storage / f"{GUEST}.qcow2"), counter.serial_log)
        yield Stage(product, {host.name: host.uri for host in lab.hosts}, lab.storage, counter)


def _write_definition(folder: Path, image: Path, serial_log: Path) -> None:
    (folder / f"{GUEST}.xml").write_text(domain_xml(GUEST, uuid4(), image, serial_log))


def play(on: Stage) -> None:
    """The demo itself. Raises DemoFailedError."""
    on.revisor("up", "--detach")
    for name, uri in on.uris.items():
        on.revisor("host", "add", name, uri)
    on.revisor("define", f"{GUEST}.xml", "--host", "alpha")
    on.revisor("start", GUEST, "--reason", "to be watched")
    title("A tree of six snapshots grows")
    for before, name, description in GROWTH:
        if before:
            on.revert(before)
        on.snapshot(name, description)
    on.revisor("snapshot-list", GUEST, "--tree")
    title("It is replayed onto beta, and read back")
    on.revisor("replay", GUEST, "--to", "beta")
    on.revisor("snapshot-list", f"beta/{GUEST}", "--tree")
    on.revisor("start", f"beta/{GUEST}", refused=55)
    title("The guest moves")
    on.revisor("destroy", GUEST)
    on.revisor("handover", GUEST, "--to", "beta")
    on.revert(WENT_ON_FROM)
    on.revisor("list", "--all")
    title("All of it is on record")
    on.revisor("log", GUEST, without="operation.")
    on.revisor("down")


def title(words: str) -> None:
    say(f"\n{words}\n")


def say(text: str, *, bold: bool = False) -> None:
    print(f"\x1b[1m{text}\x1b[0m" if bold and sys.stdout.isatty() else text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
