"""Writing a guest's memory into a file, and letting it go on from there (libvirt-semantics 2.3).

A file is written over whatever it was, as libvirt does; a saved guest's file stays when it was restored from.
"""

from functools import partial

from domain_model import domain_xml
from domain_model.errors import (
    ConfigUnsupported,
    InvalidArgument,
    OperationFailed,
    OperationInvalid,
    OperationUnsupported,
    Refused,
)
from domain_model.flags import CoreDump, SaveRestore
from domain_model.libvirt import DUMP_FORMATS, DomainState
from drivers.simulator import flags as flag_rules
from drivers.simulator import lifecycle, machine, texts
from drivers.simulator.acts import Acts
from drivers.simulator.files import DUMP, SAVED, File
from drivers.simulator.inventory import Domain, Inventory

_RAW = (None, "elf")
_AS_IT_IS = SaveRestore(0)


class Saver(Acts):
    """The ability ``Saving``."""

    def save(self, uuid: str, path: str, xml: str | None, flags: SaveRestore) -> None:
        """Raises OperationInvalid (55), ConfigUnsupported (67) when ``xml`` is of another machine, Refused (1)."""
        check = partial(flag_rules.check_save, flags, "SaveFlags")
        self._act_on(uuid, lambda host, domain: _save(host, domain, path, xml, flags), check=check)

    def restore(self, path: str, xml: str | None, flags: SaveRestore) -> None:
        """Raises Refused (38) without a file, OperationFailed (9), OperationInvalid (55), ConfigUnsupported (67)."""
        flag_rules.check_restore(flags)
        with self._acting() as host:
            _restore(host, path, xml, flags)

    def managed_save(self, uuid: str, flags: SaveRestore = _AS_IT_IS) -> None:
        """Raises OperationInvalid (55), Refused (1)."""
        check = partial(flag_rules.check_save, flags, "ManagedSave")
        self._act_on(uuid, lambda host, domain: _managed_save(host, domain, flags), check=check)

    def managed_save_remove(self, uuid: str) -> None:
        """Raises Refused (38) when there is none."""
        self._act_on(uuid, _managed_save_remove)

    def core_dump(self, uuid: str, path: str, flags: CoreDump, form: str | None) -> None:
        """Raises OperationInvalid (55), OperationUnsupported (84) for a form that needs MEMORY_ONLY, Refused (1)."""
        check = partial(flag_rules.check_core_dump, flags)
        if form is not None and form not in DUMP_FORMATS:
            raise InvalidArgument(
                f"unknown format of dumps '{form}'", field="format", value=form, accepted=", ".join(DUMP_FORMATS)
            )
        self._act_on(uuid, lambda host, domain: _core_dump(host, domain, path, flags, form), check=check)


def write_out(host: Inventory, domain: Domain, path: str) -> None:
    """Keep the guest's memory, as it is now, in a file that can be restored from.

    Raises Refused (1) for a guest that is paused since its memory was last written.
    """
    require_unwritten(domain)
    host.files.put(File(path, SAVED, state=_goes_on_in(domain, _AS_IT_IS), definition=domain.live))


def let_go(host: Inventory, domain: Domain) -> None:
    """Remember which images a guest that stays paused has let go of."""
    disks = domain_xml.read(domain.text).disks
    domain.written_out = "\n".join(path for disk in disks if disk.source for path in host.files.chain(disk.source))


def has_let_go(domain: Domain, image: str | None) -> bool:
    return image in (domain.written_out or "").split("\n")


def require_unwritten(domain: Domain) -> None:
    """Raises Refused (1)."""
    if domain.written_out is not None:
        raise Refused(
            "internal error: unable to execute QEMU command 'migrate': Can't migrate the vm that was paused due to"
            " previous migration",
            number=1,
        )


def _save(host: Inventory, domain: Domain, path: str, xml: str | None, flags: SaveRestore) -> None:
    lifecycle.require_active(domain)
    try:
        kept = _instead(domain.text, xml)
    except ConfigUnsupported as refusal:
        if domain.state == DomainState.RUNNING:
            domain.reason = lifecycle.RUNNING_SAVE_CANCELED  # It was paused by then.
        host.put_domain(domain)
        host.refuse_after_all(refusal)
        return
    require_unwritten(domain)
    host.files.put(File(path, SAVED, state=_goes_on_in(domain, flags), definition=kept))
    lifecycle.stop(host, domain, lifecycle.SHUTOFF_SAVED)


def _restore(host: Inventory, path: str, xml: str | None, flags: SaveRestore) -> None:
    file = host.files.find(path)
    if file is None:
        raise lifecycle.no_such_file(f"Failed to open file '{path}'")
    if file.definition is None:
        raise OperationFailed("image magic is incorrect")
    text = _instead(file.definition, xml)
    domain = lifecycle.startable(host, domain_xml.read(text))
    running = file.state == DomainState.RUNNING
    if flags & (SaveRestore.RUNNING | SaveRestore.PAUSED):
        running = SaveRestore.RUNNING in flags
    lifecycle.go_on(host, domain, text, paused=not running)
    host.put_domain(domain)


def _managed_save(host: Inventory, domain: Domain, flags: SaveRestore) -> None:
    lifecycle.require_active(domain)
    if not domain.persistent:
        raise OperationInvalid("cannot do managed save for transient domain")
    require_unwritten(domain)
    domain.managed_save, domain.managed_live = _goes_on_in(domain, flags), domain.live
    lifecycle.stop(host, domain, lifecycle.SHUTOFF_SAVED)


def _managed_save_remove(host: Inventory, domain: Domain) -> None:
    if domain.managed_save is None:
        raise lifecycle.no_such_file(
            f"Failed to remove managed save file '/var/lib/libvirt/qemu/save/{domain.name}.save'"
        )
    domain.managed_save = domain.managed_live = None
    host.put_domain(domain)


def _core_dump(host: Inventory, domain: Domain, path: str, flags: CoreDump, form: str | None) -> None:
    lifecycle.require_active(domain)
    if CoreDump.MEMORY_ONLY not in flags:
        if form not in _RAW:
            raise OperationUnsupported("kdump-compressed format is only supported with memory-only dump")
        require_unwritten(domain)
    elif form == "win-dmp":
        raise OperationFailed("memory-only dump failed: win-dump: invalid vmcoreinfo note size")
    host.files.put(File(path, DUMP))
    if CoreDump.CRASH in flags:
        lifecycle.stop(host, domain, lifecycle.SHUTOFF_CRASHED)
        return
    if domain.state == DomainState.RUNNING:
        domain.reason = lifecycle.RUNNING_UNPAUSED  # It is paused for it, with LIVE for the last moment.
    elif CoreDump.MEMORY_ONLY not in flags:
        let_go(host, domain)
    host.put_domain(domain)


def _goes_on_in(domain: Domain, flags: SaveRestore) -> int:
    if SaveRestore.RUNNING in flags or (domain.state == DomainState.RUNNING and SaveRestore.PAUSED not in flags):
        return DomainState.RUNNING
    return DomainState.PAUSED


def _instead(text: str, xml: str | None) -> str:
    """The definition to keep: ``xml``, if it is of the same machine. Raises ConfigUnsupported (67)."""
    if xml is None:
        return text
    machine.check_same(text, xml)
    return texts.kept(xml)
