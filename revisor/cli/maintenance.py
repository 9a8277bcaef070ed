"""The verbs for one host: what it is, and what people set of it."""

from collections.abc import Iterator
from typing import Any

import click

from revisor.cli import output
from revisor.cli.asking import Door
from revisor.cli.failures import Exit
from revisor.cli.hosts import NAME, disabled_of, said
from revisor.cli.verb import Asked, BadValue, Word, not_empty, verb
from revisor.client import segment

OPERATIONS = Word("operations", "N")
ADOPT = Word("adopt", "all|none")
_ADOPTS = {"all": "adopts what nobody recorded", "none": "adopts nothing by itself"}


@verb("info", NAME)
def host_info(asked: Asked, *, name: str) -> int:
    """Show what a host is."""
    door = Door(asked)
    reply = door.read(f"/v1/hosts/{segment(name)}")
    if door.as_json:
        output.json_text(reply.body)
    else:
        output.pairs(_told(reply.body["items"][0]))
    return Exit.DONE


def _told(item: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "Name", item["name"]
    yield "URI", item["uri"]
    yield "State", item.get("state")
    if item.get("problem") is not None:
        yield "Problem", item["problem"]
    yield "Hostname", item.get("hostname")
    yield "Driver", item.get("driver")
    yield "Operations", f"at most {item.get('operations')} at once"
    if item.get("adopt") is not None:
        yield "Adopts", item["adopt"]
    if item.get("disabled") is not None:
        yield "Disabled", disabled_of(item["disabled"])


@verb("disable", NAME)
def host_disable(asked: Asked, *, name: str) -> int:
    """Begin nothing new on a host, which demands a --reason.
    What was started comes to its end, what is queued waits.
    """
    if asked.reason is None:
        raise click.UsageError("command 'disable' requires --reason option")
    not_empty("reason", asked.reason.strip(), "why nothing is to be begun there, for who is refused because of it")
    door = Door(asked)
    reply = door.change("POST", f"/v1/hosts/{segment(name)}/disable", {})
    before = reply.body["items"][0].get("disabled_before")
    earlier = f"; it was already, {disabled_of(before)}" if before is not None else ""
    return said(door, reply.body, f"Host '{name}' disabled{earlier}")


@verb("enable", NAME)
def host_enable(asked: Asked, *, name: str) -> int:
    """Let a disabled host go on, first with what waits."""
    door = Door(asked)
    reply = door.change("POST", f"/v1/hosts/{segment(name)}/enable", {})
    return said(door, reply.body, f"Host '{name}' enabled")


@verb("set-limit", NAME, OPERATIONS)
def host_set_limit(asked: Asked, *, name: str, operations: str) -> int:
    """Have a host carry out N operations at once; control verbs such as destroy have places of their own besides."""
    if not operations.isdecimal():
        from domain_model.host import MOST_OPERATIONS  # only who mistypes needs it, and start-up is measured

        words, accepted = f"'{operations}' is no number of operations at once", f"1 to {MOST_OPERATIONS}"
        raise BadValue(words, field="operations", value=operations, accepted=accepted)
    door = Door(asked)
    reply = door.change("POST", f"/v1/hosts/{segment(name)}/limit", {"operations": int(operations)})
    return said(door, reply.body, f"Host '{name}' carries out {int(operations)} operations at once")


@verb("set-adopt", NAME, ADOPT)
def host_set_adopt(asked: Asked, *, name: str, adopt: str) -> int:
    """Have domains on a host that nobody recorded taken in as they are found (all), or only told of in drift (none)."""
    door = Door(asked)
    reply = door.change("POST", f"/v1/hosts/{segment(name)}/adoption", {"adopt": adopt})
    return said(door, reply.body, f"Host '{name}' {_ADOPTS[adopt]}")
