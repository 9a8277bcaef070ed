"""Counter guests on a real host that Revisor leads, and what a person would want to know of one after each verb.

The guest's count is the proof of its memory: it goes on where it was, goes on from where a snapshot was taken, or
begins at 1. Everything is asked of Revisor over HTTP, unless a test is about the words of the command line.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from lxml import etree

from revisor.client import Refusal
from tests.acceptance.product import Item, Product
from tests.lab import images
from tests.lab.awaiting import eventually
from tests.lab.guest import Counter, domain_xml
from tests.lab.hosts import LibvirtHost

HOST = "system"

Window = tuple[int, int]
"""The values between which something happened to a guest."""

_APART = 10
"""How far a guest counts past a snapshot's value before it is reverted there, so that the return can be seen."""


@dataclass(frozen=True)
class LedHost:
    """A real host, led by a Revisor under the name ``system``; and the counter guest's image, to be copied."""

    product: Product
    host: LibvirtHost
    image: Path

    @property
    def storage(self) -> Path:
        return self.image.parent

    def path(self, file: str) -> Path:
        return self.storage / file

    @contextmanager
    def guest(self, word: str, *, running: bool = True, devices: str = "") -> Iterator["CountingGuest"]:
        """A persistent counter guest of its own name; afterwards there is none, whatever was done to it.

        ``devices`` is XML of what it has besides a disk and a serial port.
        """
        made = self.new_guest(word)
        made.devices = devices
        try:
            self.product.define(made.xml, HOST)
            if running:
                made.do("start")
                made.counter.wait_until_advances()
            yield made
        finally:
            made.remove()

    @contextmanager
    def transient(self, word: str) -> Iterator["CountingGuest"]:
        """A transient counter guest that runs; afterwards there is none."""
        made = self.new_guest(word)
        try:
            made.create()
            yield made
        finally:
            made.remove()

    def new_guest(self, word: str) -> "CountingGuest":
        """A guest with an image of its own that no hypervisor knows yet. Whoever defines it has to ``remove`` it."""
        name = f"{word}-{uuid4().hex[:6]}"
        image = self.path(f"{name}.qcow2")
        shutil.copy(self.image, image)
        return CountingGuest(self, name, uuid4(), image, Counter(self.path(f"{name}.log")))


@dataclass
class CountingGuest:
    """One counter guest. What ``take`` took is in ``taken``, with the values between which it was."""

    on: LedHost
    name: str
    uuid: UUID
    image: Path
    counter: Counter
    taken: dict[str, Window] = field(default_factory=dict)
    devices: str = ""

    @property
    def xml(self) -> str:
        plain = domain_xml(self.name, self.uuid, self.image, self.counter.serial_log)
        return plain.replace("</devices>", f"{self.devices}</devices>")

    # What a person does.

    def do(self, verb: str, **arguments: Any) -> Item:
        """Have a verb done, which must succeed; returns the operation."""
        return self.on.product.act(str(self.uuid), verb, **arguments)

    def create(self) -> None:
        """Create it as a transient domain, which runs."""
        file = self.image.with_suffix(".xml")
        file.write_text(self.xml)
        since = self.counter.position()
        self.on.product.ok("create", str(file), "--host", HOST)
        eventually(lambda: self.counter.position() > since, what=f"{self.name} counts")

    def refused(self, number: int, verb: str, **arguments: Any) -> str:
        """Ask for a verb that must be refused with libvirt's ``number``,
        at once or when its turn came; the sentence.
        """
        code, sentence = self._refusal(verb, arguments)
        assert code == number, f"{sentence} [{code}]"
        return sentence

    def _refusal(self, verb: str, arguments: dict[str, Any]) -> tuple[int, str]:
        client = self.on.product.client
        try:
            operation = client.ended(client.act(str(self.uuid), verb, arguments, wait_s=20), timeout_s=60)
        except Refusal as refusal:
            return refusal.code, refusal.message
        assert operation["state"] == "failed", operation
        return operation["error"]["code"], operation["error"]["message"]

    def take(self, name: str, **arguments: Any) -> None:
        """Take a snapshot. What counts goes on, far enough for the next one to be told from it."""
        low = self.latest
        self.do("snapshot-create", name=name, **arguments)
        self.taken[name] = low, self.latest
        if self.shown()["state"] == "running":
            self.counter.wait_until_advances(_APART)

    def bring_to(self, state: str) -> None:
        """Have it ``shut off``, ``running`` or ``paused``, as a person would;
        its count is far from every snapshot's.
        """
        now = self.shown()["state"]
        if now == "shut off":
            self.do("start")
        elif now == "paused":
            self.do("resume")
        self.count_apart()
        if state == "shut off":
            self.do("destroy")
        elif state == "paused":
            self.do("suspend")

    def count_apart(self) -> None:
        """Wait until it counts past every snapshot's value:
        it goes on while it is being stopped, and must not be stopped just short of one, from where a return to it would
        look like counting on.
        """
        past = max([high for _, high in self.taken.values()], default=0) + _APART
        eventually(lambda: self.latest > past, what=f"{self.name} counts past {past}")

    # What it can be seen to do.

    @property
    def latest(self) -> int:
        return self.counter.latest() or 0

    def goes_on_from(self, snapshot: str, *, since: int) -> None:
        """It goes on from where the snapshot was taken, and counts."""
        low, high = self.taken[snapshot]
        self.counter.wait_until_restarts(low, high, since=since)
        self.counter.wait_until_advances()

    def boots(self, *, since: int) -> None:
        """It begins again, and counts."""
        self.counter.wait_until_restarts(1, 1, since=since)
        self.counter.wait_until_advances()

    def revert(self, snapshot: str, **flags: Any) -> None:
        """Go back to a snapshot of the running guest, and see that its memory came back."""
        self.count_apart()
        since = self.counter.position()
        self.do("snapshot-revert", name=snapshot, **flags)
        self.goes_on_from(snapshot, since=since)

    # What Revisor says of it.

    def shown(self, *, fresh: bool = False) -> Item:
        item: Item = self.on.product.client.get(self._path(), fresh=fresh).body["items"][0]
        return item

    @property
    def state(self) -> tuple[str, str]:
        """Its state and why, as Revisor says; the same as libvirt says."""
        shown = self.shown()
        said = f"{shown['state']} ({shown['reason']})"
        assert self.virsh("domstate", "--reason").strip() == said
        return shown["state"], shown["reason"]

    def snapshots(self, *, fresh: bool = False) -> dict[str, Item]:
        reply = self.on.product.client.get(self._path("/snapshots"), fresh=fresh)
        return {item["name"]: item for item in reply.body["items"]}

    def tree(self) -> dict[str, str | None]:
        """The parent of each snapshot, as Revisor says; the same as libvirt says."""
        said = {name: item["parent"] for name, item in self.snapshots().items()}
        # Name, date, time, zone, state and, unless it is a root, the parent.
        rows = [row.split() for row in self.virsh("snapshot-list", "--parent").splitlines() if row.strip()]
        assert {row[0]: dict(enumerate(row)).get(5) for row in rows} == said
        return said

    def current(self) -> str | None:
        """The current snapshot, as Revisor says; the same as libvirt says."""
        said = next((name for name, item in self.snapshots().items() if item["current"]), None)
        if said is not None:
            assert self.virsh("snapshot-current", "--name").strip() == said
        return said

    def presence(self) -> dict[str, str]:
        """Of each snapshot whether its data is there, after a fresh look."""
        return {name: item["presence"] for name, item in self.snapshots(fresh=True).items()}

    def definition(self, *, inactive: bool = False) -> etree._Element:
        """Its definition, as Revisor has it."""
        return etree.fromstring(self.on.product.client.get(self._path("/xml"), inactive=inactive).text)

    def disk(self, *, inactive: bool = False) -> str | None:
        """The file that its first disk is, as Revisor has it."""
        source = self.definition(inactive=inactive).find("devices/disk/source")
        return None if source is None else source.get("file")

    def facts(self, *, since: int = 0) -> list[str]:
        """What became so, by topic, in order: only after position ``since``."""
        return [entry["topic"] for entry in self.on.product.facts(str(self.uuid)) if entry["position"] > since]

    def _path(self, below: str = "") -> str:
        return f"/v1/domains/{self.uuid}{below}"

    # What is so, past Revisor.

    def virsh(self, verb: str, *words: str) -> str:
        """Ask the host's own libvirt about it."""
        return self.on.host.virsh(verb, str(self.uuid), *words)

    def tags(self) -> list[str]:
        """The snapshots inside its image."""
        return images.tags(self.image)

    def write(self, letter: str) -> None:
        """Write to its disk while it runs."""
        images.write_while_running(self.on.host, str(self.uuid), letter)

    def remove(self) -> None:
        """Take it off the host in whatever state it is, if it is there, past Revisor."""
        if str(self.uuid) in self.on.host.virsh("list", "--uuid").split():
            self.virsh("destroy")
        if str(self.uuid) in self.on.host.virsh("list", "--all", "--uuid").split():
            self.virsh("undefine", "--snapshots-metadata", "--managed-save")


REAL = [pytest.mark.hypervisor, pytest.mark.timeout(300)]
"""The marks of every module that needs a real host."""
