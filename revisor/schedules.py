"""Schedules of snapshots, as a door asks for them and about them; their times are the scheduler's to keep."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, LiteralString
from uuid import UUID, uuid4

from domain_model.errors import InvalidArgument, OperationFailed
from domain_model.names import Name
from domain_model.schedule import SCHEDULES, Schedule
from revisor import presentation as present
from revisor.application import Application
from revisor.asked_again import Once
from revisor.attempts import Attempts
from revisor.fresh_looks import READ_MODELS_S
from revisor.overdue import UP_TO_DATE, overdue_since
from revisor.queries import Queries
from revisor.references import References
from revisor.schedule_subjects import subjects_of
from revisor.silence import SILENT, Watch
from revisor.store.context import Context
from revisor.store.database import Row
from revisor.store.errors import RequestRepeated, StreamConflict
from workers.cron import cron_of
from workers.leases import SCHEDULER

_KNOWN: LiteralString = f"""
SELECT s.*, {UP_TO_DATE} AS up_to_date, {SILENT} AS silent, named.name AS domain_name,
       s.selector ? 'domain' AND named.present IS NOT TRUE AS homeless, went.failed, went.open
FROM views.schedules s
LEFT JOIN work.leases l ON l.name = '{SCHEDULER}'
LEFT JOIN LATERAL (
    SELECT d.name, d.present AND d.role = 'owner' AS present FROM views.domains d
    WHERE d.domain::text = s.selector ->> 'domain'
    ORDER BY (d.present AND d.role = 'owner') DESC, d.present DESC, d.position DESC LIMIT 1) named ON true
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE o.state IN ('failed', 'unknown', 'cancelled')) AS failed,
           count(*) FILTER (WHERE o.state IN ('queued', 'started')) AS open
    FROM jsonb_array_elements(s.run -> 'operations') asked
    JOIN views.operations o ON o.id = (asked ->> 'operation')::uuid) went
WHERE {{those}} ORDER BY s.name COLLATE "C"
"""  # noqa: S608  our words
_LIVING = _KNOWN.format(those="NOT s.removed")
_ONE = _KNOWN.format(those="s.id = %s")
_LEFT = """
SELECT coalesce((SELECT d.name FROM views.domains d WHERE d.domain = t.domain
                 ORDER BY d.present DESC, d.position DESC LIMIT 1), t.domain::text) AS domain, count(*) AS snapshots
FROM views.scheduled_snapshots t
JOIN views.snapshots s ON s.domain = t.domain AND s.id = t.snapshot
JOIN views.operations o ON o.id = t.operation AND o.actor = %s
WHERE t.schedule = %s GROUP BY t.domain ORDER BY domain
"""
_LAST = 10
_HOMELESS = "its domain is on no host"
_NOBODY = "nobody runs the schedules"


class Schedules:
    """The schedules there are."""

    def __init__(self, application: Application, queries: Queries, refer: References, attempts: Attempts) -> None:
        self._application = application
        self._queries = queries
        self._refer = refer
        self._attempts = attempts
        self._watch = Watch()

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
    ) -> dict[str, Any]:
        """Have snapshots taken by the clock from now on; returns the schedule, added once under a request id.

        ``whose`` is one of {domain: reference, host: its host or None}, {all: True} and {pattern: as of file names}.
        Raises InvalidArgument (8) for what makes no sense, NoDomain (42), OperationFailed (9) for a name that is taken.
        """
        with self._attempts.recorded("schedule add", name, context):
            cron_of(cron, timezone)
            selector = {key: value for key, value in whose.items() if value}
            if "domain" in selector:
                there = self._refer.placement(selector["domain"], selector.pop("host", None), owner_only=True)
                selector["domain"] = str(there.domain)
            fields: dict[str, Any] = {"name": name, "selector": selector, "cron": cron, "timezone": timezone}
            fields |= {"keep": keep, "missed": missed}
            made = Schedule.add(uuid4(), **fields, at=self._application.now())
            once = Once(self._application, context, "schedule add", **fields)
            known = once.before()
            if known is None and not self._save(made, once):
                known = once.before()  # the same request may have been the one that was first
                if known is None:
                    raise OperationFailed(
                        f"schedule '{name}' already exists", field="name", value=name, accepted="another name"
                    )
            id = made.id if known is None else known["domain"]
        self._queries.wait_for(self._application.reader.head(), READ_MODELS_S)
        rows = self._rows(_ONE, id)
        return self._told(rows[0] if rows else self._not_shown_yet(id))

    def enable(self, name: str, context: Context, *, enabled: bool) -> dict[str, Any]:
        """Let a schedule run, or rest; returns it, ``changed`` if it did not already.

        One that does already stays as it is: also who disabled it, and why. Raises InvalidArgument (8).
        """
        changed = True
        with self._attempts.recorded("schedule enable" if enabled else "schedule disable", name, context):
            now = self._application.now()

            def decide(known: Schedule) -> None:
                nonlocal changed
                self._check_there(known)
                changed = known.enabled != enabled
                known.enable(now) if enabled else known.disable(now)

            self._change(name, decide, Once(self._application, context, "schedule enable", name=name, enabled=enabled))
        return {**self.one(name), "changed": changed}

    def remove(self, name: str, context: Context) -> list[dict[str, Any]]:
        """Forget a schedule, once under a request id; returns which snapshots that it took stay, by domain.

        Raises InvalidArgument (8), also for one that somebody else removed meanwhile.
        """
        with self._attempts.recorded("schedule remove", name, context):
            once = Once(self._application, context, "schedule remove", name=name)
            before = once.before()
            removed = UUID(self.one(name)["id"]) if before is None else before["domain"]

            def decide(known: Schedule) -> None:
                self._check_there(known)
                known.remove(self._application.now())

            if before is None:
                freed = self._application.freed
                self._change(name, decide, once, names=lambda known: freed(SCHEDULES, known.name, known.id))
        return [dict(row) for row in self._application.database.fetch(_LEFT, actor_of(name), removed)]

    def all(self) -> list[dict[str, Any]]:
        """Each, with its next time and how its last run went."""
        now = self._application.now()
        return [_shown(row, now) for row in self._rows(_LIVING)]

    def one(self, name: str) -> dict[str, Any]:
        """One of ``all``, with what became of its last times, and who disabled it.

        Raises InvalidArgument (8) for an unknown one.
        """
        there = self._rows(_LIVING)
        for row in there:
            if row["name"] == name:
                return self._told(row)
        raise _no_schedule(name, there)

    def _not_shown_yet(self, id: UUID) -> Row:
        """As the read model will have it, of a schedule that was just added."""
        made = self._application.log.load(Schedule, id)
        assert made is not None
        whose = made.selector.get("domain")
        names = ("name", "selector", "cron", "timezone", "keep", "missed", "enabled")
        return {
            **{name: getattr(made, name) for name in names},
            **dict.fromkeys(("planned", "run", "pruned")),
            "id": id,
            "since": made.created_on,
            "up_to_date": True,
            **dict.fromkeys(("silent", "homeless"), False),
            **dict.fromkeys(("failed", "open"), 0),
            "domain_name": None if whose is None else self._application.name_of(UUID(whose)),
        }

    def _rows(self, query: LiteralString, *params: object) -> list[Row]:
        return self._application.database.fetch(query, self._watch.lasts_s(), *params)

    def _told(self, row: Row) -> dict[str, Any]:
        """A schedule with its last times on record, the newest first, and how many domains it is of now."""
        events = (recorded.event for recorded in self._application.reader.backwards(row["id"]))
        times = (event for event in events if isinstance(event, Schedule.Ran | Schedule.Skipped))
        last = [_time_of(event) for event in islice(times, _LAST)]
        disabled = None if row["enabled"] else self._disabled(row["id"])
        now = {"domains_now": len(subjects_of(row["selector"], self._queries))}
        return {**_shown(row, self._application.now()), "last_times": last, "disabled": disabled, **now}

    def _disabled(self, id: UUID) -> dict[str, Any] | None:
        """Since when a schedule rests, by whom and why, as it is on record."""
        events = self._application.reader.backwards(id)
        said = next((event for event in events if isinstance(event.event, Schedule.Disabled)), None)
        if said is None:
            return None
        who = {"actor": said.actor, "reason": said.reason, "ticket": said.ticket}
        return {"at": present.time(said.occurred_at), **who}

    def _check_there(self, schedule: Schedule) -> None:
        """Raises InvalidArgument (8) for one that was removed since its name was looked up."""
        if schedule.removed:
            raise _no_schedule(schedule.name, self._rows(_LIVING))

    def _save(self, made: Schedule, once: Once) -> bool:
        """Whether it is added: not when another schedule bears the name, or the request id was used by now."""
        now = self._application.now()
        claim = self._application.log.load(Name, Name.id_of(SCHEDULES, made.name))
        if claim is not None and claim.bearer is not None:
            return False
        claim = claim or Name.claim_first(SCHEDULES, made.name, str(made.id), now)
        claim.claim(str(made.id), now)
        try:
            once.append(made, claim)
        except (StreamConflict, RequestRepeated):
            return False
        return True

    def _change(
        self,
        name: str,
        decide: Callable[[Schedule], None],
        once: Once,
        names: Callable[[Schedule], Sequence[Name]] = lambda _: (),
    ) -> None:
        position = once.change(Schedule, UUID(self.one(name)["id"]), decide, names=names)
        self._queries.wait_for(position, READ_MODELS_S)


def actor_of(schedule: str) -> str:
    """Who asks, in the log, when it is the schedule."""
    return f"schedule:{schedule}"


def _no_schedule(name: str, there: Sequence[Row]) -> InvalidArgument:
    known = ", ".join(row["name"] for row in there if row["name"] != name)
    return InvalidArgument(f"no schedule with name '{name}'", field="name", value=name, accepted=known or None)


def _time_of(event: Schedule.Ran | Schedule.Skipped) -> dict[str, Any]:
    """How a time went; of a run how many snapshots were asked for and how many refused.

    Times that were skipped together are told together, from the first to the latest.
    """
    planned = present.time(datetime.fromisoformat(event.planned))
    if isinstance(event, Schedule.Ran):
        asked = {"requested": len(event.operations), "refused": len(event.refused)}
        return {"planned_at": planned, "outcome": "ran", **asked, "first_at": planned, "times": 1}
    first = None if event.first is None else present.time(datetime.fromisoformat(event.first))
    skipped = {"outcome": "skipped", "requested": 0, "refused": 0}
    return {"planned_at": planned, **skipped, "first_at": first, "times": event.count}


def _shown(row: Row, now: datetime) -> dict[str, Any]:
    selector = row["selector"]
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "domain": row["domain_name"] if "domain" in selector else None,
        "all": selector.get("all", False),
        "pattern": selector.get("pattern"),
        "cron": row["cron"],
        "timezone": row["timezone"],
        "keep": row["keep"],
        "missed": row["missed"],
        "enabled": row["enabled"],
        **(_times(row, now) if row["enabled"] else dict.fromkeys(("overdue_since", "next_at", "problem"))),
        "last_planned_at": present.time(row["planned"]),
        "last_run": row["run"],
        "last_run_failed": row["failed"],
        "last_run_open": row["open"],
        "last_pruning": row["pruned"],
    }


def _times(row: Row, now: datetime) -> dict[str, str | None]:
    """The time that is overdue, and the next one; or why there are none, as where a time zone is not known any more.

    ``problem`` is also what else keeps it from its times, or from its domain.
    """
    try:
        overdue, following = overdue_since(row, now), cron_of(row["cron"], row["timezone"]).after(now)
    except InvalidArgument as trouble:
        return {"overdue_since": None, "next_at": None, "problem": trouble.message}
    problem = _HOMELESS if row["homeless"] else _NOBODY if row["silent"] else None
    return {"overdue_since": present.time(overdue), "next_at": present.time(following), "problem": problem}
