"""Holding snapshots and releasing them, as a door asks for it: facts of the log, which no agent carries out."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from domain_model import holds
from domain_model.domain import Domain
from domain_model.errors import InvalidArgument
from revisor import presentation as present
from revisor.application import Application
from revisor.asked_again import Once
from revisor.attempts import Attempts
from revisor.fresh_looks import READ_MODELS_S
from revisor.queries import Queries
from revisor.references import References
from revisor.store.context import Context

_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")


class Holds:
    """Which snapshots nobody may delete."""

    def __init__(self, application: Application, queries: Queries, refer: References, attempts: Attempts) -> None:
        self._application = application
        self._queries = queries
        self._refer = refer
        self._attempts = attempts

    def hold(self, ref: str, host: str | None, name: str, until: str | None, context: Context) -> dict[str, Any]:
        """Hold a snapshot in the actor's name, until a time, the end of a day (UTC), or its release.

        Afterwards it is not deleted, nor its domain undefined. Returns the hold, also where the read models are behind.
        Done once under a request id.

        Raises NoDomain (42), NoSnapshot (72), InvalidArgument (8), OperationInvalid (55) where somebody else holds it,
        or the actor for longer.
        """
        now = self._application.now()

        def decide(domain: Domain) -> None:
            end = None if until is None else end_of(until)
            holds.hold(domain, name, by=context.actor, until=end, at=now, **why)

        why = {"reason": context.reason, "ticket": context.ticket}
        return self._change("snapshot-hold", ref, host, name, decide, context, until=until, **why)

    def release(self, ref: str, host: str | None, name: str, context: Context) -> dict[str, Any]:
        """Let go of a snapshot, whoever holds it, once under a request id.

        Raises NoDomain (42), NoSnapshot (72), 55 for one that is not held.
        """
        now = self._application.now()

        return self._change(
            "snapshot-release", ref, host, name, lambda domain: holds.release(domain, name, now), context
        )

    def _change(
        self,
        verb: str,
        ref: str,
        host: str | None,
        name: str,
        decide: Callable[[Domain], None],
        context: Context,
        **said: str | None,
    ) -> dict[str, Any]:
        with self._attempts.recorded(verb, f"{present.reference(ref, host)}/{name}", context):
            row = self._refer.placement(ref, host, owner_only=True)
            once = Once(self._application, context, verb, domain=str(row.domain), name=name, **said)
            position = once.change(Domain, row.domain, decide)
        self._queries.wait_for(position, READ_MODELS_S)
        known = self._application.domain(row.domain)
        return present.held(known.holds.get(known.forest.named(name).id))


def end_of(until: str) -> datetime:
    """The moment that a time or the last moment of a day is; UTC where nothing else is said.

    Raises InvalidArgument (8).
    """
    try:
        if _DAY.fullmatch(until):
            return datetime.combine(date.fromisoformat(until) + timedelta(days=1), time(), UTC)
        moment = datetime.fromisoformat(until)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument(
            f"'{until}' is no date or time",
            field="until",
            value=until,
            accepted="2026-12-31, 2026-12-31T18:00:00Z, or none to hold it for ever",
        ) from None
