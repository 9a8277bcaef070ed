"""What each kind of hypervisor behind libvirt can do, by the name libvirt gives it (libvirt-semantics 1.8).

libvirt has no call to ask for most of this, and finding out by trying would change things.
"""

from drivers.port import Capabilities

_NATIVE_SNAPSHOTS = ("ESX", "VMware", "Hyper-V", "Parallels", "VBOX")
"""Kinds that hold snapshots themselves: there is no metadata to redefine, and none that could be left out."""

TEST = "TEST"


def capabilities_of(kind: str) -> Capabilities:
    """The capabilities of libvirt's driver ``kind``; of an unknown one, what every driver has."""
    if kind == "QEMU":
        return Capabilities(driver=kind)
    if kind == TEST:
        # Each has a domain "test" under the same UUID.
        return Capabilities(driver=kind, unique_uuids=False, no_metadata=False, delete_metadata_only=False)
    return Capabilities(
        driver=kind, redefine=False, no_metadata=kind in _NATIVE_SNAPSHOTS, delete_metadata_only=kind == "ESX"
    )
