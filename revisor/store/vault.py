"""The vault: secrets that stand in users' XML, kept apart from the log and erasable without touching it.

A secret is known outside by a reference that is deterministic per domain and value, so the same definition gives the
same document. Values are sealed with AES-256-GCM under a key of the domain's, which is wrapped under the master key;
deleting the domain's key erases its secrets for good.
"""

import contextlib
import hashlib
import hmac
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain_model.errors import OperationFailed
from domain_model.secrets import redact, restore
from revisor.store.database import Database

_KEY_BYTES = 32
_NONCE_BYTES = 12


class VaultError(Exception):
    """The master key is not one, or not the one the secrets were sealed with."""


def read_master_key(path: Path, *, make: bool) -> bytes:
    """The 32-byte master key in ``path``; with ``make``, made (mode 0600) when there is no such file.

    The file is there whole or not at all, also for a process that starts at the same moment. Raises VaultError.
    """
    if make and not path.exists():
        _make_master_key(path)
    elif not path.exists():
        raise VaultError(f"{path} is not there: a new master key could not open what the old one sealed")
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise VaultError(f"{path} is not a master key: it must hold exactly {_KEY_BYTES} bytes")
    return key


def _make_master_key(path: Path) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink()


def opens(master_key: bytes, domain: UUID, wrapped: bytes) -> bool:
    """Whether a domain's key is wrapped under this master key."""
    try:
        _unseal(AESGCM(master_key), wrapped, domain.bytes)
    except VaultError:
        return False
    return True


class Vault:
    """Takes secrets out of XML and puts them back."""

    def __init__(self, database: Database, master_key: bytes) -> None:
        self._database = database
        self._master = AESGCM(master_key)
        self._fingerprint_key = hmac.digest(master_key, b"request fingerprint", "sha256")

    def redact(self, domain: UUID, xml: str) -> str:
        """The XML with references in place of its secrets, which are in the vault when this returns."""
        key = _OnDemand(lambda: self._key(domain))
        redacted, found = redact(xml, lambda value: _reference(key.value, value))
        for reference, value in found.items():
            self._database.execute(
                "INSERT INTO work.vault_secrets VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                domain,
                reference,
                _seal(AESGCM(key.value), value.encode(), reference.encode()),
            )
        return redacted

    def restore(self, domain: UUID, xml: str) -> str:
        """The XML with its secrets, for a hypervisor or a person who may see them.

        Raises OperationFailed (9) for a secret that was erased: an operation that needs it fails, and is not tried for
        ever. Raises VaultError.
        """
        return restore(xml, lambda reference: self._open(domain, reference))

    def fingerprint(self, command: bytes) -> bytes:
        """Tells a command from another one without giving away what is in it."""
        return hmac.digest(self._fingerprint_key, command, "sha256")

    def _open(self, domain: UUID, reference: str) -> str:
        row = self._database.fetch_one(
            "SELECT sealed FROM work.vault_secrets WHERE domain = %s AND reference = %s", domain, reference
        )
        wrapped = self._wrapped_key(domain)
        if row is None or wrapped is None:
            raise OperationFailed(f"domain {domain} has no secret {reference}: it was erased")
        key = _unseal(self._master, wrapped, domain.bytes)
        return _unseal(AESGCM(key), bytes(row["sealed"]), reference.encode()).decode()

    def _key(self, domain: UUID) -> bytes:
        """The domain's key, made when it has none yet."""
        wrapped = self._wrapped_key(domain)
        if wrapped is None:
            made = _seal(self._master, os.urandom(_KEY_BYTES), domain.bytes)
            self._database.execute("INSERT INTO work.vault_keys VALUES (%s, %s) ON CONFLICT DO NOTHING", domain, made)
            wrapped = self._wrapped_key(domain)  # Another process may have been first.
        assert wrapped is not None
        return _unseal(self._master, wrapped, domain.bytes)

    def _wrapped_key(self, domain: UUID) -> bytes | None:
        row = self._database.fetch_one("SELECT wrapped FROM work.vault_keys WHERE domain = %s", domain)
        return None if row is None else bytes(row["wrapped"])


class _OnDemand:
    """A key that is fetched when it is first needed: most texts hold no secret at all."""

    def __init__(self, fetch: Callable[[], bytes]) -> None:
        self._fetch = fetch

    @cached_property
    def value(self) -> bytes:
        return self._fetch()


def _reference(key: bytes, value: str) -> str:
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:32]


def _seal(cipher: AESGCM, value: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, value, about)


def _unseal(cipher: AESGCM, sealed: bytes, about: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
    except InvalidTag:
        raise VaultError("a secret cannot be opened: the master key is not the one it was sealed with") from None
