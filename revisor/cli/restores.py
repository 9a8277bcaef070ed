"""``revisor acknowledge-restore``: what a person does after the log was put back to what it was."""

from typing import Any

from revisor.cli import output
from revisor.cli.asking import Door
from revisor.cli.failures import Exit
from revisor.cli.verb import Asked, option, verb

_COMPARE_S = 600.0
"""Looking at every host may take its time."""


@verb(
    "acknowledge-restore",
    options=[option("without", "HOST", "Leave out a host that cannot be reached; several times.", several=True)],
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
    output.message(f"Restore acknowledged: {found['why']}")
    output.message(f"Compared: {', '.join(found['compared']) or 'no host'}")
    if found["left_out"]:
        output.message(f"Left out: {', '.join(found['left_out'])}")
    for operation in found["unsettled"]:
        output.message(f"Operation {operation} has an unknown outcome")
    for kind, words in (("adopted", "was taken in"), ("changed", "was otherwise than recorded"), ("gone", "is GONE")):
        for domain in found[kind]:
            output.message(f"Domain '{domain['name']}' on host '{domain['host']}' {words}")
    for domain in found["left"]:
        output.message(f"Domain '{domain['name']}' on host '{domain['host']}' was left: {domain['why']}")
