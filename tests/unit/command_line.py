"""Running the command line in a test: against a real socket with a stand-in for the service behind it."""

from dataclasses import dataclass

import pytest

from revisor.cli.main import main
from revisor.client import Client
from tests.unit.test_http_fake_service import FakeService

Door = tuple[FakeService, Client]


@dataclass(frozen=True)
class Done:
    """How a command line ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line on stderr, which says what went wrong; what would have been accepted may stand before it."""
        return self.err.splitlines()[-1]


class CommandLine:
    """``run("start", "web")`` with a stand-in for the service."""

    def __init__(self, service: FakeService, capsys: pytest.CaptureFixture[str]) -> None:
        self.service = service
        self._capsys = capsys

    def run(self, *words: str) -> Done:
        self._capsys.readouterr()
        code = main(words)
        printed = self._capsys.readouterr()
        return Done(code, printed.out, printed.err)
