"""What the lab needs of the machine, and which of it is missing: so that a test that is left out says why."""

import os
import shutil
import subprocess
from importlib.util import find_spec

# Debian's package for each program; packages.txt lists what to install.
_HOST_PROGRAMS = {
    "libvirtd": "libvirt-daemon-system",
    "virtlogd": "libvirt-daemon-system",
    "virsh": "libvirt-clients",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "qemu-io": "qemu-utils",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "gcc": "gcc",
    "objcopy": "binutils",
}


def missing_for_hosts() -> list[str]:
    """What keeps this machine from running the lab's libvirt hosts, in words; empty if nothing does."""
    missing = _missing_programs(_HOST_PROGRAMS)
    if os.geteuid() != 0:
        missing.append("to be root")
    elif shutil.which("unshare") and not _may_make_namespaces():
        missing.append("permission to make network, mount and process namespaces")
    return missing


def missing_for_test_daemon() -> list[str]:
    """What keeps this machine from serving libvirt's test driver, in words; empty if nothing does."""
    missing = _missing_programs({"libvirtd": _HOST_PROGRAMS["libvirtd"]})
    if find_spec("libvirt") is None:
        missing.append("libvirt-python (pip install 'revisor[libvirt]')")
    return missing


def missing_for_moved_clock() -> list[str]:
    """What keeps a program's clock from being moved on this machine, in words; empty if nothing does."""
    return _missing_programs({"faketime": "faketime"})


def _missing_programs(packages: dict[str, str]) -> list[str]:
    return [f"{program} (package {package})" for program, package in packages.items() if shutil.which(program) is None]


def _may_make_namespaces() -> bool:
    command = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
