"""Who the embedded PostgreSQL runs as, and how that account gets at what it needs and at nothing else.

PostgreSQL refuses to run as root. An ordinary user's server runs as that user. Root's runs under a system account made
for it, `revisor-postgres`. A shared account such as `nobody` is never used in its place: whatever else runs as `nobody`
could read the log.
"""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from domain_model.errors import OperationFailed
from revisor.embedded_postgres import enclosure

SYSTEM_ACCOUNT = "revisor-postgres"
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_FIRST_CLOSED = 'for folder in "$@"; do test -x "$folder" || { printf %s "$folder"; exit 0; }; done'
_ALL_READABLE = 'for file in "$@"; do test -r "$file" || exit 1; done'


def folder(path: Path, *, mode: int, uid: int | None = None, gid: int | None = None) -> Path:
    """Make ``path`` (its parent exists) or set right its mode and owner; for folders of Revisor's own only."""
    path.mkdir(mode=mode, exist_ok=True)
    found = path.lstat()
    wanted = (found.st_uid if uid is None else uid, found.st_gid if gid is None else gid)
    if (found.st_uid, found.st_gid) != wanted:
        os.chown(path, *wanted, follow_symlinks=False)
    if found.st_mode & 0o7777 != mode:
        path.chmod(mode)
    return path


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """An account with the means to start programs as it. Making one changes nothing."""

    name: str
    uid: int
    gid: int
    other: bool
    """Whether it is another account than ours, which only root can switch to."""
    covered: Path | None = None
    """A folder this account cannot pass, covered in a mount namespace of the server's own."""
    kept: tuple[Path, ...] = ()
    """What the server still finds below ``covered``."""

    def reaching(self, *folders: Path) -> "ServerAccount":
        """This account with what it takes to reach ``folders``: a cover over the topmost parent that stops it, if any.

        Folders that are themselves closed to the account are its caller's to open; parents are never changed.
        """
        if not self.other:
            return self
        parents = dict.fromkeys(str(parent) for path in folders for parent in reversed(path.parents))
        closed = self._asked(_FIRST_CLOSED, *parents).stdout
        return replace(self, covered=Path(closed), kept=folders) if closed else self

    def can_read(self, *files: Path) -> bool:
        """Whether the account reaches and may read each of ``files``, without a cover."""
        return not self.other or self._asked(_ALL_READABLE, *map(str, files)).returncode == 0

    def spawn(
        self, program: Sequence[str | Path], *, output: int, pass_fds: Sequence[int] = ()
    ) -> subprocess.Popen[str]:
        """Start ``program`` as this account: a direct child in a session of its own, so that a terminal's Ctrl-C
        reaches it only through us. It has a fixed environment, no group but its own, and nothing to read.

        Raises OperationFailed when the program cannot be started or the account not switched to.
        """
        try:
            return self._child([str(word) for word in program], output, pass_fds)
        except OSError as error:
            raise OperationFailed(f"{program[0]} cannot be started as {self.name}: {error}") from error

    def _child(self, program: list[str], output: int, pass_fds: Sequence[int]) -> subprocess.Popen[str]:
        drop = self.other and self.covered is None
        return subprocess.Popen(
            self._enclosed(program),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=_ENVIRONMENT,
            umask=0o077,
            start_new_session=True,
            pass_fds=pass_fds,
            user=self.uid if drop else None,
            group=self.gid if drop else None,
            extra_groups=[] if drop else None,
        )

    def _enclosed(self, program: list[str]) -> list[str]:
        if self.covered is None:
            return program
        place = [self.uid, self.gid, self.covered, *self.kept]
        return [sys.executable, "-I", "-S", enclosure.__file__, *map(str, place), "--", *program]

    def _asked(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # The kernel is asked by a process of that account: modes alone know nothing of ACLs and security modules.
        process = replace(self, covered=None).spawn(["/bin/sh", "-c", script, "sh", *arguments], output=subprocess.PIPE)
        output, _ = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output)


def operating_user() -> str:
    """The name of the user Revisor runs as.

    Raises OperationFailed when the user has none: PostgreSQL tells people apart by name (peer authentication).
    """
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise OperationFailed(
            f"the embedded PostgreSQL needs a name for user id {uid}, and the system's user database has none",
            field="user id",
            value=str(uid),
            accepted="a user with an entry in /etc/passwd, or an external database (REVISOR_DSN)",
        ) from None


def server_account() -> ServerAccount:
    """The account to run the server as: our own, or as root the system account, made if there is none.

    Raises OperationFailed when it is missing and cannot be made.
    """
    if os.geteuid() != 0:
        return ServerAccount(operating_user(), os.geteuid(), os.getegid(), other=False)
    entry = _entry() or _made()
    return ServerAccount(entry.pw_name, entry.pw_uid, entry.pw_gid, other=True)


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError:
        return None


def _made() -> pwd.struct_passwd:
    words = "useradd is not installed"
    if shutil.which("useradd", path=_ENVIRONMENT["PATH"]):
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        command += ["--shell", "/usr/sbin/nologin", "--comment", "Revisor's embedded PostgreSQL", SYSTEM_ACCOUNT]
        made = subprocess.run(command, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
        words = made.stderr.strip()
    # Looked up whatever useradd said: two Revisors may have made it at the same moment.
    if entry := _entry():
        return entry
    raise OperationFailed(
        f"as root the embedded PostgreSQL runs under the system account {SYSTEM_ACCOUNT}, and it could not be made: "
        f"{words}",
        field="system account",
        value=SYSTEM_ACCOUNT,
        accepted=f"make the account {SYSTEM_ACCOUNT} by hand, without login shell and home, or set REVISOR_DSN",
    )
