"""Where Revisor and libvirt may differ, and which row of libvirt-semantics says so.

Three things make differences. The test driver has quirks of its own, and Revisor follows the QEMU driver. Revisor is
better than libvirt where libvirt loses information. And the simulator has no guest. Anything else is a mistake of one
of the two, so what matches no entry fails, and so does an entry that cites no row of docs/reference/semantics.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.equivalence.calls import Call
from tests.equivalence.seen import Difference, DomainSeen, Host

TEST, QEMU, SIMULATOR = "test driver", "QEMU", "simulator"
"""The pairings: Revisor over the test driver or QEMU beside the same, and Revisor over its simulator beside QEMU."""
PAIRINGS = (TEST, QEMU, SIMULATOR)


@dataclass(frozen=True, slots=True)
class Moment:
    """A call that was just answered. ``ours`` and ``theirs`` are the numbers; None when it succeeded."""

    pairing: str
    call: Call
    before: Host
    ours: int | None
    theirs: int | None

    @property
    def domain(self) -> DomainSeen | None:
        """The domain as it was when it was asked."""
        return self.before.get(self.call.domain)


When = Callable[[Moment], bool]


def _always(_: Moment) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class AnswerTolerance:
    """Calls that Revisor answers with one of ``ours`` and libvirt with one of ``theirs``. None: it succeeds."""

    row: str
    pairings: tuple[str, ...]
    verbs: tuple[str, ...]
    ours: tuple[int | None, ...]
    theirs: tuple[int | None, ...]
    when: When = _always
    make_up: Callable[[Call], Call] | None = None
    """What libvirt is asked for so that both are the same again. Without it, where only one side did what was asked,
    both begin afresh."""
    half_done: bool = False
    """Whether libvirt refuses with the deed half done: both begin afresh."""

    def fits(self, moment: Moment) -> bool:
        return (
            moment.pairing in self.pairings
            and moment.call.verb in self.verbs
            and moment.ours in self.ours
            and moment.theirs in self.theirs
            and self.when(moment)
        )


@dataclass(frozen=True, slots=True)
class ShownTolerance:
    """Something that the sides show differently after one of these verbs. Then both begin afresh."""

    row: str
    pairings: tuple[str, ...]
    verbs: tuple[str, ...] | None
    """None: whatever was asked. Then nothing else depends on it, and both go on."""
    path: str
    """A pattern, such as ``*.reason``."""
    when: When = _always
    shown: Callable[[Difference], bool] = lambda _: True

    def fits(self, moment: Moment, difference: Difference) -> bool:
        return (
            moment.pairing in self.pairings
            and (self.verbs is None or moment.call.verb in self.verbs)
            and fnmatchcase(difference.path, self.path)
            and self.shown(difference)
            and self.when(moment)
        )


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A mistake of libvirt's by which what it shows later means nothing any more: both begin afresh."""

    row: str
    pairings: tuple[str, ...]
    verbs: tuple[str, ...]
    when: Callable[[Moment, Host], bool]
    """Whether it was made, by what libvirt shows after the call."""

    def fits(self, moment: Moment, after: Host) -> bool:
        return moment.pairing in self.pairings and moment.call.verb in self.verbs and self.when(moment, after)


def _flags(*names: str) -> When:
    return lambda moment: any(moment.call.has(name) for name in names)


def _both(*names: str) -> When:
    return lambda moment: all(moment.call.has(name) for name in names)


def _of(test: Callable[[DomainSeen], bool]) -> When:
    """Of a domain that was there before and passes the test."""
    return lambda moment: moment.domain is not None and test(moment.domain)


def _named(test: Callable[[str], bool]) -> When:
    """Of a snapshot whose name passes the test."""
    return lambda moment: test(str(moment.call.arguments.get("name") or moment.call.arguments["document"].get("name")))


def _name_taken(moment: Moment) -> bool:
    return moment.domain is not None and moment.call.arguments.get("name") in moment.domain.snapshots


_bad_name = _named(lambda name: "/" in name or name.startswith("."))
_active, _off = _of(lambda domain: domain.active), _of(lambda domain: not domain.active)
_paused, _transient = _of(lambda domain: domain.paused), _of(lambda domain: not domain.persistent)
_with_checkpoints = _of(lambda domain: bool(domain.checkpoints))
_ways = _both("acpi", "agent")


def _over_an_external_one(moment: Moment) -> bool:
    """Of an internal snapshot beside one whose data is the disk's image as it was."""
    there = {} if moment.domain is None else moment.domain.snapshots
    target = there.get(moment.call.arguments["name"])
    return (
        target is not None and target.location == "internal" and "external" in {one.location for one in there.values()}
    )


def _of_an_external_one(moment: Moment) -> bool:
    target = None if moment.domain is None else moment.domain.snapshots.get(moment.call.arguments["name"])
    return target is not None and target.location == "external"


_DEVICES = ("attach-device", "detach-device", "update-device")
_NONE = ("blockresize", "dompmsuspend", "dompmwakeup", "domjobabort")
_AGENT = ("domfsfreeze", "domfsthaw", "domtime")

# What Revisor refuses by QEMU's rules before the test driver can say that it knows no such flag (8) or call (3).
_FIRST = (9, 27, 35, 55, 77)

ANSWERS: tuple[AnswerTolerance, ...] = (
    # The test driver uses 1 where QEMU has 55.
    AnswerTolerance("2.3-start-active", (TEST,), ("start", "create"), (55,), (1,), _active),
    AnswerTolerance("2.3-suspend-inactive", (TEST,), ("suspend",), (55,), (1,), _off),
    AnswerTolerance("2.3-resume-inactive", (TEST,), ("resume",), (55,), (1,), _off),
    AnswerTolerance("2.3-resume-running", (TEST,), ("resume",), (55,), (1,), _of(lambda domain: domain.running)),
    AnswerTolerance("2.3-shutdown-inactive", (TEST,), ("shutdown",), (55,), (1,), _off),
    # It knows fewer flags.
    AnswerTolerance(
        "2.3-start-paused",
        (TEST,),
        ("start", "create"),
        _FIRST,
        (8,),
        _flags("paused", "bypass_cache", "force_boot", "reset_nvram"),
    ),
    AnswerTolerance("2.3-shutdown-inactive", (TEST,), ("shutdown",), _FIRST, (8,), _flags("acpi", "agent", "signal")),
    AnswerTolerance("2.3-destroy-inactive", (TEST,), ("destroy",), _FIRST, (8,), _flags("remove_logs")),
    AnswerTolerance(
        "1.7-nvram-both", (TEST,), ("undefine",), _FIRST, (8,), _flags("nvram", "keep_nvram", "checkpoints_metadata")
    ),
    AnswerTolerance("1.1-no-metadata", (TEST,), ("snapshot-create",), _FIRST, (8,), _flags("no_metadata")),
    AnswerTolerance("1.1-disk-only-needs-external", (TEST,), ("snapshot-create",), _FIRST, (8,), _flags("disk_only")),
    AnswerTolerance(
        "1.1-reuse-external-existing", (TEST,), ("snapshot-create",), _FIRST, (8,), _flags("reuse_external")
    ),
    AnswerTolerance("1.4-reset-nvram", (TEST,), ("snapshot-revert",), _FIRST, (8,), _flags("reset_nvram")),
    AnswerTolerance(
        "2.3-affect-live-inactive", (TEST,), ("setmem", "setmaxmem"), _FIRST, (8,), _both("live", "config")
    ),
    AnswerTolerance("2.3-affect-live-inactive", (TEST,), ("setvcpus",), _FIRST, (8,), _flags("guest")),
    AnswerTolerance("2.3-setvcpus-maximum-live", (TEST,), ("setvcpus",), (84,), (8,), _both("maximum", "live")),
    # It has no such calls.
    AnswerTolerance("2.3-affect-live-inactive", (TEST,), _DEVICES, (55,), (3,)),
    AnswerTolerance("2.3-pmsuspend-inactive", (TEST,), _NONE, (55,), (3,)),
    # All it has of a snapshot is metadata, and it rejects the flag; Revisor has the snapshot deleted.
    AnswerTolerance(
        "1.5-metadata",
        (TEST,),
        ("snapshot-delete",),
        (None,),
        (8,),
        _flags("metadata"),
        make_up=lambda call: call.without("metadata"),
    ),
    # It lets happen what QEMU refuses.
    AnswerTolerance("2.3-shutdown-paused", (TEST,), ("shutdown",), (55,), (None,), _paused),
    AnswerTolerance("1.7-checkpoints", (TEST,), ("undefine",), (55,), (None,), _with_checkpoints),
    AnswerTolerance("1.8-delete-off", (TEST,), ("checkpoint-delete",), (84,), (None,), _off),
    AnswerTolerance("1.7-transient", (TEST,), ("undefine",), (55,), (None,), _transient),
    AnswerTolerance("1.7-transient-autostart", (TEST,), ("autostart",), (55,), (None,), _transient),
    AnswerTolerance(
        "1.7-rename-managed-save", (TEST,), ("domrename",), (55,), (None, 27), _of(lambda domain: domain.managed_save)
    ),
    AnswerTolerance(
        "1.4-managed-save", (TEST,), ("snapshot-revert",), (77,), (None,), _of(lambda domain: domain.managed_save)
    ),
    AnswerTolerance("1.1-quiesce-without-disk-only", (TEST,), ("snapshot-create",), (8,), (None, 9), _flags("quiesce")),
    AnswerTolerance(
        "1.2-name-slash", (TEST,), ("snapshot-create",), (35,), (None, 8), _named(lambda name: "/" in name)
    ),
    AnswerTolerance(
        "1.2-name-dot", (TEST,), ("snapshot-create",), (35,), (None, 8), _named(lambda name: name.startswith("."))
    ),
    AnswerTolerance(
        "1.3-name-slash",
        (TEST,),
        ("snapshot-redefine",),
        (35,),
        (None, 1, 8),
        _bad_name,
    ),
    # Its guests have an agent, whatever their state.
    AnswerTolerance("2.3-agent-paused", (TEST,), _AGENT, (55,), (None,), _paused),
    AnswerTolerance("2.3-agent-inactive", (TEST,), ("domtime",), (84,), (55,), _off),
    # What makes no sense is refused before anything is looked up, as virsh does; libvirt has a call for looking up.
    AnswerTolerance("1.4-running-paused", PAIRINGS, ("snapshot-revert",), (8,), (72,), _both("running", "paused")),
    AnswerTolerance(
        "1.5-children-and-only", PAIRINGS, ("snapshot-delete",), (8,), (72,), _both("children", "children_only")
    ),
    # Of two faults at once the one is named that is found first: names before the domain, the domain before the flags
    # that its hypervisor does not know.
    AnswerTolerance("1.2-name-dot", PAIRINGS, ("snapshot-create",), (35,), (55, 84), _bad_name),
    # And a name that is taken, which the log knows, before the file that the snapshot of this name made.
    AnswerTolerance("1.2-name-exists", (QEMU, SIMULATOR), ("snapshot-create",), (9,), (67,), _name_taken),
    AnswerTolerance("1.3-name-slash", PAIRINGS, ("snapshot-redefine",), (35,), (84,), _bad_name),
    AnswerTolerance(
        "1.3-checkpoint-off",
        (QEMU, SIMULATOR),
        ("snapshot-redefine",),
        (1, 27, 67),
        (84,),
        lambda moment: _off(moment) and _with_checkpoints(moment),
    ),
    AnswerTolerance("1.5-children-external", (QEMU, SIMULATOR), ("snapshot-delete",), (67,), (84,), _active),
    AnswerTolerance("2.3-shutdown-inactive", (QEMU, SIMULATOR), ("shutdown",), (55,), (8,), _flags("signal")),
    AnswerTolerance("2.3-reboot-inactive", (QEMU, SIMULATOR), ("reboot",), (55,), (8,), _flags("initctl")),
    # Better than libvirt: it stops the guest before QEMU says that a disk with bitmaps cannot go back.
    AnswerTolerance(
        "1.8-revert",
        (QEMU, SIMULATOR),
        ("snapshot-revert",),
        (77,),
        (1,),
        _with_checkpoints,
        half_done=True,
    ),
    # Better than libvirt: it puts an image back under snapshots of the same domain that live in it as they were.
    AnswerTolerance(
        "1.4-base-of-external",
        (QEMU, SIMULATOR),
        ("snapshot-revert",),
        (55,),
        (None, 1, 77),
        _over_an_external_one,
        half_done=True,
    ),
    # Both refuse to merge an overlay that is not in use: Revisor names who lives in its base, which it looks at first.
    AnswerTolerance(
        "1.5-base-of-external",
        (QEMU, SIMULATOR),
        ("snapshot-delete",),
        (55,),
        (8,),
        _of_an_external_one,
    ),
    # Better than libvirt: it stops the guest before it finds out that the image does not hold the snapshot.
    AnswerTolerance("1.3-no-verification", (QEMU,), ("snapshot-revert",), (55,), (1,), half_done=True),
    # A mistake of libvirt's: with both flags it takes the word of an agent that is not there.
    AnswerTolerance(
        "2.3-shutdown-acpi-agent",
        (QEMU, SIMULATOR),
        ("shutdown",),
        (55,),
        (None,),
        lambda moment: _off(moment) and _ways(moment),
    ),
    # Nobody looks into the images when metadata is redefined, and the simulator has none to fail with later.
    AnswerTolerance("1.3-no-verification", (SIMULATOR,), ("snapshot-revert",), (None,), (1,)),
    # Revisor restores what it saved: it must know whose guest it is before it lets it go on.
    AnswerTolerance("2.3-restore-unknown", PAIRINGS, ("restore",), (42,), (38,)),
)

SPOILT: tuple[Spoilt, ...] = (
    # The guest was stopped before it was known whether the snapshot can be loaded: a transient domain stays, off.
    Spoilt(
        "1.4-failed-transient",
        PAIRINGS,
        ("snapshot-revert",),
        lambda _, after: any(not (domain.active or domain.persistent) for domain in after.values()),
    ),
    # A renamed domain gets back the name the snapshot knew, and is found under both from then on.
    Spoilt(
        "1.4-name-kept",
        (TEST,),
        ("snapshot-revert",),
        lambda moment, after: moment.theirs is None and moment.call.domain not in after,
    ),
)


def _undefined_by_half(moment: Moment) -> bool:
    """What was told to go went, before libvirt came upon what was not."""
    domain = moment.domain
    left = domain is not None and (domain.checkpoints or domain.managed_save)
    return bool(left) and moment.theirs == 55 and _half(moment)


_half = _flags("snapshots_metadata", "checkpoints_metadata")


SHOWN: tuple[ShownTolerance, ...] = (
    # Our guest has no driver for its balloon and keeps what it had; one that the simulator imagines obeys.
    ShownTolerance("2.3-setmem-live", (SIMULATOR,), None, "*.live.current_memory_kib"),
    # Better than libvirt: it forgets the snapshots, and then refuses for the checkpoints or the managed save.
    *(
        ShownTolerance("1.7-checkpoints-and-snapshots", (QEMU, SIMULATOR), ("undefine",), path, _undefined_by_half)
        for path in ("*.snapshots.*", "*.checkpoints.*", "*.current")
    ),
    # Better than libvirt: what was deleted as metadata comes back with its place, where libvirt leaves its children
    # with the grandparent, and another or none the current one.
    ShownTolerance("1.3-current-unchanged", PAIRINGS, ("snapshot-redefine",), "*.current"),
    ShownTolerance("1.5-metadata", PAIRINGS, ("snapshot-redefine",), "*.snapshots.*.parent"),
)


def tolerance_of_answers(moment: Moment) -> AnswerTolerance | None:
    """The entry that allows these two answers."""
    return next((entry for entry in ANSWERS if entry.fits(moment)), None)


def tolerance_of_difference(moment: Moment, difference: Difference) -> ShownTolerance | None:
    """The entry that allows what came to be shown differently."""
    return next((entry for entry in SHOWN if entry.fits(moment, difference)), None)


def spoilt_by(moment: Moment, after: Host) -> str | None:
    """The row by which libvirt went wrong in this call, if nothing can be compared any more."""
    return next((entry.row for entry in SPOILT if entry.fits(moment, after)), None)
