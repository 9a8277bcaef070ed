"""The rules of the verbs: when libvirt's QEMU driver says no, and with which number and words.

Each rule looks at a *situation*: the domain as recorded when somebody asks, and as just observed when the operation is
about to be carried out. The same rule answers both times. What a rule does not refuse, the hypervisor still may.
Sources are the sections of libvirt-semantics named beside.
"""

from domain_model.rules import changes, checkpoints, guest, lifecycle, snapshots
from domain_model.rules.situation import (
    Rule,
    Situation,
    must_be_active,
    must_be_affected,
    must_be_running,
    nothing_more,
)

__all__ = ["RULES", "Rule", "Situation"]

RULES: dict[str, Rule] = {
    "define": nothing_more,
    "create": lifecycle.create,
    "undefine": lifecycle.undefine,
    "start": lifecycle.start,
    "shutdown": must_be_running,
    "reboot": must_be_active,
    "reset": must_be_active,
    "destroy": must_be_active,
    "suspend": lifecycle.suspend,
    "resume": lifecycle.resume,
    "save": must_be_active,
    "restore": lifecycle.create,
    "managedsave": lifecycle.managed_save,
    "managedsave-remove": nothing_more,
    "dump": lifecycle.dump,
    "autostart": changes.autostart,
    "domrename": changes.rename,
    "setmem": changes.memory,
    "setmaxmem": changes.maximum_memory,
    "setvcpus": changes.vcpus,
    "attach-device": must_be_affected,
    "detach-device": must_be_affected,
    "update-device": must_be_affected,
    "desc": changes.describe,
    "metadata": changes.metadata,
    "blockresize": must_be_active,
    "dompmsuspend": guest.sleep,
    "dompmwakeup": must_be_active,
    "inject-nmi": must_be_active,
    "send-key": guest.send_key,
    "domfsfreeze": must_be_running,
    "domfsthaw": must_be_running,
    "domtime": guest.time,
    "domjobabort": must_be_active,
    "snapshot-create": snapshots.create,
    "snapshot-redefine": snapshots.redefine,
    "snapshot-undelete": snapshots.undelete,
    "snapshot-revert": snapshots.revert,
    "snapshot-delete": snapshots.delete,
    "checkpoint-create": checkpoints.create,
    "checkpoint-redefine": checkpoints.redefine,
    "checkpoint-delete": checkpoints.delete,
    "backup-begin": checkpoints.backup,
    "replay": nothing_more,
    "handover": nothing_more,
}
