"""A tree of three hundred snapshots is replayed onto real libvirt, and libvirt is asked directly what it has then."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from revisor.client import segment
from tests.acceptance.product import Product
from tests.acceptance.trees import SNAPSHOTS, Replica, Tree, described, new_dice, replica_on
from tests.lab.daemon import TestDaemon
from tests.lab.hosts import LibvirtHost

pytestmark = pytest.mark.timeout(600)

SHOWN = 20
"""Of how many snapshots Revisor's own dump is compared as well."""


@contextmanager
def clean_afterwards(uri: str, uuid: str) -> Iterator[None]:
    """The hosts are shared with other tests: take the replica off again."""
    import libvirt

    try:
        yield
    finally:
        with closing(libvirt.open(uri)) as connection:
            for domain in connection.listAllDomains():
                if domain.UUIDString() == uuid:
                    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)


@pytest.mark.hypervisor
def test_three_hundred_snapshots_of_a_qemu_domain_read_back_byte_identical(
    product: Product, system_host: LibvirtHost
) -> None:
    product.up("alpha", system=system_host.uri)
    tree = Tree(product, "alpha", new_dice("qemu"))
    tree.grow()

    with clean_afterwards(system_host.uri, tree.uuid):
        assert f"{SNAPSHOTS} of {SNAPSHOTS} identical" in product.ok("replay", tree.name, "--to", "system")

        agrees(tree, replica_on(system_host.uri, tree.uuid))


@pytest.mark.hypervisor
def test_three_hundred_snapshots_of_a_test_domain_read_back_byte_identical(
    product: Product, test_daemon: TestDaemon
) -> None:
    product.up("alpha", tester=test_daemon.uri)
    tree = Tree(product, "alpha", new_dice("test"), domain_type="test")
    tree.grow()

    with clean_afterwards(test_daemon.uri, tree.uuid):
        assert f"{SNAPSHOTS} of {SNAPSHOTS} identical" in product.ok("replay", tree.name, "--to", "tester")

        agrees(tree, replica_on(test_daemon.uri, tree.uuid))


def agrees(tree: Tree, replica: Replica) -> None:
    """The replica is the simulator's tree, to the byte; and Revisor knows both."""
    simulated = tree.dumps()
    assert len(replica.dumps) == SNAPSHOTS
    assert replica.dumps == simulated
    assert replica.current == tree.current()
    with tree.hypervisor() as driver:
        assert replica.definition == driver.domain_xml(tree.uuid, inactive=True)
    recorded = {
        item["name"]: (item["parent"], item["state"], item["creation_time"], item["description"])
        for item in tree.recorded()
    }
    assert recorded == described(replica.dumps)
    assert [item["name"] for item in tree.recorded() if item["current"]] == [replica.current]
    for name in tree.dice.sample(sorted(simulated), SHOWN):
        shown = tree.product.client.get(f"/v1/domains/{tree.uuid}/snapshots/{segment(name)}/xml", security_info=True)
        assert shown.text == replica.dumps[name]
    name = tree.dice.choice(sorted(simulated))
    # The command line ends what it prints with an empty line, as virsh does. Some of the names begin like an option.
    words = ("snapshot-dumpxml", tree.name, "--snapshotname", name, "--security-info")
    assert tree.product.ok(*words) == replica.dumps[name] + "\n"
