"""Trees of snapshots or checkpoints, and what virsh's lists of both have in common (libvirt-semantics 1.6 and 1.8).

Each group of filters is none where nothing of it is given, and where all of it is. The one difference to libvirt:
--leaves and --no-leaves together show everything, as its documentation has it, and not nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from revisor.cli import output
from revisor.cli.verb import exclusive, flag, option
from revisor.client import Refusal

Item = dict[str, Any]
Column = Callable[[Item], str]
Groups = Sequence[Mapping[str, bool]]
"""Groups of filters, by option, with whether an item passes them."""

_APART = (
    *(("tree", "name"), ("parent", "roots"), ("parent", "tree"), ("roots", "tree")),
    *(("roots", "from"), ("roots", "current")),
)


def list_options(metavar: str, starts: str) -> list[click.Option]:
    """The options of both lists. ``starts`` is with which of them --descendants goes."""
    return [
        flag("parent", "With a column for the parent."),
        flag("roots", "Only those without a parent."),
        flag("leaves", "Only those without children."),
        flag("no-leaves", "Only those with children."),
        flag("tree", "As a tree."),
        option("from", metavar, "Only the children of this one."),
        flag("descendants", f"With {starts}: all below it."),
        flag("name", "Names only."),
        flag("topological", "Parents before their children, instead of by name."),
    ]


def refuse_together(given: Mapping[str, Any]) -> None:
    """virsh's own refusals, which come before anything is asked, in its words. Raises UsageError."""
    exclusive(given, *(pair for pair in _APART if given.keys() >= set(pair)))
    for one in ("leaves", "no-leaves"):
        if given[one.replace("-", "_")] and given["tree"]:
            raise click.UsageError(f"--{one} and --tree are mutually exclusive")


def start_of(
    items: Sequence[Item], name: str | None, missing: Callable[[], Refusal], *, current: bool = False
) -> Item | None:
    """The one below which the others are, if one is asked for. Raises what ``missing`` makes if it is not there."""
    if name is None and not current:
        return None
    for item in items:
        if item["current"] if current else item["name"] == name:
            return item
    raise missing()


def chosen(
    items: Sequence[Item], start: Item | None, given: Mapping[str, Any], more: Callable[[Item], Groups] = lambda _: ()
) -> list[Item]:
    """What is below the start and passes the filters, by name or parents first."""
    wanted = sorted(items, key=lambda item: (item["name"].casefold(), item["name"]))
    if start is not None:
        inside = set(below(start["name"], items) if given["descendants"] else start["children"])
        wanted = [item for item in wanted if item["name"] in inside]
    if given["topological"]:
        wanted = parents_first(wanted)
    return [item for item in wanted if all(_passes(group, given) for group in (*_groups(item), *more(item)))]


def _groups(item: Item) -> Groups:
    return (
        {"leaves": not item["children"], "no_leaves": bool(item["children"])},
        {"roots": item["parent"] is None},
    )


def _passes(group: Mapping[str, bool], given: Mapping[str, Any]) -> bool:
    asked_for = [fits for name, fits in group.items() if given[name]]
    return not asked_for or any(asked_for)


def print_tree(items: Sequence[Item], start: Item | None, labels: Mapping[str, str] | None = None) -> None:
    root = {} if start is None else {start["name"]: None}
    output.tree({**root, **{item["name"]: item["parent"] for item in items}}, labels)


def print_names(items: Sequence[Item]) -> None:
    for item in items:
        output.say(output.printable(item["name"]))
    output.say()


def print_table(items: Sequence[Item], *, with_parent: bool, **more: Column) -> None:
    """virsh's table, with ``more`` columns before the one for the parent."""
    columns: dict[str, Column] = {
        "Name": lambda item: str(item["name"]),
        "Creation Time": lambda item: output.local_seconds(item["creation_time"]),
        **more,
        **({"Parent": lambda item: item["parent"] or ""} if with_parent else {}),
    }
    output.table(list(columns), [[cell(item) for cell in columns.values()] for item in items])


def below(name: str, items: Sequence[Item]) -> list[str]:
    """The names of all below one, the nearest first."""
    children = {item["name"]: item["children"] for item in items}
    found = list(children.get(name, []))
    for child in found:  # grows while it is walked
        found += children.get(child, [])
    return found


def parents_first(items: Sequence[Item]) -> list[Item]:
    """The items, each after its parent if that is among them; otherwise in the order given."""
    names = {item["name"] for item in items}
    children: dict[str | None, list[Item]] = {}
    for item in items:
        children.setdefault(item["parent"] if item["parent"] in names else None, []).append(item)
    ordered = list(children.get(None, []))
    for item in ordered:  # as above
        ordered += children.get(item["name"], [])
    return ordered
