"""A hand-written stand-in for the restores of the log behind the doors."""

from collections.abc import Callable, Sequence
from typing import Any

from revisor.store.context import Context

FOUND: dict[str, Any] = {
    "why": "the log was restored from '/backups/monday'",
    "witnessed_position": 9,
    "position": 7,
    "compared": ["alpha"],
    "left_out": ["gamma"],
    "adopted": [{"domain": "d-1", "host": "alpha", "name": "lost"}, {"domain": "d-2", "host": "alpha", "name": "mail"}],
    "changed": [{"domain": "d-3", "host": "alpha", "name": "web"}],
    "gone": [],
    "left": [],
    "unsettled": [],
}
ACKNOWLEDGED = {
    **FOUND,
    "recorded_at": "2026-11-23T15:27:06.000000Z",
    "actor": "uid:0(root)",
    "reason": "the disk died",
    "ticket": None,
    "recorded_position": 12,
}


class FakeRestores:
    """Remembers what it was asked together with the rest."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note
        self.known: list[dict[str, Any]] = []

    def acknowledge(self, context: Context, *, without: Sequence[str] = ()) -> dict[str, Any]:
        self._note(context, "acknowledge", without)
        return FOUND

    def acknowledged(self) -> list[dict[str, Any]]:
        self._note(None, "acknowledged")
        return self.known
