"""Snapshot trees of hundreds, in random shape, on a simulated host; and libvirt's own words about their replicas.

A tree is begun as a person would, with snapshots, reverts and deletes through Revisor, goes on with redefinitions
through Revisor, and gets most of its snapshots behind Revisor's back, as if with virsh, which Revisor adopts.
"""

import os
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from domain_model.flags import SnapshotCreate
from drivers.simulator import SimulatorDriver
from tests.acceptance.product import Item, Product
from tests.lab.awaiting import eventually

GOLDEN = Path(__file__).parents[1] / "golden"
SNAPSHOTS = 300
_SEED = os.environ.get("REVISOR_SEED") or str(random.SystemRandom().randrange(2**32))
_TAKEN, _REDEFINED = 40, 40
_DESCRIPTIONS = (
    None,
    "before the upgrade",
    "line one\n  line two, indented\nlast: <&>\"' größer",
    "Снимок № 7 — “наполовину”",
)
_NAMES = ("before upgrade {}", "s{}", "№{} größer", "a&b <{}>", 'it\'s "{}"', "{}.with.dots", "-{}")
_OFFLINE, _ONLINE = ("shutoff", "shutdown", "crashed"), ("running", "paused")


def new_dice(label: str) -> random.Random:
    """Dice of the run's seed, which is printed (pytest shows it when the test fails);
    REVISOR_SEED throws them again.
    """
    print(f"REVISOR_SEED={_SEED}")
    return random.Random(f"{_SEED} {label}")


def golden_domain(domain_type: str = "qemu") -> str:
    """The definition dumped from a real QEMU domain, under this type."""
    return _typed((GOLDEN / "qemu-domain.xml").read_text(encoding="utf-8"), domain_type)


@dataclass
class Tree:
    """A tree on simulated host ``host`` of a product: what was done to it, and what the simulator says of it now."""

    product: Product
    host: str
    dice: random.Random
    domain_type: str = "qemu"
    uuid: str = ""
    name: str = ""
    redefined: list[str] = field(default_factory=list)

    def grow(self, *, until: int = SNAPSHOTS) -> None:
        """Define the golden domain and give it ``until`` snapshots, one of them current; Revisor has recorded them."""
        xml = golden_domain(self.domain_type)
        self.name = self.product.define(xml, self.host)["domain"]
        self.uuid = str(etree.fromstring(xml).findtext("uuid"))
        self._take(_TAKEN)
        for _ in range(_REDEFINED):
            name, text, disk_only = self._imagined()
            self.product.act(self.uuid, "snapshot-create", xml=text, redefine=True)
            assert name in self.names()
            assert disk_only == ("<state>disk-snapshot</state>" in text)
        self._act_behind(until - len(self.names()))
        self.product.act(self.uuid, "snapshot-current", name=self.dice.choice(self.names()))
        assert len(self.names()) == until

    def names(self) -> list[str]:
        """The snapshots there are on the simulated host, sorted."""
        with self.hypervisor() as driver:
            seen = driver.domain(self.uuid)
            assert seen is not None
            return sorted(seen.snapshots)

    def current(self) -> str | None:
        with self.hypervisor() as driver:
            seen = driver.domain(self.uuid)
            assert seen is not None
            return seen.current_snapshot

    def dumps(self) -> dict[str, str]:
        """The simulator's own dump of each snapshot, with its secrets."""
        with self.hypervisor() as driver:
            seen = driver.domain(self.uuid)
            assert seen is not None
            return {name: driver.snapshot_xml(self.uuid, name) for name in seen.snapshots}

    @contextmanager
    def hypervisor(self) -> Iterator[SimulatorDriver]:
        """The simulated host itself, past Revisor."""
        path = self.product.home / "simulators" / f"{self.host}.sqlite"
        with closing(SimulatorDriver(path, self.host)) as driver:
            yield driver

    def recorded(self) -> list[Item]:
        """The snapshots as Revisor lists them."""
        items: list[Item] = self.product.client.get(f"/v1/domains/{self.uuid}/snapshots").body["items"]
        return items

    def _take(self, acts: int) -> None:
        """Snapshots, reverts, deletes, starts and stops through Revisor."""
        for number in range(acts):
            names = self.names()
            match self.dice.choices(("take", "revert", "delete", "switch"), (6, 2, 1, 1))[0]:
                case "revert" if names:
                    self.product.act(self.uuid, "snapshot-revert", name=self.dice.choice(names))
                case "delete" if len(names) > 5:
                    children = self.dice.random() < 0.3
                    name = self.dice.choice(names)
                    self.product.act(self.uuid, "snapshot-delete", name=name, children=children)
                case "switch":
                    self._switch()
                case _:
                    name = f"taken {number}"
                    description = self.dice.choice(_DESCRIPTIONS)
                    self.product.act(self.uuid, "snapshot-create", name=name, description=description)

    def _switch(self) -> None:
        with self.hypervisor() as driver:
            seen = driver.domain(self.uuid)
            assert seen is not None
        if seen.active:
            self.product.act(self.uuid, "destroy")
        else:
            self.product.act(self.uuid, "start", paused=self.dice.random() < 0.3)

    def _act_behind(self, wanted: int) -> None:
        """Redefine past Revisor, and wait until it has noticed all of it."""
        with self.hypervisor() as driver:
            for _ in range(wanted):
                _, text, disk_only = self._imagined()
                flags = SnapshotCreate.REDEFINE | (SnapshotCreate.DISK_ONLY if disk_only else SnapshotCreate.NONE)
                driver.snapshot_create(self.uuid, text, flags)
        names = self.names()

        def noticed() -> bool:
            self.product.client.get("/v1/domains", all=True, fresh=True)
            return sorted(item["name"] for item in self.recorded()) == names

        eventually(noticed, what=f"Revisor has adopted {len(names)} snapshots", timeout_s=120)

    def _imagined(self) -> tuple[str, str, bool]:
        """The dump of a snapshot that never was, below a random one; with its name, and whether it is of disks only."""
        names = self.names()
        name = self.dice.choice(_NAMES).format(f"{len(self.redefined)}-{self.dice.randrange(10_000)}")
        self.redefined.append(name)
        parent = self.dice.choice([*names, None]) if len(names) % 60 else None
        # libvirt's test driver has no snapshots of disks only.
        kind = self.dice.choices(("offline", "running", "disk-only"), (6, 3, self.domain_type == "qemu"))[0]
        text = (GOLDEN / f"qemu-snapshot-{'running' if kind == 'running' else 'offline'}.xml").read_text("utf-8")
        root_end = text.index("<disks>")
        state = self.dice.choice({"offline": _OFFLINE, "running": _ONLINE, "disk-only": ("disk-snapshot",)}[kind])
        memory = "internal" if kind == "running" else "no"
        head = _head(name, self.dice.choice(_DESCRIPTIONS), state, parent, self.dice.randrange(2**31), memory)
        rest = text[root_end:]
        if kind == "disk-only":
            rest = _external_disks(rest, len(self.redefined))
        if self.domain_type != "qemu":
            rest = _without_cookie(rest)
        return name, _typed(head + rest, self.domain_type), kind == "disk-only"


def _typed(text: str, domain_type: str) -> str:
    for tag in ("domain", "inactiveDomain"):
        text = text.replace(f"<{tag} type='qemu'>", f"<{tag} type='{domain_type}'>")
    return text


def _head(name: str, description: str | None, state: str, parent: str | None, created: int, memory: str) -> str:
    lines = ["<domainsnapshot>", f"  <name>{escape(name)}</name>"]
    lines += [] if description is None else [f"  <description>{escape(description)}</description>"]
    lines += [f"  <state>{state}</state>"]
    lines += [] if parent is None else [f"  <parent><name>{escape(parent)}</name></parent>"]
    lines += [f"  <creationTime>{created}</creationTime>", f"  <memory snapshot='{memory}'/>", "  "]
    return "\n".join(lines)


def _external_disks(rest: str, number: int) -> str:
    """The same with each disk's changes in a file of its own."""
    disk = "    <disk name='{0}' snapshot='external' type='file'>\n      <driver type='qcow2'/>\n"
    disk += "      <source file='/var/lib/libvirt/images/{0}.{1}'/>\n    </disk>\n"
    return (
        "<disks>\n"
        + "".join(disk.format(name, number) for name in ("vda", "vdb"))
        + "  "
        + rest[rest.index("</disks>") :]
    )


def _without_cookie(rest: str) -> str:
    """What the processor was is kept by the QEMU driver only."""
    begin, end = rest.find("  <cookie>"), rest.find("</cookie>\n")
    return rest if begin < 0 else rest[:begin] + rest[end + len("</cookie>\n") :]


@dataclass(frozen=True)
class Replica:
    """A domain on a real host in libvirt's own words: its snapshots' dumps with secrets, and the current one."""

    definition: str
    dumps: dict[str, str]
    current: str | None


def replica_on(uri: str, uuid: str) -> Replica:
    """Ask libvirt directly."""
    import libvirt

    with closing(libvirt.open(uri)) as connection:
        domain = connection.lookupByUUIDString(uuid)
        secure = libvirt.VIR_DOMAIN_XML_SECURE
        return Replica(
            definition=domain.XMLDesc(secure | libvirt.VIR_DOMAIN_XML_INACTIVE),
            dumps={each.getName(): each.getXMLDesc(libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE) for each in _all(domain)},
            current=domain.snapshotCurrent().getName() if domain.hasCurrentSnapshot() else None,
        )


def _all(domain: Any) -> list[Any]:
    found: list[Any] = domain.listAllSnapshots()
    return found


def described(dumps: dict[str, str]) -> dict[str, tuple[Any, ...]]:
    """What is said of each snapshot, out of its dump: parent, state, creation time, description."""
    roots = {name: etree.fromstring(dump.encode()) for name, dump in dumps.items()}
    return {
        name: (
            root.findtext("parent/name"),
            root.findtext("state"),
            int(root.findtext("creationTime") or -1),
            root.findtext("description"),
        )
        for name, root in roots.items()
    }
