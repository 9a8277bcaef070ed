"""The vault: secrets that stand in users' XML, kept apart from the log and erasable without touching it.

A secret is known outside by a reference that is deterministic per domain and value, so the same definition gives the
same document. Values are sealed with AES-256-GCM under a key of the domain's, which is wrapped under the master key;
deleting the domain's key erases its secrets for good.
"""

import hashlib
import hmac
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from uuid import UUID

from domain_model.errors import OperationFailed, OperationInvalid
from domain_model.secrets import redact, restore
from revisor.store.database import Database, transaction
from revisor.store.master_key import SEALED_KEYS, opens, read_master_key
from revisor.store.sealing import KEY_BYTES, seal, unseal


class Vault:
    """Takes secrets out of XML and puts them back."""

    def __init__(self, database: Database, master_key: bytes) -> None:
        self._database = database
        self._master = master_key
        self._fingerprint_key = hmac.digest(master_key, b"request fingerprint", "sha256")

    def redact(self, domain: UUID, xml: str) -> str:
        """The XML with references in place of its secrets, which are in the vault when this returns.

        Raises OperationFailed (9) where the vault is sealed under another master key.
        """
        key = _OnDemand(lambda: self._key(domain))
        redacted, found = redact(xml, lambda value: _reference(key.value, value))
        for reference, value in found.items():
            self._database.execute(
                "INSERT INTO work.vault_secrets VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                domain,
                reference,
                seal(key.value, value.encode(), reference.encode()),
            )
        return redacted

    def restore(self, domain: UUID, xml: str) -> str:
        """The XML with its secrets, for a hypervisor or a person who may see them.

        Raises OperationFailed (9) for a secret that is not there or cannot be opened: an operation that needs it fails,
        and is not tried for ever.
        """
        return restore(xml, lambda reference: self._open(domain, reference))

    def check(self, domain: UUID) -> None:
        """Raises OperationFailed (9) when the domain has secrets that cannot be opened; one that has none is well."""
        wrapped = self._wrapped_key(domain)
        if wrapped is not None:
            unseal(self._master, wrapped, domain.bytes)

    def trouble_with(self, path: Path) -> str | None:
        """What is wrong with the file the master key was read from, whose place in memory goes with this process."""
        try:
            key = read_master_key(path)
        except OperationInvalid as error:
            return error.message
        if key is None:
            return f"{path} is not there any more"
        return None if key == self._master else f"{path} is another one than Revisor was started with"

    def fingerprint(self, command: bytes) -> bytes:
        """Tells a command from another one without giving away what is in it."""
        return hmac.digest(self._fingerprint_key, command, "sha256")

    def _open(self, domain: UUID, reference: str) -> str:
        row = self._database.fetch_one(
            "SELECT sealed FROM work.vault_secrets WHERE domain = %s AND reference = %s", domain, reference
        )
        wrapped = self._wrapped_key(domain)
        if row is None or wrapped is None:
            raise OperationFailed(
                f"secret {reference} of domain {domain} is not in the vault: it was erased, or left out of a restore or"
                " an import; give it again with define"
            )
        key = unseal(self._master, wrapped, domain.bytes)
        return unseal(key, bytes(row["sealed"]), reference.encode()).decode()

    def _key(self, domain: UUID) -> bytes:
        """The domain's key, made when it has none yet."""
        wrapped = self._wrapped_key(domain) or self._new_key(domain)
        return unseal(self._master, wrapped, domain.bytes)

    def _new_key(self, domain: UUID) -> bytes:
        """The domain's key, sealed, and never beside keys that are sealed under another master key.

        The lock keeps two that begin to fill an empty vault, each with a master key of its own, from both doing so.
        """
        made = seal(self._master, os.urandom(KEY_BYTES), domain.bytes)
        with self._database.connection() as connection, transaction(connection):
            connection.execute("LOCK TABLE work.vault_keys IN SHARE ROW EXCLUSIVE MODE")
            other = connection.execute(f"{SEALED_KEYS} LIMIT 1").fetchone()
            if other is not None and not opens(self._master, other["domain"], bytes(other["wrapped"])):
                raise OperationFailed(
                    "a secret cannot be kept: the master key is not the one the vault is sealed under",
                    field="master_key",
                )
            connection.execute("INSERT INTO work.vault_keys VALUES (%s, %s) ON CONFLICT DO NOTHING", (domain, made))
        wrapped = self._wrapped_key(domain)  # Another process may have been first.
        assert wrapped is not None
        return wrapped

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
