"""How things look to the outside: what is told of snapshots that are there, that are missing, and that were deleted."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from revisor import presentation
from revisor.rows import SnapshotRow
from tests.unit.test_snapshot_forest import forest, record
from tests.unit.test_undeletion import delete

CHAIN = (record("a"), record("b", "a"), record("c", "b"), record("d", "c"))

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def row(name: str, parent: str | None = None, **given: Any) -> SnapshotRow:
    fields: dict[str, Any] = {
        "id": f"id-{name}",
        "domain": uuid4(),
        "name": name,
        "parent": None if parent is None else f"id-{parent}",
        "parent_name": parent,
        "children": 0,
        "state": "running",
        "creation_time": 5,
        "description": None,
        "location": "internal",
        "header": "0" * 64,
        "domain_document": None,
        "inactive_document": None,
        "presence": "present",
        "why": None,
        "current": False,
        "held_by": None,
        "held_until": None,
        "held_reason": None,
        "held_ticket": None,
        "position": 7,
    }
    return SnapshotRow(**{**fields, **given})


def test_a_snapshot_is_told_with_its_children_and_whether_it_is_there() -> None:
    shown = presentation.snapshots(
        [row("a"), row("c", "a", presence="missing", why="gone"), row("b", "a", presence="unverified")], "alpha", NOON
    )
    assert {item["host"] for item in shown} == {"alpha"}
    assert [(item["name"], item["parent"], item["children"]) for item in shown] == [
        ("a", None, ["b", "c"]),
        ("c", "a", []),
        ("b", "a", []),
    ]
    assert [(item["presence"], item["why"]) for item in shown] == [
        ("present", None),
        ("missing", "gone"),
        ("unverified", None),
    ]


@pytest.mark.parametrize(("until", "held"), [(None, True), (NOON + timedelta(seconds=1), True), (NOON, False)])
def test_a_snapshot_is_told_as_held_while_its_hold_lasts(until: datetime | None, held: bool) -> None:  # noqa: FBT001
    [shown] = presentation.snapshots([row("a", held_by="alice", held_until=until, held_reason="audit")], "alpha", NOON)
    told = presentation.time(until) if held else None
    assert (shown["held"], shown["held_by"], shown["held_until"]) == (held, "alice" if held else None, told)
    assert (shown["held_reason"], shown["held_ticket"]) == ("audit" if held else None, None)


@pytest.mark.parametrize("deleted", [("b", "c"), ("c", "b")])
def test_what_was_deleted_is_told_with_the_place_it_would_come_back_to(deleted: tuple[str, ...]) -> None:
    tree = forest(*CHAIN, current="c")
    delete(tree, *deleted)
    shown = {item["name"]: item for item in presentation.deleted_snapshots(tree)}
    assert list(shown) == list(deleted)
    assert [(item["parent"], item["children"], item["current"]) for item in (shown["b"], shown["c"])] == [
        ("a", ["c"], False),
        ("b", ["d"], True),
    ]
    assert {(item["presence"], item["lost"]) for item in shown.values()} == {("unverified", False)}


def test_a_forest_that_was_lost_is_told_as_lost() -> None:
    tree = forest(*CHAIN)
    tree.lose()
    assert [(item["name"], item["lost"]) for item in presentation.deleted_snapshots(tree)] == [
        ("a", True),
        ("b", True),
        ("c", True),
        ("d", True),
    ]
