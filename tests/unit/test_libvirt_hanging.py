"""A call of libvirt's that hangs keeps its connection, and nobody waiting who asks over another one, or hangs up."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain_model.errors import HypervisorUnreachable
from drivers.libvirt import LibvirtDriver, library
from tests.lab.awaiting import eventually
from tests.unit.libvirt_in_memory import NO_SUPPORT, FakeConnection, FakeError, FakeLibvirt

_LONG_S = 60.0
UUID = "9d2ad3bd-2cdf-4d45-a95e-d6b9f8f4a8f5"


@dataclass
class Hanging(FakeLibvirt):
    """A libvirt of which ``hanging`` functions return only once it is ``let_go``;
    ``hung`` are those that were called.
    """

    hanging: set[str] = field(default_factory=set)
    hung: list[str] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    without_events: bool = False
    registered: int = 0
    VIR_DOMAIN_EVENT_ID_LIFECYCLE = 0

    @property
    def connection(self) -> "HangingConnection":
        return HangingConnection(self)

    def open(self, uri: str) -> FakeConnection:
        self.hang("open")
        return super().open(uri)

    def hang(self, function: str) -> None:
        if function in self.hanging:
            self.hung.append(function)
            assert self.let_go.wait(_LONG_S)


@dataclass
class HangingConnection(FakeConnection):
    of: Hanging

    def getLibVersion(self) -> int:  # noqa: N802  libvirt's names
        return 9000000

    def domainEventRegisterAny(self, *_: object) -> int:  # noqa: N802
        self.of.hang("register")
        self.of.registered += 1
        if self.of.without_events:
            raise FakeError(0, NO_SUPPORT, "this function is not supported")
        return 1

    def domainEventDeregisterAny(self, _number: int) -> None:  # noqa: N802
        self.of.hang("deregister")

    def setKeepAlive(self, _interval: int, _count: int) -> int:  # noqa: N802
        self.of.hang("keepalive")
        return 0


@pytest.fixture
def hypervisor(monkeypatch: pytest.MonkeyPatch) -> Hanging:
    made = Hanging("ESX", UUID)
    monkeypatch.setattr(library, "_ready", [made])
    return made


@pytest.fixture
def driver(hypervisor: Hanging) -> LibvirtDriver:  # noqa: ARG001  it is the library's
    made = LibvirtDriver("esx://esx.example/", silence_s=_LONG_S)
    made.watch(lambda _uuid: None)
    return made


@pytest.fixture
def others(hypervisor: Hanging) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool
        hypervisor.let_go.set()


def stuck(others: ThreadPoolExecutor, hypervisor: Hanging, call: Callable[[], Any], function: str) -> Future[Any]:
    """Somebody who waits for an answer that does not come."""
    hypervisor.hanging.add(function)
    waiting = others.submit(call)
    eventually(lambda: function in hypervisor.hung, what=f"{function} hangs")
    return waiting


def connected(driver: LibvirtDriver) -> Any:
    """The virConnect that a question goes over."""
    return driver._read(lambda connection: connection)


@pytest.mark.parametrize("function", ["open", "keepalive", "register"])
def test_a_connection_that_hangs_while_it_is_made_keeps_nobody_from_asking_or_hanging_up(
    driver: LibvirtDriver, hypervisor: Hanging, others: ThreadPoolExecutor, function: str
) -> None:
    waiting = stuck(others, hypervisor, lambda: connected(driver), function)
    hypervisor.hanging.clear()
    new = others.submit(connected, driver).result(_LONG_S / 2)
    others.submit(driver.close).result(_LONG_S / 2)
    assert not waiting.done()
    hypervisor.let_go.set()
    assert waiting.result(_LONG_S) is not new


def test_two_calls_at_once_are_never_on_one_connection_and_the_next_ones_need_no_third(
    driver: LibvirtDriver, hypervisor: Hanging, others: ThreadPoolExecutor
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def last(connection: Any) -> Any:
        begun.set()
        assert go_on.wait(_LONG_S)
        return connection

    waiting = others.submit(driver._read, last)
    assert begun.wait(_LONG_S)
    second = connected(driver)
    go_on.set()
    first = waiting.result(_LONG_S)
    assert first is not second
    assert {id(connected(driver)) for _ in range(4)} <= {id(first), id(second)}
    assert len(hypervisor.opened) == 2


def test_a_hypervisor_that_tells_of_nothing_is_asked_to_once_a_connection(
    driver: LibvirtDriver, hypervisor: Hanging
) -> None:
    hypervisor.without_events = True
    for _ in range(3):
        connected(driver)
    assert hypervisor.registered == 1
    assert len(hypervisor.opened) == 1


def test_hanging_up_waits_for_no_answer(driver: LibvirtDriver, hypervisor: Hanging, others: ThreadPoolExecutor) -> None:
    connected(driver)
    stuck(others, hypervisor, driver.close, "deregister").result(_LONG_S / 2)
    with pytest.raises(HypervisorUnreachable, match="was closed"):
        driver.domains()
