"""The table of the rules goes on: saving, changing and signalling, as found by running libvirt 9.0 with QEMU."""

from dataclasses import replace
from typing import Any

import pytest

from domain_model.flags import CoreDump, Memory, SaveRestore, SetTime, Undefine, Vcpu
from domain_model.operations import VERBS
from domain_model.rules import RULES
from tests.unit.test_rules import (
    ASLEEP,
    LIFECYCLE,
    NOT_RUNNING,
    OFF,
    ON,
    PAUSED,
    SAVED,
    SNAPSHOTS,
    TRANSIENT,
    WITH_SNAPSHOTS,
    Case,
    refused,
)

INVALID = "Requested operation is not valid: "
NO_CONFIG = f"{INVALID}transient domains do not have any persistent config"
NO_MAXIMUM = f"{INVALID}cannot resize the maximum memory on an active domain"
NO_LIVE_MAXIMUM = "Operation not supported: maximum vcpu count of a live domain can't be modified"
NO_MEMORY = "memory in virDomainSetMemoryFlags must not be zero"
NO_VCPUS = "nvcpus in virDomainSetVcpusFlags must not be zero"
NO_RENAME_SAVED = f"{INVALID}domain with a managed saved state can't be renamed"
NO_RENAME_ACTIVE = f"{INVALID}cannot rename active domain"
NO_DURATION = "argument unsupported: Duration not supported. Use 0 for now"
NO_CLOCK = "Operation not supported: cannot set time: qemu doesn't support rtc-reset-reinjection command"
WITH_BOTH = replace(WITH_SNAPSHOTS, checkpoints=frozenset({"c"}), managed_save=True)
ALL_METADATA = Undefine.SNAPSHOTS_METADATA | Undefine.CHECKPOINTS_METADATA


def with_(flags: int = 0, /, **more: Any) -> tuple[tuple[str, Any], ...]:
    return tuple({"flags": int(flags), **more}.items())


CHANGING: dict[str, dict[str, Any]] = {
    "setmem": {"size_kib": 1024},
    "setvcpus": {"count": 1},
    "attach-device": {"xml": "d"},
    "detach-device": {"xml": "d"},
    "update-device": {"xml": "d"},
    "desc": {"text": "words"},
    "metadata": {"uri": "urn:x"},
}
"""The verbs that change what is live, the definition, or both."""
ASKING: dict[str, dict[str, Any]] = {
    "domfsfreeze": {},
    "domfsthaw": {},
    "domtime": {},
    "dompmsuspend": {"target": "mem"},
}
"""The verbs that a guest's agent carries out."""

SAVING = [
    Case("save while running", "save", ON, None),
    Case("save while paused", "save", PAUSED, None),
    Case("save while asleep", "save", ASLEEP, None),
    Case("save a transient domain", "save", TRANSIENT, None),
    Case("save while inactive", "save", OFF, 55, NOT_RUNNING),
    Case("managed save while running", "managedsave", ON, None, arguments=with_(SaveRestore.PAUSED)),
    Case("managed save while inactive", "managedsave", OFF, 55, NOT_RUNNING),
    Case(
        "managed save of a transient domain",
        "managedsave",
        TRANSIENT,
        55,
        f"{INVALID}cannot do managed save for transient domain",
    ),
    Case("remove a managed save", "managedsave-remove", SAVED, None),
    Case("remove one that is not recorded: the hypervisor knows", "managedsave-remove", OFF, None),
    Case("dump while running", "dump", ON, None),
    Case("dump while asleep", "dump", ASLEEP, None),
    Case("dump raw", "dump", ON, None, arguments=with_(format="elf")),
    Case("dump compressed", "dump", ON, None, arguments=with_(CoreDump.MEMORY_ONLY, format="kdump-zlib")),
    Case(
        "dump compressed with devices",
        "dump",
        ON,
        84,
        "Operation not supported: kdump-compressed format is only supported with memory-only dump",
        with_(format="kdump-zlib"),
    ),
    Case("dump compressed while inactive", "dump", OFF, 55, NOT_RUNNING, with_(format="kdump-zlib")),
    Case(
        "undefine with checkpoints",
        "undefine",
        replace(OFF, checkpoints=frozenset({"c"})),
        55,
        f"{INVALID}cannot delete inactive domain with 1 checkpoints",
    ),
    Case(
        "undefine with everything: snapshots come first",
        "undefine",
        WITH_BOTH,
        55,
        f"{INVALID}cannot delete inactive domain with 2 snapshots",
        with_(Undefine.MANAGED_SAVE),
    ),
    Case(
        "undefine with everything but metadata: the managed save comes last",
        "undefine",
        WITH_BOTH,
        55,
        f"{INVALID}Refusing to undefine while domain managed save image exists",
        with_(ALL_METADATA),
    ),
    Case(
        "undefine with everything", "undefine", WITH_BOTH, None, arguments=with_(ALL_METADATA | Undefine.MANAGED_SAVE)
    ),
    Case(
        "undefine a running one that has a managed save all the same",
        "undefine",
        replace(ON, managed_save=True),
        55,
        f"{INVALID}Refusing to undefine while domain managed save image exists",
    ),
    Case(
        "undefine a transient one and both keep and delete nvram",
        "undefine",
        TRANSIENT,
        55,
        f"{INVALID}cannot both keep and delete nvram",
        with_(Undefine.NVRAM | Undefine.KEEP_NVRAM | Undefine.TPM | Undefine.KEEP_TPM),
    ),
    Case(
        "undefine and both keep and delete a TPM",
        "undefine",
        WITH_SNAPSHOTS,
        55,
        f"{INVALID}cannot both keep and delete TPM",
        with_(Undefine.TPM | Undefine.KEEP_TPM),
    ),
]

CHANGES = [
    Case("autostart", "autostart", OFF, None),
    Case("autostart of a running one", "autostart", ON, None),
    Case(
        "autostart of a transient one",
        "autostart",
        TRANSIENT,
        55,
        f"{INVALID}cannot set autostart for transient domain",
        with_(disable=True),
    ),
    Case("rename", "domrename", OFF, None, arguments=with_(name="other")),
    Case(
        "rename to a name too long", "domrename", OFF, 27, "XML error: domain name has 252 bytes", with_(name="n" * 252)
    ),
    Case("rename while active", "domrename", ON, 55, NO_RENAME_ACTIVE, with_(name="other")),
    Case("rename a transient one", "domrename", TRANSIENT, 55, NO_RENAME_ACTIVE, with_(name="other")),
    Case("rename while active with a slash", "domrename", ON, 55, NO_RENAME_ACTIVE, with_(name="o/ther")),
    Case("rename with a managed save", "domrename", SAVED, 55, NO_RENAME_SAVED, with_(name="other")),
    Case("rename with a managed save to itself", "domrename", SAVED, 55, NO_RENAME_SAVED, with_(name="guest")),
    Case("rename with a managed save with a slash", "domrename", SAVED, 55, NO_RENAME_SAVED, with_(name="o/ther")),
    Case("rename to itself", "domrename", OFF, 55, f"{INVALID}Can't rename domain to itself", with_(name="guest")),
    Case(
        "rename with a slash",
        "domrename",
        OFF,
        27,
        "XML error: name o/ther cannot contain '/'",
        with_(name="o/ther"),
    ),
    *[
        case
        for verb, more in CHANGING.items()
        for case in (
            Case(f"{verb} of an inactive one", verb, OFF, None, arguments=with_(**more)),
            Case(f"{verb} of an inactive one's definition", verb, OFF, None, arguments=with_(2, **more)),
            Case(f"{verb} of an inactive one, live", verb, OFF, 55, NOT_RUNNING, with_(1, **more)),
            Case(f"{verb} of an inactive one, both", verb, OFF, 55, NOT_RUNNING, with_(3, **more)),
            Case(f"{verb} of a running one, both", verb, ON, None, arguments=with_(3, **more)),
            Case(f"{verb} of a transient one", verb, TRANSIENT, None, arguments=with_(**more)),
            Case(f"{verb} of a transient one's definition", verb, TRANSIENT, 55, NO_CONFIG, with_(2, **more)),
            Case(f"{verb} of a transient one, both", verb, TRANSIENT, 55, NO_CONFIG, with_(3, **more)),
            Case(f"{verb} of one asleep", verb, ASLEEP, None, arguments=with_(1, **more)),
        )
    ],
    Case("no memory: said before anything", "setmem", OFF, 8, NO_MEMORY, with_(Memory.LIVE, size_kib=0)),
    Case("most memory of none", "setmaxmem", ON, 8, NO_MEMORY, with_(size_kib=0)),
    Case("most memory of an inactive one", "setmaxmem", OFF, None, arguments=with_(size_kib=1)),
    Case("most memory of an inactive one, live", "setmaxmem", OFF, 55, NOT_RUNNING, with_(Memory.LIVE, size_kib=1)),
    Case("most memory of a running one", "setmaxmem", ON, 55, NO_MAXIMUM, with_(size_kib=1)),
    Case("most memory of a running one, live", "setmaxmem", ON, 55, NO_MAXIMUM, with_(Memory.LIVE, size_kib=1)),
    Case("most memory of a running one, both", "setmaxmem", ON, 55, NO_MAXIMUM, with_(3, size_kib=1)),
    Case(
        "most memory of a running one's definition",
        "setmaxmem",
        ON,
        None,
        arguments=with_(Memory.CONFIG, size_kib=1),
    ),
    Case(
        "most memory of a transient one's definition",
        "setmaxmem",
        TRANSIENT,
        55,
        NO_CONFIG,
        with_(Memory.CONFIG, size_kib=1),
    ),
    Case("no processors: said before anything", "setvcpus", OFF, 8, NO_VCPUS, with_(Vcpu.LIVE, count=0)),
    Case("most processors, both", "setvcpus", ON, 84, NO_LIVE_MAXIMUM, with_(7, count=1)),
    Case("most processors of an inactive one, both", "setvcpus", OFF, 55, NOT_RUNNING, with_(7, count=1)),
    Case("most processors of the definition", "setvcpus", ON, None, arguments=with_(6, count=1)),
    Case("the guest's processors", "setvcpus", ON, None, arguments=with_(Vcpu.GUEST, count=1)),
    Case("the guest's processors while inactive", "setvcpus", OFF, 55, NOT_RUNNING, with_(Vcpu.GUEST, count=1)),
    Case("the guest's processors while paused", "setvcpus", PAUSED, 55, NOT_RUNNING, with_(Vcpu.GUEST, count=1)),
    Case("a description of two lines", "desc", OFF, None, arguments=with_(text="a\nb")),
    Case(
        "a title of two lines: said before anything",
        "desc",
        OFF,
        8,
        "metadata title can't contain newlines",
        with_(1, text="a\nb", title=True),
    ),
    Case(
        "metadata without a key: said before anything",
        "metadata",
        OFF,
        8,
        "key in virDomainSetMetadata must not be NULL",
        with_(1, uri="urn:x", xml="d"),
    ),
    Case("metadata with a key", "metadata", OFF, None, arguments=with_(uri="urn:x", key="x", xml="d")),
    Case("resize", "blockresize", ON, None, arguments=with_(disk="vda", size_bytes=0)),
    Case("resize while inactive", "blockresize", OFF, 55, NOT_RUNNING, with_(disk="vda", size_bytes=0)),
]

SIGNALS = [
    *[
        case
        for verb in ("reset", "inject-nmi", "dompmwakeup", "domjobabort")
        for case in (
            Case(f"{verb} while running", verb, ON, None),
            Case(f"{verb} while paused", verb, PAUSED, None),
            Case(f"{verb} while asleep", verb, ASLEEP, None),
            Case(f"{verb} while inactive", verb, OFF, 55, NOT_RUNNING),
        )
    ],
    *[
        case
        for verb, more in ASKING.items()
        for case in (
            Case(f"{verb} while running", verb, ON, None, arguments=with_(**more)),
            Case(f"{verb} while paused", verb, PAUSED, 55, NOT_RUNNING, with_(**more)),
            Case(f"{verb} while asleep", verb, ASLEEP, 55, NOT_RUNNING, with_(**more)),
            Case(f"{verb} while inactive", verb, OFF, 55, NOT_RUNNING, with_(**more)),
        )
    ],
    Case("sleep for some time", "dompmsuspend", OFF, 74, NO_DURATION, with_(target="mem", duration_s=5)),
    Case("sleep for no set time", "dompmsuspend", ON, None, arguments=with_(target="mem", duration_s=0)),
    Case("set the clock", "domtime", ON, None, arguments=with_(seconds=5)),
    Case("set the clock while paused", "domtime", PAUSED, 55, NOT_RUNNING, with_(seconds=5)),
    Case("set the clock while inactive", "domtime", OFF, 84, NO_CLOCK, with_(seconds=0)),
    Case("set the clock by the other while inactive", "domtime", OFF, 84, NO_CLOCK, with_(SetTime.SYNC)),
    Case("keys", "send-key", ON, None, arguments=with_(keycodes=[28] * 16)),
    Case("keys while paused", "send-key", PAUSED, None, arguments=with_(keycodes=[28])),
    Case("keys while inactive", "send-key", OFF, 55, NOT_RUNNING, with_(keycodes=[28])),
    Case(
        "no keys: said before anything",
        "send-key",
        OFF,
        8,
        "nkeycodes in virDomainSendKey must be greater than zero",
        with_(keycodes=[]),
    ),
    Case("too many keys", "send-key", OFF, 8, "nkeycodes must be <= 16", with_(keycodes=[28] * 17)),
]

WITHOUT_RULES_OF_STATE = {"define", "managedsave-remove", "replay", "handover"}
"""Verbs that no situation forbids; replay and handover are decided by who owns the domain."""


@pytest.mark.parametrize("case", [*SAVING, *CHANGES, *SIGNALS], ids=lambda case: case.says)
def test_the_rule_answers_as_libvirt_does(case: Case) -> None:
    refused(lambda: RULES[case.verb](case.situation, {"flags": 0, **dict(case.arguments)}), case.number, case.words)


def test_the_table_has_each_verb_allowed_and_refused() -> None:
    cases = [*LIFECYCLE, *SNAPSHOTS, *SAVING, *CHANGES, *SIGNALS]
    allowed = {case.verb for case in cases if case.number is None}
    forbidden = {case.verb for case in cases if case.number is not None}

    verbs = {verb for verb in VERBS if not verb.startswith(("checkpoint-", "backup-"))}  # these have their own
    assert verbs - allowed - WITHOUT_RULES_OF_STATE == set()
    assert verbs - forbidden == WITHOUT_RULES_OF_STATE
