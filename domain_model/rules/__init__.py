"""The rules of the verbs: when libvirt's QEMU driver says no, and with which number and words.

Each rule looks at a *situation*: the domain as recorded when somebody asks, and as just observed when the operation is
about to be carried out. The same rule answers both times. What a rule does not refuse, the hypervisor still may.
Sources are the sections of libvirt-semantics named beside.
"""

from domain_model.rules import changes, lifecycle, snapshots
from domain_model.rules.situation import Rule, Situation, must_be_active, nothing_more

__all__ = ["RULES", "Rule", "Situation"]

RULES: dict[str, Rule] = {
    "define": nothing_more,
    "create": lifecycle.start,
    "undefine": lifecycle.undefine,
    "start": lifecycle.start,
    "shutdown": must_be_active,
    "reboot": must_be_active,
    "reset": must_be_active,
    "destroy": must_be_active,
    "suspend": lifecycle.suspend,
    "resume": lifecycle.resume,
    "save": must_be_active,
    "restore": lifecycle.start,
    "managedsave": lifecycle.managed_save,
    "managedsave-remove": nothing_more,
    "dump": must_be_active,
    "autostart": changes.autostart,
    "domrename": changes.rename,
    "setmem": changes.change,
    "setmaxmem": changes.maximum,
    "setvcpus": changes.change,
    "attach-device": changes.change,
    "detach-device": changes.change,
    "update-device": changes.change,
    "desc": changes.change,
    "metadata": changes.change,
    "blockresize": nothing_more,
    "dompmsuspend": must_be_active,
    "dompmwakeup": must_be_active,
    "inject-nmi": must_be_active,
    "send-key": must_be_active,
    "domfsfreeze": must_be_active,
    "domfsthaw": must_be_active,
    "domtime": must_be_active,
    "domjobabort": must_be_active,
    "snapshot-create": snapshots.create,
    "snapshot-redefine": snapshots.redefine,
    "snapshot-revert": snapshots.revert,
    "snapshot-delete": snapshots.delete,
    "replay": nothing_more,
    "handover": nothing_more,
}
