"""Hand-written stand-ins for schedules and holds behind the doors."""

from collections.abc import Callable, Mapping
from typing import Any

from domain_model.errors import InvalidArgument
from revisor.store.context import Context

Item = dict[str, Any]

NIGHTLY: Item = {
    "id": "6695eb01-f6a4-8304-79aa-97f2502e193f",
    "name": "nightly",
    "domain": None,
    "all": False,
    "pattern": "web*",
    "cron": "0 2 * * *",
    "timezone": "UTC",
    "keep": "7d,4w",
    "missed": "skip",
    "enabled": True,
    "next_at": "2026-11-29T02:00:00Z",
    "last_planned_at": "2026-11-28T02:00:00Z",
    "last_run": {
        "planned": "2026-11-28T02:00:00+00:00",
        "operations": [{"domain": "d-1", "operation": "o-1"}],
        "refused": [{"domain": "d-2", "name": "web2", "code": 55, "message": "no"}],
    },
    "last_run_failed": 1,
    "last_pruning": {
        "planned": "2026-11-28T02:00:00+00:00",
        "operations": [],
        "refused": [{"domain": "d-1", "snapshot": "nightly-1", "code": 55, "message": "still needed"}],
    },
}


def _skipped(latest: str, first: str | None, times: int | None) -> Item:
    return {
        "planned_at": latest,
        "outcome": "skipped",
        "requested": 0,
        "refused": 0,
        "first_at": first,
        "times": times,
    }


LAST_TIMES: list[Item] = [
    {
        "planned_at": "2026-11-28T02:00:00Z",
        "outcome": "ran",
        "requested": 1,
        "refused": 1,
        "first_at": "2026-11-28T02:00:00Z",
        "times": 1,
    },
    _skipped("2026-11-27T02:00:00Z", "2026-11-27T02:00:00Z", 1),
    _skipped("2026-11-25T02:00:00Z", "2026-11-22T02:00:00Z", 4),
    _skipped("2026-11-20T02:00:00Z", "1996-11-20T02:00:00Z", None),
    _skipped("1996-11-18T02:00:00Z", None, None),
]


class FakeSchedules:
    """Remembers what it was asked together with the rest."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note
        self.known: list[Item] = [NIGHTLY]
        self.left: list[Item] = []

    def add(
        self,
        name: str,
        context: Context,
        *,
        cron: str,
        whose: Mapping[str, Any],
        timezone: str = "UTC",
        keep: str | None = None,
        missed: str = "skip",
    ) -> Item:
        given = {key: value for key, value in whose.items() if value}
        self._note(context, "add", name, cron, given, timezone, keep, missed)
        return {**self.known[0], "name": name, "last_times": LAST_TIMES}

    def enable(self, name: str, context: Context, *, enabled: bool) -> Item:
        self._note(context, "enable", name, enabled)
        return {**self.known[0], "enabled": enabled, "last_times": LAST_TIMES}

    def remove(self, name: str, context: Context) -> list[Item]:
        self._note(context, "remove", name)
        return self.left

    def all(self) -> list[Item]:
        self._note(None, "schedules")
        return self.known

    def one(self, name: str) -> Item:
        for item in self.known:
            if item["name"] == name:
                return {**item, "last_times": LAST_TIMES, "disabled": item.get("disabled")}
        raise InvalidArgument(f"no schedule with name '{name}'", field="name", value=name, accepted="nightly")


class FakeHolds:
    """Remembers what it was asked together with the rest, and holds the snapshots of the fake service."""

    def __init__(self, note: Callable[..., None], snapshots: Callable[[], list[Item]]) -> None:
        self._note = note
        self._snapshots = snapshots

    def hold(self, ref: str, host: str | None, name: str, until: str | None, context: Context) -> Item:
        self._note(context, "hold", ref, host, name, until)
        why = {"held_reason": context.reason, "held_ticket": context.ticket}
        return self._mark(name, {"held": True, "held_by": context.actor, "held_until": until, **why})

    def release(self, ref: str, host: str | None, name: str, context: Context) -> Item:
        self._note(context, "release", ref, host, name)
        return self._mark(name, {"held": False, "held_by": None, "held_until": None})

    def _mark(self, name: str, held: Item) -> Item:
        for item in self._snapshots():
            if item["name"] == name:
                item.update(held)
        return held
