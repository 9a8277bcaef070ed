"""When each host was last looked at: written by its agent, read by the doors, never in the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from revisor.store.database import Database


@dataclass(frozen=True, slots=True)
class LastLook:
    """``problem`` says why the last look failed; None when it did not."""

    observed_at: datetime | None = None
    problem: str | None = None


class Sightings:
    """The looks at hosts. The first seven methods are ``workers.ports.Sightings``; the others are for doors."""

    def __init__(self, database: Database) -> None:
        self._database = database

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

    def adopting(self, host: UUID) -> bool:
        """Whether domains that nobody recorded are to be taken in."""
        row = self._database.fetch_one("SELECT adopting FROM work.sightings WHERE host = %s", host)
        return row is not None and row["adopting"]

    def adopted(self, host: UUID, left: Mapping[str, str]) -> None:
        """They were taken in, but for these, by name, each with why."""
        self._database.execute(
            "UPDATE work.sightings SET adopting = false, left_alone = %s WHERE host = %s", Jsonb(dict(left)), host
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
        rows = self._database.fetch("SELECT host::text, observed_at, problem FROM work.sightings")
        return {row["host"]: LastLook(row["observed_at"], row["problem"]) for row in rows}

    def left_alone(self) -> dict[str, dict[str, str]]:
        """By host the domains that were not taken in there, by name, each with why."""
        rows = self._database.fetch("SELECT host::text, left_alone FROM work.sightings WHERE left_alone <> '{}'")
        return {row["host"]: row["left_alone"] for row in rows}

    def adopt_no_more(self) -> None:
        """Whoever wanted unrecorded domains to be taken in has given up, or has what they wanted."""
        self._database.execute("UPDATE work.sightings SET adopting = false WHERE adopting")

    def want(self, hosts: list[str], *, closely: UUID | None = None, adopting: bool = False) -> dict[str, int]:
        """Ask for a fresh look at these hosts; hand the answer to ``satisfied``.

        ``closely`` is a domain to be looked at closely there; with ``adopting`` what nobody recorded is taken in.
        """
        return {
            host: int(row["wanted"])
            for host in hosts
            for row in self._database.fetch(
                "INSERT INTO work.sightings (host, wanted, closely, adopting) VALUES (%s, 1, %s, %s)"
                " ON CONFLICT (host) DO UPDATE SET wanted = work.sightings.wanted + 1,"
                " closely = work.sightings.closely || excluded.closely,"
                " adopting = work.sightings.adopting OR excluded.adopting RETURNING wanted",
                UUID(host),
                [] if closely is None else [closely],
                adopting,
            )
        }

    def satisfied(self, wanted: dict[str, int]) -> bool:
        """Whether every look asked for has been taken."""
        rows = self._database.fetch("SELECT host::text, satisfied FROM work.sightings")
        taken = {row["host"]: int(row["satisfied"]) for row in rows}
        return all(taken.get(host, 0) >= number for host, number in wanted.items())
