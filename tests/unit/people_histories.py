"""Events about people, one of each: what they were refused, what they were shown, what they acknowledged."""

from datetime import datetime
from typing import Any
from uuid import UUID

from domain_model.attempts import Access, Attempt
from domain_model.restores import Restore


def about_people(id: UUID, domain: UUID, at: datetime) -> list[Any]:
    """``domain`` is one the restore took in."""
    return [
        *Attempt.refused(id, verb="start", target="vm", code=55, message="no", suppressed=2, at=at).collect_events(),
        *Access.granted(UUID(int=id.int + 1), verb="dumpxml", target="vm", at=at).collect_events(),
        *Restore.acknowledged(
            UUID(int=id.int + 2),
            at=at,
            why="restored from a backup",
            witnessed_position=9,
            position=7,
            compared=["alpha"],
            left_out=["gamma"],
            adopted=[{"domain": str(domain), "host": "alpha", "name": "vm"}],
            changed=[],
            gone=[{"domain": str(domain), "host": "beta", "name": "vm"}],
            left=[{"host": "beta", "name": "gone", "why": "by the log it is on another host"}],
            unsettled=[str(id)],
        ).collect_events(),
    ]
