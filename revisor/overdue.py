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

OVERDUE_S = 120
"""Asking thousands of domains for a snapshot takes a while, and a run is recorded when all were asked."""

ENABLED: LiteralString = """
SELECT name, cron, timezone, since, planned, clock_timestamp() AS now FROM views.schedules WHERE enabled AND NOT removed
ORDER BY name COLLATE "C"
"""


@dataclass(frozen=True, slots=True)
class OverdueSchedule:
    """Its ``planned_at`` was ``late_s`` ago; or it has no time that could be told, for the reason ``why``."""

    schedule: str
    planned_at: datetime | None
    late_s: float
    why: str | None = None


def overdue_since(row: Mapping[str, Any], now: datetime) -> datetime | None:
    """The first time of an enabled schedule that came and is not dealt with, if that is too long ago.

    Raises InvalidArgument (8) where its times cannot be told.
    """
    due = cron_of(row["cron"], row["timezone"]).after(max(row["since"], row["planned"] or row["since"]))
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
            if due is not None and watched_s > OVERDUE_S:
                yield OverdueSchedule(row["name"], due, (row["now"] - due).total_seconds())
