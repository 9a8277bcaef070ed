"""Documents: whole XML texts, kept once each under their SHA-256."""

import hashlib
from collections.abc import Iterable

from revisor.store.database import Database


def digest_of(text: str) -> str:
    """The name of a document in events: SHA-256 of its UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


class Drafts:
    """Documents collected while deciding, to be stored by the append whose events name them."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}

    def add(self, text: str) -> str:
        """Keep a text for the append; returns its digest."""
        digest = digest_of(text)
        self._bodies[digest] = text.encode()
        return digest

    @property
    def bodies(self) -> list[bytes]:
        return list(self._bodies.values())


class Documents:
    """The documents in the log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, digest: str) -> str:
        """One document; raises KeyError when there is none such."""
        return self.get_many([digest])[digest]

    def get_many(self, digests: Iterable[str]) -> dict[str, str]:
        """Documents by digest; raises KeyError naming the first that is missing."""
        wanted = [bytes.fromhex(digest) for digest in dict.fromkeys(digests)]
        rows = self._database.fetch("SELECT digest, body FROM log.documents WHERE digest = ANY(%s)", wanted)
        found = {bytes(row["digest"]).hex(): bytes(row["body"]).decode() for row in rows}
        for digest in wanted:
            if digest.hex() not in found:
                raise KeyError(digest.hex())
        return found
