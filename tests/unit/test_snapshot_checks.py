"""Which snapshots' XML is refused: libvirt's numbers, words and order
(tests/contract/test_xml_checks.py asks libvirt).
"""

from itertools import combinations
from typing import Any

import pytest

from domain_model import snapshot_xml
from domain_model.errors import Refused

UUID = "5f9c1f0e-6a0d-4b57-9c1c-0d7c9b3f2a11"


def past(content: str, *, name: str = "<name>x</name>", state: str = "running") -> str:
    return f"<domainsnapshot>{name}<creationTime>1</creationTime><state>{state}</state>{content}</domainsnapshot>"


def disk(content: str = "", **attributes: str) -> str:
    given = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return f"<disks><disk{given}>{content}</disk></disks>"


BAD_BOTH_WAYS = [
    ("<memory snapshot='x'/>", 27, "XML error: Invalid value for attribute 'snapshot' in element 'memory': 'x'."),
    ("<memory snapshot=''/>", 27, "XML error: Invalid value for attribute 'snapshot' in element 'memory': ''."),
    ("<memory snapshot='manual'/>", 27, "XML error: 'manual' memory snapshot mode not supported"),
    ("<memory snapshot='external'/>", 27, "XML error: external memory snapshots require a filename"),
    ("<memory snapshot='internal' file='/x'/>", 27, "XML error: memory filename '/x' requires external snapshot"),
    ("<memory snapshot='no' file='x'/>", 27, "XML error: memory filename 'x' requires external snapshot"),
    ("<memory file='x'/>", 27, "XML error: memory snapshot file path (x) must be absolute"),
    ("<memory file=''/>", 27, "XML error: memory snapshot file path () must be absolute"),
    (disk(), 1, "internal error: missing name from disk snapshot element"),
    (
        disk(name="vda", snapshot="q", type="zz"),
        27,
        "XML error: Invalid value for attribute 'snapshot' in element 'disk': 'q'.",
    ),
    (disk(name="vda", type="dir"), 27, "XML error: unsupported disk snapshot type 'dir'"),
    (disk("<driver type='xx'/>", name="vda", type="volume"), 27, "XML error: unsupported disk snapshot type 'volume'"),
    (disk(name="vda", type="zz"), 27, "XML error: Invalid value for attribute 'type' in element 'disk': 'zz'."),
    (disk(name="vda", type="none"), 27, "XML error: Invalid value for attribute 'type' in element 'disk': 'none'."),
    (
        disk("<driver type='xx'/><source file='rel'/>", name="vda"),
        67,
        "unsupported configuration: unknown disk snapshot driver 'xx'",
    ),
    (
        disk("<driver type='luks'/>", name="vda"),
        67,
        "unsupported configuration: unknown disk snapshot driver 'luks'",
    ),
    (
        disk("<source file='rel'/>", name="vda"),
        27,
        "XML error: disk snapshot image path 'rel' must be absolute",
    ),
    (
        disk("<source file='/a' dev='rel'/>", name="vda", type="block"),
        27,
        "XML error: disk snapshot image path 'rel' must be absolute",
    ),
    (
        disk("<source name='x'/>", name="vda", type="network"),
        27,
        "XML error: Missing required attribute 'protocol' in element 'source'",
    ),
    (
        disk("<source protocol='zz' name='x'/>", name="vda", type="network"),
        27,
        "XML error: Invalid value for attribute 'protocol' in element 'source': 'zz'.",
    ),
    (
        disk("<source protocol='rbd'/>", name="vda", type="network"),
        27,
        "XML error: missing name for disk source",
    ),
]

GOOD_BOTH_WAYS = [
    disk(name=""),
    disk("<driver type=''/><source file=''/>", name="vda"),
    disk("<source dev='rel' name='rel'/>", name="vda"),
    disk("<source file='rel'/>", name="vda", type="block"),
    disk("<source protocol='nbd'/>", name="vda", type="network"),
    disk("<source protocol='rbd' name='rel'/>", name="vda", type="network"),
    disk(name="vda", type="nvme") + disk(name="vdb", type="vhostuser"),
    "<memory snapshot='no'/><memory snapshot='zz'/>",
]


@pytest.mark.parametrize(("content", "number", "message"), BAD_BOTH_WAYS)
def test_memory_and_disks_are_checked_with_libvirts_words_and_number(content: str, number: int, message: str) -> None:
    for reading in (snapshot_xml.read_for_create, snapshot_xml.read_for_redefine):
        with pytest.raises(Refused) as refusal:
            reading(past(content))
        assert (refusal.value.number, refusal.value.message) == (number, message)
        assert refusal.value.field


@pytest.mark.parametrize("content", GOOD_BOTH_WAYS)
def test_what_libvirts_parser_lets_pass_is_let_pass(content: str) -> None:
    assert snapshot_xml.read_for_create(past(content)).name == "x"
    assert snapshot_xml.read_for_redefine(past(content)).name == "x"


BAD_METADATA = [
    ("<domainsnapshot/>", 27, "XML error: a redefined snapshot must have a name"),
    ("<foo/>", 27, "XML error: expecting root element of 'domainsnapshot', not 'foo'"),
    (
        "<domainsnapshot><name>x</name></domainsnapshot>",
        1,
        "internal error: missing creationTime from existing snapshot",
    ),
    *[
        (past("").replace(">1<", f">{time}<"), 1, "internal error: missing creationTime from existing snapshot")
        for time in ("1 ", "0x10", "1.5", str(2**63), str(-(2**63) - 1), "9" * 5000)
    ],
    (past("", state=""), 27, "XML error: missing state from existing snapshot"),
    *[
        (past("", state=state), 67, f"unsupported configuration: Invalid state '{state}' in domain snapshot XML")
        for state in ("odd", "nostate", " running")
    ],
    (
        past("", state="pmsuspended"),
        84,
        "Operation not supported: qemu doesn't support taking snapshots of PMSUSPENDED guests",
    ),
    (past("", state="blocked"), 1, "internal error: Invalid domain state blocked"),
    (
        past("<memory file='x'/>", state="shutoff"),
        27,
        "XML error: memory state cannot be saved with offline or disk-only snapshot",
    ),
    (past("", name="<name>a/b</name>"), 35, "invalid snapshot name 'a/b': name can't contain '/'"),
    (past("", name="<name>.a</name>"), 35, "invalid snapshot name '.a': name can't start with '.'"),
    (
        past("<domain type='test'><name>a</name><uuid>zz</uuid></domain>"),
        1,
        "internal error: malformed uuid element 'zz'",
    ),
    (past("<domain type='test'/>"), 21, "missing name information"),
    (past("<inactiveDomain type='test'/>"), 21, "missing name information"),
    (past("<inactiveDomain><name>a</name></inactiveDomain>"), 1, "internal error: missing domain type attribute"),
]


@pytest.mark.parametrize(("text", "number", "message"), BAD_METADATA)
def test_metadata_that_cannot_be_redefined_is_refused_as_libvirt_does(text: str, number: int, message: str) -> None:
    with pytest.raises(Refused) as refusal:
        snapshot_xml.read_for_redefine(text)
    assert (refusal.value.number, refusal.value.message) == (number, message)
    assert refusal.value.field


# Each of these faults is refused before those that stand below it.
FAULTS: list[tuple[dict[str, Any], int]] = [
    ({"name": ""}, 27),
    ({"time": ""}, 1),
    ({"state": "odd"}, 67),
    ({"domain": "<domain type='test'/>"}, 21),
    ({"inactive": "<inactiveDomain><name>a</name></inactiveDomain>"}, 1),
    ({"memory": "<memory snapshot='manual'/>"}, 27),
    ({"disks": "<driver type='xx'/>"}, 67),
    ({"name": "<name>.x</name>"}, 35),
    ({"state": "pmsuspended"}, 84),
]


@pytest.mark.parametrize(("first", "second"), [*combinations(range(len(FAULTS)), 2)])
def test_of_two_faults_the_one_libvirt_names_is_named(first: int, second: int) -> None:
    whole = {
        "name": "<name>x</name>",
        "time": "<creationTime>1</creationTime>",
        "state": "running",
        "domain": "",
        "inactive": "",
        "memory": "",
        "disks": "",
    }
    said = whole | FAULTS[second][0] | FAULTS[first][0]
    text = (
        "<domainsnapshot><disks><disk name='vda'>{disks}</disk></disks>{memory}{inactive}{domain}"
        "<state>{state}</state>{time}{name}</domainsnapshot>"
    ).format_map(said)
    with pytest.raises(Refused) as refusal:
        snapshot_xml.read_for_redefine(text)
    assert refusal.value.number == FAULTS[first][1]


def test_memory_has_no_place_in_a_new_snapshot_of_disks_or_of_a_domain_that_is_off() -> None:
    for memory in ("<memory snapshot='internal'/>", "<memory file='x'/>"):
        text = f"<domainsnapshot>{memory}</domainsnapshot>"
        with pytest.raises(Refused, match="memory state cannot be saved with offline") as refusal:
            snapshot_xml.read_for_create(text, offline=True)
        assert refusal.value.number == 27
    for memory in ("<memory snapshot='no'/>", "<memory/>", ""):
        assert snapshot_xml.read_for_create(f"<domainsnapshot>{memory}</domainsnapshot>", offline=True).name is None


def test_a_bad_name_is_refused_for_a_new_snapshot_unless_it_is_not_kept() -> None:
    text = "<domainsnapshot><name>a/b</name></domainsnapshot>"
    with pytest.raises(Refused, match="'a/b'") as refusal:
        snapshot_xml.read_for_create(text)
    assert (refusal.value.number, refusal.value.name, refusal.value.value) == (35, "XML_DETAIL", "a/b")
    assert snapshot_xml.read_for_create(text, kept=False).name == "a/b"


def test_a_domain_without_a_type_is_none() -> None:
    for kind in ("", " type=''"):
        read = snapshot_xml.read_for_redefine(past(f"<domain{kind}><uuid>{UUID}</uuid></domain>"))
        assert (read.has_domain, read.domain_uuid) == (False, None)
