"""What all parts of the driver stand on: the file of the simulated host, one transaction an act."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from drivers.simulator.file import HypervisorFile
from drivers.simulator.inventory import Domain, Inventory

T = TypeVar("T")


def _unconditionally() -> None:
    """For calls that can only be made in one way."""


class Acts:
    """Reads and changes the host. ``clock`` gives the seconds since the epoch."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._file = HypervisorFile(path)
        self._clock = clock

    @contextmanager
    def _reading(self) -> Iterator[Inventory]:
        with self._file.reading() as connection:
            yield Inventory(connection)

    @contextmanager
    def _acting(self) -> Iterator[Inventory]:
        with self._file.acting() as connection:
            host = Inventory(connection)
            yield host
        if host.refusal is not None:
            raise host.refusal

    def _act_on(
        self, uuid: str, act: Callable[[Inventory, Domain], T], *, check: Callable[[], None] = _unconditionally
    ) -> T:
        """Change one domain; that it is there comes before whether the call can be as it is. Raises NoDomain (42)."""
        with self._acting() as host:
            domain = host.domain(uuid)
            check()
            return act(host, domain)
