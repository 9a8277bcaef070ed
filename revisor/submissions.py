"""Submissions: a command before it meets its domain,
with the documents it brings and what tells it from another one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from domain_model.operations import Command
from revisor.store.documents import Drafts
from revisor.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Target:
    """What a command is about: a domain and the placement that was named."""

    domain: UUID
    uuid: str
    name: str
    host: UUID
    host_named: bool
    """Whether this very host was asked for, and not wherever the owner is."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What is asked, of whom, and which documents it brings."""

    command: Command
    domain: UUID
    name: str
    """The name the domain has or is to have on the command's host."""
    fingerprint: bytes
    drafts: Drafts
    uuid: str | None = None
    """Set when the domain may be new: the hypervisor's UUID for it."""
    claims_name: bool = False


@dataclass(frozen=True, slots=True)
class Texts:
    """XML that becomes documents, with references in place of its secrets."""

    vault: Vault
    domain: UUID
    drafts: Drafts

    def add(self, text: str) -> str:
        """The digest of the document that a text becomes. Raises MalformedXml (27)."""
        return self.drafts.add(self.vault.redact(self.domain, text))


class Submissions:
    """Puts submissions together."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def texts(self, domain: UUID) -> Texts:
        """Where the documents of one submission about a domain are gathered."""
        return Texts(self._vault, domain, Drafts())

    def about(
        self,
        target: Target,
        verb: str,
        arguments: Mapping[str, Any],
        *,
        asked: Mapping[str, Any],
        texts: Texts | None = None,
        by: UUID | str | None = None,
        name: str | None = None,
        claims_name: bool = False,
    ) -> Submission:
        """``asked`` is what was asked for, which tells one command from another; ``arguments`` what became of it.

        It is carried out by the target's host, or the host ``by``.
        """
        # A host that was not named is no part of the command: after a handover it is another one.
        on = str(target.host) if target.host_named else None
        return Submission(
            command=Command(str(uuid4()), verb, str(by or target.host), dict(arguments)),
            domain=target.domain,
            name=name or target.name,
            fingerprint=self.fingerprint(verb, **asked, domain=str(target.domain), on=on),
            drafts=Drafts() if texts is None else texts.drafts,
            claims_name=claims_name,
        )

    def fingerprint(self, verb: str, **parts: Any) -> bytes:
        """Tells commands apart: equal for the same verb with the same parts."""
        return self._vault.fingerprint(json.dumps([verb, parts], sort_keys=True).encode())
