"""How Revisor is: what people and monitoring ask when something seems slow or stuck, from one look at the database.

All figures come from the database and its clock, so they do not depend on which process was asked; a process adds what
only it knows, its own pool of connections.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, TypeVar

import psycopg
from psycopg import Connection, IsolationLevel, errors
from psycopg.rows import DictRow, class_row, dict_row

from revisor.overdue import ENABLED, OverdueSchedule, overdue
from revisor.silence import BEAT_AGE, SILENT, Watch
from revisor.store.database import Database
from workers.leases import SCHEDULER

UNOBSERVED_S = 60
"""An agent looks every five seconds, or as long as a look takes: by now somebody should have."""
LOOK_S = 2
"""How long a look at the database may take.

The shortest time libpq can be told to connect in; a probe must be quick.
"""


@dataclass(frozen=True, slots=True)
class LogStatus:
    id: str
    position: int
    """Of the newest event; 0 for an empty log, which has no ``recorded_at`` either."""
    recorded_at: datetime | None
    size_bytes: int
    """With its indexes and documents."""


@dataclass(frozen=True, slots=True)
class ProjectionStatus:
    name: str
    position: int
    behind: int
    """How many events it has not folded."""
    lag_s: float
    """The age of the oldest event it has not folded; 0 when there is none."""
    parked_at: int | None
    error: str | None
    """Why it is parked."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    name: str
    worker: str | None
    """Who holds its lease; whether that worker is alive, ``silent`` tells."""
    epoch: int
    observed_at: datetime | None
    unobserved_s: float
    """How long ago it was last looked at or, if it never was, added."""
    problem: str | None
    """Why the last look failed; None when it did not."""
    queued: int
    started: int
    oldest_queued_s: float
    """How long the operation that waits longest has waited; 0 when none does."""
    disabled: dict[str, str] | None = None
    """Since when nothing is begun there (``at``), by whom (``actor``) and why (``reason``)."""
    beat_age_s: float | None = None
    """How long ago who led it last renewed the lease; None when that is not known."""
    silent: bool = False
    """Whether that is so long that another should have taken over."""


@dataclass(frozen=True, slots=True)
class SchedulerStatus:
    """Who keeps the schedules: as of a host's lease."""

    worker: str | None
    epoch: int
    beat_age_s: float | None
    silent: bool
    schedules: int
    """How many are enabled."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An operation that may have happened or not: its outcome is unknown, or its host went away meanwhile.

    Away is what ``revisor.health`` calls so: the last look failed, or there was none for a minute.
    """

    id: str
    verb: str
    domain: str
    """Its name or, of one that was never there, its id."""
    host: str
    state: str
    """``unknown`` or ``started``."""
    total: int
    """How many there are of its state; the ten oldest are told."""


@dataclass(frozen=True, slots=True)
class Drifted:
    """A domain that is otherwise on a host than our last operation left it."""

    domain: str
    """Its name or, of one that is gone, its id."""
    host: str
    total: int
    """How many there are; the ten of longest ago are told."""


@dataclass(frozen=True, slots=True)
class FailedRun:
    """The last run of a schedule of which it is known how it went: it did not take all that it was to take."""

    schedule: str
    planned: str
    missing: int
    """How many were refused, failed, or have an outcome nobody knows; not those of a host that is disabled."""


@dataclass(frozen=True, slots=True)
class Status:
    """The database as it was at one moment. Projections and hosts are in the order of their names."""

    log: LogStatus
    postgres: str
    """The version of the server."""
    projections: tuple[ProjectionStatus, ...]
    hosts: tuple[HostStatus, ...]
    scheduler: SchedulerStatus = SchedulerStatus(None, 0, None, silent=False, schedules=0)
    overdue: tuple[OverdueSchedule, ...] = ()
    unsettled: tuple[Unsettled, ...] = ()
    drift: tuple[Drifted, ...] = ()
    failed_runs: tuple[FailedRun, ...] = ()
    restore: str | None = None
    """Why the log is taken for a restored one, as long as nobody has acknowledged it."""
    master_key: str | None = None
    """What is wrong with the file of the master key, which this process has in memory; None when nothing is."""

    @property
    def seen(self) -> int:
        """What was recorded up to here is seen by every projection that is not parked."""
        return min((each.position for each in self.projections if each.parked_at is None), default=0)

    @property
    def unknown(self) -> int:
        """How many operations have an unknown outcome."""
        return next((each.total for each in self.unsettled if each.state == "unknown"), 0)

    @property
    def observed_at(self) -> datetime | None:
        """The last look at the host that was not looked at for longest."""
        return min((each.observed_at for each in self.hosts if each.observed_at is not None), default=None)


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """This process's connections: at most ``most``, ``used`` and ``idle`` now, and how many callers wait for one."""

    most: int
    used: int
    idle: int
    waiting: int


# A clock that was set back must not make ages negative: the log's own times never go back (architecture, positions).
_LOG = """
SELECT log::text AS id, position, nullif(recorded_at, '-infinity') AS recorded_at,
       (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
        WHERE c.relnamespace = 'log'::regnamespace AND c.relkind = 'r') AS size_bytes
FROM log.head
"""
_PROJECTIONS = """
SELECT p.name, p.position, h.position - p.position AS behind,
       greatest(0, coalesce(extract(epoch FROM clock_timestamp() - e.recorded_at), 0))::float8 AS lag_s,
       p.parked_at, p.error
FROM views.projections p CROSS JOIN log.head h LEFT JOIN log.events e ON e.notification_id = p.position + 1
ORDER BY p.name COLLATE "C"
"""
_HOSTS: LiteralString = f"""
SELECT h.name, l.worker::text AS worker, coalesce(l.epoch, 0) AS epoch, s.observed_at,
       greatest(0, extract(epoch FROM clock_timestamp() - coalesce(s.observed_at, h.added_at)))::float8 AS unobserved_s,
       s.problem, q.queued, q.started, q.oldest_queued_s,
       nullif(to_jsonb(h) -> 'disabled', 'null') AS disabled,
       {BEAT_AGE} AS beat_age_s, {SILENT} AS silent
FROM views.hosts h
LEFT JOIN work.leases l ON l.name = 'host:' || h.id
LEFT JOIN work.sightings s ON s.host = h.id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE NOT o.started) AS queued, count(*) FILTER (WHERE o.started) AS started,
           greatest(0, coalesce(extract(epoch FROM
               clock_timestamp() - min(e.recorded_at) FILTER (WHERE NOT o.started)), 0))::float8 AS oldest_queued_s
    FROM work.operation_queue o JOIN log.events e ON e.notification_id = o.position WHERE o.host = h.id
) q
WHERE h.removed_at IS NULL ORDER BY h.name COLLATE "C"
"""  # noqa: S608  our words
_SCHEDULER: LiteralString = f"""
SELECT l.worker::text AS worker, coalesce(l.epoch, 0) AS epoch, {BEAT_AGE} AS beat_age_s, {SILENT} AS silent,
       (SELECT count(*) FROM views.schedules WHERE enabled) AS schedules
FROM (SELECT) AS one LEFT JOIN work.leases l ON l.name = '{SCHEDULER}'
"""  # noqa: S608  as above

_UNSETTLED = """
SELECT o.id::text, o.verb, o.state, coalesce(h.name, o.host::text) AS host,
       coalesce((SELECT d.name FROM views.domains d WHERE d.domain = o.domain
                 ORDER BY d.host = o.host DESC, d.position DESC LIMIT 1), o.domain::text) AS domain, o.total
FROM (
    (SELECT id, verb, state, host, domain, count(*) OVER () AS total FROM views.operations
     WHERE state = 'unknown' ORDER BY requested_position LIMIT 10)
    UNION ALL
    (SELECT q.operation, q.verb, 'started', q.host, q.domain, count(*) OVER ()
     FROM work.operation_queue q JOIN work.sightings s ON s.host = q.host
     WHERE q.started AND (s.problem IS NOT NULL OR s.observed_at < clock_timestamp() - make_interval(secs => %s))
     ORDER BY q.position LIMIT 10)
) AS o LEFT JOIN views.hosts h ON h.id = o.host
ORDER BY o.state DESC, o.id
"""

_DRIFT = """
SELECT coalesce(d.name, r.domain::text) AS domain, h.name AS host, count(*) OVER () AS total
FROM views.drift r JOIN views.hosts h ON h.id = r.host LEFT JOIN views.domains d ON (d.domain, d.host) = (r.domain, r.host)
WHERE r.observed <> '{}' AND h.removed_at IS NULL ORDER BY r.position LIMIT 10
"""

_FAILED_RUNS = """
SELECT s.name AS schedule, decided.run ->> 'planned' AS planned, decided.missing
FROM views.schedules s CROSS JOIN LATERAL (
    SELECT told.run, refusals.others + outcomes.failed AS missing
    FROM (SELECT originator_version, state FROM log.events WHERE originator_id = s.id AND topic = 'schedule.ran'
          ORDER BY originator_version DESC LIMIT 100) e
    CROSS JOIN LATERAL (SELECT convert_from(e.state, 'UTF8')::jsonb AS run) told
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE each ? 'host_disabled') AS disabled,
               count(*) FILTER (WHERE NOT each ? 'host_disabled') AS others
        FROM jsonb_array_elements(told.run -> 'refused') each) refusals
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE o.state IN ('failed', 'unknown', 'cancelled')) AS failed,
               count(*) FILTER (WHERE coalesce(o.state, 'queued') IN ('queued', 'started')) AS open
        FROM jsonb_array_elements(told.run -> 'operations') asked
        LEFT JOIN views.operations o ON o.id = (asked ->> 'operation')::uuid) outcomes
    WHERE outcomes.failed > 0 OR refusals.others > 0
       OR (outcomes.open = 0 AND (told.run -> 'operations' <> '[]' OR refusals.disabled = 0))
    ORDER BY e.originator_version DESC LIMIT 1) decided
WHERE NOT s.removed AND decided.missing > 0 ORDER BY s.name COLLATE "C"
"""
"""By the newest run of which it is known how it went:
one that has only begun does not make the one before it good, nor does one that took nothing because a host is disabled.
What was refused for that alone is meant to be so, and is nothing that failed.

Of the newest hundred: a plan that sorts would read all there ever were, at each look.
"""

_READ = ("views.domains", "views.drift", "views.hosts", "views.operations", "views.schedules")
"""The tables that a rebuild may replace, in the order in which it takes them."""

_RESTORE = "SELECT string_agg(why, '; ' ORDER BY found_at) AS why FROM work.restores WHERE acknowledged_at IS NULL"

_Part = TypeVar("_Part")


class StatusReader:
    """Looks at the database with a connection of its own, made for each look.

    From the pool a look would wait behind the very callers it is to tell of, and the pool waits for a server that
    hangs as long as that hangs.
    """

    def __init__(
        self,
        database: Database,
        master_key: Callable[[], str | None] = lambda: None,
        *,
        look_s: int = LOOK_S,
        watch: Watch | None = None,
    ) -> None:
        """``master_key`` tells what is wrong with the file of the master key, if anything is."""
        self._database = database
        self._master_key = master_key
        self._look_s = look_s
        self._watch = watch or Watch()

    def pool(self) -> PoolStatus:
        """This process's pool now; asks nobody."""
        stats = self._database.pool.get_stats()
        size, idle = stats["pool_size"], stats["pool_available"]
        return PoolStatus(stats["pool_max"], size - idle, idle, stats["requests_waiting"])

    def read(self) -> Status:
        """One consistent look. Raises psycopg.Error when the database refuses, is away, or takes too long.

        A server that hangs with the connection made makes it hang as well: who asks for it sets a limit of their own.
        """
        watched_s = self._watch.lasts_s()
        with psycopg.connect(
            self._database.dsn,
            row_factory=dict_row,
            application_name="revisor status",
            connect_timeout=self._look_s,
            tcp_user_timeout=self._look_s * 1000,
        ) as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute(f"SET LOCAL statement_timeout = '{self._look_s}s'".encode())
            self._keep_from_being_replaced(connection)
            return Status(
                log=_rows(connection, LogStatus, _LOG)[0],
                postgres=connection.execute("SHOW server_version").fetchall()[0]["server_version"],
                projections=_rows(connection, ProjectionStatus, _PROJECTIONS),
                hosts=_rows(connection, HostStatus, _HOSTS, watched_s),
                scheduler=_rows(connection, SchedulerStatus, _SCHEDULER, watched_s)[0],
                overdue=tuple(overdue(connection.execute(ENABLED).fetchall(), watched_s)),
                unsettled=_rows(connection, Unsettled, _UNSETTLED, UNOBSERVED_S),
                drift=_rows(connection, Drifted, _DRIFT),
                failed_runs=_rows(connection, FailedRun, _FAILED_RUNS),
                restore=connection.execute(_RESTORE).fetchall()[0]["why"],
                master_key=self._master_key(),
            )

    def _keep_from_being_replaced(self, connection: Connection[DictRow]) -> None:
        """Before the look begins: a table put in place by a rebuild since then would be seen, and no row of it."""
        connection.execute(f"SET LOCAL lock_timeout = '{self._look_s * 500}ms'".encode())
        try:
            # In the order in which a rebuild takes them: neither waits for what the other has.
            connection.execute(f"LOCK TABLE {', '.join(_READ)} IN ACCESS SHARE MODE".encode())
        except errors.LockNotAvailable as held:
            raise errors.LockNotAvailable("its read models are locked by somebody for too long") from held


def _rows(
    connection: Connection[DictRow], kind: type[_Part], query: LiteralString, *values: object
) -> tuple[_Part, ...]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return tuple(cursor.execute(query, values or None))
