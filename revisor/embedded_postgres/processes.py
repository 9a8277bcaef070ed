"""Which processes belong to a PostgreSQL data folder, told without trusting a pid that was written down.

After SIGKILL the pid in `postmaster.pid` may belong to anybody. A server's processes, the postmaster and its backends
alike, are called `postgres` and have the data folder as their working folder; nothing else has both.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_LINES = 8
"""postmaster.pid: pid, data folder, start time, port, socket folder, listen address, shared memory, status."""


def postmaster(data: Path) -> int | None:
    """The pid of the running postmaster of ``data``, whoever started it; None when there is none."""
    pid = written_pid(data / "postmaster.pid")
    return pid if pid is not None and serves(pid, data) else None


def ready(data: Path, pid: int) -> bool:
    """Whether the postmaster ``pid`` says of itself that it accepts connections."""
    lines = _lines(data / "postmaster.pid")
    return len(lines) >= _LINES and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def serves(pid: int, data: Path) -> bool:
    """Whether process ``pid`` is a living PostgreSQL process of ``data``. Defunct ones do not count.

    In a container root may lack CAP_SYS_PTRACE and not be told another account's working folder. Then the postmaster
    is known by its arguments, and its backends are not seen: PostgreSQL itself finds those when it is started.
    """
    process = Path("/proc") / str(pid)
    try:
        if (process / "comm").read_text().strip() != "postgres":
            return False
        try:
            # Compared by inode: the server may see the folder through a mount namespace of its own.
            return (process / "cwd").samefile(data)
        except PermissionError:
            return os.fsencode(data) in (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def alive(data: Path) -> list[int]:
    """Every living PostgreSQL process of ``data``, the postmaster included."""
    return [pid for pid in _pids() if serves(pid, data)]


def send(pid: int, number: signal.Signals, data: Path) -> None:
    """Send a signal to process ``pid`` if it is one of ``data``'s; gone ones are no error."""
    if serves(pid, data):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def written_pid(file: Path) -> int | None:
    """The pid on the first line of a lock file of PostgreSQL's; None when there is none to read."""
    lines = _lines(file)
    word = lines[0].strip() if lines else ""
    return int(word) if word.isdecimal() and int(word) > 0 else None


def pid_taken(file: Path) -> bool:
    """Whether the pid in lock file ``file`` is that of a living process, so that PostgreSQL would not ignore it."""
    pid = written_pid(file)
    return pid is not None and (Path("/proc") / str(pid)).exists()


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
