"""libvirt's vocabulary: states, reasons and what else it counts, with its own numbers. Its flags are in ``flags``.

Users come from virsh and hold us to its words, so these values are taken over unchanged and never invented.
Source: the enums of libvirt's public header libvirt-domain.h, version 9.0.
"""

from enum import IntEnum


class DomainState(IntEnum):
    """virDomainState."""

    NOSTATE = 0
    RUNNING = 1
    BLOCKED = 2
    PAUSED = 3
    SHUTDOWN = 4
    SHUTOFF = 5
    CRASHED = 6
    PMSUSPENDED = 7

    @property
    def active(self) -> bool:
        """Whether a domain in this state has a hypervisor process."""
        return self not in (DomainState.SHUTOFF, DomainState.NOSTATE)

    @property
    def words(self) -> str:
        """The state as virsh prints it in tables."""
        return _STATE_WORDS[self]


_STATE_WORDS = {
    DomainState.NOSTATE: "no state",
    DomainState.RUNNING: "running",
    DomainState.BLOCKED: "idle",
    DomainState.PAUSED: "paused",
    DomainState.SHUTDOWN: "in shutdown",
    DomainState.SHUTOFF: "shut off",
    DomainState.CRASHED: "crashed",
    DomainState.PMSUSPENDED: "pmsuspended",
}

# virDomain*Reason, by state; the position in the tuple is libvirt's number, the words are virsh's.
REASONS: dict[DomainState, tuple[str, ...]] = {
    DomainState.NOSTATE: ("unknown",),
    DomainState.RUNNING: (
        "unknown",
        "booted",
        "migrated",
        "restored",
        "from snapshot",
        "unpaused",
        "migration canceled",
        "save canceled",
        "event wakeup",
        "crashed",
        "post-copy",
        "post-copy failed",
    ),
    DomainState.BLOCKED: ("unknown",),
    DomainState.PAUSED: (
        "unknown",
        "user",
        "migrating",
        "saving",
        "dumping",
        "I/O error",
        "watchdog",
        "from snapshot",
        "shutting down",
        "creating snapshot",
        "crashed",
        "starting up",
        "post-copy",
        "post-copy failed",
    ),
    DomainState.SHUTDOWN: ("unknown", "user"),
    DomainState.SHUTOFF: (
        "unknown",
        "shutdown",
        "destroyed",
        "crashed",
        "migrated",
        "saved",
        "failed",
        "from snapshot",
        "daemon",
    ),
    DomainState.CRASHED: ("unknown", "panicked"),
    DomainState.PMSUSPENDED: ("unknown",),
}

CODE_SETS = {
    "linux": 0,
    "xt": 1,
    "atset1": 2,
    "atset2": 3,
    "atset3": 4,
    "os_x": 5,
    "xt_kbd": 6,
    "usb": 7,
    "win32": 8,
    "qnum": 9,
    "rfb": 9,
}
"""virKeycodeSet, by virsh's words: whose numbers those of keys may be."""

MOST_KEYS = 16
"""VIR_DOMAIN_SEND_KEY_MAX_KEYS."""

SLEEP_TARGETS = {"mem": 0, "disk": 1, "hybrid": 2}
"""virNodeSuspendTarget, by virsh's words."""

DUMP_FORMATS = {"elf": 0, "kdump-zlib": 1, "kdump-lzo": 2, "kdump-snappy": 3, "win-dmp": 4}
"""virDomainCoreDumpFormat, by virsh's words; libvirt calls the first one raw."""


def reason_words(state: DomainState, reason: int) -> str:
    """The reason as ``virsh domstate --reason`` prints it; ``unknown`` for numbers newer than this table."""
    known = REASONS[state]
    return known[reason] if 0 <= reason < len(known) else "unknown"
