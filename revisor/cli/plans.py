"""``--plan``: what a verb would touch, printed instead of done."""

from collections.abc import Mapping
from typing import Any

import click

from revisor.cli import output
from revisor.cli.asking import Door, Reference, act_of
from revisor.cli.failures import Exit
from revisor.cli.verb import Asked, flag


def plan_flag() -> click.Option:
    return flag("plan", "Say what it would touch, and do nothing.")


def plan(asked: Asked, domain: str, verb: str, arguments: Mapping[str, Any]) -> int:
    """Print the blast radius of a verb; returns the exit code. Refused as the verb itself would be."""
    door, reference = Door(asked), Reference.of(domain)
    query = {"host": reference.host}
    reply = door.client.request("POST", f"{reference.path}/plan", query, {**act_of(verb, arguments), **door.said})
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    (item,) = reply.body["items"]
    rows = [
        *(["snapshot", fate["name"], fate["fate"]] for fate in item["snapshots"]),
        *(["file", fate["name"], fate["fate"]] for fate in item["files"]),
        *(["memory", "-", sentence] for sentence in item["memory"]),
        *(["unknown", "-", sentence] for sentence in item["unknown"]),
    ]
    output.table(["What", "Name", "What happens"], rows)
    output.say(f"Reversible: {'yes' if item['reversible'] else 'no'}: {item['way_back']}")
    return Exit.DONE
