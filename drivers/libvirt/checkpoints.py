"""Checkpoints and backups through libvirt.

Whatever kind of hypervisor is behind the URI, this driver has the two abilities; a kind without them says so itself
(3), and has no checkpoints.
"""

from collections.abc import Sequence
from typing import Any

from domain_model.checkpoints import BackupOutcome
from domain_model.errors import NotSupported
from domain_model.flags import BackupBegin, CheckpointCreate, CheckpointDelete
from drivers.abilities import BackupEnd
from drivers.libvirt.calls import Calls

# libvirt-domain-checkpoint.h and libvirt-domain.h.
_XML_SECURE = 1
_STATS_COMPLETED = 1
_STATS_KEEP_COMPLETED = 2
_OPERATION_BACKUP = 9


class Checkpointer(Calls):
    """The ability ``Checkpoints``."""

    def checkpoints(self, uuid: str) -> Sequence[str]:
        try:
            return self._read_domain(uuid, lambda domain: [found.getName() for found in domain.listAllCheckpoints(0)])
        except NotSupported:
            return ()

    def checkpoint_xml(self, uuid: str, name: str) -> str:
        return self._read_domain(uuid, lambda domain: str(domain.checkpointLookupByName(name).getXMLDesc(_XML_SECURE)))

    def checkpoint_create(self, uuid: str, xml: str, flags: CheckpointCreate) -> None:
        self._act(uuid, lambda domain: domain.checkpointCreateXML(xml, int(flags)))

    def checkpoint_delete(self, uuid: str, name: str, flags: CheckpointDelete) -> None:
        self._act_on(
            uuid,
            lambda domain: domain.checkpointLookupByName(name),
            lambda checkpoint: checkpoint.delete(int(flags)),
        )


class BackupTaker(Calls):
    """The ability ``Backups``."""

    def backup_begin(self, uuid: str, xml: str, checkpoint_xml: str | None, flags: BackupBegin) -> None:
        self._act(uuid, lambda domain: domain.backupBegin(xml, checkpoint_xml, int(flags)))

    def backup_xml(self, uuid: str) -> str:
        return self._read_domain(uuid, lambda domain: str(domain.backupGetXMLDesc(0)))

    def backup_end(self, uuid: str) -> BackupEnd | None:
        return self._read_domain(uuid, _end)


def _end(domain: Any) -> BackupEnd | None:
    """How the last job ended. libvirt keeps that of one job a domain, until another one ends."""
    # Of a domain that is off this question is refused (55), the next one is not.
    if domain.isActive() and domain.jobStats(0).get("operation") == _OPERATION_BACKUP:
        return None
    last = domain.jobStats(_STATS_COMPLETED | _STATS_KEEP_COMPLETED)
    if last.get("operation") != _OPERATION_BACKUP:
        return BackupEnd(BackupOutcome.UNKNOWN)
    message = last.get("errmsg")
    if not last.get("success"):
        return BackupEnd(BackupOutcome.FAILED, message)
    # A cancelled backup is a success to libvirt, and its message says otherwise.
    return BackupEnd(BackupOutcome.COMPLETED if message is None else BackupOutcome.CANCELLED, message)
