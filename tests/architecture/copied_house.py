"""A copy of the house to break a law in: a law that was never seen to fail may not be checked at all."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("domain_model", "projections", "drivers", "workers", "migrations", "revisor")
_NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.pyc")


@dataclass(frozen=True)
class Verdict:
    """What a tool said, and whether it was content."""

    content: bool
    said: str


@dataclass(frozen=True)
class CopiedHouse:
    """The six packages and their rules in a folder of the test's own."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> "CopiedHouse":
        """Copy the packages and pyproject.toml to ``path``."""
        for folder in FOLDERS:
            shutil.copytree(ROOT / folder, path / folder, ignore=_NOT_SOURCE)
        shutil.copy(ROOT / "pyproject.toml", path)
        return cls(path)

    def plant(self, where: str, text: str) -> None:
        """Add ``text`` at the end of the module ``where``, making the module if there is none."""
        module = self.path / where
        before = module.read_text() if module.exists() else '"""Planted."""\n'
        module.write_text(f"{before}\n{text}\n")

    def lint_imports(self) -> Verdict:
        """Judge the import contracts."""
        return self._run("lint-imports", "--no-cache")

    def ruff(self, rule: str, where: str) -> Verdict:
        """Judge the module ``where`` by one rule of ruff's."""
        return self._run("ruff", "check", "--no-cache", "--select", rule, where)

    def _run(self, tool: str, *arguments: str) -> Verdict:
        program = Path(sys.executable).parent / tool
        done = subprocess.run([program, *arguments], cwd=self.path, capture_output=True, text=True, check=False)
        return Verdict(content=done.returncode == 0, said=done.stdout + done.stderr)
