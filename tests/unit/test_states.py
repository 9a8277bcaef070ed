"""The state of an aggregate, written and read again: the same to the last field, after any history."""

import json
from enum import Enum
from typing import Any

import pytest

from domain_model.domain import Domain
from domain_model.libvirt import DomainState
from domain_model.placements import Placement, Role
from revisor.store import states
from tests.unit.test_projection_histories import every_topic, random_events


def folded(events: list[Any]) -> list[Any]:
    aggregates: dict[Any, Any] = {}
    for event in events:
        aggregates[event.originator_id] = event.mutate(aggregates.get(event.originator_id))
    return list(aggregates.values())


def fields_of(aggregate: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(aggregate).items() if not name.startswith("_")}


def same(one: Any, other: Any) -> bool:
    """Equal to the last private field; what a class calls equal may be less."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Enum):
        return one is other
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    names = [*getattr(one, "__dataclass_fields__", ()), *getattr(one, "__dict__", ())]
    return all(same(getattr(one, name), getattr(other, name)) for name in names) if names else bool(one == other)


@pytest.mark.parametrize("events", [every_topic(), *(random_events(seed, 400) for seed in range(8))])
def test_a_state_is_read_as_it_was_written(events: list[Any]) -> None:
    for aggregate in folded(events):
        before = fields_of(aggregate)
        again = states.read(states.written(before))
        assert same(again, before)


def test_what_is_read_goes_on_as_the_original_would() -> None:
    events = random_events(2026, 600)
    half = {aggregate.id: aggregate for aggregate in folded(events[:300]) if isinstance(aggregate, Domain)}
    for aggregate in half.values():
        vars(aggregate).update(states.read(states.written(fields_of(aggregate))))
    for event in events[300:]:
        half[event.originator_id] = event.mutate(half.get(event.originator_id))
    assert [
        same(fields_of(ours), fields_of(theirs)) for ours, theirs in zip(half.values(), folded(events), strict=True)
    ]


def test_values_of_the_model_come_back_in_their_classes() -> None:
    placement = Placement("host", "name", Role.REPLICA, state=DomainState.PAUSED)
    [again] = states.read(states.written({"placements": [placement]}))["placements"]
    assert again == placement
    assert again.role is Role.REPLICA
    assert again.state is DomainState.PAUSED


def test_a_dictionary_that_looks_like_one_of_ours_stays_a_dictionary() -> None:
    tricky = {"arguments": {"=": "Role", "of": "owner"}}
    assert states.read(states.written(tricky)) == tricky


def test_a_value_of_another_class_is_refused_loudly() -> None:
    with pytest.raises(TypeError, match="holds a set"):
        states.written({"new": {1}})


def test_no_other_class_is_ever_made() -> None:
    with pytest.raises(KeyError):
        states.read(json.dumps({"x": {"=": "Popen", "of": ["true"]}}).encode())
