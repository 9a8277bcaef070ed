"""Reading the log back: the same events, what is done about damaged ones, and the evidence beside each."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from domain_model.attempts import Attempt
from domain_model.host import Host
from projections.ports import UnreadableEvent
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.errors import StreamConflict
from revisor.store.log import EventLog
from revisor.store.mapper import UnknownEvent, decode, topics
from revisor.store.reading import LogReader
from revisor.store.recorder import LogRecorder, Save
from tests.contract.store.streams import NOW, a_host, stored
from tests.lab.store import Recording
from tests.unit.test_projection_histories import every_topic, random_events

ENVELOPE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "envelope.md"
ALICE = Context("uid:1000(alice)", reason="because", correlation=uuid4())


# Aggregates and reading.


def test_an_aggregate_comes_back_as_it_was_saved(log: EventLog) -> None:
    host = a_host()
    host.lead(worker=str(uuid4()), epoch=3, at=NOW)
    assert log.append(host, save=Save(ALICE)) == 2
    again = log.load(Host, host.id)
    assert again is not None
    assert (again.name, again.uri, again.epoch, again.version) == ("alpha", "simulator:///a", 3, 2)
    assert log.append(again, save=Save(ALICE)) == 0
    assert log.load(Host, uuid4()) is None


def test_of_two_who_decided_on_the_same_state_one_decides_again(log: EventLog) -> None:
    host = a_host()
    log.append(host, save=Save(ALICE))
    ours, theirs = log.load(Host, host.id), log.load(Host, host.id)
    assert ours is not None
    assert theirs is not None
    theirs.set_uri("simulator:///theirs", NOW)
    log.append(theirs, save=Save(ALICE))
    ours.set_uri("simulator:///ours", NOW)
    other = a_host("other")
    with pytest.raises(StreamConflict):
        log.append(other, ours, save=Save(ALICE))
    assert log.load(Host, other.id) is None, "what is saved together is saved or not saved together"


def test_every_topic_is_read_as_it_was_written(database: Database, recording: Recording) -> None:
    history = every_topic()
    assert {event.TOPIC for event in history} == set(topics())
    recording.append(history)
    read = LogReader(database).read(0, len(history) + 1)
    assert [vars(event.event) for event in read] == [vars(event) for event in history]
    assert [type(event.event) for event in read] == [type(event) for event in history]
    assert [event.occurred_at for event in read] == [event.timestamp for event in history]
    assert {(event.actor, event.reason, event.ticket) for event in read} == {("uid:1000(alice)", "because", "T-1")}


def test_a_reader_gets_what_it_asks_for(database: Database, recording: Recording) -> None:
    events = random_events(1, 60)
    recording.append(events)
    reader = LogReader(database)
    assert [event.position for event in reader.read(17, 5)] == [18, 19, 20, 21, 22]
    assert reader.read(60, 5) == []
    stream = events[0].originator_id
    mine = [event for event in events if event.originator_id == stream]
    assert [event.version for event in reader.stream(stream)] == list(range(1, len(mine) + 1))


def test_the_newest_attempts_come_oldest_first(database: Database, log: EventLog) -> None:
    for number in range(5):
        attempt = Attempt.refused(
            uuid4(), verb="start", target=f"vm{number}", code=55, message="no", suppressed=0, at=NOW
        )
        log.append(attempt, save=Save(ALICE))
    found = LogReader(database).about_people("attempt.refused", 2)
    assert [event.event.target for event in found] == ["vm3", "vm4"]
    assert LogReader(database).about_people("access.granted", 2) == []
    assert LogReader(database).about_people("host.added", 2) == []


def damaged(topic: str, state: bytes) -> Callable[[UUID], StoredEvent]:
    return lambda stream: StoredEvent(stream, 1, topic, state)


@pytest.mark.parametrize(
    "written",
    [
        damaged("domain.teleported", b"{}"),
        damaged("host.removed", b"not json"),
        damaged("host.removed", b"[]"),
        damaged("host.removed", b"{}"),
        damaged("host.removed", b'{"class_version":2,"timestamp":"2026-01-02T03:04:05+00:00"}'),
    ],
    ids=["unknown topic", "not JSON", "not an object", "no timestamp", "newer version"],
)
def test_an_event_that_cannot_be_read_ends_the_answer_and_is_then_refused(
    database: Database, recorder: LogRecorder, written: Callable[[UUID], StoredEvent]
) -> None:
    recorder.insert_events([stored(uuid4()), stored(uuid4()), written(uuid4()), stored(uuid4())], save=Save(ALICE))
    reader = LogReader(database)
    assert [event.position for event in reader.read(0, 10)] == [1, 2]
    with pytest.raises(UnreadableEvent) as refusal:
        reader.read(2, 10)
    assert refusal.value.position == 3
    assert [event.position for event in reader.read(3, 10)] == [4]


def test_no_topic_names_a_module_and_unknown_ones_are_refused() -> None:
    assert not [topic for topic in topics() if ":" in topic]
    with pytest.raises(UnknownEvent, match=r"os\.system"):
        decode("os.system", uuid4(), 1, b"{}")


# Evidence.


def test_the_envelopes_test_vectors_are_computed_alike_here_and_in_postgresql(database: Database) -> None:
    vectors = json.loads(_block("json"))
    assert len(vectors) == 3
    for vector in vectors:
        moment = datetime.fromisoformat(vector["recorded_at"])
        assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == vector["recorded_at_us"]
        context = [vector[key] for key in _CONTEXT]
        salt, state = bytes.fromhex(vector["salt"]), bytes.fromhex(vector["state"])
        head = [vector[key] for key in ("log", "position", "stream", "version", "topic")]
        assert leaf(*head, vector["recorded_at_us"], context, salt, state).hex() == vector["leaf"], vector["says"]
        fields = " || ".join("log.field(%s::text)" for _ in _CONTEXT)
        row = database.fetch_one(
            f"SELECT log.leaf(%s::uuid, %s, %s::uuid, %s, %s, %s::timestamptz, {fields}, %s, %s) AS leaf",
            *(*head, vector["recorded_at"], *context, salt, state),
        )
        assert row is not None
        assert bytes(row["leaf"]).hex() == vector["leaf"], vector["says"]


def test_a_moment_means_the_last_position_recorded_then_or_before(database: Database, recording: Recording) -> None:
    reader = LogReader(database)
    assert reader.position_at(datetime.now(UTC)) == 0
    recording.append(every_topic(), together=3)
    times = {row["position"]: row["recorded_at"] for row in database.fetch(_TIMES)}
    moments = sorted(set(times.values()))
    assert len(moments) > 20, "saves one after the other have times of their own"
    for moment in moments:
        for asked in (moment, moment - timedelta(microseconds=1), moment + timedelta(microseconds=1)):
            expected = max((position for position, at in times.items() if at <= asked), default=0)
            assert reader.position_at(asked) == expected


_TIMES = "SELECT notification_id AS position, recorded_at FROM log.events"


def test_an_event_is_known_by_its_position(database: Database, recording: Recording) -> None:
    reader = LogReader(database)
    recording.append(every_topic())
    (event,) = reader.read(4, 1)
    assert (reader.topic(5), reader.recorded_at(5)) == (event.topic, event.recorded_at)
    assert reader.topic(0) is None
    with pytest.raises(LookupError, match="position 0"):
        reader.recorded_at(0)


def test_every_leaf_in_the_log_can_be_computed_from_what_stands_beside_it(
    database: Database, recording: Recording
) -> None:
    recording.append(every_topic())
    for said in (Context("me"), Context("uid:7(björn)", reason="für später", causation=uuid4())):
        recording.context = said
        recording.append([a_host().pending_events[0]])
    rows = database.fetch(
        "SELECT *, (SELECT log FROM log.head) AS log FROM log.events JOIN log.appends USING (append_id)"
    )
    for row in rows:
        recorded_at_us = (row["recorded_at"] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        head = (row["log"], row["notification_id"], row["originator_id"], row["originator_version"], row["topic"])
        context = [row[key] for key in _CONTEXT]
        assert leaf(*head, recorded_at_us, context, row["salt"], row["state"]) == row["leaf"]
    assert len({bytes(row["salt"]) for row in rows}) == len(rows)


_CONTEXT = ("actor", "reason", "ticket", "request_id", "correlation", "causation")


def _block(language: str) -> str:
    """The block of that language in the page about the envelope."""
    return ENVELOPE.read_text(encoding="utf-8").split(f"```{language}\n")[1].split("```")[0]


def leaf(*fields: Any) -> bytes:
    """A leaf as the page tells people to compute it."""
    told: dict[str, Any] = {}
    exec(_block("python"), told)  # noqa: S102 - our own page, and what it tells people must work
    return bytes(told["leaf"](*fields))
