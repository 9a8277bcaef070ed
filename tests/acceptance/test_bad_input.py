"""Bad input: refused with libvirt's number and a sentence, before anything reaches a hypervisor, and on record."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from revisor.client import Refusal
from revisor.validation import FOLDERS
from tests.acceptance.product import Item, Product, new_product

UUID = "0b5c9a2e-7d4f-4c3a-9a51-3f2f6f0d8c11"
OTHER_UUID = "7f3c1d52-2b0e-4b8e-8f57-6a1f6c9e2d44"
TOO_LARGE = 16 * 1024 * 1024


DISK = "<disk type='file'><driver name='qemu' type='qcow2'/><source file='/srv/web.qcow2'/><target dev='vda'/></disk>"


def domain(name: str = "<name>web</name>", uuid: str = UUID) -> str:
    machine = "<memory unit='KiB'>16384</memory><os><type>hvm</type></os>"
    machine += f"<devices>{DISK}</devices>"
    return f"<domain type='qemu'>{name}<uuid>{uuid}</uuid>{machine}</domain>"


def snapshot(name: str, parent: str | None = None, uuid: str = UUID) -> str:
    """A snapshot as it would be dumped."""
    below = "" if parent is None else f"<parent><name>{parent}</name></parent>"
    described = f"<name>{name}</name><state>shutoff</state>{below}<creationTime>1700000000</creationTime>"
    return f"<domainsnapshot>{described}{domain(uuid=uuid)}</domainsnapshot>"


@dataclass(frozen=True)
class Case:
    """A command with bad input. ``FILE`` in it is a file that holds ``xml``."""

    command: tuple[str, ...]
    number: int
    field: str | None
    """What the answer must name; None for a document that cannot be read, of which it names the line."""
    value: str | None
    xml: str | bytes | None = None
    said: str | None = None
    """What stands in the sentence in place of the value, where the words are libvirt's."""


DEFINE = ("define", "FILE", "--host", "alpha")
REDEFINE = ("snapshot-create", "web", "FILE", "--redefine")
CREATE = ("snapshot-create", "web", "FILE")
_ENTITY = '<!DOCTYPE domain [<!ENTITY name "web">]>' + domain("<name>&name;</name>")

CASES = {
    "malformed XML": Case(DEFINE, 27, None, None, domain().replace("</os>", "")),
    "nothing at all": Case(DEFINE, 27, None, None, ""),
    "no UTF-8": Case(DEFINE, 27, None, None, domain().encode() + b"\xff"),
    "a DTD": Case(DEFINE, 27, None, None, '<!DOCTYPE domain SYSTEM "http://localhost/domain.dtd">' + domain()),
    "an entity": Case(DEFINE, 27, None, None, _ENTITY),
    "a wrong root": Case(DEFINE, 27, "root", "domainsnapshot", snapshot("s1")),
    "a wrong root of a snapshot": Case(CREATE, 27, "root", "domain", domain()),
    "more than 16 MiB": Case(DEFINE, 27, None, None, domain() + " " * TOO_LARGE, "larger than 16777216 bytes"),
    "a missing name": Case(DEFINE, 21, "name", None, domain("")),
    "a missing name in a redefinition": Case(REDEFINE, 27, "name", None, snapshot("s3").replace("<name>s3</name>", "")),
    "a malformed uuid": Case(DEFINE, 1, "uuid", "12-34", domain(uuid="12-34")),
    "a slash in a snapshot's name": Case(
        CREATE, 35, "name", "a/b", "<domainsnapshot><name>a/b</name></domainsnapshot>"
    ),
    "a slash in a redefined name": Case(REDEFINE, 35, "name", "a/b", snapshot("a/b")),
    "a slash in a name given as a word": Case(("snapshot-create-as", "web", "a/b"), 35, "name", "a/b"),
    "an unknown host": Case(("define", "FILE", "--host", "gamma"), 8, "host", "gamma", domain()),
    "an unknown host to replay to": Case(("replay", "web", "--to", "gamma"), 8, "to", "gamma"),
    "a name that is on the host": Case(DEFINE, 9, "name", "web", domain(uuid=OTHER_UUID)),
    "another name for a uuid": Case(DEFINE, 9, "name", "mail", domain("<name>mail</name>"), UUID),
    "a uuid of another domain": Case(REDEFINE, 8, "domain/uuid", OTHER_UUID, snapshot("s3", uuid=OTHER_UUID), UUID),
    "a parent that does not exist": Case(REDEFINE, 8, "parent", "s9", snapshot("s3", "s9")),
    "a cycle": Case(REDEFINE, 8, "parent", "s2", snapshot("s1", "s2")),
    "a snapshot as its own parent": Case(REDEFINE, 8, "parent", "s1", snapshot("s1", "s1")),
    "redefine with no-metadata": Case(
        (*REDEFINE, "--no-metadata"),
        8,
        "flags",
        "REDEFINE, NO_METADATA",
        snapshot("s3"),
        "NO_METADATA' are mutually exclusive",
    ),
    "current without redefine": Case(
        (*CREATE, "--current"), 8, "flags", "CURRENT", "<domainsnapshot><name>s3</name></domainsnapshot>"
    ),
    "what libvirt's schema does not know": Case(
        (*DEFINE, "--validate"), 92, "domain/odd", None, domain().replace("</domain>", "\n<odd/></domain>"), "line 2"
    ),
    "what the schema of snapshots does not know": Case(
        (*REDEFINE, "--validate"), 92, "domainsnapshot/state", None, snapshot("s3").replace("shutoff", "odd")
    ),
    "an unknown domain": Case(("start", "mail"), 42, "domain", "mail"),
    "an unknown snapshot": Case(("snapshot-revert", "web", "s9"), 72, "snapshot", "s9"),
}


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    """Two simulated hosts, and on alpha the domain web with the snapshots s1 > s2."""
    with new_product() as product:
        product.up("alpha", "beta")
        product.define(domain(), "alpha")
        for name in ("s1", "s2"):
            product.act("web", "snapshot-create", name=name)
        yield product


@pytest.mark.parametrize("what", CASES)
def test_bad_input_is_refused_before_anything_reaches_a_hypervisor(running: Product, tmp_path: Path, what: str) -> None:
    case = CASES[what]
    if case.number == 92 and not any(folder.is_dir() for folder in FOLDERS):
        pytest.skip("needs libvirt's schemas (Debian 12: package libvirt0)")
    file = tmp_path / "input.xml"
    if case.xml is not None:
        file.write_bytes(case.xml.encode() if isinstance(case.xml, str) else case.xml)
    command = [str(file) if word == "FILE" else word for word in case.command]
    before = hypervisors(running), running.items("operations"), running.items("log", "web")

    done = running.run(*command, "--output", "json")

    error = json.loads(done.stderr.splitlines()[0])["error"]
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"error: {error['message']} [{case.number}]"
    assert error["code"] == case.number
    assert names_what_is_wrong(case, error), error
    assert (hypervisors(running), running.items("operations"), running.items("log", "web")) == before
    attempt = running.items("log", "--attempts")[-1]
    assert (attempt["verb"], attempt["code"]) == (asked_of(case), case.number)
    assert attempt["message"] == error["message"]
    assert attempt["actor"].startswith("uid:")


def test_a_request_of_the_wrong_shape_is_on_record_too(running: Product) -> None:
    before = hypervisors(running)
    with pytest.raises(Refusal) as refusal:
        running.client.act("web", "undefine", {"snapshot_metadata": True})

    assert refusal.value.code == 8
    assert "snapshot_metadata" in refusal.value.message
    attempt = running.items("log", "--attempts")[-1]
    assert (attempt["verb"], attempt["target"], attempt["message"]) == ("undefine", "web", refusal.value.message)
    assert hypervisors(running) == before


def names_what_is_wrong(case: Case, error: Item) -> bool:
    if case.field is None:
        # Never the text itself: there may be a password in it.
        return "<" not in f"{error['message']}{error['value']}" and (case.said or "") in error["message"]
    return (error["field"], error["value"]) == (case.field, case.value) and (case.said or case.value or "") in error[
        "message"
    ]


def asked_of(case: Case) -> str:
    """The verb as it goes on record."""
    verb = case.command[0].removesuffix("-as")
    return "snapshot-create" if verb.startswith("snapshot-create") else verb


def hypervisors(product: Product) -> list[str]:
    """Everything both simulated hosts hold."""
    said = []
    for path in sorted((product.home / "simulators").glob("*.sqlite")):
        with closing(sqlite3.connect(path)) as connection:
            said += list(connection.iterdump())
    assert said
    return said
