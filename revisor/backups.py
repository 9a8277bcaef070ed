"""Backups of Revisor: the log with its documents, and the vault with its sealed secrets, in one folder.

What is not in it: the master key, or whoever has the backup could open its secrets; and read models, which follow from
the log. A restored log is older than the hosts it tells of, so it waits to be acknowledged (``revisor.restores``).
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from psycopg import Connection

from domain_model.errors import InvalidArgument, OperationInvalid, Refused
from revisor.store.archive import LOG, Member, Progress, export_log, import_log
from revisor.store.archive_file import Damaged, Manifest, partial_of
from revisor.store.master_key import SEALED_KEYS, SealedKeys, open_master_key, read_master_key, why_closed

ARCHIVE = "backup.revisor"
_VAULT = (
    Member("vault_keys", SEALED_KEYS, "work.vault_keys (domain, wrapped)"),
    Member(
        "vault_secrets",
        "SELECT domain, reference, sealed FROM work.vault_secrets",
        "work.vault_secrets (domain, reference, sealed)",
    ),
)
_MEMBERS = (*LOG, *_VAULT)


def back_up(connection: Connection[tuple[Any, ...]], folder: Path, master_key: Path, *, seen: Progress) -> Manifest:
    """Write a backup to a folder, which is made (mode 0700) if it is not there, while Revisor goes on.

    Raises InvalidArgument (8) for a folder that is there and not empty, Refused (38) where nothing can be written. A
    folder that was made is gone then, and after any other error. OperationInvalid (55) when the master key does not
    open the secrets: nobody could open them in the backup.
    """
    sealed = _sealed_keys(connection)
    if sealed:
        open_master_key(master_key, sealed, make=False)
    archive = folder / ARCHIVE
    try:
        made = not folder.exists()
        if made:
            _make(folder)
        # A file that was begun there has a refusal of its own, which says where it comes from.
        taken = set(folder.iterdir()) - {partial_of(archive)}
    except OSError as error:
        raise Refused(f"cannot make '{folder}': {error.strerror}", field="dir", value=str(folder), number=38) from error
    if taken:
        raise InvalidArgument(
            f"'{folder}' is not empty", field="dir", value=str(folder), accepted="a folder that is new or empty"
        )
    try:
        return export_log(connection, archive, members=_MEMBERS, seen=seen)
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _make(folder: Path) -> None:
    """Make a folder that is still there when the power fails: what is in it is of no use otherwise."""
    parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        folder.mkdir(mode=0o700)
        os.fsync(parent)
    finally:
        os.close(parent)


def restore(
    connection: Connection[tuple[Any, ...]],
    folder: Path,
    master_key: Path,
    *,
    seen: Progress,
    without_secrets: bool = False,
) -> Manifest:
    """Make an empty log and vault those of a backup, as the owner.

    Afterwards nothing new is begun until the restore is acknowledged. ``without_secrets`` leaves the vault empty: what
    needs a secret fails until it is given again. Raises as ``import_log``, in words of a backup; OperationInvalid (55)
    when the master key is not the one the secrets are sealed under. Nothing is changed then.
    """
    archive = folder / ARCHIVE
    if partial_of(archive).exists() and not archive.exists():
        raise _no_backup(folder, f"it never came to its end, and there is only '{partial_of(archive).name}'")
    with connection.transaction(), _told_of_backup(folder):
        manifest = import_log(
            connection, archive, members=_MEMBERS, seen=seen, what="restored from", prepare=_empty_vault
        )
        if without_secrets:
            _empty_vault(connection)
        else:
            _check_key(connection, master_key)
        return manifest


@contextlib.contextmanager
def _told_of_backup(folder: Path) -> Iterator[None]:
    """Who restores a backup need not know of the file in it."""
    try:
        yield
    except Damaged as error:
        raise _no_backup(folder, error.what) from error


def _no_backup(folder: Path, what: str) -> InvalidArgument:
    return InvalidArgument(
        f"there is no whole backup in '{folder}': {what}",
        field="dir",
        value=str(folder),
        accepted="a folder as 'revisor backup' left it",
    )


def _empty_vault(connection: Connection[tuple[Any, ...]]) -> None:
    """What is in the vault of an empty log is of commands that came to nothing."""
    connection.execute("DELETE FROM work.vault_secrets")
    connection.execute("DELETE FROM work.vault_keys")


def _check_key(connection: Connection[tuple[Any, ...]], master_key: Path) -> None:
    sealed = _sealed_keys(connection)
    if not sealed:
        return
    why = why_closed(master_key, read_master_key(master_key), sealed)
    if why is not None:
        raise OperationInvalid(
            f"the backup's secrets are sealed under the master key of that Revisor: {why}",
            field="master_key",
            value=str(master_key),
            accepted="the master key of then in that file, or --without-secrets to go on without them",
        )


def _sealed_keys(connection: Connection[tuple[Any, ...]]) -> SealedKeys:
    sealed: SealedKeys = connection.execute(SEALED_KEYS).fetchall()
    return sealed
