"""What happens to a libvirt driver when the wire breaks: what was not asked is safe, what was asked is unknown."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from domain_model.errors import HypervisorUnreachable, InvalidFlags, NoDomain, OutcomeUnknown, Refused
from domain_model.flags import SnapshotCreate
from domain_model.libvirt import DomainState
from drivers.libvirt import LibvirtDriver
from tests.contract.severing import SUSPEND, SeveredWire
from tests.lab.daemon import TestDaemon

# The domain that libvirt's test driver starts with.
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"


@pytest.fixture
def daemon(test_daemon: TestDaemon) -> Iterator[TestDaemon]:  # noqa: ARG001  it skips where there is no libvirtd
    """A daemon of the test's own, which it may kill."""
    with TestDaemon() as daemon:
        yield daemon


@pytest.fixture
def driver(daemon: TestDaemon) -> Iterator[LibvirtDriver]:
    driver = LibvirtDriver(daemon.uri)
    yield driver
    driver.close()


def test_a_driver_can_be_made_while_its_hypervisor_is_away(daemon: TestDaemon, tmp_path: Path) -> None:
    driver = LibvirtDriver(f"test+unix:///default?socket={tmp_path}/nobody")

    for ask in (driver.domains, driver.identity, lambda: driver.capabilities, lambda: driver.define("<domain/>")):
        with pytest.raises(
            HypervisorUnreachable, match="Cannot reach the hypervisor: Failed to connect socket"
        ) as error:
            ask()
        assert error.value.number == 38
    assert daemon.uri  # A hypervisor is there, it is only not this one.


def test_a_uri_that_can_never_work_is_refused_and_not_tried_again(daemon: TestDaemon) -> None:
    with pytest.raises(Refused) as refusal:
        LibvirtDriver(daemon.uri.replace("///default", "///nowhere")).domains()

    assert not isinstance(refusal.value, HypervisorUnreachable)
    assert refusal.value.message == "XML error: failed to parse xml document '/nowhere'"


def test_a_driver_finds_back_to_a_daemon_that_was_killed_and_started_again(
    daemon: TestDaemon, driver: LibvirtDriver
) -> None:
    changed: Queue[str] = Queue()
    driver.watch(changed.put)
    assert [seen.name for seen in driver.domains()] == ["test"]

    daemon.stop(kill=True)
    for ask in (driver.domains, lambda: driver.suspend(UUID), lambda: driver.define("<domain/>")):
        with pytest.raises(HypervisorUnreachable):
            ask()
    daemon.start()

    assert [seen.name for seen in driver.domains()] == ["test"]
    driver.suspend(UUID)
    assert changed.get(timeout=60) == UUID


@pytest.mark.parametrize("deliver", [True, False], ids=["carried out", "never arrived"])
def test_a_change_whose_answer_was_lost_is_unknown_and_a_look_tells(
    daemon: TestDaemon, tmp_path: Path, *, deliver: bool
) -> None:
    real = Path(daemon.uri.partition("socket=")[2])
    with SeveredWire(tmp_path, real, SUSPEND, deliver=deliver) as wire:
        driver = LibvirtDriver(f"test+unix:///default?socket={wire.path}")

        with pytest.raises(OutcomeUnknown):
            driver.suspend(UUID)

        seen = driver.domain(UUID)
        assert seen is not None
        assert seen.state is (DomainState.PAUSED if deliver else DomainState.RUNNING)
        driver.close()


def test_a_hypervisor_that_fell_silent_is_noticed(daemon: TestDaemon) -> None:
    driver = LibvirtDriver(daemon.uri, silence_s=1)
    driver.domains()
    assert daemon._daemon is not None

    daemon._daemon.send_signal(signal.SIGSTOP)
    try:
        # Without keepalive the first would wait for ever; nothing was asked of the second.
        for ask in (driver.domains, lambda: driver.define("<domain/>")):
            with pytest.raises(HypervisorUnreachable, match="did not answer within 1 s"):
                ask()
    finally:
        daemon._daemon.send_signal(signal.SIGCONT)

    assert [seen.name for seen in driver.domains()] == ["test"]
    driver.close()


def test_a_connection_is_left_to_the_call_that_never_returns_and_hints_come_over_the_next(
    driver: LibvirtDriver,
) -> None:
    changed: Queue[str] = Queue()
    driver.watch(changed.put)

    with driver._connections.one() as hung:
        first = hung.answering()
        driver.suspend(UUID)
        assert driver._read(lambda connection: connection) is not first

    assert changed.get(timeout=60) == UUID


def test_refusals_print_nothing(driver: LibvirtDriver, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NoDomain):
        driver.start("00000000-0000-4000-8000-000000000000")
    with pytest.raises(Refused):
        driver.define("<domain")

    assert capfd.readouterr() == ("", "")


def test_a_refusal_keeps_libvirts_sentence_and_bears_its_class(driver: LibvirtDriver) -> None:
    with pytest.raises(InvalidFlags) as unprefixed:
        driver.snapshot_create(UUID, "<domainsnapshot/>", SnapshotCreate.CURRENT)
    with pytest.raises(Refused) as prefixed:
        driver.start(UUID)

    assert unprefixed.value.message == (
        "Flag 'VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE' is required by flag 'VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT'"
    )
    assert str(prefixed.value) == prefixed.value.message == "internal error: Domain 'test' is already running"


def test_what_the_hypervisor_lacks_is_refused_before_it_is_asked(driver: LibvirtDriver) -> None:
    with pytest.raises(InvalidFlags, match=r"flags \(0x4\) in function testDomainSnapshotCreateXML"):
        driver.snapshot_create(UUID, "<domainsnapshot/>", SnapshotCreate.NO_METADATA)


def test_a_closed_driver_asks_nobody(driver: LibvirtDriver) -> None:
    driver.domains()
    driver.close()

    with pytest.raises(HypervisorUnreachable, match="was closed"):
        driver.domains()


def test_without_the_library_the_answer_says_what_to_install() -> None:
    program = """
import sys
sys.modules["libvirt"] = None
from drivers.libvirt import LibvirtDriver
from domain_model.errors import OperationUnsupported
try:
    LibvirtDriver("qemu:///system").domains()
except OperationUnsupported as refusal:
    print(refusal.number, refusal.message)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.startswith(
        "84 Operation not supported: libvirt-python is not installed; install revisor[libvirt]"
    )
