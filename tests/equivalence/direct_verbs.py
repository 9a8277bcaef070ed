"""Each verb as libvirt-python has it, asked for as virsh asks: the flags by libvirt's names, nothing checked before."""

from collections.abc import Callable
from typing import Any

import libvirt

from tests.equivalence import documents
from tests.equivalence.calls import Call

Arguments = dict[str, Any]

_AFFECT = {"live": "VIR_DOMAIN_AFFECT_LIVE", "config": "VIR_DOMAIN_AFFECT_CONFIG"}
_SAVE = {
    "bypass_cache": "VIR_DOMAIN_SAVE_BYPASS_CACHE",
    "running": "VIR_DOMAIN_SAVE_RUNNING",
    "paused": "VIR_DOMAIN_SAVE_PAUSED",
}


def _named(prefix: str, *names: str) -> dict[str, str]:
    return {name: f"{prefix}{name.upper()}" for name in names}


def _told(prefix: str) -> dict[str, str]:
    """The ways to tell a guest."""
    ways = _named(prefix, "initctl", "signal", "paravirt")
    return {"acpi": f"{prefix}ACPI_POWER_BTN", "agent": f"{prefix}GUEST_AGENT", **ways}


FLAGS: dict[str, dict[str, str]] = {
    "start": _named("VIR_DOMAIN_START_", "paused", "bypass_cache", "force_boot", "reset_nvram"),
    "create": _named("VIR_DOMAIN_START_", "paused"),
    "define": {"validate": "VIR_DOMAIN_DEFINE_VALIDATE"},
    "undefine": _named(
        "VIR_DOMAIN_UNDEFINE_",
        *("managed_save", "snapshots_metadata", "nvram", "keep_nvram", "checkpoints_metadata", "tpm", "keep_tpm"),
    ),
    "shutdown": _told("VIR_DOMAIN_SHUTDOWN_"),
    "reboot": _told("VIR_DOMAIN_REBOOT_"),
    "destroy": _named("VIR_DOMAIN_DESTROY_", "graceful", "remove_logs"),
    "save": _SAVE,
    "restore": {**_SAVE, "reset_nvram": "VIR_DOMAIN_SAVE_RESET_NVRAM"},
    "managedsave": _SAVE,
    "dump": _named("VIR_DUMP_", "crash", "live", "bypass_cache", "reset", "memory_only"),
    "setmem": _AFFECT,
    "setmaxmem": _AFFECT,
    "setvcpus": {
        **_AFFECT,
        "maximum": "VIR_DOMAIN_VCPU_MAXIMUM",
        "guest": "VIR_DOMAIN_VCPU_GUEST",
        "hotpluggable": "VIR_DOMAIN_VCPU_HOTPLUGGABLE",
    },
    "attach-device": _AFFECT,
    "detach-device": _AFFECT,
    "update-device": {**_AFFECT, "force": "VIR_DOMAIN_DEVICE_MODIFY_FORCE"},
    "desc": _AFFECT,
    "metadata": _AFFECT,
    "domtime": {"sync": "VIR_DOMAIN_TIME_SYNC"},
    "checkpoint-create": _named("VIR_DOMAIN_CHECKPOINT_CREATE_", "redefine", "quiesce", "redefine_validate"),
    "snapshot-create": {
        **_named("VIR_DOMAIN_SNAPSHOT_CREATE_", "no_metadata", "halt", "disk_only", "quiesce", "atomic", "live"),
        **_named("VIR_DOMAIN_SNAPSHOT_CREATE_", "redefine", "current", "validate"),
        "reuse_external": "VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT",
    },
    "snapshot-revert": _named("VIR_DOMAIN_SNAPSHOT_REVERT_", "running", "paused", "force", "reset_nvram"),
    "snapshot-delete": {
        "children": "VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN",
        "children_only": "VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY",
        "metadata": "VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY",
    },
}
FLAGS["checkpoint-delete"] = {
    name: constant.replace("SNAPSHOT", "CHECKPOINT") for name, constant in FLAGS["snapshot-delete"].items()
}
FLAGS["snapshot-redefine"] = FLAGS["snapshot-create"]


def flags_of(call: Call) -> int:
    """The call's flags as libvirt's headers number them."""
    named = FLAGS.get(call.verb, {})
    return sum(getattr(libvirt, constant) for name, constant in named.items() if call.has(name))


class Verbs:
    """The calls over one connection; files are in ``folder``."""

    def __init__(self, connection: Any, folder: str) -> None:
        self._connection = connection
        self._folder = folder
        self._remembered: dict[tuple[str, str], str] = {}
        """The last dump of each snapshot that was to be deleted, by domain and name."""

    def carry_out(self, call: Call) -> None:
        """Raises libvirtError."""
        arguments, flags = documents.own(call, self._folder), flags_of(call)
        match call.verb:
            case "define":
                self._connection.defineXMLFlags(arguments["xml"], flags)
            case "create":
                self._connection.createXML(arguments["xml"], flags)
            case "restore":
                self._connection.restoreFlags(arguments["file"], None, flags)
            case _:
                domain = self._connection.lookupByName(call.domain)
                self._on_domain(domain, call, arguments, flags)

    def _on_domain(self, domain: Any, call: Call, arguments: Arguments, flags: int) -> None:
        match call.verb:
            case "snapshot-create":
                domain.snapshotCreateXML(documents.snapshot(arguments), flags)
            case "snapshot-redefine":
                domain.snapshotCreateXML(self._redefinition(domain, arguments["document"]), flags)
            case "snapshot-current":
                _make_current(domain, arguments["name"])
            case "snapshot-revert":
                domain.revertToSnapshot(domain.snapshotLookupByName(arguments["name"]), flags)
            case "checkpoint-create":
                domain.checkpointCreateXML(documents.checkpoint(arguments["name"]), flags)
            case "checkpoint-delete":
                domain.checkpointLookupByName(arguments["name"]).delete(flags)
            case "snapshot-delete":
                snapshot = domain.snapshotLookupByName(arguments["name"])
                self._remembered[call.domain, arguments["name"]] = snapshot.getXMLDesc(_SECURE)
                snapshot.delete(flags)
            case _:
                _PLAIN[call.verb](domain, arguments, flags)

    def _redefinition(self, domain: Any, wanted: Arguments) -> str:
        basis = wanted.get("basis")
        if basis is None:
            # Of a domain that became transient libvirt goes on showing the definition that it has no more.
            flags = libvirt.VIR_DOMAIN_XML_INACTIVE if domain.isPersistent() else 0
            return documents.written(wanted, domain.XMLDesc(flags))
        remembered = self._remembered.get((domain.name(), basis))
        if wanted.get("remembered") and remembered is not None:
            return documents.changed(wanted, remembered)
        return documents.changed(wanted, domain.snapshotLookupByName(basis).getXMLDesc(_SECURE))


_SECURE = 1
_DISK_SNAPSHOT = "<state>disk-snapshot</state>"


def _make_current(domain: Any, name: str) -> None:
    """As ``virsh snapshot-current DOMAIN NAME`` does it: libvirt has no call of its own for it."""
    dump = domain.snapshotLookupByName(name).getXMLDesc(_SECURE)
    flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT
    if _DISK_SNAPSHOT in dump:
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
    domain.snapshotCreateXML(dump, flags)


def _describe(domain: Any, arguments: Arguments, flags: int) -> None:
    what = libvirt.VIR_DOMAIN_METADATA_TITLE if arguments.get("title") else libvirt.VIR_DOMAIN_METADATA_DESCRIPTION
    domain.setMetadata(what, arguments["text"] or None, None, None, flags)


def _set_metadata(domain: Any, arguments: Arguments, flags: int) -> None:
    element = libvirt.VIR_DOMAIN_METADATA_ELEMENT
    domain.setMetadata(element, arguments.get("xml"), arguments.get("key"), arguments["uri"], flags)


def _set_maximum(domain: Any, arguments: Arguments, flags: int) -> None:
    domain.setMemoryFlags(arguments["size_kib"], flags | libvirt.VIR_DOMAIN_MEM_MAXIMUM)


_PLAIN: dict[str, Callable[[Any, Arguments, int], object]] = {
    "undefine": lambda domain, _, flags: domain.undefineFlags(flags),
    "start": lambda domain, _, flags: domain.createWithFlags(flags),
    "shutdown": lambda domain, _, flags: domain.shutdownFlags(flags),
    "reboot": lambda domain, _, flags: domain.reboot(flags),
    "reset": lambda domain, *_: domain.reset(0),
    "destroy": lambda domain, _, flags: domain.destroyFlags(flags),
    "suspend": lambda domain, *_: domain.suspend(),
    "resume": lambda domain, *_: domain.resume(),
    "save": lambda domain, given, flags: domain.saveFlags(given["file"], None, flags),
    "managedsave": lambda domain, _, flags: domain.managedSave(flags),
    "managedsave-remove": lambda domain, *_: domain.managedSaveRemove(0),
    "dump": lambda domain, given, flags: domain.coreDump(given["file"], flags),
    "autostart": lambda domain, given, _: domain.setAutostart(0 if given.get("disable") else 1),
    "domrename": lambda domain, given, _: domain.rename(given["name"], 0),
    "setmem": lambda domain, given, flags: domain.setMemoryFlags(given["size_kib"], flags),
    "setmaxmem": _set_maximum,
    "setvcpus": lambda domain, given, flags: domain.setVcpusFlags(given["count"], flags),
    "attach-device": lambda domain, given, flags: domain.attachDeviceFlags(given["xml"], flags),
    "detach-device": lambda domain, given, flags: domain.detachDeviceFlags(given["xml"], flags),
    "update-device": lambda domain, given, flags: domain.updateDeviceFlags(given["xml"], flags),
    "desc": _describe,
    "metadata": _set_metadata,
    "blockresize": lambda domain, given, _: domain.blockResize(
        given["disk"], given["size_bytes"], libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
    ),
    "dompmsuspend": lambda domain, given, _: domain.pMSuspendForDuration(
        ("mem", "disk", "hybrid").index(given["target"]), 0, 0
    ),
    "dompmwakeup": lambda domain, *_: domain.pMWakeup(0),
    "domjobabort": lambda domain, *_: domain.abortJob(),
    "inject-nmi": lambda domain, *_: domain.injectNMI(0),
    "send-key": lambda domain, given, _: domain.sendKey(0, 0, given["keycodes"], len(given["keycodes"]), 0),
    "domfsfreeze": lambda domain, *_: domain.fsFreeze(None, 0),
    "domfsthaw": lambda domain, *_: domain.fsThaw(None, 0),
    "domtime": lambda domain, given, flags: domain.setTime({"seconds": given["seconds"], "nseconds": 0}, flags),
}
