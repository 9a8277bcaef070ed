"""Changing what a domain is made of: what an agent does, and how it tells whether it happened."""

from typing import Any

from domain_model import xml
from domain_model.flags import Affect, DeviceModify, Memory, Vcpu
from drivers.abilities import Devices, Tuning
from drivers.port import DomainSighting
from workers.verbs.task import DO_AGAIN, Evidence, Task, Verb, Verdict, done_if


def _describe(task: Task) -> None:
    tuning, text = task.ability(Tuning), task.arguments["text"] or None
    change = tuning.set_title if task.arguments.get("title") else tuning.set_description
    change(task.uuid, text, Affect(task.flags))


def _set_metadata(task: Task) -> None:
    uri, key = task.arguments["uri"], task.arguments.get("key")
    task.ability(Tuning).set_metadata(task.uuid, uri, key, task.xml_if_any, Affect(task.flags))


def _set_memory(task: Task) -> None:
    task.ability(Tuning).set_memory(task.uuid, task.arguments["size_kib"], Memory(task.flags))


def _set_maximum(task: Task) -> None:
    task.ability(Tuning).set_memory(task.uuid, task.arguments["size_kib"], Memory(task.flags) | Memory.MAXIMUM)


def _autostart(task: Task) -> None:
    task.ability(Tuning).set_autostart(task.uuid, autostart=not task.arguments.get("disable", False))


def _starts_with_the_host(task: Task, seen: DomainSighting | None) -> bool:
    return seen is not None and seen.autostart != task.arguments.get("disable", False)


def _resize(task: Task) -> None:
    task.ability(Devices).block_resize(task.uuid, task.arguments["disk"], task.arguments["size_bytes"])


def _count_devices(task: Task, seen: DomainSighting | None) -> dict[str, Any]:
    """How many devices of the argument's kind each definition has that it is to change."""
    if seen is None:
        return {}
    kind = xml.parse(task.xml, root=None).tag
    flags = task.flags & (Affect.LIVE | Affect.CONFIG) or (Affect.LIVE if seen.active else Affect.CONFIG)
    sides = {"live": False} if flags & Affect.LIVE else {}
    sides |= {"config": True} if flags & Affect.CONFIG else {}
    return {"devices": {side: _count(task, str(kind), inactive=inactive) for side, inactive in sides.items()}}


def _count(task: Task, kind: str, *, inactive: bool) -> int:
    definition = xml.parse(task.driver.domain_xml(task.uuid, inactive=inactive), root="domain")
    return len(definition.findall(f"devices/{kind}"))


def _if_there_are(change: int) -> Evidence:
    """Whether every definition that it changes has so many devices of the kind more than before.

    As many as before: it was not done, or the guest has not let go yet, and is asked again.
    """

    def verdict(task: Task, seen: DomainSighting | None) -> Verdict:
        before = task.evidence.get("devices")
        if before is None or seen is None or seen.active != (task.evidence.get("hypervisor_id") is not None):
            return Verdict.CANNOT_TELL
        now = _count_devices(task, seen)["devices"]
        if now == before:
            return Verdict.NOT_DONE
        return Verdict.DONE if now == {side: n + change for side, n in before.items()} else Verdict.CANNOT_TELL

    return Evidence(f"there is one device of the kind {'more' if change > 0 else 'less'}", verdict, _count_devices)


VERBS: dict[str, Verb] = {
    "autostart": Verb(_autostart, done_if("autostart is as asked for", _starts_with_the_host)),
    "domrename": Verb(
        lambda task: task.ability(Tuning).rename(task.uuid, task.arguments["name"]),
        done_if(
            "the domain bears the new name",
            lambda task, seen: seen is not None and seen.name == task.arguments["name"],
        ),
    ),
    "setmem": Verb(_set_memory, DO_AGAIN),
    "setmaxmem": Verb(_set_maximum, DO_AGAIN),
    "setvcpus": Verb(
        lambda task: task.ability(Tuning).set_vcpus(task.uuid, task.arguments["count"], Vcpu(task.flags)), DO_AGAIN
    ),
    # The same device attached twice may be two devices, and a second detach take another one.
    "attach-device": Verb(
        lambda task: task.ability(Devices).attach_device(task.uuid, task.xml, DeviceModify(task.flags)),
        _if_there_are(1),
    ),
    "detach-device": Verb(
        lambda task: task.ability(Devices).detach_device(task.uuid, task.xml, DeviceModify(task.flags)),
        _if_there_are(-1),
    ),
    "update-device": Verb(
        lambda task: task.ability(Devices).update_device(task.uuid, task.xml, DeviceModify(task.flags)), DO_AGAIN
    ),
    "desc": Verb(_describe, DO_AGAIN),
    "metadata": Verb(_set_metadata, DO_AGAIN),
    "blockresize": Verb(_resize, DO_AGAIN),
}
