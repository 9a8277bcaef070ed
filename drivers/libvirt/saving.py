"""Writing a guest's memory to a file through libvirt, and letting it go on from there."""

from domain_model.errors import InvalidArgument
from domain_model.flags import CoreDump, SaveRestore
from domain_model.libvirt import DUMP_FORMATS
from drivers.libvirt.calls import Calls


class Saver(Calls):
    """The ability ``Saving``."""

    def save(self, uuid: str, path: str, xml: str | None, flags: SaveRestore) -> None:
        # The newer call takes what the older one cannot, but not every driver has it.
        if xml is None and not flags:
            self._act(uuid, lambda domain: domain.save(path))
        else:
            self._act(uuid, lambda domain: domain.saveFlags(path, xml, int(flags)))

    def restore(self, path: str, xml: str | None, flags: SaveRestore) -> None:
        if xml is None and not flags:
            self._act_on_host(lambda connection: connection.restore(path))
        else:
            self._act_on_host(lambda connection: connection.restoreFlags(path, xml, int(flags)))

    def managed_save(self, uuid: str, flags: SaveRestore) -> None:
        self._act(uuid, lambda domain: domain.managedSave(int(flags)))

    def managed_save_remove(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.managedSaveRemove(0))

    def core_dump(self, uuid: str, path: str, flags: CoreDump, form: str | None) -> None:
        if form is None:
            self._act(uuid, lambda domain: domain.coreDump(path, int(flags)))
            return
        number = DUMP_FORMATS.get(form)
        if number is None:
            raise InvalidArgument(
                f"unknown format of dumps '{form}'", field="format", value=form, accepted=", ".join(DUMP_FORMATS)
            )
        self._act(uuid, lambda domain: domain.coreDumpWithFormat(path, number, int(flags)))
