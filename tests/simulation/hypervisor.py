"""The real simulated host, in memory, with faults between and inside its acts, and a log of what each act changed.

A fault inside an act ends its transaction; the driver's acts are whole, as it declares.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from drivers.simulator import SimulatorDriver, schema
from drivers.simulator.file import HypervisorFile
from drivers.simulator.inventory import Inventory

Meet = Callable[[str], None]
"""Is told the point that an agent has come to; raises what befalls it there."""


@cache
def _new_host() -> bytes:
    """The file of a host on which nothing is."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.make(connection)
    connection.execute("INSERT INTO host (only_one, uuid) VALUES (1, '00000000-0000-4000-8000-0000000000ff')")
    return connection.serialize()


class MemoryFile(HypervisorFile):
    """One connection to a database in memory: in one thread no act meets another."""

    def __init__(self, name: str) -> None:
        super().__init__(Path(name))
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.deserialize(_new_host())
        connection.execute("PRAGMA foreign_keys = ON")
        connection.row_factory = sqlite3.Row
        self._idle.append(connection)

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        yield self._idle[0]


@dataclass(frozen=True, slots=True)
class Effect:
    """An act that was carried out. ``operation`` is None for what was done behind Revisor's back."""

    operation: str | None
    uuids: frozenset[str]
    """The domains that are not as before."""


class SimulatedHost:
    """A host, everything that was done to it, and its administrator."""

    def __init__(self, id: str, clock: Callable[[], float]) -> None:
        self.id = id
        self.clock = clock
        self.file = MemoryFile(id)
        self.effects: list[Effect] = []
        self.away_until = 0.0
        self.hands = Wire(self, lambda _point: None, lambda: None)
        """The driver as somebody else than an agent of ours has it."""


class Wire(SimulatorDriver):
    """A driver of a host of which somebody is told the points it comes to."""

    def __init__(self, host: SimulatedHost, meet: Meet, operation: Callable[[], str | None]) -> None:
        super().__init__(Path(host.id), host.id, clock=host.clock)
        self._file = host.file
        self._host = host
        self._meet = meet
        self._operation = operation

    def close(self) -> None:
        """The host lives on."""

    @contextmanager
    def _reading(self) -> Iterator[Inventory]:
        self._meet("look")
        with super()._reading() as host:
            yield host

    @contextmanager
    def _acting(self) -> Iterator[Inventory]:
        self._meet("before act")
        changed: Effect | None = None
        try:
            with super()._acting() as host:
                before = _contents(host)
                yield host
                self._meet("inside act")
                changed = Effect(self._operation(), _differing(before, _contents(host)))
        finally:
            if changed is not None:
                self._host.effects.append(changed)
        self._meet("after act")


def _contents(host: Inventory) -> dict[str, Any]:
    names = host.snapshot_names()
    return {domain.uuid: (domain, tuple(names.get(domain.uuid, ()))) for domain in host.domains()}


def _differing(before: dict[str, Any], after: dict[str, Any]) -> frozenset[str]:
    return frozenset(uuid for uuid in before.keys() | after.keys() if before.get(uuid) != after.get(uuid))
