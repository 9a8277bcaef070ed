"""A PostgreSQL whose clock can be moved while it runs, by Debian's faketime; the rest of the machine keeps its time."""

import subprocess
from pathlib import Path

from revisor.embedded_postgres import processes
from revisor.embedded_postgres.server import EmbeddedPostgres
from tests.integration.postgres_probe import data_of, postmaster
from tests.lab.awaiting import eventually


class MovedClock:
    """The clock of a running server, which is started anew for it. Only what it calls the time is moved, no timer."""

    def __init__(self, server: EmbeddedPostgres, home: Path) -> None:
        self._file = home / "clock"
        self.move(hours=0)
        process = Path(f"/proc/{postmaster(home)}")
        command = (process / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
        account, environment = process.stat(), (process / "environ").read_bytes().decode().rstrip("\0").split("\0")
        server.stop()
        self._embedded = server
        self._process = subprocess.Popen(
            command,
            cwd="/",
            env={**dict(word.split("=", 1) for word in environment), **self._faked()},
            user=account.st_uid,
            group=account.st_gid,
            extra_groups=[],
            umask=0o077,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: processes.postmaster(data_of(home)) == self._process.pid, what="it runs")
            server.start()  # It takes over what runs already.
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def move(self, *, hours: int) -> None:
        """Set the clock so many hours before or after the machine's."""
        self._file.write_text(f"{hours:+d}h")
        self._file.chmod(0o644)

    def stop(self) -> None:
        """End the server, whoever is connected, and wait for it."""
        self._embedded.stop()
        self._process.wait()

    def _faked(self) -> dict[str, str]:
        asked = subprocess.run(["faketime", "-f", "+0h", "printenv", "LD_PRELOAD"], capture_output=True, check=True)
        return {
            "LD_PRELOAD": asked.stdout.decode().strip(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
