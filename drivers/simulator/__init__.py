"""A whole hypervisor in one file, for trying Revisor without one and for testing it against one that never lies.

It is as strict as libvirt's QEMU driver and uses its numbers and sentences, so that what works here works there. The
rules are those of libvirt 9.0 and QEMU 7.2 as read and run, also where they surprise. It knowingly differs where

- libvirt loses data by the way: undefining that is refused for checkpoints, a managed save or nvram has by then dropped
  the metadata of snapshots, and here has not;
- libvirt forgets to forget: a running domain that was undefined still writes its pending definition into snapshots, and
  says that it has the managed save that went with it;
- libvirt crashes: see ``deletion``;
- there would have to be a guest or a machine: a guest here obeys at once, gives back memory and lets go of devices;
  images have no size, folders are never missing, and slots never run out. Who names an image is believed that it is
  there, unless the host removed it itself.

XML that is not well-formed is refused with 27, by our parser; libvirt's says 35.
"""

from drivers.simulator.driver import SimulatorDriver

__all__ = ["SimulatorDriver"]
