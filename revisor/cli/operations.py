"""``revisor operation``: what a person may do about what was asked for."""

from typing import Any
from uuid import UUID

import click

from revisor.cli import output
from revisor.cli.asking import Door, Ending, tell
from revisor.cli.failures import Exit
from revisor.cli.verb import WAITING, Asked, BadValue, Word, not_empty, option, verb
from revisor.client import Operation

_ID = Word("id", "ID")


@verb("follow", _ID, wait_s=None)
def operation_follow(asked: Asked, *, id: str) -> int:
    """Wait until an operation has ended, and end as the command that asked for it would have."""
    door = Door(asked)
    operation = door.read(f"/v1/operations/{_uuid(id)}").body
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
    reply = door.change("POST", f"/v1/operations/{_uuid(id)}/{how}", body)
    operation = reply.body
    if door.as_json:
        output.document("operations", [operation], operation["position"], reply.observed_at)
    else:
        output.message(f"Operation {operation['id']} {done}")
    return Exit.DONE


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadValue(
            f"'{text}' is no operation's id", field="id", value=text, accepted="an id of 'revisor operations'"
        ) from None
