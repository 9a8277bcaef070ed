"""Events of old shapes, as they are read today."""

import json
from typing import Any
from uuid import uuid4

import pytest

from revisor.store.mapper import EventMapper, UnknownEvent, class_version, decode, topics
from revisor.store.upcasting import LIFTS
from tests.unit.test_projection_histories import every_topic

MOMENT = "2026-01-02T03:04:05+00:00"


def read(topic: str, **state: Any) -> Any:
    return decode(topic, uuid4(), 1, json.dumps({"timestamp": MOMENT, **state}).encode())


def test_a_request_of_the_first_logs_names_no_flags_and_means_none() -> None:
    assert read("operation.requested", arguments={"name": "a"}).arguments == {"flags": 0, "name": "a"}
    assert read("operation.requested", arguments={"flags": 4}).arguments == {"flags": 4}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"metadata_only": True, "origin": "operation"}, True),
        ({"metadata_only": False, "origin": "operation"}, False),
        ({"metadata_only": False, "origin": "observed"}, True),
        ({"metadata_only": False, "origin": "operation", "data_kept": True}, True),
        ({"metadata_only": True, "origin": "observed", "data_kept": False}, False),
        ({"metadata_only": False, "origin": "operation", "data_kept": None}, False),
    ],
)
def test_a_deletion_that_did_not_say_kept_the_data_if_only_metadata_was_to_go(
    said: dict[str, Any], *, kept: bool
) -> None:
    assert read("snapshot.deleted", **said).data_kept is kept


def test_a_redefinition_that_did_not_say_what_it_replaced_says_so_of_nothing() -> None:
    assert read("snapshot.redefined").replaced is None


def test_a_time_that_was_skipped_of_before_says_not_what_passed_with_it() -> None:
    skipped = read("schedule.skipped", planned=MOMENT)
    assert (skipped.first, skipped.count) == (None, None)


def test_a_hold_of_before_does_not_say_why() -> None:
    held = read("snapshot.held", snapshot="s", name="a", by="alice", until=None)
    assert (held.reason, held.ticket) == (None, None)


def test_every_event_is_written_in_its_present_version_and_read_as_it_was() -> None:
    mapper = EventMapper()
    for event in every_topic():
        written = mapper.to_stored_event(event)
        assert json.loads(written.state).get("class_version", 1) == class_version(type(event))
        assert vars(mapper.to_domain_event(written)) == vars(event)


def test_every_old_version_has_a_lift_to_the_next() -> None:
    lifted = {topic: len(steps) + 1 for topic, steps in LIFTS.items()}
    assert lifted == {topic: class_version(cls) for topic, cls in topics().items() if class_version(cls) > 1}


def test_an_event_newer_than_this_release_is_refused() -> None:
    with pytest.raises(UnknownEvent, match=r"snapshot\.deleted is of version 3, newer than 2"):
        read("snapshot.deleted", class_version=3, metadata_only=True, origin="observed")
    with pytest.raises(UnknownEvent, match=r"host\.removed is of version 2, newer than 1"):
        read("host.removed", class_version=2)
