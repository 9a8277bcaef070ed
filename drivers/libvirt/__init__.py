"""Hypervisors spoken to through libvirt-python, an optional extra: nothing here needs it before a connection is made.

The package bears the library's name because it speaks for it; imports are absolute, so ``import libvirt`` anywhere
still means the library.
"""

from drivers.libvirt.driver import LibvirtDriver

__all__ = ["LibvirtDriver"]
