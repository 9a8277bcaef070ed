"""Schedules a time of which has come without a word on record: what tells of a scheduler that beats and does nothing.

Of one that is silent its lease tells sooner (revisor.silence). What keeps one schedule from its times, such as a time
zone that this machine does not know any more, is seen by that as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from domain_model.errors import InvalidArgument
from workers.cron import cron_of

OVERDUE_S = 600
"""A run is recorded when all its domains were asked for a snapshot, and there may be thousands of them."""

UP_TO_DATE: LiteralString = """(
    s.position = (SELECT notification_id FROM log.events WHERE originator_id = s.id
                  ORDER BY originator_version DESC LIMIT 1)
)"""
"""Whether a row ``s`` of views.schedules has all that is on record of its schedule."""
ENABLED: LiteralString = f"""
SELECT s.name, s.cron, s.timezone, s.since, s.planned, {UP_TO_DATE} AS up_to_date, clock_timestamp() AS now,
       extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS served_s
FROM views.schedules s WHERE s.enabled AND NOT s.removed ORDER BY s.name COLLATE "C"
"""  # noqa: S608  our words


@dataclass(frozen=True, slots=True)
class OverdueSchedule:
    """Its ``planned_at`` was ``late_s`` ago; or it has no time that could be told, for the reason ``why``."""

    schedule: str
    planned_at: datetime | None
    late_s: float
    why: str | None = None


def overdue_since(row: Mapping[str, Any], now: datetime) -> datetime | None:
    """The first time of an enabled schedule that came and is not dealt with, if that is too long ago.

    None where the row does not tell: it is behind the log, or was written by a clock that was ahead. Raises
    InvalidArgument (8) where its times cannot be told.
    """
    cron, since, planned = cron_of(row["cron"], row["timezone"]), row["since"], row["planned"]
    known = [moment for moment in (since, planned) if moment is not None and moment <= now]
    if not row["up_to_date"] or not known or (planned is not None and planned > now):
        return None
    due = cron.after(max(known))
    return due if due is not None and now - due > timedelta(seconds=OVERDUE_S) else None


def overdue(rows: Sequence[Mapping[str, Any]], watched_s: float) -> Iterator[OverdueSchedule]:
    """Those of ``ENABLED`` that are overdue.

    None but those without a time before they were watched for so long: nobody may have been there to run them.
    """
    for row in rows:
        try:
            due = overdue_since(row, row["now"])
        except InvalidArgument as trouble:
            yield OverdueSchedule(row["name"], None, 0.0, trouble.message)
        else:
            if due is not None and min(watched_s, row["served_s"]) > OVERDUE_S:
                yield OverdueSchedule(row["name"], due, (row["now"] - due).total_seconds())
