"""What the supervisor does about processes that cannot be started: one does not keep the others from running."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from revisor.settings import Settings
from revisor.supervisor import Supervisor, _Child


class Machine:
    """Starts processes, but none for ``serve`` while there is no memory for it."""

    def __init__(self) -> None:
        self.full = True
        self.started: list[str] = []

    def start(self, command: list[str], **_: object) -> Any:
        if self.full and "serve" in command:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.started.append(command[3])
        return _Running()


class _Running:
    pid = 4711

    def poll(self) -> None:
        return None


def test_a_process_that_cannot_be_started_is_tried_again_and_the_others_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    monkeypatch.setattr(subprocess, "Popen", machine.start)
    supervisor = Supervisor(Settings(home=tmp_path, dsn="host=nowhere"))
    supervisor._others = [_Child("api", ["serve"]), _Child("projector", ["projector"])]
    supervisor._keep_children()
    assert machine.started == ["projector"]
    assert caplog.messages == [
        "api cannot be started: [Errno 11] Resource temporarily unavailable; it is started again in 0.5 s"
    ]
    machine.full = False
    supervisor._keep_children()
    assert machine.started == ["projector"], "not before the pause is over"
    supervisor._others[0].start_at = 0.0
    supervisor._keep_children()
    assert machine.started == ["projector", "serve"]
