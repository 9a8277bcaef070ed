"""The verbs of the whole log: ``export --raw`` writes it to a file, ``import`` makes an empty log out of one;
``backup`` and ``restore`` do so with the vault.

They speak to the database and not to the API: a log is exported from a Revisor that is down as well, and imported
before one was ever up.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from revisor.cli import output
from revisor.cli.failures import Exit
from revisor.cli.verb import ON_RECORD, WAITING, Asked, BadValue, Word, flag, not_empty, verb
from revisor.client import AnswerLost, ClientError, Unreachable

if TYPE_CHECKING:
    from psycopg import Connection

    from revisor.settings import Settings
    from revisor.store.archive import Progress
    from revisor.store.archive_file import Manifest

FILE, DIR = Word("file", "FILE"), Word("dir", "DIR")
_LACKING = (*WAITING, *ON_RECORD)

_ACKNOWLEDGE = "Nothing new is begun until 'revisor acknowledge-restore' has compared the hosts with it"


@verb(
    "export",
    FILE,
    options=[flag("raw", "As the database keeps it: all events, evidence and documents, no secrets.")],
    lacking=_LACKING,
)
def export(asked: Asked, *, file: str, raw: bool) -> int:
    """Write the whole log to a new file, also while Revisor runs; 'revisor import' takes it."""
    if not raw:
        raise click.UsageError("command 'export' requires --raw option")
    if file == "-":
        raise BadValue(
            "an export is there whole or not at all, so it is no stream", field="file", value="-", accepted="a new file"
        )
    not_empty("file", file, "a new file")
    from revisor.composition import dsn_of
    from revisor.store.archive import export_log

    begun = time.monotonic()
    with _connected(dsn_of, Unreachable, make=False) as connection, _progress() as seen:
        manifest = export_log(connection, Path(file), seen=seen)
    return _said(asked, "export", "exported to", file, manifest, time.monotonic() - begun)


@verb("import", FILE, lacking=_LACKING)
def import_(asked: Asked, *, file: str) -> int:
    """Make an empty log the one that 'revisor export --raw' wrote to a file."""
    not_empty("file", file, "a file that 'revisor export --raw' wrote")
    from revisor.composition import owner_dsn_of
    from revisor.store.archive import import_log

    begun = time.monotonic()
    # Lost as it committed, it may be there.
    with _connected(owner_dsn_of, AnswerLost, make=True) as connection, _progress() as seen:
        manifest = import_log(connection, Path(file), seen=seen)
    return _said(asked, "import", "imported from", file, manifest, time.monotonic() - begun, after=_ACKNOWLEDGE)


@verb("backup", DIR, lacking=_LACKING)
def backup(asked: Asked, *, dir: str) -> int:  # noqa: A002  the contract's word
    """Back up the log and the vault to a folder, also while Revisor runs. The master key is to be kept apart."""
    not_empty("dir", dir, "a folder that is new or empty")
    from revisor.backups import back_up
    from revisor.composition import dsn_of
    from revisor.settings import read_settings

    begun = time.monotonic()
    master_key = read_settings().master_key
    with _connected(dsn_of, Unreachable, make=False) as connection, _progress() as seen:
        manifest = back_up(connection, Path(dir), master_key, seen=seen)
    after = f"The master key is not in it: {_which_key(master_key)} in another place"
    return _said(asked, "backup", "backed up to", dir, manifest, time.monotonic() - begun, after=after)


def _which_key(file: Path) -> str:
    return f"keep a copy of {file}" if file.exists() else f"{file} is not there, so keep a copy of the one in use"


def restore_backup(asked: Asked, folder: Path, *, without_secrets: bool) -> int:
    """Make an empty Revisor the one that ``revisor backup`` wrote to a folder."""
    from revisor.backups import restore
    from revisor.composition import owner_dsn_of
    from revisor.settings import read_settings

    begun = time.monotonic()
    master_key = read_settings().master_key
    with _connected(owner_dsn_of, AnswerLost, make=True) as connection, _progress() as seen:
        manifest = restore(connection, folder, master_key, seen=seen, without_secrets=without_secrets)
    done = time.monotonic() - begun
    return _said(asked, "restore", "restored from", str(folder), manifest, done, after=_ACKNOWLEDGE)


@contextlib.contextmanager
def _connected(
    dsn_of: "Callable[[Settings], str]", lost: type[ClientError], *, make: bool
) -> "Iterator[Connection[tuple[Any, ...]]]":
    """A connection to the database of this home, which is started if it does not run, and made if it is to be.

    ``lost`` is raised when it is.
    """
    import psycopg

    from domain_model.errors import OperationFailed, OperationInvalid
    from revisor.offline import database_at_hand
    from revisor.settings import read_settings

    settings = read_settings()
    dsn = dsn_of(settings)
    with database_at_hand(settings, make=make):
        try:
            connection = psycopg.connect(dsn, autocommit=True, application_name="revisor")
        except psycopg.OperationalError as error:
            raise Unreachable(f"the database cannot be reached: {error}") from error
        with connection:
            try:
                yield connection
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
                raise OperationInvalid("the database holds no log yet: 'revisor up' makes one") from error
            except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege) as error:
                if error.sqlstate is None:
                    raise lost(f"the connection to the database was lost: {error}") from error
                raise OperationFailed(f"the database refused: {error.diag.message_primary}") from error


@contextlib.contextmanager
def _progress() -> "Iterator[Progress]":
    """Tells how far it is, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _step, _bytes: None
        return
    from revisor.cli.progress import steps

    with steps() as seen:
        yield seen


def _said(
    asked: Asked, kind: str, done: str, file: str, manifest: "Manifest", seconds: float, *, after: str | None = None
) -> int:
    sizes = manifest.members
    size = sum(each.bytes for each in sizes.values())
    if asked.output == "json":
        item = {
            "file": file,
            "log": str(manifest.head.log),
            "positions": manifest.head.position,
            "documents": sizes["documents"].rows,
            "bytes": size,
            "seconds": round(seconds, 3),
        }
        output.document(kind, [item], manifest.head.position, None)
    else:
        output.message(
            f"{manifest.head.position} positions and {sizes['documents'].rows} documents {done} {file}: {size} bytes of rows in"
            f" {seconds:.1f} s"
        )
        if after is not None:
            output.message(after)
    return Exit.DONE
