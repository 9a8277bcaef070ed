"""What the doors are told of checkpoints and backups; a part of ``service``."""

from typing import Any, Protocol
from uuid import UUID

from domain_model import checkpoint_xml, snapshot_xml
from domain_model.errors import NoBackup, NoCheckpoint
from domain_model.placements import Role
from revisor.application import Application
from revisor.queries import Queries
from revisor.references import References
from revisor.rows import CheckpointRow, PlacementRow
from revisor.store.context import Context


class Show(Protocol):
    """Shows a text without its secrets, or with them once that is on record."""

    def __call__(
        self, text: str, domain: UUID, verb: str, target: str, context: Context, *, security_info: bool
    ) -> str: ...


class CheckpointAnswers:
    """Questions about a domain's checkpoints, which only its owner has, and about its backup."""

    def __init__(self, application: Application, queries: Queries, refer: References, show: Show) -> None:
        self._documents = application.documents
        self._queries = queries
        self._refer = refer
        self._show = show

    def all_of(self, ref: str, host: str | None) -> list[dict[str, Any]]:
        """The checkpoints by name, each with its place in the tree. Raises as ``References.placement``."""
        return _presented(self._rows(self._refer.placement(ref, host)))

    def one(self, ref: str, host: str | None, name: str) -> dict[str, Any]:
        """One of ``all_of``, with the domain's name. Raises NoCheckpoint (103)."""
        row = self._refer.placement(ref, host)
        for item in _presented(self._rows(row)):
            if item["name"] == name:
                return {**item, "domain": row.name}
        raise _no_checkpoint(name)

    def xml(
        self, ref: str, host: str | None, name: str, context: Context, *, security_info: bool, no_domain: bool
    ) -> str:
        """A checkpoint's XML as last seen, or without the definition in it. Raises NoCheckpoint (103)."""
        row = self._refer.placement(ref, host)
        found = next((checkpoint for checkpoint in self._rows(row) if checkpoint.name == name), None)
        if found is None:
            raise _no_checkpoint(name)
        digests = found.header, found.domain_document, None
        texts = self._documents.get_many(digest for digest in digests if digest is not None)
        text = snapshot_xml.compose_named(digests, texts)
        text = checkpoint_xml.without_domain(text) if no_domain else text
        target = f"{row.name}/{name}"
        return self._show(text, row.domain, "checkpoint-dumpxml", target, context, security_info=security_info)

    def backup(self, ref: str, host: str | None) -> dict[str, Any]:
        """The backup that was begun last, and how it ended if that was seen. Raises NoBackup (104)."""
        row = self._refer.placement(ref, host)
        backup = self._queries.backup(row.domain)
        if backup is None:
            raise _no_backup()
        hosts = self._queries.host_names()
        return {
            "domain": row.name,
            "operation": backup["id"],
            "host": hosts.get(backup["host"]),
            "state": backup["outcome"] or "running",
            **{key: backup[key] for key in ("incremental", "checkpoint", "begun_at", "ended_at", "message")},
        }

    def backup_xml(self, ref: str, host: str | None) -> str:
        """The XML of the backup that runs, as it was when it began. Raises NoBackup (104) when none is known to run."""
        backup = self._queries.backup(self._refer.placement(ref, host).domain)
        if backup is None or backup["outcome"] is not None:
            raise _no_backup()
        return self._documents.get(backup["document"])

    def _rows(self, row: PlacementRow) -> list[CheckpointRow]:
        return self._queries.checkpoints(row.domain) if row.role == Role.OWNER else []


def _presented(rows: list[CheckpointRow]) -> list[dict[str, Any]]:
    children: dict[str | None, list[str]] = {}
    for row in rows:
        children.setdefault(row.parent_name, []).append(row.name)
    return [
        {
            "name": row.name,
            "id": row.id,
            "parent": row.parent_name,
            "children": sorted(children.get(row.name, [])),
            "creation_time": row.creation_time,
            "current": row.current,
            "has_description": row.description is not None,
            "description": row.description,
        }
        for row in rows
    ]


def _no_checkpoint(name: str) -> NoCheckpoint:
    return NoCheckpoint(f"no domain checkpoint with matching name '{name}'", field="checkpoint", value=name)


def _no_backup() -> NoBackup:
    return NoBackup("no domain backup job present", field="domain")
