"""A snapshot tree of the simulator is one that libvirt could have written: redefined there, it reads back the same.

The definition is a real QEMU domain's (a golden file), so no difference can hide behind libvirt's defaults. Metadata
needs no images, so nothing of the domain has to exist.
"""

import random
from pathlib import Path
from uuid import uuid4

import pytest

from domain_model import domain_xml, snapshot_xml
from domain_model.flags import SnapshotCreate, SnapshotRevert, Start
from drivers.port import Driver
from drivers.simulator import SimulatorDriver
from tests.contract.drivers import Subject, qemu_driver, simulator_driver, subject, test_driver

__all__ = ["qemu_driver", "simulator_driver", "subject", "test_driver"]  # pytest finds fixtures by name

GOLDEN = Path(__file__).parents[1] / "golden" / "qemu-domain.xml"
SNAPSHOTS = 40


def test_a_random_tree_reads_back_byte_identical(subject: Subject, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    uuid = str(uuid4())
    # A SimulatorDriver of its own in every case, also when the target is another simulator.
    source = SimulatorDriver(tmp_path / "source.sqlite", "source", clock=lambda: 1_700_000_000)
    source.define(_golden(uuid, subject))
    _grow_at_random(source, uuid, random.Random(seed))
    subject.made.append(uuid)

    subject.driver.define(source.domain_xml(uuid, inactive=True))
    names = _replay(source, subject.driver, uuid)

    assert len(names) == SNAPSHOTS
    recorded, found = source.domain(uuid), subject.driver.domain(uuid)
    assert recorded is not None
    assert found is not None
    assert (sorted(found.snapshots), found.current_snapshot) == (sorted(recorded.snapshots), recorded.current_snapshot)
    for name in names:
        assert subject.driver.snapshot_xml(uuid, name) == source.snapshot_xml(uuid, name)
    source.close()


def _golden(uuid: str, subject: Subject) -> str:
    text = GOLDEN.read_text(encoding="utf-8")
    old = domain_xml.read(text).uuid
    if old is None or "<domain type='qemu'>" not in text:
        pytest.fail(f"{GOLDEN} is not the dump of a QEMU domain")
    return text.replace(old, uuid).replace("<domain type='qemu'>", f"<domain type='{subject.domain_type}'>")


def _grow_at_random(driver: Driver, uuid: str, dice: random.Random) -> None:
    names: list[str] = []
    for number in range(SNAPSHOTS):
        if names and dice.random() < 0.5:
            driver.snapshot_revert(uuid, dice.choice(names), SnapshotRevert.NONE)
        seen = driver.domain(uuid)
        assert seen is not None
        if not seen.active and dice.random() < 0.3:
            driver.start(uuid, Start.PAUSED if dice.random() < 0.5 else Start.NONE)
        names.append(f"s{number}")
        description = dice.choice([None, "plain", "two\nlines <&\"'> é"])
        driver.snapshot_create(uuid, snapshot_xml.build(names[-1], description), SnapshotCreate.NONE)


def _replay(source: Driver, target: Driver, uuid: str) -> list[str]:
    """Redefine the tree parents first; the current one last, marked."""
    seen = source.domain(uuid)
    assert seen is not None
    dumps = {name: source.snapshot_xml(uuid, name) for name in seen.snapshots}
    # Names were given in the order of creation, and a parent is older than its children.
    names = sorted(dumps, key=lambda name: int(name[1:]))
    for name in names:
        current = SnapshotCreate.CURRENT if name == seen.current_snapshot else SnapshotCreate.NONE
        target.snapshot_create(uuid, dumps[name], SnapshotCreate.REDEFINE | current)
    return names
