"""Claim: ``revisor list`` answers within 0.3 s of wall time, on a warm machine.

    python -m benchmarks.cli [--short] [--rounds N]

``revisor list`` and ``virsh list`` take turns, each a process of its own, and each shows the same one domain: of
libvirt's test driver behind a socket, led by a Revisor in a temporary home. Then what importing takes, module by
module.
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks._figures import machine, median, said_to_be_missing, table
from tests.acceptance.product import ROOT_OF_HOUSE, Product, new_product
from tests.lab.daemon import TestDaemon
from tests.lab.requirements import missing_for_test_daemon

AIM_S = 0.3

_EXAMPLE = ROOT_OF_HOUSE / "revisor" / "examples" / "web.xml"
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)(\S+)")
_SHOWN = 12


def main() -> int:
    arguments = _arguments()
    without_virsh = said_to_be_missing("virsh list, to compare with", missing_for_test_daemon())
    with ExitStack() as stack:
        product = stack.enter_context(new_product())
        commands = {"revisor list": [*_revisor(), "list"]}
        if without_virsh:
            product.up("alpha")
            product.define(_EXAMPLE.read_text(), "alpha")
            product.act("web", "start")
        else:
            daemon = stack.enter_context(TestDaemon())
            product.up(alpha=daemon.uri)
            product.define(_EXAMPLE.read_text().replace("type='qemu'", "type='test'", 1), "alpha")
            product.act("web", "start")
            commands["virsh list"] = ["virsh", "-c", daemon.uri, "list"]
        measured = contest(commands, product.environment, arguments.rounds)
        print(f"median of {arguments.rounds} alternating runs; {machine()}; {' '.join(_shown(_revisor()))}\n")
        print(report(measured))
        seconds = median(measured["revisor list"])
        print(f"\nrevisor list in {seconds:.3f} s; the aim is {AIM_S} s: {'met' if seconds <= AIM_S else 'missed'}")
        print(f"\nwhat importing takes:\n{imports(product)}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cli", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="few runs, for a quick look")
    parser.add_argument("--rounds", type=int, help="how often each runs; the median counts (30)")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (5 if arguments.short else 30)
    return arguments


def _revisor() -> list[str]:
    """The installed command, as a person types it; ``python -m revisor`` where it is not installed."""
    script = Path(sys.executable).with_name("revisor")
    return [str(script)] if script.exists() else [sys.executable, "-m", "revisor"]


def _shown(command: Sequence[str]) -> list[str]:
    return [Path(command[0]).name, *command[1:]]


def contest(
    commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], rounds: int
) -> dict[str, list[float]]:
    """Seconds of wall time of each run; the first, which warms the caches, does not count."""
    measured: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            seconds, said = _run(command, environment)
            if " web " not in said:
                raise SystemExit(f"{name} did not list the domain: {said!r}")
            if number:
                measured[name].append(seconds)
    return measured


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, str]:
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT_OF_HOUSE, env=environment, capture_output=True, text=True, check=True)
    return time.perf_counter() - begun, done.stdout


def report(measured: Mapping[str, Sequence[float]]) -> str:
    """A line each: median, best and worst, and how many times what virsh takes."""
    virsh = measured.get("virsh list")
    rows = [
        [
            name,
            *(f"{seconds:.3f}" for seconds in (median(times), min(times), max(times))),
            f"{median(times) / median(virsh):.1f}" if virsh else "-",
        ]
        for name, times in measured.items()
    ]
    return table(["", "median s", "best s", "worst s", "times virsh"], rows)


def imports(product: Product) -> str:
    """The modules that cost most when ``revisor list`` runs,
    with everything they bring along that was not there yet.
    """
    command = [sys.executable, "-X", "importtime", "-m", "revisor", "list"]
    done = subprocess.run(
        command, cwd=ROOT_OF_HOUSE, env=dict(product.environment), capture_output=True, text=True, check=True
    )
    found = [_IMPORT.fullmatch(line) for line in done.stderr.splitlines()]
    lines = [(match.group(4), int(match.group(1)), int(match.group(2))) for match in found if match]
    total = sum(own for _, own, _ in lines)
    costly = sorted(lines, key=lambda line: line[2], reverse=True)[:_SHOWN]
    rows = [[name, f"{own / 1000:.1f}", f"{everything / 1000:.1f}"] for name, own, everything in costly]
    return table(
        ["module", "itself ms", "with what it imports ms"],
        [*rows, [f"all {len(lines)} modules", f"{total / 1000:.1f}", ""]],
    )


if __name__ == "__main__":
    sys.exit(main())
