"""Which domains a schedule is of: looked up whenever a time comes, and whenever somebody asks."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any
from uuid import UUID

from domain_model.placements import Role
from revisor.queries import Queries
from revisor.rows import PlacementRow


def subjects_of(selector: Mapping[str, Any], queries: Queries) -> list[PlacementRow]:
    """The owners of the domains that a selector means now."""
    means = _matcher(selector)
    return [row for row in queries.domains() if row.role == Role.OWNER and means(row.domain, row.name)]


def _matcher(selector: Mapping[str, Any]) -> Callable[[UUID, str], bool]:
    if "domain" in selector:
        return lambda id, _: str(id) == selector["domain"]
    if "pattern" in selector:
        return lambda _, name: fnmatchcase(name, selector["pattern"])
    return lambda _id, _name: True
