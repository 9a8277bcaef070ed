"""A simulated host on which guests start when a test says so."""

import threading
from pathlib import Path

from domain_model.flags import Start
from drivers.simulator import SimulatorDriver


class HeldDriver(SimulatorDriver):
    """Does not start a guest before it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "alpha")
        self.let_go = threading.Event()

    def start(self, uuid: str, flags: Start = Start.NONE) -> None:
        assert self.let_go.wait(60)
        super().start(uuid, flags)
