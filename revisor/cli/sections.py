"""Which verb is which function, by section as ``virsh help`` has them.

Each verb is named by its module and function and told in a few words, so that nothing is imported until it is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Table = Mapping[str, tuple[str, str]]
"""By verb: ``module:function`` within ``revisor.cli``, and what it does."""


@dataclass(frozen=True, slots=True)
class Section:
    """Verbs that belong together. ``help KEYWORD`` shows them alone; a part of one verb has no keyword."""

    keyword: str
    title: str
    verbs: Table

    @property
    def heading(self) -> str:
        return f"{self.title} (help keyword '{self.keyword}')" if self.keyword else self.title


_DOMAIN: Table = {
    "attach-device": ("devices:attach_device", "attach a device from an XML file"),
    "attach-disk": ("disks:attach_disk", "attach a disk"),
    "attach-interface": ("interfaces:attach_interface", "attach a network interface"),
    "autostart": ("lifecycle:autostart", "start a domain with its host, or do not"),
    "blockresize": ("tuning:blockresize", "resize a disk of a running domain"),
    "create": ("lifecycle:create", "create a transient domain from an XML file"),
    "define": ("lifecycle:define", "define a domain from an XML file"),
    "desc": ("descriptions:desc", "show or set a domain's description or title"),
    "destroy": ("lifecycle:destroy", "stop a domain at once"),
    "detach-device": ("devices:detach_device", "detach a device, given its XML"),
    "detach-disk": ("disks:detach_disk", "detach a disk"),
    "detach-interface": ("interfaces:detach_interface", "detach a network interface"),
    "domfsfreeze": ("guest:domfsfreeze", "freeze a guest's file systems"),
    "domfsthaw": ("guest:domfsthaw", "let a guest's file systems go on"),
    "domid": ("monitoring:domid", "show a domain's id"),
    "domjobabort": ("guest:domjobabort", "abort a domain's job"),
    "domname": ("monitoring:domname", "show a domain's name"),
    "dompmsuspend": ("guest:dompmsuspend", "put a guest to sleep"),
    "dompmwakeup": ("guest:dompmwakeup", "wake a guest up"),
    "domrename": ("lifecycle:domrename", "rename a domain"),
    "domuuid": ("monitoring:domuuid", "show a domain's UUID"),
    "dump": ("saving:dump", "write a guest's memory to a file for analysis"),
    "dumpxml": ("monitoring:dumpxml", "show a domain's XML"),
    "edit": ("lifecycle:edit", "change a domain's definition in an editor"),
    "inject-nmi": ("guest:inject_nmi", "inject an NMI into a guest"),
    "managedsave": ("saving:managedsave", "save a domain until its next start"),
    "managedsave-remove": ("saving:managedsave_remove", "forget what was saved until the next start"),
    "metadata": ("descriptions:metadata", "show or set a domain's own XML metadata"),
    "reboot": ("lifecycle:reboot", "ask a guest to reboot"),
    "reset": ("lifecycle:reset", "reset a domain, as by its button"),
    "restore": ("saving:restore", "let a saved domain go on, or restore a backup"),
    "resume": ("lifecycle:resume", "let a paused domain go on"),
    "save": ("saving:save", "save a running domain to a file"),
    "send-key": ("guest:send_key", "press keys of a guest's keyboard"),
    "setmaxmem": ("tuning:setmaxmem", "change the most memory a domain may have"),
    "setmem": ("tuning:setmem", "change the memory a domain has"),
    "setvcpus": ("tuning:setvcpus", "change the number of virtual CPUs"),
    "shutdown": ("lifecycle:shutdown", "ask a guest to shut down"),
    "start": ("lifecycle:start", "start an inactive domain"),
    "suspend": ("lifecycle:suspend", "pause a running domain"),
    "undefine": ("lifecycle:undefine", "remove a domain's definition"),
    "update-device": ("devices:update_device", "change a device, given its XML"),
    "vcpucount": ("monitoring:vcpucount", "show the numbers of virtual CPUs"),
}
_MONITOR: Table = {
    "domblklist": ("monitoring:domblklist", "list a domain's disks"),
    "domiflist": ("monitoring:domiflist", "list a domain's network interfaces"),
    "dominfo": ("monitoring:dominfo", "show what a domain is"),
    "domstate": ("monitoring:domstate", "show a domain's state"),
    "domtime": ("guest:domtime", "show or set a guest's clock"),
    "list": ("listing:list_domains", "list domains"),
}
_SNAPSHOT: Table = {
    "snapshot-create": ("snapshots:snapshot_create", "create a snapshot from XML"),
    "snapshot-create-as": ("snapshots:snapshot_create_as", "create a snapshot from a name"),
    "snapshot-current": ("snapshot_reading:snapshot_current", "show or set the current snapshot"),
    "snapshot-delete": ("snapshots:snapshot_delete", "delete a snapshot"),
    "snapshot-dumpxml": ("snapshot_reading:snapshot_dumpxml", "show a snapshot's XML"),
    "snapshot-edit": ("snapshot_editing:snapshot_edit", "change a snapshot's metadata in an editor"),
    "snapshot-hold": ("holds:snapshot_hold", "forbid to delete a snapshot"),
    "snapshot-info": ("snapshot_reading:snapshot_info", "show what a snapshot is"),
    "snapshot-list": ("snapshot_listing:snapshot_list", "list a domain's snapshots"),
    "snapshot-parent": ("snapshot_reading:snapshot_parent", "show the name of a snapshot's parent"),
    "snapshot-release": ("holds:snapshot_release", "allow to delete a snapshot that is held"),
    "snapshot-revert": ("snapshots:snapshot_revert", "put a domain back to a snapshot"),
    "snapshot-undelete": ("snapshots:snapshot_undelete", "bring back a snapshot's deleted metadata"),
}
_CHECKPOINT: Table = {
    "checkpoint-create": ("checkpoints:checkpoint_create", "create a checkpoint from XML"),
    "checkpoint-create-as": ("checkpoints:checkpoint_create_as", "create a checkpoint from a name"),
    "checkpoint-delete": ("checkpoints:checkpoint_delete", "delete a checkpoint"),
    "checkpoint-dumpxml": ("checkpoints:checkpoint_dumpxml", "show a checkpoint's XML"),
    "checkpoint-edit": ("checkpoints:checkpoint_edit", "change a checkpoint's metadata in an editor"),
    "checkpoint-info": ("checkpoints:checkpoint_info", "show what a checkpoint is"),
    "checkpoint-list": ("checkpoints:checkpoint_list", "list a domain's checkpoints"),
    "checkpoint-parent": ("checkpoints:checkpoint_parent", "show the name of a checkpoint's parent"),
}
_BACKUP: Table = {
    "backup-begin": ("checkpoints:backup_begin", "begin a backup of a running domain"),
    "backup-dumpxml": ("checkpoints:backup_dumpxml", "show the XML of the backup that runs"),
}
_REPLICA: Table = {
    "handover": ("replication:handover", "make a replica the owner"),
    "replay": ("replication:replay", "make or refresh a replica on another host"),
}
_OBSERVATION: Table = {
    "adopt": ("drift:adopt", "take in domains that nobody recorded"),
    "drift": ("drift:drift", "show what happened past Revisor; heal or accept it"),
}
_HISTORY: Table = {
    "backup": ("archiving:backup", "back up the log and its secrets to a folder"),
    "export": ("archiving:export", "write the whole log to a file"),
    "import": ("archiving:import_", "make an empty log the one in a file"),
    "log": ("history:log", "show what happened to a domain, a host or a schedule"),
    "operation": ("main:operation", "operations: follow, cancel, settle"),
    "operations": ("history:operations", "list operations"),
}
_PRODUCT: Table = {
    "acknowledge-restore": ("restores:acknowledge_restore", "compare the hosts with a restored log"),
    "help": ("main:help_on", "show how a verb is used"),
    "host": ("main:host", "hosts: add, list, info, disable, remove, ..."),
    "schedule": ("main:schedule", "snapshots by the clock: add, list, remove and more"),
    "projections": ("main:projections", "read models: list, rebuild, resume"),
    "status": ("status:status", "show how Revisor is"),
    "up": ("server:up", "run Revisor"),
    "down": ("server:down", "stop Revisor"),
    "serve": ("server:serve", "run the HTTP API alone"),
    "worker": ("server:worker", "run the agent of one host alone"),
    "projector": ("server:projector", "run the projector alone"),
    "alerter": ("server:alerter", "tell somebody of problems, alone"),
    "scheduler": ("server:scheduler", "run the scheduler alone"),
}

HOST_VERBS: Table = {
    "add": ("hosts:host_add", "lead a hypervisor under a name"),
    "list": ("hosts:host_list", "list the hosts"),
    "info": ("maintenance:host_info", "show what a host is"),
    "disable": ("maintenance:host_disable", "begin nothing new on a host"),
    "enable": ("maintenance:host_enable", "let a disabled host go on"),
    "set-adopt": ("maintenance:host_set_adopt", "take in what nobody recorded on a host, or do not"),
    "set-limit": ("maintenance:host_set_limit", "change how many operations a host carries out at once"),
    "set-uri": ("hosts:host_set_uri", "reach a host under another URI"),
    "remove": ("hosts:host_remove", "forget a host"),
}
OPERATION_VERBS: Table = {
    "follow": ("operations:operation_follow", "wait until an operation has ended; the verb may be left out"),
    "cancel": ("operations:operation_cancel", "withdraw an operation before it is started"),
    "settle": ("operations:operation_settle", "say how an operation ended whose outcome is unknown"),
}
PROJECTION_VERBS: Table = {
    "list": ("history:projections_list", "list the read models"),
    "rebuild": ("history:projections_rebuild", "rebuild a read model, or all"),
    "resume": ("history:projections_resume", "let a parked read model try again"),
}
SCHEDULE_VERBS: Table = {
    "add": ("schedules:schedule_add", "take snapshots by the clock"),
    "list": ("schedules:schedule_list", "list the schedules"),
    "info": ("schedules:schedule_info", "show what a schedule is and how it went"),
    "enable": ("schedules:schedule_enable", "let a schedule run again"),
    "disable": ("schedules:schedule_disable", "let a schedule rest"),
    "remove": ("schedules:schedule_remove", "forget a schedule"),
}

SECTIONS = (
    Section("domain", "Domain Management", _DOMAIN),
    Section("monitor", "Domain Monitoring", _MONITOR),
    Section("snapshot", "Snapshot", _SNAPSHOT),
    Section("checkpoint", "Checkpoint", _CHECKPOINT),
    Section("domain-backup", "Backup", _BACKUP),
    Section("replica", "Replicas", _REPLICA),
    Section("observation", "What happens past Revisor", _OBSERVATION),
    Section("history", "History", _HISTORY),
    Section("revisor", "Revisor itself", _PRODUCT),
)
VERBS: Table = {name: entry for section in SECTIONS for name, entry in section.verbs.items()}
