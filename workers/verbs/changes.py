"""Changing what a domain is made of: what an agent does, and how it tells whether it happened."""

from domain_model.flags import Affect, DeviceModify, Memory, Vcpu
from domain_model.operations import Operation
from drivers.abilities import Devices, Tuning
from drivers.port import DomainSighting
from workers.verbs.task import Task, Verb, cannot_tell, do_again, done_if


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


def _starts_with_the_host(operation: Operation, seen: DomainSighting | None) -> bool:
    return seen is not None and seen.autostart != operation.arguments.get("disable", False)


def _resize(task: Task) -> None:
    task.ability(Devices).block_resize(task.uuid, task.arguments["disk"], task.arguments["size_bytes"])


VERBS: dict[str, Verb] = {
    "autostart": Verb(_autostart, done_if(_starts_with_the_host)),
    "domrename": Verb(
        lambda task: task.ability(Tuning).rename(task.uuid, task.arguments["name"]),
        done_if(lambda operation, seen: seen is not None and seen.name == operation.arguments["name"]),
    ),
    "setmem": Verb(_set_memory, do_again),
    "setmaxmem": Verb(_set_maximum, do_again),
    "setvcpus": Verb(
        lambda task: task.ability(Tuning).set_vcpus(task.uuid, task.arguments["count"], Vcpu(task.flags)), do_again
    ),
    # The same device attached twice may be two devices, and a second detach take another one.
    "attach-device": Verb(
        lambda task: task.ability(Devices).attach_device(task.uuid, task.xml, DeviceModify(task.flags)), cannot_tell
    ),
    "detach-device": Verb(
        lambda task: task.ability(Devices).detach_device(task.uuid, task.xml, DeviceModify(task.flags)), cannot_tell
    ),
    "update-device": Verb(
        lambda task: task.ability(Devices).update_device(task.uuid, task.xml, DeviceModify(task.flags)), do_again
    ),
    "desc": Verb(_describe, do_again),
    "metadata": Verb(_set_metadata, do_again),
    "blockresize": Verb(_resize, do_again),
}
