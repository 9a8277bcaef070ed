"""What is asked next, drawn from what the host showed last.

``VERBS`` is the one list of verbs. Most steps are *likely*: a verb whose turn it is, with arguments that fit, so that
hosts get somewhere. The others are *any*: whatever verb, of whatever domain, with whatever arguments, because a refusal
has a number too. Names come from small pools, so that they clash.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.equivalence.calls import Call
from tests.equivalence.seen import DomainSeen, Host

T = TypeVar("T")

SNAPSHOTS = ("s1", "s2", "s3", "s4", "s5")
_LIKELY_OF_TEN = 7


@dataclass(frozen=True, slots=True)
class World:
    """What can be drawn from: what both sides showed last, and the names and UUIDs of this example."""

    seen: Host
    names: Sequence[str]
    """The one asked last comes first."""
    uuids: Sequence[str]
    kind: str
    """The domain type both hosts take."""
    files: frozenset[str] = frozenset()
    """The names of the files that calls have left."""


class Lot:
    """One number that was drawn, taken apart into choices.

    A call is two such numbers whatever its arguments are: a failure is reduced by leaving out a few draws at a time, so
    that whole calls can go. A smaller number means choices nearer to the first.
    """

    def __init__(self, number: int) -> None:
        self._left = number

    def one_of(self, choices: Sequence[T]) -> T:
        self._left, index = divmod(self._left, len(choices))
        return choices[index]


_LOTS = st.integers(0, 2**24 - 1)
"""More would not be drawn evenly."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The arguments of one call being drawn: of which domain, and whether they are to fit."""

    lot: Lot
    world: World
    name: str
    likely: bool

    @property
    def domain(self) -> DomainSeen | None:
        return self.world.seen.get(self.name)

    def one_of(self, *choices: T) -> T:
        """The first is what a failure is reduced to."""
        return self.lot.one_of(choices)

    def chance(self, of_ten: int) -> bool:
        return self.lot.one_of(range(10)) >= 10 - of_ten

    def flags(self, *usual: str, odd: Sequence[str] = ()) -> dict[str, bool]:
        """Some of the flags; odd ones, which mostly are refused, only where nothing has to fit."""
        chosen = [flag for flag in usual if self.chance(3)]
        if not self.likely:
            chosen += [flag for flag in odd if self.chance(2)]
        return dict.fromkeys(chosen, True)

    def snapshot(self) -> str:
        """A snapshot there is, if it is to fit and there is one."""
        there = sorted(self.domain.snapshots) if self.domain else []
        names: Sequence[str] = there if self.likely and there else SNAPSHOTS
        return self.one_of(*names)

    def free_snapshot(self) -> str:
        taken = self.domain.snapshots if self.domain else {}
        free = [name for name in SNAPSHOTS if name not in taken]
        names: Sequence[str] = free if self.likely and free else (*SNAPSHOTS, "a/b", ".s")
        return self.one_of(*names)


Ready = Callable[[World, str], bool]
Draw = Callable[[Ask], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Verb:
    ready: Ready
    """Whether the verb is likely to succeed on the domain of that name."""
    arguments: Draw = lambda _: {}
    weight: int = 2
    unwise: Ready = lambda _world, _name: False
    """Whether it is not to be asked of that domain at all: a real guest would do it later, unasked."""


def calls(world: World, verbs: Mapping[str, Verb]) -> SearchStrategy[Call]:
    """The next call."""
    return st.tuples(_LOTS, _LOTS).map(lambda lots: _call(world, verbs, Lot(lots[0]), Lot(lots[1])))


def _call(world: World, verbs: Mapping[str, Verb], which: Lot, how: Lot) -> Call:
    likely = which.one_of(range(10)) < _LIKELY_OF_TEN
    if likely:
        ready = {verb: [name for name in world.names if verbs[verb].ready(world, name)] for verb in verbs}
        verb = which.one_of([verb for verb in verbs if ready[verb] for _ in range(verbs[verb].weight)])
        name = which.one_of(ready[verb])
    else:
        verb = which.one_of(list(verbs))
        names = [*(name for name in world.names if name in world.seen), *world.names]
        name = which.one_of([name for name in names if not verbs[verb].unwise(world, name)] or ["nobody"])
    return Call(verb, name, verbs[verb].arguments(Ask(how, world, name, likely)))


def absent(world: World, name: str) -> bool:
    return name not in world.seen


def definable(world: World, name: str) -> bool:
    return absent(world, name) or world.seen[name].persistent


def of_those(test: Callable[[DomainSeen], bool]) -> Ready:
    """Of the domains there are, those that pass the test."""
    return lambda world, name: name in world.seen and test(world.seen[name])


def saved_to_file(world: World, name: str) -> bool:
    return f"save-{name}" in world.files and not (name in world.seen and world.seen[name].active)


there = of_those(lambda _: True)
persistent = of_those(lambda domain: domain.persistent)
off = of_those(lambda domain: not domain.active)
active = of_those(lambda domain: domain.active)
running = of_those(lambda domain: domain.running)


def takes_devices(world: World, name: str) -> bool:
    return world.kind != "test" and persistent(world, name)


def cannot_hear(world: World, name: str) -> bool:
    """A guest that waits: its button stays pressed until it goes on, also in a snapshot."""
    return world.kind != "test" and paused(world, name)


paused = of_those(lambda domain: domain.paused)
saveable = of_those(lambda domain: domain.active and domain.persistent)
saved = of_those(lambda domain: domain.managed_save)
renameable = of_those(lambda domain: not domain.active and not domain.managed_save)
with_room = of_those(lambda domain: len(domain.snapshots) < len(SNAPSHOTS))
with_snapshots = of_those(lambda domain: bool(domain.snapshots))


def _definition(ask: Ask) -> dict[str, Any]:
    """Of a domain that bears the name already, or with a UUID nobody has; else names and UUIDs may cross."""
    own = [ask.domain.uuid] if ask.domain else []
    free = [uuid for uuid in ask.world.uuids if all(uuid != other.uuid for other in ask.world.seen.values())]
    uuid = ask.one_of(*((own or free) if ask.likely and (own or free) else ask.world.uuids))
    return {"kind": ask.world.kind, "uuid": uuid, "memory_mib": ask.one_of(16, 24)}


def _creation(ask: Ask) -> dict[str, Any]:
    return {**_definition(ask), **_paused(ask)}


def _paused(ask: Ask) -> dict[str, bool]:
    """The test driver cannot start a guest that waits."""
    return ask.flags(odd=("paused",)) if ask.world.kind == "test" else ask.flags("paused")


def _undefine(ask: Ask) -> dict[str, Any]:
    flags = ask.flags("managed_save", "snapshots_metadata", odd=("nvram", "keep_nvram", "checkpoints_metadata"))
    if ask.likely and ask.domain:
        # What there is must be named, or it is refused.
        flags |= {"managed_save": ask.domain.managed_save, "snapshots_metadata": bool(ask.domain.snapshots)}
    return flags


def _start(ask: Ask) -> dict[str, Any]:
    return {**_paused(ask), **ask.flags(odd=("bypass_cache", "force_boot"))}


def _file(what: str) -> Draw:
    return lambda ask: {"file": f"{what}-{ask.name}"}


def _renamed(ask: Ask) -> dict[str, Any]:
    free = [name for name in ask.world.names if name not in ask.world.seen]
    return {"name": ask.one_of(*(free if ask.likely and free else (*ask.world.names, "a/b")))}


def _memory(ask: Ask) -> dict[str, Any]:
    return {"size_kib": ask.one_of(12 * 1024, 16 * 1024, 8 * 1024), **_affect(ask)}


def _maximum(ask: Ask) -> dict[str, Any]:
    where = {"config": True} if ask.likely else ask.flags("live", "config")
    return {"size_kib": ask.one_of(16 * 1024, 24 * 1024), **where}


def _vcpus(ask: Ask) -> dict[str, Any]:
    counts = (1, 2) if ask.likely else (1, 2, 9)
    return {"count": ask.one_of(*counts), **_affect(ask), **ask.flags(odd=("maximum", "guest"))}


def _affect(ask: Ask) -> dict[str, bool]:
    """Of what is there: its definition, and what runs."""
    domain = ask.domain
    if not ask.likely or domain is None:
        return ask.flags("live", "config")
    can = {"live": domain.active, "config": domain.persistent}
    return ask.flags(*(where for where, possible in can.items() if possible))


def _description(ask: Ask) -> dict[str, Any]:
    return {"text": ask.one_of("before the upgrade", "", "<&> größer"), **ask.flags("title"), **_affect(ask)}


def _metadata(ask: Ask) -> dict[str, Any]:
    uri = ask.one_of("urn:example:a", "urn:example:b")
    said = {"key": "k", "xml": f"<note>{ask.one_of('one', 'two')}</note>"} if ask.likely or ask.chance(5) else {}
    return {"uri": uri, **said, **_affect(ask)}


def _device(ask: Ask) -> dict[str, Any]:
    return {
        "device": ask.one_of("disk", "interface"),
        **({"config": True} if ask.likely else ask.flags("live", "config")),
    }


def _taken(ask: Ask) -> dict[str, Any]:
    # The test driver takes internal snapshots only.
    external = {"disk_only": True} if ask.world.kind != "test" and ask.chance(2) else {}
    return {
        "name": ask.free_snapshot(),
        "description": ask.one_of(None, "plain", "two\nlines <&\"'> é"),
        **external,
        **ask.flags("atomic", odd=("halt", "no_metadata", "quiesce", "live", "current", "disk_only", "reuse_external")),
    }


def _redefined(ask: Ask) -> dict[str, Any]:
    """Metadata of a snapshot that is there, of one that was deleted, or of one that never was."""
    snapshots = ask.domain.snapshots if ask.domain else {}
    document: dict[str, Any] = {"description": ask.one_of(None, "redefined")}
    # What never was taken cannot be reverted to where guests are real.
    of_ten = 6 if ask.world.kind == "test" else 9
    basis = ask.one_of(*sorted(snapshots)) if snapshots and ask.chance(of_ten) else None
    if basis is not None:
        document |= {"basis": basis, "remembered": ask.chance(3)}
        if ask.chance(4) or not ask.likely:
            document["parent"] = ask.one_of(None, *_possible_parents(ask, basis))
    else:
        document |= {"name": ask.free_snapshot(), "state": ask.one_of("shutoff", "running", "paused")}
        document["parent"] = ask.one_of(None, *(sorted(snapshots) if ask.likely else SNAPSHOTS))
    if not ask.likely:
        document |= ask.one_of(*_FLAWS)
    return {"document": document, "redefine": True, **ask.flags("current")}


_FLAWS: tuple[dict[str, Any], ...] = (
    {},
    {"state": "running"},
    {"state": "shutoff"},
    {"name": None},
    {"creationTime": None},
    {"state": "nonsense"},
    {"no_domain": True},
    {"uuid": "c7a5fdbd-cdaf-9455-926a-d65c16db1809"},
)


def _possible_parents(ask: Ask, name: str) -> list[str]:
    assert ask.domain is not None
    if not ask.likely:
        return list(SNAPSHOTS)
    return sorted(set(ask.domain.snapshots) - ask.domain.descendants_of(name) - {name})


def _reverted(ask: Ask) -> dict[str, Any]:
    flags = {ask.one_of("running", "paused"): True} if ask.chance(3) else {}
    return {"name": ask.snapshot(), **flags, **ask.flags(odd=("running", "paused", "force", "reset_nvram"))}


def _deleted(ask: Ask) -> dict[str, Any]:
    flags = {ask.one_of("children", "children_only"): True} if ask.chance(3) else {}
    return {"name": ask.snapshot(), **flags, **ask.flags("metadata", odd=("children", "children_only"))}


VERBS: dict[str, Verb] = {
    "define": Verb(definable, _definition, weight=3),
    "start": Verb(off, _start, weight=9),
    "snapshot-create": Verb(with_room, _taken, weight=9),
    "snapshot-revert": Verb(with_snapshots, _reverted, weight=6),
    "snapshot-delete": Verb(with_snapshots, _deleted, weight=6),
    "snapshot-redefine": Verb(there, _redefined, weight=7),
    "snapshot-current": Verb(with_snapshots, lambda ask: {"name": ask.snapshot()}),
    "create": Verb(absent, _creation, weight=1),
    "undefine": Verb(persistent, _undefine),
    "shutdown": Verb(running, lambda ask: ask.flags(odd=("acpi", "agent")), weight=4),
    "reboot": Verb(running, lambda ask: ask.flags(odd=("acpi", "agent")), weight=3, unwise=cannot_hear),
    "destroy": Verb(active, lambda ask: ask.flags("graceful", odd=("remove_logs",)), weight=3),
    "suspend": Verb(running, weight=5),
    "resume": Verb(paused, weight=12),
    "reset": Verb(active),
    "save": Verb(active, _file("save"), weight=3),
    "restore": Verb(saved_to_file, _file("save"), weight=10),
    "managedsave": Verb(saveable, lambda ask: ask.flags(odd=("running", "paused")), weight=7),
    "managedsave-remove": Verb(saved, weight=14),
    "dump": Verb(active, _file("core"), weight=3),
    "autostart": Verb(persistent, lambda ask: {"disable": ask.chance(4)}),
    "domrename": Verb(renameable, _renamed, weight=3),
    "setmem": Verb(there, _memory),
    "setmaxmem": Verb(persistent, _maximum),
    "setvcpus": Verb(there, _vcpus),
    "attach-device": Verb(takes_devices, _device, weight=3),
    "detach-device": Verb(takes_devices, _device),
    "update-device": Verb(takes_devices, _device),
    "desc": Verb(there, _description),
    "metadata": Verb(there, _metadata),
    "inject-nmi": Verb(running, weight=4),
    "send-key": Verb(running, lambda ask: {"keycodes": [ask.one_of(30, 48)]}, weight=4),
    "domfsfreeze": Verb(running, weight=4),
    "domfsthaw": Verb(running, weight=4),
    "domtime": Verb(running, lambda ask: {"seconds": ask.one_of(1, 1_700_000_000)}, weight=4),
}
