"""A whole hypervisor in one file, for trying Revisor without one and for testing it against one that never lies.

It is as strict as libvirt's QEMU driver and uses its numbers and sentences, so that what works here works there. The
rules are those of libvirt 9.0 as read and run; where it loses data by the way (undefine with snapshot metadata, refused
for a managed save, has already dropped the metadata) the simulator does not follow.
"""

from drivers.simulator.driver import SimulatorDriver

__all__ = ["SimulatorDriver"]
