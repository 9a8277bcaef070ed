"""The product's own projector, in a process of its own that can be killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from revisor.store.database import Database
from tests.integration.postgres_probe import ROOT_OF_HOUSE
from tests.lab.awaiting import eventually


@contextmanager
def killed_projector(dsn: str, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``revisor projector`` on a database, which is killed at the end of ``with``; what it says is in ``home``."""
    environment = {**os.environ, "REVISOR_DSN": dsn, "REVISOR_HOME": str(home)}
    command = [sys.executable, "-m", "revisor", "projector"]
    process = subprocess.Popen(command, cwd=ROOT_OF_HOUSE, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def projector(database: Database, home: Path) -> Iterator[None]:
    """One that runs from ``with`` to its end; the tables of the read models are there."""
    made = "SELECT to_regclass('views.projections') IS NOT NULL AS made"
    with killed_projector(database.dsn, home) as process:
        eventually(lambda: database.fetch(made)[0]["made"], what="the projector made its tables")
        yield
        process.terminate()
        process.wait()
