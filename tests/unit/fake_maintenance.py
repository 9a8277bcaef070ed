"""A hand-written stand-in for what people set of hosts behind the doors."""

from collections.abc import Callable
from typing import Any

from revisor.store.context import Context

DISABLED = {"at": "2026-11-28T10:00:00Z", "actor": "uid:0(root)", "reason": "new memory"}
HOST: dict[str, Any] = {
    "id": "h-1",
    "name": "alpha",
    "uri": "simulator:///alpha",
    "driver": "Simulator",
    "host_uuid": "u-1",
    "hostname": "alpha.example.org",
    "state": "connected",
    "problem": None,
    "disabled": None,
    "operations": 4,
    "adopt": "none",
}


class FakeMaintenance:
    """Remembers what it was asked together with the rest."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note

    def disable(self, name: str, context: Context) -> dict[str, Any]:
        self._note(context, "disable", name)
        return {**HOST, "disabled": DISABLED}

    def enable(self, name: str, context: Context) -> dict[str, Any]:
        self._note(context, "enable", name)
        return HOST

    def limit(self, name: str, operations: int, context: Context) -> dict[str, Any]:
        self._note(context, "limit", name, operations)
        return {**HOST, "operations": operations}

    def set_adoption(self, name: str, adopt: str, context: Context) -> dict[str, Any]:
        self._note(context, "set_adoption", name, adopt)
        return {**HOST, "adopt": adopt}
