"""What the doors read: the read models, as plain rows.

Nothing here changes anything, and nothing loads a stream of events: a question costs what its answer is long.
"""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar
from uuid import UUID

from psycopg import Cursor

from domain_model.commands import HostNames
from domain_model.domain_xml import normalised_uuid
from projections import past, positions
from projections.catalogue import all_projections
from projections.checkpoints import CHECKPOINTS
from projections.domains import DOMAINS
from projections.holds import HOLDS
from projections.hosts import HOSTS
from projections.positions import ProjectionState
from projections.projection import Table
from projections.snapshots import FORESTS, SNAPSHOTS
from revisor.held_up import BESIDE, FOUND
from revisor.host_names import NamesOfHosts
from revisor.rows import (
    ALL_OPERATIONS,
    CheckpointRow,
    HostRow,
    OperationFilter,
    OperationRow,
    Page,
    PlacementRow,
    SnapshotRow,
)
from revisor.store.database import Database

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05


# By way of JSON: a table that an older release made has no such columns until it is made anew, and is read meanwhile.
_HOSTS = """
SELECT id::text, name, uri, driver, host_uuid, hostname, capabilities, worker::text, epoch,
       nullif(to_jsonb(h) -> 'disabled', 'null') AS disabled, (to_jsonb(h) ->> 'operations')::integer AS operations,
       to_jsonb(h) ->> 'adopt' AS adopt, added_at, removed_at, position
FROM {hosts} h
"""
_DOMAINS = """
SELECT d.domain, d.uuid, d.name, d.host::text, coalesce(h.name, d.host::text) AS host_name, d.role, d.present,
       d.persistent, d.hypervisor_id, d.state, d.reason, d.autostart, d.managed_save,
       {has_snapshots} AS has_snapshots,
       {has_checkpoints} AND d.role = 'owner' AS has_checkpoints,
       d.definition, d.live,
       d.verified_position, d.position, d.recorded_at
FROM {domains} d LEFT JOIN {hosts} h ON h.id = d.host
"""
_LIVING = "d.present AND h.removed_at IS NULL"
_AS_VIRSH_LISTS = 'd.hypervisor_id NULLS LAST, d.name COLLATE "C", h.name COLLATE "C"'
_PAGED = 'd.name COLLATE "C", coalesce(h.name, d.host::text) COLLATE "C", d.uuid COLLATE "C"'
_SNAPSHOTS = """
SELECT s.id::text, s.domain, s.name, s.parent::text, p.name AS parent_name,
       (SELECT count(*) FROM {snapshots} c WHERE c.domain = s.domain AND c.parent = s.id) AS children,
       s.state, s.creation_time, s.description, s.location, s.header, s.domain_document, s.inactive_document,
       s.presence, s.why,
       coalesce(f.current = s.id, false) AS current, h.held_by, h.held_until,
       to_jsonb(h) ->> 'held_reason' AS held_reason, to_jsonb(h) ->> 'held_ticket' AS held_ticket, s.position
FROM {snapshots} s
LEFT JOIN {snapshots} p ON p.domain = s.domain AND p.id = s.parent
LEFT JOIN {forests} f ON f.domain = s.domain
LEFT JOIN {holds} h ON h.domain = s.domain AND h.snapshot = s.id
"""
_CHECKPOINTS = """
SELECT c.id::text, c.domain, c.name, c.parent::text, p.name AS parent_name, c.creation_time, c.description, c.header,
       c.domain_document, coalesce(f.current = c.id, false) AS current, c.position
FROM views.checkpoints c
LEFT JOIN views.checkpoints p ON p.domain = c.domain AND p.id = c.parent
LEFT JOIN views.checkpoint_forests f ON f.domain = c.domain
WHERE c.domain = %s ORDER BY c.name COLLATE "C"
"""
_OPERATIONS = f"""
SELECT o.id, o.request_id, o.verb, o.domain,
       (SELECT d.name FROM views.domains d WHERE d.domain = o.domain
        ORDER BY d.host = o.host DESC, d.position DESC LIMIT 1) AS domain_name,
       o.host::text, h.name AS host_name, o.arguments, o.state, o.error_code, o.error_message, o.result,
       o.requested_at, o.ended_at, o.actor, o.correlation, o.requested_position, o.ended_position,
       o.settled, q.progress, {FOUND} AS held_up
FROM views.operations o
LEFT JOIN views.hosts h ON h.id = o.host
LEFT JOIN work.operation_queue q ON q.operation = o.id
LEFT JOIN work.sightings s ON s.host = o.host
{BESIDE}"""  # noqa: S608 - our words

_AMONG_ALL = "d.domain IN (SELECT domain FROM {} AS those)"
_HAS_ANY = "EXISTS (SELECT FROM {} AS those WHERE those.domain = d.domain)"

_TABLES = (HOSTS, DOMAINS, SNAPSHOTS, FORESTS, CHECKPOINTS, HOLDS)


def _sources(tables: dict[str, str], *, at_once: bool = False) -> dict[str, str]:
    """What questions are asked of: tables by name, and whether a domain has anything in two of them.

    ``at_once``: looked up for all domains together. Of the tables of now PostgreSQL decides that for itself.
    """
    one = _AMONG_ALL if at_once else _HAS_ANY
    return tables | {f"has_{table.name}": one.format(tables[table.name]) for table in (SNAPSHOTS, CHECKPOINTS)}


_NOW = _sources({table.name: f"views.{table.name}" for table in _TABLES})
_VERSIONS = {each.name: each.version for each in all_projections() if any(table.temporal for table in each.tables)}
"""Of the projections that know the past, the version in which they do."""

_Found = TypeVar("_Found", HostRow, PlacementRow, SnapshotRow, CheckpointRow, OperationRow)


class Queries:
    """Everything that is read from read models. The projector makes their tables when it first runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def positions(self) -> list[ProjectionState]:
        """Each projection and how far it is."""
        with self._database.connection() as connection:
            return positions.states(connection)

    def position(self) -> int:
        """What was recorded up to here is seen by every projection that is not parked."""
        row = self._database.fetch_one(
            "SELECT coalesce(min(position), 0) AS seen FROM views.projections WHERE parked_at IS NULL"
        )
        return 0 if row is None else int(row["seen"])

    def wait_for(self, position: int, timeout_s: float) -> bool:
        """Wait until every projection that is not parked has reached ``position``; False when the time was over."""
        deadline, pause_s = time.monotonic() + timeout_s, _FIRST_PAUSE_S
        while self._behind(position):
            if time.monotonic() >= deadline:
                return False
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
        return True

    def without(self, position: int) -> list[ProjectionState]:
        """The projections that cannot tell what was at a position:
        not there yet, parked before it, or of an old release.
        """
        return [
            state
            for state in self.positions()
            if state.name in _VERSIONS and (state.position < position or state.version < _VERSIONS[state.name])
        ]

    def waiting_on(self, host: str) -> int:
        """How many operations of a host have not ended."""
        row = self._database.fetch_one("SELECT count(*) AS n FROM work.operation_queue WHERE host = %s", host)
        return 0 if row is None else int(row["n"])

    def _behind(self, position: int) -> bool:
        row = self._database.fetch_one(
            "SELECT name FROM views.projections WHERE parked_at IS NULL AND position < %s LIMIT 1", position
        )
        return row is not None

    def hosts(self, as_of: int | None = None) -> list[HostRow]:
        """The hosts there are, or were at a position, by name."""
        return self._rows(HostRow, _at(_HOSTS, as_of) + 'WHERE removed_at IS NULL ORDER BY name COLLATE "C"')

    def host(self, name: str, as_of: int | None = None) -> HostRow | None:
        """The host of that name, if it was not removed."""
        return self._first(HostRow, _at(_HOSTS, as_of) + "WHERE name = %s AND removed_at IS NULL", name)

    def host_names(self) -> HostNames:
        """Names of all hosts by id, removed ones too: history names them. Nothing is read before one is asked for."""
        return NamesOfHosts(self._database)

    def domains(
        self,
        *,
        all: bool = True,  # noqa: A002 - virsh's word
        host: str | None = None,
        as_of: int | None = None,
        page: Page | None = None,
    ) -> list[PlacementRow]:
        """The placements there are, active ones first as virsh lists them; without ``all`` only those.

        ``host`` is the id of one host. With ``as_of`` those there were at a position that the read models have reached.
        With ``page`` a part of them, by name and then host, which are as they were when a domain is started or stopped.
        """
        wanted = "" if all else " AND d.hypervisor_id IS NOT NULL"
        here, more = _on(host)
        ordered, some = _in_order(page)
        fleet = _at(_DOMAINS, as_of, whole=_TABLES)
        return self._rows(PlacementRow, f"{fleet} WHERE {_LIVING}{wanted}{here}{ordered}", *more, *some)

    def placements(self, domain: UUID, *, living: bool = True) -> list[PlacementRow]:
        """Where a domain is, the owner first; with ``living`` false also where it was."""
        alive = f" AND {_LIVING}" if living else ""
        order = ' ORDER BY d.present DESC, d.role, h.name COLLATE "C"'
        return self._rows(PlacementRow, f"{_at(_DOMAINS)} WHERE d.domain = %s{alive}{order}", domain)

    def find_placements(self, name_or_uuid: str, host: str | None = None, *, living: bool = True) -> list[PlacementRow]:
        """Placements of domains with that UUID or, if there is none, that name; ``host`` is the id of one host.

        Owners come before replicas. With ``living`` false also what is gone, after what is there, and then what bears
        another name by now; newest first.
        """
        alive = f" AND {_LIVING}" if living else ""
        here, more = _on(host)
        order = f"({_LIVING}) DESC, (d.role = 'owner' AND d.present) IS TRUE DESC"
        uuid = normalised_uuid(name_or_uuid)
        if uuid is not None:
            which = "(d.uuid = %s OR d.domain = %s::uuid)"
            by_uuid = f"{_at(_DOMAINS)} WHERE {which}{alive}{here} ORDER BY {order}, d.position DESC"
            found = self._rows(PlacementRow, by_uuid, uuid, uuid, *more)
            if found:
                return found
        name = name_or_uuid
        by_name = f"{_at(_DOMAINS)} WHERE d.name = %s{alive}{here} ORDER BY {order}, d.position DESC"
        found = self._rows(PlacementRow, by_name, name, *more)
        if living or any(row.present for row in found):
            return found
        borne = (
            f"{_at(_DOMAINS)} WHERE (d.name = %s OR d.former_names ? %s){here}"
            " ORDER BY CASE WHEN d.name = %s THEN d.position ELSE (d.former_names ->> %s)::bigint END DESC"
        )
        return self._rows(PlacementRow, borne, name, name, *more, name, name)

    def placements_at(self, name_or_uuid: str, as_of: int, host: str | None = None) -> list[PlacementRow]:
        """What ``find_placements`` would have found at a position that the read models have reached."""
        uuid = normalised_uuid(name_or_uuid)
        if uuid is not None:
            found = self._once("uuid = %s OR domain = %s::uuid", uuid, as_of, host)
            if found:
                return found
        found = self._once("name = %s OR former_names ? %s", name_or_uuid, as_of, host)
        return [row for row in found if row.name == name_or_uuid]

    def _once(self, candidates: str, what: str, as_of: int, host: str | None) -> list[PlacementRow]:
        """Placements at a position, of domains of now: no domain is ever forgotten, nor a name that it gave up."""
        here, more = _on(host)
        order = "(d.role = 'owner') IS TRUE DESC, d.position DESC"
        known = f"d.domain = ANY (ARRAY(SELECT domain FROM views.domains WHERE {candidates}))"  # noqa: S608 - our words
        query = f"{_at(_DOMAINS, as_of, whole=(HOSTS,))} WHERE {_LIVING}{here} AND {known} ORDER BY {order}"
        return self._rows(PlacementRow, query, *more, what, what)

    def last_bearer(self, name: str) -> PlacementRow | None:
        """The domain that bears a name or, if none does, that bore it last."""
        found = self.find_placements(name, living=False)
        return found[0] if found else None

    def snapshots(self, domain: UUID, as_of: int | None = None) -> list[SnapshotRow]:
        """The domain's own tree, or what it was at a position, by name as virsh sorts it."""
        query = _at(_SNAPSHOTS, as_of) + 'WHERE s.domain = %s ORDER BY s.name COLLATE "C"'
        return self._rows(SnapshotRow, query, domain)

    def snapshot(self, domain: UUID, name: str) -> SnapshotRow | None:
        """One snapshot of the domain's own tree."""
        return self._first(SnapshotRow, _at(_SNAPSHOTS) + "WHERE s.domain = %s AND s.name = %s", domain, name)

    def current_snapshot(self, domain: UUID) -> SnapshotRow | None:
        """The current snapshot of the domain's own tree."""
        return self._first(SnapshotRow, _at(_SNAPSHOTS) + "WHERE s.domain = %s AND s.id = f.current", domain)

    def checkpoints(self, domain: UUID) -> list[CheckpointRow]:
        """The domain's checkpoints, by name as virsh sorts them."""
        return self._rows(CheckpointRow, _CHECKPOINTS, domain)

    def backup(self, domain: UUID) -> dict[str, Any] | None:
        """The backup of the domain that was begun last; its ``outcome`` is None while it runs."""
        row = self._database.fetch_one("SELECT backup FROM views.checkpoint_forests WHERE domain = %s", domain)
        return None if row is None else row["backup"]

    def operations(
        self,
        domain: UUID | None = None,
        host: str | None = None,
        *,
        those: OperationFilter = ALL_OPERATIONS,
        limit: int = 100,
    ) -> list[OperationRow]:
        """The newest operations, oldest first; ``host`` is the id of the host that carries them out."""
        first, last = those.ids or (None, None)
        wanted = [
            *(("o.domain = %s", domain), ("o.host = %s", host), ("o.state = ANY (%s)", list(those.states) or None)),
            *(("o.id >= %s", first), ("o.id <= %s", last)),
        ]
        chosen = [(clause, value) for clause, value in wanted if value is not None]
        where = " AND ".join(clause for clause, _ in chosen) or "true"
        newest = f"{_OPERATIONS} WHERE {where} ORDER BY o.requested_position DESC LIMIT %s"
        return self._rows(OperationRow, newest, *(value for _, value in chosen), limit)[::-1]

    def operation(self, id: UUID) -> OperationRow | None:
        """One operation."""
        return self._first(OperationRow, _OPERATIONS + "WHERE o.id = %s", id)

    def standing_on(self, files: Sequence[str], host: str, but: UUID) -> dict[str, list[str]]:
        """For each of these files the other domains on a host that have it in an image chain, as last seen."""
        rows = self._database.fetch(
            "SELECT DISTINCT f.value AS file, d.name FROM views.domains d,"
            " jsonb_each(d.images) AS disk, jsonb_array_elements_text(disk.value) AS f"
            " WHERE d.present AND d.host = %s AND d.domain <> %s AND f.value = ANY (%s) ORDER BY d.name",
            host,
            but,
            list(files),
        )
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["file"], []).append(row["name"])
        return found

    def images_cut(self, host: str, but: UUID) -> list[tuple[str, str]]:
        """The other domains on a host whose image chains could not be followed to their end, each with why."""
        rows = self._database.fetch(
            "SELECT d.name, cut.value AS why FROM views.domains d, jsonb_each_text(d.images_cut) AS cut"
            " WHERE d.present AND d.host = %s AND d.domain <> %s ORDER BY d.name, cut.key",
            host,
            but,
        )
        return [(row["name"], row["why"]) for row in rows]

    def saved_in(self, path: str, host: str) -> tuple[UUID, str | None] | None:
        """The domain that was last saved into a file on a host, or perhaps was, and its name then.

        The hypervisor knows what is in it.
        """
        row = self._database.fetch_one(
            "SELECT domain, arguments ->> 'name' AS name FROM views.operations"
            " WHERE verb = 'save' AND state IN ('succeeded', 'unknown') AND host = %s"
            " AND arguments ->> 'file' = %s ORDER BY requested_position DESC LIMIT 1",
            host,
            path,
        )
        return None if row is None else (row["domain"], row["name"])

    def _rows(self, kind: type[_Found], query: str, *params: object) -> list[_Found]:
        with self._database.connection() as connection, connection.cursor(row_factory=_maker_of(kind)) as cursor:
            return cursor.execute(query.encode(), params).fetchall()

    def _first(self, kind: type[_Found], query: str, *params: object) -> _Found | None:
        found = self._rows(kind, query, *params)
        return found[0] if found else None


def _maker_of(kind: type[_Found]) -> Callable[[Cursor[Any]], Callable[[Sequence[Any]], _Found]]:
    """Has rows made as named tuples straight from what comes, once it is seen that it comes in that order."""

    def maker(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], _Found]:
        came = tuple(column.name for column in cursor.description or ())
        if came not in ((), kind._fields):
            raise TypeError(f"{kind.__name__} of {came}")
        return kind._make

    return maker


def _at(query: str, as_of: int | None = None, *, whole: Collection[Table] = (HOSTS, DOMAINS)) -> str:
    """A question to the tables of now, or to what they held at a position: some as a whole, the others row by row."""
    if as_of is None:
        return query.format_map(_NOW)
    return query.format_map(
        _sources(
            {
                table.name: past.whole_table_at(table, as_of) if table in whole else past.rows_at(table, as_of)
                for table in _TABLES
            },
            at_once=SNAPSHOTS in whole,
        )
    )


def _in_order(page: Page | None) -> tuple[str, list[object]]:
    """The end of a question to domains, and its parameters."""
    if page is None:
        return f" ORDER BY {_AS_VIRSH_LISTS}", []
    behind = "" if page.after is None else f" AND ({_PAGED}) > (%s, %s, %s)"
    return f"{behind} ORDER BY {_PAGED} LIMIT %s", [*(page.after or ()), page.limit]


def _on(host: str | None) -> tuple[str, list[str]]:
    """The condition for one host, and its parameter."""
    return ("", []) if host is None else (" AND d.host = %s", [host])
