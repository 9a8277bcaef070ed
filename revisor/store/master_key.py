"""The master key: the file without which nothing in the vault can be opened.

A new one must never silently take the place of one that is lost or elsewhere: the vault would be sealed under two keys,
and its backup open under neither. So whoever opens the vault compares the file with what is sealed, and a key is made
only where nothing is.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from domain_model.errors import OperationFailed, OperationInvalid
from revisor.store.sealing import KEY_BYTES, unseal

SEALED_KEYS = "SELECT domain, wrapped FROM work.vault_keys"

SealedKeys = Sequence[tuple[UUID, bytes]]
"""Domains with their keys, each sealed under a master key."""

_ACCEPTED = (
    "the master key of before in that file, or its path in REVISOR_MASTER_KEY_FILE; where it is lost, or there are two,"
    " 'revisor export --raw' here and 'revisor import' in a new home keep all but the secrets"
)


def open_master_key(path: Path, sealed: SealedKeys, *, make: bool) -> bytes:
    """The master key in ``path``, which opens all that is sealed; with ``make``, made where neither is there.

    Raises OperationInvalid (55) naming the file and what is wrong with it.
    """
    key = read_master_key(path)
    why = why_closed(path, key, sealed)
    if why is not None:
        raise OperationInvalid(
            f"the secrets of Revisor's vault cannot be opened: {why}",
            field="master_key",
            value=str(path),
            accepted=_ACCEPTED,
        )
    if key is None and make:
        _make_master_key(path)
        key = read_master_key(path)
    if key is None:
        raise OperationInvalid(
            f"{path} is not there, and REVISOR_MASTER_KEY_FILE names it",
            field="master_key",
            value=str(path),
            accepted=f"a file of {KEY_BYTES} bytes, or no REVISOR_MASTER_KEY_FILE: then one is made in the home",
        )
    return key


def read_master_key(path: Path) -> bytes | None:
    """What is in ``path``, or None where nothing is. Raises OperationInvalid (55) for what is no master key."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _no_key(path, f"cannot be read: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise _no_key(path, f"is not a master key: it holds {len(key)} bytes")
    return key


def why_closed(path: Path, key: bytes | None, sealed: SealedKeys) -> str | None:
    """Why what is sealed does not open under the key that was read from ``path``; None when all of it does."""
    if not sealed:
        return None
    if key is None:
        return f"{path} is not there"
    closed = sum(not opens(key, domain, wrapped) for domain, wrapped in sealed)
    if closed == len(sealed):
        return f"{path} is another one than they were sealed under"
    if closed:
        return (
            f"they are sealed under two keys, and {path} opens those of {len(sealed) - closed} of {len(sealed)} domains"
        )
    return None


def opens(key: bytes, domain: UUID, wrapped: bytes) -> bool:
    """Whether a domain's key is sealed under this master key."""
    try:
        unseal(key, wrapped, domain.bytes)
    except OperationFailed:
        return False
    return True


def _no_key(path: Path, why: str) -> OperationInvalid:
    return OperationInvalid(
        f"{path} {why}", field="master_key", value=str(path), accepted=f"a file of exactly {KEY_BYTES} bytes"
    )


def _make_master_key(path: Path) -> None:
    """Make one (mode 0600). It is there whole or not at all, also for a process that starts at the same moment."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink()
