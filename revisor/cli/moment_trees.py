"""Trees of snapshots or checkpoints: which ones are below another, and parents before their children."""

from collections.abc import Sequence
from typing import Any

Item = dict[str, Any]


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
