"""Loading aggregates from a real log: as they are, as they were, and from aggregate snapshots without a difference."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from domain_model.domain import Domain
from revisor.store import states
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.log import EventLog
from revisor.store.mapper import UnknownEvent, UnreadableEvents
from revisor.store.reading import LogReader
from revisor.store.recorder import LogRecorder, Save
from revisor.store.repository import BrokenStream, Repository
from tests.lab.store import Recording
from tests.unit.test_projection_histories import named, random_events
from tests.unit.test_states import fields_of, folded, same
from workers.snapshotter import AggregateSnapshotter

SEED = 2026


@pytest.fixture
def repository(database: Database) -> Repository:
    return Repository(database)


@pytest.fixture
def events(recording: Recording) -> list[Any]:
    history = random_events(SEED, 500)
    recording.append(history)
    return history


def domains(events: list[Any]) -> list[Domain]:
    return folded(events)


def alike(one: Any, other: Any) -> bool:
    times = ("id", "version", "created_on", "modified_on", "pending_events")
    return same(fields_of(one), fields_of(other)) and all(getattr(one, n) == getattr(other, n) for n in times)


def snapshots(database: Database) -> dict[UUID, int]:
    return {row["stream"]: row["version"] for row in database.fetch("SELECT * FROM work.aggregate_snapshots")}


def test_aggregates_are_what_their_events_came_to(repository: Repository, events: list[Any]) -> None:
    for domain in domains(events):
        assert alike(repository.get(domain.id), domain)
    assert repository.get(uuid4()) is None


@pytest.mark.parametrize("kept", [False, True])
def test_an_aggregate_as_of_a_version_is_what_it_was_then(
    repository: Repository, events: list[Any], *, kept: bool
) -> None:
    stream = named(f"domain 0 of {SEED}")
    if kept:
        repository.keep(stream)
    mine = [event for event in events if event.originator_id == stream]
    for version in (1, 2, len(mine) // 2, len(mine), len(mine) + 1):
        assert alike(repository.get(stream, version), folded(mine[:version])[0])
    assert repository.get(stream, 0) is None


def test_a_moment_has_a_version(repository: Repository, database: Database, events: list[Any]) -> None:
    stream = named(f"domain 0 of {SEED}")
    recorded = LogReader(database).stream(stream)
    for event in (recorded[0], recorded[len(recorded) // 2], recorded[-1]):
        together = [other.version for other in recorded if other.recorded_at == event.recorded_at]
        assert repository.version_at(stream, event.recorded_at) == together[-1]
    assert repository.version_at(stream, recorded[0].recorded_at - timedelta(microseconds=1)) == 0
    assert repository.version_at(uuid4(), recorded[-1].recorded_at) == 0
    assert len(events) >= len(recorded)


def test_from_a_snapshot_on_an_aggregate_is_the_same(
    repository: Repository, database: Database, recording: Recording
) -> None:
    history = random_events(SEED, 500)
    recording.append(history[:300])
    for domain in domains(history[:300]):
        repository.keep(domain.id)
    recording.append(history[300:])
    assert snapshots(database) == {domain.id: domain.version for domain in domains(history[:300])}
    for domain in domains(history):
        assert alike(repository.get(domain.id), domain)


def test_what_is_decided_on_one_from_a_snapshot_is_appended_behind_it(
    repository: Repository, log: EventLog, database: Database, events: list[Any]
) -> None:
    stream = named(f"domain 0 of {SEED}")
    repository.keep(stream)
    domain = repository.get(stream)
    assert domain is not None
    version = domain.version
    assert version == snapshots(database)[stream]
    Recording(database).append(_one_more(domain))
    again = log.load(Domain, stream)
    assert again is not None
    assert again.version == version + 1
    assert len(events) == 500


def _one_more(domain: Domain) -> list[Any]:
    domain.record(Domain.Rebooted, domain.modified_on, host=str(uuid4()), operation=None, origin="observed")
    return list(domain.collect_events())


def test_a_snapshot_of_another_model_is_passed_over_and_replaced(
    repository: Repository, database: Database, events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    [first, *_] = domains(events)
    with monkeypatch.context() as older:
        older.setattr(states, "model", lambda: "older")
        Repository(database).keep(first.id)
    database.execute("UPDATE work.aggregate_snapshots SET state = 'nobody can read this'")
    assert alike(repository.get(first.id), first)
    repository.keep(first.id)
    assert database.fetch("SELECT model FROM work.aggregate_snapshots") == [{"model": states.model()}]


@pytest.mark.parametrize("missing", [1, 7])
def test_a_hole_in_a_stream_is_told(repository: Repository, owner_dsn: str, events: list[Any], missing: int) -> None:
    stream = named(f"domain 0 of {SEED}")
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("ALTER TABLE log.events DISABLE TRIGGER append_only")
        connection.execute(
            "DELETE FROM log.events WHERE (originator_id, originator_version) = (%s, %s)", [stream, missing]
        )
    with pytest.raises(BrokenStream, match=f"has no event of version {missing}"):
        repository.get(stream)
    assert events


def test_streams_that_grew_long_get_a_snapshot_and_others_none(
    repository: Repository, database: Database, recording: Recording
) -> None:
    history = random_events(SEED, 900)
    snapshotter = AggregateSnapshotter(repository, every=100)
    recording.append(history[:250])
    long = {domain.id: domain.version for domain in domains(history[:250]) if domain.version >= 100}
    assert snapshotter.run_once() == len(long)
    assert snapshots(database) == long
    assert snapshotter.run_once() == 0
    recording.append(history[250:])
    assert AggregateSnapshotter(repository, every=100).run_once() == 3
    assert snapshots(database) == {domain.id: domain.version for domain in domains(history)}


def test_a_stream_that_cannot_be_loaded_keeps_no_other_from_its_snapshot(
    repository: Repository, database: Database, owner_dsn: str, events: list[Any]
) -> None:
    broken = named(f"domain 0 of {SEED}")
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("ALTER TABLE log.events DISABLE TRIGGER append_only")
        connection.execute("DELETE FROM log.events WHERE (originator_id, originator_version) = (%s, 7)", [broken])
    assert AggregateSnapshotter(repository, every=100).run_once() == 2
    assert set(snapshots(database)) == {domain.id for domain in domains(events)} - {broken}


def test_what_this_release_should_know_and_cannot_fold_is_not_taken_for_a_newer_releases(
    repository: Repository, recorder: LogRecorder, events: list[Any]
) -> None:
    domain = domains(events)[0]
    state = json.dumps({"timestamp": domain.modified_on.isoformat()}).encode()
    damaged = StoredEvent(domain.id, domain.version + 1, Domain.Started.TOPIC, state)
    recorder.insert_events([damaged], save=Save(Context("me")))
    with pytest.raises(UnreadableEvents, match=r"domain\.started cannot be folded: AttributeError"):
        repository.get(domain.id)


def test_what_a_newer_release_wrote_is_told_as_that(
    repository: Repository, recorder: LogRecorder, events: list[Any]
) -> None:
    domain = domains(events)[0]
    newer = StoredEvent(domain.id, domain.version + 1, "domain.teleported", b"{}")
    recorder.insert_events([newer], save=Save(Context("me")))
    with pytest.raises(UnknownEvent, match=r"unknown topic 'domain\.teleported'") as told:
        repository.get(domain.id)
    assert type(told.value) is UnknownEvent
