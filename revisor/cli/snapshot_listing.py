"""``snapshot-list``: which snapshots a domain has, with virsh's filters.

Each group of filters (libvirt-semantics 1.6) is none where nothing of it is given, and where all of it is. The one
difference to libvirt: --leaves and --no-leaves together show everything, as its documentation has it, and not nothing.
A snapshot whose data is gone is shown as ``missing`` wherever its state would be shown, and in a tree.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from revisor.cli import output
from revisor.cli.asking import Door, Reference
from revisor.cli.failures import Exit, refusal
from revisor.cli.moment_trees import below, parents_first
from revisor.cli.snapshot_words import NO_SNAPSHOT, is_missing, state_of
from revisor.cli.verb import DOMAIN, Asked, exclusive, flag, option, verb

Item = dict[str, Any]

_APART = (
    *(("tree", "name"), ("parent", "roots"), ("parent", "tree"), ("roots", "tree")),
    *(("roots", "from"), ("roots", "current")),
)
_STATES = {"shutoff": "inactive", "disk-snapshot": "disk_only"}
"""The filter for each state; all others are ``active``."""


@verb(
    "snapshot-list",
    DOMAIN,
    fresh=True,
    options=[
        flag("parent", "With a column for the parent."),
        flag("roots", "Only those without a parent."),
        flag("leaves", "Only those without children."),
        flag("no-leaves", "Only those with children."),
        flag("metadata", "Only those with metadata that would be in the way of undefine."),
        flag("no-metadata", "Only those of which the hypervisor keeps no metadata."),
        flag("inactive", "Only those taken while the domain was off."),
        flag("active", "Only those with the state of a guest."),
        flag("disk-only", "Only those of the disks of a running domain."),
        flag("internal", "Only those within the disks' images."),
        flag("external", "Only those in files of their own."),
        flag("tree", "As a tree."),
        option("from", "SNAPSHOT", "Only the children of this one."),
        flag("current", "Only the children of the current one."),
        flag("descendants", "With --from or --current: all below it."),
        flag("name", "Names only."),
        flag("topological", "Parents before their children, instead of by name."),
        flag("deleted", "Those whose metadata was deleted, which snapshot-undelete brings back."),
    ],
)
def snapshot_list(asked: Asked, *, domain: str, **given: Any) -> int:
    """List a domain's snapshots."""
    _refuse_together(given)
    door = Door(asked)
    reply = door.read_of(Reference.of(domain), "/snapshots", deleted=given["deleted"])
    start = _start(reply.body["items"], given)
    items = _chosen(reply.body["items"], start, given)
    if door.as_json:
        output.json_text({**reply.body, "items": items})
    elif given["tree"]:
        _tree(items, start)
    elif given["name"]:
        _names(items)
    else:
        _table(items, with_parent=given["parent"])
    return Exit.DONE


def _refuse_together(given: Mapping[str, Any]) -> None:
    """virsh's own refusals, which come before anything is asked."""
    exclusive(given, *_APART)
    for one in ("leaves", "no-leaves"):
        if given[one.replace("-", "_")] and given["tree"]:
            raise click.UsageError(f"--{one} and --tree are mutually exclusive")
    if given["from"] is not None and given["current"]:
        raise click.UsageError("--from and --current are mutually exclusive")
    if given["descendants"] and given["from"] is None and not given["current"]:
        raise click.UsageError("--descendants requires either --from or --current")


def _start(items: Sequence[Item], given: Mapping[str, Any]) -> Item | None:
    """The snapshot below which the others are. Raises Refusal (72) if it is not there."""
    if given["from"] is None and not given["current"]:
        return None
    name = given["from"]
    for item in items:
        if item["current"] if given["current"] else item["name"] == name:
            return item
    sentence = f"no domain snapshot with matching name '{name}'"
    if given["current"]:
        sentence = "the domain does not have a current snapshot"
    raise refusal(NO_SNAPSHOT, f"Domain snapshot not found: {sentence}", field="from", value=name)


def _chosen(items: Sequence[Item], start: Item | None, given: Mapping[str, Any]) -> list[Item]:
    wanted = sorted(items, key=lambda item: (item["name"].casefold(), item["name"]))
    if start is not None:
        inside = set(below(start["name"], items) if given["descendants"] else start["children"])
        wanted = [item for item in wanted if item["name"] in inside]
    if given["topological"]:
        wanted = parents_first(wanted)
    return [item for item in wanted if _passes(item, given)]


def _passes(item: Item, given: Mapping[str, Any]) -> bool:
    """Whether a snapshot is in every group of filters."""
    groups = (
        {"leaves": not item["children"], "no_leaves": bool(item["children"])},
        {"metadata": True, "no_metadata": False},
        {name: _STATES.get(item["state"], "active") == name for name in ("inactive", "active", "disk_only")},
        {"internal": item["location"] != "external", "external": item["location"] == "external"},
        {"roots": item["parent"] is None},
    )
    return all(_passes_group(group, given) for group in groups)


def _passes_group(group: Mapping[str, bool], given: Mapping[str, Any]) -> bool:
    chosen = [fits for name, fits in group.items() if given[name]]
    return not chosen or any(chosen)


def _table(items: Sequence[Item], *, with_parent: bool) -> None:
    header = ["Name", "Creation Time", "State", *(["Parent"] if with_parent else [])]
    output.table(
        header,
        [
            [
                item["name"],
                output.local_seconds(item["creation_time"]),
                state_of(item),
                *([item["parent"] or ""] if with_parent else []),
            ]
            for item in items
        ],
    )


def _tree(items: Sequence[Item], start: Item | None) -> None:
    labels = {item["name"]: f"{item['name']}{' (missing)' if is_missing(item) else ''}" for item in items}
    parents = {item["name"]: item["parent"] for item in items}
    if start is not None:
        labels[start["name"]] = start["name"]
        parents = {start["name"]: None, **parents}
    output.tree(parents, labels)


def _names(items: Sequence[Item]) -> None:
    """Names are for scripts, so what is missing is told beside them."""
    for item in items:
        output.say(output.printable(item["name"]))
    output.say()
    sys.stdout.flush()
    for item in filter(is_missing, items):
        why = f": {item['why']}" if item.get("why") else ""
        sys.stderr.write(f"note: snapshot {output.printable(item['name'])} is missing{output.printable(why)}\n")
