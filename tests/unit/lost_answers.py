"""The verbs whose answers get lost, and what becomes of each: at once, and after one more round.

Kept apart from the tests that go through them, for there is one for every way in which a verb can be told to have
happened.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from domain_model import snapshot_xml
from domain_model.flags import CoreDump, SetTime, SnapshotCreate, SnapshotDelete
from tests.unit.domain_histories import ALPHA, UUID_TEXT
from tests.unit.stage import Stage, altered, definition

SUCCEEDED, UNKNOWN, IN_FLIGHT = "succeeded", "outcome_unknown", "in flight"
FILE = "/saved/guest"
AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
STICK = (
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/stick.qcow2'/>"
    "<target dev='sdb' bus='usb'/></disk>"
)


def nothing(_stage: Stage) -> None:
    pass


def running(stage: Stage) -> None:
    stage.define()
    stage.start()


def paused(stage: Stage) -> None:
    running(stage)
    stage.do("suspend")


def with_snapshots(stage: Stage) -> None:
    running(stage)
    stage.snapshot("a", "b")


def off_with_snapshots(stage: Stage) -> None:
    stage.define()
    stage.snapshot("a", "b")


def transient(stage: Stage) -> None:
    assert stage.do("create", name="guest", xml=definition()).state == SUCCEEDED


def saved(stage: Stage) -> None:
    running(stage)
    assert stage.do("save", file=FILE).state == SUCCEEDED


def managed_saved(stage: Stage) -> None:
    running(stage)
    assert stage.do("managedsave").state == SUCCEEDED


def with_an_agent(stage: Stage) -> None:
    text = definition().replace("</devices>", f"{AGENT}</devices>")
    assert stage.do("define", name="guest", xml=text).state == SUCCEEDED
    stage.start()


def frozen(stage: Stage) -> None:
    with_an_agent(stage)
    assert stage.do("domfsfreeze").state == SUCCEEDED


def asleep(stage: Stage) -> None:
    with_an_agent(stage)
    assert stage.do("dompmsuspend", target="mem").state == SUCCEEDED


def autostarting(stage: Stage) -> None:
    stage.define()
    assert stage.do("autostart").state == SUCCEEDED


def with_a_stick(stage: Stage) -> None:
    stage.define()
    assert stage.do("attach-device", xml=STICK).state == SUCCEEDED


def busy(stage: Stage) -> None:
    """A job is under way that can be aborted."""
    running(stage)
    stage.drivers[ALPHA] = altered(stage.drivers[ALPHA], abort_job=lambda _uuid: None)


def with_a_deleted_snapshot(stage: Stage) -> None:
    with_snapshots(stage)
    assert stage.delete("b", int(SnapshotDelete.METADATA_ONLY)).state == SUCCEEDED


def redefinition(stage: Stage) -> dict[str, Any]:
    text = stage.drivers[ALPHA].snapshot_xml(UUID_TEXT, "b").replace("the b one", "better")
    return {"name": "b", "parent": "a", "state": "running", "flags": 1, "xml": text}


@dataclass(frozen=True)
class Lost:
    """A verb whose answer is lost: its state at once, and after one more round."""

    says: str
    verb: str
    call: str
    given: Callable[[Stage], None]
    not_done: tuple[str, str]
    """When the hypervisor did not do it."""
    done: tuple[str, str]
    arguments: Callable[[Stage], dict[str, Any]] = field(default=lambda _stage: {})


MADE: dict[str, Any] = {"name": "guest", "xml": definition()}
TAKEN: dict[str, Any] = {"name": "c", "xml": snapshot_xml.build("c"), "flags": 0}
AGAIN = (IN_FLIGHT, SUCCEEDED)
AT_ONCE = (SUCCEEDED, SUCCEEDED)
NEVER_KNOWN = (UNKNOWN, UNKNOWN)

LOST = [
    Lost("define", "define", "define", nothing, AGAIN, AGAIN, lambda _: MADE),
    Lost("create", "create", "create", nothing, AGAIN, AT_ONCE, lambda _: MADE),
    Lost("undefine", "undefine", "undefine", Stage.define, AGAIN, AT_ONCE),
    Lost("undefine while running", "undefine", "undefine", running, AGAIN, AT_ONCE),
    Lost("start", "start", "start", Stage.define, AGAIN, AT_ONCE),
    Lost("shutdown", "shutdown", "shutdown", running, AGAIN, AT_ONCE),
    Lost("destroy", "destroy", "destroy", running, AGAIN, AT_ONCE),
    Lost("reboot", "reboot", "reboot", running, NEVER_KNOWN, NEVER_KNOWN),
    Lost("suspend", "suspend", "suspend", running, AGAIN, AT_ONCE),
    Lost("resume", "resume", "resume", paused, AGAIN, AT_ONCE),
    Lost("take a snapshot", "snapshot-create", "snapshot_create", running, AGAIN, AT_ONCE, lambda _: TAKEN),
    Lost(
        "take one without metadata",
        "snapshot-create",
        "snapshot_create",
        running,
        NEVER_KNOWN,
        NEVER_KNOWN,
        lambda _: {**TAKEN, "flags": int(SnapshotCreate.NO_METADATA)},
    ),
    Lost("redefine", "snapshot-redefine", "snapshot_create", with_snapshots, AGAIN, AGAIN, redefinition),
    Lost(
        "revert a running guest",
        "snapshot-revert",
        "snapshot_revert",
        with_snapshots,
        AGAIN,
        AT_ONCE,
        lambda _: {"name": "a", "flags": 0},
    ),
    Lost(
        "revert a running guest to where it is",
        "snapshot-revert",
        "snapshot_revert",
        with_snapshots,
        AGAIN,
        AT_ONCE,
        lambda _: {"name": "b", "flags": 0},
    ),
    Lost(
        "revert a guest that is off",
        "snapshot-revert",
        "snapshot_revert",
        off_with_snapshots,
        AGAIN,
        AT_ONCE,
        lambda _: {"name": "a", "flags": 0},
    ),
    Lost(
        "revert a guest that is off to where it is: once more makes no difference",
        "snapshot-revert",
        "snapshot_revert",
        off_with_snapshots,
        AGAIN,
        AGAIN,
        lambda _: {"name": "b", "flags": 0},
    ),
    Lost(
        "delete",
        "snapshot-delete",
        "snapshot_delete",
        with_snapshots,
        AGAIN,
        AT_ONCE,
        lambda _: {"name": "b", "flags": 0},
    ),
    Lost(
        "delete children only",
        "snapshot-delete",
        "snapshot_delete",
        with_snapshots,
        AGAIN,
        AGAIN,
        lambda _: {"name": "a", "flags": 4},
    ),
    Lost(
        "undelete",
        "snapshot-undelete",
        "snapshot_create",
        with_a_deleted_snapshot,
        AGAIN,
        AGAIN,
        lambda _: {"name": "b"},
    ),
    Lost("reset", "reset", "reset", running, NEVER_KNOWN, NEVER_KNOWN),
    Lost("save", "save", "save", running, AGAIN, AT_ONCE, lambda _: {"file": FILE}),
    Lost(
        "save a transient one: it is gone, which may have another cause",
        "save",
        "save",
        transient,
        AGAIN,
        NEVER_KNOWN,
        lambda _: {"file": FILE},
    ),
    Lost("restore", "restore", "restore", saved, AGAIN, AT_ONCE, lambda _: {"file": FILE, "name": "guest"}),
    Lost("managed save", "managedsave", "managed_save", running, AGAIN, AT_ONCE),
    Lost("remove a managed save", "managedsave-remove", "managed_save_remove", managed_saved, AGAIN, AT_ONCE),
    Lost("dump", "dump", "core_dump", running, AGAIN, AGAIN, lambda _: {"file": FILE}),
    Lost(
        "dump and crash",
        "dump",
        "core_dump",
        running,
        NEVER_KNOWN,
        NEVER_KNOWN,
        lambda _: {"file": FILE, "flags": int(CoreDump.CRASH)},
    ),
    Lost("autostart", "autostart", "set_autostart", Stage.define, AGAIN, AT_ONCE),
    Lost("no autostart", "autostart", "set_autostart", autostarting, AGAIN, AT_ONCE, lambda _: {"disable": True}),
    Lost("rename", "domrename", "rename", Stage.define, AGAIN, AT_ONCE, lambda _: {"name": "other"}),
    Lost("memory", "setmem", "set_memory", Stage.define, AGAIN, AGAIN, lambda _: {"size_kib": 8192}),
    Lost("most memory", "setmaxmem", "set_memory", Stage.define, AGAIN, AGAIN, lambda _: {"size_kib": 8192}),
    Lost("processors", "setvcpus", "set_vcpus", Stage.define, AGAIN, AGAIN, lambda _: {"count": 1}),
    Lost("attach", "attach-device", "attach_device", running, AGAIN, AT_ONCE, lambda _: {"xml": STICK}),
    Lost("detach", "detach-device", "detach_device", with_a_stick, AGAIN, AT_ONCE, lambda _: {"xml": STICK}),
    Lost("update", "update-device", "update_device", with_a_stick, AGAIN, AGAIN, lambda _: {"xml": STICK}),
    Lost("description", "desc", "set_description", running, AGAIN, AGAIN, lambda _: {"text": "words"}),
    Lost("title", "desc", "set_title", running, AGAIN, AGAIN, lambda _: {"text": "words", "title": True}),
    Lost("metadata", "metadata", "set_metadata", running, AGAIN, AGAIN, lambda _: {"uri": "urn:x"}),
    Lost("resize", "blockresize", "block_resize", running, AGAIN, AGAIN, lambda _: {"disk": "vda", "size_bytes": 4096}),
    Lost("sleep", "dompmsuspend", "pm_suspend", with_an_agent, AGAIN, AT_ONCE, lambda _: {"target": "mem"}),
    Lost("wake", "dompmwakeup", "pm_wakeup", asleep, AGAIN, AT_ONCE),
    Lost("interrupt", "inject-nmi", "inject_nmi", running, NEVER_KNOWN, NEVER_KNOWN),
    Lost("keys", "send-key", "send_key", running, NEVER_KNOWN, NEVER_KNOWN, lambda _: {"keycodes": [28]}),
    Lost("freeze", "domfsfreeze", "fs_freeze", with_an_agent, NEVER_KNOWN, NEVER_KNOWN),
    Lost("thaw", "domfsthaw", "fs_thaw", frozen, AGAIN, AGAIN),
    Lost("read the clock", "domtime", "guest_time", with_an_agent, AGAIN, AGAIN),
    Lost(
        "set the clock by the other",
        "domtime",
        "set_guest_time",
        with_an_agent,
        AGAIN,
        AGAIN,
        lambda _: {"flags": int(SetTime.SYNC)},
    ),
    Lost(
        "set the clock", "domtime", "set_guest_time", with_an_agent, NEVER_KNOWN, NEVER_KNOWN, lambda _: {"seconds": 9}
    ),
    Lost("abort a job", "domjobabort", "abort_job", busy, NEVER_KNOWN, NEVER_KNOWN),
]
