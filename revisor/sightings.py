"""When each host was last looked at: written by its agent, read by the doors, never in the log."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from revisor.silence import SILENT, Watch
from revisor.status import UNOBSERVED_S
from revisor.store.context import Context
from revisor.store.database import Database
from workers.ports import Asker


@dataclass(frozen=True, slots=True)
class LastLook:
    """``problem`` says why the last look failed; None when it did not. ``silent``: no other is to be expected now."""

    observed_at: datetime | None = None
    problem: str | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """How far what can be read goes."""

    position: int
    """Every read model that is not parked has seen the log up to here."""
    observed_at: datetime | None
    """The oldest of the last looks at hosts."""
    behind_s: float
    """How long ago the first event after it was recorded; 0 when there is none."""
    stale: tuple[str, ...] = ()
    """The hosts that were looked at before, and now cannot be, or nobody looks at them."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A domain that nobody recorded on the host where it was seen."""

    host: str
    host_name: str
    uuid: str
    name: str
    since: datetime
    elsewhere: str | None
    """The host that owns the domain with this UUID."""


# Of each that is still there it is kept since when, and who asked for it; of those that are not, why they were left is
# not. The row is locked before it is read: who asks for one at the same time is not written over.
_UNRECORDED = """
WITH known AS (SELECT host, unrecorded, left_alone FROM work.sightings WHERE host = %s FOR UPDATE),
now AS (SELECT o.host, coalesce(jsonb_object_agg(f.key,
               coalesce(o.unrecorded -> f.key, jsonb_build_object('since', clock_timestamp()::text))
               || jsonb_build_object('name', f.value)) FILTER (WHERE f.key IS NOT NULL), '{}') AS seen,
               o.left_alone - ARRAY(SELECT jsonb_object_keys(o.left_alone)
                                    EXCEPT SELECT value FROM jsonb_each_text(%s)) AS left_alone
        FROM known o LEFT JOIN LATERAL jsonb_each_text(%s) AS f ON true GROUP BY o.host, o.left_alone)
UPDATE work.sightings s SET unrecorded = now.seen, left_alone = now.left_alone FROM now
WHERE s.host = now.host AND (s.unrecorded, s.left_alone) IS DISTINCT FROM (now.seen, now.left_alone)
"""
_ASKED = """
UPDATE work.sightings SET unrecorded = unrecorded || (
    SELECT coalesce(jsonb_object_agg(u.key, u.value || jsonb_build_object('asked', %s::jsonb)), '{}')
    FROM jsonb_each(unrecorded) u WHERE u.key = ANY (%s))
WHERE host = %s
"""
_ADOPTING = """
SELECT s.adopting, s.adopt, (SELECT coalesce(jsonb_object_agg(u.key, u.value -> 'asked'), '{}')
    FROM jsonb_each(s.unrecorded) u WHERE u.key = ANY (s.adopt) AND u.value ? 'asked') AS asked
FROM work.sightings s WHERE s.host = %s
"""
_STALE = f"({SILENT} OR s.problem IS NOT NULL OR s.observed_at < clock_timestamp() - interval '{UNOBSERVED_S} s')"
_KNOWN = f"""
SELECT coalesce(seen.position, 0) AS position,
       (SELECT greatest(0, extract(epoch FROM clock_timestamp() - recorded_at)) FROM log.events
        WHERE notification_id = seen.position + 1)::float8 AS behind_s,
       (SELECT min(s.observed_at) FROM work.sightings s JOIN views.hosts h ON h.id = s.host
        WHERE h.removed_at IS NULL AND (%s::uuid IS NULL OR h.id = %s)) AS observed_at,
       ARRAY(SELECT h.name FROM work.sightings s JOIN views.hosts h ON h.id = s.host
             LEFT JOIN work.leases l ON l.name = 'host:' || s.host
             WHERE h.removed_at IS NULL AND s.observed_at IS NOT NULL AND {_STALE} ORDER BY h.name) AS stale
FROM (SELECT min(position) AS position FROM views.projections WHERE parked_at IS NULL) AS seen
"""  # noqa: S608  our words
_LAST_LOOKS = f"""
SELECT s.host::text, s.observed_at, s.problem, {_STALE} AS silent
FROM work.sightings s LEFT JOIN work.leases l ON l.name = 'host:' || s.host
"""  # noqa: S608  our words
_STRANGERS = """
SELECT s.host::text, h.name AS host_name, u.key AS uuid, u.value ->> 'name' AS name,
       (u.value ->> 'since')::timestamptz AS since,
       (SELECT o.name FROM views.domains d JOIN views.hosts o ON o.id = d.host
        WHERE d.uuid = u.key AND d.present AND d.role = 'owner' AND o.removed_at IS NULL
        AND (h.capabilities ->> 'unique_uuids')::boolean AND (o.capabilities ->> 'unique_uuids')::boolean
        LIMIT 1) AS elsewhere
FROM work.sightings s
JOIN views.hosts h ON h.id = s.host AND h.removed_at IS NULL
CROSS JOIN LATERAL jsonb_each(s.unrecorded) AS u
WHERE NOT EXISTS (
    SELECT FROM views.domains d WHERE d.uuid = u.key AND d.host = s.host
    AND (d.present OR EXISTS (SELECT FROM work.operation_queue q WHERE q.domain = d.domain AND q.host = s.host)))
-- More is recorded of it than the read models show yet: we may just have made it.
AND NOT EXISTS (
    SELECT FROM log.events e
    WHERE e.originator_id = coalesce(
        (SELECT d.domain FROM views.domains d WHERE d.uuid = u.key AND d.host = s.host), u.key::uuid)
    AND e.notification_id > (SELECT position FROM views.projections WHERE name = 'domains'))
"""
_STRANGERS_ORDER = ' ORDER BY u.value ->> \'name\' COLLATE "C", h.name COLLATE "C", u.key'


class Sightings:
    """The looks at hosts. The first eight methods are ``workers.ports.Sightings``; the others are for doors."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watch = Watch()

    def wanted(self, host: UUID) -> bool:
        """Whether somebody waits for a fresh look."""
        row = self._database.fetch_one("SELECT wanted > satisfied AS wanted FROM work.sightings WHERE host = %s", host)
        return row is not None and row["wanted"]

    def begin(self, host: UUID) -> int:
        """A look begins; returns a number for ``done``."""
        row = self._database.fetch_one(
            "INSERT INTO work.sightings (host) VALUES (%s)"
            " ON CONFLICT (host) DO UPDATE SET host = excluded.host RETURNING wanted",
            host,
        )
        assert row is not None
        return int(row["wanted"])

    def closely(self, host: UUID) -> frozenset[UUID]:
        """The domains to be looked at closely in this look, each told once."""
        row = self._database.fetch_one(
            "WITH asked AS (SELECT host, closely FROM work.sightings WHERE host = %s FOR UPDATE)"
            " UPDATE work.sightings s SET closely = '{}' FROM asked WHERE s.host = asked.host RETURNING asked.closely",
            host,
        )
        return frozenset() if row is None else frozenset(row["closely"])

    def unrecorded(self, host: UUID, seen: Mapping[str, str]) -> None:
        """These domains, names by UUID, are there and nobody recorded them; since when each is there is kept.

        Of those that are not any more it is forgotten why they were left.
        """
        self._database.execute(_UNRECORDED, host, Jsonb(dict(seen)), Jsonb(dict(seen)))

    def adopting(self, host: UUID) -> Mapping[str, Asker] | None:
        """The UUIDs of the domains nobody recorded that are to be taken in, and who wants that; None: all of them."""
        row = self._database.fetch_one(_ADOPTING, host)
        if row is None:
            return {}
        return None if row["adopting"] else {uuid: _asker(row["asked"].get(uuid)) for uuid in row["adopt"]}

    def adopted(self, host: UUID, wanted: Iterable[str] | None, left: Mapping[str, str]) -> None:
        """These (None: all) were taken in, but for those left, by name, each with why."""
        if wanted is None:
            self._database.execute(
                "UPDATE work.sightings SET adopting = false, left_alone = %s WHERE host = %s", Jsonb(dict(left)), host
            )
        else:
            # Others may have been wanted meanwhile.
            self._database.execute(
                "UPDATE work.sightings SET left_alone = left_alone || %s,"
                " adopt = ARRAY(SELECT unnest(adopt) EXCEPT SELECT unnest(%s::text[])) WHERE host = %s",
                Jsonb(dict(left)),
                list(wanted),
                host,
            )

    def done(self, host: UUID, begun: int) -> None:
        """The look is over: whatever was asked for before it began is satisfied."""
        self._database.execute(
            "UPDATE work.sightings SET satisfied = greatest(satisfied, %s), observed_at = clock_timestamp(),"
            " problem = NULL WHERE host = %s",
            begun,
            host,
        )

    def unreachable(self, host: UUID, why: str) -> None:
        """The hypervisor did not answer; nobody needs to wait for it."""
        self._database.execute(
            "INSERT INTO work.sightings (host, problem) VALUES (%s, %s)"
            " ON CONFLICT (host) DO UPDATE SET problem = excluded.problem, satisfied = work.sightings.wanted",
            host,
            why,
        )

    def last_looks(self) -> dict[str, LastLook]:
        """The last look at each host, by the host's id."""
        rows = self._database.fetch(_LAST_LOOKS, self._watch.lasts_s())
        return {row["host"]: LastLook(row["observed_at"], row["problem"], row["silent"]) for row in rows}

    def known(self, host: UUID | None) -> Known:
        """How far what can be read of a host goes, or of all. It is one question: each answer of the doors tells it."""
        row = self._database.fetch_one(_KNOWN, host, host, self._watch.lasts_s())
        assert row is not None
        return Known(int(row["position"]), row["observed_at"], row["behind_s"] or 0.0, tuple(row["stale"]))

    def left_alone(self) -> dict[str, dict[str, str]]:
        """By host the domains that were not taken in there, by name, each with why."""
        rows = self._database.fetch("SELECT host::text, left_alone FROM work.sightings WHERE left_alone <> '{}'")
        return {row["host"]: row["left_alone"] for row in rows}

    def ask_to_adopt(self, host: str, uuids: Sequence[str], context: Context) -> None:
        """Whoever wants these domains to be taken in next; ``want`` has it done."""
        asked = {
            "actor": context.actor,
            "reason": context.reason,
            "ticket": context.ticket,
            "request_id": None if context.request_id is None else str(context.request_id),
            "correlation": str(context.correlation_or_new),
        }
        self._database.execute(_ASKED, Jsonb(asked), list(uuids), host)

    def withdraw(self, host: str, uuids: Sequence[str]) -> None:
        """These are not to be taken in any more."""
        self._database.execute(
            "UPDATE work.sightings SET adopt = ARRAY(SELECT unnest(adopt) EXCEPT SELECT unnest(%s::text[])) WHERE host = %s",
            list(uuids),
            host,
        )

    def adopt_no_more(self) -> None:
        """Whoever wanted unrecorded domains to be taken in has given up, or has what they wanted."""
        self._database.execute("UPDATE work.sightings SET adopting = false WHERE adopting")

    def strangers(self, host: str | None = None) -> list[Stranger]:
        """What the last looks found on hosts, or on the host with an id,
        that is recorded neither there nor about to be.
        """
        here, more = ("", []) if host is None else (" AND s.host = %s", [host])
        rows = self._database.fetch(_STRANGERS + here + _STRANGERS_ORDER, *more)
        return [Stranger(**row) for row in rows]

    def want(
        self, hosts: list[str], *, closely: Sequence[UUID] = (), adopting: bool = False, adopt: Sequence[str] = ()
    ) -> dict[str, int]:
        """Ask for a fresh look at these hosts; hand the answer to ``satisfied``.

        ``closely`` are domains to be looked at closely there; with ``adopting`` what nobody recorded is taken in, with
        ``adopt`` those of it that have these UUIDs.
        """
        return {
            host: int(row["wanted"])
            for host in hosts
            for row in self._database.fetch(
                "INSERT INTO work.sightings (host, wanted, closely, adopting, adopt) VALUES (%s, 1, %s, %s, %s)"
                " ON CONFLICT (host) DO UPDATE SET wanted = work.sightings.wanted + 1,"
                " closely = work.sightings.closely || excluded.closely,"
                " adopting = work.sightings.adopting OR excluded.adopting,"
                " adopt = work.sightings.adopt || excluded.adopt RETURNING wanted",
                UUID(host),
                list(closely),
                adopting,
                list(adopt),
            )
        }

    def satisfied(self, wanted: dict[str, int]) -> bool:
        """Whether every look asked for has been taken."""
        rows = self._database.fetch("SELECT host::text, satisfied FROM work.sightings")
        taken = {row["host"]: int(row["satisfied"]) for row in rows}
        return all(taken.get(host, 0) >= number for host, number in wanted.items())


def _asker(asked: Mapping[str, Any] | None) -> Asker:
    if asked is None:
        return Asker()
    ids = {key: None if asked[key] is None else UUID(asked[key]) for key in ("request_id", "correlation")}
    return Asker(asked["actor"], asked["reason"], asked["ticket"], **ids)
