"""What Revisor says of a document before anything is asked of a hypervisor, held up against what libvirt says of it.

Every document with one fault, and every document with two of them, is given to the QEMU driver and to us: both must
name the same fault, by number and words. Where we mean to differ stands in DIFFERENCES.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest

from domain_model import domain_xml, snapshot_xml
from domain_model.errors import Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete
from drivers.libvirt import LibvirtDriver
from tests.lab.hosts import LibvirtHost

pytestmark = pytest.mark.hypervisor

UUID = "5f9c1f0e-6a0d-4b57-9c1c-0d7c9b3f2a11"
DEFINITION = f"""<domain type='qemu'><name>checked</name><uuid>{UUID}</uuid><memory>16384</memory>
<os><type arch='x86_64'>hvm</type></os><devices><disk type='file'><driver name='qemu' type='qcow2'/>
<source file='/var/lib/libvirt/images/checked.qcow2'/><target dev='vda'/></disk></devices></domain>"""

Parts = dict[str, str]
Answer = tuple[int, str] | None
"""What a document is refused with; None if it is not."""


@pytest.fixture(scope="module")
def driver(system_host: LibvirtHost) -> Iterator[LibvirtDriver]:
    driver = LibvirtDriver(system_host.uri)
    driver.define(DEFINITION)
    yield driver
    driver.undefine(UUID)
    driver.close()


def answer(ask: Callable[[], object]) -> Answer:
    try:
        ask()
    except Refused as refusal:
        return refusal.number, refusal.message
    return None


def same(ours: Answer, theirs: Answer) -> bool:
    """Whether they refuse for the same: we may say more, such as the value that was wrong."""
    if ours is None or theirs is None:
        return ours is theirs
    return ours[0] == theirs[0] and ours[1].startswith(theirs[1].strip().rstrip("."))


def disagreements(
    whole: Parts, faults: dict[str, Parts], ours: Callable[[Parts], Answer], theirs: Callable[[Parts], Answer]
) -> list[Any]:
    """The documents with one fault or two over which the two differ, with what each said."""
    chosen: list[tuple[str, ...]] = [*((name,) for name in faults), *combinations(faults, 2)]
    found = []
    for names in chosen:
        parts = dict(whole)
        for name in reversed(names):
            parts |= faults[name]
        said = ours(parts), theirs(parts)
        if not same(*said):
            found.append((names, *said))
    return found


SNAPSHOT = {
    "name": "<name>x</name>",
    "time": "<creationTime>1</creationTime>",
    "state": "<state>running</state>",
    "memory": "",
    "disk": "<disk name='vda'/>",
    "domain": DEFINITION,
    "inactive": "",
}


def disk(inside: str = "", attributes: str = "name='vda'") -> Parts:
    return {"disk": f"<disk {attributes}>{inside}</disk>"}


SNAPSHOT_FAULTS: dict[str, Parts] = {
    "no name": {"name": ""},
    "an empty name": {"name": "<name/>"},
    "a name with a dot": {"name": "<name>.x</name>"},
    "a name with a slash": {"name": "<name>a/b</name>"},
    "no time": {"time": ""},
    "a time that is no number": {"time": "<creationTime>0x10</creationTime>"},
    "a time with a space behind it": {"time": "<creationTime>1 </creationTime>"},
    "a time beyond 64 bits": {"time": f"<creationTime>{2**63}</creationTime>"},
    "no state": {"state": ""},
    "no such state": {"state": "<state>odd</state>"},
    "pmsuspended": {"state": "<state>pmsuspended</state>"},
    "blocked": {"state": "<state>blocked</state>"},
    "no such place for memory": {"memory": "<memory snapshot='zz'/>"},
    "manual memory": {"memory": "<memory snapshot='manual'/>"},
    "a file for internal memory": {"memory": "<memory snapshot='internal' file='/x'/>"},
    "a relative file for memory": {"memory": "<memory file='x'/>"},
    "no file for external memory": {"memory": "<memory snapshot='external'/>"},
    "memory of a domain that was off": {"state": "<state>shutoff</state>", "memory": "<memory file='x'/>"},
    "a disk without a name": {"disk": "<disk/>"},
    "no such place for a disk": disk(attributes="name='vda' snapshot='zz' type='zz'"),
    "no such type of disk": disk(attributes="name='vda' type='none'"),
    "a disk that is a volume": disk("<driver type='zz'/>", "name='vda' type='volume'"),
    "no such format": disk("<driver type='luks'/><source file='rel'/>"),
    "a relative file for a disk": disk("<source file='rel'/>"),
    "a relative device": disk("<source dev='rel' file='/x'/>", "name='vda' type='block'"),
    "no protocol": disk("<driver type='zz'/><source name='x'/>", "name='vda' type='network'"),
    "no such protocol": disk("<source protocol='zz'/>", "name='vda' type='network'"),
    "no name in the network": disk("<driver type='zz'/><source protocol='rbd'/>", "name='vda' type='network'"),
    "a domain without a name": {"domain": DEFINITION.replace("<name>checked</name>", "")},
    "a domain with a malformed uuid": {"domain": DEFINITION.replace(UUID, "zz")},
    "an inactive domain without a type": {"inactive": "<inactiveDomain><name>a</name></inactiveDomain>"},
    "another root": {"root": "snapshot"},
    # No faults, but near enough to some.
    "an empty source": disk("<driver type=''/><source file=''/>"),
    "the source of another type": disk("<source file='rel'/>", "name='vda' type='block'"),
    "nameless in the network": disk("<source protocol='nbd'/>", "name='vda' type='network'"),
    "a time with a space before it": {"time": "<creationTime> 1</creationTime>"},
    "a comment in the state": {"state": "<state>run<!-- -->ning</state>"},
}


def snapshot(parts: Parts) -> str:
    root = parts.get("root", "domainsnapshot")
    return (
        f"<{root}>{parts['inactive']}{parts['domain']}<disks>{parts['disk']}</disks>{parts['memory']}{parts['state']}"
        f"{parts['time']}{parts['name']}</{root}>"
    )


def test_of_metadata_to_redefine_the_same_is_refused_as_libvirt_refuses(driver: LibvirtDriver) -> None:
    def theirs(parts: Parts) -> Answer:
        said = answer(lambda: driver.snapshot_create(UUID, snapshot(parts), SnapshotCreate.REDEFINE))
        if said is None:
            driver.snapshot_delete(UUID, "x", SnapshotDelete.METADATA_ONLY)
        return said

    def ours(parts: Parts) -> Answer:
        return answer(lambda: snapshot_xml.read_for_redefine(snapshot(parts)))

    assert disagreements(SNAPSHOT, SNAPSHOT_FAULTS, ours, theirs) == []


DOMAIN = {
    "type": " type='qemu'",
    "name": "<name>other</name>",
    "uuid": f"<uuid>{UUID.replace('5f', '6f')}</uuid>",
    "memory": "<memory>16384</memory>",
    "current": "",
    "vcpu": "",
}
DOMAIN_FAULTS: dict[str, Parts] = {
    "no name": {"name": ""},
    "an empty name": {"name": "<name></name>"},
    "a name with a slash": {"name": "<name>a/b</name>"},
    "a name of two lines": {"name": "<name>a\nb</name>"},
    "a malformed uuid": {"uuid": "<uuid>zz</uuid>"},
    "a blank uuid": {"uuid": "<uuid> </uuid>"},
    "no type": {"type": ""},
    "an empty type": {"type": " type=''"},
    "memory that is no number": {"memory": "<memory>x</memory>"},
    "memory with a word behind it": {"memory": "<memory>16384 x</memory>"},
    "no such unit": {"memory": "<memory unit='foo'>1</memory>"},
    "current memory that is no number": {"current": "<currentMemory>x</currentMemory>"},
    "processors that are no number": {"vcpu": "<vcpu>x</vcpu>"},
    "no number of processors": {"vcpu": "<vcpu/>"},
    "current processors that are no number": {"vcpu": "<vcpu current='x'>1</vcpu>"},
    "more processors than there may be": {"vcpu": "<vcpu current='3'>2</vcpu>"},
    # No faults, but near enough to some.
    "an empty uuid": {"uuid": "<uuid/>"},
    "a uuid without dashes": {"uuid": f"<uuid> {UUID.replace('-', '').replace('5f', '6f').upper()}\n</uuid>"},
    "memory in bytes": {"memory": "<memory unit='b'> 16777216</memory>"},
}


def domain(parts: Parts) -> str:
    return (
        f"<domain{parts['type']}>{parts['vcpu']}{parts['current']}{parts['memory']}{parts['uuid']}{parts['name']}"
        "<os><type arch='x86_64'>hvm</type></os></domain>"
    )


def test_of_definitions_the_same_is_refused_as_libvirt_refuses(driver: LibvirtDriver) -> None:
    def theirs(parts: Parts) -> Answer:
        said = answer(lambda: driver.define(domain(parts)))
        for seen in driver.domains():
            if said is None and seen.name == "other":
                driver.undefine(seen.uuid)
        return said

    def ours(parts: Parts) -> Answer:
        return answer(lambda: domain_xml.read(domain(parts)))

    assert disagreements(DOMAIN, DOMAIN_FAULTS, ours, theirs) == []


_NOT_WELL_FORMED = "27 is our number for what is no XML at all; libvirt has 35 for it, and quotes the document"
_NO_DTD = "a document type declaration can name files and swell without end; libvirt expands what it declares"
_NO_NAMESPACE = "libvirt takes an element for a root whatever its namespace, and then finds nothing in it"
DIFFERENCES: dict[str, tuple[str, int | None, int, str]] = {
    "nothing": ("", 35, 27, _NOT_WELL_FORMED),
    "no XML": ("hello", 35, 27, _NOT_WELL_FORMED),
    "no end": ("<domain>", 35, 27, _NOT_WELL_FORMED),
    "two roots": ("<domain/><domain/>", 35, 27, _NOT_WELL_FORMED),
    "an unknown entity": ("<domain>&foo;</domain>", 35, 27, _NOT_WELL_FORMED),
    "a DTD": ("<!DOCTYPE domain>" + DEFINITION, None, 27, _NO_DTD),
    "a declared entity": (
        "<!DOCTYPE domain [<!ENTITY e 'e'>]>" + DEFINITION.replace("checked<", "ch&e;cked<"),
        None,
        27,
        _NO_DTD,
    ),
    "a root in a namespace": ("<domain xmlns='urn:x'/>", 21, 27, _NO_NAMESPACE),
}


@pytest.mark.parametrize("what", DIFFERENCES)
def test_where_we_mean_to_differ_we_do_and_so_does_libvirt(driver: LibvirtDriver, what: str) -> None:
    text, theirs, ours, why = DIFFERENCES[what]
    said = answer(lambda: driver.define(text))
    assert (None if said is None else said[0]) == theirs, why
    with pytest.raises(Refused) as refusal:
        domain_xml.read(text)
    assert refusal.value.number == ours, why
