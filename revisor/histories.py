"""The history of what is no domain: hosts and schedules, as their streams have it; also of those that were removed."""

from collections.abc import Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from domain_model.errors import InvalidArgument
from domain_model.schedule import Schedule
from projections.ports import RecordedEvent
from revisor import presentation as present
from revisor.application import Application
from revisor.queries import Queries

_OF_HOST = "SELECT id FROM views.hosts WHERE name = %s ORDER BY removed_at IS NOT NULL, position DESC LIMIT 1"
_HOSTS = 'SELECT name FROM views.hosts GROUP BY name ORDER BY name COLLATE "C"'
_OF_SCHEDULE = "SELECT id FROM views.schedules WHERE name = %s ORDER BY removed, position DESC LIMIT 1"
_SCHEDULES = 'SELECT name FROM views.schedules GROUP BY name ORDER BY name COLLATE "C"'


class Histories:
    """Logs by name: of what bears the name or, if nothing does, of what bore it last."""

    def __init__(self, application: Application, queries: Queries) -> None:
        self._application = application
        self._queries = queries

    def host(self, name: str, limit: int) -> list[dict[str, Any]]:
        """The newest events of a host, oldest first. Raises InvalidArgument (8) for a name no host ever bore."""
        return self._of("host", name, _OF_HOST, _HOSTS, limit)

    def schedule(self, name: str, limit: int) -> list[dict[str, Any]]:
        """The newest events of a schedule, oldest first.

        Raises InvalidArgument (8) for a name no schedule ever bore.
        """
        return self._of("schedule", name, _OF_SCHEDULE, _SCHEDULES, limit)

    def _of(self, what: str, name: str, bearer: str, names: str, limit: int) -> list[dict[str, Any]]:
        found = self._application.database.fetch_one(bearer, name)
        if found is None:
            known = ", ".join(row["name"] for row in self._application.database.fetch(names))
            raise InvalidArgument(
                f"no {what} ever had the name '{name}'", field=what, value=name, accepted=known or None
            )
        stream: UUID = found["id"]
        newest = list(islice(self._application.reader.backwards(stream), limit))
        return present.log(newest[::-1], {**self._queries.host_names(), **self._domain_names(newest)})

    def _domain_names(self, events: Sequence[RecordedEvent]) -> dict[str, str]:
        """The names of the domains that schedules are of, which are recorded by their ids."""
        added = (event.event for event in events if isinstance(event.event, Schedule.Created))
        ids = [said.selector["domain"] for said in added if "domain" in said.selector]
        named = {id: self._application.name_of(UUID(id)) for id in ids}
        return {id: name for id, name in named.items() if name is not None}
