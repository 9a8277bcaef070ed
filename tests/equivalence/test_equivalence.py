"""The same calls through Revisor and directly: after each, both hosts show the same and have answered the same.

The calls are the same each time, so that a failure tells of what was changed; ``make soak`` draws others
(``REVISOR_EQUIVALENCE_SEED``). ``REVISOR_EQUIVALENCE_STEPS`` says how many steps a run has on the test driver; where
guests are real it has a tenth of them.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from drivers.libvirt import LibvirtDriver
from drivers.port import Driver
from drivers.simulator import SimulatorDriver
from revisor.store.database import Database
from tests.equivalence.drawing import Verb
from tests.equivalence.guests import Guests, RealGuests, build_image
from tests.equivalence.machine import run
from tests.equivalence.pairs import Pair
from tests.equivalence.reporting import REPORTS
from tests.equivalence.sides import HOST, Behind, DirectSide, RevisorSide
from tests.equivalence.simulated import BehindSimulator
from tests.equivalence.tolerated import QEMU, SIMULATOR, TEST
from tests.equivalence.verbs import VERBS
from tests.integration.product import ALICE, Product
from tests.lab.daemon import TestDaemon
from tests.lab.hosts import Lab

_STEPS = int(os.environ.get("REVISOR_EQUIVALENCE_STEPS", "2000"))

pytestmark = [pytest.mark.acceptance, pytest.mark.hypervisor, pytest.mark.timeout(1800 + _STEPS)]

_SHARE = 0.4
_SUCCESSES = 20
_CHECKPOINTS = ("checkpoint-create", "checkpoint-delete")
"""The test driver takes no snapshot of a domain with a checkpoint and would mostly refuse: they come after."""
_WITH_CHECKPOINTS = ("define", "start", "suspend", "resume", "destroy", "undefine", *_CHECKPOINTS)
_NOT_IN_THE_TEST_DRIVER = (
    *("attach-device", "detach-device", "update-device", "blockresize"),
    *("dompmsuspend", "dompmwakeup", "domjobabort"),
)
"""It has no such calls (3), which it is asked for all the same."""


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("REVISOR_EQUIVALENCE_SEED", "219716015"))


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders: of Revisor's host and of the other."""
    folders = tmp_path / "ours", tmp_path / "theirs"
    for folder in folders:
        folder.mkdir()
    return folders


@pytest.fixture
def second_daemon() -> Iterator[TestDaemon]:
    with TestDaemon() as daemon:
        yield daemon


def test_the_test_driver_is_the_same_through_revisor(
    test_daemon: TestDaemon, second_daemon: TestDaemon, database: Database, sides: tuple[Path, Path], seed: int
) -> None:
    with ExitStack() as stack:
        behind = stack.enter_context(DirectSide(test_daemon.uri, sides[0]))
        ours = stack.enter_context(_led(database, LibvirtDriver(test_daemon.uri), test_daemon.uri, sides[0], behind))
        theirs = stack.enter_context(DirectSide(second_daemon.uri, sides[1]))
        pair = Pair(TEST, "test", _without(_CHECKPOINTS), ours, theirs, Guests(), Guests(), seed)
        wanted = _without(_NOT_IN_THE_TEST_DRIVER + _CHECKPOINTS)
        with _reported(pair):
            run(pair, steps=_STEPS, steps_an_example=40, wanted=wanted, successes=_SUCCESSES)
            pair.verbs = {name: VERBS[name] for name in _WITH_CHECKPOINTS}
            run(pair, steps=_STEPS, steps_an_example=40, wanted=_CHECKPOINTS, successes=_SUCCESSES)
        assert pair.tally.share >= _SHARE
        assert not pair.tally.short_of(_SUCCESSES, [*wanted, *_CHECKPOINTS])


def test_real_guests_are_the_same_through_revisor(
    two_hosts: Lab, database: Database, sides: tuple[Path, Path], tmp_path: Path, seed: int
) -> None:
    alpha, beta = two_hosts.hosts
    image = build_image(tmp_path / "obedient.qcow2")
    with ExitStack() as stack:
        behind = stack.enter_context(DirectSide(alpha.uri, sides[0]))
        ours = stack.enter_context(_led(database, LibvirtDriver(alpha.uri), alpha.uri, sides[0], behind))
        theirs = stack.enter_context(DirectSide(beta.uri, sides[1]))
        our_guests, their_guests = (RealGuests(folder, image) for folder in sides)
        pair = Pair(QEMU, "qemu", dict(VERBS), ours, theirs, our_guests, their_guests, seed)
        with _reported(pair):
            run(pair, steps=_STEPS // 10, steps_an_example=20)
        assert pair.tally.share >= _SHARE


def test_the_simulator_is_as_strict_as_real_guests(
    two_hosts: Lab, database: Database, sides: tuple[Path, Path], tmp_path: Path, seed: int
) -> None:
    beta = two_hosts.host("beta")
    image = build_image(tmp_path / "obedient.qcow2")
    driver = SimulatorDriver(tmp_path / "alpha.sqlite", HOST)
    with ExitStack() as stack:
        ours = stack.enter_context(
            _led(database, driver, f"simulator:///{HOST}", sides[0], BehindSimulator(driver, str(sides[0])))
        )
        theirs = stack.enter_context(DirectSide(beta.uri, sides[1]))
        pair = Pair(SIMULATOR, "qemu", dict(VERBS), ours, theirs, Guests(), RealGuests(sides[1], image), seed)
        with _reported(pair):
            run(pair, steps=_STEPS // 10, steps_an_example=20)
        assert pair.tally.share >= _SHARE


def _without(names: tuple[str, ...]) -> dict[str, Verb]:
    return {name: verb for name, verb in VERBS.items() if name not in names}


@contextmanager
def _led(database: Database, driver: Driver, uri: str, folder: Path, behind: Behind) -> Iterator[RevisorSide]:
    """A host that a Revisor of its own leads."""
    product = Product(database, folder)
    product.service.registry.add(HOST, uri, ALICE)
    product.lead(HOST, driver)
    try:
        yield RevisorSide(product, folder, behind)
    finally:
        product.close()
        driver.close()


@contextmanager
def _reported(pair: Pair) -> Iterator[None]:
    """Have the counts printed at the end of the whole run, also when it passed."""
    began = time.monotonic()
    try:
        yield
    finally:
        took = time.monotonic() - began
        each = f"{took:.0f} s, {1000 * took / max(1, pair.tally.steps):.0f} ms a step"
        REPORTS.append(
            (f"equivalence, {pair.pairing}: REVISOR_EQUIVALENCE_SEED={pair.seed}, {each}", pair.tally.table())
        )
