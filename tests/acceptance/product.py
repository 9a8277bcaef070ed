"""Revisor as a person uses it: its command line in processes of its own, and a home that is gone afterwards.

Nothing here reaches into the product. What a test wants to know it asks the command line, the HTTP API, the database
or the hypervisor.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from revisor.client import Client
from revisor.embedded_postgres import processes
from revisor.embedded_postgres.server import EmbeddedPostgres, Role
from tests.lab.awaiting import eventually

ROOT_OF_HOUSE = Path(__file__).resolve().parents[2]
_QUICK_LEASES = {"REVISOR_LEASE_S": "2", "REVISOR_GRACE_S": "1"}
_COMMAND_S = 240.0
_LAST_LINES = 10
_PART_OF_REVISOR = re.compile(r" -m revisor (?!.*--detach)(up\b|.* --supervised$)")

Item = dict[str, Any]


class Product:
    """One Revisor, in ``home``. Making one starts nothing."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REVISOR_")}
        self.said: list[tuple[tuple[str, ...], str]] = []
        """Every command that was typed, and all that it printed."""
        self.environment = {**kept, **_QUICK_LEASES, **environment, "REVISOR_HOME": str(home)}

    # Its life.

    def up(self, *hosts: str, **more: str) -> None:
        """Start it in the background; afterwards it is ready and leads ``hosts``, each NAME=URI or a simulated NAME."""
        named = [host if "=" in host else f"{host}=simulator:///{host}" for host in hosts]
        named += [f"{name}={uri}" for name, uri in more.items()]
        self.ok("up", "--detach", *(word for host in named for word in ("--host", host)))

    def down(self) -> None:
        self.ok("down")

    def processes(self, *, postgres: bool = True) -> dict[int, str]:
        """The living processes of this Revisor by pid, with their command lines; not those that ask it something."""
        mark = f"REVISOR_HOME={self.home}".encode()
        ours = {pid: _command_of(pid) for pid in _pids() if mark in _environment_of(pid)}
        found = {pid: command for pid, command in ours.items() if _PART_OF_REVISOR.search(command)}
        if postgres:
            found |= dict.fromkeys(processes.alive(self._data), "postgres")
        return found

    def pid_of(self, *words: str) -> int:
        """The pid of its process that was started with ``words``, such as ``worker --host alpha``, once it runs."""
        tail = " ".join([*words, "--supervised"])

        def found() -> int | None:
            return next((pid for pid, said in self.processes(postgres=False).items() if said.endswith(tail)), None)

        return eventually(found, what=f"revisor {tail} runs")

    def kill_everything(self, *, include_postgres: bool) -> None:
        """End the whole process tree as a power cut would, at once and without a word; never a hypervisor.

        Afterwards none of the processes is left.
        """
        self.kill(self.processes(postgres=include_postgres))

    def kill(self, pids: Iterable[int]) -> None:
        """SIGKILL these, which ``processes`` or ``pid_of`` gave, and wait until they are gone."""
        doomed = list(pids)
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: not any(_alive(pid) for pid in doomed), what="the killed processes are gone")

    def remove(self) -> None:
        """End it in whatever state it is, and remove its home."""
        # Twice: what was just starting something may have been killed before what it started was seen.
        self.kill_everything(include_postgres=True)
        self.kill_everything(include_postgres=True)
        shutil.rmtree(self.home, ignore_errors=True)

    # Its doors.

    def run(self, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Type a command, with ``text`` as its input; nothing is expected of how it ends."""
        done = subprocess.run(
            [sys.executable, "-m", "revisor", *words],
            cwd=ROOT_OF_HOUSE,
            env=self.environment,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        self.said.append((words, done.stdout + done.stderr))
        return done

    def ok(self, *words: str) -> str:
        """Type a command that must succeed, and return what it printed."""
        done = self.run(*words)
        said = f"revisor {' '.join(words)} ended with {done.returncode}: {done.stderr}"
        assert done.returncode == 0, f"{said}\n{self.last_words()}"
        return done.stdout

    def refused(self, number: int, *words: str) -> str:
        """Type a command that must be refused with libvirt's ``number``, and return the sentence."""
        done = self.run(*words)
        lines = done.stderr.splitlines()
        assert done.returncode == 1, f"revisor {' '.join(words)} ended with {done.returncode}: {done.stderr}"
        assert lines[-1].startswith("error: "), done.stderr
        assert lines[-1].endswith(f" [{number}]"), done.stderr
        assert "Traceback" not in done.stderr
        return lines[-1]

    def json(self, *words: str) -> Any:
        """Type a command that must succeed, with ``--output json``, and return its document."""
        return json.loads(self.ok(*words, "--output", "json"))

    def items(self, *words: str) -> list[Item]:
        """The items of the document of ``json``."""
        items: list[Item] = self.json(*words)["items"]
        return items

    @property
    def client(self) -> Client:
        return Client(self.home / "revisor.sock")

    def dsn(self, role: Role = "revisor") -> str:
        """How to connect to its database."""
        return EmbeddedPostgres(self.home).dsn(role)

    # What a test asks again and again.

    def act(self, domain: str, verb: str, **arguments: Any) -> Item:
        """Have a verb done over HTTP, which is quicker than a process each time.

        Must succeed; returns the operation.
        """
        client = self.client
        operation = client.ended(client.act(domain, verb, arguments, wait_s=20), timeout_s=_COMMAND_S)
        assert operation["state"] == "succeeded", f"{operation}\n{self.last_words()}"
        return operation

    def define(self, xml: str, host: str) -> Item:
        """Define a domain over HTTP, and return the operation, which succeeded."""
        client = self.client
        asked = {"xml": xml, "host": host}
        reply = client.request("POST", "/v1/domains", {"wait": 20}, asked, wait_s=20)
        operation = client.ended(reply.body, timeout_s=_COMMAND_S)
        assert operation["state"] == "succeeded", f"{operation}\n{self.last_words()}"
        return operation

    def log(self, domain: str, limit: int = 100_000) -> list[Item]:
        items: list[Item] = self.client.get(f"/v1/domains/{domain}/log", limit=limit).body["items"]
        return items

    def facts(self, domain: str) -> list[Item]:
        """The log without the coming and going of operations: what became so."""
        return [entry for entry in self.log(domain) if not entry["topic"].startswith("operation.")]

    def last_words(self) -> str:
        """The end of each of its logs, for whoever reads why a test failed: the home is gone by then."""
        logs = {path.name: path.read_text(errors="replace").splitlines() for path in self.home.glob("logs/*")}
        return "\n".join(f"{name}: {line}" for name, lines in sorted(logs.items()) for line in lines[-_LAST_LINES:])

    @property
    def _data(self) -> Path:
        return self.home.resolve() / "postgres" / "data"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


@contextlib.contextmanager
def new_product(**environment: str) -> Iterator[Product]:
    """A Revisor in a new home with a short path, which is removed with everything in it."""
    folder = Path(tempfile.mkdtemp(prefix="rv", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with Product(folder / "h", **environment) as product:
            yield product
    finally:
        shutil.rmtree(folder)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _environment_of(pid: int) -> list[bytes]:
    """What a process was started with; nothing for one that is gone, or not ours to ask."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
