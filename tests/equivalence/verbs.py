"""The one list of verbs that both sides are asked for, and how each one's arguments are drawn.

A verb stands here and in ``direct_verbs``, where libvirt's call for it is.
"""

from collections.abc import Sequence
from typing import Any

from tests.equivalence.drawing import CHECKPOINTS, SNAPSHOTS, Ask, Draw, Verb
from tests.equivalence.readiness import (
    absent,
    active,
    definable,
    never,
    off,
    paused,
    persistent,
    renameable,
    running,
    saveable,
    saved,
    saved_to_file,
    takes_devices,
    takes_points,
    there,
    waits,
    with_points,
    with_room,
    with_snapshots,
)

_MIB = 1024 * 1024


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
    return {**_paused(ask), **ask.flags(odd=("bypass_cache", "force_boot", "reset_nvram"))}


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


def _point_taken(ask: Ask) -> dict[str, Any]:
    taken = ask.domain.checkpoints if ask.domain else {}
    free = [name for name in CHECKPOINTS if name not in taken]
    names: Sequence[str] = free if ask.likely and free else CHECKPOINTS
    return {"name": ask.one_of(*names)}


def _point_deleted(ask: Ask) -> dict[str, Any]:
    names: Sequence[str] = sorted(ask.domain.checkpoints) if ask.domain else ()
    flags = {ask.one_of("children", "children_only"): True} if ask.chance(3) else {}
    # Without a running guest there is only metadata to delete.
    metadata = {"metadata": True} if ask.likely and ask.domain and not ask.domain.active else ask.flags("metadata")
    return {"name": ask.one_of(*(names if ask.likely and names else CHECKPOINTS)), **flags, **metadata}


def _resize(ask: Ask) -> dict[str, Any]:
    return {"disk": ask.one_of("vda", "vdz"), "size_bytes": ask.one_of(2, 4) * _MIB}


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
    "shutdown": Verb(running, lambda ask: ask.flags(odd=("acpi", "agent", "signal")), weight=4),
    "reboot": Verb(running, lambda ask: ask.flags(odd=("acpi", "agent", "initctl")), weight=3, unwise=waits),
    "destroy": Verb(active, lambda ask: ask.flags("graceful", odd=("remove_logs",)), weight=3),
    "suspend": Verb(running, weight=5),
    "resume": Verb(paused, weight=12),
    "reset": Verb(active),
    "save": Verb(active, _file("save"), weight=3),
    "restore": Verb(saved_to_file, _file("save"), weight=10),
    "managedsave": Verb(saveable, lambda ask: ask.flags(odd=("running", "paused")), weight=7),
    "managedsave-remove": Verb(saved, weight=14),
    "dump": Verb(running, _file("core"), weight=3, unwise=waits),
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
    "blockresize": Verb(takes_devices, _resize),
    "dompmsuspend": Verb(never, lambda ask: {"target": ask.one_of("mem", "disk", "hybrid")}),
    "dompmwakeup": Verb(never),
    "domjobabort": Verb(never),
    "checkpoint-create": Verb(takes_points, _point_taken, weight=4),
    "checkpoint-delete": Verb(with_points, _point_deleted, weight=4),
    "domfsfreeze": Verb(running, weight=4),
    "domfsthaw": Verb(running, weight=4),
    "domtime": Verb(running, lambda ask: {"seconds": ask.one_of(1, 1_700_000_000)}, weight=4),
}
