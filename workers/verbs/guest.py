"""Signals to a guest and questions to its agent: what is done, and how it is told whether it happened."""

from domain_model.flags import SetTime
from domain_model.libvirt import DomainState
from drivers.abilities import GuestAgent, GuestControl
from drivers.port import DomainSighting
from workers.verbs.task import DO_AGAIN, NO_TRACE, Evidence, Task, Verb, Verdict, done_if, in_state, inactive


def _send_key(task: Task) -> None:
    arguments = task.arguments
    task.ability(GuestControl).send_key(
        task.uuid, arguments.get("codeset", "linux"), arguments.get("holdtime_ms", 0), arguments["keycodes"]
    )


def _sleep(task: Task) -> None:
    control, arguments = task.ability(GuestControl), task.arguments
    control.pm_suspend(task.uuid, arguments["target"], arguments.get("duration_s", 0))


def _freeze(task: Task) -> None:
    task.result["filesystems"] = task.ability(GuestAgent).fs_freeze(task.uuid, task.arguments.get("mountpoints", []))


def _thaw(task: Task) -> None:
    task.result["filesystems"] = task.ability(GuestAgent).fs_thaw(task.uuid, task.arguments.get("mountpoints", []))


def _time(task: Task) -> None:
    """Set the guest's clock, or with nothing to set it to, read it."""
    agent, arguments = task.ability(GuestAgent), task.arguments
    sync = bool(task.flags & SetTime.SYNC)
    if sync or "seconds" in arguments:
        agent.set_guest_time(task.uuid, arguments.get("seconds", 0), arguments.get("nseconds", 0), sync=sync)
        return
    seconds, nseconds = agent.guest_time(task.uuid)
    task.result.update(seconds=seconds, nseconds=nseconds)


def _slept(task: Task, seen: DomainSighting | None) -> bool:
    """Asleep, off when it was to sleep on disk, or awake again by now."""
    if seen is None or seen.state is DomainState.PMSUSPENDED:
        return True
    woken = (seen.state, seen.reason) == (DomainState.RUNNING, _WOKEN)
    before = (task.evidence.get("state"), task.evidence.get("reason"))
    return inactive(task, seen) or (woken and before != (DomainState.RUNNING, _WOKEN))


def _time_happened(task: Task, _seen: DomainSighting | None) -> Verdict:
    """Reading a clock may be repeated, and so may setting it by another; the time that was meant has passed."""
    return Verdict.CANNOT_TELL if "seconds" in task.arguments else Verdict.NOT_DONE


_WOKEN = 8
"""The reason of running, virDomainRunningReason."""

VERBS: dict[str, Verb] = {
    "dompmsuspend": Verb(_sleep, done_if("the guest is asleep or off, or was woken since", _slept)),
    "dompmwakeup": Verb(lambda task: task.ability(GuestControl).pm_wakeup(task.uuid), in_state(DomainState.RUNNING)),
    "inject-nmi": Verb(lambda task: task.ability(GuestControl).inject_nmi(task.uuid), NO_TRACE),
    "send-key": Verb(_send_key, NO_TRACE),
    "domfsfreeze": Verb(_freeze, NO_TRACE),
    "domfsthaw": Verb(_thaw, DO_AGAIN),
    "domtime": Verb(
        _time, Evidence("(done again, unless a time was given, which has passed: unknown)", _time_happened)
    ),
    "domjobabort": Verb(lambda task: task.ability(GuestControl).abort_job(task.uuid), NO_TRACE),
}
