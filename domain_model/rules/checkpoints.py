"""Rules about checkpoints and backups (libvirt-semantics 1.8)."""

from typing import Any

from domain_model.errors import NoCheckpoint, OperationFailed, OperationUnsupported
from domain_model.flags import CheckpointDelete
from domain_model.rules.situation import Situation


def create(now: Situation, arguments: dict[str, Any]) -> None:
    _must_run(now, "cannot create checkpoint for inactive domain")
    _must_be_new(now, arguments["name"])


def redefine(now: Situation, arguments: dict[str, Any]) -> None:
    """What one redefine may change, whether the domain runs or not. The XML itself was checked when it was read."""
    now.checkpoint_forest.check_parent(arguments["name"], arguments["parent"])


def delete(now: Situation, arguments: dict[str, Any]) -> None:
    """While a domain is off nobody can merge its bitmaps; metadata can be deleted always."""
    name = arguments["name"]
    if name not in now.checkpoints:
        raise NoCheckpoint(f"no domain checkpoint with matching name '{name}'", field="checkpoint", value=name)
    if not arguments["flags"] & CheckpointDelete.METADATA_ONLY:
        _must_run(now, "cannot delete checkpoint for inactive domain", otherwise=", or --metadata")


def backup(now: Situation, arguments: dict[str, Any]) -> None:
    _must_run(now, "cannot perform disk backup for inactive domain")
    if arguments["checkpoint"] is not None:
        _must_be_new(now, arguments["checkpoint"])


def _must_run(now: Situation, sentence: str, *, otherwise: str = "") -> None:
    if not now.active:
        raise OperationUnsupported(
            sentence, field="state", value=now.state.words, accepted=f"running or paused{otherwise}"
        )


def _must_be_new(now: Situation, name: str) -> None:
    if name in now.checkpoints:
        raise OperationFailed(f"domain moment {name} already exists", field="name", value=name)
