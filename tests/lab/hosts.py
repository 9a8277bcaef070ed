"""Real libvirt hosts on one machine, each with a network, a process tree, a host name and libvirt folders of its own.

Tests of replay, handover and migration need two hypervisors that could not be one by accident. A namespace each gives
that without a virtual machine below: the hosts see each other as 10.99.0.1 and 10.99.0.2 and share every ordinary
folder, as hosts with NFS do. From outside a host is reached by the unix socket in its folder.

Nothing of the machine is touched but ``/var/lib/revisor-lab/NAME`` and the namespaces ``revisor-lab-NAME-HOST``, so
labs with different names can stand next to each other, and what a crash left behind can be found and removed by name.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from tests.lab.awaiting import eventually

LABS = Path("/var/lib/revisor-lab")
HOST_NAMES = ("alpha", "beta")

# Runs as process 1 of the host. The folders replace libvirt's own; process 1 then only reaps, because libvirt believes
# a guest alive as long as its dead process has not been waited for.
_BOOT = """
set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/libvirt
mount --bind "$1/run" /run/libvirt
for folder in lib cache log; do mount --bind "$1/$folder" "/var/$folder/libvirt"; done
mount --bind "$1/etc" /etc/libvirt
hostname "$2"
echo booted
exec >/dev/null
while :; do sleep infinity & wait; done
"""

_LIBVIRTD_CONF = """\
host_uuid = "{uuid}"
listen_tls = 0
listen_tcp = 1
listen_addr = "{address}"
auth_tcp = "none"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
"""

_QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
remember_owner = 0
namespaces = []
migration_address = "0.0.0.0"
migration_host = "{address}"
"""


class LibvirtHost:
    """One host of a lab: libvirtd and virtlogd behind ``uri``, and whatever guests they run."""

    def __init__(self, name: str, address: str, root: Path, *, netns: str) -> None:
        self.name = name
        self.address = address
        self.root = root
        self.netns = netns
        self._keeper: subprocess.Popen[str] | None = None

    @property
    def uri(self) -> str:
        """The libvirt URI that reaches this host from outside."""
        return f"qemu+unix:///system?socket={self.socket}"

    @property
    def test_uri(self) -> str:
        """libvirt's test driver inside this host's libvirtd."""
        return f"test+unix:///default?socket={self.socket}"

    @property
    def peer_uri(self) -> str:
        """The libvirt URI by which the lab's other host reaches this one, for peer-to-peer migration."""
        return f"qemu+tcp://{self.address}/system"

    @property
    def socket(self) -> Path:
        return self.root / "run" / "libvirt-sock"

    def start(self) -> None:
        """Boot the host: its namespace exists, afterwards libvirtd answers.

        Raises CalledProcessError, NeverHappenedError.
        """
        for folder in ("run", "lib", "cache", "log", "etc/qemu"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        conf = self.root / "etc" / "libvirtd.conf"
        if not conf.exists():  # The UUID stays the host's own when it is booted again.
            conf.write_text(_LIBVIRTD_CONF.format(uuid=uuid4(), address=self.address))
            (self.root / "etc" / "qemu.conf").write_text(_QEMU_CONF.format(address=self.address))
        self._boot()
        self.run("virtlogd", "--daemon", "--pid-file", "/run/virtlogd.pid")
        self.start_libvirtd()

    def _boot(self) -> None:
        command = ["ip", "netns", "exec", self.netns]
        command += ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += ["sh", "-c", _BOOT, "boot", str(self.root), self.name]
        with (self.root / "boot.log").open("w") as log:
            keeper = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        self._keeper = keeper
        assert keeper.stdout is not None
        with keeper.stdout as answers:
            if answers.readline() != "booted\n":
                raise RuntimeError(f"{self.name} did not boot: {(self.root / 'boot.log').read_text().strip()}")
        (self.root / "keeper.pid").write_text(f"{keeper.pid}\n")

    def start_libvirtd(self) -> None:
        """Start libvirtd on a booted host and wait until it answers. Guests that run are found again by it.

        Raises RuntimeError with the end of its log if it ends instead, NeverHappenedError if it does neither.
        """
        self.run("libvirtd", "--daemon", "--listen", "--pid-file", "/run/libvirtd.pid")
        eventually(self._answers_or_ended, what=f"libvirtd of {self.name} answers", timeout_s=120, every_s=0.05)

    def _answers_or_ended(self) -> bool:
        if self.answers():
            return True
        if self.run("sh", "-c", "kill -0 $(cat /run/libvirtd.pid) 2>&- || echo ended"):
            log = (self.root / "log" / "libvirtd.log").read_text().splitlines()
            raise RuntimeError("\n".join([f"libvirtd of {self.name} ended:", *log[-5:]]))
        return False

    def kill_libvirtd(self) -> None:
        """End libvirtd as a crash would (SIGKILL). Guests go on running; ``start_libvirtd`` brings it back."""
        pid = self.libvirtd_pid()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{pid}").exists(), what=f"libvirtd of {self.name} is gone", every_s=0.02)

    def libvirtd_pid(self) -> int:
        """The process id of libvirtd as it is outside the host, for whoever is in a hurry to signal it."""
        [pid] = [pid for pid in _pids_in(self.netns) if _name_of(pid) == "libvirtd"]
        return pid

    def answers(self) -> bool:
        """Whether libvirtd can be talked to now."""
        probe = subprocess.run(["virsh", "-q", "-c", self.uri, "list", "--name"], capture_output=True, check=False)
        return probe.returncode == 0

    def run(self, *command: str) -> str:
        """Run a command inside the host and return what it printed.

        Raises CalledProcessError with its stderr in the note.
        """
        return _run("nsenter", "--target", str(self._first_process()), "--mount", "--uts", "--net", "--pid", *command)

    def virsh(self, *command: str) -> str:
        """Run virsh against this host from outside and return what it printed. Raises like ``run``."""
        return _run("virsh", "-q", "-c", self.uri, *command)

    def cut_power(self) -> None:
        """End every process of the host at once, guests included. Its folders stay; ``start`` boots it again."""
        for pid in _pids_in(self.netns):
            _kill(pid)
        if self._keeper is not None:
            self._keeper.wait()
            self._keeper = None
        eventually(lambda: not _pids_in(self.netns), what=f"the processes of {self.name} end")

    def _first_process(self) -> int:
        keeper = int((self.root / "keeper.pid").read_text())
        return int(Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()[0])


class Lab:
    """One or two libvirt hosts that exist as long as the ``with`` block, or from ``up`` to ``down``.

    ``down`` ends exactly the processes in the lab's namespaces, which nobody else enters, so it works as well in
    another process after a crash, and doing it twice is harmless.
    """

    def __init__(self, name: str = "main", host_names: Sequence[str] = HOST_NAMES) -> None:
        if not 1 <= len(host_names) <= len(HOST_NAMES):
            raise ValueError(f"a lab has one or two hosts, not {len(host_names)}")
        self.name = name
        self.root = LABS / name
        self.hosts = tuple(
            LibvirtHost(host, f"10.99.0.{number}", self.root / host, netns=f"revisor-lab-{name}-{host}")
            for number, host in enumerate(host_names, start=1)
        )

    @property
    def storage(self) -> Path:
        """A folder for images and logs that every host of the lab sees at this path."""
        return self.root / "storage"

    def host(self, name: str) -> LibvirtHost:
        """The host of that name. Raises KeyError."""
        return {host.name: host for host in self.hosts}[name]

    def up(self) -> None:
        """Bring the lab up, removing what an earlier one of this name left behind. On failure nothing stays."""
        self.down()
        try:
            self.storage.mkdir(parents=True)
            self._connect()
            for host in self.hosts:
                host.start()
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """End the lab's processes, remove its namespaces and folders. Does nothing if there are none."""
        existing = _namespaces()
        for host in self.hosts:
            if host.netns in existing:
                host.cut_power()
                _run("ip", "netns", "delete", host.netns)
        if self.root.exists():
            shutil.rmtree(self.root)
        with suppress(OSError):  # There may be other labs, or none ever was.
            LABS.rmdir()

    def _connect(self) -> None:
        """Make the namespaces and, between two of them, a cable."""
        for host in self.hosts:
            _run("ip", "netns", "add", host.netns)
            _run("ip", "-n", host.netns, "link", "set", "lo", "up")
        if len(self.hosts) == len(HOST_NAMES):
            alpha, beta = self.hosts
            _run(
                "ip",
                "-n",
                alpha.netns,
                "link",
                "add",
                "lab0",
                "type",
                "veth",
                "peer",
                "name",
                "lab0",
                "netns",
                beta.netns,
            )
        device = "lab0" if len(self.hosts) == len(HOST_NAMES) else "lo"
        for host in self.hosts:
            _run("ip", "-n", host.netns, "address", "add", f"{host.address}/24", "dev", device)
            _run("ip", "-n", host.netns, "link", "set", device, "up")

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()


def remove_abandoned(prefix: str) -> list[str]:
    """Take down labs named ``prefix`` + process id whose process is gone; return their names.

    For the tests' labs: a run that was killed could not clean up, the next one does.
    """
    if not LABS.exists():
        return []
    abandoned = [
        folder.name
        for folder in LABS.iterdir()
        if (pid := folder.name.removeprefix(prefix)) != folder.name
        and pid.isdigit()
        and not Path("/proc", pid).exists()
    ]
    for name in abandoned:
        Lab(name).down()
    return abandoned


def _namespaces() -> set[str]:
    return {line.split()[0] for line in _run("ip", "netns", "list").splitlines() if line.strip()}


def _pids_in(netns: str) -> list[int]:
    return [int(pid) for pid in _run("ip", "netns", "pids", netns).split()]


def _name_of(pid: int) -> str:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # Ended by itself, or with process 1 of its host.
        os.kill(pid, signal.SIGKILL)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        error = subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        error.add_note(done.stderr.strip())
        raise error
    return done.stdout
