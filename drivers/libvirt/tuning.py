"""Changing what a domain is through libvirt: its name, memory, processors, autostart and metadata."""

from domain_model.flags import Affect, Memory, Vcpu
from drivers.libvirt.calls import Calls

# virDomainMetadataType.
_DESCRIPTION, _TITLE, _ELEMENT = 0, 1, 2


class Tuner(Calls):
    """The ability ``Tuning``."""

    def set_autostart(self, uuid: str, *, autostart: bool) -> None:
        self._act(uuid, lambda domain: domain.setAutostart(int(autostart)))

    def rename(self, uuid: str, name: str) -> None:
        self._act(uuid, lambda domain: domain.rename(name, 0))

    def set_memory(self, uuid: str, size_kib: int, flags: Memory) -> None:
        self._act(uuid, lambda domain: domain.setMemoryFlags(size_kib, int(flags)))

    def set_vcpus(self, uuid: str, count: int, flags: Vcpu) -> None:
        self._act(uuid, lambda domain: domain.setVcpusFlags(count, int(flags)))

    def set_description(self, uuid: str, text: str | None, flags: Affect) -> None:
        self._act(uuid, lambda domain: domain.setMetadata(_DESCRIPTION, text, None, None, int(flags)))

    def set_title(self, uuid: str, text: str | None, flags: Affect) -> None:
        self._act(uuid, lambda domain: domain.setMetadata(_TITLE, text, None, None, int(flags)))

    def set_metadata(self, uuid: str, uri: str, key: str | None, xml: str | None, flags: Affect) -> None:
        self._act(uuid, lambda domain: domain.setMetadata(_ELEMENT, xml, key, uri, int(flags)))
