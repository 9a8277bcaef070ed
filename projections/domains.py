"""The read model of domains: one row a placement, that is, a domain on a host.

Rows of placements that ended stay with ``present`` false, so that the history of a domain is still found by its last
name. A domain that was only asked for has such a row too, with no role. Names it bore before are kept with the position
at which it gave them up.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain_model.domain import Domain
from domain_model.facts import StateFact
from domain_model.libvirt import DomainState
from domain_model.placements import Role
from projections.ports import RecordedEvent
from projections.projection import Need, Row, RowGroup, Rows, Table
from projections.standing import Standing, Standings, follow

DOMAINS = Table(
    name="domains",
    columns={
        "domain": "uuid NOT NULL",
        "host": "uuid NOT NULL",
        "uuid": "text NOT NULL",
        "name": 'text COLLATE "C" NOT NULL',
        "former_names": "jsonb NOT NULL",
        "role": "text",
        "present": "boolean NOT NULL",
        "persistent": "boolean NOT NULL",
        "hypervisor_id": "integer",
        "state": "smallint NOT NULL",
        "reason": "smallint NOT NULL",
        "autostart": "boolean NOT NULL",
        "managed_save": "boolean NOT NULL",
        "images": "jsonb",
        "images_cut": "jsonb",
        "definition": "text",
        "live": "text",
        "verified_position": "bigint",
        "position": "bigint NOT NULL",
        "recorded_at": "timestamptz NOT NULL",
    },
    key=("domain", "host"),
    indexes=("(name)", "(uuid)", "(host) WHERE present"),
    group="domain",
    temporal=True,
)

_RELEVANT = (
    Domain.Created,
    Domain.Defined,
    Domain.Undefined,
    StateFact,
    Domain.Renamed,
    Domain.LiveChanged,
    Domain.Updated,
    Domain.ImagesSeen,
    Domain.ReplicaVerified,
    Domain.HandedOver,
)
_FRESH = {
    "present": True,
    "persistent": False,
    "hypervisor_id": None,
    "state": int(DomainState.SHUTOFF),
    "reason": 0,
    "autostart": False,
    "managed_save": False,
    "images": None,
    "images_cut": None,
    "definition": None,
    "live": None,
    "verified_position": None,
}


class Domains:
    """Which domains there are, where, in which role and state."""

    name = "domains"
    version = 6
    tables = (DOMAINS,)
    about = _RELEVANT

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        return (RowGroup(DOMAINS, event.stream),)

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        said = event.event
        mine = {str(row["host"]): row for row in rows.group(DOMAINS, event.stream)}
        if isinstance(said, Domain.Created):
            rows.put(DOMAINS, _introduced(event))
            return
        standings: Standings = {
            host: Standing(row["role"], row["persistent"], row["hypervisor_id"] is not None)
            for host, row in mine.items()
            if row["present"]
        }
        before = set(standings)
        touched = {said.host, said.previous} if isinstance(said, Domain.HandedOver) else {said.host}
        if isinstance(said, Domain.HandedOver) and not touched <= before:
            return
        follow(standings, said)
        for host in touched:
            if host not in before and host not in standings:
                continue
            row = mine[host] if host in before else _placed(mine, host, event)
            row = {**row, **_changes(said), **_standing(standings.get(host))}
            row["former_names"] = _former_names(mine.get(host), row["name"], event.position)
            if _agrees_now(said, host, row["role"]):
                row["verified_position"] = event.position
            rows.put(DOMAINS, {**row, "position": event.position, "recorded_at": event.recorded_at})


def _introduced(event: RecordedEvent) -> dict[str, Any]:
    said = event.event
    return {
        "domain": event.stream,
        "host": UUID(said.host),
        "uuid": said.uuid,
        "name": said.name,
        "former_names": {},
        "role": None,
        **_FRESH,
        "present": False,
        "position": event.position,
        "recorded_at": event.recorded_at,
    }


def _placed(mine: dict[str, Row], host: str, event: RecordedEvent) -> dict[str, Any]:
    """A new placement; the domain's UUID is told by its first event only, so it is in any other row of it."""
    uuid = next((row["uuid"] for row in mine.values()), str(event.stream))
    return {"domain": event.stream, "host": UUID(host), "uuid": uuid, "name": event.event.name, **_FRESH}


def _former_names(before: Row | None, name: str, position: int) -> dict[str, int]:
    if before is None:
        return {}
    given_up = {} if before["name"] == name else {before["name"]: position}
    return {**before["former_names"], **given_up}


def _standing(standing: Standing | None) -> dict[str, Any]:
    """An ended placement keeps the role it had."""
    if standing is None:
        return {"present": False, "persistent": False}
    return {"role": str(standing.role), "persistent": standing.persistent}


_STATE = ("state", "reason", "hypervisor_id", "live")
_SAID: dict[type[Any], tuple[str, ...]] = {
    Domain.Defined: ("name", "definition"),
    Domain.Renamed: ("name",),
    Domain.Started: ("name", *_STATE),
    Domain.LiveChanged: ("live",),
    Domain.Updated: ("autostart", "managed_save"),
}
"""The columns that an event says."""


def _changes(said: Any) -> dict[str, Any]:
    if isinstance(said, Domain.Undefined):
        return {"definition": None}
    if isinstance(said, Domain.ImagesSeen):
        return {"images": said.files, "images_cut": said.cut}
    columns = _SAID.get(type(said), _STATE if isinstance(said, StateFact) else ())
    return {column: getattr(said, column) for column in columns}


def _agrees_now(said: Any, host: str, role: str) -> bool:
    """Whether this event says that the replica on ``host`` agrees with the domain."""
    if isinstance(said, Domain.HandedOver):
        return host == said.previous and role == Role.REPLICA
    return isinstance(said, Domain.ReplicaVerified) and role == Role.REPLICA
