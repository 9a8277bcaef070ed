"""``snapshot-list``: which snapshots a domain has, with virsh's filters.

A snapshot whose data is gone is shown as ``missing`` wherever its state would be shown, and in a tree.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from revisor.cli import moment_trees, output
from revisor.cli.as_of import as_of_option, moment_asked, note_moment
from revisor.cli.asking import Door, Reference
from revisor.cli.failures import Exit, refusal
from revisor.cli.snapshot_words import NO_SNAPSHOT, held_of, is_missing, state_of
from revisor.cli.verb import DOMAIN, Asked, exclusive, flag, verb
from revisor.client import Refusal

Item = dict[str, Any]

_STATES = {"shutoff": "inactive", "disk-snapshot": "disk_only"}
"""The filter for each state; all others are ``active``."""


@verb(
    "snapshot-list",
    DOMAIN,
    fresh=True,
    options=[
        *moment_trees.list_options("SNAPSHOT", "--from or --current"),
        flag("current", "Only the children of the current one."),
        flag("metadata", "Only those with metadata that would be in the way of undefine."),
        flag("no-metadata", "Only those of which the hypervisor keeps no metadata."),
        flag("inactive", "Only those taken while the domain was off."),
        flag("active", "Only those with the state of a guest."),
        flag("disk-only", "Only those of the disks of a running domain."),
        flag("internal", "Only those within the disks' images."),
        flag("external", "Only those in files of their own."),
        flag("held", "Only those that are held, with by whom, until when and why."),
        flag("deleted", "Those whose metadata was deleted, which snapshot-undelete brings back."),
        as_of_option(),
    ],
)
def snapshot_list(asked: Asked, *, domain: str, **given: Any) -> int:
    """List a domain's snapshots."""
    _refuse_together(given)
    exclusive(given, ("deleted", "as-of"), ("deleted", "held"))
    at = moment_asked(asked, given["as_of"])
    door, name, current = Door(asked), given["from"], given["current"]
    reference = Reference.of(domain)
    reply = door.read_of(reference, "/snapshots", deleted=given["deleted"], as_of=at)
    note_moment(asked, reply, at)
    everything = reply.body["items"]
    _note_owner(reference, everything)
    start = moment_trees.start_of(everything, name, lambda: _not_there(name), current=current)
    items = moment_trees.chosen(everything, start, given, _groups)
    if door.as_json:
        output.json_text({**reply.body, "items": items})
    elif given["tree"]:
        labels = {item["name"]: f"{item['name']} (missing)" for item in items if is_missing(item)}
        moment_trees.print_tree(items, start, labels)
    elif given["name"]:
        moment_trees.print_names(items)
        _note_missing(items)
    else:
        holds = {"Held": held_of} if given["held"] else {}
        moment_trees.print_table(items, with_parent=given["parent"], State=state_of, **holds)
    return Exit.DONE


def _refuse_together(given: Mapping[str, Any]) -> None:
    moment_trees.refuse_together(given)
    if given["from"] is not None and given["current"]:
        raise click.UsageError("--from and --current are mutually exclusive")
    if given["descendants"] and given["from"] is None and not given["current"]:
        raise click.UsageError("--descendants requires either --from or --current")


def _not_there(name: str | None) -> Refusal:
    sentence = f"no domain snapshot with matching name '{name}'"
    if name is None:
        sentence = "the domain does not have a current snapshot"
    return refusal(NO_SNAPSHOT, f"Domain snapshot not found: {sentence}", field="from", value=name)


def _groups(item: Item) -> moment_trees.Groups:
    return (
        {"metadata": True, "no_metadata": False},
        {name: _STATES.get(item["state"], "active") == name for name in ("inactive", "active", "disk_only")},
        {"held": bool(item.get("held"))},
        {"internal": item["location"] != "external", "external": item["location"] == "external"},
    )


def _note_owner(reference: Reference, items: Sequence[Item]) -> None:
    """Say so when what is asked for on a host is another host's:
    the hypervisor there shows what ``replay`` made of it.
    """
    owner = items[0].get("host") if items else None
    if None not in (owner, reference.host) and owner != reference.host:
        where = f"on host '{reference.host}' '{reference.name}' is a replica: these are its owner's, on host '{owner}'"
        sys.stderr.write(f"note: {output.printable(where)}\n")


def _note_missing(items: Sequence[Item]) -> None:
    sys.stdout.flush()
    for item in filter(is_missing, items):
        why = f": {item['why']}" if item.get("why") else ""
        sys.stderr.write(f"note: snapshot {output.printable(item['name'])} is missing{output.printable(why)}\n")
