"""Where a domain stands: who owns it, who has a replica, and which placements there are.

Two read models need to know, and both must come to what the aggregate comes to (``domain_model.domain``), without
loading its whole history. A property test folds random histories both ways.
"""

from dataclasses import dataclass
from typing import Any

from domain_model.domain import Domain
from domain_model.facts import Fact, StateFact
from domain_model.placements import Role


@dataclass(slots=True)
class Standing:
    """The part of a placement that decides about its role and its end."""

    role: str
    persistent: bool = False
    active: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"role": self.role, "persistent": self.persistent, "active": self.active}


Standings = dict[str, Standing]
"""By host."""


def follow(standings: Standings, event: Any) -> None:
    """What one event of the domain does to its placements."""
    match event:
        case Domain.Defined():
            _place(standings, event.host).persistent = True
        case Domain.Undefined():
            if event.host in standings:
                standings[event.host].persistent = False
                _end_if_gone(standings, event.host)
        case Domain.Started():
            _place(standings, event.host).active = event.hypervisor_id is not None
        case Domain.HandedOver():
            if event.host in standings and event.previous in standings:
                standings[event.host].role, standings[event.previous].role = Role.OWNER.value, Role.REPLICA.value
        case StateFact() if event.host in standings:
            standings[event.host].active = event.hypervisor_id is not None
            if isinstance(event, Domain.Stopped) and not standings[event.host].persistent:
                del standings[event.host]


def is_replica(standings: Standings, fact: Fact) -> bool:
    """Whether the fact is about a replica, whose tree is a copy, and not the domain's own."""
    standing = standings.get(fact.host)
    return standing is not None and standing.role == Role.REPLICA


def _place(standings: Standings, host: str) -> Standing:
    """The placement on a host, made if there is none: the owner if there is none yet, else a replica."""
    if host not in standings:
        owned = any(standing.role == Role.OWNER for standing in standings.values())
        standings[host] = Standing(Role.REPLICA.value if owned else Role.OWNER.value)
    return standings[host]


def _end_if_gone(standings: Standings, host: str) -> None:
    if not standings[host].active:
        del standings[host]
