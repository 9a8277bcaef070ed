"""Whether somebody is at a lease: what people and monitoring are told.

Who may act goes by beats alone (workers.leases).

An age by the database's clock is good enough for that: a clock that is moved is believed for one beat. A lease tells it
before anybody is hurt; of a schedule's time that passed without a run one would hear when its snapshots are already
missing. It does not tell of a holder that beats and does nothing: for hosts the age of the last look does, and for
schedules revisor.overdue.

Silence counts from when the database was started and from when whoever asks was, at the earliest: before, nobody could
beat, or the agents were not there either, and need as long to take over what a killed one held.
"""

import time
from typing import LiteralString

from workers.leases import LeaseTimes

_USUAL_S = LeaseTimes().believed_s

BEAT_AGE: LiteralString = """(
    CASE WHEN l.beaten_at IS NOT NULL THEN greatest(0, extract(epoch FROM clock_timestamp() - l.beaten_at))::float8 END
)"""
"""Of a row ``l`` of work.leases, outer-joined: seconds since its last beat; null where there was none."""
OVERDUE: LiteralString = f"({BEAT_AGE} > coalesce(l.believed_s, {_USUAL_S}))"
"""Whether the next beat of a row ``l`` should have come; also just after a start, when nobody could beat before."""
SILENT: LiteralString = f"""(
    (l.worker IS NULL OR l.beaten_at IS NOT NULL)
    AND least(extract(epoch FROM clock_timestamp() - greatest(l.beaten_at, pg_postmaster_start_time())), %s)
        > coalesce(l.believed_s, {_USUAL_S})
)"""
"""Whether nobody has been at it for so long that somebody should; the parameter is what ``Watch`` says.

A holder that writes no times is of an older release, and not known to be silent.
"""


class Watch:
    """Since when this process could have noticed anything."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def lasts_s(self) -> float:
        return time.monotonic() - self._since
