"""A hand-written stand-in for the logs of hosts and schedules behind the doors."""

from collections.abc import Callable
from typing import Any

Item = dict[str, Any]

DISABLED: Item = {
    "position": 9,
    "recorded_at": "2026-11-28T10:00:00.000000Z",
    "occurred_at": "2026-11-28T10:00:00.000000Z",
    "topic": "host.disabled",
    "origin": "requested",
    "actor": "uid:0(root)",
    "reason": "new memory",
    "ticket": "CHG-17",
    "operation": None,
    "request_id": None,
    "host": None,
    "summary": "",
    "data": {"actor": "uid:0(root)", "reason": "new memory"},
}


class FakeHistories:
    """Remembers what it was asked together with the rest."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note

    def host(self, name: str, limit: int) -> list[Item]:
        self._note(None, "host log", name, limit)
        return [DISABLED]

    def schedule(self, name: str, limit: int) -> list[Item]:
        self._note(None, "schedule log", name, limit)
        return []
