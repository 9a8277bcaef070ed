"""What is installed was chosen beforehand, down to the bytes, and on any machine alike."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.architecture.copied_house import ROOT

LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-libvirt.lock", "requirements-dev.lock")
_PINNED = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def pinned(lock: Path) -> dict[str, str]:
    """The distributions a lock file pins, with their versions."""
    return dict(_PINNED.findall(lock.read_text()))


def asked_for(*requirements: str) -> set[str]:
    """The names of some requirements, as lock files write them."""
    return {match.group().lower().replace("_", "-") for each in requirements if (match := _NAME.match(each))}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_line_by_hash_and_knows_no_machine(name: str) -> None:
    text = (ROOT / name).read_text()
    requirements = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert requirements
    for requirement in requirements:
        assert "--hash=sha256:" in requirement, f"{requirement.splitlines()[0]} could be anything under that name"
    assert not re.search(r"^-|://|file:|^/", text, re.MULTILINE), f"{name} names an index or a path of one machine"


def test_the_locks_agree_with_one_another() -> None:
    everything = pinned(ROOT / "requirements-dev.lock")
    for name in ("requirements.lock", "requirements-build.lock"):
        assert pinned(ROOT / name).items() <= everything.items(), f"{name} pins other versions: make lock"


def test_what_pyproject_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    dev = [each for each in groups["dev"] if isinstance(each, str)]
    assert asked_for(*project["project"]["dependencies"]) <= pinned(ROOT / "requirements.lock").keys()
    assert asked_for(*groups["build"]) <= pinned(ROOT / "requirements-build.lock").keys()
    assert asked_for(*groups["libvirt"]) <= pinned(ROOT / "requirements-libvirt.lock").keys()
    assert asked_for(*dev) <= pinned(ROOT / "requirements-dev.lock").keys()
