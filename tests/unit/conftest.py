"""The command line and the door it asks at, for the tests of all its verbs."""

import time
from collections.abc import Iterator

import pytest

from tests.unit.command_line import CommandLine, Door
from tests.unit.test_http_fake_service import FakeService, open_door


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    service = FakeService()
    with open_door(service) as client:
        yield service, client


@pytest.fixture
def line(door: Door, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A command line at this door, with a service behind it that is as new."""
    service, client = door
    service.forget()
    monkeypatch.setenv("REVISOR_HOME", str(client.socket.parent))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return CommandLine(service, capsys)
