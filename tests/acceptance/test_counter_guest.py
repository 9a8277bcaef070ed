"""The promise, on real hosts: a running guest's snapshot tree is replayed, handed over, and the guest goes on there.

The guest counts in its processor's register and writes the count to a file, so whether its memory came back can be
read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from tests.acceptance.product import Product, new_product
from tests.lab.awaiting import eventually
from tests.lab.guest import Counter, build_counter_image, domain_xml
from tests.lab.hosts import Lab

pytestmark = [pytest.mark.hypervisor, pytest.mark.timeout(600)]

# Each is taken after going back to the one before the arrow, so the tree is: a > (b > (d, e > f), c).
GROWTH = (("", "a"), ("", "b"), ("a", "c"), ("b", "d"), ("b", "e"), ("", "f"))
PARENTS = {"a": None, "b": "a", "c": "a", "d": "b", "e": "b", "f": "e"}


@dataclass(frozen=True)
class Guest:
    """A counter guest on two hosts that Revisor leads, with the values between which each snapshot was taken."""

    product: Product
    name: str
    counter: Counter
    taken: dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def guest(two_hosts: Lab) -> Iterator[Guest]:
    """A guest that runs on alpha and has six snapshots in a tree."""
    alpha, beta = two_hosts.hosts
    name = f"counter-{uuid4().hex[:8]}"
    image = build_counter_image(two_hosts.storage / f"{name}.qcow2")
    counter = Counter(two_hosts.storage / f"{name}.log")
    definition = two_hosts.storage / f"{name}.xml"
    definition.write_text(domain_xml(name, uuid4(), image, counter.serial_log))
    with new_product() as product:
        product.up(alpha=alpha.uri, beta=beta.uri)
        product.ok("define", str(definition), "--host", "alpha")
        product.ok("start", name)
        made = Guest(product, name, counter, {})
        try:
            for before, snapshot in GROWTH:
                grow(made, before, snapshot)
            yield made
        finally:
            for host in two_hosts.hosts:
                if name in host.virsh("list", "--name").split():
                    host.virsh("destroy", name)
                if name in host.virsh("list", "--all", "--name").split():
                    host.virsh("undefine", name, "--snapshots-metadata")


def grow(guest: Guest, before: str, snapshot: str) -> None:
    """Take a snapshot of the running guest, after going back to ``before`` if it is given."""
    if before:
        revert(guest, before)
    low = guest.counter.wait_until_advances()
    guest.product.ok("snapshot-create-as", guest.name, snapshot, f"taken at {low}")
    high = guest.counter.latest()
    assert high is not None
    guest.taken[snapshot] = low, high
    # Let it count on, or two snapshots' values could not be told apart.
    guest.counter.wait_until_advances(20)


def revert(guest: Guest, snapshot: str) -> None:
    """Go back to a snapshot, and see in the guest's own words that it went on from there."""
    low, high = guest.taken[snapshot]
    # A guest that happens to count just there would go on as if nothing had been.
    eventually(lambda: not low - 10 <= (guest.counter.latest() or 0) <= high + 10, what="the guest counts elsewhere")
    since = guest.counter.position()
    guest.product.ok("snapshot-revert", guest.name, snapshot)
    guest.counter.wait_until_restarts(low, high, since=since)
    guest.counter.wait_until_advances()


def owner_of(guest: Guest) -> str:
    return next(str(item["host"]) for item in guest.product.items("list", "--all") if item["role"] == "owner")


def test_the_tree_is_as_it_was_grown(guest: Guest) -> None:
    found = {item["name"]: item["parent"] for item in guest.product.items("snapshot-list", guest.name)}

    assert found == PARENTS


def test_a_replay_reports_six_of_six_identical(guest: Guest, two_hosts: Lab) -> None:
    said = guest.product.ok("replay", guest.name, "--to", "beta")

    assert "6 of 6 identical" in said
    beta = two_hosts.host("beta")
    assert sorted(beta.virsh("snapshot-list", guest.name, "--name").split()) == sorted(PARENTS)
    for name in PARENTS:
        dumps = [host.virsh("snapshot-dumpxml", guest.name, name, "--security-info") for host in two_hosts.hosts]
        assert dumps[0] == dumps[1]


def test_a_replica_is_not_started_nor_reverted(guest: Guest, two_hosts: Lab) -> None:
    for words in (["start", f"beta/{guest.name}"], ["snapshot-revert", f"beta/{guest.name}", "a"]):
        sentence = guest.product.refused(55, *words)
        assert "alpha" in sentence, "it names the owner"

    assert guest.name not in two_hosts.host("beta").virsh("list", "--name").split()


def test_a_running_guest_is_not_handed_over(guest: Guest) -> None:
    assert "running" in guest.product.refused(55, "handover", guest.name, "--to", "beta")


def test_replaying_again_changes_nothing(guest: Guest) -> None:
    before = guest.product.facts(guest.name)

    assert "6 of 6 identical" in guest.product.ok("replay", guest.name, "--to", "beta")

    assert guest.product.facts(guest.name) == before


def test_after_a_handover_the_guest_goes_on_from_each_of_its_snapshots(guest: Guest, two_hosts: Lab) -> None:
    guest.product.ok("destroy", guest.name)
    guest.product.ok("handover", guest.name, "--to", "beta")
    assert owner_of(guest) == "beta"

    for snapshot in ("a", "f", "d", "c", "e", "b"):
        revert(guest, snapshot)

    assert guest.name in two_hosts.host("beta").virsh("list", "--name").split()
    assert guest.name not in two_hosts.host("alpha").virsh("list", "--name").split()


def test_what_came_by_the_handover_goes_back_the_same_way(guest: Guest, two_hosts: Lab) -> None:
    guest.product.ok("destroy", guest.name)
    assert "6 of 6 identical" in guest.product.ok("replay", guest.name, "--to", "alpha")
    replayed = guest.product.facts(guest.name)
    guest.product.ok("replay", guest.name, "--to", "alpha")
    assert guest.product.facts(guest.name) == replayed

    request = ["handover", guest.name, "--to", "alpha", "--request-id", str(uuid4())]
    first = guest.product.ok(*request)
    handed_over = guest.product.log(guest.name)
    assert guest.product.ok(*request) == first
    assert guest.product.log(guest.name) == handed_over

    assert owner_of(guest) == "alpha"
    revert(guest, "a")
    assert guest.name in two_hosts.host("alpha").virsh("list", "--name").split()
