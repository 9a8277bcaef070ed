"""How verbs ask: reading, or asking for a change and following its operation to the end."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

from revisor.cli import output
from revisor.cli.failures import Exit, fail, refusal
from revisor.cli.verb import Asked, is_given
from revisor.client import ENDED, AnswerLost, Client, ClientError, Operation, Refusal, Reply, Unreachable, segment

_FIRST_WAIT_S = 1.0
"""How long the request itself waits: most operations have ended by then, and need no second question."""
_NO_SUCH_DOMAIN = 42
_BEHIND_S = 5.0
"""From then on a person is told: usually it is milliseconds."""
_COUNTED = re.compile(r"xmls\[(\d+)\]")
"""One of several documents, as the field of a refusal."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A domain as it was named: UUID, NAME or HOST/NAME."""

    name: str
    host: str | None = None

    @classmethod
    def of(cls, text: str) -> "Reference":
        host, slash, name = text.rpartition("/")
        if not name or (slash and (not host or "/" in host)):
            raise refusal(
                8,
                f"invalid argument: '{text}' names no domain",
                field="domain",
                value=text,
                accepted="UUID, NAME or HOST/NAME",
            )
        return cls(name, host or None)

    @property
    def path(self) -> str:
        return f"/v1/domains/{segment(self.name)}"


@dataclass(frozen=True)
class Door:
    """Revisor's door, for one command line."""

    asked: Asked

    @cached_property
    def client(self) -> Client:
        return Client()

    @cached_property
    def _noted(self) -> set[str]:
        return set()

    @property
    def as_json(self) -> bool:
        return self.asked.output == "json"

    @property
    def said(self) -> dict[str, Any]:
        """What goes on record with a change."""
        return {"reason": self.asked.reason, "ticket": self.asked.ticket, "request_id": self.asked.request_id}

    def read(self, path: str, **query: Any) -> Reply:
        """Read. Raises what the client raises; an answer that was lost while reading is a Revisor not reached."""
        try:
            reply = self.client.get(path, fresh=self.asked.fresh, **query)
        except AnswerLost as lost:
            raise Unreachable(str(lost)) from lost
        if not self.as_json:
            self._note_what_is_old(reply)
        return reply

    def read_of(self, domain: Reference, below: str = "", **query: Any) -> Reply:
        """Read what is of a domain."""
        with_host = {"host": domain.host, **query}
        return self.read(domain.path + below, **with_host)

    def _note_what_is_old(self, reply: Reply) -> None:
        """Say once that what is shown is older than the log, as behind an import, or than what is on a host now."""
        notes = []
        if reply.behind_s > _BEHIND_S:
            ago = output.span(reply.behind_s)
            notes.append(f"not all that is recorded is shown yet: what waits longest is {ago} old")
        shown = {item.get("host") for item in (reply.body or {}).get("items", ()) if reply.stale}
        notes += [
            f"what is shown of host {name} is old: see 'revisor host list'" for name in reply.stale if name in shown
        ]
        for note in notes:
            if note.partition(":")[0] not in self._noted:
                sys.stderr.write(f"note: {note}\n")
            self._noted.add(note.partition(":")[0])

    def xml_of(self, domain: Reference, below: str, **query: Any) -> Reply:
        """Read XML; showing secrets goes on record with reason and ticket."""
        return self.read_of(domain, below, reason=self.asked.reason, ticket=self.asked.ticket, **query)

    def one(self, domain: Reference) -> dict[str, Any]:
        """A domain as it was last seen."""
        item: dict[str, Any] = self.read_of(domain).body["items"][0]
        return item

    def asked_before(self, domain: Reference, verb: str) -> Operation | None:
        """What this command became when it was asked before under its request id, if it was.

        For commands that say what they mean by what they find (``--current``): meanwhile that is something else.
        """
        if self.asked.request_id is None:
            return None
        try:
            found = self.read("/v1/operations", domain=domain.name, host=domain.host).body["items"]
        except Refusal as refused:
            if refused.code == _NO_SUCH_DOMAIN:
                return None
            raise
        return next(
            (each for each in found if (each["request_id"], each["verb"]) == (self.asked.request_id, verb)), None
        )

    def change(self, method: str, path: str, body: Mapping[str, Any]) -> Reply:
        """Ask for a change that is no operation."""
        return self.client.request(method, path, body={**body, **self.said})


@dataclass(frozen=True, slots=True)
class Ending:
    """What is said of an operation that ended: ``done`` when it succeeded, ``failed`` before the error."""

    done: Callable[[Operation], None]
    failed: str | None = None
    report: Callable[[Operation], None] | None = None
    """Prints what the operation found, however it ended."""
    item: Callable[[Operation], tuple[str, Any]] = lambda operation: ("operations", operation)
    """The kind and the item of the JSON document."""
    goes_on: bool = False
    """The command goes on after it: nothing is printed unless it failed."""
    files: Sequence[str] = ()
    """Where the documents come from, in the order in which refusals count them."""


def silent(_: Operation) -> None:
    """As ``done``, where virsh prints an empty line only."""
    output.say()


def act(asked: Asked, domain: str, verb: str, arguments: Mapping[str, Any], ending: Ending) -> int:
    """Ask for a verb on a domain, follow its operation, print how it ended; returns the exit code."""
    reference = Reference.of(domain)
    return request(asked, f"{reference.path}/operations", act_of(verb, arguments), ending, reference)


def act_of(verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """How a verb is asked for: with those of ``arguments`` that were given."""
    return {"verb": verb, "arguments": {key: value for key, value in arguments.items() if is_given(value)}}


def request(
    asked: Asked, path: str, body: Mapping[str, Any], ending: Ending, reference: Reference | None = None
) -> int:
    """As ``act``, for any path that answers with an operation."""
    door = Door(asked)
    request_id = asked.request_id or str(uuid4())
    wait_s = 0.0 if asked.no_wait else min(_FIRST_WAIT_S, _FIRST_WAIT_S if asked.wait_s is None else asked.wait_s)
    query = {"host": None if reference is None else reference.host, "wait": wait_s}
    full = {**body, **door.said, "request_id": request_id}
    try:
        reply = door.client.request("POST", path, query, full, wait_s=wait_s)
    except Refusal as refused:
        return fail(refused, as_json=door.as_json, first=_first_line(refused, ending, reference))
    except AnswerLost as lost:
        raise AnswerLost(f"{lost}; the same command with --request-id {request_id} tells what became of it") from lost
    return _told(door, reply.body, ending, reply.observed_at, waited_s=wait_s)


def tell(door: Door, operation: Operation, ending: Ending) -> int:
    """Follow an operation that was asked for before, print how it ended; returns the exit code."""
    return _told(door, operation, ending, None)


def _told(door: Door, operation: Operation, ending: Ending, observed_at: str | None, *, waited_s: float = 0.0) -> int:
    if door.asked.no_wait:
        return _no_wait(door, operation, observed_at)
    return _end(door, _followed(door, operation, waited_s), observed_at, ending)


def _first_line(refused: Refusal, ending: Ending, reference: Reference | None) -> str | None:
    if refused.code == _NO_SUCH_DOMAIN and reference is not None:
        return f"failed to get domain '{reference.name}'"
    if ending.files and (counted := _COUNTED.match(refused.field or "")) is not None:
        return f"Failed to read '{ending.files[int(counted[1])]}'"
    return ending.failed


def _no_wait(door: Door, operation: Operation, observed_at: str | None) -> int:
    if door.as_json:
        output.document("operations", [operation], operation["position"], observed_at)
    else:
        output.say(operation["id"])
    return Exit.DONE


def _followed(door: Door, operation: Operation, waited_s: float) -> Operation:
    if operation["state"] in ENDED:
        return operation
    left = None if door.asked.wait_s is None else max(0.0, door.asked.wait_s - waited_s)
    try:
        if sys.stderr.isatty():
            from revisor.cli.progress import ended_with_progress  # brings rich along

            return ended_with_progress(door.client, operation, left)
        return door.client.ended(operation, left)
    except (AnswerLost, Unreachable) as away:
        raise AnswerLost(f"{away}; operation {operation['id']} was accepted") from away
    except KeyboardInterrupt:
        sys.stderr.write(f"operation {operation['id']} goes on\n")
        raise


def _end(door: Door, operation: Operation, observed_at: str | None, ending: Ending) -> int:
    if ending.goes_on and operation["state"] == "succeeded":
        return Exit.DONE
    if door.as_json:
        kind, item = ending.item(operation)
        output.document(kind, [item], operation["position"], observed_at)
    elif ending.report is not None:
        ending.report(operation)
    return _code(door, operation, ending)


def _code(door: Door, operation: Operation, ending: Ending) -> int:
    """Say how an operation ended, and return the exit code."""
    error, as_json = operation.get("error") or {}, door.as_json
    match operation["state"]:
        case "succeeded":
            if not as_json:
                ending.done(operation)
            return Exit.DONE
        case "failed":
            message = error.get("message", "internal error: it failed")
            if error.get("code") == _NO_SUCH_DOMAIN and not as_json:
                _note_drift(door, operation)
            words = refusal(error.get("code", 1), message, name=error.get("name"))
            return fail(words, as_json=as_json, first=ending.failed)
        case "unknown":
            fail(refusal(68, _unknown(operation)), as_json=as_json, first=ending.failed)
            return Exit.UNKNOWN
        case "cancelled":
            words = refusal(78, f"operation {operation['id']} was cancelled before it was started: nothing was done")
            return fail(words, as_json=as_json, first=ending.failed)
        case _:
            return _still_running(door, operation)


def _note_drift(door: Door, operation: Operation) -> None:
    """Say what tells why a domain that was asked for was not there, if somebody made it so past Revisor."""
    with suppress(ClientError):  # the operation's own error is told in any case
        if door.read("/v1/drift", domain=operation["stream"], host=operation["host"]).body["items"]:
            from shlex import quote  # only what fails needs it, and start-up is measured

            name = quote(f"{operation['host']}/{operation.get('domain') or operation['stream']}")
            sys.stderr.write(f"note: 'revisor drift {output.printable(name)}' tells what happened past Revisor\n")


def _still_running(door: Door, operation: Operation) -> int:
    if not door.as_json:
        output.say(operation["id"])
    id, queued, held_up = operation["id"], operation["state"] == "queued", operation.get("held_up")
    words = f"operation {id} {'is queued' if queued else 'has started'}, and the wait is over"
    words += f": {held_up}" if held_up else ""
    words += f"; 'revisor operation {id}' follows it"
    words += f", 'revisor operation cancel {id}' withdraws it" if queued else ""
    fail(refusal(68, words), as_json=door.as_json)
    return Exit.STILL_RUNNING


def _unknown(operation: Operation) -> str:
    """That nobody knows how it ended, where to look, and what to do then."""
    error, id, domain = operation.get("error") or {}, operation["id"], operation.get("domain") or operation["stream"]
    return (
        f"the outcome of operation {id} is unknown: {error.get('message') or 'its answer was lost'};"
        f" look at the domain first ('revisor domstate {domain} --fresh', 'revisor log {domain}', its host"
        f" '{operation['host']}'), and say what you saw with 'revisor operation settle {id}'"
    )
