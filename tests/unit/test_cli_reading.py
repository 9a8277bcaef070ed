"""The verbs that show what is on record of a domain, and ``list`` with its filters: as virsh 9.0 shows it."""

import json
from typing import Any

import pytest

from tests.unit.command_line import CommandLine
from tests.unit.fake_status import UUID_OF_WEB
from tests.unit.test_http_fake_service import domain

WEB = """\
<domain type='kvm'>
  <name>web</name>
  <title>Web
server</title>
  <description>it serves
the web</description>
  <metadata>
    <a:app xmlns:a="urn:app" version="2"><a:part/><b:other xmlns:b="urn:other"/></a:app>
  </metadata>
  <memory unit='KiB'>1024</memory>
  <vcpu placement='static' current='1'>4</vcpu>
  <devices>
    <disk type='file'><source file='/a&amp;b'/><target dev='vda'/></disk>
    <disk type='file'><target dev='vdb'/></disk>
  </devices>
</domain>
"""


@pytest.fixture
def line(line: CommandLine) -> CommandLine:
    line.service.known_xml = WEB
    return line


@pytest.fixture
def fleet(line: CommandLine) -> CommandLine:
    line.service.known_domains = [
        domain("runs", id=1, autostart=True, has_snapshots=True, has_checkpoints=True),
        domain("paused", id=2, state="paused", persistent=False),
        domain("sleeps", id=3, state="pmsuspended"),
        domain("off", id=None, state="shut off"),
        domain("saved", id=None, state="shut off", managed_save=True, title="two\nlines"),
        domain("crashed", id=None, state="crashed"),
    ]
    for item in line.service.known_domains:
        item.setdefault("title", None)
    return line


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("--all", "runs paused sleeps crashed off saved"),
        ("--inactive", "crashed off saved"),
        ("--all --state-running", "runs"),
        ("--all --state-paused --state-shutoff", "paused off saved"),
        ("--all --state-other", "sleeps crashed"),
        ("--state-shutoff", "off saved"),
        ("--all --persistent", "runs sleeps crashed off saved"),
        ("--all --transient", "paused"),
        ("--all --transient --persistent", "runs paused sleeps crashed off saved"),
        ("--all --autostart", "runs"),
        ("--all --no-autostart", "paused sleeps crashed off saved"),
        ("--all --with-snapshot", "runs"),
        ("--all --without-snapshot", "paused sleeps crashed off saved"),
        ("--all --with-checkpoint", "runs"),
        ("--all --without-checkpoint --state-running", ""),
        ("--all --with-managed-save", "saved"),
        ("--all --without-managed-save --state-shutoff", "off"),
    ],
)
def test_list_has_virshs_filters(fleet: CommandLine, flags: str, names: str) -> None:
    done = fleet.run("list", "--name", *flags.split())
    assert done.out.split() == names.split()
    documents = json.loads(fleet.run("list", "--output", "json", *flags.split()).out)
    assert [item["name"] for item in documents["items"]] == names.split()


def test_inactive_ones_are_asked_for_only_where_they_are_wanted(fleet: CommandLine) -> None:
    for flags in ("", "--all", "--inactive", "--state-shutoff", "--state-paused", "--title"):
        fleet.run("list", *flags.split())
    assert [asked[1:] for asked in fleet.service.asked] == [
        (False, None, False),
        *[(True, None, False)] * 3,
        (False, None, False),
        (False, None, True),
    ]


@pytest.mark.parametrize(("behind_s", "said"), [(200.0, True), (4.9, False)])
def test_what_is_read_is_said_to_be_old_where_what_is_recorded_waits_to_be_shown(
    line: CommandLine, behind_s: float, *, said: bool
) -> None:
    line.service.behind_s = behind_s
    note = "note: not all that is recorded is shown yet: what waits longest is 3 min old\n"
    for words in (("list", "--all"), ("dominfo", "test"), ("dumpxml", "test"), ("host", "list")):
        assert line.run(*words).err == (note if said else "")
    assert line.run("list", "--all", "--output", "json").err == ""


def test_what_is_read_of_a_host_nobody_looks_at_is_said_to_be_old(line: CommandLine) -> None:
    line.service.stale = ("alpha", "beta")  # and nothing on beta is shown
    note = "note: what is shown of host alpha is old: see 'revisor host list'\n"
    assert [line.run(*words).err for words in (("list", "--all"), ("dominfo", "test"))] == [note, note]
    assert line.run("list", "--all", "--output", "json").err == ""


def test_list_can_show_titles_and_what_was_saved(fleet: CommandLine) -> None:
    assert fleet.run("list", "--all", "--managed-save", "--title", "--with-managed-save").out == (
        " Id   Name    State   Title   Host\n"
        "-------------------------------------\n"
        " -    saved   saved   two     alpha\n"
        "\n"
    )
    assert " saved     shut off " in fleet.run("list", "--all").out


def test_list_says_what_is_a_replica_where_one_is(fleet: CommandLine) -> None:
    header = "Id Name State Host"
    assert fleet.run("list", "--all").out.split("\n")[0].split() == header.split()
    fleet.service.known_domains += [domain("off", id=None, state="shut off", role="replica", host="beta")]
    lines = [line.split() for line in fleet.run("list", "--all").out.splitlines()]
    assert lines[0] == ["Id", "Name", "State", "Role", "Host"]
    assert ["-", "off", "shut", "off", "owner", "alpha"] in lines
    assert ["-", "off", "shut", "off", "replica", "beta"] in lines


def test_list_of_several_words_has_virshs_order(fleet: CommandLine) -> None:
    assert fleet.run("list", "--name", "--id", "--uuid", "--state-paused").out == f"{UUID_OF_WEB} 2 paused\n\n"


ANOTHER, THIRD = "7795eb01-f6a4-8304-79aa-97f2502e193f", "8895eb01-f6a4-8304-79aa-97f2502e193f"


def test_each_line_of_names_names_one_domain_also_where_several_hosts_own_one_of_that_name(line: CommandLine) -> None:
    line.service.known_domains = [
        domain("web"),
        domain("web", id=None, uuid=ANOTHER, host="beta", state="shut off"),
        domain("web", id=None, uuid=ANOTHER, host="gamma", role="replica", state="shut off"),
        domain("db", id=2, uuid=THIRD, host="beta"),
        domain("db", id=None, uuid=THIRD, role="replica", state="shut off"),
    ]
    assert line.run("list", "--all", "--name").out.split() == ["alpha/web", "db", "beta/web"]
    # Also where the other is not wanted.
    assert line.run("list", "--name").out.split() == ["alpha/web", "db"]
    assert line.run("list", "--inactive", "--name", "--uuid").out.splitlines()[1] == f"{ANOTHER} beta/web"
    asked = [each[1:] for each in line.service.asked]
    assert asked == [(True, None, False)] * 3
    # As virsh there lists it.
    assert "alpha/web" not in line.run("list", "--name", "--host", "alpha").out


@pytest.mark.parametrize(("verb", "word"), [("domid", "1"), ("domname", "test"), ("domuuid", UUID_OF_WEB)])
def test_one_word_of_a_domain_can_be_had_alone(line: CommandLine, verb: str, word: str) -> None:
    assert line.run(verb, "test").out == f"{word}\n\n"
    assert json.loads(line.run(verb, "test", "--output", "json").out)["kind"] == verb


def test_what_does_not_run_has_no_id(line: CommandLine) -> None:
    line.service.known_domains = [domain("web", id=None)]
    assert line.run("domid", "web").out == "-\n\n"


def test_processors_are_counted_as_virsh_counts_them(line: CommandLine) -> None:
    assert line.run("vcpucount", "web").out == (
        "maximum      config         4\n"
        "maximum      live           4\n"
        "current      config         1\n"
        "current      live           1\n"
        "\n"
    )
    for flags, number in (("--maximum", "4"), ("--config", "1"), ("--live --maximum", "4"), ("--current", "1")):
        assert line.run("vcpucount", "web", *flags.split()).out == f"{number}\n\n"
    counted = json.loads(line.run("vcpucount", "web", "--config", "--output", "json").out)
    assert counted["items"] == [{"count": "current", "of": "config", "vcpus": 1}]


@pytest.mark.parametrize(
    ("given", "flag", "said"),
    [
        ({"id": None}, "--live", "domain is not running"),
        ({"persistent": False}, "--config", "transient domains do not have any persistent config"),
    ],
)
@pytest.mark.parametrize("verb", ["vcpucount", "desc"])
def test_a_definition_there_is_not_is_refused_with_libvirts_number(
    line: CommandLine, verb: str, given: dict[str, Any], flag: str, said: str
) -> None:
    line.service.known_domains = [domain("web", **given)]
    done = line.run(verb, "web", flag)
    assert (done.code, done.err) == (1, f"error: Requested operation is not valid: {said} [55]\n")


def test_what_is_not_there_is_not_counted(line: CommandLine) -> None:
    line.service.known_domains = [domain("web", id=None)]
    assert line.run("vcpucount", "web").out == "maximum      config         4\ncurrent      config         1\n\n"


def test_descriptions_and_titles_are_shown(line: CommandLine) -> None:
    assert line.run("desc", "web").out == "it serves\nthe web\n"
    assert line.run("desc", "web", "--title").out == "Web\nserver\n"
    line.service.known_xml = "<domain type='kvm'><name>web</name></domain>"
    assert line.run("desc", "web").out == "No description for domain: web\n"
    assert line.run("desc", "web", "--title", "--config").out == "No title for domain: web\n"
    assert [asked[3] for asked in line.service.asked if asked[0] == "domain_xml"] == [False, False, False, True]


def test_metadata_is_shown_without_its_namespace(line: CommandLine) -> None:
    assert line.run("metadata", "web", "urn:app").out == (
        '<app version="2"><part/><b:other xmlns:b="urn:other"/></app>\n\n'
    )
    done = line.run("metadata", "web", "urn:none")
    said = "error: metadata not found: Requested metadata element is not present [80]\n"
    assert (done.code, done.err) == (1, said)


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("//vcpu", '<vcpu placement="static" current="1">4</vcpu>\n\n'),
        ("//vcpu/@current", ' current="1"\n\n'),
        ("//source/@file", ' file="/a&amp;b"\n\n'),
        ("//nothing", "\n"),
        ("/domain/name/text()", "web\n\n"),
        ("//target", '<target dev="vda"/>\n<target dev="vdb"/>\n\n'),
    ],
)
def test_parts_of_a_document_can_be_chosen(line: CommandLine, expression: str, shown: str) -> None:
    assert line.run("dumpxml", "web", "--xpath", expression).out == shown


def test_parts_of_a_document_can_be_put_under_one_root(line: CommandLine) -> None:
    wrapped = line.run("dumpxml", "web", "--xpath", "//target", "--wrap").out
    assert wrapped == '<nodes>\n  <target dev="vda"/>\n  <target dev="vdb"/>\n</nodes>\n\n'


@pytest.mark.parametrize("expression", ["///", "count(//disk)"])
def test_what_finds_no_nodes_is_no_expression(line: CommandLine, expression: str) -> None:
    done = line.run("dumpxml", "web", "--xpath", expression)
    assert done.code == 2
    assert done.last.startswith(f"error: Incorrect xpath '{expression}': ")
