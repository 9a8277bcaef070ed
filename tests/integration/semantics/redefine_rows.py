"""Section 1.3: redefining."""

from tests.integration.semantics.row import DEFINED, Row, Step, act, redefine, snapshot, tree
from tests.integration.semantics.world import Answer, World

S1, S2 = snapshot("s1"), snapshot("s2")
ONE, TWO = (*DEFINED, S1), (*DEFINED, S1, S2)


def text(xml: str) -> Step:
    return lambda world: world.act("snapshot-create", xml=xml, redefine=True)


def _without(element: str) -> Step:
    """Redefine s1 from its dump without one element."""

    def do(world: World) -> Answer:
        dump = world.dump("s1")
        start, end = dump.index(f"<{element}>"), dump.index(f"</{element}>") + len(f"</{element}>")
        return world.act("snapshot-create", xml=dump[:start] + dump[end:], redefine=True)

    return do


def _another_without_domain(world: World) -> Answer:
    dump = world.dump("s1").replace("<name>s1</name>", "<name>new</name>", 1)
    start = dump.index("<domain ")
    end = dump.index("</domain>") + len("</domain>")
    return world.act("snapshot-create", xml=dump[:start] + dump[end:], redefine=True)


PARENT_S1 = "<parent>\n    <name>s1</name>\n  </parent>"

REDEFINE = [
    Row("1.3-not-xml", "not well-formed", text("<domainsnapshot><name>"), 27, DEFINED),
    Row("1.3-wrong-root", "no snapshot", text("<domain/>"), 27, DEFINED),
    Row("1.3-name", "is needed", _without("name"), 27, ONE),
    Row("1.3-creation-time", "is needed", _without("creationTime"), 1, ONE),
    Row("1.3-state", "is needed", _without("state"), 27, ONE),
    Row(
        "1.3-state-unknown",
        "is none of libvirt's",
        redefine("s1", ("<state>shutoff</state>", "<state>asleep</state>")),
        67,
        ONE,
    ),
    Row(
        "1.3-state-nostate",
        "is none that can be redefined",
        redefine("s1", ("<state>shutoff</state>", "<state>nostate</state>")),
        67,
        ONE,
    ),
    Row(
        "1.3-state-pmsuspended",
        "is none QEMU can go back to",
        redefine("s1", ("<state>shutoff</state>", "<state>pmsuspended</state>"), ("<memory snapshot='no'/>", "")),
        84,
        ONE,
    ),
    Row(
        "1.3-state-blocked",
        "is none QEMU can go back to",
        redefine("s1", ("<state>shutoff</state>", "<state>blocked</state>"), ("<memory snapshot='no'/>", "")),
        1,
        ONE,
    ),
    Row(
        "1.3-memory-manual",
        "is not supported",
        redefine("s1", ("<memory snapshot='no'/>", "<memory snapshot='manual'/>")),
        27,
        ONE,
    ),
    Row(
        "1.3-memory-file-internal",
        "a file is external",
        redefine("s1", ("<memory snapshot='no'/>", "<memory snapshot='internal' file='/x'/>")),
        27,
        ONE,
    ),
    Row(
        "1.3-memory-external-no-file",
        "external needs a file",
        redefine("s1", ("<memory snapshot='no'/>", "<memory snapshot='external'/>")),
        27,
        ONE,
    ),
    Row(
        "1.3-memory-relative",
        "the file's path is absolute",
        redefine("s1", ("<memory snapshot='no'/>", "<memory snapshot='external' file='x'/>")),
        27,
        ONE,
    ),
    Row(
        "1.3-memory-offline",
        "an offline snapshot has none",
        redefine("s1", ("<memory snapshot='no'/>", "<memory snapshot='internal'/>")),
        27,
        ONE,
    ),
    Row(
        "1.3-disk-name",
        "is needed",
        redefine("s1", ("<disk name='vda' snapshot='internal'/>", "<disk snapshot='internal'/>")),
        1,
        ONE,
    ),
    Row(
        "1.3-disk-type",
        "volume and dir hold no snapshots",
        redefine("s1", ("<disk name='vda' snapshot='internal'/>", "<disk name='vda' type='volume'/>")),
        27,
        ONE,
    ),
    Row(
        "1.3-disk-relative",
        "the file's path is absolute",
        redefine(
            "s1",
            (
                "<disk name='vda' snapshot='internal'/>",
                "<disk name='vda' snapshot='external' type='file'><source file='x'/></disk>",
            ),
        ),
        27,
        ONE,
    ),
    Row(
        "1.3-disk-driver",
        "is a known format",
        redefine(
            "s1",
            (
                "<disk name='vda' snapshot='internal'/>",
                "<disk name='vda' snapshot='external' type='file'><driver type='abc'/><source file='/x'/></disk>",
            ),
        ),
        67,
        ONE,
    ),
    Row("1.3-name-slash", "could be no file", redefine("s1", ("<name>s1</name>", "<name>a/b</name>")), 35, ONE),
    Row(
        "1.3-parent-self",
        "nobody is his own parent",
        redefine("s1", ("<creationTime>", "<parent><name>s1</name></parent><creationTime>")),
        8,
        ONE,
    ),
    Row(
        "1.3-parent-unknown",
        "is not there",
        redefine("s1", ("<creationTime>", "<parent><name>x</name></parent><creationTime>")),
        8,
        ONE,
    ),
    Row(
        "1.3-cycle",
        "nobody is below himself",
        redefine("s1", ("<creationTime>", "<parent><name>s2</name></parent><creationTime>")),
        8,
        TWO,
    ),
    Row(
        "1.3-uuid",
        "another domain's",
        lambda world: redefine("s1", (world.uuid, "00000000-0000-4000-8000-000000000001"))(world),
        8,
        ONE,
    ),
    Row(
        "1.3-online-offline",
        "a snapshot stays what it is",
        redefine("s1", ("<state>shutoff</state>", "<state>running</state>"), ("<memory snapshot='no'/>", "")),
        8,
        ONE,
    ),
    Row(
        "1.3-disk-only-full",
        "a snapshot stays what it is",
        redefine(
            "s1",
            ("<state>shutoff</state>", "<state>disk-snapshot</state>"),
            ("<disk name='vda' snapshot='internal'/>", "<disk name='vda' snapshot='external'/>"),
        ),
        8,
        ONE,
    ),
    Row(
        "1.3-abi",
        "another machine",
        redefine("s1", ("<memory unit='KiB'>16384</memory>", "<memory unit='KiB'>32768</memory>")),
        67,
        ONE,
    ),
    Row("1.3-no-domain", "a new one needs its domain", _another_without_domain, 1, ONE),
    Row(
        "1.3-replaces",
        "all of it but its children",
        redefine("s1", ("<state>", "<description>two</description><state>")),
        None,
        TWO,
        lambda world: (
            world.parents == {"s1": None, "s2": "s1"} and any(item["description"] == "two" for item in world.snapshots)
        ),
    ),
    Row("1.3-moves", "to another parent", redefine("s2", (PARENT_S1, "")), None, TWO, tree(s1=None, s2=None)),
    Row(
        "1.3-current-unchanged",
        "unless asked for",
        redefine("s1"),
        None,
        TWO,
        lambda world: world.current == "s2",
    ),
    Row(
        "1.3-current",
        "when asked for",
        redefine("s1", current=True),
        None,
        TWO,
        lambda world: world.current == "s1",
    ),
    Row(
        "1.3-set-current",
        "has no call of its own",
        act("snapshot-current", name="s1"),
        None,
        TWO,
        lambda world: world.current == "s1",
    ),
    Row(
        "1.3-creation-time-kept",
        "is taken from the XML",
        lambda world: redefine("s1", (f"<creationTime>{world.snapshots[0]['creation_time']}", "<creationTime>7"))(
            world
        ),
        None,
        ONE,
        lambda world: world.snapshots[0]["creation_time"] == 7,
    ),
    Row(
        "1.3-no-verification",
        "of the disks",
        redefine("s1", ("<name>s1</name>", "<name>never</name>")),
        None,
        ONE,
        lambda world: "never" in world.parents,
    ),
]
