"""Sections 1.7 and 2.3: undefining, transient domains, renaming, and every transition of a domain."""

import re
from collections.abc import Callable
from pathlib import Path

from domain_model import domain_xml
from tests.equivalence.guests import build_image
from tests.integration.product import ALICE
from tests.integration.semantics.row import (
    DEFINED,
    RUNNING,
    START,
    Row,
    Step,
    act,
    create,
    define,
    delete,
    snapshot,
    state,
    tree,
)
from tests.integration.semantics.world import QEMU, Answer, World
from tests.lab.awaiting import eventually

_ANOTHER = define(disks=("raw",))
_DISK = re.compile(r"-vda\.(\w+)")

TRANSIENT = (create(),)
PAUSED = (*RUNNING, act("suspend"))
SAVED = (*RUNNING, act("managedsave"))


def gone(world: World) -> bool:
    items = world.product.service.domains(all_domains=True, host=world.host)
    return all(item["uuid"] != world.uuid for item in items)


def named_anew(world: World) -> bool:
    """Nothing has the old name any more, and the definition has the new one."""
    items = world.product.service.domains(all_domains=True, host=world.host)
    names = [item["name"] for item in items if item["uuid"] == world.uuid]
    return names == [world.name] and world.name.endswith("-new") and f"<name>{world.name}</name>" in world.xml()


def _disks(live: str, next_start: str) -> Callable[[World], bool]:
    """The format of the disk in use, and of the one that the next start takes."""
    return lambda world: (
        _DISK.findall(world.xml()) == [live] and _DISK.findall(world.xml(inactive=True)) == [next_start]
    )


def _less_memory(world: World) -> bool:
    said = domain_xml.read(world.xml())
    return (said.current_memory_kib, said.memory_kib) == (8192, 16384)


def _boots_anew(world: World) -> bool:
    return not world.domain["managed_save"] and START(world).number is None and state("running", "booted")(world)


def _listening(world: World) -> Answer:
    """Start a guest that hears its power button; a simulated one always does."""
    log = world.folder / f"{world.name}.log"
    if world.kind == QEMU:
        build_image(Path(world.image()))
    serial = f"<serial type='file'><source path='{log}'/><target port='0'/></serial>"
    xml = world.definition(more=serial).replace("</os>", "</os><features><acpi/></features>")
    answer = world.settled(lambda: world.product.service.define(xml, world.host, ALICE))
    answer = START(world) if answer.number is None else answer
    if world.kind == QEMU:
        eventually(lambda: log.exists() and log.stat().st_size > 1, what=f"{world.name} listens")
    return answer


def _obeys(world: World) -> bool:
    def is_off() -> bool:
        world.look()
        return state("shut off", "shutdown")(world)

    return eventually(is_off, what=f"{world.name} is off")


def _with_another_uuid(world: World) -> Answer:
    other = World(world.product, world.host, world.kind, world.folder, name=world.name)
    return other.define()


def _of_no_type(world: World) -> Answer:
    xml = world.definition().replace("<domain type='qemu'>", "<domain type='abacus'>")
    return world.settled(lambda: world.product.service.define(xml, world.host, ALICE))


def _under_another_name(world: World) -> Answer:
    return world.define(name=f"{world.name}-other")


def _renamed(to: str) -> Step:
    def rename(world: World) -> Answer:
        answer = world.act("domrename", name=to.replace("NAME", world.name))
        if answer.number is None:
            world.name = to.replace("NAME", world.name)
        return answer

    return rename


def _renamed_to_a_neighbour(world: World) -> Answer:
    neighbour = World(world.product, world.host, world.kind, world.folder)
    assert neighbour.define().number is None
    answer = world.act("domrename", name=neighbour.name)
    neighbour.clear()
    return answer


def _saved_and_restored(world: World) -> Answer:
    path = str(world.folder / f"{world.name}.sav")
    answer = world.act("save", file=path)
    assert answer.number is None, answer
    return world.settled(lambda: world.product.service.restore(world.host, {"file": path}, ALICE))


def _restored_while_running(world: World) -> Answer:
    assert _saved_and_restored(world).number is None
    path = str(world.folder / f"{world.name}.sav")
    return world.settled(lambda: world.product.service.restore(world.host, {"file": path}, ALICE))


UNDEFINE = [
    Row("1.7-nvram-both", "keep or remove", act("undefine", nvram=True, keep_nvram=True), 55, DEFINED),
    Row("1.7-tpm-both", "keep or remove", act("undefine", tpm=True, keep_tpm=True), 55, DEFINED),
    Row("1.7-transient", "has no definition", act("undefine"), 55, TRANSIENT),
    Row("1.7-snapshots", "would be orphaned", act("undefine"), 55, (*DEFINED, snapshot("s1"))),
    Row(
        "1.7-snapshots-metadata",
        "goes along",
        act("undefine", snapshots_metadata=True),
        None,
        (*DEFINED, snapshot("s1")),
        gone,
    ),
    Row("1.7-managed-save", "would be lost", act("undefine"), 55, SAVED),
    Row(
        "1.7-managed-save-and-snapshots",
        "libvirt forgets the snapshots before it refuses",
        act("undefine", snapshots_metadata=True),
        55,
        (*RUNNING, snapshot("s1"), act("managedsave")),
        tree(s1=None),
    ),
    Row("1.7-managed-save-flag", "goes along", act("undefine", managed_save=True), None, SAVED, gone),
    Row(
        "1.7-active",
        "becomes transient and keeps its snapshots",
        act("undefine"),
        None,
        (*RUNNING, snapshot("s1")),
        lambda world: not world.domain["persistent"] and world.parents == {"s1": None},
    ),
    Row("1.7-transient-snapshot", "is allowed", snapshot("s1"), None, TRANSIENT, tree(s1=None)),
    Row("1.7-transient-managed-save", "has nothing to go on from", act("managedsave"), 55, TRANSIENT),
    Row("1.7-transient-autostart", "will not be there", act("autostart"), 55, TRANSIENT),
    Row("1.7-transient-stop", "is gone", act("destroy"), None, (*TRANSIENT, snapshot("s1")), gone),
    Row("1.7-rename", "of an inactive domain", _renamed("NAME-new"), None, DEFINED, named_anew),
    Row(
        "1.7-rename-snapshots",
        "move along",
        _renamed("NAME-new"),
        None,
        (*DEFINED, snapshot("s1")),
        lambda world: named_anew(world) and world.parents == {"s1": None} and delete("s1")(world).number is None,
    ),
    Row("1.7-rename-active", "runs", act("domrename", name="other"), 55, RUNNING),
    Row("1.7-rename-managed-save", "belongs to the old name", act("domrename", name="other"), 55, SAVED),
    Row("1.7-rename-slash", "could be no file", act("domrename", name="a/b"), 27, DEFINED),
    Row("1.7-rename-itself", "is another name", lambda world: world.act("domrename", name=world.name), 55, DEFINED),
    Row("1.7-rename-taken", "is another domain's", _renamed_to_a_neighbour, 55, DEFINED),
    Row("1.7-start-consumes-managed-save", "goes on", START, None, SAVED, state("running", "restored")),
]

TRANSITIONS = [
    Row("2.3-define", "a new domain", define(), None, (), state("shut off")),
    Row("2.3-define-again", "replaces the definition", _ANOTHER, None, DEFINED, _disks("raw", "raw")),
    Row("2.3-define-name-taken", "another domain's", _with_another_uuid, 9, DEFINED),
    Row("2.3-define-other-name", "the same UUID", _under_another_name, 9, DEFINED),
    Row("2.3-define-dots", "libvirt would remove the snapshots of all others", define(name=".."), 27),
    Row("2.3-define-type", "libvirt knows none such", _of_no_type, 67),
    Row("2.3-define-running", "waits for the next start", _ANOTHER, None, RUNNING, _disks("qcow2", "raw")),
    Row("2.3-create", "a transient domain", create(), None, (), state("running", "booted")),
    Row("2.3-create-defined", "runs what is given", create(disks=("raw",)), None, DEFINED, _disks("raw", "qcow2")),
    Row("2.3-create-active", "runs already", create(), 55, RUNNING),
    Row("2.3-start", "boots", START, None, DEFINED, state("running", "booted")),
    Row("2.3-start-paused", "waits", act("start", paused=True), None, DEFINED, state("paused")),
    Row("2.3-start-active", "runs already", START, 55, RUNNING),
    Row("2.3-start-force-boot", "boots anew", act("start", force_boot=True), None, SAVED, state("running", "booted")),
    Row("2.3-suspend", "pauses", act("suspend"), None, RUNNING, state("paused", "user")),
    Row("2.3-suspend-paused", "is paused", act("suspend"), None, PAUSED, state("paused", "user")),
    Row("2.3-suspend-inactive", "is off", act("suspend"), 55, DEFINED),
    Row("2.3-resume", "goes on", act("resume"), None, PAUSED, state("running", "unpaused")),
    Row("2.3-resume-running", "runs already", act("resume"), 55, RUNNING),
    Row("2.3-resume-inactive", "is off", act("resume"), 55, DEFINED),
    Row("2.3-shutdown", "asks the guest", act("shutdown"), None, (_listening,), _obeys),
    Row("2.3-shutdown-inactive", "is off", act("shutdown"), 55, DEFINED),
    Row("2.3-shutdown-paused", "cannot hear", act("shutdown"), 55, PAUSED),
    Row("2.3-reboot", "asks the guest", act("reboot"), None, RUNNING, state("running")),
    Row("2.3-reboot-inactive", "is off", act("reboot"), 55, DEFINED),
    Row("2.3-reset", "presses the button", act("reset"), None, RUNNING, state("running")),
    Row("2.3-reset-inactive", "is off", act("reset"), 55, DEFINED),
    Row("2.3-destroy", "stops at once", act("destroy"), None, RUNNING, state("shut off", "destroyed")),
    Row("2.3-destroy-graceful", "stops", act("destroy", graceful=True), None, RUNNING, state("shut off", "destroyed")),
    Row("2.3-destroy-transient", "is gone", act("destroy"), None, TRANSIENT, gone),
    Row("2.3-destroy-inactive", "is off", act("destroy"), 55, DEFINED),
    Row("2.3-save", "stops, saved", _saved_and_restored, None, RUNNING, state("running", "restored")),
    Row("2.3-save-paused", "goes on paused", _saved_and_restored, None, PAUSED, state("paused")),
    Row("2.3-save-transient", "comes back", _saved_and_restored, None, TRANSIENT, state("running", "restored")),
    Row("2.3-save-inactive", "is off", act("save", file="/nowhere/at/all"), 55, DEFINED),
    Row(
        "2.3-save-running-paused",
        "exclusive",
        act("save", file="/nowhere/at/all", running=True, paused=True),
        8,
        RUNNING,
    ),
    Row("2.3-restore-active", "runs already", _restored_while_running, 55, RUNNING),
    Row("2.3-managed-save", "stops, saved", act("managedsave"), None, RUNNING, state("shut off", "saved")),
    Row("2.3-managed-save-inactive", "is off", act("managedsave"), 55, DEFINED),
    Row("2.3-managed-save-remove", "forgets it", act("managedsave-remove"), None, SAVED, _boots_anew),
    Row("2.3-dump-flags", "exclusive", act("dump", file="/nowhere/at/all", crash=True, live=True), 8, RUNNING),
    Row("2.3-dump-inactive", "is off", act("dump", file="/nowhere/at/all"), 55, DEFINED),
    Row("2.3-pmsuspend-no-agent", "needs an agent", act("dompmsuspend", target="mem"), 74, RUNNING),
    Row("2.3-pmsuspend-inactive", "is off", act("dompmsuspend", target="mem"), 55, DEFINED),
    Row("2.3-affect-live-inactive", "is off", act("setmem", size_kib=8192, live=True), 55, DEFINED),
    Row("2.3-affect-config-transient", "has no definition", act("desc", text="x", config=True), 55, TRANSIENT),
    Row(
        "2.3-setmem-config", "in the definition", act("setmem", size_kib=8192, config=True), None, DEFINED, _less_memory
    ),
    Row("2.3-setmem-over", "more than there may be", act("setmem", size_kib=1 << 20, config=True), 8, DEFINED),
    Row(
        "2.3-setmaxmem-active", "cannot grow while it runs", act("setmaxmem", size_kib=1 << 20, live=True), 55, RUNNING
    ),
    Row("2.3-autostart", "with the host", act("autostart"), None, DEFINED, lambda world: world.domain["autostart"]),
    Row("2.3-no-domain", "is not there", START, 42, ()),
]
