"""The fields of events about checkpoints, made of those about snapshots: histories need them to be as various."""

from typing import Any

_ONLY_OF_SNAPSHOTS = ("state", "location", "inactive_domain", "data_kept")


def as_checkpoint(said: dict[str, Any]) -> dict[str, Any]:
    """An event about one snapshot, or about the deletion of some, as of checkpoints."""
    kept = {_called(key): value for key, value in said.items() if key not in _ONLY_OF_SNAPSHOTS}
    for key in ("removed", "reparented"):
        if key in kept:
            kept[key] = [{_called(name): entry[name] for name in entry} for entry in kept[key]]
    return kept


def _called(key: str) -> str:
    return "checkpoint" if key == "snapshot" else key
