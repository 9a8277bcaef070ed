"""``drift``: what happened past Revisor, and who wins; ``adopt``: taking in what nobody recorded."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import click

from revisor.cli import output
from revisor.cli.asking import Door, Reference
from revisor.cli.failures import Exit, fail, refusal
from revisor.cli.snapshot_words import doubt_of
from revisor.cli.verb import WAITING, Asked, Word, exclusive, flag, option, required, verb
from revisor.client import ENDED, Operation, Refusal, Reply, segment

Item = dict[str, Any]
Keys = set[tuple[str, ...]]

_DOMAIN = Word("domain", "DOMAIN", required=False)
_DIGEST_SHOWN = 12
_ROUNDS = 5
"""What waits is asked for when what it waits for has ended; no chain of these is longer."""
_ADOPT_S = 180.0


@verb(
    "drift",
    _DOMAIN,
    fresh=True,
    options=[
        option("host", "NAME", "On this host only."),
        flag("check", "End with 1 if there is any."),
        flag("heal", "Ours wins: do what makes it again what it was."),
        flag("accept", "Theirs wins: what was observed is to be so."),
        flag("plan", "With --heal: say what would be done, and do nothing."),
        flag("destroy", "With --heal: stop a guest at once that somebody started."),
        flag("all", "With --heal or --accept: all domains of the host."),
    ],
)
def drift(asked: Asked, *, domain: str | None, host: str | None, **flags: bool) -> int:
    """Show what is not as our own last operation left it, and the domains that nobody recorded."""
    given = {**flags, "domain": domain, "host": host}
    for one, other in (("heal", "accept"), ("heal", "check"), ("accept", "check"), ("all", "domain")):
        exclusive(given, (one, other))
    for by in ("plan", "destroy"):
        required(given, "heal", by)
    if flags["all"]:
        required(given, "host", "all")
    if not (flags["heal"] or flags["accept"]):
        return _show(asked, domain, host, check=flags["check"], everything=flags["all"])
    if domain is None and not flags["all"]:
        raise click.UsageError("command 'drift' requires <domain> option, or --all with --host")
    door, body = Door(asked), {**_whose(domain, host), "all": flags["all"]}
    if asked.fresh:
        door.read("/v1/drift", **_whose(domain, host))
    return _accept(door, body) if flags["accept"] else _heal(door, body, flags)


@verb(
    "adopt",
    options=[
        option("host", "NAME", "The host whose domains are taken in.", required=True),
        option("name", "PATTERN", "Only those whose names match, as in a shell: 'web*'."),
    ],
    lacking=WAITING,
)
def adopt(asked: Asked, *, host: str, name: str | None) -> int:
    """Take in domains that nobody recorded, with their snapshots."""
    door = Door(asked)
    path = f"/v1/hosts/{segment(host)}/adopt"
    reply = door.client.request("POST", path, body={"name": name, **door.said}, wait_s=_ADOPT_S)
    items: list[Item] = reply.body["items"]
    if door.as_json:
        output.json_text(reply.body)
    else:
        for item in items:
            what = "was taken in" if item["adopted"] else f"was left: {item['why']}"
            output.say(output.printable(f"Domain '{item['domain']}' on host '{item['host']}' {what}"))
        taken = sum(item["adopted"] for item in items)
        output.message(f"In all: {taken} taken in, {len(items) - taken} left")
    return Exit.DONE


def _show(asked: Asked, domain: str | None, host: str | None, *, check: bool, everything: bool) -> int:
    if everything:
        raise click.UsageError("Option --heal or --accept is required by option --all")
    door = Door(asked)
    reply = door.read("/v1/drift", **_whose(domain, host))
    if door.as_json:
        output.json_text(reply.body)
    else:
        _table(reply.body["items"])
    return _found(door, len(reply.body["items"])) if check and reply.body["items"] else Exit.DONE


def _found(door: Door, count: int) -> int:
    words = "1 thing is not as it was left" if count == 1 else f"{count} things are not as they were left"
    return fail(refusal(9, f"operation failed: {words}"), as_json=door.as_json)


def _whose(domain: str | None, host: str | None) -> Item:
    if domain is None:
        return {"domain": None, "host": host}
    reference = Reference.of(domain)
    return {"domain": reference.name, "host": host or reference.host}


def _table(items: list[Item]) -> None:
    rows = [[*_what(item), *_sides(item), output.local_time(item["observed_at"])] for item in items]
    output.table(["Domain", "Host", "What", "Recorded", "Observed", "Since"], rows)
    for item in items:
        if item["advice"] is not None:
            output.say(output.printable(f"Domain '{item['domain']}' on host '{item['host']}': {item['advice']}"))
    for item in items:
        if item["diff"] is not None:
            _difference(item)


def _difference(item: Item) -> None:
    domain, host, aspect = _what(item)
    title = f"Domain '{domain}' on host '{host}', {aspect}:"
    if not item["diff"]:
        title += " only secrets differ, which are not shown"
    output.say(output.printable(title))
    for line in item["diff"].split("\n") if item["diff"] else ():
        output.say(output.printable(line))
    output.say()


def _what(item: Item) -> list[Any]:
    aspect = item["aspect"] if item["aspect"] != "snapshot" else f"snapshot {item['snapshot']}"
    return [item["domain"], item["host"], aspect]


def _sides(item: Item) -> list[Any]:
    return [_side(item, item[side]) for side in ("recorded", "observed")]


def _side(item: Item, value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if item["aspect"] == "definition":
        return "undefined" if value is None else value[:_DIGEST_SHOWN]
    return value


def _accept(door: Door, body: Item) -> int:
    reply = door.change("POST", "/v1/drift/accept", body)
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    _table(reply.body["items"])
    output.message(f"In all: {len(reply.body['items'])} accepted")
    return Exit.DONE


def _heal(door: Door, body: Item, flags: Mapping[str, bool]) -> int:
    # All rounds are one request: what was asked for in one is not asked for again in the next, however it ended.
    request_id = door.asked.request_id or str(uuid4())
    wanted = {**body, "plan": flags["plan"], "destroy": flags["destroy"]}
    until = None if door.asked.wait_s is None else time.monotonic() + door.asked.wait_s

    def ask() -> Reply:
        return door.client.request("POST", "/v1/drift/heal", body={**wanted, **door.said, "request_id": request_id})

    reply = ask()
    if flags["plan"]:
        _show_remedies(door, reply, reply.body["items"], {})
        return Exit.DONE
    operations = _followed(door, reply.body["items"], until)
    items = {_key(item): item for item in reply.body["items"]}
    for _ in range(_ROUNDS):
        if door.asked.no_wait or not _goes_on(reply.body["items"], operations):
            break
        reply = ask()
        operations |= _followed(door, reply.body["items"], until)
        items |= {_key(item): item for item in reply.body["items"]}
    _show_remedies(door, reply, list(items.values()), operations)
    return Exit.DONE if door.asked.no_wait else _end(door, _left(door, body), items, operations)


def _left(door: Door, body: Item) -> Keys:
    """What is drift still; some of it goes with what was done for something else."""
    reply = door.read("/v1/drift", domain=body["domain"], host=body["host"])
    return {_key(item) for item in reply.body["items"]}


def _key(item: Item) -> tuple[str, ...]:
    return item["uuid"], item["host"], item["aspect"], item["snapshot"] or ""


def _followed(door: Door, items: list[Item], until: float | None) -> dict[str, Operation]:
    """The operations that were asked for, by id, when all have ended or the wait, which they share, is over."""
    found: dict[str, Operation] = {}
    for id in (item["operation"] for item in items if item["operation"] is not None):
        operation = door.client.get(f"/v1/operations/{id}").body
        left_s = None if until is None else max(0.0, until - time.monotonic())
        found[id] = operation if door.asked.no_wait else door.client.ended(operation, left_s)
    return found


def _goes_on(items: list[Item], operations: Mapping[str, Operation]) -> bool:
    """Whether something waits on a domain of which what it waits for was just done."""
    states: dict[tuple[str, str], set[str]] = {}
    for item in items:
        if item["operation"] is not None:
            states.setdefault((item["uuid"], item["host"]), set()).add(operations[item["operation"]]["state"])
    return any(item["waits"] and states.get((item["uuid"], item["host"])) == {"succeeded"} for item in items)


def _show_remedies(door: Door, reply: Reply, items: list[Item], operations: Mapping[str, Operation]) -> None:
    states = [operations.get(item["operation"] or "", {}).get("state") for item in items]
    shown = [{**item, "state": state} for item, state in zip(items, states, strict=True)]
    back = _brought_back(door, shown)
    if door.as_json:
        shown = [{**item, "presence": back.get(_key(item), {}).get("presence")} for item in shown]
        output.document_of(reply, reply.body["kind"], shown)
        return
    rows = [[*_what(item), item["verb"], _outcome(item, operations, back.get(_key(item)))] for item in shown]
    output.table(["Domain", "Host", "What", "Operation", "Outcome"], rows)


def _brought_back(door: Door, items: list[Item]) -> dict[tuple[str, ...], Item]:
    """The snapshots whose metadata came back, as they are now: their data need not have."""
    found: dict[tuple[str, ...], Item] = {}
    healed = [item for item in items if item["aspect"] == "snapshot" and item["state"] == "succeeded"]
    for uuid, host in dict.fromkeys((item["uuid"], item["host"]) for item in healed):
        try:
            known = door.read_of(Reference(uuid, host), "/snapshots").body["items"]
        except Refusal:
            continue  # the domain went meanwhile
        now = {each["name"]: each for each in known}
        here = [item for item in healed if (item["uuid"], item["host"]) == (uuid, host)]
        found |= {_key(item): now[item["snapshot"]] for item in here if item["snapshot"] in now}
    return found


def _outcome(item: Item, operations: Mapping[str, Operation], back: Item | None) -> str | None:
    operation = operations.get(item["operation"] or "")
    if operation is not None:
        error, state = operation.get("error"), operation["state"]
        if state not in ENDED:
            return f"{state} ({operation['id']})"
        doubt = item.get("note") if back is None else doubt_of(back)
        if error is None and state == "succeeded" and doubt:
            return f"{state}, but {doubt}"
        return str(state) if error is None else f"{state}: {error['message']}"
    if item["why"] is not None:
        return str(item["why"])
    waits = "when what it waits for is done" if item["waits"] else None
    return "; ".join(filter(None, (waits, item.get("note")))) or None


def _end(door: Door, left: Keys, items: Mapping[tuple[str, ...], Item], operations: Mapping[str, Operation]) -> int:
    """As the operations ended; what could not be healed is a failure too."""
    states = [operation["state"] for operation in operations.values()]
    unhealed = sum(key in left and item["operation"] is None for key, item in items.items())
    failed = unhealed + states.count("failed") + states.count("cancelled")
    for count, words, code in (
        (states.count("unknown"), "operations have an unknown outcome", Exit.UNKNOWN),
        (states.count("queued") + states.count("started"), "operations still run", Exit.STILL_RUNNING),
        (failed, "drifts were not healed", Exit.REFUSED),
    ):
        if count:
            number, before = (9, "operation failed: ") if code is Exit.REFUSED else (68, "")
            fail(refusal(number, f"{before}{count} of {len(items)} {words}"), as_json=door.as_json)
            return code
    return Exit.DONE
