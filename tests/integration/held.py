"""Simulated hosts that do not answer before a test says so."""

import threading
from collections.abc import Sequence
from pathlib import Path

from domain_model.flags import Start
from drivers.port import DomainSighting
from drivers.simulator import SimulatorDriver


class HeldDriver(SimulatorDriver):
    """Does not start a guest before it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "alpha")
        self.let_go = threading.Event()

    def start(self, uuid: str, flags: Start = Start.NONE) -> None:
        assert self.let_go.wait(60)
        super().start(uuid, flags)


class HungDriver(SimulatorDriver):
    """Never answers the calls that hang; once it is let go they come to their end, ``late`` ones acting only then.

    ``hanging`` are names of the port's methods; ``hung`` are those that were called meanwhile.
    """

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path, name)
        self.hanging: set[str] = set()
        self.late = True
        self.hung: list[str] = []
        self._let_go = threading.Event()

    def let_go(self) -> None:
        self.hanging.clear()
        self._let_go.set()

    def suspend(self, uuid: str) -> None:
        if self.late:
            self._hang("suspend")
        super().suspend(uuid)
        if not self.late:
            self._hang("suspend")

    def domain(self, uuid: str) -> DomainSighting | None:
        self._hang("domain")
        return super().domain(uuid)

    def domains(self) -> Sequence[DomainSighting]:
        self._hang("domains")
        return super().domains()

    def _hang(self, call: str) -> None:
        if call in self.hanging:
            self.hung.append(call)
            assert self._let_go.wait(60)
