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


def start_projector(dsn: str, home: Path) -> subprocess.Popen[bytes]:
    """``revisor projector`` on a database; what it says is in ``home``."""
    environment = {**os.environ, "REVISOR_DSN": dsn, "REVISOR_HOME": str(home)}
    command = [sys.executable, "-m", "revisor", "projector"]
    return subprocess.Popen(command, cwd=ROOT_OF_HOUSE, env=environment, stderr=subprocess.DEVNULL)


@contextmanager
def projector(database: Database, home: Path) -> Iterator[None]:
    """One that runs from ``with`` to its end; the tables of the read models are there."""
    process = start_projector(database.dsn, home)
    made = "SELECT to_regclass('views.projections') IS NOT NULL AS made"
    try:
        eventually(lambda: database.fetch(made)[0]["made"], what="the projector made its tables")
        yield
    finally:
        process.terminate()
        process.wait()
