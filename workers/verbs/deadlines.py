"""How long each verb may take before its hypervisor is taken to be stuck, though its connection is alive.

A hypervisor that is gone is noticed by its silence (``REVISOR_SILENCE_S``). One that goes on answering pings, and never
this one call, as libvirt does for a guest whose QEMU hangs, is not.
"""

DEADLINE_S = 120.0
"""libvirt itself gives up waiting for its turn after 30 s."""

UNLIMITED = frozenset(
    {
        # libvirt gives a QEMU that hangs half a minute to end, answers nothing about it meanwhile, and then says so.
        "destroy",
        # They move a guest's memory or its disks.
        *("save", "restore", "managedsave", "dump", "start", "create", "blockresize"),
        *("snapshot-create", "snapshot-revert", "snapshot-delete"),
        *("checkpoint-create", "checkpoint-delete", "backup-begin"),
        # They are as long as a tree.
        *("snapshot-redefine", "snapshot-undelete", "replay", "undefine"),
        # The guest has to write out what it has in memory first.
        *("domfsfreeze", "dompmsuspend"),
    }
)
"""What may take as long as it takes, while its connection is alive."""


def deadline_of(verb: str, deadline_s: float = DEADLINE_S) -> float | None:
    """How long an attempt at this verb may take, in seconds; None: as long as it takes."""
    return None if verb in UNLIMITED else deadline_s
