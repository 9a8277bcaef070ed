"""Checkpoints and backups of simulated domains, with the rules of libvirt's QEMU driver (libvirt-semantics 1.8).

A simulated disk holds nothing, so a bitmap in it is nothing but its name, and copying a disk is done as soon as it is
begun.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from domain_model import checkpoint_xml, domain_xml, xml
from domain_model.arguments import exclusive_flags, required_flag
from domain_model.checkpoints import BackupOutcome, CheckpointForest, CheckpointRecord
from domain_model.errors import (
    CheckpointInconsistent,
    ConfigUnsupported,
    InvalidArgument,
    NoBackup,
    OperationFailed,
    OperationInvalid,
    OperationUnsupported,
)
from domain_model.flags import BackupBegin, CheckpointCreate, CheckpointDelete
from drivers.abilities import BackupEnd
from drivers.simulator import flags as flag_rules
from drivers.simulator import texts
from drivers.simulator.acts import Acts
from drivers.simulator.inventory import Domain, Inventory


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint. The last two are elements as they stand in its dump."""

    name: str
    description: str | None
    parent: str | None
    creation_time: int
    disks: str | None
    domain: str | None

    def dump(self) -> str:
        """The checkpoint's XML, byte for byte as libvirt prints it."""
        lines = ["<domaincheckpoint>", f"  <name>{xml.escape(self.name)}</name>"]
        if self.description is not None:
            lines.append(f"  <description>{xml.escape(self.description)}</description>")
        if self.parent is not None:
            lines += ["  <parent>", f"    <name>{xml.escape(self.parent)}</name>", "  </parent>"]
        lines.append(f"  <creationTime>{self.creation_time}</creationTime>")
        lines += [f"  {element}" for element in (self.disks, self.domain) if element is not None]
        return "\n".join([*lines, "</domaincheckpoint>", ""])


class Checkpointer(Acts):
    """The abilities ``Checkpoints`` and ``Backups``."""

    def checkpoints(self, uuid: str) -> Sequence[str]:
        with self._file.reading() as connection:
            return [checkpoint.name for checkpoint in _Checkpoints(connection, uuid).all()]

    def checkpoint_xml(self, uuid: str, name: str) -> str:
        with self._file.reading() as connection:
            return _Checkpoints(connection, uuid).named(name).dump()

    def checkpoint_create(self, uuid: str, xml: str, flags: CheckpointCreate) -> None:
        create = CheckpointCreate
        exclusive_flags(int(flags), create.REDEFINE, create.QUIESCE)
        required_flag(int(flags), create.REDEFINE, by=create.REDEFINE_VALIDATE)
        # libvirt's QEMU driver does not quiesce for a checkpoint either.
        flag_rules.check(flags, "CheckpointCreateXML", create.REDEFINE | create.REDEFINE_VALIDATE)
        with self._file.acting() as connection:
            known = _Checkpoints(connection, uuid)
            if CheckpointCreate.REDEFINE in flags:
                known.redefine(xml, validate=CheckpointCreate.REDEFINE_VALIDATE in flags)
            else:
                known.make(xml, int(self._clock()))

    def checkpoint_delete(self, uuid: str, name: str, flags: CheckpointDelete) -> None:
        exclusive_flags(int(flags), CheckpointDelete.CHILDREN, CheckpointDelete.CHILDREN_ONLY)
        flag_rules.check(flags, "CheckpointDelete")
        with self._file.acting() as connection:
            _Checkpoints(connection, uuid).delete(name, flags)

    def backup_begin(self, uuid: str, xml: str, checkpoint_xml: str | None, flags: BackupBegin) -> None:
        flag_rules.check(flags, "BackupBegin")
        with self._file.acting() as connection:
            known = _Checkpoints(connection, uuid)
            since = known.check_backup(xml)
            if since is not None:
                known.named(since)
            if checkpoint_xml is not None:
                known.make(checkpoint_xml, int(self._clock()))

    def backup_xml(self, uuid: str) -> str:
        with self._file.reading() as connection:
            Inventory(connection).domain(uuid)
        raise NoBackup("no domain backup job present")

    def backup_end(self, uuid: str) -> BackupEnd | None:
        with self._file.reading() as connection:
            Inventory(connection).domain(uuid)
        return BackupEnd(BackupOutcome.COMPLETED)


class _Checkpoints:
    """The checkpoints of one domain in one open transaction. Raises NoDomain (42) if there is no such domain."""

    def __init__(self, connection: sqlite3.Connection, uuid: str) -> None:
        self._connection = connection
        self._domain: Domain = Inventory(connection).domain(uuid)

    def all(self) -> list[Checkpoint]:
        query = (
            "SELECT name, description, parent, creation_time, disks, domain FROM checkpoint"
            " WHERE domain_uuid = ? ORDER BY creation_time, rowid"
        )
        return [Checkpoint(*row) for row in self._connection.execute(query, (self._domain.uuid,))]

    def named(self, name: str) -> Checkpoint:
        """Raises NoCheckpoint (103)."""
        self._forest().named(name)
        return next(checkpoint for checkpoint in self.all() if checkpoint.name == name)

    def make(self, text: str, now: int) -> None:
        """Make a checkpoint below the current one; it becomes that. Raises 27, 92, 84, 9, 67."""
        said = checkpoint_xml.read_for_create(text)
        if not self._domain.active:
            raise OperationUnsupported("cannot create checkpoint for inactive domain")
        forest, name = self._forest(), said.name or str(now)
        if name in forest:
            raise OperationFailed(f"domain moment {name} already exists")
        definition = self._domain.live or ""
        disks = _disks(text, definition, name)
        parent = forest.current
        self._put(Checkpoint(name, said.description, parent, now, disks, texts.nested(definition)), current=True)

    def redefine(self, text: str, *, validate: bool) -> None:
        """Re-create metadata, or replace what there is. Raises 27, 92, 1, 8, 55, 109."""
        said, forest = checkpoint_xml.read_for_redefine(text), self._forest()
        name, time = said.name or "", said.creation_time or 0
        if said.domain_uuid is not None and said.domain_uuid != self._domain.uuid:
            raise InvalidArgument(f"definition for checkpoint {name} must use uuid {self._domain.uuid}")
        forest.check_parent(name, said.parent)
        if validate and not self._domain.active:
            raise OperationInvalid("domain is not running")
        if validate and name not in forest:
            raise CheckpointInconsistent(f"missing or broken bitmap '{name}'")
        found, current = texts.elements(text), forest.becomes_current(said.parent)
        redefined = Checkpoint(name, said.description, said.parent, time, found.get("disks"), found.get("domain"))
        self._put(redefined, current=current or forest.current == name)

    def delete(self, name: str, flags: CheckpointDelete) -> None:
        """Raises NoCheckpoint (103), OperationUnsupported (84)."""
        forest = self._forest()
        forest.named(name)
        if CheckpointDelete.METADATA_ONLY not in flags and not self._domain.active:
            raise OperationUnsupported("cannot delete checkpoint for inactive domain")
        deletion = forest.deletion_of(
            name,
            children=CheckpointDelete.CHILDREN in flags,
            children_only=CheckpointDelete.CHILDREN_ONLY in flags,
        )
        uuid = self._domain.uuid
        for gone in deletion.removed:
            self._connection.execute("DELETE FROM checkpoint WHERE domain_uuid = ? AND name = ?", (uuid, gone))
        for moved, parent in deletion.reparented.items():
            self._connection.execute(
                "UPDATE checkpoint SET parent = ? WHERE domain_uuid = ? AND name = ?", (parent, uuid, moved)
            )
        self._make_current(deletion.current)

    def check_backup(self, text: str) -> str | None:
        """The checkpoint that a backup starts from, if it does. Raises MalformedXml (27), OperationUnsupported (84)."""
        since = checkpoint_xml.incremental_of(text)
        if not self._domain.active:
            raise OperationUnsupported("cannot perform disk backup for inactive domain")
        if xml.parse(text, root=checkpoint_xml.BACKUP_ROOT).get("mode") == "pull":
            raise OperationUnsupported("the simulator's disks have nothing to be pulled")
        return since

    def _put(self, checkpoint: Checkpoint, *, current: bool) -> None:
        """Keep a checkpoint, in place of one of its name."""
        self._connection.execute(
            "INSERT INTO checkpoint (domain_uuid, name, description, parent, creation_time, current, disks, domain)"
            " VALUES (?, ?, ?, ?, ?, 0, ?, ?) ON CONFLICT (domain_uuid, name) DO UPDATE SET"
            " description = excluded.description, parent = excluded.parent, creation_time = excluded.creation_time,"
            " disks = excluded.disks, domain = excluded.domain",
            (
                self._domain.uuid,
                checkpoint.name,
                checkpoint.description,
                checkpoint.parent,
                checkpoint.creation_time,
                checkpoint.disks,
                checkpoint.domain,
            ),
        )
        if current:
            self._make_current(checkpoint.name)

    def _make_current(self, name: str | None) -> None:
        self._connection.execute(
            "UPDATE checkpoint SET current = (name IS ?) WHERE domain_uuid = ?", (name, self._domain.uuid)
        )

    def _forest(self) -> CheckpointForest:
        """What there is, each under its name as its id: libvirt has no other."""
        forest = CheckpointForest()
        query = "SELECT name, parent, current FROM checkpoint WHERE domain_uuid = ?"
        for name, parent, current in self._connection.execute(query, (self._domain.uuid,)):
            record = CheckpointRecord(name, name, parent, 0, None, "", None)
            forest.put(record, current=bool(current))
        return forest


def _disks(text: str, definition: str, bitmap: str) -> str:
    """The element that says what of each disk:
    a bitmap in those that were named, or if none was in all that take one.
    """
    disks = [disk for disk in domain_xml.read(definition).disks if disk.target]
    asked = {}
    for element in xml.parse(text, root=checkpoint_xml.ROOT).findall("disks/disk"):
        name = element.get("name", "")
        disk = next((disk for disk in disks if name in (disk.target, disk.source)), None)
        if disk is None:
            raise ConfigUnsupported(f"no disk named '{xml.shown(name)}'")
        if disk.target in asked:
            raise ConfigUnsupported(f"disk '{disk.target}' specified twice")
        kept = element.get("checkpoint", "bitmap") == "bitmap"
        if kept and not _takes_bitmap(disk):
            raise ConfigUnsupported(f"disk '{disk.target}' is empty or readonly")
        asked[disk.target] = element.get("bitmap", bitmap) if kept else None
    chosen = asked or {disk.target: bitmap for disk in disks if _takes_bitmap(disk)}
    lines = [_line(disk.target, chosen.get(disk.target)) for disk in disks]
    return "\n".join(["<disks>", *lines, "  </disks>"])


def _takes_bitmap(disk: domain_xml.Disk) -> bool:
    return disk.source is not None and not disk.readonly


def _line(target: str, bitmap: str | None) -> str:
    name = f"    <disk name='{xml.escape(target)}'"
    return (
        f"{name} checkpoint='no'/>" if bitmap is None else f"{name} checkpoint='bitmap' bitmap='{xml.escape(bitmap)}'/>"
    )
