"""Claims: what an operation costs beside the bare call, and how many a second Revisor carries out.

    python -m benchmarks.operations [--short] [--rounds N]

Two guests of the same image run on one real libvirt host; Revisor leads one of them, libvirt-python acts on the other.
By turns: suspend, resume, and a snapshot with the guest's memory, through the HTTP API until the operation has ended
and can be read, and as a direct call. Snapshots are also taken of two guests with more memory, as guests have. Then 1,
10 and 100 domains of a simulated host are suspended and resumed at once.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from uuid import UUID, uuid5

from benchmarks._claims import seconds_of, verdict
from benchmarks._figures import machine, median, said_to_be_missing, table
from revisor.client import Client, Operation
from tests.acceptance.product import Product, new_product
from tests.lab.awaiting import eventually
from tests.lab.guest import Counter, build_counter_image, domain_xml
from tests.lab.hosts import Lab, LibvirtHost, remove_abandoned
from tests.lab.requirements import missing_for_hosts

OVERHEAD_AIM_S = 0.015
SNAPSHOT_AIM = 1.3
RATE_AIM = 200
FLEETS = (1, 10, 100)

TINY_MIB, USUAL_MIB = 16, 256
_SPACE = UUID("5b1de1a4-43a4-4d3c-8c56-0c9b20a4a1d6")
_LAB = "operations-"
_WAIT_S = 60.0
_STAGED = 15
_CALLERS = 32
"""As many people ask at once, at most."""
_SNAPSHOT = "<domainsnapshot><name>moment</name></domainsnapshot>"

Act = Callable[[], object]


def main() -> int:
    arguments = _arguments()
    print(f"{machine()}; PostgreSQL as installed\n")
    missing = missing_for_hosts()
    if find_spec("libvirt") is None:
        missing.append("libvirt-python")
    if not said_to_be_missing("operations beside direct calls of libvirt", missing):
        beside_direct_calls(arguments.rounds)
    rates(FLEETS, arguments.sweeps)
    return 0


def _arguments() -> argparse.Namespace:
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operations", description=about)
    parser.add_argument("--short", action="store_true", help="few rounds, for a quick look")
    parser.add_argument("--rounds", type=int, help="how often each act is done by turns (100)")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (20 if arguments.short else 100)
    arguments.sweeps = 2 if arguments.short else 10
    return arguments


# Beside direct calls.


def beside_direct_calls(rounds: int) -> None:
    """Print how long each act takes through Revisor and directly, and whether the aims are met."""
    remove_abandoned(_LAB)
    with new_product() as product, Lab(f"{_LAB}{os.getpid()}", host_names=("system",)) as lab:
        host = lab.hosts[0]
        product.up(system=host.uri)
        with two_guests(product, host, lab.storage, TINY_MIB) as tiny:
            measured = contest(tiny, rounds)
        with two_guests(product, host, lab.storage, USUAL_MIB) as usual:
            measured |= contest({act: pair for act, pair in usual.items() if act.startswith("snapshot")}, rounds)
            print(f"median and 95th percentile of {rounds} rounds by turns, milliseconds\n")
            print(report(measured))
            print("\n".join(verdicts(measured)))
            print(f"\nwhere the time of an operation goes, medians in milliseconds\n\n{stages(product.client, usual)}")


@dataclass(frozen=True)
class Pair:
    """The same act on either guest. ``undo`` takes back what it did, on both; it is not timed."""

    ours: Act
    theirs: Act
    undo: Act = lambda: None


@contextmanager
def two_guests(product: Product, host: LibvirtHost, folder: Path, memory_mib: int) -> Iterator[Mapping[str, Pair]]:
    """Both run; what can be done to them, in an order in which it can be done."""
    import libvirt  # noqa: PLC0415  (an optional extra)

    ours, theirs = (_Guest(f"{whose}{memory_mib}", folder, memory_mib) for whose in ("ours", "theirs"))
    product.define(ours.definition, host.name)
    product.act(ours.name, "start")
    connection = libvirt.open(host.uri)
    direct = connection.defineXML(theirs.definition)
    direct.create()
    for guest in (ours, theirs):
        eventually(Counter(guest.log).values, what=f"guest {guest.name} counts")
    client = product.client

    def ask(verb: str, **words: object) -> Act:
        return lambda: done(client, ours.name, verb, words)

    def forget() -> None:
        product.act(ours.name, "snapshot-delete", name="moment")
        direct.snapshotLookupByName("moment").delete()

    try:
        yield {
            "suspend": Pair(ask("suspend"), direct.suspend),
            "resume": Pair(ask("resume"), direct.resume),
            _snapshot_of(memory_mib): Pair(
                ask("snapshot-create", name="moment"), lambda: direct.snapshotCreateXML(_SNAPSHOT), forget
            ),
        }
    finally:
        direct.destroy()
        connection.close()


class _Guest:
    """A guest that counts, with an image of its own."""

    def __init__(self, name: str, folder: Path, memory_mib: int) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        image = build_counter_image(folder / f"{name}.qcow2")
        self.definition = domain_xml(name, uuid5(_SPACE, name), image, self.log, memory_mib=memory_mib)


def _snapshot_of(memory_mib: int) -> str:
    return f"snapshot-create of {memory_mib} MiB"


def done(client: Client, domain: str, verb: str, words: Mapping[str, object]) -> Operation:
    """Ask for a verb and wait for its end, which must be a good one."""
    operation = client.act(domain, verb, words, wait_s=_WAIT_S)
    if operation["state"] != "succeeded":
        raise SystemExit(f"{verb} of {domain} ended as {operation['state']}: {operation['error']}")
    return operation


Measured = dict[str, tuple[list[float], list[float]]]
"""Seconds of each round through Revisor, and directly, by act."""


def contest(acts: Mapping[str, Pair], rounds: int) -> Measured:
    """The first round, which warms everything, does not count. Who goes first changes with each round."""
    measured: Measured = {act: ([], []) for act in acts}
    for number in range(rounds + 1):
        for act, pair in acts.items():
            sides = [(0, pair.ours), (1, pair.theirs)]
            for side, do in sides if number % 2 else reversed(sides):
                seconds = seconds_of(do)
                if number:
                    measured[act][side].append(seconds)
            pair.undo()
    return measured


def report(measured: Measured) -> str:
    rows = []
    for act, (ours, theirs) in measured.items():
        figures = (median(ours), p95(ours), median(theirs), p95(theirs), median(ours) - median(theirs))
        rows.append([act, *(f"{each * 1000:.1f}" for each in figures), f"{median(ours) / median(theirs):.2f}"])
    return table(["", "revisor p50", "p95", "direct p50", "p95", "overhead p50", "ratio"], rows)


def stages(client: Client, acts: Mapping[str, Pair]) -> str:
    """From asking to being answered, with the moments at which the log took each step as milestones."""
    split: dict[str, list[list[float]]] = {}
    for _ in range(_STAGED):
        for act, pair in acts.items():
            asked = time.time()
            operation = pair.ours()
            answered = time.time()
            assert isinstance(operation, dict)
            taken = _taken(client, operation)
            moments = [asked, *(taken[f"operation.{step}"] for step in ("requested", "started", "succeeded")), answered]
            split.setdefault(act, []).append([later - sooner for sooner, later in pairwise(moments)])
            pair.theirs()  # so that both can be taken back
            pair.undo()
    rows = [[act, *(f"{median(part) * 1000:.1f}" for part in zip(*parts, strict=True))] for act, parts in split.items()]
    return table(["", "until requested", "until started", "until succeeded", "until answered"], rows)


def _taken(client: Client, operation: Operation) -> dict[str, float]:
    """When the log took each step of an operation, in seconds since 1970."""
    entries = client.get(f"/v1/domains/{operation['domain']}/log", limit=50).body["items"]
    own = (entry for entry in entries if entry["operation"] == operation["id"])
    return {entry["topic"]: datetime.fromisoformat(entry["recorded_at"]).timestamp() for entry in own}


def p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20)[-1]


def verdicts(measured: Measured) -> Iterator[str]:
    yield ""
    for act in ("suspend", "resume"):
        ours, theirs = measured[act]
        over_s = median(ours) - median(theirs)
        aim = f"the aim is {OVERHEAD_AIM_S * 1000:.0f} ms"
        yield f"{act}: {over_s * 1000:.1f} ms more than the direct call; {aim}: {verdict(over_s <= OVERHEAD_AIM_S)}"
    for memory_mib in (TINY_MIB, USUAL_MIB):
        act = _snapshot_of(memory_mib)
        ours, theirs = measured[act]
        ratio = median(ours) / median(theirs)
        yield f"{act}: {ratio:.2f} of the direct call; the aim is {SNAPSHOT_AIM}: {verdict(ratio <= SNAPSHOT_AIM)}"


# Many at once.


def rates(fleets: Sequence[int], sweeps: int) -> None:
    """Print how many operations a second come to their end, over fleets of so many domains."""
    with new_product() as product:
        product.up("alpha")
        for number in range(max(fleets)):
            product.define(_simulated(number), "alpha")
            product.act(_name(number), "start")
        found = {fleet: sorted(_sweeps(product.client, fleet, sweeps)) for fleet in fleets}
    print(f"\nsuspend and resume of all domains at once, {sweeps} times; at most {_CALLERS} callers\n")
    rows = [
        [f"{fleet}", *(f"{each:.0f}" for each in (median(them), them[-1], them[0]))] for fleet, them in found.items()
    ]
    print(table(["domains", "operations a second", "best", "worst"], rows))
    rate = median(found[max(fleets)])
    met = verdict(rate >= RATE_AIM)
    print(f"\n{rate:.0f} operations a second over {max(fleets)} domains; the aim is {RATE_AIM}: {met}")


def _sweeps(client: Client, fleet: int, sweeps: int) -> Iterator[float]:
    """Operations a second of each sweep: every domain is suspended, then every domain resumed."""
    with ThreadPoolExecutor(min(fleet, _CALLERS)) as callers:
        for _ in range(sweeps):
            began = time.perf_counter()
            for verb in ("suspend", "resume"):
                asked = [callers.submit(done, client, _name(number), verb, {}) for number in range(fleet)]
                for each in asked:
                    each.result()
            yield 2 * fleet / (time.perf_counter() - began)


def _name(number: int) -> str:
    return f"web{number}"


def _simulated(number: int) -> str:
    name = _name(number)
    return domain_xml(name, uuid5(_SPACE, name), f"/images/{name}.qcow2", f"/logs/{name}.log")


if __name__ == "__main__":
    sys.exit(main())
