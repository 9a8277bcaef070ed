"""The verbs of what happened: a domain's log, refused attempts, operations; and the read models that answer."""

from typing import Any

import click

from revisor.cli import output
from revisor.cli.asking import Door, Reference
from revisor.cli.failures import Exit
from revisor.cli.verb import WAITING, Asked, BadValue, Word, exclusive, flag, is_given, not_empty, option, verb
from revisor.client import Reply, segment

_OPTIONAL_DOMAIN = Word("domain", "DOMAIN", required=False)
_A_NAME = "a name of 'revisor projections list'"

STATES = ("queued", "started", "succeeded", "failed", "unknown", "cancelled")
"""Of operations."""

Item = dict[str, Any]


def _limit() -> Any:
    return option("limit", "N", "At most so many, the newest.", kind=int)


@verb(
    "log",
    _OPTIONAL_DOMAIN,
    options=[
        option("host", "NAME", "What happened to a host, also to one that was removed."),
        option("schedule", "NAME", "What happened to a schedule, also to one that was removed."),
        flag("attempts", "What was refused, and to whom, instead of what happened to a domain."),
        flag("restores", "Which restores of the log were acknowledged, by whom, and what was found."),
        _limit(),
    ],
)
def log(asked: Asked, *, domain: str | None, limit: int | None, **whose: Any) -> int:
    """Show what happened to a domain, a host or a schedule and who did it, one line each;
    also to one that is no more.
    """
    if [is_given(each) for each in (domain, *whose.values())].count(True) != 1:
        raise click.UsageError("command 'log' requires one of <domain>, --host, --schedule, --attempts and --restores")
    exclusive({**whose, "limit": limit}, ("restores", "limit"))
    door = Door(asked)
    if whose["restores"]:
        return _restores(asked)
    if whose["attempts"]:
        return _attempts(asked, limit)
    if domain is not None:
        return _log(door, door.read_of(Reference.of(domain), "/log", limit=limit))
    [(what, name)] = [(what, name) for what, name in whose.items() if is_given(name)]
    not_empty(what, name, f"the name of a {what}")
    return _log(door, door.read(f"/v1/{what}s/{segment(name)}/log", limit=limit))


def _log(door: Door, reply: Reply) -> int:
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    items: list[Item] = reply.body["items"]
    who = [output.printable(item["actor"]) for item in items]
    widest = max((output.width(actor) for actor in who), default=0)
    for item, actor in zip(items, who, strict=True):
        moment = output.local_time(item["occurred_at"] or item["recorded_at"])
        padding = " " * (widest - output.width(actor))
        output.say(f"{item['position']:>6}  {moment}  {actor}{padding}  {output.printable(_what(item))}")
    return Exit.DONE


def _what(item: Item) -> str:
    """What happened, in words: the topic, where, how, and why if somebody said so."""
    words = str(item["topic"])
    if item.get("host"):
        words += f" on {item['host']}"
    if item["summary"]:
        words += f": {item['summary']}"
    if item.get("origin") == "observed":
        words += " (observed)"
    why = [text for text in (item.get("reason"), item.get("ticket")) if text]
    # What came of a decision does not repeat why it was made.
    is_decision = item.get("origin") == "requested" or item["topic"] == "operation.settled"
    return f"{words} [{', '.join(why)}]" if why and is_decision else words


def _attempts(asked: Asked, limit: int | None) -> int:
    door = Door(asked)
    reply = door.read("/v1/attempts", limit=limit)
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    output.table(
        ["Time", "Actor", "Verb", "Target", "Code", "Message"],
        [
            [
                output.local_time(item["recorded_at"]),
                item["actor"],
                item["verb"],
                item["target"],
                item["code"],
                item["message"],
            ]
            for item in reply.body["items"]
        ],
    )
    return Exit.DONE


def _restores(asked: Asked) -> int:
    door = Door(asked)
    reply = door.read("/v1/restores")
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    output.table(
        ["Position", "Time", "Actor", "Reason", "Taken in", "Changed", "Gone", "Unknown", "Why"],
        [
            [
                item["recorded_position"],
                output.local_time(item["recorded_at"]),
                item["actor"],
                item["reason"],
                *(len(item[kind]) for kind in ("adopted", "changed", "gone", "unsettled")),
                item["why"],
            ]
            for item in reply.body["items"]
        ],
    )
    return Exit.DONE


@verb(
    "operations",
    _OPTIONAL_DOMAIN,
    options=[
        option("state", "STATE[,STATE...]", f"Only those in one of these states: {', '.join(STATES)}.", several=True),
        _limit(),
    ],
)
def operations(asked: Asked, *, domain: str | None, state: tuple[str, ...], limit: int | None) -> int:
    """List operations, of one domain or of all."""
    states = _states(state)
    door = Door(asked)
    reference = None if domain is None else Reference.of(domain)
    named = {} if reference is None else {"domain": reference.name, "host": reference.host}
    reply = door.read("/v1/operations", limit=limit, state=",".join(states) or None, **named)
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    output.table(
        ["Id", "Requested", "Verb", "Domain", "Host", "State", "Actor"],
        [
            [
                item["id"],
                output.local_time(item["requested_at"]),
                _verb(item),
                item["domain"],
                item["host"],
                _state(item),
                item["actor"],
            ]
            for item in reply.body["items"]
        ],
    )
    return Exit.DONE


def _states(given: tuple[str, ...]) -> list[str]:
    states = [word for each in given for word in each.split(",")]
    for word in states:
        if word not in STATES:
            words = f"Unknown state '{word}' of operations"
            raise BadValue(words, field="state", value=word, accepted=", ".join(STATES))
    return states


def _verb(item: Item) -> str:
    """With what of its domain it is about: a snapshot or a checkpoint, or the name that the domain is to bear."""
    arguments = item.get("arguments") or {}
    names = [each["name"] for each in arguments.get("snapshots", ())]
    # Of other verbs the name is the domain's.
    if item["verb"].startswith(("snapshot-", "checkpoint-")) or item["verb"] == "domrename":
        names += [arguments["name"]] if arguments.get("name") else []
    if not names:
        return str(item["verb"])
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{item['verb']} {names[0]}{more}"


def _state(item: Item) -> str:
    """In words; a person's or a later look's say on it, and what keeps it from going on, belong to it."""
    error, settled = item.get("error"), item.get("settled")
    words = f"{item['state']} [{error['code']}]" if error else str(item["state"])
    if settled:
        return f"{words}, settled by {settled['by']}: {settled['evidence']}"
    held_up = item.get("held_up")
    return f"{words}: {held_up}" if held_up else words


@verb("list")
def projections_list(asked: Asked) -> int:
    """List the read models and how far they are."""
    door = Door(asked)
    reply = door.read("/v1/projections")
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    _projections(reply.body["items"])
    return Exit.DONE


def _projections(items: list[Item]) -> None:
    rows = [[item["name"], item["position"], _how_far(item), item.get("error") or ""] for item in items]
    output.table(["Name", "Position", "State", "Error"], rows)


def _how_far(item: Item) -> str:
    match item["state"]:
        case "behind":
            return f"behind by {item['behind']} ({item['behind_s']:.0f} s)"
        case "parked":
            return f"parked at {item['parked_at']} ({item['parked_topic'] or 'nothing is there'})"
        case state:
            return str(state)


@verb(
    "rebuild",
    Word("name", "NAME", required=False),
    options=[flag("all", "All read models, in one reading.")],
    lacking=WAITING,
)
def projections_rebuild(asked: Asked, *, name: str | None, **given: bool) -> int:
    """Rebuild a read model beside itself, or all; returns when the new ones took their places."""
    if given["all"] == (name is not None):
        raise click.UsageError("command 'rebuild' requires <name> or --all, and not both")
    if name is not None:
        not_empty("name", name, _A_NAME)
    door = Door(asked)
    path = "/v1/projections/rebuild" if name is None else f"/v1/projections/{segment(name)}/rebuild"
    reply = door.client.request("POST", path, body=door.said, wait_s=_REBUILD_S)
    if door.as_json:
        output.json_text(reply.body)
    else:
        output.message("All projections rebuilt" if name is None else f"Projection '{name}' rebuilt")
    return Exit.DONE


@verb("resume", Word("name", "NAME"), lacking=WAITING)
def projections_resume(asked: Asked, *, name: str) -> int:
    """Let a parked read model try again from the event it stopped at; prints its state afterwards."""
    door = Door(asked)
    not_empty("name", name, _A_NAME)
    reply = door.change("POST", f"/v1/projections/{segment(name)}/resume", {})
    if door.as_json:
        output.json_text(reply.body)
    else:
        _projections(reply.body["items"])
    return Exit.DONE


_REBUILD_S = 24 * 3600.0
