"""``revisor operation``: what a person may do about what was asked for."""

import re
from contextlib import suppress
from typing import Any
from uuid import UUID

import click

from revisor.cli import output
from revisor.cli.asking import Door, Ending, tell
from revisor.cli.failures import Exit, refusal
from revisor.cli.verb import OPERATION_ID, WAITING, Asked, BadValue, Word, not_empty, option, verb
from revisor.client import Operation

_ID = Word("id", "ID")
_PREFIX = re.compile("[0-9a-f]{8,31}")
_CANDIDATES = 10
"""So many of the operations that are meant by one prefix are told."""


@verb("follow", _ID, wait_s=None)
def operation_follow(asked: Asked, *, id: str) -> int:
    """Wait until an operation has ended, and end as the command that asked for it would have."""
    door = Door(asked)
    operation = door.read(f"/v1/operations/{_whole(door, id)}").body
    return tell(door, operation, Ending(_succeeded))


def _succeeded(operation: Operation) -> None:
    output.message(f"Operation {operation['id']} ({operation['verb']} of {operation['domain']}) succeeded")


@verb("cancel", _ID, lacking=WAITING)
def operation_cancel(asked: Asked, *, id: str) -> int:
    """Withdraw an operation that waits for its turn; one that was started goes on, and this is refused."""
    return _change(asked, id, "cancel", {}, "cancelled")


@verb(
    "settle",
    _ID,
    options=[
        option("as", "succeeded|failed", "How it ended.", required=True, kind=click.Choice(["succeeded", "failed"])),
        option("evidence", "TEXT", "What shows that it ended so; it goes on record.", required=True),
    ],
    lacking=WAITING,
)
def operation_settle(asked: Asked, *, id: str, evidence: str, **given: Any) -> int:
    """Say how an operation ended whose outcome is unknown. Nothing is done to its domain by that."""
    not_empty("evidence", evidence.strip(), "in a few words, what shows how it ended")
    return _change(asked, id, "settle", {"as": given["as"], "evidence": evidence}, f"settled as {given['as']}")


def _change(asked: Asked, id: str, how: str, body: dict[str, Any], done: str) -> int:
    door = Door(asked)
    reply = door.change("POST", f"/v1/operations/{_whole(door, id)}/{how}", body)
    operation = reply.body
    if door.as_json:
        output.document("operations", [operation], operation["position"], reply.observed_at)
    else:
        output.message(f"Operation {operation['id']} {done}")
    return Exit.DONE


def _whole(door: Door, text: str) -> UUID:
    """The id that was given, or that begins so.

    Raises BadValue for what is neither, Refusal (8) if not one alone does.
    """
    with suppress(ValueError):
        return UUID(text)
    prefix = text.replace("-", "").lower()
    if not _PREFIX.fullmatch(prefix):
        raise BadValue(f"'{text}' is no operation's id", field="id", value=text, accepted=OPERATION_ID)
    found = [item["id"] for item in door.read("/v1/operations", id_prefix=prefix, limit=_CANDIDATES).body["items"]]
    if len(found) == 1:
        return UUID(found[0])
    if not found:
        raise refusal(8, f"invalid argument: no operation's id begins with '{text}'", field="id", value=text)
    candidates = ", ".join(found)
    words = f"invalid argument: '{text}' is the beginning of several operations' ids: {candidates}"
    raise refusal(8, words, field="id", value=text, accepted=candidates)
