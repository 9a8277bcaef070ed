"""What the tests of the embedded PostgreSQL look with and kill with."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from revisor.embedded_postgres import processes

AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="needs root: an ordinary user's server runs as that user")
ROOT_OF_HOUSE = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0


@contextlib.contextmanager
def closed_folder() -> Iterator[Path]:
    """A folder nobody else may pass, with a short name; what still runs in a home ``h`` in it is ended afterwards."""
    path = Path(tempfile.mkdtemp(prefix="rv", dir="/tmp"))
    try:
        yield path
    finally:
        end_everything(path / "h")
        shutil.rmtree(path)


def data_of(home: Path) -> Path:
    return home / "postgres" / "data"


def postmaster(home: Path) -> int:
    pid = processes.postmaster(data_of(home))
    assert pid is not None
    return pid


def end_everything(home: Path) -> None:
    for pid in processes.alive(data_of(home)):
        processes.send(pid, signal.SIGKILL, data_of(home))
    until(lambda: not processes.alive(data_of(home)))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def scalar(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def modes_of_parents(path: Path) -> dict[str, tuple[int, int, int]]:
    seen = {str(parent): parent.stat() for parent in path.parents}
    return {name: (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) for name, found in seen.items()}


def as_nobody(act: Callable[[], object]) -> str:
    """What ``act`` raises when another user of the operating system does it; 'nothing' when it succeeds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        words = "nothing"
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            act()
        except BaseException as error:  # noqa: BLE001
            words = f"{type(error).__name__}: {error}"
        os.write(writing, words.encode()[:4000])
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


def another_revisor(home: Path, *prefix: str) -> subprocess.Popen[str]:
    """A process that starts the server, says so (or why not) on one line, and then waits to be killed."""
    program = (
        "import sys, pathlib, signal\n"
        "from domain_model.errors import RevisorError\n"
        "from revisor.embedded_postgres.server import EmbeddedPostgres\n"
        "try: EmbeddedPostgres(pathlib.Path(sys.argv[1])).start(); print('started', flush=True)\n"
        "except RevisorError as error: print(error, flush=True)\n"
        "signal.pause()\n"
    )
    command = [*prefix, sys.executable, "-c", program, str(home)]
    return subprocess.Popen(command, cwd=ROOT_OF_HOUSE, stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()
