"""What may be asked of a domain: each verb with the flags and arguments it takes. One table for every door.

Names are virsh's options with ``_`` for ``-``; a verb's flags become one number as libvirt counts it, so that the log
says what the hypervisor was given. How an operation is carried out is no business of this module.
"""

from collections.abc import Iterable, Mapping
from enum import IntFlag
from typing import Any

from domain_model.arguments import Argument, Kind, Spec
from domain_model.errors import InvalidArgument
from domain_model.flags import (
    Affect,
    BackupBegin,
    CheckpointCreate,
    CheckpointDelete,
    CoreDump,
    Define,
    Destroy,
    DeviceModify,
    Memory,
    Reboot,
    SaveRestore,
    SetTime,
    Shutdown,
    SnapshotCreate,
    SnapshotDelete,
    SnapshotRevert,
    Start,
    Undefine,
    Vcpu,
)
from domain_model.libvirt import CODE_SETS, DUMP_FORMATS, SLEEP_TARGETS


def _one_of(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}"


_AFFECT = {"live": Affect.LIVE, "config": Affect.CONFIG}
_SAVED_AS = {
    "bypass_cache": SaveRestore.BYPASS_CACHE,
    "running": SaveRestore.RUNNING,
    "paused": SaveRestore.PAUSED,
}
_RUNNING_OR_PAUSED = ((SaveRestore.RUNNING, SaveRestore.PAUSED),)
_SNAPSHOT = Argument(Kind.NAME, "The name of the snapshot.")
_SNAPSHOT_ID = Argument(
    Kind.NAME, "The id of the snapshot that is meant; refused if the name is another's.", required=False
)
_DEVICE = Argument(Kind.XML, "The device's XML.")
_DEVICE_FLAGS = {"live": DeviceModify.LIVE, "config": DeviceModify.CONFIG}
_XML = Argument(Kind.XML, "The XML it is to be instead of its own.", required=False)
_FILE = Argument(Kind.PATH, "The file on the domain's host.")
_MOUNT_POINTS = Argument(Kind.TEXTS, "Mount points in the guest; without any, all.", required=False)

SPECS: dict[str, Spec] = {
    "start": Spec(
        {
            "paused": Start.PAUSED,
            "bypass_cache": Start.BYPASS_CACHE,
            "force_boot": Start.FORCE_BOOT,
            "reset_nvram": Start.RESET_NVRAM,
        }
    ),
    "shutdown": Spec(
        {
            "acpi": Shutdown.ACPI_POWER_BTN,
            "agent": Shutdown.GUEST_AGENT,
            "initctl": Shutdown.INITCTL,
            "signal": Shutdown.SIGNAL,
            "paravirt": Shutdown.PARAVIRT,
        }
    ),
    "reboot": Spec(
        {
            "acpi": Reboot.ACPI_POWER_BTN,
            "agent": Reboot.GUEST_AGENT,
            "initctl": Reboot.INITCTL,
            "signal": Reboot.SIGNAL,
            "paravirt": Reboot.PARAVIRT,
        }
    ),
    "reset": Spec(),
    "destroy": Spec({"graceful": Destroy.GRACEFUL, "remove_logs": Destroy.REMOVE_LOGS}),
    "suspend": Spec(),
    "resume": Spec(),
    "undefine": Spec(
        {
            "managed_save": Undefine.MANAGED_SAVE,
            "snapshots_metadata": Undefine.SNAPSHOTS_METADATA,
            "nvram": Undefine.NVRAM,
            "keep_nvram": Undefine.KEEP_NVRAM,
            "checkpoints_metadata": Undefine.CHECKPOINTS_METADATA,
            "tpm": Undefine.TPM,
            "keep_tpm": Undefine.KEEP_TPM,
        }
    ),
    "save": Spec(_SAVED_AS, {"file": _FILE, "xml": _XML}, excludes=_RUNNING_OR_PAUSED),
    "restore": Spec(
        {**_SAVED_AS, "reset_nvram": SaveRestore.RESET_NVRAM},
        {"file": _FILE, "xml": _XML},
        excludes=_RUNNING_OR_PAUSED,
    ),
    "managedsave": Spec(_SAVED_AS, excludes=_RUNNING_OR_PAUSED),
    "managedsave-remove": Spec(),
    "dump": Spec(
        {
            "crash": CoreDump.CRASH,
            "live": CoreDump.LIVE,
            "bypass_cache": CoreDump.BYPASS_CACHE,
            "reset": CoreDump.RESET,
            "memory_only": CoreDump.MEMORY_ONLY,
        },
        {
            "file": _FILE,
            "format": Argument(Kind.NAME, f"{_one_of(DUMP_FORMATS)}.", required=False),
        },
        excludes=(
            (CoreDump.CRASH, CoreDump.LIVE),
            (CoreDump.CRASH, CoreDump.RESET),
            (CoreDump.LIVE, CoreDump.RESET),
        ),
    ),
    "autostart": Spec({}, {"disable": Argument(Kind.SWITCH, "Do not start it with the host.", required=False)}),
    "domrename": Spec({}, {"name": Argument(Kind.NAME, "The new name.")}),
    "setmem": Spec(
        {"live": Memory.LIVE, "config": Memory.CONFIG}, {"size_kib": Argument(Kind.COUNT, "Memory, in KiB.")}
    ),
    "setmaxmem": Spec(
        {"live": Memory.LIVE, "config": Memory.CONFIG}, {"size_kib": Argument(Kind.COUNT, "Memory at most, in KiB.")}
    ),
    "setvcpus": Spec(
        {
            "live": Vcpu.LIVE,
            "config": Vcpu.CONFIG,
            "maximum": Vcpu.MAXIMUM,
            "guest": Vcpu.GUEST,
            "hotpluggable": Vcpu.HOTPLUGGABLE,
        },
        {"count": Argument(Kind.COUNT, "The number of virtual CPUs.", below=2**32)},
        # libvirt-domain.c, virDomainSetVcpusFlags.
        excludes=((Vcpu.GUEST, Affect.CONFIG),),
        requires=((Affect.CONFIG, Vcpu.MAXIMUM),),
    ),
    "attach-device": Spec(_DEVICE_FLAGS, {"xml": _DEVICE}),
    "detach-device": Spec(_DEVICE_FLAGS, {"xml": _DEVICE}),
    "update-device": Spec({**_DEVICE_FLAGS, "force": DeviceModify.FORCE}, {"xml": _DEVICE}),
    "desc": Spec(
        _AFFECT,
        {
            "text": Argument(Kind.TEXT, "The description, or with title the title; an empty one removes it."),
            "title": Argument(Kind.SWITCH, "The title is meant, not the description.", required=False),
        },
    ),
    "metadata": Spec(
        _AFFECT,
        {
            "uri": Argument(Kind.NAME, "The namespace of the metadata."),
            "key": Argument(Kind.NAME, "The prefix for the namespace; needed with xml.", required=False),
            "xml": Argument(Kind.XML, "The metadata; without it, what is there is removed.", required=False),
        },
    ),
    "blockresize": Spec(
        {},
        {
            "disk": Argument(Kind.NAME, "The disk, by its target or its source."),
            "size_bytes": Argument(Kind.COUNT, "The new size, in bytes."),
        },
    ),
    "dompmsuspend": Spec(
        {},
        {
            "target": Argument(Kind.NAME, f"{_one_of(SLEEP_TARGETS)}."),
            "duration_s": Argument(Kind.COUNT, "Wake up after so many seconds; 0: not by itself.", required=False),
        },
    ),
    "dompmwakeup": Spec(),
    "inject-nmi": Spec(),
    "send-key": Spec(
        {},
        {
            "keycodes": Argument(Kind.COUNTS, "Numbers of keys, in the code set."),
            "codeset": Argument(Kind.NAME, f"{_one_of(CODE_SETS)} (linux).", required=False),
            "holdtime_ms": Argument(Kind.COUNT, "How long they are held.", required=False, below=2**31),
        },
    ),
    "domfsfreeze": Spec({}, {"mountpoints": _MOUNT_POINTS}),
    "domfsthaw": Spec({}, {"mountpoints": _MOUNT_POINTS}),
    "domtime": Spec(
        {"sync": SetTime.SYNC},
        {
            "seconds": Argument(Kind.COUNT, "Set the guest's clock to so many seconds since 1970.", required=False),
            "nseconds": Argument(Kind.COUNT, "And so many nanoseconds.", required=False, below=2**32),
        },
    ),
    "domjobabort": Spec(),
    "snapshot-create": Spec(
        {
            "redefine": SnapshotCreate.REDEFINE,
            "current": SnapshotCreate.CURRENT,
            "no_metadata": SnapshotCreate.NO_METADATA,
            "halt": SnapshotCreate.HALT,
            "disk_only": SnapshotCreate.DISK_ONLY,
            "reuse_external": SnapshotCreate.REUSE_EXT,
            "quiesce": SnapshotCreate.QUIESCE,
            "atomic": SnapshotCreate.ATOMIC,
            "live": SnapshotCreate.LIVE,
            "validate": SnapshotCreate.VALIDATE,
        },
        {
            "xml": Argument(Kind.XML, "A domainsnapshot document; without it, name and description.", required=False),
            "xmls": Argument(Kind.DOCUMENTS, "With redefine: several, in any order.", required=False),
            "name": Argument(Kind.NAME, "The snapshot's name, without xml.", required=False),
            "description": Argument(Kind.TEXT, "What it is for, without xml.", required=False),
        },
        # libvirt-semantics 1.1, in the order in which the library tests them.
        excludes=(
            (SnapshotCreate.REDEFINE, SnapshotCreate.NO_METADATA),
            (SnapshotCreate.REDEFINE, SnapshotCreate.HALT),
            (SnapshotCreate.REDEFINE, SnapshotCreate.LIVE),
        ),
        requires=(
            (SnapshotCreate.REDEFINE, SnapshotCreate.CURRENT),
            (SnapshotCreate.DISK_ONLY, SnapshotCreate.QUIESCE),
        ),
    ),
    "snapshot-current": Spec({}, {"name": _SNAPSHOT}),
    "snapshot-undelete": Spec({}, {"name": _SNAPSHOT}),
    "snapshot-revert": Spec(
        {
            "running": SnapshotRevert.RUNNING,
            "paused": SnapshotRevert.PAUSED,
            "force": SnapshotRevert.FORCE,
            "reset_nvram": SnapshotRevert.RESET_NVRAM,
        },
        {"name": _SNAPSHOT},
        excludes=((SnapshotRevert.RUNNING, SnapshotRevert.PAUSED),),
    ),
    "snapshot-delete": Spec(
        {
            "children": SnapshotDelete.CHILDREN,
            "metadata": SnapshotDelete.METADATA_ONLY,
            "children_only": SnapshotDelete.CHILDREN_ONLY,
        },
        {"name": _SNAPSHOT, "id": _SNAPSHOT_ID},
        excludes=((SnapshotDelete.CHILDREN, SnapshotDelete.CHILDREN_ONLY),),
    ),
    "checkpoint-create": Spec(
        {
            "redefine": CheckpointCreate.REDEFINE,
            "quiesce": CheckpointCreate.QUIESCE,
            "redefine_validate": CheckpointCreate.REDEFINE_VALIDATE,
        },
        {"xml": Argument(Kind.XML, "A domaincheckpoint document.", required=False)},
        excludes=((CheckpointCreate.REDEFINE, CheckpointCreate.QUIESCE),),
        requires=((CheckpointCreate.REDEFINE, CheckpointCreate.REDEFINE_VALIDATE),),
    ),
    "checkpoint-delete": Spec(
        {
            "children": CheckpointDelete.CHILDREN,
            "metadata": CheckpointDelete.METADATA_ONLY,
            "children_only": CheckpointDelete.CHILDREN_ONLY,
        },
        {"name": Argument(Kind.NAME, "The name of the checkpoint.")},
        excludes=((CheckpointDelete.CHILDREN, CheckpointDelete.CHILDREN_ONLY),),
    ),
    "backup-begin": Spec(
        {"reuse_external": BackupBegin.REUSE_EXTERNAL},
        {
            "xml": Argument(Kind.XML, "A domainbackup document.", required=False),
            "checkpoint_xml": Argument(Kind.XML, "A checkpoint to take in the same moment.", required=False),
        },
    ),
    "replay": Spec(
        {}, {"to": Argument(Kind.NAME, "The host to make a replica on; without it, restore here.", required=False)}
    ),
    "handover": Spec({}, {"to": Argument(Kind.NAME, "The host whose replica becomes the owner.")}),
}


_FLAGS: dict[str, Mapping[str, IntFlag]] = {verb: spec.flags for verb, spec in SPECS.items()} | {
    "define": {"validate": Define.VALIDATE},
    "create": {**SPECS["start"].flags, "validate": Start.VALIDATE},
    "snapshot-redefine": SPECS["snapshot-create"].flags,
    "checkpoint-redefine": SPECS["checkpoint-create"].flags,
}
"""Of operations: some have verbs of their own, that nobody asks for by these names."""


def flag_words(verb: str, number: int) -> list[str]:
    """The flags of an operation as the options they were asked for by; what has no word is told as its number."""
    named = {name: int(flag) for name, flag in _FLAGS.get(verb, {}).items() if number & flag}
    rest = number & ~sum(named.values())
    return [*(name.replace("_", "-") for name in named), *([f"flags={rest}"] if rest else [])]


def spec_of(verb: str) -> Spec:
    """What a verb takes. Raises InvalidArgument (8) for a word that is no verb."""
    spec = SPECS.get(verb)
    if spec is None:
        raise InvalidArgument(f"unknown verb '{verb}'", field="verb", value=verb, accepted=", ".join(SPECS))
    return spec


def chosen(verb: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an operation: ``flags`` as libvirt counts them, and whatever else was given.

    Raises InvalidArgument (8) for an argument that is missing, unknown or of another kind, InvalidFlags (8).
    """
    spec = spec_of(verb)
    for name in given:
        if name not in spec.flags and name not in spec.arguments:
            accepted = ", ".join([*spec.flags, *spec.arguments]) or "no arguments"
            raise InvalidArgument(f"{verb} takes no '{name}'", field=name, accepted=accepted)
    values = {name: given[name] for name in spec.arguments if given.get(name) is not None}
    for name, argument in spec.arguments.items():
        if argument.required and name not in values:
            raise InvalidArgument(f"{verb} needs '{name}'", field=name, accepted=argument.words)
        if name in values:
            argument.check(name, values[name])
    return {"flags": spec.number(given), **values}
