"""Sections 1.1 and 1.2: taking snapshots."""

from tests.integration.semantics.row import DEFINED, RUNNING, Row, act, create, define, redefine, snapshot, state, tree
from tests.integration.semantics.world import World

AGENT = "<channel type='unix'><source mode='bind'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
OUT = "<disks><disk name='vda' snapshot='external'/></disks>"
NOT_IT = "<disks><disk name='vda' snapshot='no'/></disks>"
MEMORY_OUT = "<memory snapshot='external' file='FOLDER/NAME.mem'/>"
S1 = snapshot("s1")


def _named_after_the_second(world: World) -> bool:
    (only,) = world.snapshots
    return str(only["name"]).isdecimal() and abs(int(only["name"]) - int(only["creation_time"])) <= 5


def _overlay_is_in_use(world: World) -> bool:
    return f"{world.name}-vda.s1" in world.xml()


FLAGS = [
    Row("1.1-redefine-no-metadata", "exclusive", redefine("s1", no_metadata=True), 8, (*DEFINED, S1)),
    Row("1.1-redefine-halt", "exclusive", redefine("s1", halt=True), 8, (*DEFINED, S1)),
    Row("1.1-redefine-live", "exclusive", redefine("s1", live=True), 8, (*DEFINED, S1)),
    Row("1.1-current-without-redefine", "required", snapshot("s1", current=True), 8, DEFINED),
    Row("1.1-quiesce-without-disk-only", "required", snapshot("s1", quiesce=True), 8, RUNNING),
    Row("1.1-halt", "stops the guest", snapshot("s1", halt=True), None, RUNNING, state("shut off", "from snapshot")),
    Row("1.1-halt-transient", "a transient domain would be gone", snapshot("s1", halt=True), 55, (create(),)),
    Row(
        "1.1-no-metadata",
        "taken and not remembered",
        snapshot("s1", no_metadata=True),
        None,
        DEFINED,
        tree(),
    ),
    Row(
        "1.1-disk-only-redefine-state",
        "needs the state disk-snapshot",
        redefine("s1", disk_only=True),
        8,
        (*DEFINED, S1),
    ),
    Row(
        "1.1-disk-only-needs-external",
        "no disk is left for it",
        snapshot("s1", disks=NOT_IT, disk_only=True),
        67,
        RUNNING,
    ),
    Row("1.1-quiesce-no-agent", "no agent is configured", snapshot("s1", disk_only=True, quiesce=True), 74, RUNNING),
    Row(
        "1.1-quiesce-off",
        "nobody is there to be quiet: taken all the same",
        snapshot("s1", disk_only=True, quiesce=True),
        None,
        (define(more=AGENT),),
        tree(s1=None),
    ),
    Row("1.1-atomic", "accepted", snapshot("s1", atomic=True), None, DEFINED, tree(s1=None)),
    Row("1.1-live-internal", "needs external memory", snapshot("s1", live=True), 84, RUNNING),
    Row("1.1-live-off", "needs a running guest", snapshot("s1", live=True), 84, DEFINED),
    Row("1.1-unknown-flag", "no such flag", snapshot("s1", unheard_of=True), 8, DEFINED),
]

CREATION = [
    Row("1.2-name-absent", "named after the second", act("snapshot-create"), None, DEFINED, _named_after_the_second),
    Row("1.2-name-exists", "taken already", S1, 9, (*DEFINED, S1)),
    Row("1.2-name-slash", "could be no file", snapshot("a/b"), 35, DEFINED),
    Row("1.2-name-dot", "could be no file", snapshot(".a"), 35, DEFINED),
    Row(
        "1.2-parent-is-current",
        "a child of the current one, which it then is itself",
        snapshot("s2"),
        None,
        (*DEFINED, S1),
        lambda world: world.parents == {"s1": None, "s2": "s1"} and world.current == "s2",
    ),
    Row(
        "1.2-ignores-state-parent-time",
        "what only a redefine says is passed over",
        act(
            "snapshot-create",
            xml="<domainsnapshot><name>s1</name><state>running</state><parent><name>x</name></parent>"
            "<creationTime>7</creationTime></domainsnapshot>",
        ),
        None,
        DEFINED,
        lambda world: world.snapshots[0]["state"] == "shutoff" and world.snapshots[0]["creation_time"] != 7,
    ),
    Row(
        "1.2-state-running",
        "of the guest",
        S1,
        None,
        RUNNING,
        lambda world: (world.snapshots[0]["state"], world.snapshots[0]["location"]) == ("running", "internal"),
    ),
    Row(
        "1.2-state-paused",
        "of the guest",
        S1,
        None,
        (*RUNNING, act("suspend")),
        lambda world: world.snapshots[0]["state"] == "paused",
    ),
    Row("1.2-state-off", "of the guest", S1, None, DEFINED, lambda world: world.snapshots[0]["state"] == "shutoff"),
    Row(
        "1.2-disk-only-running",
        "disk-snapshot, and the guest goes on in an overlay",
        snapshot("s1", disk_only=True),
        None,
        RUNNING,
        lambda world: world.snapshots[0]["state"] == "disk-snapshot" and _overlay_is_in_use(world),
    ),
    Row(
        "1.2-disk-only-off",
        "shutoff",
        snapshot("s1", disk_only=True),
        None,
        DEFINED,
        lambda world: world.snapshots[0]["state"] == "shutoff" and world.snapshots[0]["location"] == "external",
    ),
    Row(
        "1.2-memory-external",
        "memory into a file, disks into overlays",
        snapshot("s1", memory=MEMORY_OUT, disks=OUT),
        None,
        RUNNING,
        lambda world: world.snapshots[0]["location"] == "external",
    ),
    Row(
        "1.2-memory-external-off",
        "there is no memory",
        snapshot("s1", memory=MEMORY_OUT, disks=OUT),
        27,
        DEFINED,
    ),
    Row(
        "1.2-internal-memory-no",
        "a running guest's internal snapshot holds its memory",
        snapshot("s1", memory="<memory snapshot='no'/>", disks="<disks><disk name='vda' snapshot='internal'/></disks>"),
        84,
        RUNNING,
    ),
    Row("1.2-nothing-selected", "no disk is left", snapshot("s1", disks=NOT_IT), 67, DEFINED),
    Row(
        "1.2-internal-all-disks",
        "one disk is left out",
        snapshot("s1", disks="<disks><disk name='vdb' snapshot='no'/></disks>"),
        67,
        (define(disks=("qcow2", "qcow2")),),
    ),
    Row(
        "1.2-internal-and-external",
        "mixed",
        snapshot(
            "s1",
            disks="<disks><disk name='vda' snapshot='internal'/><disk name='vdb' snapshot='external'/></disks>",
        ),
        67,
        (define(disks=("qcow2", "qcow2")),),
    ),
    Row("1.2-internal-raw", "a raw image holds no snapshots", S1, 67, (define(disks=("raw",)),)),
    Row(
        "1.2-external-format",
        "an overlay is qcow2 or qed",
        snapshot(
            "s1",
            disks="<disks><disk name='vda' snapshot='external'><driver type='raw'/>"
            "<source file='FOLDER/NAME.over'/></disk></disks>",
            disk_only=True,
        ),
        67,
        RUNNING,
    ),
    Row(
        "1.2-active-disk-only-internal",
        "disk-only is external while the guest runs",
        snapshot("s1", disks="<disks><disk name='vda' snapshot='internal'/></disks>", disk_only=True),
        67,
        RUNNING,
    ),
    Row(
        "1.2-unknown-disk",
        "the domain has none such",
        snapshot("s1", disks="<disks><disk name='vdz' snapshot='internal'/></disks>"),
        67,
        DEFINED,
    ),
    Row(
        "1.2-disk-twice",
        "listed twice",
        snapshot("s1", disks="<disks><disk name='vda'/><disk name='vda'/></disks>"),
        67,
        DEFINED,
    ),
    Row(
        "1.2-overlay-is-the-disk",
        "the new file is the one in use",
        snapshot(
            "s1",
            disks="<disks><disk name='vda' snapshot='external'><source file='FOLDER/NAME-vda.qcow2'/></disk></disks>",
            disk_only=True,
        ),
        67,
        RUNNING,
    ),
    Row(
        "1.2-reuse-external-missing",
        "nothing is there to be reused: the hypervisor fails",
        snapshot("s1", disk_only=True, reuse_external=True),
        38,
        RUNNING,
    ),
]
