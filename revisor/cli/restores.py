"""``revisor acknowledge-restore``: what a person does after the log was put back to what it was."""

from operator import itemgetter
from typing import Any

from revisor.cli import output
from revisor.cli.asking import Door
from revisor.cli.failures import Exit
from revisor.cli.verb import WAITING, Asked, option, verb

_COMPARE_S = 600.0
"""Looking at every host may take its time."""


_FATES = {
    "adopted": "was taken in",
    "changed": "was otherwise than recorded",
    "gone": "is GONE",
    "left": "was left",
}
_TOTALS = {
    "adopted": "taken in",
    "changed": "otherwise than recorded",
    "gone": "gone",
    "left": "left",
    "unsettled": "with an unknown outcome",
}


@verb(
    "acknowledge-restore",
    options=[option("without", "HOST", "Leave out a host that cannot be reached; several times.", several=True)],
    lacking=WAITING,
)
def acknowledge_restore(asked: Asked, *, without: tuple[str, ...]) -> int:
    """Compare every host with the restored log, take in what is found, and let new things be begun again."""
    door = Door(asked)
    body = {**door.said, "without": list(without)}
    reply = door.client.request("POST", "/v1/restore/acknowledge", body=body, wait_s=_COMPARE_S)
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    (found,) = reply.body["items"]
    _show(found)
    return Exit.DONE


def _show(found: dict[str, Any]) -> None:
    output.say(output.printable(f"Restore acknowledged: {found['why']}"))
    output.say(output.printable(f"Compared: {', '.join(found['compared']) or 'no host'}"))
    if found["left_out"]:
        output.say(output.printable(f"Left out: {', '.join(found['left_out'])}"))
    for operation in found["unsettled"]:
        output.say(f"Operation {operation} has an unknown outcome")
    for kind, words in _FATES.items():
        for domain in sorted(found[kind], key=itemgetter("host", "name")):
            more = domain["why"] if kind == "left" else ", ".join(domain.get("what") or ())
            why = f": {more}" if more else ""
            where = f"Domain '{domain['name']}' on host '{domain['host']}'"
            output.say(output.printable(f"{where} {words}{why}"))
    counts = [f"{len(found[kind])} {words}" for kind, words in _TOTALS.items()]
    output.message(f"In all: {', '.join(counts)}")
