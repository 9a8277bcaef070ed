"""Doing harm to the processes around a real host, and what must hold afterwards: one end a request, its effect once."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from revisor.client import Operation
from tests.acceptance.counting import HOST, CountingGuest
from tests.acceptance.product import ROOT_OF_HOUSE, Product
from tests.lab.awaiting import eventually

QUICK = {"REVISOR_SILENCE_S": "2", "REVISOR_DEADLINE_S": "4"}
"""A hypervisor is believed for so long only, and a call waited for."""


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process does nothing meanwhile, as one that hangs; its connections stay."""
    os.kill(pid, signal.SIGSTOP)
    with standing(pid):
        yield


@contextmanager
def standing(pid: int) -> Iterator[None]:
    """The process, which was stopped or stops itself, stands still when this begins, and goes on at its end."""
    try:
        eventually(lambda: _state_of(pid) == "T", what=f"process {pid} stands still")
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def another_agent(product: Product, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """An agent of the real host besides the supervisor's own; what it says is in ``another.log`` of the home."""
    with (product.home / "another.log").open("ab") as log:
        agent = subprocess.Popen(
            [sys.executable, "-m", "revisor", "worker", "--host", HOST],
            cwd=ROOT_OF_HOUSE,
            env={**product.environment, **environment},
            stdin=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            yield agent
        finally:
            agent.terminate()
            agent.wait(30)


def asked_and_started(guest: CountingGuest, verb: str, **arguments: str) -> Operation:
    """Ask for a verb; returns in the moment in which its start is on record."""
    product = guest.on.product
    with psycopg.connect(product.dsn(), autocommit=True) as log:
        operation = product.client.act(str(guest.uuid), verb, arguments, wait_s=0)
        eventually(lambda: not log.execute(_WAITS, [operation["id"]]).fetchone(), what="it started", every_s=0)
    return operation


_WAITS = "SELECT FROM work.operation_queue WHERE operation = %s AND NOT started"


def ended(guest: CountingGuest, operation: Operation) -> Operation:
    """The operation when it has ended, which it did once."""
    product = guest.on.product
    outcome = product.client.ended(operation, timeout_s=60)
    topics = Counter(entry["topic"] for entry in product.log(str(guest.uuid)) if entry["operation"] == operation["id"])
    ends = {topic: count for topic, count in topics.items() if topic.removeprefix("operation.") in _ENDS}
    assert topics["operation.requested"] == topics["operation.started"] == 1, topics
    assert list(ends.values()) == [1], f"{topics}\n{product.last_words()}"
    return outcome


_ENDS = ("succeeded", "failed", "outcome_unknown")


def check_agreement(guest: CountingGuest) -> None:
    """Check that what is recorded becomes what is there: its state and why, its tree, and what is inside its image."""

    def agrees() -> bool:
        guest.on.product.client.get("/v1/domains", fresh=True)
        shown = guest.shown()
        recorded = f"{shown['state']} ({shown['reason']})", {*guest.snapshots()}
        return recorded == (guest.virsh("domstate", "--reason").strip(), listed(guest))

    eventually(agrees, what="recorded is what is there", every_s=0.2)
    assert {*guest.tags()} == listed(guest)


def listed(guest: CountingGuest) -> set[str]:
    return {*guest.virsh("snapshot-list", "--name").split()}


def made(guest: CountingGuest) -> list[str]:
    """The snapshots that were created, by the log."""
    facts = guest.on.product.facts(str(guest.uuid))
    return [fact["data"]["name"] for fact in facts if fact["topic"] == "snapshot.created"]


def qemu_of(guest: CountingGuest) -> int:
    """The pid of the guest's QEMU."""
    marks = (b"qemu-system", f"guest={guest.name},".encode())
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes()
                if all(mark in command for mark in marks):
                    return int(entry.name)
    raise LookupError(f"no QEMU of {guest.name} runs")


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
