"""What Revisor brings into somebody else's Python: one name, ``revisor``, and nothing by importing it."""

import importlib.util
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.copied_house import FOLDERS, ROOT, CopiedHouse

FIVE = set(FOLDERS) - {"revisor"}

OBSERVED = """
import json, sys
before = list(sys.path)
import {module}
print(json.dumps({{"path": [p for p in sys.path if p not in before], "modules": sorted(sys.modules)}}))
"""


@pytest.mark.parametrize("module", ["revisor", "revisor.client"])
def test_importing_revisor_brings_nothing_of_the_house_along(module: str) -> None:
    program = OBSERVED.format(module=module)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    assert seen["path"] == []
    assert not FIVE & {name.split(".")[0] for name in seen["modules"]}
    assert "revisor._house" not in seen["modules"]


def test_a_program_with_a_package_workers_of_its_own_keeps_it(tmp_path: Path, wheel: Path) -> None:
    (tmp_path / "workers.py").write_text("OWN = True\n")
    program = "import revisor, workers; print(workers.OWN)"
    assert _with_wheel(wheel, tmp_path, program) == "True"


def test_the_entry_point_opens_the_private_root_before_anything_else(tmp_path: Path, wheel: Path) -> None:
    (tmp_path / "domain_model.py").write_text("raise ImportError('this is not ours')\n")
    program = "import revisor._house, domain_model.errors as ours; print(ours.__file__)"
    assert "/revisor/_root/domain_model/" in _with_wheel(wheel, tmp_path, program)


def test_the_wheel_has_one_top_level_name_and_the_five_folders_inside_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"revisor"}
    assert {name.split("/")[2] for name in names if name.startswith("revisor/_root/")} == FIVE
    assert not [name for name in names if name.endswith(".pyc")]


def test_the_wheel_leaves_no_source_file_behind(wheel: Path) -> None:
    packed = {name.replace("revisor/_root/", "") for name in zipfile.ZipFile(wheel).namelist()}
    here = {
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert here - packed == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Revisor's wheel, built from a copy by the pinned hatchling, without an index."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed, and building the wheel fetches nothing")
    house, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    CopiedHouse.at(house)
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, house)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=house, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def _with_wheel(wheel: Path, folder: Path, program: str) -> str:
    """What ``program`` prints in ``folder``, where Revisor is installed from its wheel and our working copy is not."""
    site = folder / "site"
    zipfile.ZipFile(wheel).extractall(site)
    start = f"import sys; sys.path[1:1] = [{str(site)!r}]; sys.path.remove({str(ROOT)!r}) if {str(ROOT)!r} in sys.path else 0"
    command = [sys.executable, "-c", f"{start}\n{program}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
