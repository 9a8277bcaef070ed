"""Runs one program in a mount namespace of its own, in which a folder that lets nobody pass is covered.

Why: with `$REVISOR_HOME` below a folder such as `/root` (mode 0700), the account PostgreSQL runs under can reach
nothing of it. PostgreSQL turns every path into an absolute one and walks it from the top, so neither a working folder
handed to it nor relative paths help. Opening the folder's mode would open it for everybody. Instead the program sees,
at the same place, an empty folder everyone may pass, with only the folders meant for it in there. Nobody else sees
that, nothing outside changes, and the namespace goes away with its last process, however that ends. Mounts made and
removed outside still arrive (slave propagation), so that a server running for months keeps no file system busy.

This file is run by its path, by an isolated interpreter, as root; it imports the standard library only:

    python -I -S enclosure.py UID GID COVERED KEPT... -- PROGRAM [ARGUMENT...]

The process becomes the program: same pid, same parent. Exit status 125 and a sentence on stderr mean that it could not.
"""

import ctypes
import os
import sys
from pathlib import Path

CANNOT = 125
"""The exit status that says the program was not started (as env, chroot and docker use it)."""

CLONE_NEWNS = 0x00020000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_SLAVE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x80000

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    words = (source, target, kind)
    encoded = [None if word is None else os.fsencode(word) for word in words]
    answer = _libc.mount(*encoded, ctypes.c_ulong(flags), None if data is None else data.encode())
    _checked(answer, f"mounting {kind or source} on {target}")


def cover(covered: str, kept: list[str]) -> None:
    """Leave the namespace of everybody else; hide ``covered`` under an empty folder that shows only ``kept``.

    Raises OSError when the kernel or the container forbids it.
    """
    _checked(_libc.unshare(CLONE_NEWNS), "unshare(CLONE_NEWNS)")
    _mount("none", "/", None, MS_REC | MS_SLAVE)
    # Opened after unshare, as the kernel binds only what lies in the caller's own namespace, and before the cover.
    descriptors = [os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for path in kept]
    _mount("revisor", covered, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64k")
    os.umask(0o022)
    for path, descriptor in zip(kept, descriptors, strict=True):
        Path(path).mkdir(parents=True, exist_ok=True)
        _mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND)


def become(uid: int, gid: int, program: list[str]) -> None:
    """Give up root for good and turn into ``program``; returns only by raising OSError."""
    os.umask(0o077)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.execv(program[0], program)  # noqa: S606


def main(arguments: list[str]) -> None:
    uid, gid, covered, *rest = arguments
    border = rest.index("--")
    try:
        os.chdir("/")
        cover(covered, rest[:border])
        become(int(uid), int(gid), rest[border + 1 :])
    except OSError as error:
        sys.stderr.write(f"{error.strerror or error}\n")
        sys.exit(CANNOT)


if __name__ == "__main__":
    main(sys.argv[1:])
