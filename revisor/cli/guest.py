"""The verbs that speak to a guest, or to the agent inside it, as virsh has them."""

import time
from collections.abc import Sequence
from typing import Any

import click

from domain_model.libvirt import CODE_SETS, MOST_KEYS, SLEEP_TARGETS
from revisor.cli import output
from revisor.cli.amounts import whole
from revisor.cli.asking import Door, Ending, Reference, act, silent, tell
from revisor.cli.verb import DOMAIN, Asked, BadValue, Word, exclusive, flag, not_offered, option, verb
from revisor.client import Operation

_MOUNT_POINTS = Word("mountpoint", "MOUNTPOINT", required=False, many=True)


@verb("inject-nmi", DOMAIN)
def inject_nmi(asked: Asked, *, domain: str) -> int:
    """Inject a non-maskable interrupt into a guest."""
    return act(asked, domain, "inject-nmi", {}, Ending(silent))


@verb(
    "send-key",
    DOMAIN,
    Word("keycode", "KEY", many=True),
    options=[
        option("codeset", "NAME", "Whose numbers they are: linux (default), xt, atset1, atset2, atset3, os_x, ..."),
        option("holdtime", "MS", "How long they are held, in milliseconds."),
    ],
)
def send_key(asked: Asked, *, domain: str, keycode: Sequence[str], codeset: str | None, holdtime: str | None) -> int:
    """Press keys of a guest's keyboard, all at once. A KEY is a number, or a name of Linux's such as KEY_LEFTCTRL."""
    from revisor.cli.keys import number_of

    if codeset is not None and codeset not in CODE_SETS:
        raise BadValue(f"unknown codeset: '{codeset}'", field="codeset", value=codeset, accepted=", ".join(CODE_SETS))
    if len(keycode) > MOST_KEYS:
        raise click.UsageError("too many keycodes")
    arguments = {
        "codeset": codeset,
        "holdtime_ms": None if holdtime is None else whole("holdtime", holdtime),
        "keycodes": [number_of(key, codeset or "linux") for key in keycode],
    }
    return act(asked, domain, "send-key", arguments, Ending(silent))


@verb("dompmsuspend", DOMAIN, Word("target", "TARGET"), options=[option("duration", "SECONDS", "Wake up by then.")])
def dompmsuspend(asked: Asked, *, domain: str, target: str, duration: str | None) -> int:
    """Put a guest to sleep by its agent. TARGET is mem (to RAM), disk (to disk) or hybrid (both)."""
    if target not in SLEEP_TARGETS:
        raise BadValue("Invalid target", field="target", value=target, accepted=", ".join(SLEEP_TARGETS))

    def done(operation: Operation) -> None:
        output.message(f"Domain '{operation['domain']}' successfully suspended")

    duration_s = None if duration is None else whole("duration", duration, below=2**64)
    ending = Ending(done, f"Domain '{domain}' could not be suspended")
    return act(asked, domain, "dompmsuspend", {"target": target, "duration_s": duration_s}, ending)


@verb("dompmwakeup", DOMAIN)
def dompmwakeup(asked: Asked, *, domain: str) -> int:
    """Wake up a guest that sleeps."""

    def done(operation: Operation) -> None:
        output.message(f"Domain '{operation['domain']}' successfully woken up")

    return act(asked, domain, "dompmwakeup", {}, Ending(done, f"Domain '{domain}' could not be woken up"))


@verb("domfsfreeze", DOMAIN, _MOUNT_POINTS)
def domfsfreeze(asked: Asked, *, domain: str, mountpoint: Sequence[str]) -> int:
    """Have a guest's agent freeze its file systems, or those mounted at a MOUNTPOINT."""
    ending = Ending(lambda operation: output.message(_counted("Froze", operation)), "Unable to freeze filesystems")
    return act(asked, domain, "domfsfreeze", {"mountpoints": mountpoint}, ending)


@verb("domfsthaw", DOMAIN, _MOUNT_POINTS)
def domfsthaw(asked: Asked, *, domain: str, mountpoint: Sequence[str]) -> int:
    """Have a guest's agent let its file systems go on, or those mounted at a MOUNTPOINT."""
    ending = Ending(lambda operation: output.message(_counted("Thawed", operation)), "Unable to thaw filesystems")
    return act(asked, domain, "domfsthaw", {"mountpoints": mountpoint}, ending)


def _counted(word: str, operation: Operation) -> str:
    return f"{word} {(operation.get('result') or {}).get('filesystems', 0)} filesystem(s)"


@verb(
    "domtime",
    DOMAIN,
    options=[
        flag("now", "Set it to the time it is here."),
        flag("pretty", "Show it as a date and a time, in UTC."),
        flag("sync", "Have the guest read its hardware clock."),
        option("time", "SECONDS", "Set it to so many seconds since 1970."),
    ],
)
def domtime(asked: Asked, *, domain: str, **given: Any) -> int:
    """Show a guest's clock as its agent tells it, or set it. Both go on record."""
    exclusive(given, ("time", "now"), ("time", "sync"), ("now", "sync"))
    door, reference = Door(asked), Reference.of(domain)
    before = door.asked_before(reference, "domtime") if given["now"] else None
    setting = given["now"] or given["sync"] or given["time"] is not None
    ending = Ending(silent if setting else lambda operation: output.say(_clock(operation, pretty=given["pretty"])))
    if before is not None:
        return tell(door, before, ending)
    return act(asked, domain, "domtime", {"sync": given["sync"], **_moment(given)}, ending)


def _moment(given: dict[str, Any]) -> dict[str, int]:
    if given["now"]:
        seconds, nseconds = divmod(time.time_ns(), 10**9)
        return {"seconds": seconds, "nseconds": nseconds}
    return {} if given["time"] is None else {"seconds": whole("time", given["time"], below=2**63)}


def _clock(operation: Operation, *, pretty: bool) -> str:
    seconds = int((operation.get("result") or {})["seconds"])
    return f"Time: {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds)) if pretty else seconds}"


@verb(
    "domjobabort",
    DOMAIN,
    options=[not_offered("postcopy", "Revisor starts no migration that could be in its second phase")],
)
def domjobabort(asked: Asked, *, domain: str) -> int:
    """Abort a domain's job, such as a save or a backup."""
    return act(asked, domain, "domjobabort", {}, Ending(silent))
