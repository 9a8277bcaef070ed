"""A hand-written stand-in for drift and adoption behind the doors."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from revisor.store.context import Context

Item = dict[str, Any]


def drifted(domain: str, aspect: str, recorded: Any, observed: Any, **more: Any) -> Item:
    return {
        "domain": domain,
        "uuid": "6695eb01-f6a4-8304-79aa-97f2502e193f",
        "host": "alpha",
        "role": "owner",
        "aspect": aspect,
        "snapshot": None,
        "recorded": recorded,
        "observed": observed,
        "recorded_position": 3,
        "recorded_at": "2026-11-23T15:20:05.000000Z",
        "observed_position": 5,
        "observed_at": "2026-11-23T15:27:05.000000Z",
        "advice": None,
        "diff": None,
        **more,
    }


def healed(item: Item, verb: str | None, *, operation: UUID | None = None, **more: Any) -> Item:
    asked = None if operation is None else str(operation)
    told: Item = {"verb": verb, "arguments": {}, "why": None, "waits": False, "note": None, "operation": asked}
    return {**item, **told, **more}


class FakeDrifts:
    """Remembers what it was asked together with the rest. ``rounds`` are the answers to who heals, in order."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note
        self.known: list[Item] = []
        self.rounds: list[list[Item]] = []

    def found(self, domain: str | None = None, host: str | None = None) -> list[Item]:
        self._note(None, "drift", domain, host)
        return self.known

    def heal(
        self,
        context: Context,
        *,
        domain: str | None = None,
        host: str | None = None,
        everything: bool = False,
        plan: bool = False,
        destroy: bool = False,
    ) -> list[Item]:
        self._note(context, "heal", domain, host, everything, plan, destroy)
        return self.rounds.pop(0)

    def accept(
        self, context: Context, *, domain: str | None = None, host: str | None = None, everything: bool = False
    ) -> list[Item]:
        self._note(context, "accept", domain, host, everything)
        return self.known


class FakeAdopting:
    """Remembers what it was asked together with the rest."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note
        self.fates: list[Item] = []

    def adopt(self, host: str, context: Context, *, name: str | None = None) -> list[Item]:
        self._note(context, "adopt", host, name)
        return self.fates
