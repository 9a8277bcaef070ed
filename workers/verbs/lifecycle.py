"""Defining, starting, stopping, saving: what an agent does, and how it tells whether it happened."""

from domain_model.adoption import Adoption, Observation
from domain_model.domain import Domain
from domain_model.flags import CoreDump, Define, Destroy, Reboot, SaveRestore, Shutdown, Start, Undefine
from domain_model.libvirt import DomainState
from drivers.abilities import GuestControl, Saving
from drivers.port import DomainSighting
from workers.verbs.task import (
    DO_AGAIN,
    GUEST_GONE,
    NO_TRACE,
    Evidence,
    Task,
    Verb,
    Verdict,
    done_if,
    in_state,
    inactive,
)

_SHUTOFF_SAVED = 5
"""The reason of being off, virDomainShutoffReason."""

_ACTIVE = done_if("the domain is active", lambda _, seen: seen is not None and seen.active)


def _record_reboot(_task: Task, _domain: Domain, adoption: Adoption, _seen: Observation | None) -> None:
    adoption.record(Domain.Rebooted)


def _record_reset(_task: Task, _domain: Domain, adoption: Adoption, _seen: Observation | None) -> None:
    adoption.record(Domain.Reset)


def _save(task: Task) -> None:
    task.ability(Saving).save(task.uuid, task.arguments["file"], task.xml_if_any, SaveRestore(task.flags))


def _restore(task: Task) -> None:
    task.ability(Saving).restore(task.arguments["file"], task.xml_if_any, SaveRestore(task.flags))


def _dump(task: Task) -> None:
    path, form = task.arguments["file"], task.arguments.get("format")
    task.ability(Saving).core_dump(task.uuid, path, CoreDump(task.flags), form)


def _saved(task: Task, seen: DomainSighting | None) -> Verdict:
    """That it runs no more may have another cause; libvirt says whether it was saved, unless it forgot the domain."""
    if not inactive(task, seen):
        return Verdict.NOT_DONE
    saved = seen is not None and not seen.active and seen.reason == _SHUTOFF_SAVED
    return Verdict.DONE if saved else Verdict.CANNOT_TELL


def _saved_by_libvirt(task: Task, seen: DomainSighting | None) -> Verdict:
    if not inactive(task, seen):
        return Verdict.NOT_DONE
    return Verdict.DONE if seen is not None and seen.managed_save else Verdict.CANNOT_TELL


def _dumped(task: Task, seen: DomainSighting | None) -> Verdict:
    """A file that is there may be half written, so it is written again, unless the guest was to be ended by it."""
    repeatable = not task.arguments["flags"] & (CoreDump.CRASH | CoreDump.RESET)
    return Verdict.NOT_DONE if repeatable and not inactive(task, seen) else Verdict.CANNOT_TELL


VERBS: dict[str, Verb] = {
    "define": Verb(lambda task: task.driver.define(task.xml, Define(task.flags)), DO_AGAIN),
    "create": Verb(lambda task: task.driver.create(task.xml, Start(task.flags)), _ACTIVE),
    "undefine": Verb(
        lambda task: task.driver.undefine(task.uuid, Undefine(task.flags)),
        done_if("there is no persistent definition", lambda _, seen: seen is None or not seen.persistent),
    ),
    "start": Verb(lambda task: task.driver.start(task.uuid, Start(task.flags)), _ACTIVE),
    "shutdown": Verb(lambda task: task.driver.shutdown(task.uuid, Shutdown(task.flags)), GUEST_GONE),
    "reboot": Verb(lambda task: task.driver.reboot(task.uuid, Reboot(task.flags)), NO_TRACE, _record_reboot),
    "reset": Verb(lambda task: task.ability(GuestControl).reset(task.uuid), NO_TRACE, _record_reset),
    "destroy": Verb(lambda task: task.driver.destroy(task.uuid, Destroy(task.flags)), GUEST_GONE),
    "suspend": Verb(lambda task: task.driver.suspend(task.uuid), in_state(DomainState.PAUSED)),
    "resume": Verb(lambda task: task.driver.resume(task.uuid), in_state(DomainState.RUNNING)),
    "save": Verb(_save, Evidence("the guest that ran is gone, and the reason is that it was saved", _saved)),
    "restore": Verb(_restore, _ACTIVE),
    "managedsave": Verb(
        lambda task: task.ability(Saving).managed_save(task.uuid, SaveRestore(task.flags)),
        Evidence("the guest that ran is gone, and there is a managed save", _saved_by_libvirt),
    ),
    "managedsave-remove": Verb(
        lambda task: task.ability(Saving).managed_save_remove(task.uuid),
        done_if("there is no managed save", lambda _, seen: seen is None or not seen.managed_save),
    ),
    "dump": Verb(_dump, Evidence("(done again, unless the guest was to be ended or reset by it: unknown)", _dumped)),
}
