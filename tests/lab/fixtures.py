"""pytest fixtures for the lab's hypervisors, loaded by ``pytest_plugins``.

Each is started once a session, on first use. Where the machine lacks something the tests skip and name it; with
REVISOR_REQUIRE_HYPERVISORS=1, as in CI, they fail instead, so that a real test cannot be left out unnoticed.
"""

import os
from collections.abc import Iterator

import pytest

from tests.lab.daemon import TestDaemon
from tests.lab.hosts import Lab, LibvirtHost, remove_abandoned
from tests.lab.requirements import missing_for_hosts, missing_for_test_daemon

# The process id makes a lab the property of this run, and shows a later run whether this one still lives.
_TWO, _ONE = "two-", "one-"


@pytest.fixture(scope="session")
def two_hosts() -> Iterator[Lab]:
    """Two real libvirt hosts, alpha and beta, that can migrate to each other and share ``storage``."""
    require(missing_for_hosts())
    remove_abandoned(_TWO)
    with Lab(f"{_TWO}{os.getpid()}") as lab:
        yield lab


@pytest.fixture(scope="session")
def system_host() -> Iterator[LibvirtHost]:
    """One real libvirt host, as ``qemu:///system`` would be."""
    require(missing_for_hosts())
    remove_abandoned(_ONE)
    with Lab(f"{_ONE}{os.getpid()}", host_names=("system",)) as lab:
        yield lab.hosts[0]


@pytest.fixture(scope="session")
def test_daemon() -> Iterator[TestDaemon]:
    """libvirt's test driver behind a socket, shared by every process that connects."""
    require(missing_for_test_daemon())
    with TestDaemon() as daemon:
        yield daemon


def require(missing: list[str], *, asked_for: str | None = None) -> None:
    """Skip the test that lacks something; fail it where nothing may be left out, or where just this was asked for."""
    if not missing:
        return
    reason = f"needs {', '.join(missing)}"
    if asked_for:
        pytest.fail(f"{asked_for} was asked for, and {reason}", pytrace=False)
    if os.environ.get("REVISOR_REQUIRE_HYPERVISORS") == "1":
        pytest.fail(f"{reason}; REVISOR_REQUIRE_HYPERVISORS=1 forbids to skip", pytrace=False)
    pytest.skip(reason)
