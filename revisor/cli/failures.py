"""How a verb ends badly: the last line on stderr, and the exit code that scripts rely on."""

import json
import sys
from enum import IntEnum
from typing import Any

from revisor.cli.output import printable
from revisor.client import AnswerLost, ClientError, Refusal, Unreachable


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


NAMES = {1: "INTERNAL_ERROR", 3: "NO_SUPPORT", 8: "INVALID_ARG", 9: "OPERATION_FAILED", 27: "XML_ERROR"}
NAMES |= {38: "SYSTEM_ERROR", 55: "OPERATION_INVALID", 68: "OPERATION_TIMEOUT", 78: "OPERATION_ABORTED"}
NAMES |= {103: "NO_DOMAIN_CHECKPOINT"}


def refusal(code: int, message: str, **details: str | None) -> Refusal:
    """A refusal of our own."""
    return Refusal(code, NAMES.get(code, "INTERNAL_ERROR"), message, **details)


def fail(error: Refusal, *, as_json: bool, first: str | None = None) -> int:
    """Print a refusal and return its exit code. ``first`` is the line virsh puts before it."""
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
    if first is not None:
        print(f"error: {printable(first)}", file=sys.stderr)
    print(f"error: {printable(error.message)} [{error.code}]", file=sys.stderr)
    return Exit.REFUSED


def fail_by(error: ClientError, *, as_json: bool) -> int:
    """Print what the client reports and return the exit code."""
    if isinstance(error, Refusal):
        return fail(error, as_json=as_json)
    code = {Unreachable: Exit.UNREACHABLE, AnswerLost: Exit.UNKNOWN}.get(type(error), Exit.REFUSED)
    fail(refusal(38, str(error)), as_json=as_json)
    return code
