"""Temporal tables: what rows were at any position is what a fold of the events up to there would have said."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_model.domain import Domain
from projections.catalogue import all_projections
from projections.folding import apply, concerning
from projections.hosts import HOSTS, Hosts
from projections.projection import Key, Projection, Row, Rows, Table
from projections.snapshots import SNAPSHOTS, Snapshots
from tests.unit.test_projection_histories import History, every_topic, hosts, named, random_events, recorded, snapshot
from tests.unit.test_projections import Store, folded, rebuilt

TEMPORAL = [projection for projection in all_projections() if any(table.temporal for table in projection.tables)]
Fleet = dict[Key, Row]


def said(table: Table, rows: Iterable[Row]) -> Fleet:
    """What rows say, without since when."""
    return {table.key_of(row): {column: row[column] for column in table.columns} for row in rows}


def at(store: Store, table: Table, position: int) -> Fleet:
    """The rows of a position, by the ranges of their versions."""
    assert table.past is not None
    now = (row for row in store.rows(table) if row["valid_from"] <= position)
    then = (row for row in store.rows(table.past) if row["valid_from"] <= position < row["valid_to"])
    rows = [*now, *then]
    found = said(table, rows)
    assert len(found) == len(rows), f"two versions of a row at position {position}"
    return found


def in_batches(projection: Projection, events: Sequence[Any], sizes: Iterator[int]) -> Store:
    store, log, start = Store(projection), recorded(events), 0
    while start < len(log):
        size = next(sizes)
        store.take(log[start : start + size])
        start += size
    return store


@pytest.mark.parametrize("projection", TEMPORAL, ids=lambda projection: projection.name)
@given(data=st.data(), seed=st.integers(0, 10_000), count=st.integers(1, 80))
def test_as_of_any_position_equals_a_fold_of_the_events_up_to_it(
    projection: Projection, data: st.DataObject, seed: int, count: int
) -> None:
    history = History()
    hosts(history)
    events = [*history.events, *random_events(seed, count)]
    sizes = data.draw(st.lists(st.integers(1, 20), min_size=1))
    store = in_batches(projection, events, cycle(sizes))
    assert_agreement(projection, store, events)


@pytest.mark.parametrize("projection", TEMPORAL, ids=lambda projection: projection.name)
@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_as_of_any_position_of_a_history_with_everything_in_it(projection: Projection, batch: int) -> None:
    events = every_topic()
    assert_agreement(projection, folded(projection, events, batch), events)
    ended = [row for table in projection.tables if table.past for row in folded(projection, events).rows(table.past)]
    assert ended, "nothing ever changed"


def assert_agreement(projection: Projection, store: Store, events: Sequence[Any]) -> None:
    rows = Rows(everything=True)
    for event in recorded(events):
        if concerning(projection, [event]):
            apply(projection, rows, event)
        for table in projection.tables:
            assert at(store, table, event.position) == said(table, rows.all(table)), f"{table.name} {event.position}"
    for table in projection.tables:
        assert said(table, store.rows(table)) == said(table, rows.all(table))


@pytest.mark.parametrize("projection", TEMPORAL, ids=lambda projection: projection.name)
@given(seed=st.integers(0, 10_000), batch=st.integers(2, 100))
def test_batches_do_not_show_in_the_versions(projection: Projection, seed: int, batch: int) -> None:
    events = random_events(seed, 60)
    one, many = folded(projection, events, 1), folded(projection, events, batch)
    anew = rebuilt(projection, events)
    for table in projection.tables:
        assert table.past is not None
        for each in (table, table.past):
            assert by_key(each, one.rows(each)) == by_key(each, many.rows(each))
        assert by_key(table, anew.all(table)) == by_key(table, one.rows(table))
        assert by_key(table.past, anew.ended(table)) == by_key(table.past, one.rows(table.past))


def by_key(table: Table, rows: Iterable[Row]) -> Fleet:
    return {table.key_of(row): row for row in rows}


@given(st.integers(0, 10_000))
def test_the_span_of_a_version_says_how_far_behind_a_position_it_holds_at_it_may_end(seed: int) -> None:
    store = folded(Snapshots(), random_events(seed, 100))
    assert SNAPSHOTS.past is not None
    for row in store.rows(SNAPSHOTS.past):
        assert 2 ** (row["span"] - 1) <= row["valid_to"] - row["valid_from"] < 2 ** row["span"]


def test_what_one_event_did_to_a_row_is_one_version() -> None:
    rows, key = Rows(everything=True), ("a",)
    table = Table("words", {"word": "text", "meaning": "text"}, ("word",), temporal=True)
    rows.at(3)
    rows.put(table, {"word": "a", "meaning": "draft"})
    rows.put(table, {"word": "a", "meaning": "first"})
    rows.at(5)
    rows.delete(table, key)
    rows.put(table, {"word": "a", "meaning": "second"})
    rows.put(table, {"word": "passing", "meaning": ""})
    rows.delete(table, ("passing",))
    rows.at(9)
    rows.delete(table, key)
    rows.delete(table, key)
    assert list(rows.all(table)) == []
    versions = [(row["meaning"], row["valid_from"], row["valid_to"], row["span"]) for row in rows.ended(table)]
    assert versions == [("first", 3, 5, 2), ("second", 5, 9, 3)]
    assert rows.ended(table) == [], "they are told once"


def test_a_host_that_was_removed_was_there_before() -> None:
    history = History()
    hosts(history)
    store = folded(Hosts(), history.events)
    removed = 1 + [event.TOPIC for event in history.events].index("host.removed")
    gamma = (named("gamma"),)
    assert at(store, HOSTS, removed - 1)[gamma]["removed_at"] is None
    assert at(store, HOSTS, removed)[gamma]["removed_at"] is not None
    assert at(store, HOSTS, 0) == {}


def test_a_tree_is_whole_until_the_domain_ends() -> None:
    history = History()
    domain = history.domain("vm")
    history.fact(domain, Domain.Defined, name="vm", definition="0" * 64)
    for name, parent in (("s1", None), ("s2", "s1")):
        history.fact(domain, Domain.SnapshotCreated, **snapshot(name, parent))
    whole = len(history.events)
    history.fact(domain, Domain.Undefined)
    store = folded(Snapshots(), history.events)
    assert store.rows(SNAPSHOTS) == []
    parents = {row["name"]: row["parent"] for row in at(store, SNAPSHOTS, whole).values()}
    assert parents == {"s1": None, "s2": named("s1")}
