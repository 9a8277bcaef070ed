"""Attaching, detaching and changing devices through libvirt."""

from domain_model.flags import BlockResize, DeviceModify
from drivers.libvirt.calls import Calls


class Deviser(Calls):
    """The ability ``Devices``."""

    def attach_device(self, uuid: str, xml: str, flags: DeviceModify) -> None:
        self._act(uuid, lambda domain: domain.attachDeviceFlags(xml, int(flags)))

    def detach_device(self, uuid: str, xml: str, flags: DeviceModify) -> None:
        self._act(uuid, lambda domain: domain.detachDeviceFlags(xml, int(flags)))

    def update_device(self, uuid: str, xml: str, flags: DeviceModify) -> None:
        self._act(uuid, lambda domain: domain.updateDeviceFlags(xml, int(flags)))

    def block_resize(self, uuid: str, disk: str, size_bytes: int) -> None:
        self._act(uuid, lambda domain: domain.blockResize(disk, size_bytes, int(BlockResize.BYTES)))
