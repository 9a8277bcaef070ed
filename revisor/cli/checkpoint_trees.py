"""Which checkpoints ``checkpoint-list`` shows: virsh's filters (libvirt-semantics 1.8).

As with snapshots, --leaves and --no-leaves together show everything: that is how libvirt documents it, and not nothing,
which is what it does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from revisor.cli.failures import refusal
from revisor.cli.moment_trees import below, parents_first
from revisor.cli.verb import exclusive

Item = dict[str, Any]

_APART = (("roots", "from"), ("parent", "roots"), ("roots", "tree"), ("parent", "tree"), ("tree", "name"))


def refuse_together(flags: Mapping[str, Any]) -> None:
    """virsh's own refusals, which come before anything is asked, in its words. Raises UsageError."""
    exclusive(flags, *_APART)
    for one in ("leaves", "no_leaves"):
        if flags[one] and flags["tree"]:
            raise click.UsageError(f"--{one.replace('_', '-')} and --tree are mutually exclusive")
    if flags["descendants"] and flags["from"] is None:
        raise click.UsageError("--descendants requires --from")


def chosen(items: Sequence[Item], flags: Mapping[str, Any]) -> list[Item]:
    """What the filters leave, by name or parents first. Raises Refusal (103) for an unknown ``from``."""
    wanted = sorted(items, key=lambda item: (item["name"].casefold(), item["name"]))
    if flags["topological"]:
        wanted = parents_first(wanted)
    start = flags["from"]
    if start is not None:
        children = _named(items, start)["children"]
        inside = set(below(start, items) if flags["descendants"] else children)
        wanted = [item for item in wanted if item["name"] in inside]
    if flags["leaves"] != flags["no_leaves"]:
        wanted = [item for item in wanted if bool(item["children"]) is flags["no_leaves"]]
    return [item for item in wanted if not (flags["roots"] and item["parent"] is not None)]


def _named(items: Sequence[Item], name: str) -> Item:
    for item in items:
        if item["name"] == name:
            return item
    raise refusal(
        103,
        f"Domain checkpoint not found: no domain checkpoint with matching name '{name}'",
        field="checkpoint",
        value=name,
    )
