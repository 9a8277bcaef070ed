"""Who may know whom. Each contract holds, and each is seen to break when a violation is planted."""

from pathlib import Path

import pytest

from tests.architecture.copied_house import CopiedHouse

INWARD = "Dependencies point inward"
APART = "The drivers know nothing of one another"
COMPOSED = "A concrete driver is imported by the composition root only"
HYPERVISORS_ONLY = "Drivers know hypervisors, not the database, the log or the schedule"
PURE = "The domain model is pure: no I/O, no clock, no dice"

PLANTED = [
    (INWARD, "domain_model/planted.py", "import projections"),
    (INWARD, "domain_model/planted.py", "import drivers.port"),
    (INWARD, "projections/planted.py", "import drivers.port"),
    (INWARD, "drivers/planted.py", "import migrations"),
    (INWARD, "migrations/planted.py", "import workers"),
    (INWARD, "workers/planted.py", "import revisor"),
    (APART, "drivers/simulator/planted.py", "import drivers.libvirt"),
    (APART, "drivers/libvirt/planted.py", "import drivers.simulator"),
    (COMPOSED, "workers/planted.py", "import drivers.simulator"),
    (COMPOSED, "revisor/planted.py", "import drivers.libvirt"),
    *(
        (HYPERVISORS_ONLY, "drivers/planted.py", f"import {name}")
        for name in ("psycopg", "eventsourcing", "apscheduler")
    ),
    *(
        (PURE, "domain_model/planted.py", f"import {name}")
        for name in ("psycopg", "apscheduler", "socket", "subprocess", "asyncio", "os", "time", "random")
    ),
]

CLOCKS_AND_DICE = [
    "import datetime\ndatetime.datetime.now(datetime.UTC)",
    "import datetime\ndatetime.datetime.utcnow()",
    "import datetime\ndatetime.datetime.today()",
    "import datetime\ndatetime.date.today()",
    "from datetime import date\ndate.today()",
    "import uuid\nuuid.uuid1()",
    "from uuid import uuid4\nuuid4()",
    "import secrets",
    "from secrets import token_bytes",
    "import random",
    "from time import monotonic",
]


@pytest.fixture
def house(tmp_path: Path) -> CopiedHouse:
    return CopiedHouse.at(tmp_path)


def test_every_contract_holds(house: CopiedHouse) -> None:
    verdict = house.lint_imports()
    assert verdict.content, verdict.said


@pytest.mark.parametrize(("law", "where", "violation"), PLANTED)
def test_a_planted_import_breaks_its_law(house: CopiedHouse, law: str, where: str, violation: str) -> None:
    house.plant(where, violation)
    verdict = house.lint_imports()
    assert not verdict.content
    assert f"{law} BROKEN" in verdict.said, verdict.said


@pytest.mark.parametrize("violation", CLOCKS_AND_DICE)
def test_a_clock_or_dice_in_the_domain_model_is_seen(house: CopiedHouse, violation: str) -> None:
    house.plant("domain_model/planted.py", violation)
    verdict = house.ruff("TID251", "domain_model/planted.py")
    assert not verdict.content
    assert "TID251" in verdict.said


@pytest.mark.parametrize("violation", CLOCKS_AND_DICE)
def test_elsewhere_a_clock_is_no_crime(house: CopiedHouse, violation: str) -> None:
    house.plant("workers/planted.py", violation)
    verdict = house.ruff("TID251", "workers/planted.py")
    assert verdict.content, verdict.said
