"""A load of writers in several processes, and what they noted: everything a fault must not take away."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Self

from revisor.store.database import Database
from revisor.store.log import EventLog
from revisor.store.recorder import Save
from tests.integration.faults.writers import HOT, LEASE, Note, introduced
from tests.integration.postgres_probe import ROOT_OF_HOUSE
from tests.lab.awaiting import eventually
from tests.lab.store import Recording


class Load:
    """Writers that write from ``with`` on until they are stopped, each of the ``processes`` with four threads."""

    def __init__(self, database: Database, folder: Path, seed: object, *, processes: int = 1, dsn: str = "") -> None:
        self._database = database
        self._dsn = dsn or database.dsn
        self._seed = seed
        self._files = [folder / f"writers-{number}.jsonl" for number in range(processes)]
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        print(f"seed of the load: {self._seed}")
        self._database.execute(
            "INSERT INTO work.leases VALUES (%s, gen_random_uuid(), %s, 0)", LEASE.lease, LEASE.epoch
        )
        EventLog(self._database).append(introduced(HOT), save=Save(Recording(self._database).context))
        for number, file in enumerate(self._files):
            command = [
                sys.executable,
                "-m",
                "tests.integration.faults.writers",
                self._dsn,
                f"{self._seed}-{number}",
                "4",
            ]
            with file.open("wb") as output:
                self._running.append(subprocess.Popen(command, cwd=ROOT_OF_HOUSE, stdin=subprocess.PIPE, stdout=output))
        return self

    def __exit__(self, *_: object) -> None:
        for writers in self._running:
            if writers.poll() is None:
                writers.kill()
                writers.communicate()

    def stop(self) -> None:
        """Have the writers end what they have begun; afterwards all of their saves are answered, and noted."""
        for writers in self._running:
            writers.communicate()
        assert [writers.returncode for writers in self._running] == [0] * len(self._running)

    def notes(self) -> list[Note]:
        """What was noted so far."""
        lines = [line for file in self._files for line in file.read_text().splitlines(keepends=True)]
        return [Note(**json.loads(line)) for line in lines if line.endswith("\n")]

    def go_on(self, more: int = 100) -> None:
        """Return when every process was told of so many saves more."""
        wanted = [_lines(file) + more for file in self._files]

        def done() -> bool:
            assert all(writers.poll() is None for writers in self._running), "writers ended"
            return all(_lines(file) >= least for file, least in zip(self._files, wanted, strict=True))

        eventually(done, what=f"{more} saves more of each", timeout_s=120)


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")
