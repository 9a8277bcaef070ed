"""A planted VNC password reaches the hypervisor, and stands nowhere else in readable form.

Everything that is kept or said is searched as grep would: all tables of all schemas, all files below the home but the
simulated hypervisors' own, everything that any verb printed, everything that HTTP answered.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from drivers.simulator import SimulatorDriver
from revisor.client import Client, Refusal, segment
from tests.acceptance.product import Product, new_product
from tests.lab.guest import build_counter_image, domain_xml
from tests.lab.hosts import Lab, LibvirtHost

pytestmark = pytest.mark.hypervisor

# VNC takes eight characters. The second one has to be escaped in XML, so it could leak in either form.
OF_DOMAIN = "Zq7wVnc9"
OF_SNAPSHOT = "k<Q&7'zW"
ESCAPED = ("k&lt;Q&amp;7'zW", "k&lt;Q&amp;7&apos;zW", "k&lt;Q&amp;7&#39;zW")
NEVER_ACCEPTED = "Rf5sec0x"
"""In documents that are refused."""


def needles() -> list[bytes]:
    """The passwords as they could be written."""
    plain = [text.encode() for text in (OF_DOMAIN, OF_SNAPSHOT, *ESCAPED, NEVER_ACCEPTED)]
    said = [json.dumps(text)[1:-1].encode() for text in (OF_SNAPSHOT, *ESCAPED)]
    once_more = [text.hex().encode() for text in plain] + [b64encode(text) for text in plain]
    return sorted({*plain, *said, *once_more})


FOUND = re.compile(b"|".join(re.escape(needle) for needle in needles()))


def holds_password(data: bytes | str) -> bool:
    return FOUND.search(data.encode() if isinstance(data, str) else data) is not None


@dataclass
class Planted:
    """A product with a running guest that has a password, and what was asked of it."""

    product: Product
    host: LibvirtHost
    name: str
    uuid: str
    folder: Path
    answers: list[str] = field(default_factory=list)
    """What HTTP answered to requests no command line would send."""

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


@pytest.fixture(scope="module")
def planted(two_hosts: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """A running guest with a password, two snapshots of it, a replica; then every verb was used, well and badly."""
    alpha, beta = two_hosts.hosts
    name, uuid = f"secret-{uuid4().hex[:8]}", str(uuid4())
    image = build_counter_image(two_hosts.storage / f"{name}.qcow2")
    definition = with_password(domain_xml(name, uuid, image, two_hosts.storage / f"{name}.log"), OF_DOMAIN)
    with new_product() as product:
        product.up("sim", alpha=alpha.uri, beta=beta.uri)
        made = Planted(product, alpha, name, uuid, tmp_path_factory.mktemp("planted"))
        try:
            live(made, definition)
            read_everything(made)
            ask_for_what_is_refused(made, definition)
            yield made
        finally:
            for host in two_hosts.hosts:
                if name in host.virsh("list", "--name").split():
                    host.virsh("destroy", name)
                if name in host.virsh("list", "--all", "--name").split():
                    host.virsh("undefine", name, "--snapshots-metadata")


def with_password(xml: str, password: str) -> str:
    graphics = f"<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='{password}'/>"
    return xml.replace("</devices>", f"{graphics}</devices>")


def live(planted: Planted, definition: str) -> None:
    """Define, start, take and plant snapshots, replay."""
    product, name = planted.product, planted.name
    product.ok("define", planted.file("domain.xml", definition), "--host", "alpha")
    product.ok("start", name)
    product.ok("snapshot-create-as", name, "taken", "while it ran")
    dump = planted.host.virsh("snapshot-dumpxml", name, "taken", "--security-info")
    assert OF_DOMAIN in dump
    other = dump.replace("<name>taken</name>", "<name>planted</name>").replace(OF_DOMAIN, ESCAPED[1])
    product.ok("snapshot-create", name, planted.file("snapshot.xml", other), "--redefine", "--current")
    for verb in ("suspend", "resume", "reboot"):
        product.run(verb, name)
    product.ok("replay", name, "--to", "sim")
    product.ok("replay", name, "--to", "beta")


def read_everything(planted: Planted) -> None:
    """Every verb that shows something, as a table and as JSON, in other words than --security-info."""
    product, name = planted.product, planted.name
    for shown in (
        ("list", "--all"),
        ("dominfo", name),
        ("domstate", name, "--reason"),
        ("dumpxml", name),
        ("dumpxml", name, "--inactive"),
        ("dumpxml", f"sim/{name}"),
        ("snapshot-list", name),
        ("snapshot-list", name, "--tree"),
        ("snapshot-dumpxml", name, "taken"),
        ("snapshot-dumpxml", name, "planted"),
        ("snapshot-info", name, "planted"),
        ("snapshot-current", name),
        ("log", name),
        ("operations",),
        ("operations", name),
        ("host", "list"),
        ("projections", "list"),
    ):
        product.ok(*shown)
        product.json(*shown)
    for item in product.items("projections", "list"):
        product.ok("projections", "rebuild", item["name"])


def ask_for_what_is_refused(planted: Planted, definition: str) -> None:
    """Documents with a password in them that are refused for every reason there is; and requests by hand."""
    product, name = planted.product, planted.name
    secret = definition.replace(OF_DOMAIN, NEVER_ACCEPTED)
    own_name, own_uuid = f"<name>{name}</name>", f"<uuid>{planted.uuid}</uuid>"
    documents = {
        "cut": secret[: secret.index(NEVER_ACCEPTED) + len(NEVER_ACCEPTED)],
        "unquoted": secret.replace(f"passwd='{NEVER_ACCEPTED}'", f"passwd={NEVER_ACCEPTED}"),
        "twice": secret.replace("passwd=", f"passwd='{NEVER_ACCEPTED}' passwd="),
        "dtd": f"<!DOCTYPE domain [<!ENTITY secret '{NEVER_ACCEPTED}'>]>{secret}",
        "undeclared": secret.replace(f"passwd='{NEVER_ACCEPTED}'", f"passwd='{NEVER_ACCEPTED}' x:{NEVER_ACCEPTED}='1'"),
        "wrong root": f"<domainsnapshot>{secret}</domainsnapshot>",
        "no name": secret.replace(own_name, ""),
        "slash": secret.replace(own_name, "<name>a/b</name>"),
        "bad uuid": secret.replace(own_uuid, "<uuid>1</uuid>"),
        "name taken": secret.replace(own_uuid, f"<uuid>{uuid4()}</uuid>"),
        "uuid taken": secret.replace(own_name, "<name>other</name>"),
        "too large": secret + " " * (16 * 1024 * 1024),
        # These get as far as the hypervisor, which refuses them in words of its own.
        "no such bus": other_domain(planted, secret).replace("bus='virtio'", "bus='none'"),
        "too long": other_domain(planted, secret).replace(NEVER_ACCEPTED, f"{NEVER_ACCEPTED} and more"),
        "bad validity": other_domain(planted, secret).replace("passwd=", "passwdValidTo='soon' passwd="),
    }
    # First these: of one caller's refusals sixty a minute are put on record.
    ask_by_hand(planted, secret)
    product.run("define", planted.file("unknown host.xml", secret), "--host", "nowhere")
    product.run("snapshot-create", name, planted.file("snap.xml", redefined(secret)), "--redefine")
    for reason, text in documents.items():
        file = planted.file(f"{reason}.xml", text)
        product.run("define", file, "--host", "alpha")
        product.run("define", file, "--host", "alpha", "--output", "json")
        product.run("snapshot-create", name, file, "--redefine", "--output", "json")
    product.ok("log", "--attempts")
    product.json("log", "--attempts")
    product.ok("operations")
    product.json("operations")


def other_domain(planted: Planted, text: str) -> str:
    return text.replace(planted.uuid, str(uuid4())).replace(planted.name, f"other-{uuid4().hex[:8]}")


def redefined(domain: str) -> str:
    described = (
        "<name>s9</name><state>shutoff</state><parent><name>nobody</name></parent><creationTime>1</creationTime>"
    )
    return f"<domainsnapshot>{described}{domain}</domainsnapshot>"


def ask_by_hand(planted: Planted, secret: str) -> None:
    """What no command line would send."""
    client = planted.product.client
    operations = f"/v1/domains/{planted.uuid}/operations"
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/v1/domains", {"xml": [secret], "host": "alpha"}),
        ("/v1/domains", {"xml": {"text": secret}, "host": "alpha"}),
        ("/v1/domains", {"xlm": secret, "host": "alpha"}),
        ("/v1/domains", {"xml": secret}),
        (operations, {"verb": "snapshot-create", "arguments": {"xml": {"text": secret}}}),
        (operations, {"verb": "snapshot-create", "arguments": {"xml": secret, "redefine": True, "no_metadata": True}}),
        (operations, {"verb": "snapshot-create", "arguments": f"<graphics passwd='{NEVER_ACCEPTED}'/>"}),
        (
            operations,
            {"verb": "snapshot-create", "arguments": {"xml": secret, "redefine": f"passwd='{NEVER_ACCEPTED}'"}},
        ),
        (operations, {"verb": "start", "arguments": {"xml": secret}}),
        ("/v1/domains", {"xml": secret, "host": secret}),
        ("/v1/hosts", {"name": secret, "uri": "simulator:///x"}),
        (operations, {"verb": "snapshot-revert", "arguments": {"name": secret}}),
        (f"/v1/domains/{segment(secret)}/operations", {"verb": "start", "arguments": {}}),
    ]
    for path, body in bodies:
        planted.answers.append(refused(client, path, body))


def refused(client: Client, path: str, body: dict[str, Any]) -> str:
    with pytest.raises(Refusal) as refusal:
        client.request("POST", path, body=body)
    said = refusal.value
    return f"{said.message} {said.field} {said.value} {said.accepted}"


def test_the_password_is_where_it_belongs(planted: Planted) -> None:
    for words in (["dumpxml", planted.name], ["snapshot-dumpxml", planted.name, "taken"]):
        assert f"passwd='{OF_DOMAIN}'" in planted.host.virsh(*words, "--security-info")
    assert ESCAPED[1] in planted.host.virsh("snapshot-dumpxml", planted.name, "planted", "--security-info")
    path = planted.product.home / "simulators" / "sim.sqlite"
    with closing(SimulatorDriver(path, "sim")) as replica:
        assert OF_DOMAIN in replica.domain_xml(planted.uuid, inactive=True)
        assert ESCAPED[1] in replica.snapshot_xml(planted.uuid, "planted")


def test_security_info_shows_it_and_leaves_an_access_record(planted: Planted) -> None:
    product, name = planted.product, planted.name
    shown = {
        ("dumpxml", name): OF_DOMAIN,
        ("snapshot-dumpxml", f"{name}"): OF_DOMAIN,
    }
    for (verb, domain), password in shown.items():
        words = [verb, domain, *(["taken"] if verb == "snapshot-dumpxml" else [])]
        before = accesses(product)
        assert f"passwd='{password}'" in product.ok(*words, "--security-info", "--reason", "to look at the screen")
        record = accesses(product)[len(before) :]
        assert [(item["actor"], item["reason"]) for item in record] == [("uid:0(root)", "to look at the screen")]
        assert record[0]["verb"] == verb
        assert name in record[0]["target"]
        assert "passwd" not in product.ok(*words)
        assert len(accesses(product)) == len(before) + 1


def accesses(product: Product) -> list[dict[str, Any]]:
    """Who was shown a secret, as the log has it."""
    query = """SELECT a.actor, a.reason, convert_from(e.state, 'UTF8')::json AS said
               FROM log.events e JOIN log.appends a USING (append_id)
               WHERE e.topic = 'access.granted' ORDER BY e.notification_id"""
    with psycopg.connect(product.dsn()) as connection:
        return [{"actor": actor, "reason": reason, **said} for actor, reason, said in connection.execute(query)]


def test_no_verb_and_no_answer_tells_it(planted: Planted) -> None:
    told = [words for words, said in planted.product.said if holds_password(said) and "--security-info" not in words]

    assert told == []
    assert not any(holds_password(answer) for answer in planted.answers)
    assert len(planted.product.said) > 80


def test_the_refusals_were_recorded_without_it(planted: Planted) -> None:
    attempts = planted.product.items("log", "--attempts", "--limit", "1000")

    assert {item["code"] for item in attempts} >= {8, 9, 27}
    assert not holds_password(json.dumps(attempts, ensure_ascii=False))


def test_no_table_holds_it(planted: Planted) -> None:
    searched = 0
    with psycopg.connect(planted.product.dsn("postgres")) as connection:
        tables = connection.execute("SELECT schemaname, tablename FROM pg_tables").fetchall()
        for schema, table in tables:
            query = sql.SQL("COPY (SELECT * FROM {}.{}) TO STDOUT").format(*map(sql.Identifier, (schema, table)))
            with connection.cursor().copy(query) as rows:
                for row in rows:
                    searched += 1
                    assert not holds_password(bytes(row)), (schema, table)
                    # bytea is written as hexadecimal digits.
                    for digits in re.findall(rb"\\\\x((?:[0-9a-f]{2})+)", bytes(row)):
                        assert not holds_password(bytes.fromhex(digits.decode())), (schema, table)
        assert ("log", "documents") in tables
    assert searched > 1000


def test_the_search_of_tables_would_find_it(planted: Planted) -> None:
    """What is searched for is really in the documents, under a reference; and what is not secret is found."""
    with psycopg.connect(planted.product.dsn("postgres")) as connection:
        bodies = [bytes(body) for (body,) in connection.execute("SELECT body FROM log.documents")]
    assert any(b"passwd=" in body and planted.name.encode() in body for body in bodies)


def test_no_file_holds_it(planted: Planted) -> None:
    """Also not the database's own files, when it is down and everything has been written to them."""
    planted.product.down()
    hypervisor = planted.product.home / "simulators"
    files = [path for path in planted.product.home.rglob("*") if path.is_file() and hypervisor not in path.parents]

    assert [path for path in files if holds_password(path.read_bytes())] == []
    assert {"postgres.log", "up.log"} <= {path.name for path in files}
