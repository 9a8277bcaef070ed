"""Names of hosts by id, which are read when the first is asked for: most answers and most checks name none."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from revisor.store.database import Database


class NamesOfHosts(Mapping[str, str]):
    """The names of all hosts, removed ones too, as they are when first asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getitem__(self, host: str) -> str:
        return self._names[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @cached_property
    def _names(self) -> dict[str, str]:
        return {row["id"]: row["name"] for row in self._database.fetch("SELECT id::text, name FROM views.hosts")}
