"""``snapshot-hold`` and ``snapshot-release``: Revisor's own, no hypervisor has them."""

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from revisor.cli import output
from revisor.cli.as_of import with_offset
from revisor.cli.asking import Door, Reference
from revisor.cli.failures import Exit
from revisor.cli.snapshot_words import SNAPSHOT, check_one_named, held_of
from revisor.cli.verb import DOMAIN, WAITING, Asked, option, verb
from revisor.client import Reply, segment

_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")


@verb(
    "snapshot-hold",
    DOMAIN,
    SNAPSHOT,
    options=[
        option(
            "until",
            "DATE",
            "A time, or a day to whose end it is held, as clocks here show it; else until it is released.",
        )
    ],
    lacking=WAITING,
)
def snapshot_hold(asked: Asked, *, domain: str, snapshotname: str, until: str | None) -> int:
    """Forbid to delete a snapshot, and with it to undefine its domain."""
    reply = _ask(asked, domain, snapshotname, "hold", {"until": until and _end(until)})
    if asked.output == "json":
        output.json_text(reply.body)
        return Exit.DONE
    output.message(f"Domain snapshot {snapshotname} is held {held_of(reply.body['items'][0])}")
    return Exit.DONE


@verb("snapshot-release", DOMAIN, SNAPSHOT, lacking=WAITING)
def snapshot_release(asked: Asked, *, domain: str, snapshotname: str) -> int:
    """Allow to delete a snapshot that is held."""
    reply = _ask(asked, domain, snapshotname, "release", {})
    if asked.output == "json":
        output.json_text(reply.body)
    else:
        output.message(f"Domain snapshot {snapshotname} released")
    return Exit.DONE


def _end(until: str) -> str:
    """Until when to ask for: days end, as times are meant, as clocks here show it. What is neither Revisor refuses."""
    if not _DAY.fullmatch(until):
        return with_offset(until)
    try:
        return datetime.combine(date.fromisoformat(until) + timedelta(days=1), time()).astimezone().isoformat()
    except (ValueError, OverflowError):
        return until


def _ask(asked: Asked, domain: str, name: str, act: str, said: dict[str, Any]) -> Reply:
    check_one_named(name, current=False)
    door, reference = Door(asked), Reference.of(domain)
    path, body = f"{reference.path}/snapshots/{segment(name)}/{act}", {**said, **door.said}
    return door.client.request("POST", path, {"host": reference.host}, body)
