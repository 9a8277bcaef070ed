"""A replay in whose middle Revisor is killed, PostgreSQL with it or not, ends as if nothing had been.

The hypervisor is never killed: what it has been told stays done, and Revisor must find that out.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.acceptance.product import ROOT_OF_HOUSE, Item, Product, new_product
from tests.acceptance.trees import SNAPSHOTS, Tree, new_dice, replica_on
from tests.lab.awaiting import eventually
from tests.lab.hosts import LibvirtHost

pytestmark = [pytest.mark.hypervisor, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def tree(system_host: LibvirtHost) -> Iterator[Tree]:
    """Three hundred snapshots on a simulated host, beside a real one."""
    with new_product() as product:
        product.up("alpha", system=system_host.uri)
        tree = Tree(product, "alpha", new_dice("killed"))
        tree.grow()
        yield tree


@pytest.mark.parametrize(
    ("time", "include_postgres"),
    [("first", False), ("second", True), ("third", False), ("fourth", True), ("fifth", False)],
)
def test_a_killed_replay_ends_with_every_snapshot_once(
    tree: Tree, system_host: LibvirtHost, time: str, *, include_postgres: bool
) -> None:
    redefined = new_dice(f"killed the {time} time").randrange(1, SNAPSHOTS)
    product, request = tree.product, uuid4()
    command = ["replay", tree.name, "--to", "system", "--request-id", str(request)]

    with asked(product, *command) as first:
        at_least_there(system_host.uri, tree.uuid, redefined, while_runs=first)
        product.kill_everything(include_postgres=include_postgres)
        there = len(replica_on(system_host.uri, tree.uuid).dumps)
        print(f"killed when {redefined} were redefined; {there} in the end")
        # Nobody can tell it how the operation ended.
        assert first.wait() in (3, 4)
    product.up()

    assert f"{SNAPSHOTS} of {SNAPSHOTS} identical" in product.ok(*command)
    replica = replica_on(system_host.uri, tree.uuid)
    assert replica.dumps == tree.dumps()
    assert (len(replica.dumps), replica.current) == (SNAPSHOTS, tree.current())
    operation = the_only_operation(product, tree.name, request)
    facts = [entry for entry in product.log(tree.uuid) if entry["operation"] == operation["id"]]
    names = [entry["data"]["name"] for entry in facts if entry["topic"] == "snapshot.redefined"]
    assert sorted(names) == tree.names()
    assert [entry["topic"] for entry in facts].count("operation.succeeded") == 1
    product.ok("undefine", f"system/{tree.name}", "--snapshots-metadata")


def the_only_operation(product: Product, domain: str, request: UUID) -> Item:
    found = [item for item in product.items("operations", domain) if item["request_id"] == str(request)]
    assert [(item["verb"], item["state"]) for item in found] == [("replay", "succeeded")]
    return found[0]


def asked(product: Product, *words: str) -> "subprocess.Popen[str]":
    """A command that is being carried out."""
    return subprocess.Popen(
        [sys.executable, "-m", "revisor", *words],
        cwd=ROOT_OF_HOUSE,
        env=product.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def at_least_there(uri: str, uuid: str, number: int, *, while_runs: "subprocess.Popen[str]") -> None:
    """Wait until libvirt itself counts so many snapshots of a domain that is about to be defined."""
    import libvirt

    with closing(libvirt.open(uri)) as connection:

        def enough() -> bool:
            assert while_runs.poll() is None, "the command ended before it could be interrupted"
            domain = _domain(connection, uuid)
            return domain is not None and domain.snapshotNum() >= number

        eventually(enough, what=f"{number} snapshots are redefined", every_s=0.001)


def _domain(connection: Any, uuid: str) -> Any:
    return next((domain for domain in connection.listAllDomains() if domain.UUIDString() == uuid), None)
