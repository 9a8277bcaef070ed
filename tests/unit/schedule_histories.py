"""Events about schedules and holds, one of each, for histories that need every kind there is."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain_model.domain import Domain
from domain_model.schedule import Schedule

_WHY = {"reason": "audit 7", "ticket": "T-1"}
HOLDING: tuple[type[Domain.Event], ...] = (Domain.SnapshotHeld, Domain.SnapshotReleased)


def of_hold(kind: type[Domain.Event], pick: Callable[[Sequence[Any]], Any]) -> dict[str, Any]:
    """The fields of an event about a hold."""
    said = {"snapshot": str(UUID(int=pick((1, 2)))), "name": "s1"}
    if kind is Domain.SnapshotReleased:
        return said
    return {**said, "by": pick(("alice", "bob")), "until": pick((None, "2026-12-01T00:00:00+00:00"))}


def about_schedules(id: UUID, domain: Domain, taken: dict[str, Any], at: datetime) -> list[Any]:
    """Schedules of every kind of event, and a hold that ends.

    The second event is of the snapshot with the fields ``taken``: its correlation must be ``id`` to be the schedule's.
    """
    added, *nightly = _nightly(id, str(domain.id), at)
    where = {"host": str(UUID(int=6)), "operation": str(UUID(int=9)), "origin": "operation"}
    domain.record(Domain.SnapshotCreated, at, **where, **taken)
    gone = {"removed": [{key: taken[key] for key in ("snapshot", "name")}], "reparented": [], "current_before": None}
    domain.record(Domain.SnapshotDeleted, at, **where, **gone, current=None, metadata_only=False, data_kept=False)
    return [added, *domain.collect_events(), *_holds(domain, at), *nightly]


def _holds(domain: Domain, at: datetime) -> list[Any]:
    snapshot = {"snapshot": str(UUID(int=7)), "name": "s1"}
    for by, until in (("alice", None), ("bob", "2026-12-01T00:00:00+00:00")):
        domain.record(Domain.SnapshotHeld, at, **snapshot, by=by, until=until)
    domain.record(Domain.SnapshotReleased, at, **snapshot)
    domain.record(Domain.SnapshotHeld, at, snapshot=str(UUID(int=8)), name="s2", by="alice", until=None, **_WHY)
    return list(domain.collect_events())


def _nightly(id: UUID, domain: str, at: datetime) -> list[Any]:
    schedule = Schedule.add(
        id,
        name="nightly",
        selector={"pattern": "vm*"},
        cron="0 2 * * *",
        timezone="Europe/Berlin",
        keep="7d",
        missed="run-once",
        at=at,
    )
    schedule.ran(at, [{"domain": domain, "operation": str(UUID(int=9))}], [], at)
    schedule.prune(at, [], [{"domain": domain, "snapshot": "s1", "code": 55, "message": "it is held"}], at)
    schedule.skip(at + timedelta(days=1), at)
    schedule.disable(at)
    schedule.enable(at)
    schedule.remove(at)
    return list(schedule.collect_events())
