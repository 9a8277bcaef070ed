"""What a host shows of its domains: exactly that which must be the same on both sides after every call.

Both sides fill these from what they have: libvirt's answers, or Revisor's read models. What a definition says is told
by a few facts in place of its text, because each side's text has paths, ids and addresses of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from xml.etree.ElementTree import Element

from tests.equivalence.documents import root_of

Facts = dict[str, Any]

_FOLDER = "(folder)"


@dataclass(frozen=True, slots=True)
class SnapshotSeen:
    parent: str | None
    state: str
    location: str
    """external, internal or none."""
    description: str | None

    @classmethod
    def read(cls, xml: str) -> "SnapshotSeen":
        """What libvirt's dump of a snapshot says."""
        root = root_of(xml)
        places = {element.get("snapshot") for element in [*root.iterfind("memory"), *root.iterfind("disks/disk")]}
        return cls(
            parent=root.findtext("parent/name"),
            state=root.findtext("state") or "",
            location=next((place for place in ("external", "internal") if place in places), "none"),
            description=root.findtext("description"),
        )


@dataclass(frozen=True, slots=True)
class DomainSeen:
    uuid: str
    active: bool
    state: int
    reason: int
    persistent: bool
    autostart: bool
    managed_save: bool
    current: str | None
    snapshots: dict[str, SnapshotSeen] = field(default_factory=dict)
    checkpoints: dict[str, str | None] = field(default_factory=dict)
    """The name of each one's parent."""
    definition: Facts | None = None
    """Of the persistent definition, if there is one."""
    live: Facts | None = None
    """Of the running guest, if it runs."""

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> "DomainSeen":
        snapshots = {name: SnapshotSeen(**snapshot) for name, snapshot in told["snapshots"].items()}
        return cls(**{**told, "snapshots": snapshots})

    @property
    def running(self) -> bool:
        return self.state == 1

    @property
    def paused(self) -> bool:
        return self.state == 3

    def children_of(self, name: str | None) -> list[str]:
        return sorted(child for child, snapshot in self.snapshots.items() if snapshot.parent == name)

    def descendants_of(self, name: str) -> set[str]:
        children = self.children_of(name)
        return set(children).union(*map(self.descendants_of, children))


Host = dict[str, DomainSeen]
"""Its domains by name."""


def host_of_json(told: dict[str, Any]) -> Host:
    return {name: DomainSeen.of_json(domain) for name, domain in told.items()}


def host_as_json(host: Host) -> dict[str, Any]:
    return {name: asdict(domain) for name, domain in host.items()}


def facts_of(xml: str, folder: str) -> Facts:
    """What a domain's definition says, with this side's folder taken out of its paths."""
    root = root_of(xml)
    sources = {
        target.get("dev", ""): next(iter(source.attrib.values()), "")
        for disk in root.iterfind("devices/disk")
        if (target := disk.find("target")) is not None and (source := disk.find("source")) is not None
    }
    metadata = root.find("metadata")
    return {
        "title": root.findtext("title"),
        "description": root.findtext("description"),
        "memory_kib": _kib(root.find("memory")),
        "current_memory_kib": _kib(root.find("currentMemory")) or _kib(root.find("memory")),
        "vcpus": root.findtext("vcpu"),
        "current_vcpus": _attribute(root.find("vcpu"), "current") or root.findtext("vcpu"),
        "metadata": [] if metadata is None else sorted(f"{each.tag} {each.text or ''}" for each in metadata),
        "disks": {target: source.replace(folder, _FOLDER) for target, source in sorted(sources.items())},
        "interfaces": sorted(_attribute(each, "address") or "" for each in root.iterfind("devices/interface/mac")),
    }


def _kib(element: Element | None) -> int | None:
    """An amount of memory; libvirt tells it in KiB, people in MiB too."""
    if element is None:
        return None
    return int(element.text or 0) * {"MiB": 1024}.get(element.get("unit", "KiB"), 1)


def _attribute(element: Element | None, name: str) -> str | None:
    return None if element is None else element.get(name)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something the two sides show differently; None where one of them shows nothing."""

    path: str
    """Such as ``web.reason`` or ``web.snapshots.s1.parent``."""
    ours: Any = field(hash=False)
    theirs: Any = field(hash=False)

    def __str__(self) -> str:
        return f"{self.path}: Revisor recorded {self.ours!r}, libvirt shows {self.theirs!r}"


def differences(ours: Host, theirs: Host) -> list[Difference]:
    """What the two hosts show differently, by path."""
    mine, others = dict(_values(ours)), dict(_values(theirs))
    return [
        Difference(path, mine.get(path), others.get(path))
        for path in sorted(mine.keys() | others.keys())
        if mine.get(path) != others.get(path)
    ]


def _values(host: Host) -> Iterator[tuple[str, Any]]:
    for name, domain in host.items():
        for item in fields(domain):
            yield from _flat(f"{name}.{item.name}", getattr(domain, item.name))


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, SnapshotSeen):
        value = {"exists": True, **asdict(value)}
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(f"{path}.{name}", part)
    else:
        yield path, value
