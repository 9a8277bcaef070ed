"""How a verb ends badly: the last line on stderr, and the exit code that scripts rely on."""

import json
import re
import sys
from enum import IntEnum
from typing import Any

from revisor.cli.output import printable
from revisor.client import AnswerLost, ClientError, Refusal, Unreachable

WOULD_BE_ACCEPTED = "would be accepted: "
"""What the line before an error begins with."""


class Exit(IntEnum):
    """Exit codes; only ever added to."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    UNKNOWN = 4
    STILL_RUNNING = 5
    INTERRUPTED = 130
    PIPE_CLOSED = 141


def refusal(code: int, message: str, *, name: str | None = None, **details: str | None) -> Refusal:
    """A refusal of our own. ``name`` is libvirt's of the code, if it was told."""
    from domain_model.errors import ERROR_NAMES  # only what fails needs it, and start-up is measured

    return Refusal(code, name or ERROR_NAMES.get(code, "INTERNAL_ERROR"), message, **details)


def fail(error: Refusal, *, as_json: bool, first: str | None = None) -> int:
    """Print a refusal and return its exit code. ``first`` is the line virsh puts before it.

    What would have been accepted is told before that: the last line is the error, for scripts.
    """
    sys.stdout.flush()
    if as_json:
        body: dict[str, Any] = {
            "code": error.code,
            "name": error.name,
            "message": error.message,
            "field": error.field,
            "value": error.value,
            "accepted": error.accepted,
        }
        print(json.dumps({"error": body}), file=sys.stderr)
    elif error.accepted and not _says(error.message, error.accepted):
        print(f"{WOULD_BE_ACCEPTED}{printable(error.accepted)}", file=sys.stderr)
    if first is not None:
        print(f"error: {printable(first)}", file=sys.stderr)
    # Some of libvirt's messages have several lines; this one is the last, and one.
    print(f"error: {printable(' '.join(error.message.splitlines()))} [{error.code}]", file=sys.stderr)
    return Exit.REFUSED


def _says(message: str, accepted: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(accepted)}(?!\w)", message) is not None


def fail_by(error: ClientError, *, as_json: bool) -> int:
    """Print what the client reports and return the exit code."""
    if isinstance(error, Refusal):
        return fail(error, as_json=as_json)
    code = {Unreachable: Exit.UNREACHABLE, AnswerLost: Exit.UNKNOWN}.get(type(error), Exit.REFUSED)
    fail(Refusal(38, "SYSTEM_ERROR", str(error)), as_json=as_json)
    return code
