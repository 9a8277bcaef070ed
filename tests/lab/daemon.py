"""libvirt's test driver as a service: hypervisor state without a hypervisor, shared by every process that connects.

``test:///default`` lives inside one process and dies with it. Served by a libvirtd it behaves like a host: the command
line, an agent and virsh see the same domains, and it is there after a client was killed.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from tests.lab.awaiting import eventually

# Without clients libvirtd ends by itself after this long: what a killed test run leaves behind does not stay.
_IDLE_S = 30

_CONF = """\
host_uuid = "{uuid}"
unix_sock_dir = "{folder}"
auth_unix_ro = "none"
auth_unix_rw = "none"
keepalive_interval = -1
log_outputs = "3:file:{folder}/libvirtd.log"
"""


class TestDaemon:
    """A libvirtd of its own that knows only the test driver, as any user, from ``with`` to its end.

    It is given an empty folder of driver modules, so that it can neither see nor touch the machine's own guests,
    networks and files. It starts with libvirt's one domain, ``test``, running.
    """

    __test__ = False  # pytest would take it for a class of tests by its name

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._daemon: subprocess.Popen[bytes] | None = None
        self._connection: Any = None

    @property
    def uri(self) -> str:
        """The libvirt URI of the shared test driver."""
        if self._folder is None:
            raise RuntimeError("the daemon was not started")
        return f"test+unix:///default?socket={self._folder}/libvirt-sock"

    def start(self) -> None:
        """Start the daemon, if it was stopped at the same URI again, and wait until it answers: in its initial state.

        Raises NeverHappenedError if it does not answer, ImportError without libvirt-python.
        """
        import libvirt  # an optional extra, so not at the top

        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="revisor-test-driver-"))
            (self._folder / "no-drivers").mkdir()
            (self._folder / "libvirtd.conf").write_text(_CONF.format(uuid=uuid4(), folder=self._folder))
        folder = self._folder
        command = ["libvirtd", "--timeout", str(_IDLE_S)]
        command += ["--config", f"{folder}/libvirtd.conf", "--pid-file", f"{folder}/libvirtd.pid"]
        environment = {**os.environ, "LIBVIRT_DRIVER_DIR": f"{folder}/no-drivers", "XDG_RUNTIME_DIR": str(folder)}
        with (folder / "stderr.log").open("ab") as log:
            self._daemon = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        daemon, listener = self._daemon, folder / "libvirt-sock"

        def listening() -> bool:
            if daemon.poll() is not None:
                raise RuntimeError(f"libvirtd ended with {daemon.returncode}: {(folder / 'stderr.log').read_text()}")
            return listener.is_socket() and _accepts(listener)

        eventually(listening, what=f"libvirtd answers at {listener}")
        # The driver's state lasts as long as anyone is connected: this connection is that someone.
        self._connection = libvirt.open(self.uri)

    def stop(self, *, kill: bool = False) -> None:
        """End the daemon, by SIGKILL if ``kill``; its domains and snapshots are gone. ``start`` begins anew."""
        if self._daemon is None:
            return
        if kill:
            self._daemon.kill()
            self._daemon.wait()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._daemon.terminate()
        self._daemon.wait()
        self._daemon = None

    def remove(self) -> None:
        """Stop the daemon and remove its folder."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
